package chat_test

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	pb "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/wasm/chat"
	"parley/wasm/chat/chattest"
)

// server is the other end for engine tests: a log per conversation that obeys
// the contract, and knobs that let the network misbehave.
type server struct {
	clock    *chattest.Clock
	epoch    uint64
	rev      uint64
	logs     map[string][]*proto.Message
	refs     map[string]*proto.Message
	read     map[string]uint64 // by key and user
	min      map[string]uint64 // of what is kept, by key; 0 or 1: everything is
	sessions []*session
	requests []string // keys of history requests
	tokens   []string // that these came with

	down          bool                  // refuses connections
	refuse        *proto.Refusal        // answers messages with this
	refused       int                   // messages
	refuseOpen    error                 // answers CONNECT with this
	dropAck       func(n int) bool      // loses the n-th acknowledgement
	dropDeliver   func(seq uint64) bool // loses deliveries
	plainAck      bool                  // acknowledges by itself, without the id
	otherPages    bool                  // pages are of another history than answers to sync
	crowded       int                   // refuses this many history requests: too many at once
	dropSync      bool
	bareRows      bool     // do not say what was written last, as those of what is delivered besides
	asked         []string // tokens of sync requests
	refuseMark    error    // answers marks with this
	refuseHistory error    // answers history requests with this
	refusedMarks  int
	markEpochs    []uint64 // epochs of marks
	dropMark      int      // this many marks are lost, with their acknowledgements
	opened        int
	credentials   []chat.Credentials // of CONNECT
	acks          int
	published     []string // contents, in the order of arrival
	blocks        []*proto.Block
	choices       []*proto.Choice
	alter         func(*proto.Message)       // what is stored, as a newer server may
	foreign       []*proto.ConversationState // that come with every answer, besides
	sent          [][]byte                   // what was stored, as it was delivered first
	revisions     int                        // requests for what was revised
	newer         bool                       // takes what a newer program sends
	roster        *proto.GroupRoster         // of the one group
	looks         int                        // at how many messages an answer of a search looks; 0: it is refused
	searched      int                        // how often
	spoil         func(*proto.SearchAnswer)  // what is answered
	rosterAsked   int                        // how often
}

func newServer(clock *chattest.Clock) *server {
	return &server{
		clock: clock, epoch: 7, logs: map[string][]*proto.Message{},
		refs: map[string]*proto.Message{}, read: map[string]uint64{}, min: map[string]uint64{},
	}
}

type session struct {
	server  *server
	user    uint64
	handler chat.Handler
	closed  bool
	silent  bool // half-open: nothing arrives either way any more
}

const delay = 5 * time.Millisecond

// Open implements chat.Network.
func (s *server) Open(_ context.Context, c chat.Credentials, h chat.Handler) (chat.Session, error) {
	s.opened++
	s.credentials = append(s.credentials, c)
	switch {
	case s.down:
		return nil, errors.New("connection refused")
	case s.refuseOpen != nil:
		return nil, s.refuseOpen
	}
	x := &session{server: s, user: c.User, handler: h}
	s.sessions = append(s.sessions, x)
	return x, nil
}

func (x *session) Publish(b proto.Branch, payload, _ []byte, done func(chat.Ack, error)) {
	if b == proto.BranchMark && x.server.dropMark > 0 {
		x.server.dropMark--
		x.server.clock.After(10*time.Second, func() { done(chat.Ack{}, errors.New("no acknowledgement")) })
		return
	}
	x.server.clock.After(delay, func() {
		if x.closed || x.silent {
			x.server.clock.After(10*time.Second, func() { done(chat.Ack{}, errors.New("no acknowledgement")) })
			return
		}
		ack, err := x.server.handle(x, b, payload)
		x.server.acks++
		if x.server.dropAck != nil && x.server.dropAck(x.server.acks) {
			x.server.clock.After(10*time.Second, func() { done(chat.Ack{}, errors.New("no acknowledgement")) })
			return
		}
		x.server.clock.After(delay, func() { done(ack, err) })
	})
}

func (x *session) Notify(proto.Branch, []byte) {}

func (x *session) Probe(timeout time.Duration) {
	if x.silent {
		x.server.clock.After(timeout, func() { x.end(errors.New("no PINGRESP")) })
	}
}

func (x *session) Close() { x.end(nil) }

func (x *session) end(err error) {
	if x.closed {
		return
	}
	x.closed = true
	x.server.sessions = slices.DeleteFunc(x.server.sessions, func(y *session) bool { return x == y })
	x.handler.Closed(err)
}

// cut ends every session, as when the server or the network dies.
func (s *server) cut(err error) {
	for _, x := range slices.Clone(s.sessions) {
		x.end(err)
	}
}

func (s *server) handle(x *session, b proto.Branch, payload []byte) (chat.Ack, error) {
	switch b {
	case proto.BranchMessage:
		m, read := new(proto.Message), proto.Unmarshal
		if s.newer {
			read = proto.UnmarshalOpen
		}
		if err := read(payload, m); err != nil {
			return chat.Ack{}, err
		}
		if s.refuse != nil {
			s.refused++
			return chat.Ack{}, s.refuse
		}
		s.published = append(s.published, m.GetContent())
		stored := s.store(x.user, m)
		if stored == nil {
			return chat.Ack{}, proto.Refuse(proto.ImplementationSpecific, "it was taken back").Named("message-recalled")
		}
		if s.plainAck {
			return chat.Ack{}, nil
		}
		return chat.Ack{MessageID: stored.GetMessageId(), Seq: stored.GetSeq(), CreateTime: stored.GetCreateTime()}, nil
	case proto.BranchSync:
		r := new(proto.SyncRequest)
		if err := proto.Unmarshal(payload, r); err != nil {
			return chat.Ack{}, err
		}
		s.asked = append(s.asked, r.GetToken())
		if !s.dropSync {
			s.answer(x.user, r.GetToken())
		}
	case proto.BranchBlock:
		m := new(proto.Block)
		s.blocks = append(s.blocks, m)
		return chat.Ack{}, proto.Unmarshal(payload, m)
	case proto.BranchChoice:
		m := new(proto.Choice)
		s.choices = append(s.choices, m)
		return chat.Ack{}, proto.Unmarshal(payload, m)
	case proto.BranchMark:
		m := new(proto.Mark)
		if err := proto.Unmarshal(payload, m); err != nil {
			return chat.Ack{}, err
		}
		s.markEpochs = append(s.markEpochs, m.GetEpoch())
		if s.refuseMark != nil {
			s.refusedMarks++
			return chat.Ack{}, s.refuseMark
		}
		s.mark(x.user, m)
	}
	return chat.Ack{}, nil
}

func (s *server) store(user uint64, m *proto.Message) *proto.Message {
	ref := string(m.GetClientRef())
	if first := s.refs[ref]; first != nil && ref != "" {
		return first
	}
	key := proto.DirectKey(user, m.GetReceiverId()).String()
	if m.GetGroupId() != 0 {
		key = proto.GroupKey(m.GetGroupId()).String()
	}
	seq := uint64(len(s.logs[key]) + 1)
	id, created := 1000+s.rev, uint64(s.clock.Now().UnixMilli())
	m.SenderId, m.Seq, m.MessageId, m.CreateTime = &user, &seq, &id, &created
	if s.alter != nil {
		s.alter(m)
	}
	if m.Epoch != nil && *m.Epoch != s.epoch { // what was seen then is not what is there
		m.SeenSeq = new(uint64)
	}
	m.Epoch = nil
	kept := m
	if of := m.GetTargetSeq(); m.GetMessageType().Revises() && of > 0 && of < seq {
		target := pb.Clone(s.logs[key][of-1]).(*proto.Message)
		if target.GetMessageType() == proto.MessageType_MESSAGE_TYPE_RECALLED {
			return nil
		}
		target.Revise(m)
		s.logs[key][of-1] = target
		kept = pb.Clone(m).(*proto.Message)
		kept.Content = new(string)
	}
	s.logs[key] = append(s.logs[key], kept)
	if ref != "" {
		s.refs[ref] = m
	}
	s.rev++
	s.sent = append(s.sent, marshal(m))
	if s.dropDeliver == nil || !s.dropDeliver(seq) {
		s.deliver(m)
	}
	return m
}

// say lets a user write without an engine.
func (s *server) say(from, to uint64, content string) *proto.Message {
	var zero uint64
	return s.store(from, &proto.Message{MessageId: &zero, SenderId: &from, ReceiverId: &to, Content: &content, CreateTime: &zero})
}

func (s *server) deliver(m *proto.Message) {
	for _, x := range s.sessions {
		if x.user == m.GetSenderId() || x.user == m.GetReceiverId() || m.GetGroupId() != 0 {
			x.down(proto.BranchMessage, marshal(m))
		}
	}
}

func (x *session) down(b proto.Branch, payload []byte) {
	x.server.clock.After(delay, func() {
		if !x.closed && !x.silent {
			x.handler.Deliver(b, payload)
		}
	})
}

func marshal(m pb.Message) []byte {
	b, err := proto.Marshal(m)
	if err != nil {
		panic(err)
	}
	return b
}

// mark raises a read watermark and tells both sides.
func (s *server) mark(user uint64, m *proto.Mark) {
	at := m.GetKey() + "/" + proto.Up(user, "")
	s.read[at] = max(s.read[at], m.GetReadSeq())
	s.rev++
	m.UserId = &user
	for _, x := range s.sessions {
		x.down(proto.BranchMark, marshal(m))
	}
}

// answer tells a user everything there is, whatever the token.
func (s *server) answer(user uint64, token string) {
	next := proto.Up(user, "") + time.Duration(s.rev).String()
	now := uint64(s.clock.Now().UnixMilli())
	a := &proto.BaseUserUnreadStatics{Epoch: &s.epoch, Token: &next, Since: &token, ServerTime: &now}
	if token != next {
		for key, log := range s.logs {
			if k, _ := proto.ParseKey(key); k.Has(user) && k.Kind() == proto.Direct {
				a.Conversations = append(a.Conversations, s.state(user, k, log))
			}
		}
	}
	a.Conversations = append(a.Conversations, s.foreign...)
	for _, x := range s.sessions {
		if x.user == user {
			x.down(proto.BranchUnread, marshal(a))
		}
	}
}

func (s *server) state(user uint64, k proto.Key, log []*proto.Message) *proto.ConversationState {
	key, head := k.String(), uint64(len(log))
	read := s.read[key+"/"+proto.Up(user, "")]
	peerRead := s.read[key+"/"+proto.Up(k.Peer(user), "")]
	var own uint64
	var at proto.ConversationStatus
	for i, m := range log {
		if m.GetSeq() > read && (m.GetSenderId() == user || m.GetSeq() < s.min[key] || !k.Counts(m.GetMessageType(), user)) {
			own++
		}
		at.Add(proto.Direct, m.Event(), func(of proto.Side, after uint64) (uint64, uint64, error) {
			for _, x := range log[after:i] {
				if e := x.Event(); e.Side == of && e.Asks(proto.Direct) {
					return e.Seq, e.Time, nil
				}
			}
			return 0, 0, nil
		})
	}
	mine := k.Side(user)
	my, peer := at.Sides[mine], at.Sides[mine.Other()]
	unread := proto.Unread(head, read, own)
	name := "the other"
	row := &proto.ConversationState{
		Key: &key, HeadSeq: &head, ReadSeq: &read, DeliveredSeq: &read, PeerReadSeq: &peerRead, PeerDeliveredSeq: &peerRead,
		Unread: &unread, OwnAfterRead: &own,
		WaitingSince: &peer.Since, WaitingSeq: &peer.Seq, PeerAnsweredThrough: &peer.AnsweredThrough,
		AwaitingSince: &my.Since, AwaitingSeq: &my.Seq, AnsweredThrough: &my.AnsweredThrough, PeerName: &name,
	}
	if min := s.min[key]; min > 1 {
		row.MinSeq = &min
	}
	for _, m := range log {
		if m.GetMessageType().Revises() {
			row.RevisedSeq = m.Seq
		} else if m.GetSeq() >= s.min[key] && !s.bareRows {
			row.Last = m
		}
	}
	return row
}

// expire deletes what was said before a seq.
func (s *server) expire(before uint64) {
	s.min[key] = before
	s.rev++
}

// Search implements chat.History.
func (s *server) Search(_ context.Context, _ string, q chat.Query, limit int) ([]byte, error) {
	s.searched++
	switch {
	case s.down:
		return nil, errors.New("connection refused")
	case s.looks == 0:
		return nil, &proto.Refusal{Reason: proto.ServerBusy, Text: "too many look for something"}
	}
	var all []*proto.Message
	for _, log := range s.logs {
		all = append(all, log...)
	}
	slices.SortFunc(all, func(a, b *proto.Message) int { return cmp.Compare(b.GetMessageId(), a.GetMessageId()) })
	ids := s.naive(chat.Query{Text: q.Text, Key: q.Key, Sender: q.Sender, Kind: q.Kind, From: q.From, To: q.To})
	answer := &proto.SearchAnswer{Before: new(uint64)}
	looked := 0
	for _, m := range all {
		if q.Before != 0 && m.GetMessageId() >= q.Before {
			continue
		}
		if looked++; looked > s.looks || len(answer.Found) == limit {
			break
		}
		*answer.Before = m.GetMessageId()
		if slices.Contains(ids, m.GetMessageId()) {
			name := proto.DirectKey(m.GetSenderId(), m.GetReceiverId()).String()
			answer.Found = append(answer.Found, &proto.Found{Key: &name, Message: m})
		}
	}
	if looked <= s.looks && len(answer.Found) < limit {
		*answer.Before = 0
	}
	if s.spoil != nil {
		s.spoil(answer)
	}
	return marshal(answer), nil
}

// Group implements chat.History.
func (s *server) Group(context.Context, string, uint64) ([]byte, error) {
	s.rosterAsked++
	switch {
	case s.down:
		return nil, errors.New("connection refused")
	case s.roster == nil:
		return nil, proto.Refuse(proto.NotAuthorized, "you are not in this group")
	}
	return marshal(s.roster), nil
}

// Messages implements chat.History.
func (s *server) Messages(_ context.Context, token, key string, after, before uint64, limit int) ([]byte, error) {
	if s.down {
		return nil, errors.New("connection refused")
	}
	s.requests, s.tokens = append(s.requests, key), append(s.tokens, token)
	if s.refuseHistory != nil {
		return nil, s.refuseHistory
	}
	if s.crowded > 0 {
		s.crowded--
		return nil, &proto.Refusal{Reason: proto.MessageRateTooHigh, Text: "too many of your requests at once"}
	}
	epoch := s.epoch
	if s.otherPages {
		epoch++
	}
	head, least := uint64(len(s.logs[key])), max(1, s.min[key])
	p := &proto.MessagePage{Epoch: &epoch, HeadSeq: &head, MinSeq: &least}
	for _, m := range s.logs[key] {
		if m.GetSeq() > after && m.GetSeq() >= least && (before == 0 || m.GetSeq() < before) {
			p.Messages = append(p.Messages, m)
		}
	}
	p.Messages = p.Messages[max(0, len(p.Messages)-limit):]
	return marshal(p), nil
}

// Revised implements chat.History.
func (s *server) Revised(_ context.Context, token, key string, after uint64, limit int) ([]byte, error) {
	if s.down {
		return nil, errors.New("connection refused")
	}
	s.requests, s.tokens = append(s.requests, key), append(s.tokens, token)
	s.revisions++
	head, least := uint64(len(s.logs[key])), max(1, s.min[key])
	p := &proto.MessagePage{Epoch: &s.epoch, HeadSeq: &head, MinSeq: &least}
	for _, m := range s.logs[key] {
		if m.GetRevisedSeq() > after {
			p.Messages = append(p.Messages, m)
		}
	}
	slices.SortFunc(p.Messages, func(a, b *proto.Message) int { return cmp.Compare(a.GetRevisedSeq(), b.GetRevisedSeq()) })
	p.Messages = p.Messages[:min(len(p.Messages), limit)]
	return marshal(p), nil
}
