//go:build unix

package cluster

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"parley/proto"
	"parley/server/e2e/s3"
	"parley/server/store/postgres/postgrestest"
)

// erased are the words of which all begin that is sent here and taken back, and the answer to it.
var erased = []string{"Zqxj", "🦚"}

// tables names the tables of the database that have an erased word in a row, those of PostgreSQL
// itself too, with what it guesses queries by.
func (c *cluster) tables() (found []string) {
	c.Helper()
	var words []string
	for _, word := range erased {
		words = append(words, word, hex.EncodeToString([]byte(word))) // bytes are written so
	}
	each := postgrestest.SQL(c, c.database, `SELECT string_agg(format('SELECT %L WHERE EXISTS (SELECT FROM %s x WHERE x::text ~ %L)', oid::regclass, oid::regclass, '`+
		strings.Join(words, "|")+`'), ' UNION ALL ') FROM pg_class WHERE relkind IN ('r', 'm')`)
	return strings.Fields(postgrestest.SQL(c, c.database, each))
}

// files names the files below a folder that have an erased word in them or in their names.
func files(t *testing.T, folder string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || err == nil && !entry.Type().IsRegular() {
			return nil // a file that went meanwhile, or a socket
		}
		if err != nil {
			return err
		}
		content, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if slices.ContainsFunc(erased, func(word string) bool { return bytes.Contains(content, []byte(word)) || strings.Contains(path, word) }) {
			found = append(found, strings.TrimPrefix(path, folder))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// inBucket names the objects that have an erased word.
func inBucket(b *s3.Bucket) (found []string) {
	for _, word := range erased {
		found = append(found, b.Holding(word)...)
	}
	return found
}

// publishes sends a message, which must be stored, and returns its seq.
func (c *cluster) publishes(from *client, m *proto.Message) uint64 {
	c.Helper()
	a, err := from.publish(c.Context(), proto.BranchMessage, m)
	if err != nil || a.code != 0 {
		c.Fatalf("%v is answered with 0x%02X, %v", m, a.code, err)
	}
	seq, ok := proto.ParseID(a.properties[proto.PropertySeq])
	if !ok {
		c.Fatalf("%v has seq %q", m, a.properties[proto.PropertySeq])
	}
	return seq
}

// of is a message that speaks of an earlier one.
func of(to, target uint64, kind proto.MessageType, content string) *proto.Message {
	m := message(to, content, newRef())
	m.MessageType, m.TargetSeq = &kind, &target
	return m
}

// Of what was edited away or taken back nothing rests in any table, file or object, once
// PostgreSQL has written its tables and its log anew.
func TestNothingOfWhatWasTakenBackRestsInPostgreSQLOrTheBucket(t *testing.T) {
	c, bucket := newClusterWithFiles(t)
	ann, ben := c.guest(0, "Ann"), c.guest(1, "Ben")
	a, b := c.connect(0, ann), c.connect(1, ben)
	var made struct {
		ID string `json:"group_id"`
	}
	if err := c.nodes[0].Client().Ask(t.Context(), "POST", "/api/groups", ann.Token, map[string]any{"name": "The team", "members": []string{fmt.Sprint(ben.ID)}}, &made); err != nil {
		t.Fatal(err)
	}
	group, _ := proto.ParseID(made.ID)

	edited := c.publishes(a, message(group, erased[0]+" first", newRef()))
	quoting := message(group, "yes", newRef())
	quoting.QuoteSeq = &edited
	c.publishes(b, quoting)
	c.publishes(b, of(group, edited, proto.MessageType_MESSAGE_TYPE_REACT, erased[1]))
	c.publishes(a, of(group, edited, proto.MessageType_MESSAGE_TYPE_EDIT, erased[0]+" edited"))
	file := c.begin(0, ann, erased[0]+".txt", strings.Repeat(erased[0]+" content. ", 20_000))
	file.sends(0, 0, 150_000)
	file.sends(1, 150_000, len(file.content))
	carrying := c.publishes(a, file.message(group, erased[0]+" caption"))
	direct := c.publishes(a, message(ben.ID, erased[0]+" direct", newRef()))
	unsent := c.begin(1, ann, erased[0]+" unsent.txt", strings.Repeat(erased[0], 1000))
	unsent.sends(1, 0, 2000)
	postgrestest.SQL(t, c.database, "ANALYZE") // as PostgreSQL does by itself

	for _, table := range []string{"messages", "attachments", "changes"} {
		if found := c.tables(); !slices.Contains(found, table) {
			t.Fatalf("it is found in %q alone, and not in %s", found, table)
		}
	}
	if found := inBucket(bucket); len(found) != 3 {
		t.Fatalf("it is found in %q of the bucket, not in three parts", found)
	}

	c.publishes(a, recall(group, edited))
	c.publishes(a, recall(group, carrying))
	c.publishes(a, recall(ben.ID, direct))
	if gone := c.transfer(2, "DELETE", unsent.path(), ann, ""); gone.Status != 204 {
		t.Errorf("an upload that is given up: %d %s", gone.Status, gone.Body)
	}
	c.until("what was uploaded is deleted", func() error {
		if left, unfinished := len(bucket.Objects()), bucket.Unfinished(); left > 0 || unfinished != "" {
			return fmt.Errorf("%d objects are left, %s", left, unfinished)
		}
		return nil
	})
	c.until("only the change log has it", func() error { // a content goes, and then its name
		if found := c.tables(); !slices.Equal(found, []string{"changes"}) {
			return fmt.Errorf("it is found in %q", found)
		}
		return nil
	})

	// The change log goes after five minutes. What then is left are rows that are dead, of which
	// a plain VACUUM does not write over all, and the log, whose files are used again.
	postgrestest.SQL(t, c.database, "DELETE FROM parley.changes WHERE number < (SELECT max(number) FROM parley.changes)")
	if found := c.tables(); len(found) > 0 {
		t.Errorf("it is found in %q", found)
	}
	if found := files(t, postgrestest.Folder(t)); len(found) == 0 {
		t.Error("no file of PostgreSQL has it, before it wrote any anew")
	}
	for _, statement := range []string{"ALTER SYSTEM SET wal_recycle = off", "ALTER SYSTEM SET min_wal_size = '32MB'", "SELECT pg_reload_conf()", "VACUUM FULL", "CHECKPOINT", "SELECT pg_switch_wal()", "CHECKPOINT", "CHECKPOINT"} {
		postgrestest.SQL(t, c.database, statement)
	}
	if found := files(t, postgrestest.Folder(t)); len(found) > 0 {
		t.Errorf("it is found in %q", found)
	}
	for i, n := range c.nodes {
		if found := files(t, n.Data); len(found) > 0 || slices.ContainsFunc(erased, func(word string) bool { return strings.Contains(n.Log(), word) }) {
			t.Errorf("node %d has it in %q, or in its log", i, found)
		}
	}
}
