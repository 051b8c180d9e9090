package sim_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"parley/proto"
	"parley/server/chat"
	client "parley/wasm/chat"
	"parley/wasm/chat/chattest"
)

// maxGroups bounds how many groups there are at a time.
const maxGroups = 3

// people are all who may be in groups.
var people = slices.Concat(userIDs[:], agentIDs[:len(agentIDs)-1])

// met notes that there is a group.
func (w *world) met(key proto.Key) {
	if !slices.Contains(w.groups, key) {
		w.groups = append(w.groups, key)
	}
}

// standing are the groups that the server has now.
func (w *world) standing() (groups []proto.Key) {
	for _, key := range w.groups {
		if w.roll(key).head > 0 {
			groups = append(groups, key)
		}
	}
	return groups
}

// meddle lets the person make a group, or try to change one, whether they may or not.
func (d *device) meddle() {
	groups := d.w.standing()
	if n := d.w.Rand.IntN(12); len(groups) == 0 || n == 0 && len(groups) < maxGroups {
		d.makeGroup()
		return
	}
	key := groups[d.w.Rand.IntN(len(groups))]
	if owner := d.w.ownerOf(key); owner != nil && d.w.Rand.IntN(2) == 0 {
		d = owner
	}
	one := []uint64{people[d.w.Rand.IntN(len(people))]}
	switch d.w.Rand.IntN(16) {
	case 0, 1, 2, 3:
		some := people[:1+d.w.Rand.IntN(len(people))]
		d.change(chat.GroupChange{Key: key, Type: joins, Users: append(one, some[len(some)-1])})
	case 4, 5, 6:
		d.w.write(key, one[0])
		d.change(chat.GroupChange{Key: key, Type: removes, Users: one})
	case 7:
		d.change(chat.GroupChange{Key: key, Type: leaves})
	case 8:
		d.change(chat.GroupChange{Key: key, Type: renames, Content: d.words()})
	case 9, 10, 11:
		d.change(chat.GroupChange{Key: key, Type: ranks, Users: one, Content: [...]string{"admin", "member", "owner"}[d.w.Rand.IntN(3)]})
	case 12:
		d.link(key)
	case 13, 14:
		d.look(key)
	default:
		d.follow()
	}
}

// ownerOf is a device of a group's owner whose tab is open, nil if there is none.
func (w *world) ownerOf(key proto.Key) *device {
	r := w.roll(key)
	i := slices.IndexFunc(w.devices, func(d *device) bool {
		return d.host != nil && r.roles[d.user] == proto.GroupRole_GROUP_ROLE_OWNER
	})
	if i < 0 {
		return nil
	}
	return w.devices[i]
}

// write lets somebody write to a group while something happens to them there.
func (w *world) write(key proto.Key, user uint64) {
	for _, d := range w.devices {
		if d.user == user {
			w.After(w.upTo(100*time.Millisecond), func() {
				if d.host != nil && !d.repeating {
					d.press(key.String())
				}
			})
		}
	}
}

// look lets the person look at who is in a group: as at some time, and at none before the last that they saw.
func (d *device) look(key proto.Key) {
	host, resets := d.host, d.resets
	d.engine.Group(key.String(), func(g client.Group, err error) {
		if err != nil || host != d.host || resets != d.resets || d.w.wipes > 0 {
			return
		}
		through := d.w.roll(key).since(d.looked[key], g)
		if through == 0 {
			d.w.fail("%s: %s had never these members since %d: %+v", d, key, d.looked[key], g.Members)
		}
		d.looked[key] = through
	})
}

const (
	creates = proto.MessageType_MESSAGE_TYPE_GROUP_CREATE
	joins   = proto.MessageType_MESSAGE_TYPE_GROUP_JOIN
	leaves  = proto.MessageType_MESSAGE_TYPE_GROUP_LEAVE
	removes = proto.MessageType_MESSAGE_TYPE_GROUP_REMOVE
	renames = proto.MessageType_MESSAGE_TYPE_GROUP_RENAME
	ranks   = proto.MessageType_MESSAGE_TYPE_GROUP_ROLE
)

func (d *device) makeGroup() {
	d.change(chat.GroupChange{Type: creates, Content: d.words(), Whole: d.w.Rand.IntN(2) == 0, Users: slices.Clone(people[:1+d.w.Rand.IntN(len(people))])})
}

// change asks the server for a change of a group.
func (d *device) change(c chat.GroupChange) {
	for i := range c.Ref {
		c.Ref[i] = byte(d.w.Rand.Uint32())
	}
	what := fmt.Sprintf("%v %q %v", c.Type, c.Content, c.Users)
	d.call(what, func(s *chat.Service) error {
		change := c
		change.Users = slices.Clone(c.Users)
		key, _, err := s.ChangeGroup(context.Background(), d.sender(), change)
		if err == nil {
			d.w.met(key)
		}
		return err
	})
}

// link makes a link to a group, which everybody gets to know.
func (d *device) link(key proto.Key) {
	lasts := []time.Duration{0, 10 * time.Second}[d.w.Rand.IntN(2)]
	d.call("a link", func(s *chat.Service) error {
		l, err := s.AddGroupLink(context.Background(), d.sender(), key, lasts)
		if err == nil {
			d.w.links = append(d.w.links, l)
		}
		return err
	})
}

// follow joins by one of the links, or withdraws it.
func (d *device) follow() {
	if len(d.w.links) == 0 {
		return
	}
	l := d.w.links[d.w.Rand.IntN(len(d.w.links))]
	if d.w.Rand.IntN(6) == 0 {
		d.call("a link withdrawn", func(s *chat.Service) error {
			return s.DeleteGroupLink(context.Background(), d.sender(), l.Key, l.ID)
		})
		return
	}
	d.call("a link followed", func(s *chat.Service) error {
		_, err := s.JoinGroup(context.Background(), d.sender(), l.Secret)
		return err
	})
}

// call is a request over HTTP. It may not come there, and its answer may be lost: then the
// page asks the same again.
func (d *device) call(what string, do func(*chat.Service) error) {
	w, s, host := d.w, d.w.anyServer(), d.host
	again := func() {
		w.After(w.upTo(3*time.Second), func() {
			if host == d.host && w.faulty {
				d.call(what, do)
			}
		})
	}
	if s == nil || w.Now().Before(s.frozen) || w.chance(15) {
		again()
		return
	}
	s.after(w.latency(), func() {
		var err error
		if !s.survives(func() { err = do(s.service) }) {
			s.kill("at the change of a group")
			s.hint()
			again()
			return
		}
		s.announce()
		w.note("%s: %s at server %d: %v", d, what, s.place, err)
		var why *proto.Refusal
		switch {
		case err != nil && !errors.As(err, &why):
			w.fail("%s: %s: %v", d, what, err)
		case err != nil && why.Reason != proto.NotAuthorized && why.Reason != proto.ImplementationSpecific && why.Reason != proto.PayloadFormatInvalid, w.chance(10):
			again()
		}
	})
}

// mentions are whom a message to a group mentions, mostly nobody or somebody who is there.
func (d *device) mentions(key string) []uint64 {
	switch n := d.w.Rand.IntN(12); {
	case n < 4:
		return nil
	case n == 4:
		return []uint64{people[d.w.Rand.IntN(len(people))]}
	case n == 5:
		return []uint64{proto.Everyone}
	}
	all := d.rosters[key].Members
	if len(all) == 0 {
		return nil
	}
	return []uint64{all[d.w.Rand.IntN(len(all))].User}
}

// refusedInGroup lets the person see why a message to a group was refused, and send it again later, when
// they may be let in again, or let it be.
func (d *device) refusedInGroup(m client.Message, host *chattest.Host) {
	switch {
	case gone(m), m.ReasonCode == "mention-not-in-group", m.ReasonCode == "everyone-not-admin":
	default:
		d.w.fail("%s: %q was refused: %s", d, m.Content, m.Reason)
		return
	}
	d.w.withdrawn(m.Ref)
	for _, x := range d.unanswered {
		x.refused = x.refused || fmt.Sprintf("%x", x.draft.Ref) == m.Ref
	}
	retry := d.w.Rand.IntN(2) == 0
	d.w.After(d.w.upTo(10*time.Second), func() {
		switch {
		case host != d.host: // it stands refused in the list of the next tab
		case retry && d.w.faulty:
			d.engine.Retry(m.Ref, d.list[m.Key].Head, func(error) {})
		default:
			d.engine.Discard(m.Ref, func(error) {})
		}
	})
}

// gone reports whether something was refused since its author is not in the group, or was not when that was
// written of which it speaks.
func gone(m client.Message) bool {
	return m.ReasonCode == "not-in-group" || m.ReasonCode == "message-gone"
}

// checkRefusal holds, where the server refuses somebody because they are not in a group, that they are not.
func (w *world) checkRefusal(user uint64, payload []byte, err error) {
	var why *proto.Refusal
	if !errors.As(err, &why) || why.Code != "not-in-group" {
		return
	}
	x, err := read(proto.Direct, payload)
	if err == nil && w.roll(x.key).roles[user] != proto.GroupRole_GROUP_ROLE_NONE {
		w.fail("%s: %d is refused as not in it, and is in it", x.key, user)
	}
}

// checkTold holds that a user who is told of an entry of a group is there, and returns which is the first from
// a seq on that they have to be told of.
func (s *server) checkTold(user uint64, x logged, next uint64) uint64 {
	s.w.met(x.key)
	r := s.w.roll(x.key)
	if !r.told(user, x.Seq) {
		s.w.fail("%s: %d is told of %d, and is not there: %v", x.key, user, x.Seq, r.spans[user])
	}
	for next < x.Seq && !r.told(user, next) {
		next++
	}
	return next
}

// checkMark holds that nobody is told who reads a group in which they are not.
func (s *server) checkMark(user uint64, payload []byte) {
	var m proto.Mark
	if err := proto.Unmarshal(payload, &m); err != nil {
		s.w.fail("the server sends what is no mark: %v", err)
		return
	}
	key, err := proto.ParseKey(m.GetKey())
	if err == nil && key.Kind() == proto.Group && !s.w.shared && s.w.roll(key).roles[user] == proto.GroupRole_GROUP_ROLE_NONE {
		s.w.fail("%s: %d, who is not there, is told of %v", key, user, &m)
	}
}
