package chat

import (
	"slices"

	"parley/proto"
)

// withService is the kind of conversation that a customer has with a service.
type withService struct{}

func (withService) admits(who Sender, key proto.Key) bool {
	return key.Has(who.User) || slices.Contains(who.Services, key.Service())
}

func (withService) access(Member) access { return all }

// copies are less for the customer, of what agents write.
func (withService) copies(user uint64, key proto.Key, entries []Entry) ([]Entry, error) {
	if !key.Has(user) {
		return entries, nil
	}
	return forCustomers(entries)
}

// hearers are all of the conversation, once there is one.
func (withService) hearers(v View, user uint64, key proto.Key) ([]uint64, error) {
	c, err := v.Conversation(key)
	if err != nil || c.Head == 0 {
		return nil, err
	}
	agents, err := v.Agents(key.Service())
	if err != nil {
		return nil, err
	}
	everybody := append([]uint64{key.Customer()}, without(agents, key.Customer())...)
	return without(everybody, user), nil
}

func (withService) waiting(v View, c Conversation, m Member) (mine, theirs proto.Waiting, err error) {
	return direct{}.waiting(v, c, m)
}

// fill does not tell the customer which agents there are.
func (withService) fill(v View, row *proto.ConversationState, c Conversation, m Member) error {
	now := c.Status
	if now.PostProc != 0 {
		row.PostProc = &now.PostProc
	}
	if now.LastAnswer != 0 {
		row.LastAnswerSeq = &now.LastAnswer
	}
	customer := c.Key.Customer()
	if m.User == customer {
		row.PeerReadSeq, row.PeerDeliveredSeq = &c.ServiceRead, &c.ServiceDelivered
		row.PeerReadTime, row.PeerDeliveredTime = known(c.ServiceReadTime), known(c.ServiceDeliveredTime)
		return nil
	}
	peer, err := v.Member(c.Key, customer)
	if err != nil {
		return err
	}
	peer.show(row)
	if row.PeerName, err = nameOf(v, customer); err != nil {
		return err
	}
	row.Notes = known(c.Notes)
	if now.LastAnswer != 0 {
		row.LastAnswerAgentId = &now.LastAnswerBy
	}
	if now.Assignee != 0 {
		row.AssigneeId = &now.Assignee
		row.AssigneeName, err = nameOf(v, now.Assignee)
	}
	return err
}

func (withService) fold(b *batch, c *conversation, _ *member, e proto.Event) error {
	return b.fold(c, e)
}

func (withService) recall(b *batch, c *conversation, _ Entry, was proto.Event) error {
	return b.recall(c, was)
}

// follow is its agents: all of them are shown the same.
func (withService) follow(b *batch, key proto.Key) ([]uint64, error) { return b.agents(key.Service()) }

// show tells the customer the highest watermarks of all agents', as one voice; agents
// see the customer's and not each other's.
func (withService) show(b *batch, c *conversation, m *member, _ Member, tell bool) error {
	if c.Key.Has(m.User) {
		agents, err := b.agents(c.Key.Service())
		if err != nil {
			return err
		}
		b.revise(c)
		if !tell {
			return nil
		}
		return b.deliverMark(c.Key, m.watermarks(), append([]uint64{m.User}, without(agents, m.User)...)...)
	}
	if tell {
		if err := b.deliverMark(c.Key, m.watermarks(), m.User); err != nil {
			return err
		}
	}
	if !c.raise(m.watermarks().reached()) {
		return nil
	}
	b.changeConversation(c)
	customer, err := b.member(c.Key, c.Key.Customer())
	if err != nil {
		return err
	}
	b.changeMember(customer)
	if !tell {
		return nil
	}
	service := watermarks{c.ServiceDelivered, c.ServiceRead, c.ServiceDeliveredTime, c.ServiceReadTime, 0}
	return b.deliverMark(c.Key, service, customer.User)
}

func (withService) rename(b *batch, key proto.Key, user uint64) error {
	c, err := b.conversation(key)
	if err != nil {
		return err
	}
	if key.Has(user) || c.Status.Assignee == user {
		b.revise(c)
	}
	return nil
}

func (withService) trim(b *batch, c *conversation) error {
	b.revise(c)
	return nil
}
