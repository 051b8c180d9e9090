package chat

import "fmt"

// People says who is found among people by a search.
type People string

// The answers to that, as they are written.
const (
	PeopleAll   People = "all"   // everybody who is listed, and who is known
	PeopleKnown People = "known" // who shares a conversation or a service with the one who asks
	PeopleNone  People = "none"  // nobody, except agents by their colleagues
)

// UnmarshalText implements encoding.TextUnmarshaler, and MarshalText the other way.
func (p *People) UnmarshalText(text []byte) error {
	switch People(text) {
	case PeopleAll, PeopleKnown, PeopleNone:
		*p = People(text)
		return nil
	}
	return fmt.Errorf("%q is neither all, known nor none", text)
}

// MarshalText implements encoding.TextMarshaler.
func (p People) MarshalText() ([]byte, error) { return []byte(p), nil }

const (
	// MaxKnown bounds the conversations whose other side a search for known people
	// looks at.
	MaxKnown = 500
	// MaxPassed bounds the people that one search passes over because they may not
	// be found: behind more of them it ends, and a longer text finds who is there.
	MaxPassed = 500
)

// Listed reports whether people find u who have nothing to do with u: unless u
// chose otherwise, or came only as the customer of a service.
func (u User) Listed() bool {
	return !u.Unlisted && (u.Wrote || u.Services != 0 || u.Customer == 0)
}

// Bond is what the two of a conversation have to do with each other: whether it
// has entries, and whether one of them blocks the other.
type Bond struct{ Shared, Apart bool }

// Admits reports whether a user may be found, whatever the text. b is what there
// is between the viewer and them.
func (q UserQuery) Admits(u User, b Bond) bool {
	switch {
	case u.ID == q.Viewer:
		return false
	case q.Services != 0: // colleagues always find each other
		return u.Services&q.Services != 0
	case q.Viewer == 0:
		return true
	case b.Apart:
		return false
	case b.Shared || q.Answers&(u.Services|u.Customer) != 0:
		return true
	}
	return !q.Known && u.Listed()
}
