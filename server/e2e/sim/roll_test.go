package sim_test

import (
	"context"
	"maps"
	"slices"

	"parley/proto"
	"parley/server/chat"
	client "parley/wasm/chat"
)

// roll is who was in a group when, as its log on the server's disk says. What says so is never
// revised, so that a roll only grows.
type roll struct {
	wipes int // the world's, which it is as of
	head  uint64
	whole bool
	name  string
	roles proto.Roles
	spans map[uint64][]span
	log   []*proto.Message // what happened to the group
}

// span is from the entry by which somebody came through that by which they went, 0 if they are there.
type span struct{ from, through uint64 }

func (s span) has(seq uint64) bool { return s.from <= seq && (s.through == 0 || seq <= s.through) }

// roll returns the roll of a group as of now.
func (w *world) roll(key proto.Key) *roll {
	r := w.rolls[key]
	if r == nil || r.wipes != w.wipes {
		r = &roll{wipes: w.wipes, roles: make(proto.Roles), spans: make(map[uint64][]span)}
		w.rolls[key] = r
	}
	err := w.disk.View(context.Background(), func(v chat.View) error {
		g, err := v.Group(key)
		if err != nil {
			return err
		}
		r.whole = g.Whole
		entries, err := v.Entries(key, r.head, 0, 1<<20, false)
		for _, e := range entries {
			x, err := read(key.Kind(), e.Body)
			if err != nil {
				return err
			}
			r.add(x.message)
		}
		return err
	})
	if err != nil {
		w.fail("read the server's disk: %v", err)
	}
	return r
}

func (r *roll) add(m *proto.Message) {
	r.head = m.GetSeq()
	before := maps.Clone(r.roles)
	r.roles.Add(m)
	if m.GetMessageType().OfGroup() {
		r.log = append(r.log, m)
	}
	switch m.GetMessageType() {
	case creates, renames:
		r.name = m.GetContent()
	}
	for _, user := range people {
		was, is := before[user] != proto.GroupRole_GROUP_ROLE_NONE, r.roles[user] != proto.GroupRole_GROUP_ROLE_NONE
		all := r.spans[user]
		switch {
		case !was && is:
			r.spans[user] = append(all, span{from: r.head})
		case was && !is:
			all[len(all)-1].through = r.head
		}
	}
}

// since returns as of which entry, from one on, these were the members; 0: as of none.
func (r *roll) since(from uint64, g client.Group) uint64 {
	shown, roles := make(proto.Roles), make(proto.Roles)
	for _, m := range g.Members {
		shown[m.User], _ = proto.ParseRole(m.Role)
	}
	for i, m := range r.log {
		roles.Add(m)
		if (i+1 == len(r.log) || r.log[i+1].GetSeq() > from) && maps.Equal(shown, roles) {
			return m.GetSeq()
		}
	}
	return 0
}

// readers reports whether an entry of somebody's ever had so many readers, but for them, since it was written.
func (r *roll) readers(author, seq uint64, of int) bool {
	roles, from := make(proto.Roles), make(map[uint64]uint64)
	for i, m := range r.log {
		before := maps.Clone(roles)
		roles.Add(m)
		n := 0
		for user := range roles {
			if before[user] == proto.GroupRole_GROUP_ROLE_NONE {
				from[user] = m.GetSeq()
			}
			if user != author && (r.whole || from[user] <= seq) {
				n++
			}
		}
		if (i+1 == len(r.log) || r.log[i+1].GetSeq() > seq) && n == of {
			return true
		}
	}
	return false
}

// told reports whether a user is told of an entry: they were there, or came or went by it.
func (r *roll) told(user, seq uint64) bool {
	return slices.ContainsFunc(r.spans[user], func(s span) bool { return s.has(seq) })
}

// wrote reports whether a user may have written a message: they were there before it and after it.
func (r *roll) wrote(user, seq uint64) bool {
	return slices.ContainsFunc(r.spans[user], func(s span) bool { return s.has(seq) && s.from != seq && s.through != seq })
}

// reads is what a user may read now, as a span; false if nothing.
func (r *roll) reads(user uint64) (span, bool) {
	all := r.spans[user]
	if len(all) == 0 {
		return span{}, false
	}
	s := all[len(all)-1]
	if r.whole {
		s.from = 1
	}
	return s, true
}

// knows reports whether a user may ever have read an entry.
func (r *roll) knows(user, seq uint64) bool {
	if !r.whole {
		return r.told(user, seq)
	}
	s, ok := r.reads(user)
	return ok && s.has(seq)
}

// through is the newest entry that may be read.
func (s span) last(head uint64) uint64 {
	if s.through != 0 {
		return s.through
	}
	return head
}
