package chat

import (
	"context"
	"slices"
	"sync"
	"time"

	"parley/proto"
)

// typing passes a Typing on to everybody else in the conversation, unless its
// author keeps it to themselves: between two users only to whom its author has
// written, in a service conversation only once there is one, and in a group of few
// at a time. To a customer the agents are one voice. It is never stored.
func (s *Service) typing(ctx context.Context, from Sender, payload []byte) error {
	if err := anonymous(from); err != nil {
		return err
	}
	var t proto.Typing
	if err := proto.Unmarshal(payload, &t); err != nil {
		return err
	}
	key, err := participant(from, t.GetKey())
	if err != nil {
		return err
	}
	var self User
	var receivers []uint64
	err = s.store.View(ctx, func(v View) (err error) {
		if self, err = v.User(from.User); err == nil {
			receivers, err = kindOf(key).hearers(v, from.User, key)
		}
		return err
	})
	if err != nil {
		return s.failed("not passed on", err)
	}
	if self.HideTyping || key.Kind() == proto.Group && !s.typists.take(key, from.User, t.GetActive(), s.now()) {
		return nil
	}
	var elsewhere outbox
	for _, user := range receivers {
		t.UserId = &from.User
		if key.Kind() == proto.Service && key.Has(user) {
			t.UserId = nil
		}
		body, err := proto.Marshal(&t)
		if err != nil {
			return s.failed("not passed on", err)
		}
		s.fanout.Publish(user, proto.BranchTyping, body)
		if s.presence.elsewhere(user) {
			elsewhere.out = append(elsewhere.out, delivery{user, proto.BranchTyping, body})
		}
	}
	if len(elsewhere.out) > 0 {
		s.shared.Signal(elsewhere.encode())
	}
	return nil
}

const (
	// maxTypists is of how many a group is told that they type at a time.
	maxTypists = 3
	// typistTime is how long somebody types who says so once.
	typistTime = 6 * time.Second
	// maxTyped bounds the groups of which it is known who types.
	maxTyped = 10_000
)

// typists are the members of groups who type. Safe for concurrent use.
type typists struct {
	mu    sync.Mutex
	typed map[proto.Key][]typist
}

type typist struct {
	user  uint64
	until time.Time
}

// take reports whether a group is told that a member types, or stopped.
func (t *typists) take(key proto.Key, user uint64, active bool, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.typed == nil || len(t.typed) >= maxTyped {
		t.typed = make(map[proto.Key][]typist)
	}
	all := t.typed[key]
	known := slices.ContainsFunc(all, func(o typist) bool { return o.user == user })
	all = slices.DeleteFunc(all, func(o typist) bool { return o.user == user || now.After(o.until) })
	told := known
	if active && len(all) < maxTypists {
		all, told = append(all, typist{user, now.Add(typistTime)}), true
	} else if active {
		told = false
	}
	if t.typed[key] = all; len(all) == 0 {
		delete(t.typed, key)
	}
	return told
}
