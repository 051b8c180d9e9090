package chat

import (
	"time"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
)

// Configure chooses what others see of me.
func (e *Engine) Configure(s *proto.Settings, done func(error)) {
	e.choose(proto.BranchSettings, s, done)
}

// Block chooses whether another user and I have something to do with each other.
// Conversation.Blocked shows it once the server tells it to all my devices.
func (e *Engine) Block(user uint64, blocked bool, done func(error)) {
	e.choose(proto.BranchBlock, &proto.Block{UserId: &user, Blocked: &blocked}, done)
}

// Choice is how a conversation is to stand in my lists; nil: as it does.
type Choice struct{ Pinned, Muted, Archived, MarkedUnread *bool }

// Choose makes a choice for a conversation. Its fields of Conversation show it once the
// server tells it to all my devices.
func (e *Engine) Choose(key string, choice Choice, done func(error)) {
	m := &proto.Choice{Key: &key, Pinned: choice.Pinned, Muted: choice.Muted, MarkedUnread: choice.MarkedUnread}
	c := e.conversations[key]
	if choice.Archived != nil {
		m.ArchivedThrough = new(uint64)
		if c != nil && *choice.Archived {
			*m.ArchivedThrough = c.head
		}
	}
	if c != nil && m.GetMarkedUnread() && e.connection.session != nil {
		e.marking.send(c) // what I read before would end the mark, if it were told after it
	}
	e.choose(proto.BranchChoice, m, done)
}

// choose sends a choice, which waits for no later connection.
func (e *Engine) choose(branch proto.Branch, m protobuf.Message, done func(error)) {
	payload, err := proto.Marshal(m)
	session := e.connection.session
	if err == nil && session == nil {
		err = proto.Refuse(proto.ServerBusy, "there is no connection: try again when connected").Named("no-connection")
	}
	if err != nil {
		done(err)
		return
	}
	session.Publish(branch, payload, nil, func(_ Ack, err error) {
		e.Host.Post(func() { done(err) })
	})
}

// Settings returns what the user has chosen, as the server told last; ok is
// false until it did.
func (e *Engine) Settings() (s Settings, ok bool) {
	if e.settings == nil {
		return Settings{}, false
	}
	return *e.settings, true
}

// defaultEditWindow is for how long a server that does not say lets messages be changed.
const defaultEditWindow = 24 * time.Hour

// editWindow is for how long the server lets messages be changed, as far as it is known.
func (m Meta) editWindow() time.Duration {
	if m.EditWindow == 0 {
		return defaultEditWindow
	}
	return time.Duration(m.EditWindow-1) * time.Second
}

// changeWindow takes in for how many seconds messages can be changed.
func (e *Engine) changeWindow(seconds uint64) {
	if e.meta.EditWindow == seconds+1 || seconds >= 1<<32 {
		return
	}
	e.meta.EditWindow = seconds + 1
	e.write.meta(e.meta)
	if e.render.window == e.meta.editWindow() {
		return
	}
	e.render.window = e.meta.editWindow()
	for _, c := range e.sorted() {
		if c.shown {
			e.tellProgress(c, c.floor(), c.head)
		}
	}
}

// deliverSettings takes in what the user has chosen, here or on another device.
func (e *Engine) deliverSettings(payload []byte) error {
	m := new(proto.Settings)
	if err := proto.UnmarshalOpen(payload, m); err != nil {
		return err
	}
	if m.ShareTyping == nil || m.SharePresence == nil {
		return proto.Refuse(proto.PayloadFormatInvalid, "settings of which some are missing")
	}
	told := Settings{ShareTyping: m.GetShareTyping(), SharePresence: m.GetSharePresence(), Listed: m.Listed == nil || m.GetListed(), Away: m.GetAway(), Devices: m.GetDevices()}
	if e.settings == nil || *e.settings != told {
		e.settings = &told
		e.Observer.Settings(told)
	}
	if m.EditWindow != nil {
		e.changeWindow(m.GetEditWindow())
	}
	if m.Name != nil && m.GetName() != e.Token.Name { // the user was renamed since the token was made
		e.renewing.ask()
	}
	return nil
}
