package chat_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/testing/protocmp"

	"github.com/google/go-cmp/cmp"
	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/server/chat"
	"parley/server/chat/chattest"
)

// model is what the design says of service conversations, from whole logs.
type model struct {
	logs map[uint64][]*entry // by customer
	read map[[2]uint64]uint64
	deli map[[2]uint64]uint64 // delivered, by customer and user
	// When they rose to what they are, by customer and user; of user 0, the service as the customer sees it.
	readAt, deliAt map[[2]uint64]uint64
	min            map[uint64]uint64 // seq of the oldest entry that is kept, by customer
	// Where agents began whom something was delivered to, or who did something, by customer and user.
	begun map[[2]uint64]uint64
	// What answers of those that were not deleted when it was last looked, by customer: up to
	// where, the newest answer and who gave it.
	answered map[uint64]proto.Replies
}

// answers adds what an entry answers, or with 0 looks again among those that are kept.
func (m *model) answers(customer, seq uint64) {
	all := m.answered[customer]
	from := seq
	if seq == 0 {
		all, from = proto.Replies{}, max(m.min[customer], 1)
	}
	for i := from; i <= uint64(len(m.logs[customer])) && (seq == 0 || i == seq); i++ {
		e := m.logs[customer][i-1]
		if e.by == customer || e.what >= 16 && e.what != resolve && e.what != noReplyNeeded {
			continue
		}
		through := i - 1
		if e.seen != nil {
			through = min(through, *e.seen)
		}
		all.Through = max(all.Through, through)
		if e.what < 16 {
			all.Last, all.LastBy = i, e.by
		}
	}
	m.answered[customer] = all
}

// entry is one entry of the model's log, as the design words it.
type entry struct {
	by   uint64
	what proto.MessageType
	seen *uint64
	to   uint64
	time uint64
	of   uint64 // the entry that it speaks of
}

// row is the model's row of a customer's conversation for a user.
func (m *model) row(customer, user uint64, agents []uint64) *proto.ConversationState {
	log := m.logs[customer]
	head, began := uint64(len(log)), m.beginning(customer, user)
	read := max(m.read[[2]uint64{customer, user}], began)
	row := &proto.ConversationState{
		Key: protobuf.String(proto.ServiceKey(customer, sales).String()), HeadSeq: &head, ReadSeq: &read, DeliveredSeq: protobuf.Uint64(max(m.deli[[2]uint64{customer, user}], began)),
	}
	var unread, answered, first, since, peerRead, peerDelivered uint64
	var assignee, answer, answerer uint64
	var closed uint32
	for i, e := range log {
		seq := uint64(i + 1)
		if seq > read && seq >= m.min[customer] && e.by != user && (e.what < 16 || e.what == note && user != customer) {
			unread++
		}
		if e.of != 0 {
			row.RevisedSeq = ptr(seq)
			continue
		}
		if e.by == customer {
			closed = 0
			continue
		}
		switch e.what {
		case claim:
			assignee = e.by
		case release:
			assignee = 0
		case handOver:
			assignee = e.to
		case resolve:
			closed = 1
		case noReplyNeeded:
			closed = 2
		case reopen:
			closed = 0
		}
	}
	answered, answer, answerer = m.answered[customer].Through, m.answered[customer].Last, m.answered[customer].LastBy
	if first = m.waits(customer); first > 0 {
		since = log[first-1].time
	}
	others, facing := []uint64{customer}, [2]uint64{customer, customer}
	if user == customer {
		others, facing = agents, [2]uint64{customer, 0}
	}
	for _, other := range others {
		peerRead = max(peerRead, m.read[[2]uint64{customer, other}])
		peerDelivered = max(peerDelivered, m.deli[[2]uint64{customer, other}])
	}
	row.PeerReadSeq, row.PeerDeliveredSeq = &peerRead, &peerDelivered
	if at := m.readAt[facing]; at != 0 {
		row.PeerReadTime = &at
	}
	if at := m.deliAt[facing]; at != 0 {
		row.PeerDeliveredTime = &at
	}
	row.Unread, row.OwnAfterRead = &unread, protobuf.Uint64(head-read-unread)
	zero := new(uint64)
	row.WaitingSince, row.WaitingSeq, row.PeerAnsweredThrough = &since, &first, &answered
	row.AwaitingSince, row.AwaitingSeq, row.AnsweredThrough = zero, zero, zero
	if user == customer {
		row.WaitingSince, row.WaitingSeq, row.PeerAnsweredThrough, row.AwaitingSince, row.AwaitingSeq, row.AnsweredThrough =
			row.AwaitingSince, row.AwaitingSeq, row.AnsweredThrough, row.WaitingSince, row.WaitingSeq, row.PeerAnsweredThrough
	}
	if min := m.min[customer]; min > 1 {
		row.MinSeq = &min
	}
	if closed != 0 {
		row.PostProc = &closed
	}
	if answer != 0 {
		row.LastAnswerSeq = &answer
	}
	if user != customer && answer != 0 {
		row.LastAnswerAgentId = &answerer
	}
	if user != customer && assignee != 0 {
		row.AssigneeId = &assignee
	}
	return row
}

// waits is the seq of the first message of a customer that waits for an answer; 0 if none does.
func (m *model) waits(customer uint64) uint64 {
	answered := m.answered[customer].Through
	for i, e := range m.logs[customer] {
		if seq := uint64(i + 1); e.by == customer && e.what < 16 && seq > answered && seq >= m.min[customer] {
			return seq
		}
	}
	return 0
}

// beginning is up to where a user has read without having been there: an agent what stood
// before the first that waited when they did something first, or does now.
func (m *model) beginning(customer, user uint64) uint64 {
	at, there := m.begun[[2]uint64{customer, user}]
	if user == customer || there {
		return at
	}
	if first := m.waits(customer); first > 0 {
		return first - 1
	}
	return uint64(len(m.logs[customer]))
}

// begins notes that an agent does something, if they did not before.
func (m *model) begins(customer, user uint64) {
	if user != customer {
		m.begun[[2]uint64{customer, user}] = m.beginning(customer, user)
	}
}

// The rows and totals that the service keeps up step by step are those that the
// whole log gives, for customers, agents and an agent who comes late, whatever
// was written and marked, refused and repeated, and however it was batched.
func TestServiceRowsAreWhatTheWholeLogGives(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			var s chat.Store = chattest.NewMemory(1)
			if seed < 3 {
				s = sqlite(t)
			}
			p := &play{bench: start(t, s), random: rand.New(rand.NewPCG(seed, 2)), agents: []uint64{ann, ben}, customers: []uint64{cora, ada, ann}}
			p.model = model{logs: map[uint64][]*entry{}, read: map[[2]uint64]uint64{}, deli: map[[2]uint64]uint64{},
				readAt: map[[2]uint64]uint64{}, deliAt: map[[2]uint64]uint64{}, min: map[uint64]uint64{}, begun: map[[2]uint64]uint64{}, answered: map[uint64]proto.Replies{}}
			keeper := prepared(t, s, keeping(8*time.Second), func(c *chat.Config) { c.Now = p.time })
			for _, agent := range p.agents {
				p.join(agent, "", sales)
			}
			for step := range 40 {
				p.pass(time.Second)
				if step == 20 {
					p.agents = append(p.agents, 203)
					p.join(203, "", sales)
				}
				p.step()
				if p.random.IntN(6) == 0 {
					keeper.expire()
					p.expired(uint64(p.time().UnixMilli()) - 8000)
				}
				p.compare()
			}
		})
	}
}

type play struct {
	*bench
	model
	random            *rand.Rand
	agents, customers []uint64
}

func (p *play) one(users []uint64) uint64 { return users[p.random.IntN(len(users))] }

// step does one random thing.
func (p *play) step() {
	customer := p.one(p.customers)
	head := uint64(len(p.logs[customer]))
	user := customer
	if p.random.IntN(3) > 0 {
		user = p.one(p.agents)
	}
	if p.random.IntN(4) == 0 {
		p.mark(customer, user, p.random.Uint64N(head+3), p.random.Uint64N(head+3))
		return
	}
	e := &entry{by: user}
	if user != customer && p.random.IntN(2) == 0 {
		e.what = []proto.MessageType{claim, release, handOver, note, resolve, reopen, noReplyNeeded}[p.random.IntN(7)]
	}
	m := word(customer, "x")
	m.MessageType, m.ClientRef = &e.what, ref(p.random.Uint64())
	if of := p.random.Uint64N(head + 1); of > 0 && p.random.IntN(4) == 0 {
		e.what = []proto.MessageType{proto.MessageType_MESSAGE_TYPE_EDIT, proto.MessageType_MESSAGE_TYPE_RECALL, proto.MessageType_MESSAGE_TYPE_RECALL, proto.MessageType_MESSAGE_TYPE_REACT}[p.random.IntN(4)]
		m.TargetSeq, e.of = &of, of
		m.Content = ptr("👍")
	}
	if e.what == handOver {
		e.to = p.one(p.agents)
		m.TargetAgentId = &e.to
	}
	if p.random.IntN(3) > 0 {
		m.SeenSeq = ptr(p.random.Uint64N(head + 3))
		e.seen = ptr(min(*m.SeenSeq, head))
	}
	payload, from := encode(p.t, m), p.sender(user)
	receipt, err := p.Publish(p.t.Context(), from, proto.BranchService, payload, nil)
	if err != nil {
		refusalOf(p.t, err)
		return
	}
	again, err := p.Publish(p.t.Context(), from, proto.BranchService, payload, nil)
	if err != nil || again != receipt {
		p.t.Fatalf("a repeat got %+v, %v, want %+v", again, err, receipt)
	}
	e.time = receipt.CreateTime
	p.begins(customer, user)
	p.logs[customer] = append(p.logs[customer], e)
	same(p.t, "seq", receipt.Seq, head+1)
	p.answers(customer, receipt.Seq)
	if e.what == proto.MessageType_MESSAGE_TYPE_RECALL {
		target := p.logs[customer][e.of-1]
		answered := target.by != customer && (p.answered[customer].Last == e.of || target.seen == nil || min(*target.seen, e.of-1) >= p.answered[customer].Through)
		if target.what = proto.MessageType_MESSAGE_TYPE_RECALLED; answered {
			through := p.answered[customer].Through
			p.answers(customer, 0)
			if all := p.answered[customer]; all.Through > through {
				p.t.Fatal("a recall answers")
			}
		}
	}
	if e.seen != nil {
		p.raise(customer, user, *e.seen, *e.seen)
	}
}

// expired notes that what was written before a time is deleted.
func (p *play) expired(before uint64) {
	for customer, log := range p.logs {
		for i, e := range log {
			if e.time < before {
				p.min[customer] = uint64(i + 2)
			}
		}
	}
}

func (p *play) mark(customer, user, through, read uint64) {
	m := &proto.Mark{Key: ptr(proto.ServiceKey(customer, sales).String()), DeliveredSeq: &through, ReadSeq: &read}
	if _, err := p.Publish(p.t.Context(), p.sender(user), proto.BranchMark, encode(p.t, m), nil); err != nil {
		p.t.Fatal(err)
	}
	head := uint64(len(p.logs[customer]))
	p.raise(customer, user, min(through, head), min(read, head))
}

func (p *play) raise(customer, user, through, read uint64) {
	at, now := [2]uint64{customer, user}, uint64(p.time().UnixMilli())
	through = max(through, read)
	if through == 0 {
		return
	}
	// Whoever comes to something comes to all that was settled before they began.
	p.begins(customer, user)
	began := p.beginning(customer, user)
	if through = max(through, began); read > 0 {
		read = max(read, began)
	}
	rise(p.read, p.readAt, at, read, now)
	rise(p.deli, p.deliAt, at, through, now)
	if user != customer {
		all := [2]uint64{customer, 0}
		rise(p.read, p.readAt, all, read, now)
		rise(p.deli, p.deliAt, all, through, now)
	}
}

func rise(marks, times map[[2]uint64]uint64, at [2]uint64, to, now uint64) {
	if to > marks[at] {
		marks[at], times[at] = to, now
	}
}

// compare holds everybody's rows and totals against the model.
func (p *play) compare() {
	p.t.Helper()
	for _, user := range append(slices.Clone(p.agents), cora, ada) {
		answer, err := p.Conversations(p.t.Context(), p.sender(user), "")
		if err != nil {
			p.t.Fatal(err)
		}
		var unread, conversations, waiting uint64
		rows := map[string]*proto.ConversationState{}
		for _, row := range answer.GetConversations() {
			row.LastService = nil
			rows[row.GetKey()] = row
			unread += row.GetUnread()
			if row.GetUnread() > 0 {
				conversations++
			}
			if row.GetWaitingSince() != 0 {
				waiting++
			}
		}
		same(p.t, fmt.Sprintf("totals of %d", user), [3]uint64{answer.GetTotalUnread(), answer.GetUnreadConversations(), answer.GetWaitingConversations()}, [3]uint64{unread, conversations, waiting})
		want := map[string]*proto.ConversationState{}
		for customer, log := range p.logs {
			if len(log) > 0 && (user == customer || slices.Contains(p.agents, user)) {
				row := p.model.row(customer, user, p.team(customer))
				want[row.GetKey()] = row
			}
		}
		if diff := cmp.Diff(want, rows, protocmp.Transform()); diff != "" {
			p.t.Fatalf("rows of %d (-want +got):\n%s", user, diff)
		}
	}
}

// team is the agents as a customer faces them: one who is an agent too is not
// their own agent.
func (p *play) team(customer uint64) []uint64 {
	return slices.DeleteFunc(slices.Clone(p.agents), func(agent uint64) bool { return agent == customer })
}
