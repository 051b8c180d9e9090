package httpapi

import (
	"math"
	"net/http"

	"parley/proto"
	"parley/proto/search"
	"parley/server/auth"
	"parley/server/chat"
)

const (
	// searchCost is how many requests one counts as that searches: it may look at some thousand messages and what
	// they say.
	searchCost = 25
	// defaultFound is how many messages a search finds that names no limit.
	defaultFound = 20
)

// search finds messages, see chat.Service.Search: of more than limit the newest before a message id.
func (a *api) search(r *http.Request, who auth.User) (any, error) {
	q, err := parseQuery(r)
	if err != nil {
		return nil, err
	}
	wanted, err := q.search()
	if err != nil {
		return nil, err
	}
	return a.Service.Search(r.Context(), senderOf(who), wanted)
}

// search says what is looked for.
func (q query) search() (s chat.SearchQuery, err error) {
	if s.Text, err = q.text("q"); err != nil {
		return s, err
	}
	kind, err := q.text("kind")
	if err != nil {
		return s, err
	}
	s.Kind = search.Kind(kind)
	if q.has("key") {
		key, err := q.text("key")
		if err != nil {
			return s, err
		}
		if s.Key, err = proto.ParseKey(key); err != nil {
			return s, err
		}
	}
	limit := uint64(0)
	for _, number := range []struct {
		name                 string
		to                   *uint64
		low, high, otherwise uint64
	}{
		{"sender", &s.Sender, 1, math.MaxUint64, 0},
		{"from", &s.From, 0, math.MaxInt64, 0},
		{"to", &s.To, 1, math.MaxInt64, 0},
		{"before", &s.Before, 0, math.MaxUint64, 0},
		{"limit", &limit, 1, chat.MaxFound, defaultFound},
	} {
		if *number.to, err = q.number(number.name, number.low, number.high, number.otherwise); err != nil {
			return s, err
		}
	}
	s.Limit = int(limit)
	return s, nil
}
