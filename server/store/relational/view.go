package relational

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

// View reads within the transaction that its Conn has begun. It implements chat.View.
type View struct {
	Conn
	ctx    context.Context
	cache  *Cache              // what is known from transactions before; nil: nothing
	known  *Standing           // what is known of the history as a whole; nil: nothing
	rowIDs map[proto.Key]int64 // of conversations that this transaction met
	gone   *uint64             // the highest id among deleted messages; nil until it was read
}

var _ chat.View = (*View)(nil)

// NewView returns a View for a transaction. It ends its reads with ctx.
func NewView(ctx context.Context, c Conn) *View {
	return &View{Conn: c, ctx: ctx, rowIDs: make(map[proto.Key]int64)}
}

// rowID returns a conversation's row id, 0 if there is none.
func (v *View) rowID(key proto.Key) (id int64, err error) {
	if err := v.ctx.Err(); err != nil {
		return 0, err
	}
	if id := v.rowIDs[key]; id != 0 {
		return id, nil
	}
	if row, known := v.cache.row(key); known {
		return row.id, nil
	}
	if _, err := v.Row([]any{&id}, selectRowID, key.String()); err != nil {
		return 0, fmt.Errorf("find conversation: %w", err)
	}
	if id != 0 {
		v.rowIDs[key] = id
	}
	return id, nil
}

// LastID implements chat.View.
func (v *View) LastID() (uint64, error) {
	if v.known != nil {
		return max(v.known.LastID, v.known.Deleted), nil
	}
	var last Number
	if _, err := v.Row([]any{&last}, "SELECT id FROM messages ORDER BY id DESC LIMIT 1"); err != nil {
		return 0, fmt.Errorf("find the newest message: %w", err)
	}
	deleted, err := v.deleted()
	return max(uint64(last), deleted), err
}

// deleted returns the highest id among deleted messages, 0 if none was.
func (v *View) deleted() (uint64, error) {
	if v.known != nil {
		return v.known.Deleted, nil
	}
	if v.gone == nil {
		var id Number
		if _, err := v.Row([]any{&id}, "SELECT value FROM meta WHERE name = 'deleted'"); err != nil {
			return 0, fmt.Errorf("find the newest deleted message: %w", err)
		}
		v.gone = (*uint64)(&id)
	}
	return *v.gone, nil
}

// Rev implements chat.View.
func (v *View) Rev() (uint64, error) {
	if v.known != nil {
		return v.known.Rev, nil
	}
	var rev Number
	if _, err := v.Row([]any{&rev}, "SELECT value FROM meta WHERE name = 'rev'"); err != nil {
		return 0, fmt.Errorf("read the change number: %w", err)
	}
	return uint64(rev), nil
}

// Conversation implements chat.View.
func (v *View) Conversation(key proto.Key) (chat.Conversation, error) {
	id, err := v.rowID(key)
	if err != nil || id == 0 {
		return chat.Conversation{}, err
	}
	c := chat.Conversation{Key: key}
	if _, err := v.Row(conversationFields(&c), "SELECT "+conversationColumns+" FROM conversations WHERE id = ?", id); err != nil {
		return chat.Conversation{}, fmt.Errorf("read conversation: %w", err)
	}
	return whole(c), nil
}

const conversationColumns = "head, min, newest_time, rev, a_through, a_seq, a_since, b_through, b_seq, b_since, assignee, post_proc, answer_seq, answer_by," +
	" service_read, service_delivered, service_read_time, service_delivered_time, a_counted, b_counted, gone, notes, revised, recalled"

func conversationFields(c *chat.Conversation) []any {
	a, b, now := &c.Status.Sides[proto.First], &c.Status.Sides[proto.Second], &c.Status
	return []any{
		(*Number)(&c.Head), (*Number)(&c.Min), (*Number)(&c.Time), (*Number)(&c.Rev),
		(*Number)(&a.AnsweredThrough), (*Number)(&a.Seq), (*Number)(&a.Since), (*Number)(&b.AnsweredThrough), (*Number)(&b.Seq), (*Number)(&b.Since),
		(*Number)(&now.Assignee), &now.PostProc, (*Number)(&now.LastAnswer), (*Number)(&now.LastAnswerBy),
		(*Number)(&c.ServiceRead), (*Number)(&c.ServiceDelivered), (*Number)(&c.ServiceReadTime), (*Number)(&c.ServiceDeliveredTime),
		&c.Counted[proto.First], &c.Counted[proto.Second], &c.Past, &c.Notes, &c.Revised, &c.Recalled,
	}
}

// whole returns c, and nothing if no more of it was put than entries or members.
func whole(c chat.Conversation) chat.Conversation {
	if c.Head == 0 && c.Min == 0 {
		return chat.Conversation{}
	}
	return c
}

// Member implements chat.View.
func (v *View) Member(key proto.Key, user uint64) (chat.Member, error) {
	id, err := v.rowID(key)
	if err != nil || id == 0 {
		return chat.Member{}, err
	}
	m := chat.Member{Key: key, User: user}
	found, err := v.Row(memberFields(&m), "SELECT "+memberColumns+" FROM members WHERE conversation = ? AND user_id = ?", id, Number(user))
	if err != nil {
		return chat.Member{}, fmt.Errorf("read member: %w", err)
	}
	if !found {
		return chat.Member{}, nil
	}
	return m, nil
}

const memberColumns = "rev, read_seq, delivered_seq, read_time, delivered_time, own, seen, blocks, blocked, pinned, muted, marked_unread, archived_through, role, from_seq, until_seq, answered"

func memberFields(m *chat.Member) []any {
	return []any{(*Number)(&m.Rev), (*Number)(&m.Read), (*Number)(&m.Delivered), (*Number)(&m.ReadTime), (*Number)(&m.DeliveredTime), &m.Own, &m.Seen, &m.Blocks, &m.Blocked,
		&m.Pinned, &m.Muted, &m.MarkedUnread, &m.ArchivedThrough, (*int32)(&m.Role), (*Number)(&m.From), (*Number)(&m.Until), (*Number)(&m.Answered)}
}

// Changed implements chat.View.
func (v *View) Changed(user uint64, services chat.Services, after uint64, limit int) ([]chat.Change, error) {
	return v.changes(user, services, after, limit, "")
}

// Recent implements chat.View.
func (v *View) Recent(user uint64, services chat.Services, limit int) ([]chat.Change, error) {
	return v.changes(user, services, 0, limit, " DESC")
}

// changes reads what changed after a change number, from the lowest on or, with
// order " DESC", from the highest.
func (v *View) changes(user uint64, services chat.Services, after uint64, limit int, order string) ([]chat.Change, error) {
	if err := v.ctx.Err(); err != nil {
		return nil, err
	}
	newest := make(map[proto.Key]chat.Change)
	answered := make(map[proto.Key]uint64) // of the groups that the user is in
	collect := func(row Row) error {
		c, m, err := scanChange(row, user)
		if err == nil && c.Rev > newest[c.Key].Rev {
			newest[c.Key] = c
		}
		if m.Role != proto.GroupRole_GROUP_ROLE_NONE {
			answered[c.Key] = m.Answered
		}
		return err
	}
	const columns = "c.a_seq != x'0000000000000000', c.b_seq != x'0000000000000000', c.a_counted, c.b_counted, coalesce(m.own, 0), coalesce(m.seen, c.gone), coalesce(m.blocks OR m.blocked, FALSE), coalesce(m.role, 0), coalesce(m.answered, x'0000000000000000')"
	// As one of two or the customer; an agent's own row counts only for a
	// service that they still answer for.
	err := v.Rows(collect, "SELECT c.key, m.rev, "+columns+" FROM members m JOIN conversations c ON c.id = m.conversation"+
		" WHERE m.user_id = ? AND m.rev > ? AND (c.service IS NULL OR c.key = 's:' || ? || ':' || c.service OR (CAST(? AS BIGINT) >> CAST(c.service AS INTEGER)) & 1 = 1)"+
		" ORDER BY m.rev"+order+atMost, Number(user), Number(after), decimal(user), int64(services), max(0, limit))
	for _, service := range services.All() {
		if err != nil {
			break
		}
		err = v.Rows(collect, "SELECT c.key, c.rev, "+columns+" FROM conversations c LEFT JOIN members m ON m.conversation = c.id AND m.user_id = ?"+
			" WHERE c.service = ? AND c.rev > ? AND c.key != 's:' || ? || ':' || c.service ORDER BY c.rev"+order+atMost,
			Number(user), int64(service), Number(after), decimal(user), max(0, limit))
	}
	if err == nil {
		err = v.Rows(collect, "SELECT c.key, c.rev, "+columns+" FROM members m INDEXED BY members_in_groups CROSS JOIN conversations c ON c.id = m.conversation"+
			" WHERE m.user_id = ? AND m.role != 0 AND c.rev > ? ORDER BY c.rev"+order+atMost, Number(user), Number(after), max(0, limit))
	}
	for key, through := range answered {
		if err != nil {
			break
		}
		var first chat.Entry
		first, err = v.FirstMention(key, user, through)
		c := newest[key]
		c.Waiting = first.Seq != 0
		newest[key] = c
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

func scanChange(row Row, user uint64) (c chat.Change, m chat.Member, err error) {
	var name string
	var firstWaits, secondWaits bool
	var firstCounted, secondCounted, own, seen uint64
	if err := row.Scan(&name, (*Number)(&c.Rev), &firstWaits, &secondWaits, &firstCounted, &secondCounted, &own, &seen, &c.Apart, (*int32)(&m.Role), (*Number)(&m.Answered)); err != nil {
		return c, m, err
	}
	if c.Key, err = proto.ParseKey(name); err != nil {
		return c, m, err
	}
	counted := firstCounted
	c.Waiting = secondWaits
	if c.Key.Side(user) == proto.Second {
		counted, c.Waiting = secondCounted, firstWaits
	}
	c.Unread, c.Wrote, c.Heard = counted-own-seen, own > 0, counted > own
	if c.Key.Kind() == proto.Group && m.Role == proto.GroupRole_GROUP_ROLE_NONE {
		c.Unread = 0
	}
	return c, m, nil
}

func decimal(n uint64) string { return strconv.FormatUint(n, 10) }

const EntryColumns = "seq, id, sender, client_ref, create_time, type, a_counted, b_counted, own, revised"

func EntryFields(e *chat.Entry) []any {
	return []any{(*Number)(&e.Seq), (*Number)(&e.ID), (*Number)(&e.Sender), (*Ref)(&e.Ref), (*Number)(&e.CreateTime), (*int32)(&e.Type), &e.Counted[proto.First], &e.Counted[proto.Second], &e.Own, &e.Revised}
}

// Entries implements chat.View.
func (v *View) Entries(key proto.Key, after, before uint64, limit int, newest bool) ([]chat.Entry, error) {
	id, err := v.rowID(key)
	if err != nil || id == 0 {
		return nil, err
	}
	order := "ASC"
	if newest {
		order = "DESC"
	}
	var entries []chat.Entry
	err = v.Rows(func(row Row) error {
		e := chat.Entry{Key: key}
		if err := row.Scan(append(EntryFields(&e), &e.Body)...); err != nil {
			return err
		}
		entries = append(entries, e)
		return nil
	}, "SELECT "+EntryColumns+", body FROM messages WHERE conversation = ? AND seq > ? AND seq <= ? ORDER BY seq "+order+atMost,
		id, Number(after), Number(before-1), max(0, limit)) // before 0 wraps round to the highest: no bound
	if err != nil {
		return nil, fmt.Errorf("read entries: %w", err)
	}
	if newest {
		slices.Reverse(entries)
	}
	return entries, nil
}

// First implements chat.View.
func (v *View) First(key proto.Key, after uint64) (chat.Entry, error) {
	return v.first(key, "SELECT "+EntryColumns+" FROM messages WHERE conversation = ?1 AND seq > ?2 ORDER BY seq LIMIT 1", Number(after))
}

// What a sender wrote and the sender's control entries have an index each. They
// are named because SQLite would rather walk the table from ?2 on.
const (
	firstWritten = "SELECT " + EntryColumns + " FROM messages INDEXED BY messages_written WHERE conversation = ?1 AND sender = ?3 AND seq > ?2 AND type < 16 ORDER BY seq LIMIT 1"
	firstControl = "SELECT " + EntryColumns + " FROM messages INDEXED BY messages_control WHERE conversation = ?1 AND sender = ?3 AND seq > ?2 AND type >= 16 ORDER BY seq LIMIT 1"
)

// FirstBy implements chat.View.
func (v *View) FirstBy(key proto.Key, sender uint64, after uint64) (chat.Entry, error) {
	return v.first(key, "SELECT * FROM (SELECT * FROM ("+firstWritten+") AS one_written UNION ALL SELECT * FROM ("+firstControl+") AS one_control) AS either ORDER BY seq LIMIT 1",
		Number(after), Number(sender))
}

// FirstWritten implements chat.View.
func (v *View) FirstWritten(key proto.Key, sender uint64, after uint64) (chat.Entry, error) {
	return v.first(key, firstWritten, Number(after), Number(sender))
}

// first reads the one entry that a query finds, or none, in the conversation
// that is its first argument.
func (v *View) first(key proto.Key, query string, args ...any) (chat.Entry, error) {
	id, err := v.rowID(key)
	if err != nil || id == 0 {
		return chat.Entry{}, err
	}
	e := chat.Entry{Key: key}
	found, err := v.Row(EntryFields(&e), query, append([]any{id}, args...)...)
	if err != nil {
		return chat.Entry{}, fmt.Errorf("find the first entry after a seq: %w", err)
	}
	if !found {
		return chat.Entry{}, nil
	}
	return e, nil
}

// ByRef implements chat.View.
func (v *View) ByRef(sender uint64, clientRef [proto.RefSize]byte) (e chat.Entry, err error) {
	if err := v.ctx.Err(); err != nil {
		return e, err
	}
	var key string
	found, err := v.Row(append(EntryFields(&e), &key), selectByRef, Number(sender), clientRef[:])
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
func (v *View) byDeletedRef(sender uint64, clientRef [proto.RefSize]byte) (chat.Entry, error) {
	if deleted, err := v.deleted(); err != nil || deleted == 0 {
		return chat.Entry{}, err
	}
	e := chat.Entry{Sender: sender, Ref: clientRef}
	var key string
	found, err := v.Row([]any{&key, (*Number)(&e.Seq), (*Number)(&e.ID), (*Number)(&e.CreateTime)}, selectDeletedRef, Number(sender), clientRef[:])
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
func (v *View) Oldest(after string, limit int) (oldest []chat.Entry, err error) {
	if err := v.ctx.Err(); err != nil {
		return nil, err
	}
	err = v.Rows(func(row Row) error {
		var e chat.Entry
		var key string
		if err := row.Scan(append(EntryFields(&e), &key)...); err != nil {
			return err
		}
		e.Key, err = proto.ParseKey(key)
		oldest = append(oldest, e)
		return err
	}, "SELECT "+EntryColumns+", c.key FROM (SELECT id AS conversation_id, key, min FROM conversations WHERE key > ?) c"+
		" CROSS JOIN messages ON conversation = conversation_id AND seq = c.min ORDER BY c.key"+atMost, after, max(0, limit))
	if err != nil {
		return nil, fmt.Errorf("find the oldest entries: %w", err)
	}
	return oldest, nil
}

// LastBefore implements chat.View.
func (v *View) LastBefore(key proto.Key, time uint64, limit int) (uint64, error) {
	id, err := v.rowID(key)
	if err != nil || id == 0 {
		return 0, err
	}
	var last Number
	if _, err := v.Row([]any{&last}, "SELECT seq FROM (SELECT seq, create_time FROM messages WHERE conversation = ? ORDER BY seq"+atMost+") AS oldest"+
		" WHERE create_time < ? ORDER BY seq DESC LIMIT 1", id, max(0, limit), Number(time)); err != nil {
		return 0, fmt.Errorf("find the last entry before a time: %w", err)
	}
	return uint64(last), nil
}

// Members implements chat.View.
func (v *View) Members(key proto.Key) (members []chat.Member, err error) {
	id, err := v.rowID(key)
	if err != nil || id == 0 {
		return nil, err
	}
	err = v.Rows(func(row Row) error {
		m := chat.Member{Key: key}
		err := row.Scan(append(memberFields(&m), (*Number)(&m.User))...)
		members = append(members, m)
		return err
	}, "SELECT "+memberColumns+", user_id FROM members WHERE conversation = ? ORDER BY user_id", id)
	if err != nil {
		return nil, fmt.Errorf("read members: %w", err)
	}
	return members, nil
}

// User implements chat.View.
func (v *View) User(id uint64) (u chat.User, err error) {
	var row UserRow
	found, err := v.Row(row.Fields(), "SELECT "+UserColumns+" FROM users WHERE id = ?", Number(id))
	if err != nil {
		return chat.User{}, fmt.Errorf("read user: %w", err)
	}
	if !found {
		return chat.User{}, nil
	}
	return row.User(), nil
}

const UserColumns = "id, name, services, services_since, services_until, revoked, blocked, signed_out, renamed, first_seen, last_seen, hides, wrote, customer"

// UserRow is a user as the columns say.
type UserRow struct {
	u     chat.User
	hides int64
}

func (r *UserRow) Fields() []any {
	return []any{(*Number)(&r.u.ID), &r.u.Name, &r.u.Services, (*Number)(&r.u.ServicesSince), (*Number)(&r.u.ServicesUntil),
		(*Number)(&r.u.Revoked), &r.u.Blocked, (*Number)(&r.u.SignedOut), (*Number)(&r.u.Renamed), (*Number)(&r.u.FirstSeen), (*Number)(&r.u.LastSeen), &r.hides, &r.u.Wrote, &r.u.Customer}
}

func (r *UserRow) User() chat.User {
	r.u.HideTyping, r.u.HidePresence, r.u.Unlisted = r.hides&hidesTyping != 0, r.hides&hidesPresence != 0, r.hides&hidesListing != 0
	r.u.Away = r.hides&isAway != 0
	return r.u
}

// CountBlocks implements chat.View.
func (v *View) CountBlocks(user uint64) (n int, err error) {
	if err := v.ctx.Err(); err != nil {
		return 0, err
	}
	if _, err := v.Row([]any{&n}, "SELECT count(*) FROM members WHERE user_id = ? AND blocks != 0", Number(user)); err != nil {
		return 0, fmt.Errorf("count whom a user blocks: %w", err)
	}
	return n, nil
}

// people reads users, with UserColumns.
func (v *View) people(query string, args ...any) (users []chat.User, err error) {
	if err := v.ctx.Err(); err != nil {
		return nil, err
	}
	err = v.Rows(func(row Row) error {
		var one UserRow
		err := row.Scan(one.Fields()...)
		users = append(users, one.User())
		return err
	}, "SELECT "+UserColumns+" FROM users "+query, args...)
	return users, err
}

// Ending implements chat.View.
func (v *View) Ending(limit int) ([]chat.User, error) {
	users, err := v.people("WHERE services != 0 AND services_until > x'0000000000000000' ORDER BY services_until, id"+atMost, max(0, limit))
	if err != nil {
		return nil, fmt.Errorf("find users whose services end: %w", err)
	}
	return users, nil
}

// UsersAfter implements chat.View.
func (v *View) UsersAfter(id uint64, limit int) ([]chat.User, error) {
	users, err := v.people("WHERE id > ? ORDER BY id"+atMost, Number(id), max(0, limit))
	if err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	return users, nil
}

// Keeps implements chat.View. The newest row is the likeliest.
func (v *View) Keeps(user, after uint64) (keeps bool, err error) {
	if err := v.ctx.Err(); err != nil {
		return false, err
	}
	if _, err := v.Row([]any{&keeps}, "SELECT 1 FROM members m INDEXED BY members_by_rev CROSS JOIN conversations c ON c.id = m.conversation"+
		" WHERE m.user_id = ? AND m.rev > ? AND c.head != x'0000000000000000' AND c.min <= c.head ORDER BY m.rev DESC LIMIT 1", Number(user), Number(after)); err != nil {
		return false, fmt.Errorf("find a user's conversations that keep entries: %w", err)
	}
	if !keeps {
		if _, err := v.Row([]any{&keeps}, "SELECT 1 FROM members INDEXED BY members_in_groups WHERE user_id = ? AND role != 0 LIMIT 1", Number(user)); err != nil {
			return false, fmt.Errorf("find a user's groups: %w", err)
		}
	}
	return keeps, nil
}

// Loose implements chat.View.
func (v *View) Loose(user uint64, limit int) (loose []proto.Key, err error) {
	loose, err = v.keys("SELECT c.key FROM members m INDEXED BY members_by_peer CROSS JOIN conversations c ON c.id = m.conversation"+
		" WHERE m.user_id = ? AND m.peer IS NOT NULL AND (m.blocks OR c.head = x'0000000000000000' AND NOT m.blocked)"+atMost, Number(user), max(0, limit))
	if err != nil {
		return nil, fmt.Errorf("find a user's conversations without entries: %w", err)
	}
	return loose, nil
}

// Blocked implements chat.View.
func (v *View) Blocked(limit int) ([]chat.User, error) {
	users, err := v.people("WHERE blocked ORDER BY id"+atMost, max(0, limit))
	if err != nil {
		return nil, fmt.Errorf("find blocked users: %w", err)
	}
	return users, nil
}

// Agents implements chat.View.
func (v *View) Agents(service proto.ServiceType) (agents []uint64, err error) {
	if err := v.ctx.Err(); err != nil {
		return nil, err
	}
	err = v.Rows(func(row Row) error {
		var id uint64
		err := row.Scan((*Number)(&id))
		agents = append(agents, id)
		return err
	}, "SELECT id FROM users INDEXED BY users_agents WHERE services != 0 AND services & ? != 0 ORDER BY id", int64(chat.ServicesOf([]proto.ServiceType{service})))
	if err != nil {
		return nil, fmt.Errorf("find agents: %w", err)
	}
	return agents, nil
}

// Usage implements chat.View.
func (v *View) Usage(user uint64) (chat.Usage, error) {
	u := chat.Usage{User: user}
	if _, err := v.Row([]any{(*Number)(&u.Bytes.Level), (*Number)(&u.Bytes.Time), (*Number)(&u.Conversations.Level), (*Number)(&u.Conversations.Time)},
		"SELECT bytes, bytes_time, conversations, conversations_time FROM usage WHERE user_id = ?", Number(user)); err != nil {
		return chat.Usage{}, fmt.Errorf("read what a user has used: %w", err)
	}
	return u, nil
}
