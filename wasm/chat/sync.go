package chat

import (
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
	// firstSync is how long a timeline waits for the first answer of a browser that
	// knows nothing yet.
	firstSync = 10 * time.Second
	// loadingStep is after how many rows of a long answer each the person is told
	// how far it is.
	loadingStep = 500
)

// syncing is the question to the server what changed.
type syncing struct {
	engine *Engine
	asked  time.Duration // when the last request left, by Host.Elapsed
	open   bool          // its answer has not come
	expect string        // the token that the next part of the answer continues
	loaded int           // rows of an answer of which more is to come, over all sessions
	again  bool          // something happened that asks for another
	stop   func()        // the timer of the repeat
	synced []func()      // wait for the first complete answer of this engine
}

// request asks what changed since the last answer. One request is open at a
// time; what comes up meanwhile asks once more.
func (s *syncing) request() {
	e := s.engine
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
			s.unanswered(number, err)
		})
	})
	s.after(syncTimeout)
}

// unanswered handles how the server took a request, which belongs to a session.
// A refused one is repeated as one whose answer was lost, and no sooner than the
// server says.
func (s *syncing) unanswered(session int, err error) {
	c := &s.engine.connection
	if err == nil || session != c.number {
		return
	}
	switch do, why := remedyOf(publishing, err); {
	case do == reconnect:
		c.fail(session)
	case s.open && why.Retry > syncTimeout:
		s.after(min(why.Retry, maxWait))
	}
}

// rested is request where a page was of another history than the last answer. It
// may go on like that, as where two servers with a history each are behind one
// address: then it must not go on as fast as they answer.
func (s *syncing) rested() {
	rest := syncRest - (s.engine.Host.Elapsed() - s.asked)
	switch {
	case s.open: // its answer tells which history there is now
	case rest > 0:
		s.after(rest)
	default:
		s.request()
	}
}

// after plans the next request, which replaces one that was planned.
func (s *syncing) after(d time.Duration) {
	if s.stop != nil {
		s.stop()
	}
	s.stop = s.engine.Host.After(d, func() {
		s.stop, s.open = nil, false
		s.request()
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

// afterFirst calls f once the server has said what there is, or has been given
// the time to.
func (s *syncing) afterFirst(f func()) {
	called := false
	once := func() {
		if !called {
			called = true
			f()
		}
	}
	s.synced = append(s.synced, once)
	s.engine.Host.After(firstSync, once)
}

// deliver takes in an answer to a request, or rows that the server sent by itself.
func (s *syncing) deliver(payload []byte) error {
	e := s.engine
	answer := new(proto.BaseUserUnreadStatics)
	if err := proto.UnmarshalOpen(payload, answer); err != nil {
		return err
	}
	if len(answer.GetConversations()) > maxRows {
		return proto.Refuse(proto.PayloadFormatInvalid, "%d rows in one answer", len(answer.GetConversations()))
	}
	if answer.GetSync() { // it answers nothing
		if e.checkEpoch(answer.GetEpoch()) {
			s.abandon() // whatever answers it is of the epoch before
		}
		s.request()
		return nil
	}
	// What answers another device, from another point on, or nobody: its rows are
	// welcome, its token would skip what this device does not know.
	asked := s.open && answer.GetSince() == s.expect
	goesOn := !s.open && answer.GetSince() != "" && answer.GetSince() == e.meta.SyncToken
	if !asked && answer.GetEpoch() != e.meta.Epoch {
		// It may be late, and of an epoch that is over: only an answer says which it is.
		s.rested()
		return nil
	}
	if asked && answer.GetServerTime() != 0 {
		e.connection.measureClock(time.UnixMilli(int64(answer.GetServerTime())))
	}
	e.checkEpoch(answer.GetEpoch())
	s.take(answer.GetConversations(), asked)
	if asked || goesOn {
		s.advance(answer, asked)
	}
	return nil
}

// take takes in rows, which answer what was asked or came by themselves.
func (s *syncing) take(rows []*proto.ConversationState, asked bool) {
	e := s.engine
	var changed []Conversation
	for _, row := range rows {
		c, err := e.told(row.GetKey())
		if err != nil {
			continue // no key of any version
		}
		s.apply(c, row)
		changed = append(changed, e.conversationOf(c))
		if !asked { // what the row knows of may be just behind it
			e.fetch.consider(c)
		}
	}
	if len(changed) > 0 {
		e.Observer.Conversations(changed)
	}
}

// advance goes on from where a part of an answer ends.
func (s *syncing) advance(part *proto.BaseUserUnreadStatics, asked bool) {
	e := s.engine
	e.meta.SyncToken, s.expect = part.GetToken(), part.GetToken()
	e.write.meta(e.meta)
	switch {
	case !asked:
	case part.GetMore():
		s.after(syncTimeout)
		s.loaded += len(part.GetConversations())
		e.connection.load(s.loaded - s.loaded%loadingStep) // told now and then
	default:
		s.finish()
	}
}

// finish is the end of an answer.
func (s *syncing) finish() {
	e := s.engine
	s.open, s.loaded = false, 0
	e.connection.load(0)
	e.catchUp()
	e.reviewGroups()
	waiting := s.synced
	s.synced = nil
	for _, f := range waiting {
		f()
	}
	if s.again {
		s.request()
	} else {
		s.after(syncEvery)
	}
}

// apply takes over what the server says of a conversation. A row may be
// repeated, or older than what is known.
func (s *syncing) apply(c *conversation, row *proto.ConversationState) {
	e := s.engine
	c.repair.denied = false
	server := marks{delivered: row.GetDeliveredSeq(), read: row.GetReadSeq()}
	e.raiseMine(c, server)
	c.acked = c.acked.raise(server)
	e.raisePeer(c, marks{delivered: row.GetPeerDeliveredSeq(), read: row.GetPeerReadSeq()},
		times{delivered: row.GetPeerDeliveredTime(), read: row.GetPeerReadTime()})
	c.introduced = true
	head := row.GetHeadSeq()
	c.names = c.names.row(head, row)
	c.blocked, c.choices = row.GetBlocked(), choicesOf(row)
	c.notes = max(c.notes, row.GetNotes())
	if c.key.Kind() == proto.Group {
		c.group.row(head, row)
	}
	c.unknown = row.ProtoReflect().GetUnknown()
	c.head = max(c.head, head)
	first := c.holdsNothing()
	last := lastOf(row)
	if last.seq > c.last.seq || last.seq == c.last.seq && last.revised() > c.last.revised() {
		c.last = last
	}
	c.revisions.row(row.GetRevisedSeq(), head, first || len(c.stored) == 0 && last.seq != 0)
	e.forget(c, row.GetMinSeq())
	e.deliveredStored(c) // what came before the row may go on from where that says
	c.status.row(c.key.Kind(), head, standingOf(row, c.key.Side(e.User)))
	if c.mine.read >= head { // read here; the server does not know yet
		c.unread.row(head, c.mine.read, 0)
	} else {
		c.unread.row(head, row.GetReadSeq(), row.GetOwnAfterRead())
	}
	e.write.touch(c.name)
}
