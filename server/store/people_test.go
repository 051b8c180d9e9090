package store

import (
	"errors"
	"fmt"
	"maps"
	"parley/server/store/relational"
	"strings"
	"testing"

	"parley/server/chat"
)

func putUsers(t *testing.T, db *DB, names ...string) {
	t.Helper()
	err := db.Update(t.Context(), func(tx chat.Tx) error {
		for i, name := range names {
			if err := tx.PutUser(chat.User{ID: uint64(i + 1), Name: name}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// found returns the names that a text finds, joined.
func found(t *testing.T, db *DB, text string) (names string) {
	t.Helper()
	err := db.View(t.Context(), func(v chat.View) error {
		users, err := v.Users(chat.UserQuery{Text: text, Limit: 100})
		for _, u := range users {
			names += u.Name + ";"
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// A search reads what it finds, in the order in which it is found: no statement
// of one goes through everybody, or sorts.
func TestAPeopleSearchIsReadOffIndexes(t *testing.T) {
	db := openIn(t, t.TempDir())
	putUsers(t, db, "Ada Lovelace", "Strada", "Estrada")
	err := db.asWriter(func(s *connection) error {
		known := maps.Clone(s.statements)
		err := s.view(t.Context(), func(v chat.View) error {
			for _, text := range []string{"", "ad", "trada", "1"} {
				if _, err := v.Users(chat.UserQuery{Text: text, Limit: 100}); err != nil {
					return err
				}
			}
			_, err := v.Users(chat.UserQuery{Services: 2, Limit: 100})
			return err
		})
		searched := 0
		for query := range s.statements {
			if known[query] == nil && strings.HasPrefix(query, "SELECT") {
				searched++
				err = errors.Join(err, readOffIndexes(t, s, query))
			}
		}
		if searched < 5 {
			t.Errorf("%d statements were looked at, want one for each way of finding", searched)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func readOffIndexes(t *testing.T, s *connection, query string) error {
	t.Helper()
	unknown := make([]any, strings.Count(query, "?"))
	return s.Rows(func(row relational.Row) error {
		var id, parent, unused int
		var step string
		if err := row.Scan(&id, &parent, &unused, &step); err != nil {
			return err
		}
		few := step == "SCAN users USING INDEX users_agents" || // which holds agents alone
			strings.HasPrefix(step, "SCAN user_names VIRTUAL TABLE INDEX") // as all is called that FTS5 does
		if strings.Contains(step, "TEMP B-TREE") || strings.HasPrefix(step, "SCAN") && !few {
			t.Errorf("%s\nis read so: %s", query, step)
		}
		return nil
	}, "EXPLAIN QUERY PLAN "+query, unknown...)
}

// What another way of folding left in the three indexes is gone after opening.
func TestNamesAreFoldedAnewWhenFoldingChanged(t *testing.T) {
	dir := t.TempDir()
	db := openIn(t, dir)
	putUsers(t, db, "José García", "Ünsal Öz")
	err := db.asWriter(func(s *connection) (err error) {
		for id, name := range map[uint64][2]string{1: {"jose garcia", "JOSÉ GARCÍA"}, 2: {"unsal oz", "ÜNSAL ÖZ"}} {
			err = errors.Join(err, s.UnindexName(id, name[0]), s.IndexName(id, name[1]),
				s.Exec("UPDATE users SET folded = ? WHERE id = ?", name[1], relational.Number(id)))
		}
		return errors.Join(err, s.Exec("UPDATE meta SET value = '0' WHERE name = 'fold'"))
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	db = openIn(t, dir)
	for text, want := range map[string]string{
		"jose": "José García;", "garci": "José García;", "arcia": "José García;", "unsal": "Ünsal Öz;", "": "José García;Ünsal Öz;",
	} {
		if got := found(t, db, text); got != want {
			t.Errorf("%q finds %q, want %q", text, got, want)
		}
	}
	for what, query := range map[string]string{
		"beginnings": "SELECT count(*) FROM users WHERE folded GLOB '*[A-Z]*'",
		"words":      "SELECT count(*) FROM user_words WHERE rest GLOB '*[A-Z]*'",
		"middles":    "SELECT count(*) FROM user_names WHERE user_names MATCH 'RCÍ OR SAL'",
	} {
		var n int
		err := db.asWriter(func(s *connection) error {
			_, err := s.Row([]any{&n}, query)
			return err
		})
		if err != nil || n != 0 {
			t.Errorf("%d old %s are left, error %v", n, what, err)
		}
	}
}

// Whatever names were given and given up: the indexes hold what they should,
// as far as SQLite can tell.
func TestTheIndexesOfNamesAreWhole(t *testing.T) {
	db := openIn(t, t.TempDir())
	for round := range 3 {
		var names []string
		for i := range 300 {
			names = append(names, fmt.Sprintf("Name %d Of %d", (i+round)%7, i*round))
		}
		putUsers(t, db, names...)
	}
	if verdict := db.ask(t, "integrity_check"); verdict != "ok" {
		t.Error(verdict)
	}
	var words, users int
	err := db.asWriter(func(s *connection) error {
		_, err := s.Row([]any{&words, &users}, "SELECT (SELECT count(*) FROM user_words), (SELECT count(*) FROM users)")
		return errors.Join(err, s.Exec("INSERT INTO user_names (user_names) VALUES ('integrity-check')"))
	})
	if err != nil || users != 300 || words != 3*300 {
		t.Errorf("%d words of %d names, error %v", words, users, err)
	}
}
