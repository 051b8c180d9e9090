package relational

import (
	"strconv"

	"parley/proto"
)

// Touched is of which rows that a Cache may have a Transaction wrote some, so that others who have
// them in theirs read them again, and nothing else.
type Touched struct {
	conversations map[proto.Key]struct{} // or members of theirs
	usages        map[uint64]struct{}    // by users
}

// Names are those that stand for what was touched, in any order: of conversations their keys, and of
// what users have used UsageName.
func (t *Touched) Names() []string {
	names := make([]string, 0, len(t.conversations)+len(t.usages))
	for key := range t.conversations {
		names = append(names, key.String())
	}
	for user := range t.usages {
		names = append(names, UsageName(user))
	}
	return names
}

// UsageName is that of what a user has used: the number in 16 hexadecimal digits.
func UsageName(user uint64) string {
	digits := strconv.FormatUint(user, 16)
	return "0000000000000000"[len(digits):] + digits
}

// usageOf is the user of a UsageName; the key of a conversation, which has colons, is none.
func usageOf(name string) (user uint64, ok bool) {
	user, err := strconv.ParseUint(name, 16, 64)
	return user, err == nil
}

// Note lets the Transaction note what it touches, unless it touched something before.
func (t *Transaction) Note() {
	if t.touched == nil && !t.wrote {
		t.touched = &Touched{make(map[proto.Key]struct{}), make(map[uint64]struct{})}
	}
}

// Touched is all that the Transaction touched, nil if that is not known.
func (t *Transaction) Touched() *Touched { return t.touched }

func (t *Transaction) touch(key proto.Key) {
	t.wrote = true
	if t.touched != nil {
		t.touched.conversations[key] = struct{}{}
	}
}

func (t *Transaction) touchUsage(user uint64) {
	t.wrote = true
	if t.touched != nil {
		t.touched.usages[user] = struct{}{}
	}
}
