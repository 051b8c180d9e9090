package chat

import (
	"context"
	"errors"
	"slices"

	"parley/proto"
)

// maxListed bounds the users that an operator is shown at once.
const maxListed = 1000

// Team returns the users who answer for a service now, by id, maxListed at most.
// Errors wrap a *proto.Refusal.
func (s *Service) Team(ctx context.Context) (team []User, err error) {
	err = s.store.View(ctx, func(v View) error {
		ids, err := everyAgent(v)
		for _, id := range ids[:min(len(ids), maxListed)] {
			if err != nil {
				return err
			}
			var u User
			u, err = v.User(id)
			team = append(team, u)
		}
		return err
	})
	if err != nil {
		return nil, s.failed("the agents could not be read", err)
	}
	return team, nil
}

// everyAgent returns the agents of all services, rising.
func everyAgent(v View) (all []uint64, err error) {
	for number := range proto.ServiceType_name {
		agents, err := v.Agents(proto.ServiceType(number))
		if err != nil {
			return nil, err
		}
		all = append(all, agents...)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// BlockedUsers returns the users whom Block keeps out, by id, maxListed at most.
// Errors wrap a *proto.Refusal.
func (s *Service) BlockedUsers(ctx context.Context) (blocked []User, err error) {
	err = s.store.View(ctx, func(v View) (err error) {
		blocked, err = v.Blocked(maxListed)
		return err
	})
	if err != nil {
		return nil, s.failed("the blocked users could not be read", err)
	}
	return blocked, nil
}

// Here reports whether a user has a connection, or had one a moment ago.
func (s *Service) Here(user uint64) bool { return s.presence.online(user) }

// RemoveAgent takes a user off all services, and lets no token count any more
// that was issued to them so far. It returns the user as they were before. When
// it returns without error, that is on disk, and the user's connections end. Errors wrap a *proto.Refusal.
func (s *Service) RemoveAgent(ctx context.Context, user uint64) (User, error) {
	return s.rule(ctx, user, func(u User, now uint64) User {
		u.Revoked = max(u.Revoked, now)
		return u.offServices()
	})
}

// Block keeps a user out, and takes them off all services: no token of theirs
// counts until Unblock. Otherwise it is as RemoveAgent.
func (s *Service) Block(ctx context.Context, user uint64) (User, error) {
	return s.rule(ctx, user, func(u User, _ uint64) User {
		u.Blocked = true
		return u.offServices()
	})
}

// Unblock undoes Block: the user's tokens count again, apart from those that
// RemoveAgent withdrew. It returns the user as they were before.
func (s *Service) Unblock(ctx context.Context, user uint64) (User, error) {
	return s.rule(ctx, user, func(u User, _ uint64) User {
		u.Blocked = false
		return u
	})
}

// offServices is u who answers for none.
func (u User) offServices() User {
	u.Services, u.ServicesSince, u.ServicesUntil = 0, 0, 0
	return u
}

// Admit returns what is known of a user by whom a token is shown, or refuses the
// token, if an operator withdrew it (RemoveAgent, Block) or its user signed out
// (EndDevice, EndDevices); one that does not say when it was issued counts as issued
// before everything. Errors wrap a *proto.Refusal: NotAuthorized for those.
func (s *Service) Admit(ctx context.Context, user uint64, c Credential) (User, error) {
	u, _, err := s.admitted(ctx, user, c)
	return u, err
}

func (s *Service) admitted(ctx context.Context, user uint64, c Credential) (u User, d Device, err error) {
	err = s.store.View(ctx, func(v View) (err error) {
		if u, err = v.User(user); err != nil || c.Device == 0 {
			return err
		}
		d, err = v.Device(user, c.Device)
		return err
	})
	if err != nil {
		return u, d, s.failed("the user could not be read", err)
	}
	return u, d, u.refused(d, c)
}

// rule commits what an operator decides about a user.
func (s *Service) rule(ctx context.Context, user uint64, decide func(u User, now uint64) User) (User, error) {
	r := &ruling{user: user, decide: decide}
	return answerOf(ctx, s.submit, r, &r.before)
}

// ruling is an operator's decision on its way into the history.
type ruling struct {
	user   uint64
	decide func(u User, now uint64) User
	before User // set by apply
}

func (r *ruling) apply(b *batch) (Result, error) {
	known, err := b.tx.User(r.user)
	if err != nil {
		return Result{}, err
	}
	if known.ID == 0 {
		return Result{Err: proto.Refuse(proto.PayloadFormatInvalid, "there is no user %d here: give the id in decimal of somebody who was", r.user)}, nil
	}
	r.before = known
	after := r.decide(known, b.now)
	if after == known {
		return Result{}, nil
	}
	if after.Revoked != known.Revoked { // nor does what would get another token
		if err := errors.Join(b.tx.DeleteCode(r.user, LinkCode), b.tx.DeleteCode(r.user, RecoveryCode)); err != nil {
			return Result{}, err
		}
	}
	switch {
	case after.Blocked:
		b.end(r.user, 0, true, shutOut())
	case after.Revoked != known.Revoked:
		b.end(r.user, 0, true, withdrawn())
	}
	return Result{}, b.putUser(after)
}
