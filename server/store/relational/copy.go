package relational

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"strings"
)

// table is one whose rows Copy copies, in the order of its key.
type table struct {
	name    string
	key     int    // how many of the first columns are the key
	columns string // each with its kind: n bytes, i an integer, b a bool, s text; ? in front: or NULL
}

// tables are all but meta, of which metaNames are copied, and what users are found by.
var tables = []table{
	{"conversations", 1, "id i, key s, head n, min n, service ?i, rev n, newest_time n, a_through n, a_seq n, a_since n, b_through n, b_seq n, b_since n, assignee n, post_proc i, answer_seq n, answer_by n," +
		" service_read n, service_delivered n, service_read_time n, service_delivered_time n, a_counted i, b_counted i, gone i, notes i, revised i, recalled i"},
	{"members", 2, "conversation i, user_id n, rev n, read_seq n, delivered_seq n, read_time n, delivered_time n, own i, seen i, peer ?n, blocks b, blocked b, pinned b, muted b, marked_unread b, archived_through i, role i, from_seq n, until_seq n, answered n"},
	{"messages", 2, "conversation i, seq n, id n, sender n, client_ref n, create_time n, type i, a_counted i, b_counted i, own i, body n, revised i"},
	{"refs", 2, "sender n, client_ref n, conversation i, seq n, id n, create_time n"},
	{"users", 1, "id n, name s, folded s, services i, services_since n, services_until n, revoked n, blocked b, signed_out n, renamed n, first_seen n, last_seen n, hides i, wrote b, customer i"},
	{"usage", 1, "user_id n, bytes n, bytes_time n, conversations n, conversations_time n"},
	{"devices", 2, "user_id n, id n, label s, last_seen n, expires n, ended b"},
	{"codes", 2, "user_id n, kind i, hash n, made n, expires n, used b"},
	{"notes", 2, "conversation i, id n, after_seq n, author n, ref n, create_time n, content s"},
	{"replies", 2, "service i, id n, version n, title s, content s"},
	{"user_groups", 1, "conversation i, name s, whole b, members i, version i, picture n"},
	{"mentions", 3, "conversation i, user_id n, seq n"},
	{"group_links", 2, "conversation i, id n, secret n, author n, made n, expires n"},
	{"attachments", 1, "id n, owner n, state i, name s, media_type s, width i, height i, size i, offset_bytes i, time n, due n"},
	{"attachment_names", 3, "attachment n, conversation i, seq n"},
	{"upload_usage", 1, "user_id n, bytes n, bytes_time n, kept n"},
	{"starts", 1, "number i, id n, rev n"},
}

// metaNames are what of meta belongs to the history, and not to the database it is in.
var metaNames = []string{"deleted", "epoch", "rev", "secret"}

const (
	// copyPage is how many rows are read at a time.
	copyPage = 500
	// tellEvery is after how many rows it is told how far a table is.
	tellEvery = 100_000
	// ownNumber is that of the copy's own start, until those that are copied have theirs.
	ownNumber = 1 << 40
)

// Copied is a table that was copied: how many rows, and a hash of them, which is the same in
// both databases.
type Copied struct {
	Table string
	Rows  uint64
	Hash  string
}

// ErrNotEmpty is that there is a history already where one is to be copied to.
var ErrNotEmpty = errors.New("there is a history already: give a folder or a database without one")

// Copy copies a whole history into an empty one, whose opening has the given start, and reads
// both again to see that they are the same. It needs memory for some rows only. tell is called
// once in a while with how many rows of a table are copied. If it fails, so must the
// transaction.
func Copy(ctx context.Context, to *Transaction, from *View, start uint64, tell func(table string, rows uint64)) (all []Copied, err error) {
	for _, t := range []string{"conversations", "users", "refs", "replies"} {
		var one int64
		if there, err := to.Row([]any{&one}, "SELECT 1 FROM "+t+" LIMIT 1"); err != nil {
			return nil, err
		} else if there {
			return nil, ErrNotEmpty
		}
	}
	if err := errors.Join(to.Exec("DELETE FROM starts WHERE id != ?", Number(start)), to.Exec("UPDATE starts SET number = ? WHERE id = ?", int64(ownNumber), Number(start))); err != nil {
		return nil, err
	}
	for _, name := range metaNames {
		var value []byte
		if err := from.Meta(name, &value); err != nil {
			return nil, err
		}
		if value != nil {
			if err := to.Set(name, value); err != nil {
				return nil, err
			}
		}
	}
	for _, t := range tables {
		one, err := t.copy(ctx, to, from, start, tell)
		if err != nil {
			return nil, fmt.Errorf("copy %s: %w", t.name, err)
		}
		all = append(all, one)
	}
	err = to.Exec("UPDATE starts SET number = (SELECT coalesce(max(number), 0) + 1 FROM starts WHERE id != ?), rev = (SELECT value FROM meta WHERE name = 'rev') WHERE id = ?", Number(start), Number(start))
	return all, err
}

// copy copies the rows and compares them.
func (t table) copy(ctx context.Context, to *Transaction, from *View, start uint64, tell func(string, uint64)) (Copied, error) {
	insert := t.insertion()
	source := newDigest()
	err := t.read(ctx, from, start, func(values []any) error {
		source.add(values)
		if source.rows%tellEvery == 0 {
			tell(t.name, source.rows)
		}
		if err := to.Exec(insert, values...); err != nil {
			return err
		}
		if t.name == "users" {
			id, folded := new(Number), values[2].(string)
			id.Set(values[0].([]byte))
			return to.IndexName(uint64(*id), folded)
		}
		return nil
	})
	if err != nil {
		return Copied{}, err
	}
	copied := newDigest()
	if err := t.read(ctx, to.View, start, func(values []any) error {
		copied.add(values)
		return nil
	}); err != nil {
		return Copied{}, err
	}
	if source.sum() != copied.sum() || source.rows != copied.rows {
		return Copied{}, fmt.Errorf("%d rows with hash %s became %d with hash %s", source.rows, source.sum(), copied.rows, copied.sum())
	}
	return Copied{t.name, copied.rows, copied.sum()}, nil
}

// names and kinds are those of the columns.
func (t table) names() (names, kinds []string) {
	for column := range strings.SplitSeq(t.columns, ", ") {
		name, kind, _ := strings.Cut(column, " ")
		names, kinds = append(names, name), append(kinds, kind)
	}
	return names, kinds
}

func (t table) insertion() string {
	names, _ := t.names()
	return "INSERT INTO " + t.name + " (" + strings.Join(names, ", ") + ") VALUES (" + strings.Repeat("?, ", len(names)-1) + "?)"
}

// read calls each for all rows, page by page, but for the copy's own start.
func (t table) read(ctx context.Context, v *View, start uint64, each func(values []any) error) error {
	names, kinds := t.names()
	selected := make([]string, len(names))
	for i, name := range names {
		selected[i] = name
		switch kinds[i] { // a value that no row has stands for NULL
		case "?i":
			selected[i] = "coalesce(" + name + ", -1)"
		case "?n":
			selected[i] = "coalesce(" + name + ", x'')"
		}
	}
	key := strings.Join(names[:t.key], ", ")
	query := "SELECT " + strings.Join(selected, ", ") + " FROM " + t.name
	order := fmt.Sprintf(" ORDER BY %s LIMIT %d", key, copyPage)
	var last []any
	for {
		where := ""
		if last != nil {
			where = " WHERE (" + key + ") > (" + strings.Repeat("?, ", t.key-1) + "?)"
		}
		var page [][]any
		err := v.Rows(func(row Row) error {
			values, err := scanValues(row, kinds)
			page = append(page, values)
			return err
		}, query+where+order, last...)
		if err != nil || len(page) == 0 {
			return err
		}
		last = page[len(page)-1][:t.key]
		for _, values := range page {
			if t.name == "starts" && values[0] == int64(ownNumber) {
				continue
			}
			if err := each(values); err != nil {
				return err
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// scanValues reads a row of columns of kinds: a []byte, int64, bool or string each, or nil.
func scanValues(row Row, kinds []string) ([]any, error) {
	dest := make([]any, len(kinds))
	for i, kind := range kinds {
		switch kind {
		case "n", "?n":
			dest[i] = new([]byte)
		case "i", "?i":
			dest[i] = new(int64)
		case "b":
			dest[i] = new(bool)
		case "s":
			dest[i] = new(string)
		}
	}
	if err := row.Scan(dest...); err != nil {
		return nil, err
	}
	for i, d := range dest {
		switch v := d.(type) {
		case *[]byte:
			dest[i] = nonNil(*v)
			if kinds[i] == "?n" && len(*v) == 0 {
				dest[i] = nil
			}
		case *int64:
			dest[i] = *v
			if kinds[i] == "?i" && *v == -1 {
				dest[i] = nil
			}
		case *bool:
			dest[i] = *v
		case *string:
			dest[i] = *v
		}
	}
	return dest, nil
}

// nonNil is b, which is no NULL if it is empty.
func nonNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// digest is a hash of rows.
type digest struct {
	hash.Hash
	rows uint64
}

func newDigest() *digest { return &digest{Hash: sha256.New()} }

func (d *digest) add(values []any) {
	d.rows++
	for _, value := range values {
		b := []byte{0}
		switch v := value.(type) {
		case []byte:
			b = append([]byte{1}, v...)
		case string:
			b = append([]byte{2}, v...)
		case int64:
			b = binary.BigEndian.AppendUint64([]byte{3}, uint64(v))
		case bool:
			b = []byte{4, 0}
			if v {
				b[1] = 1
			}
		}
		d.Write(binary.BigEndian.AppendUint32(nil, uint32(len(b))))
		d.Write(b)
	}
}

func (d *digest) sum() string { return fmt.Sprintf("%x", d.Sum(nil)[:8]) }
