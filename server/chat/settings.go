package chat

import "parley/proto"

// settings is a proto.Settings on its way into the history.
type settings struct {
	user             uint64
	typing, presence *bool // nil: as it is
}

func prepareSettings(from Sender, payload []byte) (Request, error) {
	var m proto.Settings
	if err := proto.Unmarshal(payload, &m); err != nil {
		return nil, err
	}
	return &settings{from.User, m.ShareTyping, m.SharePresence}, nil
}

func (r *settings) apply(b *batch) (Result, error) {
	before, err := b.tx.User(r.user)
	if err != nil {
		return Result{}, err
	}
	after := before
	after.ID = r.user
	if r.typing != nil {
		after.HideTyping = !*r.typing
	}
	if r.presence != nil {
		after.HidePresence = !*r.presence
	}
	if after == before {
		return Result{}, nil
	}
	if after.HidePresence != before.HidePresence {
		b.sharing = append(b.sharing, r.user)
	}
	return Result{}, b.tx.PutUser(after)
}
