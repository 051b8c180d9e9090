package chat

import (
	"context"

	"parley/proto"
)

// settings is a proto.Settings on its way into the history.
type settings struct {
	user                           uint64
	typing, presence, listed, away *bool // nil: as it is
}

func prepareSettings(from Sender, payload []byte) (Request, error) {
	var m proto.Settings
	if err := proto.Unmarshal(payload, &m); err != nil {
		return nil, err
	}
	if m.GetAway() && len(from.Services) == 0 {
		return nil, proto.Refuse(proto.NotAuthorized, "away is for those who answer for a service: leave it out").Named("not-agent")
	}
	return &settings{from.User, m.ShareTyping, m.SharePresence, m.Listed, m.Away}, nil
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
	if r.listed != nil {
		after.Unlisted = !*r.listed
	}
	if r.away != nil {
		after.Away = *r.away
	}
	if after == before {
		return Result{}, nil
	}
	if after.HidePresence != before.HidePresence {
		b.sharing = append(b.sharing, r.user)
	}
	if err := b.tx.PutUser(after); err != nil {
		return Result{}, err
	}
	return Result{}, b.tellSettings(after)
}

// tellSettings tells all devices of u what u has chosen, and whether they are others now.
func (b *batch) tellSettings(u User) error {
	devices, err := b.tx.Devices(u.ID)
	if err != nil {
		return err
	}
	payload, err := b.service.settingsOf(u, devices)
	b.deliver(u.ID, proto.BranchSettings, payload)
	return err
}

// settingsOf is what u has chosen, as it is told to u's own devices, and what the server lets
// everybody do.
func (s *Service) settingsOf(u User, devices []Device) ([]byte, error) {
	typing, presence, listed := !u.HideTyping, !u.HidePresence, !u.Unlisted
	window := uint64(max(0, s.editWindow).Seconds())
	m := &proto.Settings{ShareTyping: &typing, SharePresence: &presence, Listed: &listed, EditWindow: &window}
	if u.Renamed != 0 {
		m.Name = &u.Name
	}
	if u.Away {
		m.Away = &u.Away
	}
	if mark := markOf(devices); mark != 0 {
		m.Devices = &mark
	}
	return proto.Marshal(m)
}

// tellSettings tells a user who came what they have chosen.
func (s *Service) tellSettings(ctx context.Context, user uint64, tell func(proto.Branch, []byte) error) error {
	var u User
	var devices []Device
	err := s.store.View(ctx, func(v View) (err error) {
		if u, err = v.User(user); err != nil {
			return err
		}
		devices, err = v.Devices(user)
		return err
	})
	if err != nil {
		return s.failed("the settings could not be told", err)
	}
	payload, err := s.settingsOf(u, devices)
	if err != nil {
		return s.failed("the settings could not be told", err)
	}
	return tell(proto.BranchSettings, payload)
}
