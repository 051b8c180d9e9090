package store

import (
	"context"
	"fmt"
	"strings"

	"parley/server/chat"
	"parley/server/store/relational"
)

// People are found by three indexes, each of which is read in the order of what
// is found, and no further than is asked for: users_by_name holds folded names,
// user_words what each name says from its later words on (chat.Words), and
// user_names, a full-text index without text, the three characters that begin
// at each place of a name (FTS5's trigrams).

// indexName is relational.Conn's. folded is what users.folded says.
func indexName(exec func(query string, args ...any) error, id uint64, folded string) error {
	for _, rest := range chat.Words(folded) {
		if err := exec("INSERT INTO user_words (rest, user_id) VALUES (?, ?) ON CONFLICT DO NOTHING", rest, relational.Number(id)); err != nil {
			return fmt.Errorf("index a name's words: %w", err)
		}
	}
	if err := exec("INSERT INTO user_names (rowid, folded) VALUES (?, ?)", nameRow(id), folded); err != nil {
		return fmt.Errorf("index a name: %w", err)
	}
	return nil
}

// unindexName is relational.Conn's.
func unindexName(exec func(query string, args ...any) error, id uint64, folded string) error {
	for _, rest := range chat.Words(folded) {
		if err := exec("DELETE FROM user_words WHERE rest = ? AND user_id = ?", rest, relational.Number(id)); err != nil {
			return fmt.Errorf("take a name's words out of the index: %w", err)
		}
	}
	if err := exec("INSERT INTO user_names (user_names, rowid, folded) VALUES ('delete', ?, ?)", nameRow(id), folded); err != nil {
		return fmt.Errorf("take a name out of the index: %w", err)
	}
	return nil
}

// IndexName implements relational.Conn.
func (s *connection) IndexName(id uint64, folded string) error { return indexName(s.Exec, id, folded) }

// UnindexName implements relational.Conn.
func (s *connection) UnindexName(id uint64, folded string) error {
	return unindexName(s.Exec, id, folded)
}

// nameRow is a user's row in user_names: SQL's integers are signed, and sort as
// the ids do when the highest bit is turned round.
func nameRow(id uint64) int64 { return int64(id ^ 1<<63) }

func userOfRow(row int64) uint64 { return uint64(row) ^ 1<<63 }

// Inner implements relational.Conn.
func (s *connection) Inner(text string, limit int) (ids []uint64, err error) {
	phrase := `"` + strings.ReplaceAll(text, `"`, `""`) + `"`
	err = s.Rows(func(row relational.Row) error {
		var id int64
		err := row.Scan(&id)
		ids = append(ids, userOfRow(id))
		return err
	}, "SELECT rowid FROM user_names WHERE user_names MATCH ? ORDER BY rowid LIMIT ? + 0", phrase, limit)
	return ids, err
}

// refold makes what names are found by anew, if another version of chat.Fold
// made it. It runs within a transaction.
func refold(ctx context.Context, s *connection) error {
	var made string
	if _, err := s.Row([]any{&made}, "SELECT value FROM meta WHERE name = 'fold'"); err != nil || made == chat.FoldVersion {
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
			if err := s.Exec("UPDATE users SET folded = ? WHERE id = ?", folded, relational.Number(n.id)); err != nil {
				return err
			}
		}
		if err := s.IndexName(n.id, folded); err != nil {
			return err
		}
	}
	return s.Exec("INSERT INTO meta (name, value) VALUES ('fold', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", chat.FoldVersion)
}

// named is a user's name, and what it is folded to in the file.
type named struct {
	id           uint64
	name, folded string
}

// names returns those of all users, by id.
func names(s *connection) (all []named, err error) {
	err = s.Rows(func(row relational.Row) error {
		var n named
		err := row.Scan((*relational.Number)(&n.id), &n.name, &n.folded)
		all = append(all, n)
		return err
	}, "SELECT id, name, folded FROM users ORDER BY id")
	return all, err
}
