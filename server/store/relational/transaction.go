package relational

import (
	"context"
	"fmt"

	"parley/proto"
	"parley/server/chat"
)

// Transaction is a View that writes. It implements chat.Tx.
type Transaction struct {
	*View
	rev   uint64 // the highest change number that was put
	row   int64  // the highest row id of a conversation; 0 until it is known
	ahead *Fetched

	erases bool // something was replaced that must not stay

	touched *Touched // nil: it is not noted
	wrote   bool     // something that Touched would tell of
}

var _ chat.Tx = (*Transaction)(nil)

// NewTransaction returns a Transaction, which keeps in cache what it reads and writes.
func NewTransaction(ctx context.Context, c Conn, cache *Cache) *Transaction {
	t := &Transaction{View: NewView(ctx, c)}
	t.cache = cache
	cache.begin()
	return t
}

// Standing is what nearly every transaction reads of the history as a whole: a Transaction
// that knows it reads it no more.
type Standing struct {
	Epoch, Rev uint64
	LastID     uint64 // the highest id of a message that is kept, 0 if none is
	Deleted    uint64 // the highest id among those that were deleted, likewise
	LastRow    int64  // the highest row id of a conversation, likewise
}

// Know lets the Transaction know how the history stands as it begins.
func (t *Transaction) Know(s Standing) { t.known, t.row = &s, s.LastRow }

// Standing is how the history stands with what the Transaction wrote, which has to Know how it did
// as it began.
func (t *Transaction) Standing() Standing {
	s := *t.known
	s.Rev, s.LastRow = max(s.Rev, t.rev), t.row
	return s
}

// Conversation implements chat.View.
func (t *Transaction) Conversation(key proto.Key) (chat.Conversation, error) {
	if row, known := t.cache.row(key); known {
		return row.Conversation, t.ctx.Err()
	}
	c, err := t.View.Conversation(key)
	if id := t.rowIDs[key]; err == nil && id != 0 {
		t.cache.putConversation(key, conversationRow{id, c})
	}
	return c, err
}

// Member implements chat.View.
func (t *Transaction) Member(key proto.Key, user uint64) (chat.Member, error) {
	if m, ok := t.cache.member(key, user); ok {
		return m, t.ctx.Err()
	}
	m, err := t.View.Member(key, user)
	if err == nil {
		t.cache.putMember(memberKey{key, user}, m)
	}
	return m, err
}

// Rev implements chat.View.
func (t *Transaction) Rev() (uint64, error) {
	rev, err := t.View.Rev()
	return max(rev, t.rev), err
}

// Flush writes what the transaction kept for its end.
func (t *Transaction) Flush() error {
	before, err := t.View.Rev()
	if err != nil || t.rev <= before {
		return err
	}
	if err := t.Exec("INSERT INTO meta (name, value) VALUES ('rev', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", Number(t.rev)); err != nil {
		return fmt.Errorf("write the change number: %w", err)
	}
	return nil
}

// ensure returns a conversation's row id, and makes the row if it is missing.
func (t *Transaction) ensure(key proto.Key) (id int64, err error) {
	if id, err = t.rowID(key); err != nil || id != 0 {
		return id, err
	}
	var service any // NULL
	if key.Kind() == proto.Service {
		service = int64(key.Service())
	}
	if id, err = t.nextRow(); err != nil {
		return 0, err
	}
	if err := t.Exec("INSERT INTO conversations (id, key, head, min, service) VALUES (?, ?, ?, ?, ?)", id, key.String(), Number(0), Number(0), service); err != nil {
		return 0, fmt.Errorf("add conversation: %w", err)
	}
	t.rowIDs[key] = id
	t.touch(key)
	t.cache.putConversation(key, conversationRow{id: id})
	return id, nil
}

// nextRow returns a row id that no conversation has.
func (t *Transaction) nextRow() (int64, error) {
	if t.row == 0 && t.known == nil {
		if _, err := t.Row([]any{&t.row}, "SELECT coalesce(max(id), 0) FROM conversations"); err != nil {
			return 0, fmt.Errorf("find the newest conversation: %w", err)
		}
	}
	t.row++
	return t.row, nil
}

// What is written of a conversation: all, or only what all have, where the rest stays as it is.
const (
	putShared = "UPDATE conversations SET head = ?, min = ?, newest_time = ?, a_through = ?, a_seq = ?, a_since = ?, b_through = ?, b_seq = ?, b_since = ?," +
		" a_counted = ?, b_counted = ?, gone = ?, notes = ?, revised = ?, recalled = ?"
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
func (t *Transaction) PutConversation(c chat.Conversation) error {
	id, err := t.ensure(c.Key)
	if err != nil {
		return err
	}
	a, b, now := c.Status.Sides[proto.First], c.Status.Sides[proto.Second], c.Status
	query, args := putSome, append(make([]any, 0, 25), Number(c.Head), Number(c.Min), Number(c.Time),
		Number(a.AnsweredThrough), Number(a.Seq), Number(a.Since), Number(b.AnsweredThrough), Number(b.Seq), Number(b.Since),
		int64(c.Counted[proto.First]), int64(c.Counted[proto.Second]), int64(c.Past), int64(c.Notes), int64(c.Revised), int64(c.Recalled))
	if known, _ := t.cache.row(c.Key); known.id == 0 || known.Head == 0 || ofService(known.Conversation) != ofService(c) {
		query, args = putAll, append(args, Number(c.Rev), Number(now.Assignee), int64(now.PostProc), Number(now.LastAnswer), Number(now.LastAnswerBy),
			Number(c.ServiceRead), Number(c.ServiceDelivered), Number(c.ServiceReadTime), Number(c.ServiceDeliveredTime))
	}
	err = t.Exec(query, append(args, id)...)
	if err != nil {
		return fmt.Errorf("write conversation: %w", err)
	}
	t.touch(c.Key)
	t.cache.putConversation(c.Key, conversationRow{id, whole(c)})
	t.rev = max(t.rev, c.Rev)
	return nil
}

// PutMember implements chat.Tx.
func (t *Transaction) PutMember(m chat.Member) error {
	id, err := t.ensure(m.Key)
	if err != nil {
		return err
	}
	// Mostly it was read a moment ago, and no more than its numbers rose.
	known, _ := t.cache.member(m.Key, m.User)
	switch {
	case m.Key.Kind() != proto.Group && known.Choices == m.Choices && known.Blocks == m.Blocks && known.Blocked == m.Blocked && known.User == m.User:
		err = t.Exec(updateMember, Number(m.Rev), Number(m.Read), Number(m.Delivered), Number(m.ReadTime), Number(m.DeliveredTime), int64(m.Own), int64(m.Seen), id, Number(m.User))
	default:
		err = t.putWholeMember(id, m)
	}
	if err != nil {
		return fmt.Errorf("write member: %w", err)
	}
	t.touch(m.Key)
	t.cache.putMember(memberKey{m.Key, m.User}, m)
	t.rev = max(t.rev, m.Rev)
	return nil
}

// putWholeMember adds or replaces the row of a member of the conversation with a row id.
func (t *Transaction) putWholeMember(id int64, m chat.Member) error {
	var peer any // NULL
	if m.Key.Kind() == proto.Direct {
		peer = Number(m.Key.Peer(m.User))
	}
	return t.Exec("INSERT INTO members (conversation, user_id, rev, read_seq, delivered_seq, read_time, delivered_time, own, seen, blocks, blocked, pinned, muted, marked_unread, archived_through, peer,"+
		" role, from_seq, until_seq, answered)"+
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"+
		" ON CONFLICT (conversation, user_id) DO UPDATE SET rev = excluded.rev, read_seq = excluded.read_seq, delivered_seq = excluded.delivered_seq,"+
		" read_time = excluded.read_time, delivered_time = excluded.delivered_time, own = excluded.own, seen = excluded.seen, blocks = excluded.blocks, blocked = excluded.blocked,"+
		" pinned = excluded.pinned, muted = excluded.muted, marked_unread = excluded.marked_unread, archived_through = excluded.archived_through,"+
		" role = excluded.role, from_seq = excluded.from_seq, until_seq = excluded.until_seq, answered = excluded.answered",
		id, Number(m.User), Number(m.Rev), Number(m.Read), Number(m.Delivered), Number(m.ReadTime), Number(m.DeliveredTime), int64(m.Own), int64(m.Seen),
		m.Blocks, m.Blocked, m.Pinned, m.Muted, m.MarkedUnread, int64(m.ArchivedThrough), peer,
		int64(m.Role), Number(m.From), Number(m.Until), Number(m.Answered))
}

// Append implements chat.Tx.
func (t *Transaction) Append(e chat.Entry) error {
	id, err := t.ensure(e.Key)
	if err != nil {
		return err
	}
	first, known := t.ahead.ref(e.Sender, e.Ref)
	if !known {
		first, err = t.byDeletedRef(e.Sender, e.Ref)
	}
	switch {
	case err != nil:
		return err
	case first.Seq != 0:
		return fmt.Errorf("append message id %d: the sender's client_ref is taken", e.ID)
	}
	err = t.Exec("INSERT INTO messages (conversation, seq, id, sender, client_ref, create_time, type, a_counted, b_counted, own, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		id, Number(e.Seq), Number(e.ID), Number(e.Sender), e.Ref[:], Number(e.CreateTime), int64(e.Type),
		int64(e.Counted[proto.First]), int64(e.Counted[proto.Second]), int64(e.Own), e.Body)
	if err != nil {
		return fmt.Errorf("append message id %d: %w", e.ID, err)
	}
	for _, user := range e.Mentions {
		if err := t.Exec("INSERT INTO mentions (conversation, user_id, seq) VALUES (?, ?, ?)", id, Number(user), Number(e.Seq)); err != nil {
			return fmt.Errorf("append message id %d: write whom it mentions: %w", e.ID, err)
		}
	}
	if t.known != nil {
		t.known.LastID = max(t.known.LastID, e.ID)
	}
	t.ahead.appended(e)
	return nil
}

// Delete implements chat.Tx.
func (t *Transaction) Delete(key proto.Key, through uint64) error {
	id, err := t.rowID(key)
	if err != nil || id == 0 {
		return err
	}
	var newest Number
	if _, err := t.Row([]any{&newest}, "SELECT id FROM messages WHERE conversation = ? AND seq <= ? ORDER BY seq DESC LIMIT 1", id, Number(through)); err != nil || newest == 0 {
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
			" SELECT sender, client_ref, conversation, seq, id, create_time FROM messages WHERE conversation = ? AND seq <= ?", []any{id, Number(through)}},
		{"DELETE FROM messages WHERE conversation = ? AND seq <= ?", []any{id, Number(through)}},
		{"DELETE FROM mentions WHERE conversation = ? AND seq <= ?", []any{id, Number(through)}},
		{"INSERT INTO meta (name, value) VALUES ('deleted', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", []any{Number(highest)}},
	} {
		if err := t.Exec(step.query, step.args...); err != nil {
			return fmt.Errorf("delete messages: %w", err)
		}
	}
	t.gone = &highest
	if t.known != nil {
		t.known.Deleted = highest
	}
	t.ahead.deleted()
	return nil
}

// DeleteConversation implements chat.Tx.
func (t *Transaction) DeleteConversation(key proto.Key) error {
	id, err := t.rowID(key)
	if err != nil || id == 0 {
		return err
	}
	for _, query := range []string{"DELETE FROM members WHERE conversation = ?", "DELETE FROM conversations WHERE id = ?"} {
		if err := t.Exec(query, id); err != nil {
			return fmt.Errorf("delete conversation: %w", err)
		}
	}
	delete(t.rowIDs, key)
	t.touch(key)
	t.ahead.deleted()
	t.cache.Clear()
	return nil
}

// PutUser implements chat.Tx.
func (t *Transaction) PutUser(u chat.User) error {
	if err := t.ctx.Err(); err != nil {
		return err
	}
	folded := chat.Fold(u.Name)
	if err := t.rename(u.ID, folded); err != nil {
		return err
	}
	err := t.Exec("INSERT INTO users (id, name, folded, services, services_since, services_until, revoked, blocked, signed_out, renamed, first_seen, last_seen, hides, wrote, customer) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"+
		" ON CONFLICT (id) DO UPDATE SET name = excluded.name, folded = excluded.folded, services = excluded.services,"+
		" services_since = excluded.services_since, services_until = excluded.services_until, revoked = excluded.revoked, blocked = excluded.blocked,"+
		" signed_out = excluded.signed_out, renamed = excluded.renamed, first_seen = excluded.first_seen, last_seen = excluded.last_seen, hides = excluded.hides, wrote = excluded.wrote, customer = excluded.customer",
		Number(u.ID), u.Name, folded, int64(u.Services), Number(u.ServicesSince), Number(u.ServicesUntil),
		Number(u.Revoked), u.Blocked, Number(u.SignedOut), Number(u.Renamed), Number(u.FirstSeen), Number(u.LastSeen), hidesOf(u), u.Wrote, int64(u.Customer))
	if err != nil {
		return fmt.Errorf("write user: %w", err)
	}
	t.ahead.put(u)
	return nil
}

// DeleteUser implements chat.Tx.
func (t *Transaction) DeleteUser(id uint64) error {
	if err := t.ctx.Err(); err != nil {
		return err
	}
	var folded string
	known, err := t.Row([]any{&folded}, "SELECT folded FROM users WHERE id = ?", Number(id))
	if err != nil {
		return fmt.Errorf("read user: %w", err)
	}
	if known {
		if err := t.UnindexName(id, folded); err != nil {
			return err
		}
	}
	for _, query := range []string{
		"DELETE FROM users WHERE id = ?", "DELETE FROM usage WHERE user_id = ?", "DELETE FROM upload_usage WHERE user_id = ?", "DELETE FROM devices WHERE user_id = ?", "DELETE FROM codes WHERE user_id = ?",
	} {
		if err := t.Exec(query, Number(id)); err != nil {
			return fmt.Errorf("delete user: %w", err)
		}
	}
	t.ahead.forget(id)
	t.touchUsage(id)
	t.cache.putUsage(chat.Usage{User: id})
	return nil
}

// PutUsage implements chat.Tx.
func (t *Transaction) PutUsage(u chat.Usage) error {
	err := t.Exec("INSERT INTO usage (user_id, bytes, bytes_time, conversations, conversations_time) VALUES (?, ?, ?, ?, ?) ON CONFLICT (user_id) DO UPDATE SET"+
		" bytes = excluded.bytes, bytes_time = excluded.bytes_time, conversations = excluded.conversations, conversations_time = excluded.conversations_time",
		Number(u.User), Number(u.Bytes.Level), Number(u.Bytes.Time), Number(u.Conversations.Level), Number(u.Conversations.Time))
	if err != nil {
		return fmt.Errorf("write what a user has used: %w", err)
	}
	t.touchUsage(u.User)
	t.cache.putUsage(u)
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
