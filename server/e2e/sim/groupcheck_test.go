package sim_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"parley/proto"
	"parley/server/chat"
	client "parley/wasm/chat"
)

// members are what the server's disk keeps of those who are or were in a group.
func (w *world) members(key proto.Key) (members []chat.Member) {
	err := w.disk.View(context.Background(), func(v chat.View) (err error) {
		members, err = v.Members(key)
		return err
	})
	if err != nil {
		w.fail("read the server's disk: %v", err)
	}
	return members
}

// checkGroup holds that what the server keeps of a group is what its log says.
func (w *world) checkGroup(key proto.Key, log []logged) {
	r := w.roll(key)
	for _, x := range log {
		if !x.Type.OfGroup() && !r.wrote(x.author, x.Seq) {
			w.fail("%s: %d, who is not there then, wrote %d: %v", key, x.author, x.Seq, r.spans[x.author])
		}
	}
	there := 0
	for _, m := range w.members(key) {
		s, ever := r.reads(m.User)
		if m.Role != r.roles[m.User] || !ever || m.From != s.from || m.Until != s.through {
			w.fail("%s: %+v; by the log they are %v, and read %+v", key, m, r.roles[m.User], s)
		}
		if m.Role != proto.GroupRole_GROUP_ROLE_NONE {
			there++
			if through := statusOf(m.User, key, log).Sides[proto.Second].AnsweredThrough; m.Answered != through {
				w.fail("%s: %d has answered through %d, by the log %d", key, m.User, m.Answered, through)
			}
		}
	}
	var kept chat.Group
	err := w.disk.View(context.Background(), func(v chat.View) (err error) {
		kept, err = v.Group(key)
		return err
	})
	if err != nil || there != len(r.roles) || kept.Members != uint64(there) || kept.Name != r.name {
		w.fail("%s: %+v, with %d members kept (%v); by the log it has %d and is %q", key, kept, there, err, len(r.roles), r.name)
	}
}

// statusOf is where a group stands for a user, by its log alone.
func statusOf(user uint64, key proto.Key, log []logged) (s proto.ConversationStatus) {
	for i := range log {
		foldTo(&s, key, log[:i+1], func(x logged) proto.Event { return x.message.EventTo(user) })
	}
	return s
}

// checkKnows holds that nobody sees of a group what they may not read.
func (d *device) checkKnows(m client.Message) {
	key, err := proto.ParseKey(m.Key)
	if err == nil && key.Kind() == proto.Group && !d.w.roll(key).knows(d.user, m.Seq) {
		d.w.fail("%s sees %q, %s %d, and may not read it: %v", d, m.Content, key, m.Seq, d.w.roll(key).spans[d.user])
	}
}

// checkPage holds that the history gives nobody more of a group than they may read.
func (d *device) checkPage(key proto.Key, page *chat.Page) {
	if key.Kind() != proto.Group {
		return
	}
	s, ok := d.w.roll(key).reads(d.user)
	for _, e := range page.Entries {
		if !ok || !s.has(e.Seq) {
			d.w.fail("%s is given %s %d, and may read %+v", d, key, e.Seq, s)
		}
	}
}

// hears notes the watermarks that the engine is told of, once it has taken them in.
func (d *device) hears(b proto.Branch, payload []byte) {
	m := new(proto.Mark)
	if b != proto.BranchMark || proto.UnmarshalOpen(payload, m) != nil {
		return
	}
	host, resets := d.host, d.resets
	d.w.After(time.Millisecond, func() {
		if host != d.host || resets != d.resets {
			return
		}
		of := d.heard[m.GetKey()]
		if of == nil {
			of = make(map[uint64]uint64)
			d.heard[m.GetKey()] = of
		}
		of[m.GetUserId()] = max(of[m.GetUserId()], m.GetReadSeq())
	})
}

// checkRoster holds that nobody is said to have read, or got, what they did not, or less than was told, and that
// what is said of them only rises, from before they came on.
func (d *device) checkRoster(g client.Group) {
	key, err := proto.ParseKey(g.Key)
	if err != nil || d.w.wipes > 0 {
		return
	}
	before := make(map[uint64]client.Member)
	for _, m := range d.rosters[g.Key].Members {
		before[m.User] = m
	}
	for _, is := range d.w.members(key) {
		i := slices.IndexFunc(g.Members, func(m client.Member) bool { return m.User == is.User })
		if i < 0 {
			continue
		}
		m, was := g.Members[i], before[is.User]
		if m.Read > is.Read || m.Delivered > is.Delivered || m.Read < was.Read || m.Delivered < was.Delivered {
			d.w.fail("%s: %s: %+v, after %+v; the server has %+v", d, key, m, was, is)
		}
		if heard := d.heard[g.Key][m.User]; m.User != d.user && m.Read < heard { // one's own are the conversation's
			d.w.fail("%s: %s: %+v, of whom it was told that they have read up to %d", d, key, m, heard)
		}
		if spans := d.w.roll(key).spans[m.User]; len(spans) == 1 && m.Read+1 < spans[0].from {
			d.w.fail("%s: %s: %+v, who came with %d, to whom nothing before was new", d, key, m, spans[0].from)
		}
	}
}

// checkReadBy holds that an own message says to be read by no more than have read it, of as many as may read it.
func (d *device) checkReadBy(key proto.Key, m client.Message) {
	read := uint32(0)
	for _, one := range d.w.members(key) {
		if one.User != d.user && one.Read >= m.Seq {
			read++
		}
	}
	if m.ReadOf > 0 && !d.w.roll(key).readers(d.user, m.Seq, int(m.ReadOf)) {
		d.w.fail("%s: %s %d says to be read by %d of %d, whom it never had", d, key, m.Seq, m.ReadBy, m.ReadOf)
	}
	if m.ReadBy > read || m.State == client.Read && (m.ReadBy != m.ReadOf || m.ReadOf == 0) {
		d.w.fail("%s: %s %d, %s, says to be read by %d of %d; %d have", d, key, m.Seq, m.State, m.ReadBy, m.ReadOf, read)
	}
}

// checkRead holds that what all others had read stays read, as long as there are any.
func (d *device) checkRead(m client.Message) {
	at := fmt.Sprint(m.Key, m.Seq, m.ID)
	if d.allRead[at] && m.State != client.Read && (m.ReadOf > 0 || m.Key[0] != byte(proto.Group)) && d.w.wipes == 0 {
		d.w.fail("%s: %s %d was read, and is %s now, by %d of %d", d, m.Key, m.Seq, m.State, m.ReadBy, m.ReadOf)
	}
	d.allRead[at] = d.allRead[at] || m.State == client.Read
}

// left reports whether the device's user, who is not in a group any more, need not know what is said of an
// entry now: all but that it was taken back.
func (d *device) left(key proto.Key, x logged) bool {
	if key.Kind() != proto.Group || x.Type == recalled {
		return false
	}
	s, _ := d.w.roll(key).reads(d.user)
	return s.through != 0 && x.message.GetRevisedSeq() > s.through
}

// reactionsOf are those that a person is shown.
func reactionsOf(m client.Message) (all []*proto.Reaction) {
	for _, r := range m.Reactions {
		all = append(all, &proto.Reaction{UserId: &r.User, Content: &r.Emoji})
	}
	return all
}

// checkGroup holds that the device has what its user may read of a group, and counts as its log says.
func (d *device) checkGroup(key proto.Key, log []logged) {
	r := d.w.roll(key)
	s, _ := r.reads(d.user)
	if s.through == 0 {
		d.checkMembers(key)
	}
	head := s.last(uint64(len(log)))
	d.checkHistory(key, log[s.from-1:head])
	if d.w.failed != nil {
		return
	}
	list := d.engine.Conversations()
	i := slices.IndexFunc(list, func(c client.Conversation) bool { return c.Key == key.String() })
	if i < 0 {
		d.w.fail("%s does not list %s", d, key)
		return
	}
	c := list[i]
	mine, _ := d.watermarks(key)
	var unread, mentions uint64
	var waits proto.Waiting
	if s.through == 0 {
		waits = statusOf(d.user, key, log).Sides[proto.Second]
		for _, x := range log[mine.Read:] {
			if x.author != d.user && key.Counts(x.Type, d.user) {
				unread++
			}
			if x.message.EventTo(d.user).Calls {
				mentions++
			}
		}
	}
	if c.Head != head || c.Read != mine.Read || c.Delivered != mine.Delivered || c.Unread != unread || !mentioned(c.Mentions, mentions) ||
		c.Role != r.roles[d.user].Name() || c.WaitingSeq != waits.Seq || c.WaitingSince != waits.Since || c.AwaitingSeq != 0 {
		d.w.fail("%s: %+v; by the log head %d, %d unread, %d mentions, %v, waits %+v; mine %+v", d, c, head, unread, mentions, r.roles[d.user], waits, mine)
	}
	if s.through == 0 && (c.PeerName != r.name || c.MemberCount != uint32(len(r.roles))) {
		d.w.fail("%s: %+v; by the log it is %q and has %d members", d, c, r.name, len(r.roles))
	}
}

// mostMentions is how far the server counts what mentions somebody.
const mostMentions = 100

// mentioned reports whether a device that is told by the server's rows, and counts what comes after them, may say so many.
func mentioned(says, are uint64) bool {
	return says == are || says >= mostMentions && says < are
}

// checkMembers holds that the device knows who is in a group.
func (d *device) checkMembers(key proto.Key) {
	var got client.Group
	done := false
	d.engine.Group(key.String(), func(g client.Group, err error) {
		got, done = g, true
		if err != nil {
			d.w.fail("%s: members of %s: %v", d, key, err)
		}
	})
	for end := d.w.Now().Add(time.Minute); !done && d.w.Now().Before(end) && d.w.Step(); {
	}
	var is, want []string
	for _, m := range got.Members {
		is = append(is, fmt.Sprint(m.User, m.Role, m.From))
	}
	for _, m := range d.w.members(key) {
		if m.Role != proto.GroupRole_GROUP_ROLE_NONE {
			want = append(want, fmt.Sprint(m.User, m.Role.Name(), m.From))
		}
	}
	if !slices.Equal(is, want) {
		d.w.fail("%s: %s has %v; the server says %v", d, key, is, want)
	}
}

// checkReaders holds, once all is known that can be, who has read an own message.
func (d *device) checkReaders(key proto.Key, m client.Message) {
	var read, of uint32
	for _, one := range d.w.members(key) {
		if one.User == d.user || one.Role == proto.GroupRole_GROUP_ROLE_NONE || one.From > m.Seq {
			continue
		}
		if of++; one.Read >= m.Seq {
			read++
		}
	}
	if s, _ := d.w.roll(key).reads(d.user); s.through == 0 && (m.ReadBy != read || m.ReadOf != of) {
		d.w.fail("%s: %s %d was read by %d of %d; by the server %d of %d", d, key, m.Seq, m.ReadBy, m.ReadOf, read, of)
	}
}
