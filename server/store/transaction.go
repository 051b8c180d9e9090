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

func newTransaction(ctx context.Context, s *connection) *transaction {
	return &transaction{view: newView(ctx, s)}
}

// Conversation implements chat.View.
func (t *transaction) Conversation(key proto.Key) (chat.Conversation, error) {
	if row, ok := t.cache.conversations[key]; ok {
		return row.Conversation, t.ctx.Err()
	}
	c, err := t.view.Conversation(key)
	if id := t.rowIDs[key]; err == nil && id != 0 {
		t.cache.putConversation(key, conversationRow{id, c})
	}
	return c, err
}

// Member implements chat.View.
func (t *transaction) Member(key proto.Key, user uint64) (chat.Member, error) {
	if m, ok := t.cache.members[memberKey{key, user}]; ok {
		return m, t.ctx.Err()
	}
	m, err := t.view.Member(key, user)
	if err == nil {
		t.cache.putMember(memberKey{key, user}, m)
	}
	return m, err
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
	if err := t.exec("INSERT INTO meta (name, value) VALUES ('rev', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", number(t.rev)); err != nil {
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
	var service any // NULL
	if key.Kind() == proto.Service {
		service = int64(key.Service())
	}
	if _, err := t.row([]any{&id}, "INSERT INTO conversations (key, head, min, service) VALUES (?, ?, ?, ?) RETURNING id", key.String(), number(0), number(0), service); err != nil {
		return 0, fmt.Errorf("add conversation: %w", err)
	}
	t.rowIDs[key] = id
	return id, nil
}

// What is written of a conversation: all, or only what all have, where the rest stays as it is.
const (
	putShared = "UPDATE conversations SET head = ?, min = ?, newest_time = ?, a_through = ?, a_seq = ?, a_since = ?, b_through = ?, b_seq = ?, b_since = ?," +
		" a_counted = ?, b_counted = ?, gone = ?, notes = ?"
	putSome = putShared + " WHERE id = ?"
	putAll  = putShared + ", rev = ?, assignee = ?, post_proc = ?, answer_seq = ?, answer_by = ?, service_read = ?, service_delivered = ?," +
		" service_read_time = ?, service_delivered_time = ? WHERE id = ?"
)

// ofService returns what only a service's conversation has.
func ofService(c chat.Conversation) chat.Conversation {
	now := c.Status
	now.Sides = [2]proto.Waiting{}
	return chat.Conversation{Rev: c.Rev, Status: now, ServiceRead: c.ServiceRead, ServiceDelivered: c.ServiceDelivered,
		ServiceReadTime: c.ServiceReadTime, ServiceDeliveredTime: c.ServiceDeliveredTime}
}

// PutConversation implements chat.Tx.
func (t *transaction) PutConversation(c chat.Conversation) error {
	id, err := t.ensure(c.Key)
	if err != nil {
		return err
	}
	a, b, now := c.Status.Sides[proto.First], c.Status.Sides[proto.Second], c.Status
	query, args := putSome, append(make([]any, 0, 23), number(c.Head), number(c.Min), number(c.Time),
		number(a.AnsweredThrough), number(a.Seq), number(a.Since), number(b.AnsweredThrough), number(b.Seq), number(b.Since),
		int64(c.Counted[proto.First]), int64(c.Counted[proto.Second]), int64(c.Gone), int64(c.Notes))
	if known, ok := t.cache.conversations[c.Key]; !ok || known.Head == 0 || ofService(known.Conversation) != ofService(c) {
		query, args = putAll, append(args, number(c.Rev), number(now.Assignee), int64(now.PostProc), number(now.LastAnswer), number(now.LastAnswerBy),
			number(c.ServiceRead), number(c.ServiceDelivered), number(c.ServiceReadTime), number(c.ServiceDeliveredTime))
	}
	err = t.exec(query, append(args, id)...)
	if err != nil {
		return fmt.Errorf("write conversation: %w", err)
	}
	t.cache.putConversation(c.Key, conversationRow{id, whole(c)})
	t.rev = max(t.rev, c.Rev)
	return nil
}

// PutMember implements chat.Tx.
func (t *transaction) PutMember(m chat.Member) error {
	id, err := t.ensure(m.Key)
	if err != nil {
		return err
	}
	// Mostly it was read a moment ago, and no more than its numbers rose.
	known := t.cache.members[memberKey{m.Key, m.User}]
	switch {
	case known.Choices == m.Choices && known.Blocks == m.Blocks && known.Blocked == m.Blocked && known.User == m.User:
		err = t.exec("UPDATE members SET rev = ?, read_seq = ?, delivered_seq = ?, read_time = ?, delivered_time = ?, own = ?, seen = ? WHERE conversation = ? AND user_id = ?",
			number(m.Rev), number(m.Read), number(m.Delivered), number(m.ReadTime), number(m.DeliveredTime), int64(m.Own), int64(m.Seen), id, number(m.User))
	default:
		err = t.putWholeMember(id, m)
	}
	if err != nil {
		return fmt.Errorf("write member: %w", err)
	}
	t.cache.putMember(memberKey{m.Key, m.User}, m)
	t.rev = max(t.rev, m.Rev)
	return nil
}

// putWholeMember adds or replaces the row of a member of the conversation with a row id.
func (t *transaction) putWholeMember(id int64, m chat.Member) error {
	var peer any // NULL
	if m.Key.Kind() == proto.Direct {
		peer = number(m.Key.Peer(m.User))
	}
	return t.exec("INSERT INTO members (conversation, user_id, rev, read_seq, delivered_seq, read_time, delivered_time, own, seen, blocks, blocked, pinned, muted, marked_unread, archived_through, peer)"+
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"+
		" ON CONFLICT (conversation, user_id) DO UPDATE SET rev = excluded.rev, read_seq = excluded.read_seq, delivered_seq = excluded.delivered_seq,"+
		" read_time = excluded.read_time, delivered_time = excluded.delivered_time, own = excluded.own, seen = excluded.seen, blocks = excluded.blocks, blocked = excluded.blocked,"+
		" pinned = excluded.pinned, muted = excluded.muted, marked_unread = excluded.marked_unread, archived_through = excluded.archived_through",
		id, number(m.User), number(m.Rev), number(m.Read), number(m.Delivered), number(m.ReadTime), number(m.DeliveredTime), int64(m.Own), int64(m.Seen),
		m.Blocks, m.Blocked, m.Pinned, m.Muted, m.MarkedUnread, int64(m.ArchivedThrough), peer)
}

// Append implements chat.Tx.
func (t *transaction) Append(e chat.Entry) error {
	id, err := t.ensure(e.Key)
	if err != nil {
		return err
	}
	switch first, err := t.byDeletedRef(e.Sender, e.Ref); {
	case err != nil:
		return err
	case first.Seq != 0:
		return fmt.Errorf("append message id %d: the sender's client_ref is taken", e.ID)
	}
	err = t.exec("INSERT INTO messages (conversation, seq, id, sender, client_ref, create_time, type, a_counted, b_counted, own, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		id, number(e.Seq), number(e.ID), number(e.Sender), e.Ref[:], number(e.CreateTime), int64(e.Type),
		int64(e.Counted[proto.First]), int64(e.Counted[proto.Second]), int64(e.Own), e.Body)
	if err != nil {
		return fmt.Errorf("append message id %d: %w", e.ID, err)
	}
	return nil
}

// Delete implements chat.Tx.
func (t *transaction) Delete(key proto.Key, through uint64) error {
	id, err := t.rowID(key)
	if err != nil || id == 0 {
		return err
	}
	var newest number
	if _, err := t.row([]any{&newest}, "SELECT id FROM messages WHERE conversation = ? AND seq <= ? ORDER BY seq DESC LIMIT 1", id, number(through)); err != nil || newest == 0 {
		return err
	}
	before, err := t.deleted()
	if err != nil {
		return err
	}
	highest := max(before, uint64(newest))
	for _, step := range []struct {
		query string
		args  []any
	}{
		{"INSERT INTO refs (sender, client_ref, conversation, seq, id, create_time)" +
			" SELECT sender, client_ref, conversation, seq, id, create_time FROM messages WHERE conversation = ? AND seq <= ?", []any{id, number(through)}},
		{"DELETE FROM messages WHERE conversation = ? AND seq <= ?", []any{id, number(through)}},
		{"INSERT INTO meta (name, value) VALUES ('deleted', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", []any{number(highest)}},
	} {
		if err := t.exec(step.query, step.args...); err != nil {
			return fmt.Errorf("delete messages: %w", err)
		}
	}
	t.gone = &highest
	return nil
}

// DeleteConversation implements chat.Tx.
func (t *transaction) DeleteConversation(key proto.Key) error {
	id, err := t.rowID(key)
	if err != nil || id == 0 {
		return err
	}
	for _, query := range []string{"DELETE FROM members WHERE conversation = ?", "DELETE FROM conversations WHERE id = ?"} {
		if err := t.exec(query, id); err != nil {
			return fmt.Errorf("delete conversation: %w", err)
		}
	}
	delete(t.rowIDs, key)
	t.cache.clear()
	return nil
}

// PutUser implements chat.Tx.
func (t *transaction) PutUser(u chat.User) error {
	if err := t.ctx.Err(); err != nil {
		return err
	}
	folded := chat.Fold(u.Name)
	if err := t.rename(u.ID, folded); err != nil {
		return err
	}
	err := t.exec("INSERT INTO users (id, name, folded, services, services_since, services_until, revoked, blocked, signed_out, renamed, first_seen, last_seen, hides, wrote, customer) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"+
		" ON CONFLICT (id) DO UPDATE SET name = excluded.name, folded = excluded.folded, services = excluded.services,"+
		" services_since = excluded.services_since, services_until = excluded.services_until, revoked = excluded.revoked, blocked = excluded.blocked,"+
		" signed_out = excluded.signed_out, renamed = excluded.renamed, first_seen = excluded.first_seen, last_seen = excluded.last_seen, hides = excluded.hides, wrote = excluded.wrote, customer = excluded.customer",
		number(u.ID), u.Name, folded, int64(u.Services), number(u.ServicesSince), number(u.ServicesUntil),
		number(u.Revoked), u.Blocked, number(u.SignedOut), number(u.Renamed), number(u.FirstSeen), number(u.LastSeen), hidesOf(u), u.Wrote, int64(u.Customer))
	if err != nil {
		return fmt.Errorf("write user: %w", err)
	}
	return nil
}

// DeleteUser implements chat.Tx.
func (t *transaction) DeleteUser(id uint64) error {
	if err := t.ctx.Err(); err != nil {
		return err
	}
	var folded string
	known, err := t.row([]any{&folded}, "SELECT folded FROM users WHERE id = ?", number(id))
	if err != nil {
		return fmt.Errorf("read user: %w", err)
	}
	if known {
		if err := t.unindexName(id, folded); err != nil {
			return err
		}
	}
	for _, query := range []string{
		"DELETE FROM users WHERE id = ?", "DELETE FROM usage WHERE user_id = ?", "DELETE FROM devices WHERE user_id = ?", "DELETE FROM codes WHERE user_id = ?",
	} {
		if err := t.exec(query, number(id)); err != nil {
			return fmt.Errorf("delete user: %w", err)
		}
	}
	return nil
}

// PutUsage implements chat.Tx.
func (t *transaction) PutUsage(u chat.Usage) error {
	err := t.exec("INSERT INTO usage (user_id, bytes, bytes_time, conversations, conversations_time) VALUES (?, ?, ?, ?, ?) ON CONFLICT (user_id) DO UPDATE SET"+
		" bytes = excluded.bytes, bytes_time = excluded.bytes_time, conversations = excluded.conversations, conversations_time = excluded.conversations_time",
		number(u.User), number(u.Bytes.Level), number(u.Bytes.Time), number(u.Conversations.Level), number(u.Conversations.Time))
	if err != nil {
		return fmt.Errorf("write what a user has used: %w", err)
	}
	return nil
}

// What a user hides, and whether they are away, as bits of users.hides.
const (
	hidesTyping   = 1
	hidesPresence = 2
	hidesListing  = 4
	isAway        = 8
)

func hidesOf(u chat.User) (bits int64) {
	if u.HideTyping {
		bits |= hidesTyping
	}
	if u.HidePresence {
		bits |= hidesPresence
	}
	if u.Unlisted {
		bits |= hidesListing
	}
	if u.Away {
		bits |= isAway
	}
	return bits
}
