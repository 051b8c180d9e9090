// Package chat is the client's brain: it keeps the timeline of every
// conversation, the outbox, what is missing and where to get it, receipts, and
// who waits for an answer. It imports nothing but proto: the clock, the
// network, the server's history and the store are passed in, so the same code
// runs in the browser, in plain Go tests and in a simulation.
//
// Everything it keeps is monotone: a conversation is a log numbered by the
// server, of which it holds the union of all it was ever given; watermarks
// only rise. Lost, repeated and reordered deliveries therefore cannot corrupt
// it. A message of the user's own is in the store before it is shown, so closing
// the tab loses none; what others wrote, the server has.
package chat

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"parley/proto"
	"parley/proto/search"
)

// Config is what an engine needs. All fields but Grace, MemoryOnly and Folder are
// required, and of the token its text.
type Config struct {
	User  uint64
	Token Token
	// Grace is how long a start that has something stored waits before it
	// connects, unless a timeline is given earlier; 0: it connects at once.
	Grace time.Duration

	Store Store
	// MemoryOnly says why Store ends with the program; nothing if it does not.
	MemoryOnly Reason
	Network    Network
	History    History
	Files      Files // nil: none can be sent
	Host       Host
	Observer   Observer
	// Folder makes texts comparable for a search, as the Store's does; nil: one that knows the case of letters alone.
	Folder search.Folder
}

// Engine is one user's chat in one browser profile. All methods must be called
// on the Host's loop, and call back on it.
type Engine struct {
	Config
	render        renderer
	meta          Meta
	conversations map[string]*conversation
	write         writer
	connection    connection
	sync          syncing
	fetch         fetching
	marking       marking
	renewing      renewing
	clock         serverClock
	typing        typing
	settings      *Settings // nil until the server told them
	outbox        outbox
	uploads       uploads
	indexing      indexing
	keep          keeping
	ctx           context.Context
	cancel        context.CancelFunc
	loading       loading
	top           top
	interim       interim
	started       bool      // all is loaded
	unusable      error     // why the store could not be loaded
	emptied       int       // how often less was found, or left, in the store than there was
	toldOf        []*Reason // what damage the person was told of
	screens       map[int]string
	followers     map[int]bool // pages, see Follow
	closed        bool
}

// New returns an engine that does nothing until Start.
func New(c Config) *Engine {
	e := &Engine{
		Config:        c,
		render:        renderer{user: c.User},
		conversations: make(map[string]*conversation),
		screens:       make(map[int]string),
		followers:     make(map[int]bool),
	}
	e.ctx, e.cancel = context.WithCancel(context.Background())
	e.write = writer{late: make(map[uint64]bool), engine: e, host: c.Host, store: c.Store, row: e.rowOf, top: e.top.changed, lost: e.lost, failed: c.Observer.Failed, works: e.catchUp, reopened: e.reopened}
	e.loading, e.top, e.interim = loading{engine: e}, top{engine: e}, interim{engine: e}
	e.connection = connection{engine: e, state: Connection{State: Connecting, Opening: true, MemoryOnly: c.MemoryOnly.Text, MemoryOnlyCode: c.MemoryOnly.Code}, since: c.Host.Elapsed()}
	e.renewing, e.sync, e.fetch = renewing{engine: e}, syncing{engine: e}, fetching{engine: e}
	e.outbox, e.marking, e.typing, e.uploads = outbox{engine: e}, marking{engine: e}, newTyping(e), uploads{engine: e}
	e.indexing, e.keep = indexing{engine: e}, keeping{engine: e, fruitless: make(map[*conversation]bool)}
	return e
}

// Start loads what this browser has stored, then connects and stays connected.
// done is told as soon as the stored part can be read, or why it cannot: what a list shows first is there then, and the
// observer is told of the other conversations as they come, as long as Connection.Opening.
func (e *Engine) Start(done func(error)) { e.loading.begin(done) }

// watch writes as soon as the store has lost what it had open, since what this
// engine knows is nowhere else then.
func (e *Engine) watch() {
	if store, ok := e.Store.(Watched); ok {
		store.Watch(func() { e.Host.Post(func() { e.write.meta(e.meta) }) })
	}
}

// reopened takes note of what a store holds that was opened again: everything
// still, or not. Then it is given again what is in memory, and the messages
// are fetched again.
func (e *Engine) reopened(s Snapshot) error {
	switch s.Meta.Device {
	case e.meta.Device:
		if !s.Damaged.Any() {
			return nil
		}
	case "":
	default: // an engine that knew nothing of this one began anew
		return &Reason{Text: "this chat's history in this browser is another program's now: close the other tabs of this site and reload this one", Code: "storage-taken"}
	}
	if s.Damaged.Any() {
		e.tellOf(errDamaged)
	} else {
		e.tellOf(errDeleted)
	}
	e.emptied++
	e.top.stored = nil
	if !e.started {
		e.meta.SyncToken = "" // of those that were not loaded yet nothing is known
	}
	e.write.clear() // of what is there nothing claims to be stored
	e.write.meta(e.meta)
	for _, c := range e.sorted() {
		c.stored, c.size = nil, 0
		e.write.touch(c.name)
		for _, o := range c.outbox {
			e.write.outgoing(o.Outgoing, nil)
		}
	}
	e.catchUp()
	return nil
}

// Close ends the session, lets the writes under way finish and closes the store.
func (e *Engine) Close(done func()) {
	if e.closed {
		done()
		return
	}
	e.closed = true
	e.cancel()
	e.connection.end()
	e.renewing.end()
	e.typing.end()
	e.write.flush(func() {
		stores := []Store{e.Store}
		if e.interim.store != nil {
			stores = append(stores, e.interim.store)
		}
		e.Host.Go(func() func() {
			var err error
			for _, store := range stores {
				err = errors.Join(err, store.Close())
			}
			return func() {
				if err != nil {
					e.Observer.Failed(fmt.Errorf("close the store: %w", err))
				}
				done()
			}
		})
	})
}

// Conversations returns all conversations that are loaded, the pinned ones first, then the most recently active.
func (e *Engine) Conversations() []Conversation {
	all := make([]*conversation, 0, len(e.conversations))
	for _, c := range e.conversations {
		if e.listed(c) {
			all = append(all, c)
		}
	}
	slices.SortFunc(all, compareActivity)
	list := make([]Conversation, len(all))
	for i, c := range all {
		list[i] = e.conversationOf(c)
	}
	return list
}

// listed reports whether there is something of a conversation to show in a list.
func (e *Engine) listed(c *conversation) bool {
	return e.visible(c) && (c.head > 0 || len(c.outbox) > 0 || c.blocked)
}

func compare[T uint64 | string](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// conversation returns the conversation of a key that the user asks for, new
// and empty if need be. The error, a *proto.Refusal, says what is wrong with the key.
func (e *Engine) conversation(name string) (*conversation, error) {
	if e.unusable != nil {
		return nil, e.unusable
	}
	key, err := proto.ParseOpenKey(name)
	switch {
	case err != nil:
		return nil, err
	case key.IsZero():
		return nil, errKind
	case !e.mayRead(key):
		return nil, proto.Refuse(proto.NotAuthorized, "%s is not a conversation of yours", name).Named("not-yours")
	}
	return e.told(name)
}

// errKind answers what is asked of a conversation of a kind to come.
var errKind = proto.Refuse(proto.ImplementationSpecific, "this conversation cannot be shown by this version: reload the page").Named("kind-unknown")

// told returns the conversation of a key that the server tells of, new and
// empty if need be. It may be one that this version cannot show, or one that is
// not, or not yet, the user's by the token: it is kept, and shown once it can be.
// The error, a *proto.Refusal, says what is wrong with the key.
func (e *Engine) told(name string) (*conversation, error) {
	if c := e.conversations[name]; c != nil {
		return c, nil
	}
	key, err := proto.ParseOpenKey(name)
	if err != nil {
		return nil, err
	}
	c := &conversation{name: name, key: key}
	e.conversations[name] = c
	return c, nil
}

// sorted returns all conversations by name, for work whose order should not
// depend on the order of a map.
func (e *Engine) sorted() []*conversation {
	names := slices.Sorted(maps.Keys(e.conversations))
	list := make([]*conversation, len(names))
	for i, name := range names {
		list[i] = e.conversations[name]
	}
	return list
}

func (e *Engine) rowOf(name string) (Row, bool) {
	c := e.conversations[name]
	if c == nil {
		return Row{}, false
	}
	row, err := c.row(e.User)
	if err != nil {
		e.Observer.Failed(err)
		return Row{}, false
	}
	return row, true
}

// lost takes entries that could not be stored out of what is known to be
// stored: they will be fetched again when the store works.
func (e *Engine) lost(entries []Entry) {
	for _, x := range entries {
		if c := e.conversations[x.Key]; c != nil {
			c.leave(c.stored.remove(x.Seq, x.Seq))
		}
	}
}

// catchUp fills the holes of the conversations that are shown, and of those
// that were active last: an agent may have thousands, and reads few of them.
// What waited in memory for room is delivered by now.
func (e *Engine) catchUp() {
	list := e.sorted()
	for _, c := range list {
		e.deliveredStored(c)
	}
	slices.SortStableFunc(list, func(a, b *conversation) int {
		if a.shown != b.shown {
			return map[bool]int{true: -1, false: 1}[a.shown]
		}
		return compare(b.last.id(), a.last.id())
	})
	for i, c := range list {
		if i < kept || c.shown || c.behind() {
			e.fetch.catchUp(c)
		}
	}
}

// toldUnasked is how many of the messages that come at once are told of where no page wants all, in a conversation whose
// timeline nobody has asked for: what it has is in its row, and to make a burst of them ready for pages that show none takes
// longer than to store them.
const toldUnasked = 16

// receive takes in entries of a conversation, from whatever source, stores
// those that are new, and tells. They are as they were when the newest entry was asOf.
func (e *Engine) receive(c *conversation, entries []entry, asOf uint64) {
	first := c.holdsNothing()
	fresh := c.add(entries, e.User)
	if len(fresh) == 0 {
		return
	}
	c.revisions.learn(fresh, asOf, first)
	e.happened(c, fresh)
	var changed []Message
	for i, x := range fresh {
		e.write.entry(Entry{Key: c.name, Seq: x.seq, Body: x.body})
		if c.shown || !e.keep.quiet && (e.Followed() || i >= len(fresh)-toldUnasked || x.by(e.User) || !x.event().Type.Written()) {
			changed = append(changed, e.render.message(c, x))
		}
	}
	if a := c.status.Assignee; c.status.unsure || a != 0 && a != c.names.assigneeID {
		c.status.unsure = false
		e.sync.request() // the row knows which question waits, and the agent's name
	}
	e.write.touch(c.name)
	e.deliveredStored(c)
	if len(changed) > 0 {
		e.Observer.Messages(c.name, changed, nil)
	}
	e.revise(c)
	e.changed(c)
	e.fetch.consider(c)
}

// forget drops what the server keeps no more: the entries before a seq.
func (e *Engine) forget(c *conversation, before uint64) {
	if before <= c.min {
		return
	}
	c.min = before
	if c.last.seq < before {
		c.last = entry{}
	}
	if before > 1 {
		c.leave(c.stored.remove(1, before-1))
		e.write.forget(c.name, before)
	}
}

// visible reports whether a conversation is shown: it is the user's, as far as
// token and server say, or holds what the user sent and the server did not take yet.
func (e *Engine) visible(c *conversation) bool {
	return (c.key.IsZero() || e.mayRead(c.key)) && !c.repair.denied || len(c.outbox) > 0
}

// mayRead reports whether a conversation is mine: I am one of its sides, or an
// agent of its service. Whose a group is the server says.
func (e *Engine) mayRead(key proto.Key) bool {
	return key.Has(e.User) || key.Kind() == proto.Group || key.Kind() == proto.Service && slices.Contains(e.Token.Services, key.Service())
}

// changed tells that what the list shows of a conversation is different now.
func (e *Engine) changed(c *conversation) {
	e.Observer.Conversations([]Conversation{e.conversationOf(c)})
}

// conversationOf is a conversation as the list shows it; an empty one, if it is
// not to be shown.
func (e *Engine) conversationOf(c *conversation) Conversation {
	if !e.visible(c) {
		return Conversation{Key: c.name, Service: -1}
	}
	return e.render.conversation(c)
}

// serverNow estimates the server's clock, in Unix milliseconds.
func (e *Engine) serverNow() uint64 {
	now, _ := e.clock.now(e.Host)
	return uint64(max(0, now.UnixMilli()))
}
