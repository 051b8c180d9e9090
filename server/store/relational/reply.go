package relational

import (
	"fmt"

	"parley/proto"
	"parley/server/chat"
)

// Replies implements chat.View.
func (v *View) Replies(service proto.ServiceType) (replies []chat.Reply, err error) {
	if err := v.ctx.Err(); err != nil {
		return nil, err
	}
	err = v.Rows(func(row Row) error {
		r := chat.Reply{Service: service}
		err := row.Scan((*Number)(&r.ID), (*Number)(&r.Version), &r.Title, &r.Content)
		replies = append(replies, r)
		return err
	}, "SELECT id, version, title, content FROM replies WHERE service = ? ORDER BY id", int64(service))
	if err != nil {
		return nil, fmt.Errorf("read canned replies: %w", err)
	}
	return replies, nil
}

// PutReply implements chat.Tx.
func (t *Transaction) PutReply(r chat.Reply) error {
	if err := t.ctx.Err(); err != nil {
		return err
	}
	if err := t.Exec("INSERT INTO replies (service, id, version, title, content) VALUES (?, ?, ?, ?, ?)"+
		" ON CONFLICT (service, id) DO UPDATE SET version = excluded.version, title = excluded.title, content = excluded.content",
		int64(r.Service), Number(r.ID), Number(r.Version), r.Title, r.Content); err != nil {
		return fmt.Errorf("write a canned reply: %w", err)
	}
	return nil
}

// DeleteReply implements chat.Tx.
func (t *Transaction) DeleteReply(service proto.ServiceType, id uint64) error {
	if err := t.ctx.Err(); err != nil {
		return err
	}
	if err := t.Exec("DELETE FROM replies WHERE service = ? AND id = ?", int64(service), Number(id)); err != nil {
		return fmt.Errorf("delete a canned reply: %w", err)
	}
	return nil
}
