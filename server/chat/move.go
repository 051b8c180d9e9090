package chat

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
)

const (
	// maxExcerpt bounds the entries that go along when a conversation is moved, and
	// maxLooked among how many they are looked for.
	maxExcerpt, maxLooked = 10, 100
	// maxCrossing bounds the entries among which those are looked for that an answer crossed.
	maxCrossing = 100
)

var errMoved = refuseEntry("moved-meanwhile", "the conversation was moved to another service meanwhile: read where it goes on")

// crossings are what agents do that others who answer have to know of, and whether it
// still counts.
var crossings = map[proto.MessageType]struct {
	still   func(r *serviceMessage, c *conversation) bool
	refusal error
}{
	proto.MessageType_MESSAGE_TYPE_CLAIM:           {claimedByAnother, errClaimed},
	proto.MessageType_MESSAGE_TYPE_HAND_OVER:       {claimedByAnother, errClaimed},
	proto.MessageType_MESSAGE_TYPE_RESOLVE:         {closed(proto.Resolved), errResolved},
	proto.MessageType_MESSAGE_TYPE_NO_REPLY_NEEDED: {closed(proto.NoReplyNeeded), errResolved},
	proto.MessageType_MESSAGE_TYPE_MOVE:            {closed(proto.Moved), errMoved},
}

var (
	errClaimed  = refuseEntry("claimed-meanwhile", "another agent has claimed this conversation meanwhile: look, then send again")
	errResolved = refuseEntry("resolved-meanwhile", "another agent has closed this conversation meanwhile: look, then send again")
)

func claimedByAnother(r *serviceMessage, c *conversation) bool {
	return c.Status.Assignee != 0 && c.Status.Assignee != r.author
}

func closed(state uint32) func(*serviceMessage, *conversation) bool {
	return func(_ *serviceMessage, c *conversation) bool { return c.Status.PostProc == state }
}

// crossed refuses an answer, or a move, whose author had not seen what another agent
// did, nor was told of it.
func (r *serviceMessage) crossed(b *batch, c *conversation) (refusal, err error) {
	seen := b.seenHere(r.m.Epoch, r.m.SeenSeq)
	if seen == nil {
		return nil, nil // an old client
	}
	known := max(*seen, *b.seenHere(r.m.Epoch, protobuf.Uint64(r.m.GetDespiteSeq())))
	if known < c.Status.LastAnswer && c.Status.LastAnswerBy != r.author {
		return refuseEntry("answered-meanwhile", "another agent answered meanwhile: read it, then send again"), nil
	}
	if known >= c.Head {
		return nil, nil
	}
	entries, err := b.tx.Entries(r.key, known, 0, maxCrossing, true)
	if err != nil {
		return nil, err
	}
	for _, e := range slices.Backward(entries) {
		crossing, any := crossings[e.Type]
		if any && e.Sender != r.author && crossing.still(r, c) {
			return crossing.refusal, nil
		}
	}
	return nil, nil
}

// arrive stores, with a move out of one conversation, that its customer waits in the
// other service's since then: as if they had written it there.
func (r *serviceMessage) arrive(b *batch, from *conversation, since uint64) error {
	key := proto.ServiceKey(r.key.Customer(), r.m.GetOtherService())
	c, err := b.conversation(key)
	if err != nil {
		return err
	}
	customer, err := b.member(key, key.Customer())
	if err != nil {
		return err
	}
	if err := b.become(key.Customer(), key.Service()); err != nil {
		return err
	}
	extend, err := b.excerpt(from.Key, 0)
	if err != nil {
		return err
	}
	ref := arrivalRef("moved", r.author, r.ref)
	event := proto.Event{Side: proto.First, Type: proto.MessageType_MESSAGE_TYPE_MOVED_HERE, Author: r.author, Target: uint64(r.key.Service()), Since: since}
	entry, err := b.append(c, key.Customer(), ref, event, func(id uint64, e proto.Event) protobuf.Message {
		return &proto.ServiceMessage{
			MessageId: &id, UserId: r.m.UserId, ServiceType: r.m.OtherService, MessageType: &e.Type, Content: r.m.Content,
			CreateDate: &e.Time, Direction: proto.ServiceMessageDirection_CUSTOMER_TO_SERVICE.Enum(), AgentId: &r.author,
			PostProc: &c.Status.PostProc, ToReply: protobuf.Uint32(1), Extend: &extend, Seq: &e.Seq, ClientRef: ref[:],
			OtherService: r.m.ServiceType, WaitingSince: &e.Since,
		}
	})
	if err != nil {
		return err
	}
	b.revise(c)
	b.changeMember(customer)
	return b.deliverService(key, entry)
}

// arrivalRef is the client_ref of what the server writes in the customer's name because of
// an entry of an author: the entry's own is the author's, and this one as unique.
func arrivalRef(what string, author uint64, ref [proto.RefSize]byte) [proto.RefSize]byte {
	hash := sha256.Sum256(fmt.Appendf(nil, "%s %d %x", what, author, ref))
	return [proto.RefSize]byte(hash[:])
}

// reviseExcerpts lets the excerpts that were taken along from r's conversation say what its
// entries say now that r changed one of them: in each an edit, whose content is the extend.
func (r *serviceMessage) reviseExcerpts(b *batch, changed uint64) error {
	entries, err := b.tx.Entries(r.key, changed, changed+maxLooked, maxLooked, true)
	if err != nil {
		return err
	}
	for _, move := range entries {
		if move.Type != proto.MessageType_MESSAGE_TYPE_MOVE {
			continue
		}
		here, err := b.tx.ByRef(r.key.Customer(), arrivalRef("moved", move.Sender, move.Ref))
		if err != nil {
			return err
		}
		if here.Seq == 0 {
			continue
		}
		extend, err := b.excerpt(r.key, move.Seq+1)
		if err != nil {
			return err
		}
		ref := arrivalRef(fmt.Sprint("excerpt ", here.Key, here.Seq), r.author, r.ref)
		if err := b.reviseArrival(here.Key, here.Seq, extend, ref); err != nil {
			return err
		}
	}
	return nil
}

// reviseArrival gives what was moved here another extend, of which the customer is not told.
func (b *batch) reviseArrival(key proto.Key, seq uint64, extend string, ref [proto.RefSize]byte) error {
	c, err := b.conversation(key)
	if err != nil {
		return err
	}
	arrival, err := b.entryAt(c, seq)
	if err != nil || arrival.Type != proto.MessageType_MESSAGE_TYPE_MOVED_HERE {
		return err // it was deleted
	}
	m := new(proto.ServiceMessage)
	if err := decode(arrival, m); err != nil || m.GetExtend() == extend {
		return err
	}
	was, customer := m.Event(), key.Customer()
	service := key.Service()
	var told *proto.ServiceMessage
	event := proto.Event{Side: proto.First, Type: proto.MessageType_MESSAGE_TYPE_EDIT, Author: customer, Of: seq}
	entry, err := b.append(c, customer, ref, event, func(id uint64, e proto.Event) protobuf.Message {
		told = &proto.ServiceMessage{
			MessageId: &id, UserId: &customer, ServiceType: &service, MessageType: &e.Type, Content: &extend, CreateDate: &e.Time,
			Direction: proto.ServiceMessageDirection_CUSTOMER_TO_SERVICE.Enum(), PostProc: &c.Status.PostProc, Seq: &e.Seq, ClientRef: ref[:], TargetSeq: &seq,
		}
		return bareService(told)
	})
	if err != nil {
		return err
	}
	m.Revise(told)
	if err := b.putRevised(c, arrival, entry.Seq, m.GetMessageType(), m, was); err != nil {
		return err
	}
	b.revise(c)
	member, err := b.member(key, customer)
	if err != nil {
		return err
	}
	b.changeMember(member)
	b.deliver(customer, proto.BranchService, entry.Body)
	agents, err := b.agents(service)
	if err != nil {
		return err
	}
	body, err := proto.Marshal(told)
	for _, agent := range without(agents, customer) {
		b.deliver(agent, proto.BranchService, body)
	}
	return err
}

// excerpt is what goes along with a conversation that is moved, as extend: what people
// wrote last, as far as there is room, before an entry or, with 0, at all.
func (b *batch) excerpt(key proto.Key, before uint64) (string, error) {
	type said struct {
		Agent   bool   `json:"agent"`
		Content string `json:"content"`
	}
	entries, err := b.tx.Entries(key, 0, before, maxLooked, true)
	if err != nil {
		return "", err
	}
	excerpt := []said{}
	for _, e := range entries {
		m := new(proto.ServiceMessage)
		if err := decode(e, m); err != nil {
			return "", err
		}
		if e.Type.Control() || e.Type == proto.MessageType_MESSAGE_TYPE_MOVED_HERE {
			continue
		}
		excerpt = append(excerpt, said{m.GetDirection() == proto.ServiceMessageDirection_SERVICE_TO_CUSTOMER, preview(m.GetContent())})
	}
	excerpt = excerpt[max(0, len(excerpt)-maxExcerpt):]
	for {
		extend, err := json.Marshal(map[string]any{"excerpt": excerpt})
		if err != nil || len(extend) <= proto.MaxExtend {
			return string(extend), err
		}
		excerpt = excerpt[1:]
	}
}

// asked finds the first entry of a side of c, after a seq, that asks, and since when it
// waits; in a service conversation what stands before it is settled.
func (b *batch) asked(c *conversation, side proto.Side, after uint64) (seq, since uint64, err error) {
	first, err := b.tx.FirstWritten(c.Key, c.Key.User(side), after)
	if err != nil {
		return 0, 0, err
	}
	if side == proto.First && first.Seq != 0 {
		if err := b.unsettle(c, first); err != nil {
			return 0, 0, err
		}
	}
	if first.Type != proto.MessageType_MESSAGE_TYPE_MOVED_HERE {
		return first.Seq, first.CreateTime, nil
	}
	entries, err := b.tx.Entries(c.Key, first.Seq-1, first.Seq+1, 1, true)
	if err != nil || len(entries) == 0 {
		return first.Seq, first.CreateTime, err
	}
	m := new(proto.ServiceMessage)
	err = decode(entries[0], m)
	return first.Seq, m.Event().Waits(), err
}

// unsettle counts what is past where an entry is the first that waits.
func (b *batch) unsettle(c *conversation, first Entry) error {
	c.Past = first.Counted[proto.Second] - 1 // whatever asks counts
	if c.Recalled <= first.Seq {
		return nil
	}
	recalled, err := b.tx.CountRecalled(c.Key, first.Seq, 0)
	c.Past += recalled
	return err
}

// settle counts what is past once nothing waits, or something begins to.
func (c *conversation) settle() {
	switch first := c.Status.Sides[proto.First].Seq; {
	case c.Key.Kind() != proto.Service:
		c.Past = 0 // each of two users has a Member
	case first == 0:
		c.Past = c.Counted[proto.Second]
	case first == c.Head:
		c.Past = c.Counted[proto.Second] - 1
	}
}
