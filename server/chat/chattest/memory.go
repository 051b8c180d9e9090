// Package chattest holds a chat.Store for tests.
package chattest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"

	"parley/proto"
	"parley/server/chat"
)

// Memory is a Store that keeps everything in memory, for simulations and
// tests. It never fails by itself, starts no goroutine and uses no clock.
type Memory struct {
	start  uint64
	secret []byte
	update chan struct{} // holds one while an Update runs

	mu      sync.Mutex
	closed  bool
	state   *memoryState
	readers int          // views that read state, and transactions that were made of it
	newest  *memoryState // what the last transaction changed of it, or what a Begin did
}

var _ chat.Store = (*Memory)(nil)

// NewMemory returns an empty history. epoch is not 0; it also is the first Start
// and, as nothing here needs to be secret, what the Secret is made of.
func NewMemory(epoch uint64) *Memory {
	state := newMemoryState(nil)
	state.epoch = epoch
	secret := binary.BigEndian.AppendUint64(make([]byte, 24), epoch)
	return &Memory{secret: secret, update: make(chan struct{}, 1), state: state.begin(epoch), start: epoch}
}

// Copy returns what m holds now, as a backup does or a server that starts anew,
// opened under a Start of its own. m may be closed.
func (m *Memory) Copy(start uint64) *Memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	state := m.state.clone().begin(start)
	for key, entries := range state.entries { // both may add to them
		state.entries[key] = slices.Clip(entries)
	}
	for user, keys := range state.joined {
		state.joined[user] = slices.Clip(keys)
	}
	return &Memory{secret: m.secret, update: make(chan struct{}, 1), state: state, start: start}
}

// Begin lets another start be the last, beside those that go on.
func (m *Memory) Begin(start uint64) {
	m.update <- struct{}{}
	defer func() { <-m.update }()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.state = m.state.clone().begin(start)
	m.readers, m.newest = 0, m.state
}

// Start implements Store.
func (m *Memory) Start() uint64 { return m.start }

// Secret implements Store.
func (m *Memory) Secret() []byte { return m.secret }

// Update implements Store.
func (m *Memory) Update(ctx context.Context, change func(chat.Tx) error) error {
	select {
	case m.update <- struct{}{}:
		defer func() { <-m.update }()
	case <-ctx.Done():
		return fmt.Errorf("update the history: %w", ctx.Err())
	}
	f, err := m.fly(change, nil, false)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		f.GiveUp()
		return fmt.Errorf("update the history: %w", err)
	}
	if !f.Land() { // nobody else writes meanwhile
		return errClosed
	}
	return nil
}

// View implements Store.
func (m *Memory) View(ctx context.Context, read func(chat.View) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("read the history: %w", err)
	}
	state, _, err := m.hold()
	if err != nil {
		return err
	}
	defer m.release(state)
	if err := read(memoryView{state}); err != nil {
		return fmt.Errorf("read the history: %w", err)
	}
	return nil
}

// hold returns the state, which stays as it is until it is released, and what changed last of it.
func (m *Memory) hold() (state, newest *memoryState, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, nil, errClosed
	}
	m.readers++
	return m.state, m.newest, nil
}

func (m *Memory) release(state *memoryState) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.state == state {
		m.readers--
	}
}

// Scan implements Store: nothing waits here, as nothing takes long.
func (m *Memory) Scan(ctx context.Context, read func(chat.View) error) error {
	return m.View(ctx, read)
}

// Close implements Store. Copy gives the history back.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}

var errClosed = errors.New("the history is closed")

// memoryState is a whole history, or what a transaction changes of base: there the
// zero row is one that it deletes. Its entries are only ever added to, or replaced,
// so that states share them.
type memoryState struct {
	base   *memoryState
	beside bool // others may be made of base meanwhile

	conversations map[proto.Key]chat.Conversation
	members       map[memberKey]chat.Member
	joined        map[uint64][]proto.Key     // of each user
	entries       map[proto.Key][]chat.Entry // by seq
	refs          map[memoryRef]memoryPlace
	ids           map[uint64]struct{}
	users         map[uint64]chat.User
	usages        map[uint64]chat.Usage
	devices       map[deviceKey]chat.Device
	codes         map[codeKey]chat.Code
	notes         map[noteKey]chat.Note
	replies       map[replyKey]chat.Reply
	groups        map[proto.Key]chat.Group
	links         map[linkKey]chat.GroupLink
	attachments   map[uint64]chat.Attachment
	names         map[chat.AttachmentName]bool
	uploads       map[uint64]chat.UploadUsage
	rev, lastID   uint64
	epoch         uint64
	starts        []memoryStart // in order
}

// memoryStart is a Store.Start, and the change number when it began.
type memoryStart struct{ id, rev uint64 }

type memoryRef struct {
	sender uint64
	ref    [proto.RefSize]byte
}

type memoryPlace struct {
	key proto.Key
	seq uint64
	// Of the entry, which may be deleted.
	id, time uint64
}

func newMemoryState(base *memoryState) *memoryState {
	s := &memoryState{
		base:          base,
		conversations: make(map[proto.Key]chat.Conversation),
		members:       make(map[memberKey]chat.Member),
		joined:        make(map[uint64][]proto.Key),
		entries:       make(map[proto.Key][]chat.Entry),
		refs:          make(map[memoryRef]memoryPlace),
		ids:           make(map[uint64]struct{}),
		users:         make(map[uint64]chat.User),
		usages:        make(map[uint64]chat.Usage),
		devices:       make(map[deviceKey]chat.Device),
		codes:         make(map[codeKey]chat.Code),
		notes:         make(map[noteKey]chat.Note),
		replies:       make(map[replyKey]chat.Reply),
		groups:        make(map[proto.Key]chat.Group),
		links:         make(map[linkKey]chat.GroupLink),
		attachments:   make(map[uint64]chat.Attachment),
		names:         make(map[chat.AttachmentName]bool),
		uploads:       make(map[uint64]chat.UploadUsage),
	}
	if base != nil {
		s.rev, s.lastID, s.epoch, s.starts = base.rev, base.lastID, base.epoch, base.starts
	}
	return s
}

func (s *memoryState) clone() *memoryState {
	c := newMemoryState(nil)
	c.merge(s)
	return c
}

func (s *memoryState) merge(own *memoryState) {
	replace(s.conversations, own.conversations)
	replace(s.members, own.members)
	maps.Copy(s.joined, own.joined)
	maps.Copy(s.entries, own.entries)
	maps.Copy(s.refs, own.refs)
	maps.Copy(s.ids, own.ids)
	replace(s.users, own.users)
	replace(s.usages, own.usages)
	replace(s.devices, own.devices)
	replace(s.codes, own.codes)
	replace(s.notes, own.notes)
	replace(s.replies, own.replies)
	replace(s.groups, own.groups)
	replace(s.links, own.links)
	replace(s.attachments, own.attachments)
	replace(s.names, own.names)
	replace(s.uploads, own.uploads)
	s.rev, s.lastID, s.epoch, s.starts = own.rev, own.lastID, own.epoch, own.starts
}

// begin adds a start.
func (s *memoryState) begin(start uint64) *memoryState {
	s.starts = append(slices.Clip(s.starts), memoryStart{start, s.rev})
	return s
}

// replace puts rows into a state's map; the zero one takes out what was there.
func replace[K, V comparable](rows, own map[K]V) {
	var none V
	for k, row := range own {
		if row == none {
			delete(rows, k)
		} else {
			rows[k] = row
		}
	}
}

// lookup finds what a state or its base holds in one of their maps.
func lookup[K comparable, V any](s *memoryState, in func(*memoryState) map[K]V, k K) (V, bool) {
	v, ok := in(s)[k]
	if !ok && s.base != nil {
		v, ok = in(s.base)[k]
	}
	return v, ok
}

type memoryView struct{ s *memoryState }

func (v memoryView) LastID() (uint64, error) { return v.s.lastID, nil }

func (v memoryView) Rev() (uint64, error) { return v.s.rev, nil }

func (v memoryView) Epoch() (uint64, error) { return v.s.epoch, nil }

func (v memoryView) Reached(start uint64) (uint64, error) {
	i := slices.IndexFunc(v.s.starts, func(s memoryStart) bool { return s.id == start })
	switch {
	case i < 0:
		return v.s.starts[0].rev, nil
	case i == len(v.s.starts)-1:
		return v.s.rev, nil
	}
	return v.s.starts[i+1].rev, nil
}

func (v memoryView) Conversation(key proto.Key) (chat.Conversation, error) {
	c, _ := lookup(v.s, func(s *memoryState) map[proto.Key]chat.Conversation { return s.conversations }, key)
	return c, nil
}

func (v memoryView) Member(key proto.Key, user uint64) (chat.Member, error) {
	return v.member(memberKey{key, user}), nil
}

func (v memoryView) member(k memberKey) chat.Member {
	m, _ := lookup(v.s, func(s *memoryState) map[memberKey]chat.Member { return s.members }, k)
	return m
}

func (v memoryView) joined(user uint64) []proto.Key {
	keys, _ := lookup(v.s, func(s *memoryState) map[uint64][]proto.Key { return s.joined }, user)
	return keys
}

// entries returns all entries by seq, to be read only.
func (v memoryView) entries(key proto.Key) []chat.Entry {
	entries, _ := lookup(v.s, func(s *memoryState) map[proto.Key][]chat.Entry { return s.entries }, key)
	return entries
}

// after returns the entries with seq > after, to be read only.
func (v memoryView) after(key proto.Key, after uint64) []chat.Entry {
	entries := v.entries(key)
	i, found := bySeq(entries, after)
	if found {
		i++
	}
	return entries[i:]
}

func bySeq(entries []chat.Entry, seq uint64) (int, bool) {
	return slices.BinarySearchFunc(entries, seq, func(e chat.Entry, seq uint64) int { return cmp.Compare(e.Seq, seq) })
}

func (v memoryView) Entries(key proto.Key, after, before uint64, limit int, newest bool) ([]chat.Entry, error) {
	entries := v.after(key, after)
	if before != 0 {
		i, _ := bySeq(entries, before)
		entries = entries[:i]
	}
	if n := len(entries) - max(0, limit); n > 0 && newest {
		entries = entries[n:]
	} else if n > 0 {
		entries = entries[:len(entries)-n]
	}
	entries = slices.Clone(entries)
	for i := range entries {
		entries[i].Body, entries[i].Mentions = bytes.Clone(entries[i].Body), nil
	}
	return entries, nil
}

func (v memoryView) First(key proto.Key, after uint64) (chat.Entry, error) {
	return v.first(key, after, func(chat.Entry) bool { return true }), nil
}

func (v memoryView) FirstBy(key proto.Key, sender uint64, after uint64) (chat.Entry, error) {
	return v.first(key, after, func(e chat.Entry) bool { return e.Sender == sender }), nil
}

func (v memoryView) FirstWritten(key proto.Key, sender uint64, after uint64) (chat.Entry, error) {
	return v.first(key, after, func(e chat.Entry) bool { return e.Sender == sender && !e.Type.Control() }), nil
}

// first walks, which is well enough in memory.
func (v memoryView) first(key proto.Key, after uint64, wanted func(chat.Entry) bool) chat.Entry {
	for _, e := range v.after(key, after) {
		if wanted(e) {
			e.Body, e.Mentions = nil, nil
			return e
		}
	}
	return chat.Entry{}
}

func (v memoryView) Revised(key proto.Key, after uint64, limit int) (revised []chat.Entry, err error) {
	for _, e := range v.entries(key) {
		if e.Revised > after {
			e.Body, e.Mentions = bytes.Clone(e.Body), nil
			revised = append(revised, e)
		}
	}
	slices.SortFunc(revised, func(x, y chat.Entry) int { return cmp.Compare(x.Revised, y.Revised) })
	return revised[:min(len(revised), max(0, limit))], nil
}

func (v memoryView) CountRecalled(key proto.Key, after, except uint64) (n uint64, err error) {
	for _, e := range v.after(key, after) {
		if e.Type == proto.MessageType_MESSAGE_TYPE_RECALLED && e.Sender != except {
			n++
		}
	}
	return n, nil
}

func (v memoryView) ByRef(sender uint64, ref [proto.RefSize]byte) (chat.Entry, error) {
	place, ok := lookup(v.s, func(s *memoryState) map[memoryRef]memoryPlace { return s.refs }, memoryRef{sender, ref})
	if !ok {
		return chat.Entry{}, nil
	}
	entries, err := v.Entries(place.key, place.seq-1, 0, 1, false)
	if err != nil {
		return chat.Entry{}, err
	}
	if len(entries) == 0 || entries[0].Seq != place.seq {
		return chat.Entry{Key: place.key, Seq: place.seq, ID: place.id, Sender: sender, Ref: ref, CreateTime: place.time}, nil
	}
	return entries[0], nil
}

func (v memoryView) Oldest(after string, limit int) ([]chat.Entry, error) {
	var oldest []chat.Entry
	for _, s := range []*memoryState{v.s.base, v.s} {
		if s == nil {
			continue
		}
		for key := range s.conversations {
			_, again := v.s.conversations[key]
			if entries := v.entries(key); (s == v.s || !again) && key.String() > after && len(entries) > 0 {
				e := entries[0]
				e.Body, e.Mentions = nil, nil
				oldest = append(oldest, e)
			}
		}
	}
	slices.SortFunc(oldest, func(x, y chat.Entry) int { return cmp.Compare(x.Key.String(), y.Key.String()) })
	return oldest[:min(len(oldest), max(0, limit))], nil
}

func (v memoryView) LastBefore(key proto.Key, time uint64, limit int) (last uint64, err error) {
	entries := v.entries(key)
	for _, e := range entries[:min(len(entries), max(0, limit))] {
		if e.CreateTime < time {
			last = e.Seq
		}
	}
	return last, nil
}

func (v memoryView) Members(key proto.Key) (members []chat.Member, err error) {
	all := make(map[uint64]chat.Member)
	for _, s := range []*memoryState{v.s.base, v.s} {
		if s == nil {
			continue
		}
		for k, m := range s.members {
			if k.key == key {
				all[k.user] = m
			}
		}
	}
	maps.DeleteFunc(all, func(_ uint64, m chat.Member) bool { return m == chat.Member{} })
	for _, user := range slices.Sorted(maps.Keys(all)) {
		members = append(members, all[user])
	}
	return members, nil
}

// of returns the keys of all conversations of a user and of services: of the
// former the user is a member, of the latter maybe.
func (v memoryView) of(user uint64, services chat.Services) (keys []proto.Key) {
	for _, key := range v.joined(user) {
		if key.Has(user) || key.Kind() == proto.Group {
			keys = append(keys, key)
		}
	}
	for _, s := range []*memoryState{v.s.base, v.s} {
		if s == nil || services == 0 {
			continue
		}
		for key := range s.conversations {
			own, again := v.s.conversations[key]
			if s != v.s && again || s == v.s && own == (chat.Conversation{}) {
				continue
			}
			if key.Kind() == proto.Service && services.Has(key.Service()) && !key.Has(user) {
				keys = append(keys, key)
			}
		}
	}
	return keys
}

func (v memoryView) Changed(user uint64, services chat.Services, after uint64, limit int) ([]chat.Change, error) {
	var changes []chat.Change
	for _, key := range v.of(user, services) {
		m := v.member(memberKey{key, user})
		c, _ := v.Conversation(key)
		rev, side := m.Rev, key.Side(user)
		if key.Kind() == proto.Service && !key.Has(user) || m.Role != proto.GroupRole_GROUP_ROLE_NONE {
			rev = max(rev, c.Rev)
		}
		past := uint64(0)
		if m == (chat.Member{}) {
			past = c.Past
		}
		if rev > after {
			change := chat.Change{
				Key: key, Rev: rev,
				Unread:  c.Counted[side] - m.Own - m.Seen - past,
				Waiting: c.Status.Sides[side.Other()].Seq != 0,
				Wrote:   m.Own > 0, Heard: c.Counted[side] > m.Own, Apart: apart(m),
			}
			switch {
			case key.Kind() != proto.Group:
			case m.Role == proto.GroupRole_GROUP_ROLE_NONE:
				change.Unread = 0
			default:
				change.Waiting = v.firstMention(key, user, m.Answered).Seq != 0
			}
			changes = append(changes, change)
		}
	}
	slices.SortFunc(changes, func(x, y chat.Change) int { return cmp.Compare(x.Rev, y.Rev) })
	return changes[:min(len(changes), max(0, limit))], nil
}

func (v memoryView) Recent(user uint64, services chat.Services, limit int) ([]chat.Change, error) {
	changes, err := v.Changed(user, services, 0, math.MaxInt)
	slices.Reverse(changes)
	return changes[:min(len(changes), max(0, limit))], err
}

func (v memoryView) CountBlocks(user uint64) (n int, err error) {
	for _, key := range v.joined(user) {
		if v.member(memberKey{key, user}).Blocks {
			n++
		}
	}
	return n, nil
}

func (v memoryView) Agents(service proto.ServiceType) (agents []uint64, err error) {
	for id, u := range v.users() {
		if u.Services.Has(service) {
			agents = append(agents, id)
		}
	}
	slices.Sort(agents)
	return agents, nil
}

func (v memoryView) Ending(limit int) (ending []chat.User, err error) {
	for _, u := range v.users() {
		if u.Services != 0 && u.ServicesUntil != 0 {
			ending = append(ending, u)
		}
	}
	slices.SortFunc(ending, func(x, y chat.User) int {
		return cmp.Or(cmp.Compare(x.ServicesUntil, y.ServicesUntil), cmp.Compare(x.ID, y.ID))
	})
	return ending[:min(len(ending), max(0, limit))], nil
}

func (v memoryView) Blocked(limit int) (blocked []chat.User, err error) {
	for _, u := range v.users() {
		if u.Blocked {
			blocked = append(blocked, u)
		}
	}
	slices.SortFunc(blocked, func(x, y chat.User) int { return cmp.Compare(x.ID, y.ID) })
	return blocked[:min(len(blocked), max(0, limit))], nil
}

// users returns all users, to be read only.
func (v memoryView) users() map[uint64]chat.User {
	if v.s.base == nil {
		return v.s.users
	}
	all := maps.Clone(v.s.base.users)
	replace(all, v.s.users)
	return all
}

func (v memoryView) UsersAfter(id uint64, limit int) (users []chat.User, err error) {
	all := v.users()
	for _, u := range slices.Sorted(maps.Keys(all)) {
		if u > id && len(users) < limit {
			users = append(users, all[u])
		}
	}
	return users, nil
}

func (v memoryView) Keeps(user, after uint64) (bool, error) {
	return slices.ContainsFunc(v.joined(user), func(key proto.Key) bool {
		m := v.member(memberKey{key, user})
		return m.Rev > after && len(v.entries(key)) > 0 || m.Role != proto.GroupRole_GROUP_ROLE_NONE
	}), nil
}

func (v memoryView) Loose(user uint64, limit int) (loose []proto.Key, err error) {
	for _, key := range v.joined(user) {
		c, _ := v.Conversation(key) // never fails
		m := v.member(memberKey{key, user})
		if key.Kind() == proto.Direct && (m.Blocks || c.Head == 0 && !m.Blocked) && len(loose) < limit {
			loose = append(loose, key)
		}
	}
	return loose, nil
}

func (v memoryView) User(id uint64) (chat.User, error) {
	u, _ := lookup(v.s, func(s *memoryState) map[uint64]chat.User { return s.users }, id)
	return u, nil
}

func (v memoryView) Usage(user uint64) (chat.Usage, error) {
	u, _ := lookup(v.s, func(s *memoryState) map[uint64]chat.Usage { return s.usages }, user)
	u.User = user
	return u, nil
}

func (v memoryView) allNotes() []chat.Note {
	return slices.Collect(maps.Values(rows(v.s, func(s *memoryState) map[noteKey]chat.Note { return s.notes })))
}

func (v memoryView) Notes(key proto.Key) ([]chat.Note, error) {
	notes := slices.DeleteFunc(v.allNotes(), func(n chat.Note) bool { return n.Key != key })
	slices.SortFunc(notes, func(x, y chat.Note) int { return cmp.Compare(x.ID, y.ID) })
	return notes, nil
}

func (v memoryView) Replies(service proto.ServiceType) ([]chat.Reply, error) {
	replies := slices.DeleteFunc(slices.Collect(maps.Values(rows(v.s, func(s *memoryState) map[replyKey]chat.Reply { return s.replies }))),
		func(r chat.Reply) bool { return r.Service != service })
	slices.SortFunc(replies, func(x, y chat.Reply) int { return cmp.Compare(x.ID, y.ID) })
	return replies, nil
}

func (v memoryView) Users(q chat.UserQuery) ([]chat.User, error) {
	return q.Pick(func(yield func(chat.User, string) bool) {
		for _, u := range v.users() {
			if q.Admits(u, v.bond(q.Viewer, u.ID)) && !yield(u, chat.Fold(u.Name)) {
				return
			}
		}
	}), nil
}

func (v memoryView) bond(user, other uint64) chat.Bond {
	key := proto.DirectKey(user, other)
	c, _ := v.Conversation(key) // never fails
	return chat.Bond{Shared: c.Head > 0, Apart: apart(v.member(memberKey{key, user}))}
}

type memoryTx struct{ memoryView }

func (t memoryTx) Expect(func() chat.Reads) error { return nil }

func (t memoryTx) PutConversation(c chat.Conversation) error {
	t.s.conversations[c.Key] = c
	t.s.rev = max(t.s.rev, c.Rev)
	return nil
}

func (t memoryTx) PutMember(m chat.Member) error {
	k := memberKey{m.Key, m.User}
	if t.member(k) == (chat.Member{}) {
		t.s.joined[m.User] = append(slices.Clip(t.joined(m.User)), m.Key)
	}
	t.s.members[k] = m
	t.s.rev = max(t.s.rev, m.Rev)
	return nil
}

func (t memoryTx) Append(e chat.Entry) error {
	entries := t.entries(e.Key)
	i, taken := bySeq(entries, e.Seq)
	if taken {
		return fmt.Errorf("append message id %d: its seq %d is taken", e.ID, e.Seq)
	}
	if _, taken := lookup(t.s, func(s *memoryState) map[uint64]struct{} { return s.ids }, e.ID); taken {
		return fmt.Errorf("append message id %d: the id is taken", e.ID)
	}
	ref := memoryRef{e.Sender, e.Ref}
	if _, taken := lookup(t.s, func(s *memoryState) map[memoryRef]memoryPlace { return s.refs }, ref); taken {
		return fmt.Errorf("append message id %d: the sender's client_ref is taken", e.ID)
	}
	e.Body = bytes.Clone(e.Body)
	if i == len(entries) {
		if t.s.beside {
			entries = slices.Clip(entries)
		}
		// Past the end of what others read.
		entries = append(entries, e)
	} else {
		entries = slices.Insert(slices.Clone(entries), i, e)
	}
	t.s.entries[e.Key] = entries
	t.s.refs[ref] = memoryPlace{e.Key, e.Seq, e.ID, e.CreateTime}
	t.s.ids[e.ID] = struct{}{}
	t.s.lastID = max(t.s.lastID, e.ID)
	return nil
}

func (t memoryTx) Revise(e chat.Entry) error {
	entries := t.entries(e.Key)
	i, found := bySeq(entries, e.Seq)
	if !found {
		return fmt.Errorf("revise message id %d: there is no entry %d", e.ID, e.Seq)
	}
	entries = slices.Clone(entries) // others go on reading what was there
	entries[i].Type, entries[i].Body, entries[i].Revised = e.Type, bytes.Clone(e.Body), e.Revised
	if e.Type == proto.MessageType_MESSAGE_TYPE_RECALLED {
		entries[i].Mentions = nil
	}
	t.s.entries[e.Key] = entries
	return nil
}

func (t memoryTx) Delete(key proto.Key, through uint64) error {
	t.s.entries[key] = slices.Clone(t.after(key, through)) // others go on reading the rest
	return nil
}

func (t memoryTx) PutUser(u chat.User) error {
	t.s.users[u.ID] = u
	return nil
}

func (t memoryTx) DeleteConversation(key proto.Key) error {
	members, err := t.Members(key)
	for _, m := range members {
		t.s.members[memberKey{key, m.User}] = chat.Member{}
		t.s.joined[m.User] = slices.DeleteFunc(slices.Clone(t.joined(m.User)), func(k proto.Key) bool { return k == key })
	}
	t.s.conversations[key] = chat.Conversation{}
	return err
}

func (t memoryTx) DeleteUser(id uint64) error {
	t.s.users[id], t.s.usages[id], t.s.uploads[id] = chat.User{}, chat.Usage{}, chat.UploadUsage{}
	for k := range t.devices() {
		if k.user == id {
			t.s.devices[k] = chat.Device{}
		}
	}
	for k := range t.codes() {
		if k.user == id {
			t.s.codes[k] = chat.Code{}
		}
	}
	return nil
}

func (t memoryTx) PutUsage(u chat.Usage) error {
	t.s.usages[u.User] = u
	return nil
}

func (t memoryTx) AddNote(n chat.Note) error {
	k := noteKey{n.Key, n.ID}
	if before, _ := lookup(t.s, func(s *memoryState) map[noteKey]chat.Note { return s.notes }, k); before != (chat.Note{}) {
		return fmt.Errorf("add note %d: the id is taken", n.ID)
	}
	t.s.notes[k] = n
	return nil
}

func (t memoryTx) DeleteNote(key proto.Key, id uint64) error {
	t.s.notes[noteKey{key, id}] = chat.Note{}
	return nil
}

func (t memoryTx) ExpireNotes(before uint64, limit int) (int, error) {
	old := slices.DeleteFunc(t.allNotes(), func(n chat.Note) bool { return n.Time >= before })
	slices.SortFunc(old, func(x, y chat.Note) int { return cmp.Compare(x.Time, y.Time) })
	old = old[:min(len(old), max(0, limit))]
	for _, n := range old {
		t.s.notes[noteKey{n.Key, n.ID}] = chat.Note{}
	}
	return len(old), nil
}

func (t memoryTx) PutReply(r chat.Reply) error {
	t.s.replies[replyKey{r.Service, r.ID}] = r
	return nil
}

func (t memoryTx) DeleteReply(service proto.ServiceType, id uint64) error {
	t.s.replies[replyKey{service, id}] = chat.Reply{}
	return nil
}

func (t memoryTx) PutEpoch(epoch uint64) error {
	t.s.epoch = epoch
	return nil
}

// memberKey names one member of one conversation.
type memberKey struct {
	key  proto.Key
	user uint64
}

// noteKey names one note on one conversation, and replyKey one reply of one service.
type (
	noteKey struct {
		key proto.Key
		id  uint64
	}
	replyKey struct {
		service proto.ServiceType
		id      uint64
	}
)

func apart(m chat.Member) bool { return m.Blocks || m.Blocked }
