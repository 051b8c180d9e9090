package chat

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"parley/proto"
)

// Users finds people by their name or id, whatever space is around the text;
// q.Limit is 1 to proto.MaxPage. Errors wrap a *proto.Refusal.
func (s *Service) Users(ctx context.Context, q UserQuery) ([]User, error) {
	q.Text = strings.TrimSpace(q.Text)
	switch {
	case q.Limit < 1 || q.Limit > proto.MaxPage:
		return nil, proto.Refuse(proto.PayloadFormatInvalid, "limit is %d: want 1 to %d", q.Limit, proto.MaxPage)
	case !utf8.ValidString(q.Text):
		return nil, proto.Refuse(proto.PayloadFormatInvalid, "the query is not valid UTF-8")
	case len(q.Text) > proto.MaxName:
		return nil, nil // no name and no id is as long
	case s.people == PeopleNone && q.Services == 0 && q.Viewer != 0:
		return nil, nil
	}
	q.Known = q.Known || s.people == PeopleKnown
	var users []User
	err := s.store.Scan(ctx, func(v View) (err error) {
		users, err = v.Users(q)
		return err
	})
	if err != nil {
		return nil, s.failed("the people could not be read", err)
	}
	return users, nil
}

// Seen records a user, their name and the services that their token names, until
// it expires, and that they were here, to the day. An empty name keeps the one
// there is; the services replace those of the token before. Whoever has a
// conversation with them learns a new name with the next sync or, beyond
// maxRenamed conversations, with the next message. Of u, only ID, Name, Services
// and ServicesUntil are looked at. Blocks until it is on disk if it is news.
// Errors wrap a *proto.Refusal: NotAuthorized where an operator withdrew a token
// that was issued then (RemoveAgent, Block); the zero time counts as before
// everything.
func (s *Service) Seen(ctx context.Context, u User, issued time.Time) error {
	switch {
	case u.ID == 0:
		return proto.Refuse(proto.PayloadFormatInvalid, "the user id is 0")
	case len(u.Name) > proto.MaxName:
		return proto.Refuse(proto.PayloadFormatInvalid, "name has %d bytes, at most %d are allowed: choose a shorter one", len(u.Name), proto.MaxName)
	case !utf8.ValidString(u.Name):
		return proto.Refuse(proto.PayloadFormatInvalid, "name is not valid UTF-8")
	}
	known, err := s.user(ctx, u.ID)
	if err != nil {
		return err
	}
	if err := known.refused(issued); err != nil {
		return err
	}
	if known.seen(u, s.millis()) == known {
		return nil
	}
	_, err = s.submit(ctx, &upsertUser{u, issued})
	return err
}

// FirstSeen says when a user was seen first, by the server's clock; the zero time
// if that is not known, as of those who came before it was kept, or if they never
// were. Errors wrap a *proto.Refusal.
func (s *Service) FirstSeen(ctx context.Context, user uint64) (time.Time, error) {
	u, err := s.user(ctx, user)
	if err != nil || u.FirstSeen == 0 {
		return time.Time{}, err
	}
	return time.UnixMilli(int64(u.FirstSeen)), nil
}

// user reads what is known of a user. Errors wrap a *proto.Refusal.
func (s *Service) user(ctx context.Context, id uint64) (u User, err error) {
	err = s.store.View(ctx, func(v View) (err error) {
		u, err = v.User(id)
		return err
	})
	if err != nil {
		return u, s.failed("the user could not be read", err)
	}
	return u, nil
}

// seen returns what is known of a user after a token of theirs was seen, now.
func (known User) seen(u User, now uint64) (after User) {
	after = known
	after.ID = u.ID
	if u.Name != "" {
		after.Name = u.Name
	}
	if known.ID != 0 && now > max(known.FirstSeen, known.LastSeen)+uint64(seenStep.Milliseconds()) {
		after.LastSeen = now // not each time: that would be a write with each connection
	}
	after.Services, after.ServicesUntil = u.Services, u.ServicesUntil
	switch {
	case u.Services == 0:
		after.ServicesSince, after.ServicesUntil = 0, 0
	case known.Services == 0:
		after.ServicesSince = now
	case known.Services == u.Services && (known.ServicesUntil == 0 || known.ServicesUntil > u.ServicesUntil && u.ServicesUntil != 0):
		after.ServicesUntil = known.ServicesUntil // of another device, whose token is newer
	}
	return after
}

// upsertUser is a user's name on its way into the history.
type upsertUser struct {
	user   User
	issued time.Time // the token
}

// maxRenamed bounds how many conversations show a new name with the next sync;
// the others show it with the next message.
const maxRenamed = 1000

func (r *upsertUser) apply(b *batch) (Result, error) {
	known, err := b.tx.User(r.user.ID)
	if err != nil {
		return Result{}, err
	}
	if err := known.refused(r.issued); err != nil { // it was not yet when it was looked at
		return Result{Err: err}, nil
	}
	after := known.seen(r.user, b.service.millis())
	if after == known {
		return Result{}, nil
	}
	if known.ID == 0 {
		after.FirstSeen = b.service.millis()
	}
	if err := b.putUser(after); err != nil || after.Name == known.Name {
		return Result{}, err
	}
	rows, err := b.tx.Changed(after.ID, after.Services, 0, maxRenamed)
	if err != nil {
		return Result{}, err
	}
	for _, row := range rows {
		if err := b.rename(row.Key, after.ID); err != nil {
			return Result{}, err
		}
	}
	return Result{}, nil
}

// rename lets those who are shown the user's name in a conversation learn it.
func (b *batch) rename(key proto.Key, user uint64) error {
	if key.Kind() == proto.Direct {
		peer, err := b.member(key, key.Peer(user))
		if err != nil {
			return err
		}
		b.changeMember(peer)
		return nil
	}
	c, err := b.conversation(key)
	if err != nil {
		return err
	}
	if !key.Has(user) && c.Status.Assignee != user {
		return nil
	}
	b.revise(c)
	return nil
}
