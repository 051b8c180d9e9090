package chat

import (
	"fmt"
	"time"

	"parley/proto"
)

const (
	// syncTimeout is how long an answer, or the next part of one, may take before
	// the request is repeated, from where the last part ended: it comes at QoS 0
	// and may get lost.
	syncTimeout = 10 * time.Second
	// syncEvery is how often heads are compared while connected: a lost tail
	// shows no hole.
	syncEvery = 3 * time.Minute
	// syncRest is the least time between two requests because of what their answers
	// may not change.
	syncRest = time.Second
	// maxRows bounds what one answer may hold.
	maxRows = 4 * proto.MaxStates
	// loadingStep is after how many rows of a long answer each the person is told
	// how far it is.
	loadingStep = 500
)

// syncing is the question to the server what changed.
type syncing struct {
	asked  time.Duration // when the last request left, by Host.Elapsed
	open   bool          // its answer has not come
	expect string        // the token that the next part of the answer continues
	loaded int           // rows of an answer of which more is to come, over all sessions
	again  bool          // something happened that asks for another
	stop   func()        // the timer of the repeat
	synced []func()      // wait for the first complete answer of this engine
	done   bool          // it came
}

// requestSync asks what changed since the last answer. One request is open at
// a time; what comes up meanwhile asks once more.
func (e *Engine) requestSync() {
	s := &e.sync
	session := e.connection.session
	if session == nil {
		return
	}
	if s.open {
		s.again = true
		return
	}
	payload, err := proto.Marshal(&proto.SyncRequest{Token: &e.meta.SyncToken})
	if err != nil {
		e.Observer.Failed(err)
		return
	}
	s.open, s.again, s.asked, s.expect = true, false, e.Host.Elapsed(), e.meta.SyncToken
	number := e.connection.number
	session.Publish(proto.BranchSync, payload, nil, func(_ Ack, err error) {
		e.Host.Post(func() {
			e.syncUnanswered(number, err)
		})
	})
	e.syncAfter(syncTimeout)
}

// syncUnanswered handles how the server took a request, which belongs to a
// session. A refused one is repeated as one whose answer was lost, and no
// sooner than the server says.
func (e *Engine) syncUnanswered(session int, err error) {
	if err == nil || session != e.connection.number {
		return
	}
	switch do, why := remedyOf(publishing, err); {
	case do == reconnect:
		e.connection.fail(session)
	case e.sync.open && why.Retry > syncTimeout:
		e.syncAfter(min(why.Retry, maxWait))
	}
}

// syncRested is requestSync where a page was of another history than the last
// answer. It may go on like that, as where two servers with a history each are
// behind one address: then it must not go on as fast as they answer.
func (e *Engine) syncRested() {
	s := &e.sync
	rest := syncRest - (e.Host.Elapsed() - s.asked)
	switch {
	case s.open: // its answer tells which history there is now
	case rest > 0:
		e.syncAfter(rest)
	default:
		e.requestSync()
	}
}

// syncAfter plans the next request, which replaces one that was planned.
func (e *Engine) syncAfter(d time.Duration) {
	s := &e.sync
	if s.stop != nil {
		s.stop()
	}
	s.stop = e.Host.After(d, func() {
		s.stop, s.open = nil, false
		e.requestSync()
	})
}

// abandon forgets the open request: the session it was made in is gone.
func (s *syncing) abandon() {
	s.open, s.again = false, false
	if s.stop != nil {
		s.stop()
		s.stop = nil
	}
}

// deliver takes in a packet of the down branch.
func (e *Engine) deliver(branch proto.Branch, payload []byte) {
	var err error
	switch branch {
	case proto.BranchMessage:
		err = e.deliverEntry(proto.Direct, payload)
	case proto.BranchService:
		err = e.deliverEntry(proto.Service, payload)
	case proto.BranchMark:
		err = e.deliverMark(payload)
	case proto.BranchUnread:
		err = e.deliverUnread(payload)
	case proto.BranchTyping:
		err = e.deliverTyping(payload)
	case proto.BranchPresence:
		err = e.deliverPresence(payload)
	case proto.BranchSettings:
		err = e.deliverSettings(payload)
	}
	if err != nil {
		e.Observer.Failed(fmt.Errorf("received on %s: %w", branch, err))
	}
}

func (e *Engine) deliverEntry(kind proto.KeyKind, payload []byte) error {
	x, err := decode(kind, payload)
	if err != nil {
		return err
	}
	if x.elsewhere() {
		return nil // the row of its conversation tells of it
	}
	key := x.key()
	if x.seq == 0 || kind == proto.Direct && !key.Has(e.User) {
		return proto.Refuse(proto.PayloadFormatInvalid, "a message without seq, or of others")
	}
	c, err := e.told(key.String())
	if err != nil {
		return err
	}
	left := e.outbox.echoed(c, []entry{x})
	e.receive(c, []entry{x})
	if left {
		e.outbox.pump(c)
	}
	if !c.introduced {
		c.introduced = true
		e.requestSync() // the row brings the other side's name
	}
	return nil
}

// deliverUnread takes in an answer to a sync request, or rows that the server
// sent by itself.
func (e *Engine) deliverUnread(payload []byte) error {
	answer := new(proto.BaseUserUnreadStatics)
	if err := proto.UnmarshalOpen(payload, answer); err != nil {
		return err
	}
	if len(answer.GetConversations()) > maxRows {
		return proto.Refuse(proto.PayloadFormatInvalid, "%d rows in one answer", len(answer.GetConversations()))
	}
	if answer.GetSync() { // it answers nothing
		if e.checkEpoch(answer.GetEpoch()) {
			e.sync.abandon() // whatever answers it is of the epoch before
		}
		e.requestSync()
		return nil
	}
	// What answers another device, from another point on, or nobody: its rows are
	// welcome, its token would skip what this device does not know.
	asked := e.sync.open && answer.GetSince() == e.sync.expect
	goesOn := !e.sync.open && answer.GetSince() != "" && answer.GetSince() == e.meta.SyncToken
	if !asked && answer.GetEpoch() != e.meta.Epoch {
		// It may be late, and of an epoch that is over: only an answer says which it is.
		e.syncRested()
		return nil
	}
	if asked && answer.GetServerTime() != 0 {
		e.measureClock(time.UnixMilli(int64(answer.GetServerTime())))
	}
	e.checkEpoch(answer.GetEpoch())
	var changed []Conversation
	for _, row := range answer.GetConversations() {
		c, err := e.told(row.GetKey())
		if err != nil {
			continue // no key of any version
		}
		e.applyRow(c, row)
		changed = append(changed, e.conversationOf(c))
		if !asked { // what the row knows of may be just behind it
			e.fetch.consider(c)
		}
	}
	if len(changed) > 0 {
		e.Observer.Conversations(changed)
	}
	if !asked && !goesOn {
		return nil
	}
	e.meta.SyncToken, e.sync.expect = answer.GetToken(), answer.GetToken()
	e.write.meta(e.meta)
	switch {
	case !asked:
	case answer.GetMore():
		e.syncAfter(syncTimeout)
		e.loads(len(answer.GetConversations()))
	default:
		e.syncDone()
	}
	return nil
}

// loads takes note of rows of a long answer, and tells now and then.
func (e *Engine) loads(rows int) {
	s := &e.sync
	s.loaded += rows
	if step := s.loaded - s.loaded%loadingStep; step != e.connection.state.Loading {
		e.connection.state.Loading = step
		e.tellConnection()
	}
}

func (e *Engine) syncDone() {
	s := &e.sync
	s.open, s.done, s.loaded = false, true, 0
	if e.connection.state.Loading > 0 {
		e.connection.state.Loading = 0
		e.tellConnection()
	}
	e.catchUp()
	waiting := s.synced
	s.synced = nil
	for _, f := range waiting {
		f()
	}
	if s.again {
		e.requestSync()
	} else {
		e.syncAfter(syncEvery)
	}
}

// epoch is that which the numbers of entries count in, for what is sent; nil before
// the first answer.
func (e *Engine) epoch() *uint64 {
	if e.meta.Epoch == 0 {
		return nil
	}
	epoch := e.meta.Epoch
	return &epoch
}

// checkEpoch drops what is stored if the server's history is another one now, and
// reports whether it is. The outbox stays: what was not confirmed is sent to the
// new history, which knows by its epoch that what its author had seen is void.
func (e *Engine) checkEpoch(epoch uint64) (changed bool) {
	if epoch == e.meta.Epoch {
		return false
	}
	// What was stored before the first answer may be of a history before this one, too.
	known := e.meta.Epoch != 0
	for _, c := range e.conversations {
		known = known || len(c.stored) > 0
	}
	e.meta.Epoch, e.meta.SyncToken = epoch, ""
	if known {
		for _, c := range e.conversations {
			e.fetch.forget(c)
			*c = conversation{
				name: c.name, key: c.key, names: names{peer: c.names.peer}, outbox: c.outbox,
				repair: repair{active: c.repair.active}, reads: c.reads,
			}
		}
		e.write.clear()
		e.marks = marking{}
		e.Observer.Reset()
	}
	e.write.meta(e.meta)
	return true
}

// applyRow takes over what the server says of a conversation. A row may be
// repeated, or older than what is known.
func (e *Engine) applyRow(c *conversation, row *proto.ConversationState) {
	c.repair.denied = false
	server := marks{delivered: row.GetDeliveredSeq(), read: row.GetReadSeq()}
	e.raiseMine(c, server)
	c.acked = c.acked.raise(server)
	e.raisePeer(c, marks{delivered: row.GetPeerDeliveredSeq(), read: row.GetPeerReadSeq()},
		times{delivered: row.GetPeerDeliveredTime(), read: row.GetPeerReadTime()})
	c.introduced = true
	head := row.GetHeadSeq()
	c.names = c.names.row(head, row)
	c.blocked = row.GetBlocked()
	c.unknown = row.ProtoReflect().GetUnknown()
	c.head = max(c.head, head)
	if last := lastOf(row); last.seq == head && head > c.last.seq {
		c.last = last
	}
	e.forget(c, row.GetMinSeq())
	c.status.row(c.key.Kind(), head, standingOf(row, c.key.Side(e.User)))
	if c.mine.read >= head { // read here; the server does not know yet
		c.unread.row(head, c.mine.read, 0)
	} else {
		c.unread.row(head, row.GetReadSeq(), row.GetOwnAfterRead())
	}
	e.write.touch(c.name)
}
