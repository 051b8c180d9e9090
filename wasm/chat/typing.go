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

// typing knows who types, and whom I told that I do.
type typing struct {
	engine  *Engine
	typists map[typist]func()    // how to stop their expiry
	told    map[string]time.Time // when, by conversation
}

func newTyping(e *Engine) typing {
	return typing{e, make(map[typist]func()), make(map[string]time.Time)}
}

// Typing tells the other side that I type, at most every few seconds, or have stopped.
func (e *Engine) Typing(name string, active bool) {
	session := e.connection.session
	if session == nil || e.conversations[name] == nil || !e.typing.news(name, active) {
		return
	}
	payload, err := proto.Marshal(&proto.Typing{Key: &name, Active: &active})
	if err != nil {
		e.Observer.Failed(err)
		return
	}
	session.Notify(proto.BranchTyping, payload)
}

// news notes whether I type in a conversation, and reports whether that is to be told.
func (t *typing) news(name string, active bool) bool {
	now := t.engine.Host.Now()
	if last, typed := t.told[name]; active && typed && now.Sub(last).Abs() < typingEvery || !active && !typed {
		return false
	}
	delete(t.told, name)
	if active {
		t.told[name] = now
	}
	return true
}

// deliver tells that somebody types; it expires by itself.
func (t *typing) deliver(payload []byte) error {
	e := t.engine
	m := new(proto.Typing)
	if err := proto.UnmarshalOpen(payload, m); err != nil {
		return err
	}
	who := typist{m.GetKey(), m.GetUserId()}
	if e.conversations[who.name] == nil || who.user == e.User {
		return nil
	}
	stop, known := t.typists[who]
	if known {
		stop()
		delete(t.typists, who)
	}
	if m.GetActive() && len(t.typists) >= maxTypists {
		return nil // nobody reads so many, and each needs a timer that ends it
	}
	if m.GetActive() {
		t.typists[who] = e.Host.After(typingExpires, func() {
			delete(t.typists, who)
			e.Observer.Typing(who.name, who.user, false)
		})
	}
	if m.GetActive() != known {
		e.Observer.Typing(who.name, who.user, m.GetActive())
	}
	return nil
}

// end stops what waits for somebody's end.
func (t *typing) end() {
	for _, stop := range t.typists {
		stop()
	}
}
