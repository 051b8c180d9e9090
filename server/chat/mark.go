package chat

import "parley/proto"

// mark is a proto.Mark on its way into the history.
type mark struct {
	key             proto.Key
	user            uint64
	delivered, read uint64
	epoch           *uint64 // that they count in
}

func prepareMark(from Sender, payload []byte) (Request, error) {
	var m proto.Mark
	if err := proto.Unmarshal(payload, &m); err != nil {
		return nil, err
	}
	key, err := participant(from, m.GetKey())
	if err != nil {
		return nil, err
	}
	return &mark{key: key, user: from.User, delivered: m.GetDeliveredSeq(), read: m.GetReadSeq(), epoch: m.Epoch}, nil
}

func (r *mark) apply(b *batch) (Result, error) {
	if b.foreign(r.epoch) { // of other entries
		return Result{}, nil
	}
	c, err := b.conversation(r.key)
	if err != nil {
		return Result{}, err
	}
	own, err := b.member(r.key, r.user)
	if err != nil {
		return Result{}, err
	}
	reads := kindOf(r.key).access(own.Member)
	if reads == (access{}) {
		return Result{Err: notParticipant()}, nil
	}
	before := own.Member
	head, _ := reads.narrow(c.Head, c.Min)
	if !own.raise(min(r.delivered, head), min(r.read, head), b.time(c)) {
		return Result{}, nil
	}
	b.changeMember(own)
	if own.Read != before.Read {
		if err := b.recount(c, own); err != nil {
			return Result{}, err
		}
	}
	return Result{}, b.show(c, own, before, true)
}

// begin lets a service's agent, of whom the history keeps nothing yet, have read what
// was settled before they do something: that is others' work. It was on no screen of
// theirs, and so at no time.
func (m *Member) begin(c Conversation) {
	m.Read, m.Delivered, m.Seen = c.Settled(), c.Settled(), c.Past
}

// raise lifts the watermarks at a time, reports whether one rose, and keeps
// Read <= Delivered: what was on the screen was delivered. Times never fall,
// also where the clock did while the server was down. Whoever read something has read
// what they began with, which others answered (begin).
func (m *Member) raise(delivered, read, now uint64) bool {
	was := *m
	m.Read = max(m.Read, read)
	m.Delivered = max(m.Delivered, delivered, m.Read)
	agent := m.Key.Agent(m.User)
	if m.Read != was.Read || agent && read > 0 && m.ReadTime == 0 {
		m.ReadTime = max(m.ReadTime, now)
		m.MarkedUnread = false
	}
	if m.Delivered != was.Delivered || agent && max(delivered, read) > 0 && m.DeliveredTime == 0 {
		m.DeliveredTime = max(m.DeliveredTime, now)
	}
	return *m != was
}

// recount brings m.Seen to m.Read, by the rule that also makes the rows.
func (b *batch) recount(c *conversation, m *member) error {
	unread, err := unread(b.tx, c.Conversation, m.Member)
	if err != nil {
		return err
	}
	m.Seen = c.Counted[c.Key.Side(m.User)] - m.Own - unread
	return nil
}

// show lets others see m's watermarks, which rose from before: in their rows, and if tell
// at once.
func (b *batch) show(c *conversation, m *member, before Member, tell bool) error {
	return kindOf(c.Key).show(b, c, m, before, tell)
}

// watermarks are m's.
func (m *Member) watermarks() watermarks {
	return watermarks{m.Delivered, m.Read, m.DeliveredTime, m.ReadTime, m.User}
}

// raise lifts the service's watermarks to those of an agent, which rose, and
// reports whether that changed them.
func (c *Conversation) raise(to watermarks) bool {
	was := *c
	if to.delivered > c.ServiceDelivered {
		c.ServiceDelivered, c.ServiceDeliveredTime = to.delivered, max(c.ServiceDeliveredTime, to.deliveredTime)
	}
	if to.read > c.ServiceRead {
		c.ServiceRead, c.ServiceReadTime = to.read, max(c.ServiceReadTime, to.readTime)
	}
	return *c != was
}

// watermarks are those of a user, or, of user 0, of a whole service, and when
// they rose; 0 if unknown.
type watermarks struct{ delivered, read, deliveredTime, readTime, user uint64 }

// reached is what of them the user came to, and did not only begin with (Member.begin).
func (w watermarks) reached() watermarks {
	if w.readTime == 0 {
		w.read = 0
	}
	if w.deliveredTime == 0 {
		w.delivered = 0
	}
	return w
}

func (b *batch) deliverMark(key proto.Key, w watermarks, to ...uint64) error {
	name := key.String()
	m := &proto.Mark{Key: &name, DeliveredSeq: &w.delivered, ReadSeq: &w.read, DeliveredTime: known(w.deliveredTime), ReadTime: known(w.readTime)}
	if w.user != 0 {
		m.UserId = &w.user
	}
	payload, err := proto.Marshal(m)
	if err != nil {
		return err
	}
	for _, user := range to {
		b.deliver(user, proto.BranchMark, payload)
	}
	return nil
}

// known is a time for a message's field, which is absent if it is unknown.
func known(time uint64) *uint64 {
	if time == 0 {
		return nil
	}
	return &time
}
