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

// Seen records a user, their name and the services that their token names. An
// empty name keeps the one there is; the services replace those of the token
// before. Whoever has a conversation with them learns a new name with the next
// sync. Of u, only ID, Name and Services are looked at. Blocks until it is on
// disk if it is news. Errors wrap a *proto.Refusal.
func (s *Service) Seen(ctx context.Context, u User) error {
	switch {
	case u.ID == 0:
		return proto.Refuse(proto.PayloadFormatInvalid, "the user id is 0")
	case len(u.Name) > proto.MaxName:
		return proto.Refuse(proto.PayloadFormatInvalid, "name has %d bytes, at most %d are allowed: choose a shorter one", len(u.Name), proto.MaxName)
	case !utf8.ValidString(u.Name):
		return proto.Refuse(proto.PayloadFormatInvalid, "name is not valid UTF-8")
	}
	var known User
	err := s.store.View(ctx, func(v View) (err error) {
		known, err = v.User(u.ID)
		return err
	})
	if err != nil {
		return s.failed("the name could not be read", err)
	}
	if after, renamed := known.seen(u); after == known && !renamed {
		return nil
	}
	_, err = s.submit(ctx, &sighting{u})
	return err
}

// FirstSeen says when a user was seen first, by the server's clock; the zero time
// if that is not known, as of those who came before it was kept, or if they never
// were. Errors wrap a *proto.Refusal.
func (s *Service) FirstSeen(ctx context.Context, user uint64) (time.Time, error) {
	var u User
	err := s.store.View(ctx, func(v View) (err error) {
		u, err = v.User(user)
		return err
	})
	if err != nil {
		return time.Time{}, s.failed("the user could not be read", err)
	}
	if u.FirstSeen == 0 {
		return time.Time{}, nil
	}
	return time.UnixMilli(int64(u.FirstSeen)), nil
}

// seen returns what is known of a user after a token of theirs was, and
// whether they have another name than before.
func (known User) seen(u User) (after User, renamed bool) {
	after = known
	after.ID, after.Services = u.ID, u.Services
	if u.Name != "" {
		after.Name = u.Name
	}
	return after, after.Name != known.Name
}

// sighting is a user's name on its way into the history.
type sighting struct{ user User }

// maxRenamed bounds how many conversations show a new name with the next sync;
// the others show it with the next message.
const maxRenamed = 1000

func (r *sighting) apply(b *batch) (Result, error) {
	known, err := b.tx.User(r.user.ID)
	if err != nil {
		return Result{}, err
	}
	after, renamed := known.seen(r.user)
	if after == known {
		return Result{}, nil
	}
	if known.ID == 0 {
		after.FirstSeen = b.service.millis()
	}
	if err := b.tx.PutUser(after); err != nil {
		return Result{}, err
	}
	clear(b.teams)
	if !renamed {
		return Result{}, nil
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
	if !key.Has(user) && c.Standing.Assignee != user {
		return nil
	}
	b.revise(c)
	return nil
}
