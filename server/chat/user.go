package chat

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"parley/proto"
)

// Users finds people by a part of their name, case folded, or by their id in
// decimal; an empty query finds everybody. By name, limit at most, which is 1
// to proto.MaxPage. Errors wrap a *proto.Refusal.
func (s *Service) Users(ctx context.Context, query string, limit int) ([]User, error) {
	query = strings.TrimSpace(query)
	switch {
	case limit < 1 || limit > proto.MaxPage:
		return nil, proto.Refuse(proto.PayloadFormatInvalid, "limit is %d: want 1 to %d", limit, proto.MaxPage)
	case !utf8.ValidString(query):
		return nil, proto.Refuse(proto.PayloadFormatInvalid, "the query is not valid UTF-8")
	case len(query) > proto.MaxName:
		return nil, nil // no name and no id is as long
	}
	var users []User
	err := s.store.View(ctx, func(v View) (err error) {
		users, err = v.Users(query, limit)
		return err
	})
	if err != nil {
		return nil, s.failed("the people could not be read", err)
	}
	return users, nil
}

// Seen records a user and their name. An empty name keeps the one there is.
// Whoever has a conversation with them learns a new name with the next sync.
// Blocks until it is on disk if it is news. Errors wrap a *proto.Refusal.
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
	if known.ID == u.ID && (known.Name == u.Name || u.Name == "") {
		return nil
	}
	_, err = s.submit(ctx, &sighting{u})
	return err
}

// sighting is a user's name on its way into the history.
type sighting struct{ user User }

// maxRenamed bounds how many conversations show a new name with the next sync;
// the others show it with the next message.
const maxRenamed = 1000

func (r *sighting) apply(b *batch) (Receipt, error) {
	known, err := b.tx.User(r.user.ID)
	if err != nil {
		return Receipt{}, err
	}
	if known.ID == r.user.ID && (known.Name == r.user.Name || r.user.Name == "") {
		return Receipt{}, nil
	}
	if err := b.tx.PutUser(r.user); err != nil {
		return Receipt{}, err
	}
	rows, err := b.tx.Changed(r.user.ID, 0, maxRenamed)
	if err != nil {
		return Receipt{}, err
	}
	for _, row := range rows {
		peer, err := b.member(row.Key, row.Key.Peer(r.user.ID))
		if err != nil {
			return Receipt{}, err
		}
		b.changeMember(peer)
	}
	return Receipt{}, nil
}

// Fold returns name with case differences removed, rune by rune, as stores
// need it to search: two runes that differ in case alone become the same.
func Fold(name string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			least = min(least, next)
		}
		return least
	}, name)
}
