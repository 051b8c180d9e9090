package store

import (
	"context"
	"fmt"

	"parley/proto"
	"parley/server/chat"
)

// transaction is a view that writes.
type transaction struct {
	*view
	rev uint64 // the highest change number that was put
}

func newTransaction(ctx context.Context, s *session) *transaction {
	return &transaction{view: newView(ctx, s)}
}

// Rev implements chat.View.
func (t *transaction) Rev() (uint64, error) {
	rev, err := t.view.Rev()
	return max(rev, t.rev), err
}

// flush writes what the transaction kept for its end.
func (t *transaction) flush() error {
	before, err := t.view.Rev()
	if err != nil || t.rev <= before {
		return err
	}
	if err := t.exec("INSERT INTO meta (name, value) VALUES ('rev', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", bytesOf(t.rev)); err != nil {
		return fmt.Errorf("write the change number: %w", err)
	}
	return nil
}

// ensure returns a conversation's row id, and makes the row if it is missing.
func (t *transaction) ensure(key proto.Key) (int64, error) {
	id, err := t.rowID(key)
	if err != nil || id != 0 {
		return id, err
	}
	if _, err := t.row([]any{&id}, "INSERT INTO conversations (key, head, min) VALUES (?, ?, ?) RETURNING id", key.String(), bytesOf(0), bytesOf(0)); err != nil {
		return 0, fmt.Errorf("add conversation: %w", err)
	}
	t.rowIDs[key] = id
	return id, nil
}

// PutConversation implements chat.Tx.
func (t *transaction) PutConversation(c chat.Conversation) error {
	id, err := t.ensure(c.Key)
	if err != nil {
		return err
	}
	if err := t.exec("UPDATE conversations SET head = ?, min = ? WHERE id = ?", bytesOf(c.Head), bytesOf(c.Min), id); err != nil {
		return fmt.Errorf("write conversation: %w", err)
	}
	return nil
}

// PutMember implements chat.Tx.
func (t *transaction) PutMember(m chat.Member) error {
	id, err := t.ensure(m.Key)
	if err != nil {
		return err
	}
	err = t.exec("INSERT INTO members (conversation, user_id, rev, read_seq, delivered_seq, answered_through, waiting_seq, waiting_since)"+
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (conversation, user_id) DO UPDATE SET rev = excluded.rev, read_seq = excluded.read_seq,"+
		" delivered_seq = excluded.delivered_seq, answered_through = excluded.answered_through, waiting_seq = excluded.waiting_seq, waiting_since = excluded.waiting_since",
		id, bytesOf(m.User), bytesOf(m.Rev), bytesOf(m.Read), bytesOf(m.Delivered),
		bytesOf(m.Waiting.AnsweredThrough), bytesOf(m.Waiting.Seq), bytesOf(m.Waiting.Since))
	if err != nil {
		return fmt.Errorf("write member: %w", err)
	}
	t.rev = max(t.rev, m.Rev)
	return nil
}

// Append implements chat.Tx.
func (t *transaction) Append(e chat.Entry) error {
	id, err := t.ensure(e.Key)
	if err != nil {
		return err
	}
	err = t.exec("INSERT INTO messages (conversation, seq, id, sender, client_ref, create_time, body) VALUES (?, ?, ?, ?, ?, ?, ?)",
		id, bytesOf(e.Seq), bytesOf(e.ID), bytesOf(e.Sender), e.Ref[:], bytesOf(e.CreateTime), e.Body)
	if err != nil {
		return fmt.Errorf("append message id %d: %w", e.ID, err)
	}
	return nil
}

// PutUser implements chat.Tx.
func (t *transaction) PutUser(u chat.User) error {
	if err := t.ctx.Err(); err != nil {
		return err
	}
	err := t.exec("INSERT INTO users (id, name, folded) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET name = excluded.name, folded = excluded.folded",
		bytesOf(u.ID), u.Name, chat.Fold(u.Name))
	if err != nil {
		return fmt.Errorf("write user: %w", err)
	}
	return nil
}
