package chat

import "parley/proto"

// Configure chooses what others see of me.
func (e *Engine) Configure(s *proto.Settings, done func(error)) {
	payload, err := proto.Marshal(s)
	session := e.connection.session
	if err == nil && session == nil {
		err = proto.Refuse(proto.ServerBusy, "there is no connection: try again when connected")
	}
	if err != nil {
		done(err)
		return
	}
	session.Publish(proto.BranchSettings, payload, nil, func(_ Ack, err error) {
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

// deliverSettings takes in what the user has chosen, here or on another device.
func (e *Engine) deliverSettings(payload []byte) error {
	m := new(proto.Settings)
	if err := proto.Unmarshal(payload, m); err != nil {
		return err
	}
	if m.ShareTyping == nil || m.SharePresence == nil {
		return proto.Refuse(proto.PayloadFormatInvalid, "settings of which some are missing")
	}
	told := Settings{ShareTyping: m.GetShareTyping(), SharePresence: m.GetSharePresence()}
	if e.settings == nil || *e.settings != told {
		e.settings = &told
		e.Observer.Settings(told)
	}
	return nil
}
