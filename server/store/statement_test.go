package store

import (
	"bytes"
	"context"
	"errors"
	"math"
	"parley/server/store/relational"
	"path/filepath"
	"strings"
	"testing"
	"time"

	sqlite3 "modernc.org/sqlite/lib"
)

func testConnection(t *testing.T) *connection {
	t.Helper()
	s, err := openConnection(t.Context(), filepath.Join(t.TempDir(), FileName), options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestWhatIsBoundIsReadAgain(t *testing.T) {
	s := testConnection(t)
	// Twice, as what was bound before stays bound: the second time it is longer.
	for _, long := range []string{"", strings.Repeat("é", 5000)} {
		var (
			yes, no  bool
			small    int
			signed   int64
			unsigned uint64
			beyond   relational.Number
			own      relational.Ref
			text     string
			blob     []byte
			none     []byte
			void     string
		)
		found, err := s.Row([]any{&yes, &no, &small, &signed, &unsigned, &beyond, &own, &text, &blob, &none, &void},
			"SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ifnull(?, 'null')",
			true, false, -7, int64(math.MinInt64), int64(math.MaxInt64), relational.Number(math.MaxUint64), []byte("0123456789abcdef"), long, []byte(long), []byte{}, []byte(nil))
		if err != nil || !found {
			t.Fatal(found, err)
		}
		if !yes || no || small != -7 || signed != math.MinInt64 || unsigned != math.MaxInt64 || beyond != math.MaxUint64 ||
			string(own[:]) != "0123456789abcdef" || text != long || !bytes.Equal(blob, []byte(long)) || len(none) != 0 || void != "null" {
			t.Errorf("read %v %v %d %d %d %d %q %q %q %q %q", yes, no, small, signed, unsigned, beyond, own, text, blob, none, void)
		}
	}
	if err := s.Exec("SELECT ?, ?", 1); err == nil {
		t.Error("a parameter without a value is taken")
	}
}

// A value of another kind than the program wrote is damage, and not taken for zero.
func TestAValueOfAnotherKindIsAnError(t *testing.T) {
	s := testConnection(t)
	for value, dest := range map[string]any{
		"NULL": new(string), "'1'": new(int64), "1": new(relational.Number), "x'00'": new(relational.Number), "'12345678'": new(relational.Number),
		"x'000102030405060708090a0b0c0d0e0f10'": new(relational.Ref), "2": new(bool), "-1": new(uint64), "4294967296": new(int32), "1.5": new(int), "3": new([]byte),
	} {
		if _, err := s.Row([]any{dest}, "SELECT "+value); err == nil {
			t.Errorf("%s is read as %T", value, dest)
		}
	}
	if _, err := s.Row([]any{new(int), new(int)}, "SELECT 1"); err == nil {
		t.Error("one column is read as two")
	}
}

func TestAnErrorSaysWhatSQLiteFound(t *testing.T) {
	s := testConnection(t)
	if err := s.script("CREATE TABLE one (id INTEGER PRIMARY KEY); INSERT INTO one VALUES (1)"); err != nil {
		t.Fatal(err)
	}
	err := s.Exec("INSERT INTO one VALUES (?)", 1)
	if codeOf(err) != sqlite3.SQLITE_CONSTRAINT || !strings.Contains(err.Error(), "one.id") {
		t.Errorf("a second row with the same key: %v", err)
	}
	if err := s.Exec("INSERT INTO one VALUES (?)", 2); err != nil {
		t.Errorf("after an error: %v", err)
	}
	if err := s.Exec("no SQL"); codeOf(err) != sqlite3.SQLITE_ERROR || !strings.Contains(err.Error(), "syntax") {
		t.Errorf("what is no SQL: %v", err)
	}
}

func TestALongStatementEndsWithItsContext(t *testing.T) {
	s := testConnection(t)
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	err := s.until(ctx, func() error {
		return s.Exec("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT ?) SELECT count(*) FROM n", 20_000_000)
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("it ended with %v", err)
	}
	if found, err := s.Row([]any{new(int)}, "SELECT 1"); err != nil || !found {
		t.Errorf("the next statement: %v", err)
	}
}
