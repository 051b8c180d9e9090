package bridge

import (
	"errors"

	"parley/proto"
	"parley/proto/search"
	"parley/wasm/chat"
)

// maxSearches bounds how many searches of a page are under way: it shows one.
const maxSearches = 4

// searches are those under way, by who asked.
type searches map[asked]func(cause error)

// asked is a call of a page.
type asked struct {
	port int
	call float64
}

// begin takes in a search that end ends. Of too many of a page, another ends.
func (s *searches) begin(a asked, end func(cause error)) {
	if *s == nil {
		*s = make(searches)
	}
	count, oldest := 0, a
	for b := range *s {
		if b.port == a.port {
			count++
			if b.call < oldest.call {
				oldest = b
			}
		}
	}
	if count >= maxSearches {
		s.end(oldest, proto.Refuse(proto.QuotaExceeded, "search: %d others were begun since", maxSearches))
	}
	(*s)[a] = end
}

// end ends one, if it is under way.
func (s searches) end(a asked, cause error) {
	if end := s[a]; end != nil {
		delete(s, a)
		end(cause)
	}
}

// leave ends all of a page that is gone.
func (s searches) leave(port int) {
	for a := range s {
		if a.port == port {
			s.end(a, nil)
		}
	}
}

var errSearchEnded = errors.New("the search was ended")

func (s *userEngine) search(port int, c *command) error {
	f := c.search()
	switch {
	case c.err != nil:
		return c.err
	case !(f.limit >= 1 && f.limit <= proto.MaxPage && f.limit == float64(int(f.limit))):
		return proto.Refuse(proto.PayloadFormatInvalid, "limit: want a whole number from 1 to %d", proto.MaxPage)
	}
	const latest = 1 << 53 // milliseconds, what a Number holds exactly
	if !(f.from >= 0 && f.from <= latest && f.to >= 0 && f.to <= latest) {
		return proto.Refuse(proto.PayloadFormatInvalid, "from, to: want Unix milliseconds")
	}
	query := chat.Query{
		Text: f.text, Key: f.key, Sender: f.sender, Kind: search.Kind(f.kind), From: uint64(f.from), To: uint64(f.to), Before: f.before, Server: f.server,
	}
	a, over := asked{port, c.id}, false
	cancel := s.engine.Search(query, int(f.limit), func(found chat.Found, err error) {
		over = true
		delete(s.searches, a)
		if err != nil {
			s.hub.refuse(port, c.id, err)
			return
		}
		s.hub.answer(port, c.id, func(e *encoder) { putFound(e, &found) })
	})
	if over {
		cancel()
		return nil
	}
	s.searches.begin(a, func(cause error) {
		cancel()
		if cause != nil {
			s.hub.refuse(port, c.id, cause)
		}
	})
	return nil
}

func (s *userEngine) endSearch(port int, c *command) error {
	f := c.endSearch()
	if c.err == nil {
		s.searches.end(asked{port, f.call}, errSearchEnded)
		s.hub.finish(port, c.id)(nil)
	}
	return c.err
}
