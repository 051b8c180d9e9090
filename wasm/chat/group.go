package chat

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"parley/proto"
)

const (
	// groupTimeout bounds one request for who is in a group.
	groupTimeout = 30 * time.Second
	// maxMeanwhile bounds the entries that are kept until its answer comes: of one to which more came it is asked again.
	maxMeanwhile = 1000
)

// group is what the engine keeps of a group, beside its log.
type group struct {
	role     proto.GroupRole // mine; none: I left, or was removed
	members  uint32          // how many there are
	picture  uint64          // an attachment; 0: none
	version  uint64          // of the row that told this
	head     uint64          // that this is as of: rows and entries may come in any order
	mentions mentions
	roster   *roster // nil until it was asked for
	asking   []func(error)
	// What came meanwhile, which the answer may not have: marks, and entries, so many at most.
	heard     map[uint64]reach
	meanwhile []*proto.Message
}

// reach is up to where a member has got and read, and since when.
type reach struct {
	marks marks
	times times
}

// row takes over what the server says as of a head.
func (g *group) row(head uint64, row *proto.ConversationState) {
	if head < g.head {
		return
	}
	g.role, g.members, g.version, g.head = row.GetRole(), row.GetMemberCount(), row.GetGroupVersion(), head
	g.picture = row.GetGroupPicture()
	g.mentions.row(head, row.GetUnreadMentions())
}

// mentions counts what mentions me and I have not read: as the server says for a head, and
// what came after that.
type mentions struct {
	head  uint64
	count uint32
	later []uint64 // seqs after head, rising
}

func (m *mentions) row(head uint64, count uint32) {
	if head < m.head {
		return
	}
	m.head, m.count = head, count
	m.later = slices.DeleteFunc(m.later, func(seq uint64) bool { return seq <= head })
}

// entry adds an entry that mentions me.
func (m *mentions) entry(seq uint64) {
	if i, known := slices.BinarySearch(m.later, seq); seq > m.head && !known {
		m.later = slices.Insert(m.later, i, seq)
	}
}

// total is the count for a watermark. Between that of the row and its head it is too high,
// until the next row.
func (m *mentions) total(read uint64) uint64 {
	i, read1 := slices.BinarySearch(m.later, read)
	if read1 {
		i++
	}
	n := uint64(len(m.later) - i)
	if read < m.head {
		n += uint64(m.count)
	}
	return n
}

// roster is who is in a group, as a fold over its log from where the server said it.
type roster struct {
	head  uint64
	whole bool // who comes reads what was written before
	roles proto.Roles
	known map[uint64]*member // also those who are gone
	stale bool               // marks may have been missed since
	gap   bool               // entries were
}

// member is what is known of one of them.
type member struct {
	name   string
	online bool
	from   uint64 // the first entry that they may read
	marks  marks
	times  times
}

// rosterOf reads what the server answers.
func rosterOf(r *proto.GroupRoster) *roster {
	one := &roster{head: r.GetHeadSeq(), whole: r.GetWholeHistory(), roles: make(proto.Roles), known: make(map[uint64]*member)}
	for _, m := range r.GetMembers() {
		one.roles[m.GetUserId()] = m.GetRole()
		one.known[m.GetUserId()] = &member{
			m.GetName(), m.GetOnline(), m.GetFromSeq(), marks{m.GetDeliveredSeq(), m.GetReadSeq()}, times{m.GetDeliveredTime(), m.GetReadTime()},
		}
	}
	return one
}

// add folds in an entry after those that it is made of, and reports whether it changed.
func (r *roster) add(m *proto.Message) bool {
	if m.GetSeq() <= r.head {
		return false
	}
	r.gap = r.gap || m.GetSeq() != r.head+1
	r.head = m.GetSeq()
	if !m.GetMessageType().OfGroup() {
		return false
	}
	before := maps.Clone(r.roles)
	r.roles.Add(m)
	for i, user := range m.GetMembers() {
		one := r.known[user]
		if one == nil {
			one = new(member)
			r.known[user] = one
		}
		if names := m.GetMemberNames(); i < len(names) {
			one.name = names[i]
		}
		if before[user] == proto.GroupRole_GROUP_ROLE_NONE && m.EventTo(user).Comes {
			one.come(m.GetSeq(), r.whole)
		}
	}
	return true
}

// come is what a member begins with whom an entry lets in: what was there before is not new to them.
func (m *member) come(seq uint64, whole bool) {
	if m.from = 1; !whole {
		m.from = seq
	}
	m.marks = m.marks.raise(marks{read: seq - 1})
}

// raise lifts a member's watermarks and returns the lowest seq of which more is known by
// that; 0 if nothing is.
func (r *roster) raise(user uint64, to marks, at times) (from uint64) {
	one := r.known[user]
	if one == nil { // the entry that lets them in is still on its way
		one = new(member)
		r.known[user] = one
	}
	before := one.marks
	one.marks = one.marks.raise(to)
	if one.marks == before {
		return 0
	}
	one.times = times{max(one.times.delivered, at.delivered), max(one.times.read, at.read)}
	if one.marks.delivered > before.delivered {
		from = before.delivered + 1
	}
	if one.marks.read > before.read {
		from = lower(from, before.read+1)
	}
	return from
}

// reached is how many of the others who may read an entry have had it delivered, and read
// it, and how many these are.
func (r *roster) reached(self, seq uint64) (delivered, read, of int) {
	for user := range r.roles {
		one := r.known[user]
		if user == self || one == nil || one.from > seq {
			continue
		}
		of++
		if one.marks.delivered >= seq {
			delivered++
		}
		if one.marks.read >= seq {
			read++
		}
	}
	return delivered, read, of
}

// happened takes in what entries say that happened to a group.
func (e *Engine) happened(c *conversation, entries []entry) {
	if c.key.Kind() != proto.Group {
		return
	}
	g, changed := &c.group, false
	for _, x := range entries {
		if x.eventTo(e.User).Calls {
			g.mentions.entry(x.seq)
		}
		if g.roster != nil && g.roster.add(x.direct) {
			changed = true
		}
		if len(g.asking) > 0 && len(g.meanwhile) < maxMeanwhile {
			g.meanwhile = append(g.meanwhile, x.direct)
		}
		if !x.direct.GetMessageType().OfGroup() || x.seq <= g.head {
			continue
		}
		g.head = x.seq
		roles := proto.Roles{e.User: g.role}
		if roles.Add(x.direct); g.role != roles[e.User] {
			g.role = roles[e.User]
			e.sync.request() // the row says what may be read now
		}
		switch x.direct.GetMessageType() {
		case proto.MessageType_MESSAGE_TYPE_GROUP_CREATE, proto.MessageType_MESSAGE_TYPE_GROUP_RENAME:
			c.names = names{peer: x.direct.GetContent(), head: x.seq}
		case proto.MessageType_MESSAGE_TYPE_GROUP_PICTURE:
			g.picture = 0
			for _, a := range x.attachments() {
				g.picture = a.GetAttachmentId()
			}
		}
		if g.roster != nil {
			g.members = uint32(len(g.roster.roles))
		}
	}
	if changed && !g.roster.gap {
		e.Observer.Group(e.render.group(c))
	}
	if g.roster != nil && g.roster.gap && c.shown && g.role != proto.GroupRole_GROUP_ROLE_NONE {
		e.askGroup(c, func(error) {})
	}
}

// raiseMember raises another member's watermarks, and tells of my messages of which more is
// known by it.
func (e *Engine) raiseMember(c *conversation, user uint64, to marks, at times) {
	g := &c.group
	if len(g.asking) > 0 {
		g.hear(user, reach{to, at})
	}
	r := g.roster
	if r == nil {
		return // it is asked for when it is shown
	}
	from := r.raise(user, to, at)
	if from == 0 || !c.shown || r.gap { // then it is told with the members that are asked for
		return
	}
	e.Observer.Group(e.render.group(c))
	e.tellProgress(c, from, r.known[user].marks.delivered)
	if c.last.seq >= from && c.last.by(e.User) {
		e.changed(c)
	}
}

// hear notes marks of a member for the answer to who is there.
func (g *group) hear(user uint64, to reach) {
	if g.heard == nil {
		g.heard = make(map[uint64]reach)
	}
	known := g.heard[user]
	g.heard[user] = reach{known.marks.raise(to.marks), times{max(known.times.delivered, to.times.delivered), max(known.times.read, to.times.read)}}
}

// Group gives who is in a group: what is known, if that is whole, else what the server says.
func (e *Engine) Group(name string, done func(Group, error)) {
	e.loaded(func() {
		c, err := e.conversation(name)
		if err == nil && c.key.Kind() != proto.Group {
			err = proto.Refuse(proto.PayloadFormatInvalid, "key: it is not a group's")
		}
		if err != nil {
			done(Group{}, err)
			return
		}
		if r := c.group.roster; r != nil && !r.stale && !r.gap {
			done(e.render.group(c), nil)
			return
		}
		e.askGroup(c, func(err error) {
			if err != nil {
				done(Group{}, err)
				return
			}
			done(e.render.group(c), nil)
		})
	})
}

// askGroup asks the server who is in a group, once at a time.
func (e *Engine) askGroup(c *conversation, done func(error)) {
	g := &c.group
	if g.asking = append(g.asking, done); len(g.asking) > 1 {
		return
	}
	e.loaded(func() { e.getGroup(c) })
}

// getGroup asks it now.
func (e *Engine) getGroup(c *conversation) {
	g, token, epoch := &c.group, e.Token.Text, e.meta.Epoch
	e.Host.Go(func() func() {
		ctx, cancel := context.WithTimeout(e.ctx, groupTimeout)
		defer cancel()
		answer := new(proto.GroupRoster)
		body, err := e.History.Group(ctx, token, c.key.Group())
		if err == nil {
			if err = proto.UnmarshalOpen(body, answer); err != nil {
				err = fmt.Errorf("members of %s: %w", c.name, err)
			}
		}
		return func() {
			if err == nil && (e.closed || e.meta.Epoch != epoch) {
				err = errOtherHistory
			}
			if err == nil {
				e.takeRoster(c, rosterOf(answer))
			} else if do, _ := remedyOf(reading, err); do == hide {
				e.sync.rested() // I am in it no more: the row says so, and what stays to be read
			} else {
				e.fetch.refused(c, token, err)
			}
			waiting := g.asking
			g.asking, g.heard, g.meanwhile = nil, nil, nil
			for _, f := range waiting {
				f(err)
			}
		}
	})
}

// takeRoster takes over who is in a group, and tells it with how far my messages have come.
func (e *Engine) takeRoster(c *conversation, r *roster) {
	g := &c.group
	if g.roster != nil {
		r.rise(g.roster) // it may be older than what marks told since
	}
	slices.SortFunc(g.meanwhile, func(x, y *proto.Message) int { return compare(x.GetSeq(), y.GetSeq()) })
	for _, m := range g.meanwhile {
		if m.GetSeq() > r.head+1 {
			break
		}
		r.add(m)
	}
	r.gap = r.head < c.head // then it is asked for again
	for user, to := range g.heard {
		r.raise(user, to.marks, to.times)
	}
	g.roster = r
	g.members = uint32(len(r.roles))
	e.write.touch(c.name)
	e.changed(c)
	e.Observer.Group(e.render.group(c))
	e.tellProgress(c, c.floor(), c.head)
}

// rise lifts the watermarks to those of another roster.
func (r *roster) rise(o *roster) {
	for user, one := range o.known {
		if known := r.known[user]; known != nil {
			known.marks = known.marks.raise(one.marks)
			known.times = times{max(known.times.delivered, one.times.delivered), max(known.times.read, one.times.read)}
		}
	}
}

// reviewGroups asks again who is in the groups that are shown: while there was no connection,
// marks may have been missed.
func (e *Engine) reviewGroups() {
	for _, c := range e.sorted() {
		g := &c.group
		if c.key.Kind() != proto.Group || g.roster == nil {
			continue
		}
		g.roster.stale = true
		if c.shown && g.role != proto.GroupRole_GROUP_ROLE_NONE {
			e.askGroup(c, func(error) {})
		}
	}
}

// group is who is in a group, as a person sees it.
func (r renderer) group(c *conversation) Group {
	view := Group{Key: c.name, Name: c.names.peer, Role: c.group.role.Name()}
	if c.group.roster == nil {
		return view
	}
	view.Whole = c.group.roster.whole
	for _, user := range slices.Sorted(maps.Keys(c.group.roster.roles)) {
		one := c.group.roster.known[user]
		if one == nil {
			one = new(member)
		}
		view.Members = append(view.Members, Member{
			User: user, Name: one.name, Role: c.group.roster.roles[user].Name(), Online: one.online, From: one.from,
			Delivered: one.marks.delivered, Read: one.marks.read, DeliveredTime: one.times.delivered, ReadTime: one.times.read,
		})
	}
	return view
}
