package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"parley/server/chat"
)

// People are found by three indexes, each of which is read in the order of what
// is found, and no further than is asked for: users_by_name holds folded names,
// user_words what each name says from its later words on (chat.Words), and
// user_names, a full-text index without text, the three characters that begin
// at each place of a name (FTS5's trigrams).

// indexName adds a user to, and unindexName removes them from, what is found by
// other parts of a name than its beginning. folded is what users.folded says.
func (s *connection) indexName(id uint64, folded string) error {
	for _, rest := range chat.Words(folded) {
		if err := s.exec("INSERT INTO user_words (rest, user_id) VALUES (?, ?) ON CONFLICT DO NOTHING", rest, number(id)); err != nil {
			return fmt.Errorf("index a name's words: %w", err)
		}
	}
	if err := s.exec("INSERT INTO user_names (rowid, folded) VALUES (?, ?)", nameRow(id), folded); err != nil {
		return fmt.Errorf("index a name: %w", err)
	}
	return nil
}

func (s *connection) unindexName(id uint64, folded string) error {
	for _, rest := range chat.Words(folded) {
		if err := s.exec("DELETE FROM user_words WHERE rest = ? AND user_id = ?", rest, number(id)); err != nil {
			return fmt.Errorf("take a name's words out of the index: %w", err)
		}
	}
	if err := s.exec("INSERT INTO user_names (user_names, rowid, folded) VALUES ('delete', ?, ?)", nameRow(id), folded); err != nil {
		return fmt.Errorf("take a name out of the index: %w", err)
	}
	return nil
}

// nameRow is a user's row in user_names: SQL's integers are signed, and sort as
// the ids do when the highest bit is turned round.
func nameRow(id uint64) int64 { return int64(id ^ 1<<63) }

func userOfRow(row int64) uint64 { return uint64(row) ^ 1<<63 }

// rename lets a user be found by another folded name than before.
func (t *transaction) rename(id uint64, folded string) error {
	var before string
	known, err := t.row([]any{&before}, "SELECT folded FROM users WHERE id = ?", number(id))
	if err != nil {
		return fmt.Errorf("read user: %w", err)
	}
	if known && before == folded {
		return nil
	}
	if known {
		if err := t.unindexName(id, before); err != nil {
			return err
		}
	}
	return t.indexName(id, folded)
}

// refold makes what names are found by anew, if another version of chat.Fold
// made it. It runs within a transaction.
func refold(ctx context.Context, s *connection) error {
	var made string
	if _, err := s.row([]any{&made}, "SELECT value FROM meta WHERE name = 'fold'"); err != nil || made == chat.FoldVersion {
		return err
	}
	all, err := names(s)
	if err != nil {
		return err
	}
	if err := s.script("DELETE FROM user_words; INSERT INTO user_names (user_names) VALUES ('delete-all')"); err != nil {
		return err
	}
	for _, n := range all {
		if err := ctx.Err(); err != nil {
			return err
		}
		folded := chat.Fold(n.name)
		if folded != n.folded {
			if err := s.exec("UPDATE users SET folded = ? WHERE id = ?", folded, number(n.id)); err != nil {
				return err
			}
		}
		if err := s.indexName(n.id, folded); err != nil {
			return err
		}
	}
	return s.exec("INSERT INTO meta (name, value) VALUES ('fold', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", chat.FoldVersion)
}

// named is a user's name, and what it is folded to in the file.
type named struct {
	id           uint64
	name, folded string
}

// names returns those of all users, by id.
func names(s *connection) (all []named, err error) {
	err = s.rows(func(row *statement) error {
		var n named
		err := row.scan((*number)(&n.id), &n.name, &n.folded)
		all = append(all, n)
		return err
	}, "SELECT id, name, folded FROM users ORDER BY id")
	return all, err
}

// Users implements chat.View.
func (v *view) Users(q chat.UserQuery) (users []chat.User, err error) {
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
func (v *view) candidates(query string, args ...any) (all []candidate, err error) {
	err = v.rows(func(row *statement) error {
		var r userRow
		var c candidate
		err := row.scan(append(r.fields(), &c.folded)...)
		c.user = r.user()
		all = append(all, c)
		return err
	}, query, args...)
	return all, err
}

// bond is a column of users: what there is between a viewer, its argument, and them.
const bond = "ifnull((SELECT (c.head != x'0000000000000000') + 2 * (m.blocks OR m.blocked) FROM members m CROSS JOIN conversations c ON c.id = m.conversation" +
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
func (v *view) agentsFound(q chat.UserQuery) ([]chat.User, error) {
	all, err := v.candidates("SELECT "+userColumns+", folded FROM users WHERE services != 0 AND services & ? != 0 AND id != ?", int64(q.Services), number(q.Viewer))
	return pick(q, all), err
}

// knownFound looks at all with whom the viewer has the most recent conversations,
// of whom those may be found in whose name the text stands somewhere, and, as the
// customers of an agent are many, for those by the text.
func (v *view) knownFound(q chat.UserQuery) ([]chat.User, error) {
	byID := any([]byte{}) // nobody's
	if id, ok := q.ID(); ok {
		byID = number(id)
	}
	all, err := v.candidates("SELECT "+userColumns+", folded FROM (SELECT m.peer FROM members m INDEXED BY members_by_rev CROSS JOIN conversations c ON c.id = m.conversation"+
		" WHERE m.user_id = ? AND m.peer IS NOT NULL AND NOT m.blocks AND NOT m.blocked AND c.head != x'0000000000000000' ORDER BY m.rev DESC"+atMost+")"+
		" CROSS JOIN users ON id = peer WHERE instr(folded, ?) OR id = ?", number(q.Viewer), chat.MaxKnown, chat.Fold(q.Text), byID)
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

// search finds users in the order of chat.UserQuery, one kind of match after
// the other, until there are enough.
type search struct {
	*view
	query  chat.UserQuery
	text   string // folded
	found  []chat.User
	passed int // who may not be found
}

// errEnough ends a search that has found all that it may, or passed too many.
var errEnough = errors.New("enough were looked at")

func (v *view) search(q chat.UserQuery) ([]chat.User, error) {
	if q.Limit <= 0 {
		return nil, nil
	}
	s := &search{view: v, query: q, text: chat.Fold(q.Text)}
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
func (s *search) add(u chat.User, b chat.Bond) error {
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
const columns = userColumns + ", " + bond

func (s *search) addRow(row *statement) error {
	var r userRow
	var bits int
	if err := row.scan(append(r.fields(), &bits)...); err != nil {
		return err
	}
	return s.add(r.user(), bondOf(bits))
}

func (s *search) byID() error {
	id, ok := s.query.ID()
	if !ok {
		return nil
	}
	return s.rows(s.addRow, "SELECT "+columns+" FROM users WHERE id = ?", number(s.query.Viewer), number(id))
}

// past is above every text that begins with text, and below all others that
// are above it: no UTF-8 has the byte 0xff.
func past(text string) string { return text + "\xff" }

func (s *search) byName() error {
	return s.rows(s.addRow, "SELECT "+columns+" FROM users WHERE folded >= ? AND folded < ? ORDER BY folded, id", number(s.query.Viewer), s.text, past(s.text))
}

func (s *search) byWord() error {
	return s.rows(s.addRow, "SELECT "+columns+" FROM user_words CROSS JOIN users ON id = user_id"+
		" WHERE rest >= ? AND rest < ? ORDER BY rest, user_id", number(s.query.Viewer), s.text, past(s.text))
}

func (s *search) byInner() error {
	if !chat.Inner(s.text) {
		return nil
	}
	phrase := `"` + strings.ReplaceAll(s.text, `"`, `""`) + `"`
	return s.rows(func(found *statement) error {
		var row int64
		if err := found.scan(&row); err != nil {
			return err
		}
		return s.rows(s.addRow, "SELECT "+columns+" FROM users WHERE id = ?", number(s.query.Viewer), number(userOfRow(row)))
	}, "SELECT rowid FROM user_names WHERE user_names MATCH ? ORDER BY rowid", phrase)
}
