package sim_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"parley/proto"
	"parley/server/attachment"
	"parley/server/chat"
	"parley/server/chat/chattest"
	"parley/server/fault"
	client "parley/wasm/chat"
)

// disk is the durable history of the server, or of all nodes. It survives them, and may be
// full, or see the server die at a commit.
type disk struct {
	chat.Store // a *chattest.Memory
	w          *world
	shared     *chattest.Shared // of nodes: what they have of the same history
	hinted     int              // of how many records in its change log the nodes were told
	full       bool
	bad        bool // some of what is to be stored cannot be
	vague      bool // what becomes of some commits stays unknown to the server
	crash      int  // the server dies at the crash-th Update from now; 0: it does not
	rises      rises
}

// backup is what a disk held once.
type backup struct {
	history *chattest.Memory
	epoch   uint64
	rev     uint64
	rises   rises
}

func newDisk(w *world) *disk {
	d := &disk{w: w}
	d.wipe()
	return d
}

// wipe replaces the history by an empty one.
func (d *disk) wipe() {
	d.Store, d.rises = chattest.NewMemory(1+d.w.Rand.Uint64()>>1), rises{}
	err := d.Store.Update(context.Background(), func(tx chat.Tx) error {
		for _, agent := range agentIDs {
			u := chat.User{ID: agent, Name: "agent", Services: chat.ServicesOf([]proto.ServiceType{service, elsewhere})}
			if err := tx.PutUser(u); err != nil {
				return err
			}
		}
		for _, user := range userIDs {
			if err := tx.PutUser(chat.User{ID: user, Name: "user"}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		d.w.fail("name the users: %v", err)
	}
	d.share()
}

// share lets nodes share the history that the disk has now.
func (d *disk) share() {
	if d.w.shared {
		d.shared, d.hinted = chattest.NewShared(d.Store.(*chattest.Memory), d.w.Now), 0
	}
}

// restart opens the history as a server does that starts.
func (d *disk) restart() { d.Store = d.Store.(*chattest.Memory).Copy(d.w.start()) }

// backUp makes a backup.
func (d *disk) backUp() *backup {
	b := &backup{history: d.Store.(*chattest.Memory).Copy(d.w.start()), rises: d.rises.clone()}
	err := d.View(context.Background(), func(v chat.View) (err error) {
		if b.epoch, err = v.Epoch(); err == nil {
			b.rev, err = v.Rev()
		}
		return err
	})
	if err != nil {
		d.w.fail("make a backup: %v", err)
	}
	return b
}

// putBack replaces the history by a backup, as a snapshot of the whole disk: nothing
// on it tells.
func (d *disk) putBack(b *backup) {
	d.Store, d.rises = b.history, b.rises
	d.share()
}

// Update implements chat.Store.
func (d *disk) Update(ctx context.Context, change func(chat.Tx) error) error {
	return d.update(ctx, d.Store.Update, change)
}

// update is an Update with what may befall it.
func (d *disk) update(ctx context.Context, update func(context.Context, func(chat.Tx) error) error, change func(chat.Tx) error) error {
	die := d.dies()
	if die && d.w.Rand.IntN(2) == 0 {
		panic(errKilled) // before the commit
	}
	if d.full {
		// A full disk is met in the middle.
		return update(ctx, func(tx chat.Tx) error {
			if err := change(tx); err != nil {
				return err
			}
			return errFull
		})
	}
	err := update(ctx, func(tx chat.Tx) error {
		if err := d.spoil(tx, change); err != nil || !d.bad {
			return err
		}
		if d.w.chance(3) {
			return errBad // at the commit, which does not say whose fault it is
		}
		return nil
	})
	d.recordRises(d.w.Now())
	if die {
		panic(errKilled) // after it, before anybody is told
	}
	return err
}

// dies reports whether the server dies at the commit that there is now.
func (d *disk) dies() bool {
	if d.crash == 0 {
		return false
	}
	d.crash--
	return d.crash == 0
}

// blur lets it stay unknown for a while what becomes of some commits.
func (d *disk) blur() {
	d.vague = true
	d.w.note("what becomes of some commits stays unknown")
	d.w.After(d.w.upTo(8*time.Second), func() { d.vague = false })
}

// spoil makes a transaction of which some entries cannot be stored, if that is how things are.
func (d *disk) spoil(tx chat.Tx, change func(chat.Tx) error) error {
	if d.bad {
		tx = badTx{tx, d.w}
	}
	return change(tx)
}

// badTx cannot store some entries.
type badTx struct {
	chat.Tx
	w *world
}

// Append implements chat.Tx.
func (tx badTx) Append(e chat.Entry) error {
	if tx.w.chance(3) {
		return errBad
	}
	return tx.Tx.Append(e)
}

// entries returns a conversation's whole log.
func (d *disk) entries(key proto.Key) (log []logged) {
	err := d.View(context.Background(), func(v chat.View) error {
		found, err := v.Entries(key, 0, 0, 1<<20, false)
		for _, e := range found {
			x, err := read(key.Kind(), e.Body)
			if err != nil {
				return err
			}
			log = append(log, x)
		}
		return err
	})
	if err != nil {
		d.w.fail("read the server's disk: %v", err)
	}
	return log
}

// logged is an entry of either kind.
type logged struct {
	proto.Event
	id      uint64
	key     proto.Key
	author  uint64
	content string
	ref     [proto.RefSize]byte

	// How it was revised.
	edited     uint64
	recalledBy uint64
	reactions  []*proto.Reaction

	message *proto.Message // in a group
	files   []uint64       // that it carries
}

// read decodes an entry of either kind.
func read(kind proto.KeyKind, body []byte) (logged, error) {
	if kind == proto.Service {
		m := new(proto.ServiceMessage)
		err := proto.Unmarshal(body, m)
		author := m.GetUserId()
		if m.GetDirection() == proto.ServiceMessageDirection_SERVICE_TO_CUSTOMER {
			author = m.GetAgentId()
		}
		x := logged{
			Event: m.Event(), id: m.GetMessageId(), key: proto.ServiceKey(m.GetUserId(), m.GetServiceType()), author: author, content: m.GetContent(),
			edited: m.GetRevisedTime(), recalledBy: m.GetRecalledBy(), reactions: m.Reactions,
		}
		x.files = filesOf(kind, body)
		copy(x.ref[:], m.ClientRef)
		return x, err
	}
	m := new(proto.Message)
	err := proto.Unmarshal(body, m)
	x := logged{
		Event: m.Event(), id: m.GetMessageId(), key: proto.DirectKey(m.GetSenderId(), m.GetReceiverId()), author: m.GetSenderId(), content: m.GetContent(),
		edited: m.GetRevisedTime(), reactions: m.Reactions,
	}
	if group := m.GetGroupId(); group != 0 {
		x.key, x.message = proto.GroupKey(group), m
	}
	x.files = filesOf(kind, body)
	copy(x.ref[:], m.ClientRef)
	return x, err
}

// kindOf is what a branch carries entries of; 0 if it carries none.
func kindOf(b proto.Branch) proto.KeyKind {
	switch b {
	case proto.BranchMessage:
		return proto.Direct
	case proto.BranchService:
		return proto.Service
	}
	return 0
}

// entry returns one entry; nil if it is not on disk.
func (d *disk) entry(key string, seq uint64) (found *chat.Entry) {
	k, err := proto.ParseKey(key)
	if err != nil {
		return nil
	}
	err = d.View(context.Background(), func(v chat.View) error {
		entries, err := v.Entries(k, seq-1, seq+1, 1, false)
		if len(entries) == 1 {
			found = &entries[0]
		}
		return err
	})
	if err != nil {
		d.w.fail("read the server's disk: %v", err)
	}
	return found
}

// server is one life of a server process: the real sequencer behind a
// broker's duties.
type server struct {
	w           *world
	place       int // among the world's servers
	service     *chat.Service
	attachments *attachment.Service
	sessions    []*session
	queue       []chat.Waiter
	committing  bool
	pipeline    *pipeline         // by which it commits; nil: each transaction by itself
	unplan      func()            // of the next announcement
	fanned      map[string]uint64 // by user and conversation: the last seq sent
	broad       bool              // its broker is one that cannot tell a user's connections apart
	node        *chattest.Node    // nil: it has the history to itself
	renewed     time.Time         // when it showed last that it is there
	frozen      time.Time         // until when it does nothing
	skew        time.Duration     // by which its clock is ahead
}

func (w *world) startServer(place int) {
	s := &server{w: w, place: place, fanned: make(map[string]uint64), broad: w.Rand.IntN(2) == 0}
	var store chat.Store = w.disk
	if w.shared {
		store = s.join()
	} else {
		w.disk.restart()
	}
	if w.pipelined {
		store = s.pipe(store)
	}
	quiet := slog.New(slog.DiscardHandler)
	faults := fault.NewRecord(quiet)
	if s.pipeline != nil {
		faults = fault.NewRecord(slog.New(alarm{quiet.Handler(), s.pipeline}))
	}
	service, err := chat.New(chat.Config{
		Store: store, Fanout: s, Now: s.now, Random: random{w}, Log: quiet, Faults: faults, End: s.endOf, Oust: s.oust,
	})
	if err != nil {
		w.fail("start the server: %v", err)
		return
	}
	s.service = service
	s.attachments = attachment.New(attachment.Config{Uploads: service, Store: w.blobs, Now: s.now, Log: quiet})
	w.servers[place] = s
	w.note("server %d up", place)
	if w.over {
		return
	}
	if s.node != nil {
		s.attend()
	}
	s.sweepFiles()
}

// now is what the server's clock says.
func (s *server) now() time.Time { return s.w.Now().Add(s.skew) }

// after does something at the server after a while: not if that is down by then, and not
// while it is frozen.
func (s *server) after(d time.Duration, f func()) (cancel func()) {
	return s.w.After(d, func() { s.do(f) })
}

// do does something at the server, once it is not frozen.
func (s *server) do(f func()) {
	switch now := s.w.Now(); {
	case s.down():
	case now.Before(s.frozen):
		s.after(s.frozen.Sub(now), f)
	default:
		f()
	}
}

func (s *server) down() bool { return s.w.servers[s.place] != s }

// anyServer is one of those that are up; nil if none is.
func (w *world) anyServer() *server {
	var up []*server
	for _, s := range w.servers {
		if s != nil {
			up = append(up, s)
		}
	}
	if len(up) == 0 {
		return nil
	}
	return up[w.Rand.IntN(len(up))]
}

type random struct{ w *world }

func (r random) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(r.w.Rand.Uint32())
	}
	return len(b), nil
}

// killServers kills all there are.
func (w *world) killServers(why string) {
	for _, s := range w.servers {
		s.kill(why)
	}
}

// kill ends the process: what is not on disk is gone. It comes back.
func (s *server) kill(why string) {
	if s == nil || s.down() {
		return
	}
	w := s.w
	w.note("server %d down: %s", s.place, why)
	w.servers[s.place] = nil
	if s.pipeline != nil {
		s.pipeline.end()
	}
	for _, x := range slices.Clone(s.sessions) {
		if w.chance(3) {
			x.silent = true // a client that nobody tells
			continue
		}
		x.end(errReset)
	}
	w.After(w.upTo(10*time.Second), func() {
		if w.servers[s.place] == nil && !w.over {
			w.startServer(s.place)
		}
	})
}

// enter and leave keep who is connected.
func (s *server) enter(x *session) (err error) {
	for _, older := range slices.Clone(s.sessions) {
		if older.device == x.device {
			older.end(proto.Refuse(proto.SessionTakenOver, "taken over"))
		}
	}
	alive := s.survives(func() { x.mark, err = s.service.Connected(context.Background(), x.device.sender()) })
	if !alive {
		s.kill("at the commit of a connection")
		return errReset
	}
	s.hint()
	if err != nil {
		return err
	}
	s.sessions = append(s.sessions, x)
	s.w.note("%s: at server %d", x.device, s.place)
	s.announce()
	return nil
}

func (s *server) leave(x *session) {
	s.sessions = slices.DeleteFunc(s.sessions, func(y *session) bool { return x == y })
	s.w.note("%s: left server %d", x.device, s.place)
	s.service.Disconnected(x.device.sender())
	s.announce()
}

// endOf ends connections of a user's devices, of which all here are number 0.
func (s *server) endOf(user uint64, of func(device uint64) bool, why *proto.Refusal) {
	for _, x := range slices.Clone(s.sessions) {
		if x.device.user == user && of(0) {
			s.after(0, func() { x.end(why) })
		}
	}
}

// oust ends a connection that another node has taken over.
func (s *server) oust(user uint64, id string, mark uint64, why *proto.Refusal) {
	for _, x := range slices.Clone(s.sessions) {
		if x.device.user == user && x.device.String() == id && x.mark == mark {
			s.after(0, func() { x.end(why) })
		}
	}
}

// announce lets the server say what nobody asked for, now and when more is due.
func (s *server) announce() {
	if s.down() || s.w.Now().Before(s.frozen) {
		s.do(s.announce)
		return
	}
	if s.unplan != nil {
		s.unplan()
	}
	alive := s.survives(func() {
		if next := s.service.Announce(context.Background()); next > 0 {
			s.unplan = s.after(next, s.announce)
		}
	})
	if !alive {
		s.kill("at a commit")
	}
	s.hint()
}

// receive takes a PUBLISH from a session.
func (s *server) receive(x *session, b proto.Branch, payload, ref []byte, reply func(chat.Receipt, error)) {
	from := x.device.sender()
	if b == proto.BranchSync || b == proto.BranchTyping {
		var receipt chat.Receipt
		var err error
		if !s.survives(func() { receipt, err = s.service.Publish(context.Background(), from, b, payload, ref) }) {
			s.kill("at the commit of a new epoch")
			return
		}
		reply(receipt, err)
		s.hint()
		return
	}
	request, err := s.service.Prepare(from, b, payload, ref)
	if err != nil {
		reply(chat.Receipt{}, err)
		return
	}
	s.queue = append(s.queue, chat.Waiter{Request: request, Answer: func(r chat.Result) {
		if !s.down() && (s.pipeline == nil || !s.pipeline.killed) {
			reply(r.Receipt, r.Err)
		}
	}})
	if !s.committing {
		s.commitSoon()
	}
}

// commitSoon lets what is queued be committed.
func (s *server) commitSoon() {
	s.committing = true
	wait := 10 * time.Millisecond
	if s.w.chance(6) { // the disk is slow
		wait = 300 * time.Millisecond
	}
	s.after(s.w.upTo(wait), s.commit)
}

// dequeue takes all that is queued.
func (s *server) dequeue() []chat.Waiter {
	batch := s.queue
	s.queue = nil
	return batch
}

// committed notes that a commit has ended.
func (s *server) committed() {
	if s.committing = false; len(s.queue) > 0 {
		s.commitSoon()
	}
}

// commit is one group commit of what is queued.
func (s *server) commit() {
	if s.pipeline != nil {
		s.pipeline.begin()
		return
	}
	batch := s.dequeue()
	s.committed()
	requests := make([]chat.Request, len(batch))
	for i, q := range batch {
		requests[i] = q.Request
	}
	var results []chat.Result
	if !s.survives(func() { results = s.service.Commit(context.Background(), requests) }) {
		s.kill("at a commit")
		s.hint()
		return
	}
	for i, r := range results {
		batch[i].Answer(r)
	}
	s.announce()
}

// survives runs a step of the server, and reports whether the server outlived it.
func (s *server) survives(step func()) (alive bool) {
	defer func() {
		if cause := recover(); cause != nil {
			if cause != any(errKilled) {
				panic(cause)
			}
			alive = false
		}
	}()
	step()
	return true
}

// Publish implements chat.Fanout.
func (s *server) Publish(user uint64, b proto.Branch, payload []byte) {
	if kind := kindOf(b); kind != 0 {
		s.checkFanout(user, kind, payload)
	}
	if b == proto.BranchMark {
		s.checkMark(user, payload)
	}
	for _, x := range s.sessions {
		if x.device.user == user {
			x.down(b, payload)
		}
	}
}

// PublishTo implements chat.Fanout. A broker that cannot tell the user's
// connections apart tells all.
func (s *server) PublishTo(_ context.Context, user uint64, id string, b proto.Branch, payload []byte) error {
	for _, x := range s.sessions {
		if x.device.user == user && (s.broad || x.device.String() == id) {
			x.down(b, payload)
		}
	}
	return nil
}

// checkFanout holds that what is sent is on disk, and sent in seq order.
func (s *server) checkFanout(user uint64, kind proto.KeyKind, payload []byte) {
	x, err := read(kind, payload)
	if err != nil {
		s.w.fail("the server sends what is no message: %v", err)
		return
	}
	key := x.key.String()
	if e := s.w.disk.entry(key, x.Seq); e == nil || e.ID != x.id {
		s.w.fail("%s %d was sent before it was on disk", key, x.Seq)
	}
	s.w.checkCarried(x)
	if x.Type.Revises() {
		s.w.spoken[fmt.Sprint(key, x.Of)] = true
	}
	at := proto.Down(user, "") + key
	next := s.fanned[at] + 1
	if x.key.Kind() == proto.Group {
		next = s.checkTold(user, x, next)
	}
	if s.fanned[at] != 0 && x.Seq != next {
		s.w.fail("%s: %d was sent after %d", key, x.Seq, s.fanned[at])
	}
	s.fanned[at] = x.Seq
	if user == x.key.Customer() && (x.Author != 0 || x.Type.Control() && !x.Type.Revises() && x.content != "") {
		s.w.fail("the customer of %s is told what agents keep to themselves: %+v", key, x)
	}
}

// session is one MQTT connection over the simulated network.
type session struct {
	w       *world
	server  *server
	device  *device
	handler client.Handler
	mark    uint64 // by which the server names it
	closed  bool
	silent  bool // half-open: nothing arrives any more, in either direction
}

var _ client.Session = (*session)(nil)

// Publish implements chat.Session. The QoS 1 exchange may lose the PUBLISH, or
// the PUBACK after the commit; what was on its way arrives even after the
// connection broke.
func (x *session) Publish(b proto.Branch, payload, ref []byte, done func(client.Ack, error)) {
	answered := false
	once := func(ack client.Ack, err error) {
		if !answered {
			answered = true
			done(ack, err)
		}
	}
	x.w.After(10*time.Second, func() { once(client.Ack{}, errNoAck) })
	if x.closed || x.silent || x.w.chance(30) {
		return
	}
	x.server.after(x.w.latency(), func() {
		x.server.receive(x, b, payload, ref, func(r chat.Receipt, err error) {
			x.checkReceipt(r, kindOf(b), payload)
			x.w.checkRefusal(x.device.user, payload, err)
			if x.w.chance(30) {
				x.w.note("%s: PUBACK lost", x.device)
				return
			}
			x.w.After(x.w.latency(), func() {
				if !x.closed && !x.silent {
					once(client.Ack(r), err)
				}
			})
		})
	})
}

// checkReceipt holds that what is acknowledged is on disk.
func (x *session) checkReceipt(r chat.Receipt, kind proto.KeyKind, payload []byte) {
	if r.Seq == 0 {
		return
	}
	m, err := read(kind, payload)
	if err != nil {
		x.w.fail("a PUBACK for what is no message: %v", err)
		return
	}
	if e := x.w.disk.entry(m.key.String(), r.Seq); e == nil || e.ID != r.MessageID {
		x.w.fail("%s: %q was acknowledged as %d and is not on disk", x.device, m.content, r.Seq)
	}
}

// Notify implements chat.Session.
func (x *session) Notify(b proto.Branch, payload []byte) {
	x.Publish(b, payload, nil, func(client.Ack, error) {})
}

// Probe implements chat.Session.
func (x *session) Probe(timeout time.Duration) {
	if x.silent {
		x.w.After(timeout, func() { x.end(errReset) })
	}
}

// Close implements chat.Session.
func (x *session) Close() { x.end(nil) }

func (x *session) end(err error) {
	if x.closed {
		return
	}
	x.closed = true
	x.server.leave(x)
	x.handler.Closed(err)
}

// down sends to the client at QoS 0: lost, repeated, delayed and reordered as it comes.
func (x *session) down(b proto.Branch, payload []byte) {
	copies := 1
	switch {
	case x.w.chance(25), b == proto.BranchUnread && x.w.chance(5):
		x.w.note("%s: a %s is lost", x.device, b)
		return
	case x.w.chance(25):
		copies = 2
	}
	for range copies {
		x.w.After(x.w.latency(), func() {
			if !x.closed && !x.silent {
				x.device.hears(b, payload)
				x.handler.Deliver(b, slices.Clone(payload))
			}
		})
	}
}
