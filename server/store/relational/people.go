package relational

import (
	"errors"
	"fmt"
	"slices"

	"parley/server/chat"
)

// rename lets a user be found by another folded name than before.
func (t *Transaction) rename(id uint64, folded string) error {
	known, before, err := t.folded(id)
	if err != nil || known && before == folded {
		return err
	}
	if known {
		if err := t.UnindexName(id, before); err != nil {
			return err
		}
	}
	return t.IndexName(id, folded)
}

// folded returns by what name a user is found, if there is one.
func (t *Transaction) folded(id uint64) (known bool, name string, err error) {
	if u, fetched := t.ahead.user(id); fetched {
		return u.ID != 0, chat.Fold(u.Name), nil
	}
	if known, err = t.Row([]any{&name}, "SELECT folded FROM users WHERE id = ?", Number(id)); err != nil {
		return false, "", fmt.Errorf("read user: %w", err)
	}
	return known, name, nil
}

// Users implements chat.View.
func (v *View) Users(q chat.UserQuery) (users []chat.User, err error) {
	if err := v.ctx.Err(); err != nil {
		return nil, err
	}
	switch {
	case q.Services != 0:
		users, err = v.agentsFound(q)
	case q.Known:
		users, err = v.knownFound(q)
	default:
		users, err = v.search(q)
	}
	if err != nil {
		return nil, fmt.Errorf("find users: %w", err)
	}
	return users, nil
}

// candidate is somebody who may be found, with their folded name.
type candidate struct {
	user   chat.User
	folded string
}

// candidates are those of a query of the columns of users, and folded.
func (v *View) candidates(query string, args ...any) (all []candidate, err error) {
	err = v.Rows(func(row Row) error {
		var r UserRow
		var c candidate
		err := row.Scan(append(r.Fields(), &c.folded)...)
		c.user = r.User()
		all = append(all, c)
		return err
	}, query, args...)
	return all, err
}

// bond is a column of users: what there is between a viewer, its argument, and them.
const bond = "coalesce((SELECT (CASE WHEN c.head != x'0000000000000000' THEN 1 ELSE 0 END) + (CASE WHEN m.blocks OR m.blocked THEN 2 ELSE 0 END) FROM members m CROSS JOIN conversations c ON c.id = m.conversation" +
	" WHERE m.user_id = ? AND m.peer = users.id), 0)"

func bondOf(bits int) chat.Bond { return chat.Bond{Shared: bits&1 != 0, Apart: bits&2 != 0} }

func pick(q chat.UserQuery, all []candidate) []chat.User {
	return q.Pick(func(yield func(chat.User, string) bool) {
		for _, c := range all {
			if !yield(c.user, c.folded) {
				return
			}
		}
	})
}

// agentsFound looks at all who answer for one of the services: they are few,
// and may be far apart among those that a text finds.
func (v *View) agentsFound(q chat.UserQuery) ([]chat.User, error) {
	all, err := v.candidates("SELECT "+UserColumns+", folded FROM users WHERE services != 0 AND services & ? != 0 AND id != ?", int64(q.Services), Number(q.Viewer))
	return pick(q, all), err
}

// knownFound looks at all with whom the viewer has the most recent conversations,
// of whom those may be found in whose name the text stands somewhere, and, as the
// customers of an agent are many, for those by the text.
func (v *View) knownFound(q chat.UserQuery) ([]chat.User, error) {
	byID := any([]byte{}) // nobody's
	if id, ok := q.ID(); ok {
		byID = Number(id)
	}
	all, err := v.candidates("SELECT "+UserColumns+", folded FROM (SELECT m.peer FROM members m INDEXED BY members_by_rev CROSS JOIN conversations c ON c.id = m.conversation"+
		" WHERE m.user_id = ? AND m.peer IS NOT NULL AND NOT m.blocks AND NOT m.blocked AND c.head != x'0000000000000000' ORDER BY m.rev DESC"+atMost+") AS recent"+
		" CROSS JOIN users ON id = peer WHERE instr(folded, ?) > 0 OR id = ?", Number(q.Viewer), chat.MaxKnown, chat.Fold(q.Text), byID)
	if err != nil || q.Answers == 0 {
		return pick(q, all), err
	}
	customers, err := v.search(q)
	for _, u := range customers {
		if !slices.ContainsFunc(all, func(c candidate) bool { return c.user.ID == u.ID }) {
			all = append(all, candidate{u, chat.Fold(u.Name)})
		}
	}
	return pick(q, all), err
}

// userSearch finds users in the order of chat.UserQuery, one kind of match after
// the other, until there are enough.
type userSearch struct {
	*View
	query  chat.UserQuery
	text   string // folded
	found  []chat.User
	passed int // who may not be found
}

// errEnough ends a search that has found all that it may, or passed too many.
var errEnough = errors.New("enough were looked at")

func (v *View) search(q chat.UserQuery) ([]chat.User, error) {
	if q.Limit <= 0 {
		return nil, nil
	}
	s := &userSearch{View: v, query: q, text: chat.Fold(q.Text)}
	for _, kind := range []func() error{s.byID, s.byName, s.byWord, s.byInner} {
		if err := kind(); errors.Is(err, errEnough) {
			break
		} else if err != nil {
			return nil, err
		}
	}
	return s.found, nil
}

// add takes a user in, unless they were found in a better way or may not be found.
func (s *userSearch) add(u chat.User, b chat.Bond) error {
	if slices.ContainsFunc(s.found, func(f chat.User) bool { return f.ID == u.ID }) {
		return nil
	}
	if s.query.Admits(u, b) {
		s.found = append(s.found, u)
	} else {
		s.passed++
	}
	if len(s.found) >= s.query.Limit || s.passed >= chat.MaxPassed {
		return errEnough
	}
	return nil
}

// columns are those that addRow takes; the first argument of their query is the viewer.
const columns = UserColumns + ", " + bond

func (s *userSearch) addRow(row Row) error {
	var r UserRow
	var bits int
	if err := row.Scan(append(r.Fields(), &bits)...); err != nil {
		return err
	}
	return s.add(r.User(), bondOf(bits))
}

func (s *userSearch) byID() error {
	id, ok := s.query.ID()
	if !ok {
		return nil
	}
	return s.Rows(s.addRow, "SELECT "+columns+" FROM users WHERE id = ?", Number(s.query.Viewer), Number(id))
}

// past is above every text that begins with text, and below all others that
// are above it: the highest code point is no character.
func past(text string) string { return text + "\U0010ffff" }

// most is how many a query may find, so that there are enough whatever was found before.
func (s *userSearch) most() int { return 2*s.query.Limit + chat.MaxPassed }

func (s *userSearch) byName() error {
	return s.Rows(s.addRow, "SELECT "+columns+" FROM users WHERE folded >= ? AND folded < ? ORDER BY folded, id"+atMost, Number(s.query.Viewer), s.text, past(s.text), s.most())
}

func (s *userSearch) byWord() error {
	return s.Rows(s.addRow, "SELECT "+columns+" FROM user_words CROSS JOIN users ON id = user_id"+
		" WHERE rest >= ? AND rest < ? ORDER BY rest, user_id"+atMost, Number(s.query.Viewer), s.text, past(s.text), s.most())
}

func (s *userSearch) byInner() error {
	if !chat.Inner(s.text) {
		return nil
	}
	ids, err := s.Inner(s.text, s.most())
	for _, id := range ids {
		if err != nil {
			break
		}
		err = s.Rows(s.addRow, "SELECT "+columns+" FROM users WHERE id = ?", Number(s.query.Viewer), Number(id))
	}
	return err
}
