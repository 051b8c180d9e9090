package proto

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Key names a conversation. Both sides compute it alone. Comparable; the zero
// Key names none.
type Key struct {
	kind KeyKind
	a, b uint64
}

// KeyKind tells the kinds of conversation apart.
type KeyKind byte

const (
	// Direct is a conversation between two users, d:{low}:{high}.
	Direct KeyKind = 'd'
	// Service is one between a customer and a service, s:{user}:{service_type}.
	Service KeyKind = 's'
	// Group is one of any number of users, g:{group}.
	Group KeyKind = 'g'
)

// DirectKey is the key of the conversation between two users, in either order.
func DirectKey(x, y uint64) Key {
	return Key{Direct, min(x, y), max(x, y)}
}

// ServiceKey is the key of the conversation between a customer and a service.
func ServiceKey(customer uint64, service ServiceType) Key {
	return Key{Service, customer, uint64(service)}
}

// GroupKey is the key of a group's conversation.
func GroupKey(group uint64) Key { return Key{Group, group, 0} }

// MaxService is the highest number of a service; all below have a name in ServiceType, too.
const MaxService = 63

// MaxKey is the longest key, in bytes, also of kinds to come.
const MaxKey = 255

// ParseKey parses what String returns. The error is a *Refusal.
func ParseKey(s string) (Key, error) {
	key, err := ParseOpenKey(s)
	if err != nil || key.IsZero() || key.kind == Service && key.b > MaxService {
		return Key{}, errKey
	}
	return key, nil
}

// ParseOpenKey is ParseKey for whoever has to get along with a newer program: a
// service may be one that is not known here, and a conversation of a kind that
// is not known, {kind}:{anything}, has the zero Key. The error is a *Refusal.
func ParseOpenKey(s string) (Key, error) {
	kind, rest, _ := strings.Cut(s, ":")
	first, second, _ := strings.Cut(rest, ":")
	a, okA := ParseID(first)
	switch kind {
	case "d":
		if b, okB := ParseID(second); okA && okB && a < b {
			return Key{Direct, a, b}, nil
		}
	case "g":
		if okA && rest == first {
			return Key{Group, a, 0}, nil
		}
	case "s":
		n, err := strconv.ParseUint(second, 10, 31)
		if okA && err == nil && second == strconv.FormatUint(n, 10) {
			return Key{Service, a, n}, nil
		}
	default:
		if kind != "" && rest != "" && len(s) <= MaxKey && utf8.ValidString(s) {
			return Key{}, nil
		}
	}
	return Key{}, errKey
}

var errKey = Refuse(PayloadFormatInvalid, "key: want d:{low}:{high} for two users, s:{user}:{service_type} for a service or g:{group} for a group")

// Kind returns what kind of conversation this is, 0 for the zero Key.
func (k Key) Kind() KeyKind { return k.kind }

// IsZero reports whether k names no conversation.
func (k Key) IsZero() bool { return k.kind == 0 }

// String returns the key as it stands in payloads and paths.
func (k Key) String() string {
	if k.IsZero() {
		return ""
	}
	name := string(rune(k.kind)) + ":" + strconv.FormatUint(k.a, 10)
	if k.kind == Group {
		return name
	}
	return name + ":" + strconv.FormatUint(k.b, 10)
}

// Has reports whether user is one of the two of a direct conversation, or the
// customer of a service conversation. Agents are known by their tokens alone, and
// the members of a group by its log.
func (k Key) Has(user uint64) bool {
	return k.kind == Service && k.a == user || k.kind == Direct && (k.a == user || k.b == user)
}

// Agent reports whether user, who is of the conversation, is so as an agent.
func (k Key) Agent(user uint64) bool { return k.kind == Service && k.a != user }

// Peer returns the other user of a direct conversation, or 0.
func (k Key) Peer(user uint64) uint64 {
	switch {
	case k.kind == Direct && k.a == user:
		return k.b
	case k.kind == Direct && k.b == user:
		return k.a
	}
	return 0
}

// Side returns the side that user is on. Whoever is neither of two users nor
// the customer counts as an agent. In a group everybody is the First to themselves.
func (k Key) Side(user uint64) Side {
	if user == k.a || k.kind == Group {
		return First
	}
	return Second
}

// User returns the user on a side: of a service's side and of a group 0, as these have many.
func (k Key) User(s Side) uint64 {
	switch {
	case k.kind == Group:
		return 0
	case s == First:
		return k.a
	case k.kind == Direct:
		return k.b
	}
	return 0
}

// Customer returns the customer of a service conversation, or 0.
func (k Key) Customer() uint64 {
	if k.kind != Service {
		return 0
	}
	return k.a
}

// Group returns the id of a group, or 0.
func (k Key) Group() uint64 {
	if k.kind != Group {
		return 0
	}
	return k.a
}

// Service returns the service type of a service conversation.
func (k Key) Service() ServiceType {
	if k.kind != Service {
		return 0
	}
	return ServiceType(k.b)
}
