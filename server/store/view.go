package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"parley/proto"
	"parley/server/chat"
)

// atMost is a LIMIT of an argument. SQLite (-DSQLITE_ENABLE_STAT4) lets the value of a
// bare LIMIT ? into its plan, and makes that anew each time that one is bound, which
// takes longer than reading some rows.
const atMost = " LIMIT ? + 0"

// view reads within the transaction that its connection has begun.
type view struct {
	ctx context.Context
	*connection
	rowIDs map[proto.Key]int64 // of conversations that this transaction met
	gone   *uint64             // the highest id among deleted messages; nil until it was read
}

func newView(ctx context.Context, s *connection) *view {
	return &view{ctx: ctx, connection: s, rowIDs: make(map[proto.Key]int64)}
}

// rowID returns a conversation's row id, 0 if there is none.
func (v *view) rowID(key proto.Key) (id int64, err error) {
	if err := v.ctx.Err(); err != nil {
		return 0, err
	}
	if id := cmp.Or(v.rowIDs[key], v.cache.conversations[key].id); id != 0 {
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
	deleted, err := v.deleted()
	return max(uint64(last), deleted), err
}

// deleted returns the highest id among deleted messages, 0 if none was.
func (v *view) deleted() (uint64, error) {
	if v.gone == nil {
		var id number
		if _, err := v.row([]any{&id}, "SELECT value FROM meta WHERE name = 'deleted'"); err != nil {
			return 0, fmt.Errorf("find the newest deleted message: %w", err)
		}
		v.gone = (*uint64)(&id)
	}
	return *v.gone, nil
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
	a, b, now := &c.Status.Sides[proto.First], &c.Status.Sides[proto.Second], &c.Status
	if _, err := v.row([]any{
		(*number)(&c.Head), (*number)(&c.Min), (*number)(&c.Time), (*number)(&c.Rev),
		(*number)(&a.AnsweredThrough), (*number)(&a.Seq), (*number)(&a.Since), (*number)(&b.AnsweredThrough), (*number)(&b.Seq), (*number)(&b.Since),
		(*number)(&now.Assignee), &now.PostProc, (*number)(&now.LastAnswer), (*number)(&now.LastAnswerBy),
		(*number)(&c.ServiceRead), (*number)(&c.ServiceDelivered), (*number)(&c.ServiceReadTime), (*number)(&c.ServiceDeliveredTime), &c.Counted[proto.First], &c.Counted[proto.Second], &c.Gone, &c.Notes,
	}, "SELECT head, min, newest_time, rev, a_through, a_seq, a_since, b_through, b_seq, b_since, assignee, post_proc, answer_seq, answer_by,"+
		" service_read, service_delivered, service_read_time, service_delivered_time, a_counted, b_counted, gone, notes FROM conversations WHERE id = ?", id); err != nil {
		return chat.Conversation{}, fmt.Errorf("read conversation: %w", err)
	}
	return whole(c), nil
}

// whole returns c, and nothing if no more of it was put than entries or members.
func whole(c chat.Conversation) chat.Conversation {
	if c.Head == 0 && c.Min == 0 {
		return chat.Conversation{}
	}
	return c
}

// Member implements chat.View.
func (v *view) Member(key proto.Key, user uint64) (chat.Member, error) {
	id, err := v.rowID(key)
	if err != nil || id == 0 {
		return chat.Member{}, err
	}
	m := chat.Member{Key: key, User: user}
	found, err := v.row(memberFields(&m), "SELECT "+memberColumns+" FROM members WHERE conversation = ? AND user_id = ?", id, number(user))
	if err != nil {
		return chat.Member{}, fmt.Errorf("read member: %w", err)
	}
	if !found {
		return chat.Member{}, nil
	}
	return m, nil
}

const memberColumns = "rev, read_seq, delivered_seq, read_time, delivered_time, own, seen, blocks, blocked, pinned, muted, marked_unread, archived_through"

func memberFields(m *chat.Member) []any {
	return []any{(*number)(&m.Rev), (*number)(&m.Read), (*number)(&m.Delivered), (*number)(&m.ReadTime), (*number)(&m.DeliveredTime), &m.Own, &m.Seen, &m.Blocks, &m.Blocked,
		&m.Pinned, &m.Muted, &m.MarkedUnread, &m.ArchivedThrough}
}

// Changed implements chat.View.
func (v *view) Changed(user uint64, services chat.Services, after uint64, limit int) ([]chat.Change, error) {
	return v.changes(user, services, after, limit, "")
}

// Recent implements chat.View.
func (v *view) Recent(user uint64, services chat.Services, limit int) ([]chat.Change, error) {
	return v.changes(user, services, 0, limit, " DESC")
}

// changes reads what changed after a change number, from the lowest on or, with
// order " DESC", from the highest.
func (v *view) changes(user uint64, services chat.Services, after uint64, limit int, order string) ([]chat.Change, error) {
	if err := v.ctx.Err(); err != nil {
		return nil, err
	}
	newest := make(map[proto.Key]chat.Change)
	collect := func(row *statement) error {
		c, err := scanChange(row, user)
		if err == nil && c.Rev > newest[c.Key].Rev {
			newest[c.Key] = c
		}
		return err
	}
	const columns = "c.a_seq != x'0000000000000000', c.b_seq != x'0000000000000000', c.a_counted, c.b_counted, ifnull(m.own, 0), ifnull(m.seen, c.gone), ifnull(m.blocks OR m.blocked, 0)"
	// As one of two or the customer; an agent's own row counts only for a
	// service that they still answer for.
	err := v.rows(collect, "SELECT c.key, m.rev, "+columns+" FROM members m JOIN conversations c ON c.id = m.conversation"+
		" WHERE m.user_id = ? AND m.rev > ? AND (c.service IS NULL OR c.key = 's:' || ? || ':' || c.service OR c.service IN (SELECT value FROM json_each(?)))"+
		" ORDER BY m.rev"+order+atMost, number(user), number(after), decimal(user), list(services), max(0, limit))
	for _, service := range services.All() {
		if err != nil {
			break
		}
		err = v.rows(collect, "SELECT c.key, c.rev, "+columns+" FROM conversations c LEFT JOIN members m ON m.conversation = c.id AND m.user_id = ?"+
			" WHERE c.service = ? AND c.rev > ? AND c.key != 's:' || ? || ':' || c.service ORDER BY c.rev"+order+atMost,
			number(user), int64(service), number(after), decimal(user), max(0, limit))
	}
	if err != nil {
		return nil, fmt.Errorf("read what changed: %w", err)
	}
	changes := slices.SortedFunc(maps.Values(newest), func(x, y chat.Change) int { return cmp.Compare(x.Rev, y.Rev) })
	if order != "" {
		slices.Reverse(changes)
	}
	return changes[:min(len(changes), max(0, limit))], nil
}

func scanChange(row *statement, user uint64) (c chat.Change, err error) {
	var name string
	var firstWaits, secondWaits bool
	var firstCounted, secondCounted, own, seen uint64
	if err := row.scan(&name, (*number)(&c.Rev), &firstWaits, &secondWaits, &firstCounted, &secondCounted, &own, &seen, &c.Apart); err != nil {
		return c, err
	}
	if c.Key, err = proto.ParseKey(name); err != nil {
		return c, err
	}
	counted := firstCounted
	c.Waiting = secondWaits
	if c.Key.Side(user) == proto.Second {
		counted, c.Waiting = secondCounted, firstWaits
	}
	c.Unread, c.Wrote, c.Heard = counted-own-seen, own > 0, counted > own
	return c, nil
}

func decimal(n uint64) string { return strconv.FormatUint(n, 10) }

// list is a set of services as a JSON array.
func list(services chat.Services) string {
	all := []byte{'['}
	for i, service := range services.All() {
		if i > 0 {
			all = append(all, ',')
		}
		all = strconv.AppendInt(all, int64(service), 10)
	}
	return string(append(all, ']'))
}

const entryColumns = "seq, id, sender, client_ref, create_time, type, a_counted, b_counted, own"

func entryFields(e *chat.Entry) []any {
	return []any{(*number)(&e.Seq), (*number)(&e.ID), (*number)(&e.Sender), (*ref)(&e.Ref), (*number)(&e.CreateTime), (*int32)(&e.Type), &e.Counted[proto.First], &e.Counted[proto.Second], &e.Own}
}

// ref is a client_ref in the file.
type ref [proto.RefSize]byte

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
	err = v.rows(func(row *statement) error {
		e := chat.Entry{Key: key}
		if err := row.scan(append(entryFields(&e), &e.Body)...); err != nil {
			return err
		}
		entries = append(entries, e)
		return nil
	}, "SELECT "+entryColumns+", body FROM messages WHERE conversation = ? AND seq > ? AND seq <= ? ORDER BY seq "+order+atMost,
		id, number(after), number(before-1), max(0, limit)) // before 0 wraps round to the highest: no bound
	if err != nil {
		return nil, fmt.Errorf("read entries: %w", err)
	}
	if newest {
		slices.Reverse(entries)
	}
	return entries, nil
}

// First implements chat.View.
func (v *view) First(key proto.Key, after uint64) (chat.Entry, error) {
	return v.first(key, "SELECT "+entryColumns+" FROM messages WHERE conversation = ?1 AND seq > ?2 ORDER BY seq LIMIT 1", number(after))
}

// What a sender wrote and the sender's control entries have an index each. They
// are named because SQLite would rather walk the table from ?2 on.
const (
	firstWritten = "SELECT " + entryColumns + " FROM messages INDEXED BY messages_written WHERE conversation = ?1 AND sender = ?3 AND seq > ?2 AND type < 16 ORDER BY seq LIMIT 1"
	firstControl = "SELECT " + entryColumns + " FROM messages INDEXED BY messages_control WHERE conversation = ?1 AND sender = ?3 AND seq > ?2 AND type >= 16 ORDER BY seq LIMIT 1"
)

// FirstBy implements chat.View.
func (v *view) FirstBy(key proto.Key, sender uint64, after uint64) (chat.Entry, error) {
	return v.first(key, "SELECT * FROM (SELECT * FROM ("+firstWritten+") UNION ALL SELECT * FROM ("+firstControl+")) ORDER BY seq LIMIT 1",
		number(after), number(sender))
}

// FirstWritten implements chat.View.
func (v *view) FirstWritten(key proto.Key, sender uint64, after uint64) (chat.Entry, error) {
	return v.first(key, firstWritten, number(after), number(sender))
}

// first reads the one entry that a query finds, or none, in the conversation
// that is its first argument.
func (v *view) first(key proto.Key, query string, args ...any) (chat.Entry, error) {
	id, err := v.rowID(key)
	if err != nil || id == 0 {
		return chat.Entry{}, err
	}
	e := chat.Entry{Key: key}
	found, err := v.row(entryFields(&e), query, append([]any{id}, args...)...)
	if err != nil {
		return chat.Entry{}, fmt.Errorf("find the first entry after a seq: %w", err)
	}
	if !found {
		return chat.Entry{}, nil
	}
	return e, nil
}

// ByRef implements chat.View.
func (v *view) ByRef(sender uint64, clientRef [proto.RefSize]byte) (e chat.Entry, err error) {
	if err := v.ctx.Err(); err != nil {
		return e, err
	}
	var key string
	found, err := v.row(append(entryFields(&e), &key), "SELECT "+entryColumns+", c.key FROM messages JOIN"+
		" (SELECT id AS conversation_id, key FROM conversations) c ON conversation_id = conversation"+
		" WHERE sender = ? AND client_ref = ?", number(sender), clientRef[:])
	if err != nil {
		return chat.Entry{}, fmt.Errorf("find an entry by client_ref: %w", err)
	}
	if !found {
		return v.byDeletedRef(sender, clientRef)
	}
	e.Key, err = proto.ParseKey(key)
	return e, err
}

// byDeletedRef is ByRef among what was deleted.
func (v *view) byDeletedRef(sender uint64, clientRef [proto.RefSize]byte) (chat.Entry, error) {
	if deleted, err := v.deleted(); err != nil || deleted == 0 {
		return chat.Entry{}, err
	}
	e := chat.Entry{Sender: sender, Ref: clientRef}
	var key string
	found, err := v.row([]any{&key, (*number)(&e.Seq), (*number)(&e.ID), (*number)(&e.CreateTime)},
		"SELECT c.key, r.seq, r.id, r.create_time FROM refs r JOIN conversations c ON c.id = r.conversation WHERE r.sender = ? AND r.client_ref = ?",
		number(sender), clientRef[:])
	if err != nil {
		return chat.Entry{}, fmt.Errorf("find a deleted entry by client_ref: %w", err)
	}
	if !found {
		return chat.Entry{}, nil
	}
	e.Key, err = proto.ParseKey(key)
	return e, err
}

// Oldest implements chat.View.
func (v *view) Oldest(after string, limit int) (oldest []chat.Entry, err error) {
	if err := v.ctx.Err(); err != nil {
		return nil, err
	}
	err = v.rows(func(row *statement) error {
		var e chat.Entry
		var key string
		if err := row.scan(append(entryFields(&e), &key)...); err != nil {
			return err
		}
		e.Key, err = proto.ParseKey(key)
		oldest = append(oldest, e)
		return err
	}, "SELECT "+entryColumns+", c.key FROM (SELECT id AS conversation_id, key, min FROM conversations WHERE key > ?) c"+
		" CROSS JOIN messages ON conversation = conversation_id AND seq = c.min ORDER BY c.key"+atMost, after, max(0, limit))
	if err != nil {
		return nil, fmt.Errorf("find the oldest entries: %w", err)
	}
	return oldest, nil
}

// LastBefore implements chat.View.
func (v *view) LastBefore(key proto.Key, time uint64, limit int) (uint64, error) {
	id, err := v.rowID(key)
	if err != nil || id == 0 {
		return 0, err
	}
	var last number
	if _, err := v.row([]any{&last}, "SELECT seq FROM (SELECT seq, create_time FROM messages WHERE conversation = ? ORDER BY seq"+atMost+")"+
		" WHERE create_time < ? ORDER BY seq DESC LIMIT 1", id, max(0, limit), number(time)); err != nil {
		return 0, fmt.Errorf("find the last entry before a time: %w", err)
	}
	return uint64(last), nil
}

// Members implements chat.View.
func (v *view) Members(key proto.Key) (members []chat.Member, err error) {
	id, err := v.rowID(key)
	if err != nil || id == 0 {
		return nil, err
	}
	err = v.rows(func(row *statement) error {
		m := chat.Member{Key: key}
		err := row.scan(append(memberFields(&m), (*number)(&m.User))...)
		members = append(members, m)
		return err
	}, "SELECT "+memberColumns+", user_id FROM members WHERE conversation = ? ORDER BY user_id", id)
	if err != nil {
		return nil, fmt.Errorf("read members: %w", err)
	}
	return members, nil
}

// User implements chat.View.
func (v *view) User(id uint64) (u chat.User, err error) {
	var row userRow
	found, err := v.row(row.fields(), "SELECT "+userColumns+" FROM users WHERE id = ?", number(id))
	if err != nil {
		return chat.User{}, fmt.Errorf("read user: %w", err)
	}
	if !found {
		return chat.User{}, nil
	}
	return row.user(), nil
}

const userColumns = "id, name, services, services_since, services_until, revoked, blocked, signed_out, renamed, first_seen, last_seen, hides, wrote, customer"

// userRow is a user as the columns say.
type userRow struct {
	u     chat.User
	hides int64
}

func (r *userRow) fields() []any {
	return []any{(*number)(&r.u.ID), &r.u.Name, &r.u.Services, (*number)(&r.u.ServicesSince), (*number)(&r.u.ServicesUntil),
		(*number)(&r.u.Revoked), &r.u.Blocked, (*number)(&r.u.SignedOut), (*number)(&r.u.Renamed), (*number)(&r.u.FirstSeen), (*number)(&r.u.LastSeen), &r.hides, &r.u.Wrote, &r.u.Customer}
}

func (r *userRow) user() chat.User {
	r.u.HideTyping, r.u.HidePresence, r.u.Unlisted = r.hides&hidesTyping != 0, r.hides&hidesPresence != 0, r.hides&hidesListing != 0
	r.u.Away = r.hides&isAway != 0
	return r.u
}

// CountBlocks implements chat.View.
func (v *view) CountBlocks(user uint64) (n int, err error) {
	if err := v.ctx.Err(); err != nil {
		return 0, err
	}
	if _, err := v.row([]any{&n}, "SELECT count(*) FROM members WHERE user_id = ? AND blocks != 0", number(user)); err != nil {
		return 0, fmt.Errorf("count whom a user blocks: %w", err)
	}
	return n, nil
}

// people reads users, with userColumns.
func (v *view) people(query string, args ...any) (users []chat.User, err error) {
	if err := v.ctx.Err(); err != nil {
		return nil, err
	}
	err = v.rows(func(row *statement) error {
		var one userRow
		err := row.scan(one.fields()...)
		users = append(users, one.user())
		return err
	}, "SELECT "+userColumns+" FROM users "+query, args...)
	return users, err
}

// Ending implements chat.View.
func (v *view) Ending(limit int) ([]chat.User, error) {
	users, err := v.people("WHERE services != 0 AND services_until > x'0000000000000000' ORDER BY services_until, id"+atMost, max(0, limit))
	if err != nil {
		return nil, fmt.Errorf("find users whose services end: %w", err)
	}
	return users, nil
}

// UsersAfter implements chat.View.
func (v *view) UsersAfter(id uint64, limit int) ([]chat.User, error) {
	users, err := v.people("WHERE id > ? ORDER BY id"+atMost, number(id), max(0, limit))
	if err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	return users, nil
}

// Keeps implements chat.View. The newest row is the likeliest.
func (v *view) Keeps(user, after uint64) (keeps bool, err error) {
	if err := v.ctx.Err(); err != nil {
		return false, err
	}
	if _, err := v.row([]any{&keeps}, "SELECT 1 FROM members m INDEXED BY members_by_rev CROSS JOIN conversations c ON c.id = m.conversation"+
		" WHERE m.user_id = ? AND m.rev > ? AND c.head != x'0000000000000000' AND c.min <= c.head ORDER BY m.rev DESC LIMIT 1", number(user), number(after)); err != nil {
		return false, fmt.Errorf("find a user's conversations that keep entries: %w", err)
	}
	return keeps, nil
}

// Loose implements chat.View.
func (v *view) Loose(user uint64, limit int) (loose []proto.Key, err error) {
	if err := v.ctx.Err(); err != nil {
		return nil, err
	}
	err = v.rows(func(row *statement) error {
		var name string
		if err := row.scan(&name); err != nil {
			return err
		}
		key, err := proto.ParseKey(name)
		loose = append(loose, key)
		return err
	}, "SELECT c.key FROM members m INDEXED BY members_by_peer CROSS JOIN conversations c ON c.id = m.conversation"+
		" WHERE m.user_id = ? AND m.peer IS NOT NULL AND (m.blocks OR c.head = x'0000000000000000' AND NOT m.blocked)"+atMost, number(user), max(0, limit))
	if err != nil {
		return nil, fmt.Errorf("find a user's conversations without entries: %w", err)
	}
	return loose, nil
}

// Blocked implements chat.View.
func (v *view) Blocked(limit int) ([]chat.User, error) {
	users, err := v.people("WHERE blocked ORDER BY id"+atMost, max(0, limit))
	if err != nil {
		return nil, fmt.Errorf("find blocked users: %w", err)
	}
	return users, nil
}

// Agents implements chat.View.
func (v *view) Agents(service proto.ServiceType) (agents []uint64, err error) {
	if err := v.ctx.Err(); err != nil {
		return nil, err
	}
	err = v.rows(func(row *statement) error {
		var id uint64
		err := row.scan((*number)(&id))
		agents = append(agents, id)
		return err
	}, "SELECT id FROM users INDEXED BY users_agents WHERE services != 0 AND services & ? != 0 ORDER BY id", int64(chat.ServicesOf([]proto.ServiceType{service})))
	if err != nil {
		return nil, fmt.Errorf("find agents: %w", err)
	}
	return agents, nil
}

// Usage implements chat.View.
func (v *view) Usage(user uint64) (chat.Usage, error) {
	u := chat.Usage{User: user}
	if _, err := v.row([]any{(*number)(&u.Bytes.Level), (*number)(&u.Bytes.Time), (*number)(&u.Conversations.Level), (*number)(&u.Conversations.Time)},
		"SELECT bytes, bytes_time, conversations, conversations_time FROM usage WHERE user_id = ?", number(user)); err != nil {
		return chat.Usage{}, fmt.Errorf("read what a user has used: %w", err)
	}
	return u, nil
}
