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
// and ServicesUntil are looked at; a name that is older than the user's last
// (Rename) is not. Blocks until it is on disk if it is news. Errors wrap a
// *proto.Refusal: NotAuthorized for tokens that Admit refuses.
func (s *Service) Seen(ctx context.Context, u User, c Credential) error {
	switch {
	case u.ID == 0:
		return proto.Refuse(proto.PayloadFormatInvalid, "the user id is 0")
	case len(u.Name) > proto.MaxName:
		return proto.Refuse(proto.PayloadFormatInvalid, "name has %d bytes, at most %d are allowed: choose a shorter one", len(u.Name), proto.MaxName)
	case !utf8.ValidString(u.Name):
		return proto.Refuse(proto.PayloadFormatInvalid, "name is not valid UTF-8")
	}
	known, device, err := s.admitted(ctx, u.ID, c)
	if err != nil {
		return err
	}
	if now := s.millis(); known.seen(u, c, now) == known && device.seen(u.ID, c, now) == device {
		return nil
	}
	_, err = s.submit(ctx, &upsertUser{u, c})
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
func (known User) seen(u User, c Credential, now uint64) (after User) {
	after = known
	after.ID = u.ID
	after.Name = known.NameIn(u.Name, c)
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

// NameIn is what the user is called where a token says name: as the user was renamed
// after that was issued, if they were.
func (known User) NameIn(name string, c Credential) string {
	if name == "" || known.Renamed != 0 && !c.issuedAfter(known.Renamed) {
		return known.Name
	}
	return name
}

// upsertUser is a user's name on its way into the history.
type upsertUser struct {
	user       User
	credential Credential
}

// maxRenamed bounds how many conversations show a new name with the next sync;
// the others show it with the next message.
const maxRenamed = 1000

func (r *upsertUser) apply(b *batch) (Result, error) {
	known, err := b.tx.User(r.user.ID)
	if err != nil {
		return Result{}, err
	}
	device, err := b.tx.Device(r.user.ID, r.credential.Device)
	if err != nil {
		return Result{}, err
	}
	if err := known.refused(device, r.credential); err != nil { // it was not yet when it was looked at
		return Result{Err: err}, nil
	}
	now := b.now
	refusal, err := b.putDevice(device, device.seen(r.user.ID, r.credential, now))
	if refusal != nil || err != nil {
		return Result{Err: refusal}, err
	}
	after := known.seen(r.user, r.credential, now)
	if known.ID == 0 {
		after.FirstSeen = now
	}
	if err := b.changeUser(known, after); err != nil || device.ID != 0 || r.credential.Device == 0 {
		return Result{}, err
	}
	return Result{}, b.tellSettings(after)
}

// Rename lets a user be called otherwise, whatever tokens say that were issued so far;
// by is the token of who asks. All of the user's devices are told (proto.Settings), and
// others as by Seen. name is one that Seen takes, and not empty. Errors wrap a
// *proto.Refusal: NotAuthorized if by is refused by now.
func (s *Service) Rename(ctx context.Context, user uint64, by Credential, name string) error {
	_, err := s.submit(ctx, &renaming{user, by, name})
	return err
}

// renaming is a user's new name on its way into the history.
type renaming struct {
	user uint64
	by   Credential
	name string
}

func (r *renaming) apply(b *batch) (Result, error) {
	known, refusal, err := b.admitted(r.user, r.by)
	if refusal != nil || err != nil {
		return Result{Err: refusal}, err
	}
	after := known
	after.ID, after.Name, after.Renamed = r.user, r.name, max(known.Renamed, b.now)
	if err := b.changeUser(known, after); err != nil {
		return Result{}, err
	}
	return Result{}, b.tellSettings(after)
}

// changeUser writes what is known of a user, and lets those whom it is shown to learn
// a new name.
func (b *batch) changeUser(before, after User) error {
	if after == before {
		return nil
	}
	if err := b.putUser(after); err != nil || after.Name == before.Name {
		return err
	}
	rows, err := b.tx.Changed(after.ID, after.Services, 0, maxRenamed)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := kindOf(row.Key).rename(b, row.Key, after.ID); err != nil {
			return err
		}
	}
	return nil
}
