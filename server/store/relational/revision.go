package relational

import (
	"fmt"

	"parley/proto"
	"parley/server/chat"
)

// Revised implements chat.View.
func (v *View) Revised(key proto.Key, after uint64, limit int) (entries []chat.Entry, err error) {
	id, err := v.rowID(key)
	if err != nil || id == 0 {
		return nil, err
	}
	err = v.Rows(func(row Row) error {
		e := chat.Entry{Key: key}
		err := row.Scan(append(EntryFields(&e), &e.Body)...)
		entries = append(entries, e)
		return err
	}, "SELECT "+EntryColumns+", body FROM messages WHERE conversation = ? AND revised > ? AND revised > 0 ORDER BY revised"+atMost, id, int64(after), max(0, limit))
	if err != nil {
		return nil, fmt.Errorf("read what was revised: %w", err)
	}
	return entries, nil
}

// CountRecalled implements chat.View.
func (v *View) CountRecalled(key proto.Key, after, except uint64) (n uint64, err error) {
	id, err := v.rowID(key)
	if err != nil || id == 0 {
		return 0, err
	}
	if _, err := v.Row([]any{&n}, "SELECT count(*) FROM messages WHERE conversation = ? AND seq > ? AND type = 27 AND sender != ?", id, Number(after), Number(except)); err != nil {
		return 0, fmt.Errorf("count what was taken back: %w", err)
	}
	return n, nil
}

// Revise implements chat.Tx.
func (t *Transaction) Revise(e chat.Entry) error {
	id, err := t.rowID(e.Key)
	if err != nil {
		return err
	}
	there := t.ahead.has(e.Key, e.Seq)
	if !there {
		var one int64
		there, err = t.Row([]any{&one}, "SELECT 1 FROM messages WHERE conversation = ? AND seq = ?", id, Number(e.Seq))
	}
	if err == nil && !there {
		err = fmt.Errorf("there is no entry %d", e.Seq)
	}
	if err == nil {
		err = t.Exec("UPDATE messages SET type = ?, body = ?, revised = ? WHERE conversation = ? AND seq = ?", int64(e.Type), e.Body, int64(e.Revised), id, Number(e.Seq))
	}
	if err == nil && e.Type == proto.MessageType_MESSAGE_TYPE_RECALLED && e.Key.Kind() == proto.Group {
		err = t.Exec("DELETE FROM mentions WHERE conversation = ? AND seq = ?", id, Number(e.Seq))
	}
	if err != nil {
		return fmt.Errorf("revise message id %d: %w", e.ID, err)
	}
	t.erases = true
	t.ahead.revised(e)
	return nil
}

// Erases reports whether the transaction replaced what must not stay where the database keeps
// what was there before.
func (t *Transaction) Erases() bool { return t.erases }
