package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"parley/proto"
	"parley/server/chat"
)

// view reads within the transaction that its session has begun.
type view struct {
	ctx context.Context
	*session
	rowIDs map[proto.Key]int64 // of conversations that this transaction met
}

func newView(ctx context.Context, s *session) *view {
	return &view{ctx: ctx, session: s, rowIDs: make(map[proto.Key]int64)}
}

// rowID returns a conversation's row id, 0 if there is none.
func (v *view) rowID(key proto.Key) (id int64, err error) {
	if err := v.ctx.Err(); err != nil {
		return 0, err
	}
	if id := v.rowIDs[key]; id != 0 {
		return id, nil
	}
	if _, err := v.row([]any{&id}, "SELECT id FROM conversations WHERE key = ?", key.String()); err != nil {
		return 0, fmt.Errorf("find conversation: %w", err)
	}
	if id != 0 {
		v.rowIDs[key] = id
	}
	return id, nil
}

// LastID implements chat.View.
func (v *view) LastID() (uint64, error) {
	var last number
	if _, err := v.row([]any{&last}, "SELECT id FROM messages ORDER BY id DESC LIMIT 1"); err != nil {
		return 0, fmt.Errorf("find the newest message: %w", err)
	}
	return uint64(last), nil
}

// Rev implements chat.View.
func (v *view) Rev() (uint64, error) {
	var rev number
	if _, err := v.row([]any{&rev}, "SELECT value FROM meta WHERE name = 'rev'"); err != nil {
		return 0, fmt.Errorf("read the change number: %w", err)
	}
	return uint64(rev), nil
}

// Conversation implements chat.View.
func (v *view) Conversation(key proto.Key) (chat.Conversation, error) {
	id, err := v.rowID(key)
	if err != nil || id == 0 {
		return chat.Conversation{}, err
	}
	c := chat.Conversation{Key: key}
	if _, err := v.row([]any{(*number)(&c.Head), (*number)(&c.Min)}, "SELECT head, min FROM conversations WHERE id = ?", id); err != nil {
		return chat.Conversation{}, fmt.Errorf("read conversation: %w", err)
	}
	if c.Head == 0 && c.Min == 0 {
		return chat.Conversation{}, nil // only its entries were put so far
	}
	return c, nil
}

const memberColumns = "m.user_id, m.rev, m.read_seq, m.delivered_seq, m.answered_through, m.waiting_seq, m.waiting_since"

func memberFields(m *chat.Member) []any {
	return []any{
		(*number)(&m.User), (*number)(&m.Rev), (*number)(&m.Read), (*number)(&m.Delivered),
		(*number)(&m.Waiting.AnsweredThrough), (*number)(&m.Waiting.Seq), (*number)(&m.Waiting.Since),
	}
}

// Member implements chat.View.
func (v *view) Member(key proto.Key, user uint64) (chat.Member, error) {
	id, err := v.rowID(key)
	if err != nil || id == 0 {
		return chat.Member{}, err
	}
	m := chat.Member{Key: key}
	found, err := v.row(memberFields(&m), "SELECT "+memberColumns+" FROM members m WHERE m.conversation = ? AND m.user_id = ?", id, bytesOf(user))
	if err != nil {
		return chat.Member{}, fmt.Errorf("read member: %w", err)
	}
	if !found {
		return chat.Member{}, nil
	}
	return m, nil
}

// Changed implements chat.View.
func (v *view) Changed(user, after uint64, limit int) ([]chat.Member, error) {
	if err := v.ctx.Err(); err != nil {
		return nil, err
	}
	var members []chat.Member
	err := v.rows(func(rows *sql.Rows) (err error) {
		var m chat.Member
		var key string
		if err := rows.Scan(append(memberFields(&m), &key)...); err != nil {
			return err
		}
		m.Key, err = proto.ParseKey(key)
		members = append(members, m)
		return err
	}, "SELECT "+memberColumns+", c.key FROM members m JOIN conversations c ON c.id = m.conversation"+
		" WHERE m.user_id = ? AND m.rev > ? ORDER BY m.rev LIMIT ?", bytesOf(user), bytesOf(after), max(0, limit))
	if err != nil {
		return nil, fmt.Errorf("read changed members: %w", err)
	}
	return members, nil
}

const entryColumns = "seq, id, sender, client_ref, create_time"

func entryFields(e *chat.Entry) []any {
	return []any{(*number)(&e.Seq), (*number)(&e.ID), (*number)(&e.Sender), (*ref)(&e.Ref), (*number)(&e.CreateTime)}
}

// ref is a client_ref in the file.
type ref [proto.RefSize]byte

func (r *ref) Scan(src any) error {
	b, ok := src.([]byte)
	if !ok || len(b) != len(r) {
		return fmt.Errorf("a client_ref is damaged: %T", src)
	}
	copy(r[:], b)
	return nil
}

// Entries implements chat.View.
func (v *view) Entries(key proto.Key, after, before uint64, limit int, newest bool) ([]chat.Entry, error) {
	id, err := v.rowID(key)
	if err != nil || id == 0 {
		return nil, err
	}
	order := "ASC"
	if newest {
		order = "DESC"
	}
	var entries []chat.Entry
	err = v.rows(func(rows *sql.Rows) error {
		e := chat.Entry{Key: key}
		if err := rows.Scan(append(entryFields(&e), &e.Body)...); err != nil {
			return err
		}
		entries = append(entries, e)
		return nil
	}, "SELECT "+entryColumns+", body FROM messages WHERE conversation = ? AND seq > ? AND seq <= ? ORDER BY seq "+order+" LIMIT ?",
		id, bytesOf(after), bytesOf(before-1), max(0, limit)) // before 0 wraps round to the highest: no bound
	if err != nil {
		return nil, fmt.Errorf("read entries: %w", err)
	}
	if newest {
		slices.Reverse(entries)
	}
	return entries, nil
}

// FirstBy implements chat.View.
func (v *view) FirstBy(key proto.Key, sender uint64, after uint64) (chat.Entry, error) {
	id, err := v.rowID(key)
	if err != nil || id == 0 {
		return chat.Entry{}, err
	}
	e := chat.Entry{Key: key}
	found, err := v.row(entryFields(&e), "SELECT "+entryColumns+" FROM messages WHERE conversation = ? AND sender = ? AND seq > ? ORDER BY seq LIMIT 1",
		id, bytesOf(sender), bytesOf(after))
	if err != nil {
		return chat.Entry{}, fmt.Errorf("find the first entry of a sender: %w", err)
	}
	if !found {
		return chat.Entry{}, nil
	}
	return e, nil
}

// CountBy implements chat.View.
func (v *view) CountBy(key proto.Key, sender uint64, after uint64) (uint64, error) {
	id, err := v.rowID(key)
	if err != nil || id == 0 {
		return 0, err
	}
	var n int64
	if _, err := v.row([]any{&n}, "SELECT count(*) FROM messages WHERE conversation = ? AND sender = ? AND seq > ?", id, bytesOf(sender), bytesOf(after)); err != nil {
		return 0, fmt.Errorf("count entries of a sender: %w", err)
	}
	return uint64(n), nil
}

// ByRef implements chat.View.
func (v *view) ByRef(sender uint64, clientRef [proto.RefSize]byte) (e chat.Entry, err error) {
	if err := v.ctx.Err(); err != nil {
		return e, err
	}
	var key string
	found, err := v.row(append(entryFields(&e), &key), "SELECT "+entryColumns+", c.key FROM messages JOIN"+
		" (SELECT id AS conversation_id, key FROM conversations) c ON conversation_id = conversation"+
		" WHERE sender = ? AND client_ref = ?", bytesOf(sender), clientRef[:])
	if err != nil {
		return chat.Entry{}, fmt.Errorf("find an entry by client_ref: %w", err)
	}
	if !found {
		return chat.Entry{}, nil
	}
	e.Key, err = proto.ParseKey(key)
	return e, err
}

// User implements chat.View.
func (v *view) User(id uint64) (chat.User, error) {
	u := chat.User{ID: id}
	found, err := v.row([]any{&u.Name}, "SELECT name FROM users WHERE id = ?", bytesOf(id))
	if err != nil {
		return chat.User{}, fmt.Errorf("read user: %w", err)
	}
	if !found {
		return chat.User{}, nil
	}
	return u, nil
}

// like escapes what LIKE would take for a wildcard.
var like = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// Users implements chat.View.
func (v *view) Users(query string, limit int) ([]chat.User, error) {
	if err := v.ctx.Err(); err != nil {
		return nil, err
	}
	id := []byte{} // no user's
	if n, err := strconv.ParseUint(query, 10, 64); err == nil && strconv.FormatUint(n, 10) == query {
		id = bytesOf(n)
	}
	var users []chat.User
	err := v.rows(func(rows *sql.Rows) error {
		var u chat.User
		if err := rows.Scan((*number)(&u.ID), &u.Name); err != nil {
			return err
		}
		users = append(users, u)
		return nil
	}, `SELECT id, name FROM users WHERE folded LIKE ? ESCAPE '\' OR id = ? ORDER BY folded, id LIMIT ?`,
		"%"+like.Replace(chat.Fold(query))+"%", id, max(0, limit))
	if err != nil {
		return nil, fmt.Errorf("find users: %w", err)
	}
	return users, nil
}
