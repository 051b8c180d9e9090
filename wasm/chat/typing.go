package chat

import (
	"time"

	"parley/proto"
)

const (
	// typingEvery is the least time between two announcements that I type.
	typingEvery = 3 * time.Second
	// typingExpires is how long somebody types without saying so again.
	typingExpires = 6 * time.Second
	// maxTypists bounds how many are known to type at once.
	maxTypists = 100
)

// typist is a user who types in a conversation.
type typist struct {
	name string
	user uint64
}

// Typing tells the other side that I type, at most every few seconds, or have stopped.
func (e *Engine) Typing(name string, active bool) {
	session := e.connection.session
	if session == nil || e.conversations[name] == nil {
		return
	}
	now := e.Host.Now()
	if last, typed := e.typed[name]; active && typed && now.Sub(last).Abs() < typingEvery || !active && !typed {
		return
	}
	delete(e.typed, name)
	if active {
		e.typed[name] = now
	}
	payload, err := proto.Marshal(&proto.Typing{Key: &name, Active: &active})
	if err != nil {
		e.Observer.Failed(err)
		return
	}
	session.Notify(proto.BranchTyping, payload)
}

func (e *Engine) deliverPresence(payload []byte) error {
	m := new(proto.Presence)
	if err := proto.UnmarshalOpen(payload, m); err != nil {
		return err
	}
	e.Observer.Presence(m.GetUserId(), m.GetOnline(), m.GetLastSeen())
	return nil
}

// deliverTyping tells that somebody types; it expires by itself.
func (e *Engine) deliverTyping(payload []byte) error {
	m := new(proto.Typing)
	if err := proto.UnmarshalOpen(payload, m); err != nil {
		return err
	}
	who := typist{m.GetKey(), m.GetUserId()}
	if e.conversations[who.name] == nil || who.user == e.User {
		return nil
	}
	stop, known := e.typing[who]
	if known {
		stop()
		delete(e.typing, who)
	}
	if m.GetActive() && len(e.typing) >= maxTypists {
		return nil // nobody reads so many, and each needs a timer that ends it
	}
	if m.GetActive() {
		e.typing[who] = e.Host.After(typingExpires, func() {
			delete(e.typing, who)
			e.Observer.Typing(who.name, who.user, false)
		})
	}
	if m.GetActive() != known {
		e.Observer.Typing(who.name, who.user, m.GetActive())
	}
	return nil
}
