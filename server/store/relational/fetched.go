package relational

import (
	"maps"
	"slices"

	"parley/proto"
	"parley/server/chat"
)

// Fetcher is a Conn that fetches at once what a transaction is to read, but for what is cached
// and still holds. It hands over what it finds, and the rest is not there.
type Fetcher interface {
	Fetch(*Fetched, chat.Reads) error
}

// Expect implements chat.Tx.
func (t *Transaction) Expect(reads func() chat.Reads) error {
	f, ok := t.Conn.(Fetcher)
	if !ok {
		return nil // what is near is read as it is needed
	}
	all := reads()
	t.ahead = newFetched(t, all)
	t.ahead.expect(all)
	if err := f.Fetch(t.ahead, all); err != nil {
		return err
	}
	t.ahead.rest(all)
	return nil
}

// Fetched is what a transaction knows of the history before it reads it: as it was when the
// transaction began, and what the transaction itself changed since. Rows of conversations and
// members are in the Transaction's cache. A nil *Fetched knows nothing.
type Fetched struct {
	t      *Transaction
	heads  map[proto.Key]uint64 // of conversations as they were
	refs   map[chat.RefRead]chat.Entry
	users  map[uint64]chat.User
	teams  map[proto.ServiceType][]uint64
	firsts map[First]chat.Entry
	own    map[proto.Key][]chat.Entry // appended by the transaction
	groups map[proto.Key]chat.Group

	entries     map[chat.EntryRead]chat.Entry
	authors     map[proto.Key][]written
	attachments map[uint64]chat.Attachment
}

// written is who wrote the messages after a seq through another, newest first.
type written struct {
	after, through uint64
	some           bool // only the newest
	messages       []message
}

type message struct{ seq, sender uint64 }

// First names what View.First, FirstBy or FirstWritten is asked for.
type First struct {
	Key   proto.Key
	Kind  FirstKind
	User  uint64 // 0 for First
	After uint64
}

// FirstKind says which entries count.
type FirstKind int

const (
	FirstOfAll FirstKind = iota
	FirstOfUser
	FirstWrittenByUser
)

// newFetched returns one that is to hand over so much.
func newFetched(t *Transaction, r chat.Reads) *Fetched {
	return &Fetched{
		t: t, heads: make(map[proto.Key]uint64, len(r.Members)), refs: make(map[chat.RefRead]chat.Entry, len(r.Refs)),
		users: make(map[uint64]chat.User, len(r.Users)), teams: make(map[proto.ServiceType][]uint64),
		firsts: make(map[First]chat.Entry), own: make(map[proto.Key][]chat.Entry),
		groups: make(map[proto.Key]chat.Group), entries: make(map[chat.EntryRead]chat.Entry),
		authors: make(map[proto.Key][]written), attachments: make(map[uint64]chat.Attachment),
	}
}

// Caches reports whether a member and its conversation are cached, and need not be fetched where
// that holds.
func (f *Fetched) Caches(m chat.MemberRead) bool { return f.t.cache.has(m.Key, m.User) }

// CachesUsage is Caches of what a user has used.
func (f *Fetched) CachesUsage(user uint64) bool { return f.t.cache.hasUsage(user) }

// Guess reports whether what is asked for is cached, so that nothing has to be handed over: if
// that holds, nothing is under the refs yet, and nobody asks who the senders are.
func (f *Fetched) Guess(r chat.Reads) bool {
	if len(r.Groups)+len(r.Entries)+len(r.Authors)+len(r.Attachments) > 0 || r.Teams != 0 || !slices.Equal(r.Users, r.Usages) {
		return false
	}
	lacks := func(m chat.MemberRead) bool { return !f.Caches(m) }
	behind := func(a chat.AheadRead) bool { return a.Seen < f.t.cache.conversations[a.Key].Head }
	unused := func(user uint64) bool { return !f.CachesUsage(user) }
	if slices.ContainsFunc(r.Members, lacks) || slices.ContainsFunc(r.Ahead, behind) || slices.ContainsFunc(r.Usages, unused) {
		return false
	}
	clear(f.users)
	return true
}

// rest says of what was neither cached nor handed over that it is not there: of members, and of
// their conversations, and of what users have used.
func (f *Fetched) rest(r chat.Reads) {
	cache := f.t.cache
	for _, user := range r.Usages {
		if _, known := cache.usage(user); !known {
			cache.putUsage(chat.Usage{User: user})
		}
	}
	for _, m := range r.Members {
		row, known := cache.row(m.Key)
		if !known {
			cache.putConversation(m.Key, row)
		}
		if _, known := cache.member(m.Key, m.User); !known {
			cache.putMember(memberKey{m.Key, m.User}, chat.Member{})
		}
		f.heads[m.Key] = row.Head
	}
}

// expect says of all but members that it is not there, until it is handed over.
func (f *Fetched) expect(r chat.Reads) {
	for _, ref := range r.Refs {
		f.refs[ref] = chat.Entry{}
	}
	for _, user := range r.Users {
		f.users[user] = chat.User{}
	}
	for _, service := range r.Teams.All() {
		f.teams[service] = nil
	}
	for _, key := range r.Groups {
		f.groups[key] = chat.Group{}
	}
	for _, e := range r.Entries {
		f.entries[e] = chat.Entry{}
	}
	for _, id := range r.Attachments {
		f.attachments[id] = chat.Attachment{}
	}
}

// Columns of what is handed over, behind those that each method names.
const (
	ConversationColumns = conversationColumns
	MemberColumns       = memberColumns
	GroupColumns        = groupColumns
	AttachmentColumns   = attachmentColumns
)

// Conversation takes over a row of id, key and ConversationColumns.
func (f *Fetched) Conversation(row Row) (err error) {
	var c chat.Conversation
	var id int64
	var key string
	if err := row.Scan(append([]any{&id, &key}, conversationFields(&c)...)...); err != nil {
		return err
	}
	if c.Key, err = proto.ParseKey(key); err != nil {
		return err
	}
	f.t.rowIDs[c.Key] = id
	f.t.cache.putConversation(c.Key, conversationRow{id: id, Conversation: whole(c)})
	return nil
}

// Member takes over a row of the conversation's key, user_id and MemberColumns.
func (f *Fetched) Member(row Row) (err error) {
	var m chat.Member
	var key string
	if err := row.Scan(append([]any{&key, (*Number)(&m.User)}, memberFields(&m)...)...); err != nil {
		return err
	}
	if m.Key, err = proto.ParseKey(key); err == nil {
		f.t.cache.putMember(memberKey{m.Key, m.User}, m)
	}
	return err
}

// Ref takes over a row of the conversation's key and EntryColumns.
func (f *Fetched) Ref(row Row) (err error) {
	var e chat.Entry
	var key string
	if err := row.Scan(append([]any{&key}, EntryFields(&e)...)...); err != nil {
		return err
	}
	if e.Key, err = proto.ParseKey(key); err == nil {
		f.refs[chat.RefRead{Sender: e.Sender, Ref: e.Ref}] = e
	}
	return err
}

// DeletedRef takes over a row of the conversation's key, sender, client_ref, seq, id and
// create_time.
func (f *Fetched) DeletedRef(row Row) (err error) {
	var e chat.Entry
	var key string
	if err := row.Scan(&key, (*Number)(&e.Sender), (*Ref)(&e.Ref), (*Number)(&e.Seq), (*Number)(&e.ID), (*Number)(&e.CreateTime)); err != nil {
		return err
	}
	if e.Key, err = proto.ParseKey(key); err == nil {
		f.refs[chat.RefRead{Sender: e.Sender, Ref: e.Ref}] = e
	}
	return err
}

// User takes over a row of UserColumns.
func (f *Fetched) User(row Row) error {
	var one UserRow
	err := row.Scan(one.Fields()...)
	f.users[one.u.ID] = one.User()
	return err
}

// Usage takes over a row of user_id, bytes, bytes_time, conversations and
// conversations_time.
func (f *Fetched) Usage(row Row) error {
	var u chat.Usage
	err := row.Scan((*Number)(&u.User), (*Number)(&u.Bytes.Level), (*Number)(&u.Bytes.Time), (*Number)(&u.Conversations.Level), (*Number)(&u.Conversations.Time))
	if _, known := f.t.cache.usage(u.User); !known {
		f.t.cache.putUsage(u)
	}
	return err
}

// Agent takes over a row of id and services of a user, which come by their ids.
func (f *Fetched) Agent(row Row) error {
	var id uint64
	var services chat.Services
	err := row.Scan((*Number)(&id), &services)
	for service := range f.teams {
		if services.Has(service) {
			f.teams[service] = append(f.teams[service], id)
		}
	}
	return err
}

// First takes over what there was of which; the row is of whether there is one, and
// EntryColumns.
func (f *Fetched) First(which First, e chat.Entry) { f.firsts[which] = e }

// first answers which from what was fetched and appended, if it can.
func (f *Fetched) first(which First) (e chat.Entry, known bool) {
	if f == nil {
		return e, false
	}
	head, known := f.heads[which.Key]
	if !known {
		return e, false
	}
	if which.After < head {
		if e, known = f.firsts[which]; !known || e.Seq != 0 {
			return e, known
		}
	}
	for _, own := range f.own[which.Key] {
		if own.Seq > which.After && (which.Kind == FirstOfAll || own.Sender == which.User) && (which.Kind != FirstWrittenByUser || !own.Type.Control()) {
			own.Body = nil
			return own, true
		}
	}
	return e, true
}

// First implements chat.View.
func (t *Transaction) First(key proto.Key, after uint64) (chat.Entry, error) {
	if e, known := t.ahead.first(First{key, FirstOfAll, 0, after}); known {
		return e, t.ctx.Err()
	}
	return t.View.First(key, after)
}

// FirstBy implements chat.View.
func (t *Transaction) FirstBy(key proto.Key, sender, after uint64) (chat.Entry, error) {
	if e, known := t.ahead.first(First{key, FirstOfUser, sender, after}); known {
		return e, t.ctx.Err()
	}
	return t.View.FirstBy(key, sender, after)
}

// FirstWritten implements chat.View.
func (t *Transaction) FirstWritten(key proto.Key, sender, after uint64) (chat.Entry, error) {
	if e, known := t.ahead.first(First{key, FirstWrittenByUser, sender, after}); known {
		return e, t.ctx.Err()
	}
	return t.View.FirstWritten(key, sender, after)
}

// ref returns the entry under a ref, if that is known.
func (f *Fetched) ref(sender uint64, ref [proto.RefSize]byte) (e chat.Entry, known bool) {
	if f != nil {
		e, known = f.refs[chat.RefRead{Sender: sender, Ref: ref}]
	}
	return e, known
}

// ByRef implements chat.View.
func (t *Transaction) ByRef(sender uint64, ref [proto.RefSize]byte) (chat.Entry, error) {
	if e, known := t.ahead.ref(sender, ref); known {
		return e, t.ctx.Err()
	}
	return t.View.ByRef(sender, ref)
}

// user returns what is known of a user, if it is.
func (f *Fetched) user(id uint64) (u chat.User, known bool) {
	if f != nil {
		u, known = f.users[id]
	}
	return u, known
}

// User implements chat.View.
func (t *Transaction) User(id uint64) (chat.User, error) {
	if u, known := t.ahead.user(id); known {
		return u, t.ctx.Err()
	}
	return t.View.User(id)
}

// Usage implements chat.View.
func (t *Transaction) Usage(user uint64) (chat.Usage, error) {
	if u, known := t.cache.usage(user); known {
		return u, t.ctx.Err()
	}
	u, err := t.View.Usage(user)
	if err == nil {
		t.cache.putUsage(u)
	}
	return u, err
}

// Agents implements chat.View.
func (t *Transaction) Agents(service proto.ServiceType) ([]uint64, error) {
	if t.ahead != nil {
		if agents, known := t.ahead.teams[service]; known {
			return slices.Clone(agents), t.ctx.Err()
		}
	}
	return t.View.Agents(service)
}

// Group takes over a row of the conversation's key and GroupColumns.
func (f *Fetched) Group(row Row) (err error) {
	var g chat.Group
	var key string
	if err := row.Scan(&key, &g.Name, &g.Whole, &g.Members, &g.Version, (*Number)(&g.Picture)); err != nil {
		return err
	}
	if g.Key, err = proto.ParseKey(key); err == nil {
		f.groups[g.Key] = g
	}
	return err
}

// Entry takes over a row of the conversation's key, EntryColumns and body.
func (f *Fetched) Entry(row Row) (err error) {
	var e chat.Entry
	var key string
	if err := row.Scan(append(append([]any{&key}, EntryFields(&e)...), &e.Body)...); err != nil {
		return err
	}
	if e.Key, err = proto.ParseKey(key); err == nil {
		f.entries[chat.EntryRead{Key: e.Key, Seq: e.Seq}] = e
	}
	return err
}

// Attachment takes over a row of AttachmentColumns.
func (f *Fetched) Attachment(row Row) error {
	a, err := scanAttachment(row)
	f.attachments[a.ID] = a
	return err
}

// has reports whether it is known that there is an entry.
func (f *Fetched) has(key proto.Key, seq uint64) bool {
	return f != nil && f.entries[chat.EntryRead{Key: key, Seq: seq}].Seq != 0
}

// revised notes an entry as it is now. What was taken back counts as written no more.
func (f *Fetched) revised(e chat.Entry) {
	if f == nil {
		return
	}
	change := func(known *chat.Entry) { known.Type, known.Revised = e.Type, e.Revised }
	if one := (chat.EntryRead{Key: e.Key, Seq: e.Seq}); f.entries[one].Seq != 0 {
		whole := f.entries[one]
		change(&whole)
		whole.Body = e.Body
		f.entries[one] = whole
	}
	if ref := (chat.RefRead{Sender: e.Sender, Ref: e.Ref}); f.refs[ref].Seq != 0 {
		known := f.refs[ref]
		change(&known)
		f.refs[ref] = known
	}
	for i := range f.own[e.Key] {
		if own := &f.own[e.Key][i]; own.Seq == e.Seq {
			change(own)
		}
	}
	maps.DeleteFunc(f.firsts, func(which First, first chat.Entry) bool { return which.Key == e.Key && first.Seq == e.Seq })
	if e.Type.Control() {
		delete(f.authors, e.Key)
	}
}

// Author takes over a row of the conversation's key, what of it was asked for, after a seq
// through another, and the seq and the sender of a message there, newest first: 0 if there is
// none. No more than limit come of what was asked for.
func (f *Fetched) Author(row Row, limit int) (err error) {
	var key string
	var w written
	var m message
	if err := row.Scan(&key, (*Number)(&w.after), (*Number)(&w.through), (*Number)(&m.seq), (*Number)(&m.sender)); err != nil {
		return err
	}
	k, err := proto.ParseKey(key)
	if err != nil {
		return err
	}
	all := f.authors[k]
	if n := len(all); n == 0 || all[n-1].after != w.after || all[n-1].through != w.through {
		all = append(all, w)
	}
	last := &all[len(all)-1]
	if m.seq != 0 {
		last.messages = append(last.messages, m)
	}
	last.some = len(last.messages) >= limit
	f.authors[k] = all
	return nil
}

// wrote answers View.Authors from what was fetched and appended, if it can.
func (f *Fetched) wrote(key proto.Key, after, through uint64, limit int) (users []uint64, known bool) {
	if f == nil {
		return nil, false
	}
	for _, w := range f.authors[key] {
		if w.after > after || w.some && through < w.through || through > w.through && w.through < f.heads[key] {
			continue
		}
		count := func(seq, sender uint64) {
			if seq > after && seq <= through && limit > 0 {
				users, limit = append(users, sender), limit-1
			}
		}
		for _, own := range slices.Backward(f.own[key]) {
			if !own.Type.Control() {
				count(own.Seq, own.Sender)
			}
		}
		for _, m := range w.messages {
			count(m.seq, m.sender)
		}
		slices.Sort(users)
		return slices.Compact(users), true
	}
	return nil, false
}

// Authors implements chat.View.
func (t *Transaction) Authors(key proto.Key, after, through uint64, limit int) ([]uint64, error) {
	if users, known := t.ahead.wrote(key, after, through, limit); known {
		return users, t.ctx.Err()
	}
	return t.View.Authors(key, after, through, limit)
}

// Entries implements chat.View.
func (t *Transaction) Entries(key proto.Key, after, before uint64, limit int, newest bool) ([]chat.Entry, error) {
	if t.ahead != nil && before == after+2 && limit > 0 {
		e, known := t.ahead.entries[chat.EntryRead{Key: key, Seq: after + 1}]
		switch {
		case known && e.Seq != 0:
			return []chat.Entry{e}, t.ctx.Err()
		case known && after+1 <= t.ahead.heads[key]:
			return nil, t.ctx.Err()
		}
	}
	return t.View.Entries(key, after, before, limit, newest)
}

// appended notes an entry of the transaction's own.
func (f *Fetched) appended(e chat.Entry) {
	if f == nil {
		return
	}
	e.Body = nil
	f.own[e.Key] = append(f.own[e.Key], e)
	f.refs[chat.RefRead{Sender: e.Sender, Ref: e.Ref}] = e
}

// deleted forgets what is known of entries, of which some were deleted.
func (f *Fetched) deleted() {
	if f != nil {
		clear(f.heads)
		clear(f.refs)
		clear(f.entries)
		clear(f.authors)
	}
}

// put notes a user as they are now.
func (f *Fetched) put(u chat.User) {
	if f == nil {
		return
	}
	if before, known := f.users[u.ID]; !known || before.Services != u.Services {
		clear(f.teams)
	}
	f.users[u.ID] = u
}

// forget notes that a user was deleted.
func (f *Fetched) forget(user uint64) {
	if f != nil {
		f.users[user] = chat.User{}
		clear(f.teams)
	}
}
