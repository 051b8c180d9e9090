package chat

import (
	"cmp"
	"iter"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// UserQuery says who is looked for, and by whom. Text and names are compared
// as Fold returns them. Found are, in this order, and each user once:
//
//  1. whose id is Text, in decimal
//  2. whose name begins with Text, by name
//  3. in whose name another of the Words does, by the first such of them
//  4. in whose name Text stands elsewhere, if it has MinInner characters at least
//
// Whoever are equal in that are ordered by id.
type UserQuery struct {
	// Text is what is looked for; every name begins with "".
	Text string
	// Services finds only those who answer for one of them; 0 finds all.
	Services Services
	// Viewer is who asks, does not find themselves, and finds whom Admits says; 0 is
	// the server itself, which finds everybody.
	Viewer uint64
	// Answers are the services that the viewer answers for.
	Answers Services
	// Known finds only those who share a conversation or a service with the viewer;
	// of the former those of the MaxKnown most recent ones.
	Known bool
	// Limit is how many are found at most.
	Limit int
}

// MinInner is how many characters of the middle of a word it takes to find it.
const MinInner = 3

// ID is the user id that the text is.
func (q UserQuery) ID() (id uint64, ok bool) {
	id, err := strconv.ParseUint(q.Text, 10, 64)
	return id, err == nil && strconv.FormatUint(id, 10) == q.Text
}

// Inner reports whether a folded text is looked for in the middle of words, too.
func Inner(text string) bool { return utf8.RuneCountInString(text) >= MinInner }

// Pick finds among candidates, whom Admits admits and who come, each once, with
// their folded names. It is for few of them: it looks at all.
func (q UserQuery) Pick(candidates iter.Seq2[User, string]) []User {
	text := Fold(q.Text)
	id, isID := q.ID()
	var found []match
	for u, folded := range candidates {
		if m, ok := find(text, folded); isID && u.ID == id {
			found = append(found, match{user: u})
		} else if ok {
			m.user = u
			found = append(found, m)
		}
	}
	slices.SortFunc(found, match.compare)
	var users []User
	for _, m := range found[:min(len(found), max(0, q.Limit))] {
		users = append(users, m.user)
	}
	return users
}

// match is a user and how they were found.
type match struct {
	user User
	kind int    // 0 to 3 as numbered at UserQuery, from 0
	from string // by which those of a kind are ordered
}

func (m match) compare(n match) int {
	return cmp.Or(cmp.Compare(m.kind, n.kind), cmp.Compare(m.from, n.from), cmp.Compare(m.user.ID, n.user.ID))
}

// find looks for a text in a name, both folded.
func find(text, folded string) (m match, ok bool) {
	if strings.HasPrefix(folded, text) {
		return match{kind: 1, from: folded}, true
	}
	for _, rest := range Words(folded) {
		if strings.HasPrefix(rest, text) && (!ok || rest < m.from) {
			m, ok = match{kind: 2, from: rest}, true
		}
	}
	if !ok && Inner(text) && strings.Contains(folded, text) {
		m, ok = match{kind: 3}, true
	}
	return m, ok
}
