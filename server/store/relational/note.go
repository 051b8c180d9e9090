package relational

import (
	"fmt"

	"parley/proto"
	"parley/server/chat"
)

// Notes implements chat.View.
func (v *View) Notes(key proto.Key) (notes []chat.Note, err error) {
	id, err := v.rowID(key)
	if err != nil || id == 0 {
		return nil, err
	}
	err = v.Rows(func(row Row) error {
		n := chat.Note{Key: key}
		err := row.Scan((*Number)(&n.ID), (*Number)(&n.After), (*Number)(&n.Author), (*Ref)(&n.Ref), (*Number)(&n.Time), &n.Content)
		notes = append(notes, n)
		return err
	}, "SELECT id, after_seq, author, ref, create_time, content FROM notes WHERE conversation = ? ORDER BY id", id)
	if err != nil {
		return nil, fmt.Errorf("read notes: %w", err)
	}
	return notes, nil
}

// AddNote implements chat.Tx.
func (t *Transaction) AddNote(n chat.Note) error {
	id, err := t.ensure(n.Key)
	if err != nil {
		return err
	}
	if err := t.Exec("INSERT INTO notes (conversation, id, after_seq, author, ref, create_time, content) VALUES (?, ?, ?, ?, ?, ?, ?)",
		id, Number(n.ID), Number(n.After), Number(n.Author), n.Ref[:], Number(n.Time), n.Content); err != nil {
		return fmt.Errorf("add note %d: %w", n.ID, err)
	}
	return nil
}

// DeleteNote implements chat.Tx.
func (t *Transaction) DeleteNote(key proto.Key, note uint64) error {
	id, err := t.rowID(key)
	if err != nil || id == 0 {
		return err
	}
	if err := t.Exec("DELETE FROM notes WHERE conversation = ? AND id = ?", id, Number(note)); err != nil {
		return fmt.Errorf("delete note %d: %w", note, err)
	}
	return nil
}

// ExpireNotes implements chat.Tx.
func (t *Transaction) ExpireNotes(before uint64, limit int) (expired int, err error) {
	if err := t.ctx.Err(); err != nil {
		return 0, err
	}
	type place struct {
		conversation int64
		id           Number
	}
	var old []place
	err = t.Rows(func(row Row) error {
		var p place
		err := row.Scan(&p.conversation, &p.id)
		old = append(old, p)
		return err
	}, "SELECT conversation, id FROM notes WHERE create_time < ? ORDER BY create_time"+atMost, Number(before), max(0, limit))
	for _, p := range old {
		if err != nil {
			break
		}
		err = t.Exec("DELETE FROM notes WHERE conversation = ? AND id = ?", p.conversation, p.id)
	}
	if err != nil {
		return 0, fmt.Errorf("delete old notes: %w", err)
	}
	return len(old), nil
}
