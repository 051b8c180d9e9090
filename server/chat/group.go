package chat

import "parley/proto"

// Group is what the history keeps of a group, beside its Conversation.
type Group struct {
	Key  proto.Key
	Name string
	// Whole lets members read what was written before they came.
	Whole bool
	// Members is how many there are.
	Members uint64
	// Version rises with each change of the members, of their roles, of the name or of the picture.
	Version uint64
	// Picture is an attachment, which then has an AttachmentName with seq 0; 0: none.
	Picture uint64
}

// LinkSecret is the size of what a link to a group is made of, in bytes.
const LinkSecret = 16

// GroupLink lets whoever has it join a group.
type GroupLink struct {
	Key    proto.Key
	ID     uint64 // random, not 0: names it to those who may withdraw it
	Secret [LinkSecret]byte
	Author uint64
	// Unix milliseconds; Expires 0: never.
	Made, Expires uint64
}

// group is a Group in a batch.
type group struct {
	Group
	present []uint64 // its members, rising
	changed bool
}

// group returns what is known of a group. Who changes it calls changeGroup.
func (b *batch) group(key proto.Key) (*group, error) {
	if g := b.groups[key]; g != nil {
		return g, nil
	}
	stored, err := b.tx.Group(key)
	if err != nil {
		return nil, err
	}
	g := &group{Group: stored}
	g.Key = key
	if known := b.service.rosters[key]; known.version == g.Version && known.users != nil {
		g.present = known.users
	} else if g.Version > 0 {
		if g.present, err = b.tx.Present(key); err != nil {
			return nil, err
		}
		b.service.rosters.put(key, roster{g.Version, g.present})
	}
	b.groups[key] = g
	return g, nil
}

func (b *batch) changeGroup(g *group) {
	g.Version++
	if !g.changed {
		g.changed = true
		b.changedGroups = append(b.changedGroups, g)
	}
}

// rosters are the members of groups as they were last read, so that a message to many need
// not read them all again. They belong to whoever commits; a version that is not the
// history's is worth nothing.
type rosters map[proto.Key]roster

type roster struct {
	version uint64
	users   []uint64 // rising; to be read only
}

// maxRosters bounds how many are kept.
const maxRosters = 1000

func (r rosters) put(key proto.Key, one roster) {
	if len(r) >= maxRosters {
		clear(r)
	}
	r[key] = one
}
