package chat

import (
	"context"

	"parley/proto"
)

// extendWithin is how many of a conversation's newest entries are looked at for what
// the customer's application says of them.
const extendWithin = 200

// Customer is what agents are shown of a customer, as far as their services go.
type Customer struct {
	User User
	// Conversations are those with the services that the agent answers for, by service.
	Conversations []CustomerConversation
	// Extend is the newest that the customer's messages carried, among the newest 200
	// entries of each of these; "" if none did.
	Extend string
}

// CustomerConversation is a conversation of a customer with a service.
type CustomerConversation struct {
	Conversation
	Began    uint64 // when the oldest entry that is kept was written, Unix milliseconds; 0: none is
	Messages uint64 // that the customer wrote
	Assignee User   // who has claimed it; zero: nobody
}

// Customer returns what an agent is shown of a customer. Errors wrap a
// *proto.Refusal: NotAuthorized for whoever answers for no service that the customer
// has a conversation with, whether there is such a user or not.
func (s *Service) Customer(ctx context.Context, who Sender, id uint64) (*Customer, error) {
	refusal := proto.Refuse(proto.NotAuthorized, "this user is no customer of a service that you answer for").Named("not-your-customer")
	if who.User == 0 || id == who.User || id == 0 {
		return nil, refusal
	}
	customer := new(Customer)
	err := s.store.Scan(ctx, func(v View) (err error) {
		if customer.User, err = v.User(id); err != nil {
			return err
		}
		var newest uint64 // the id of the message with Extend
		for _, service := range ServicesOf(who.Services).All() {
			if err := customer.add(v, proto.ServiceKey(id, service), &newest); err != nil {
				return err
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, s.failed("the customer could not be read", err)
	case len(customer.Conversations) == 0:
		return nil, refusal
	}
	customer.User.ID = id
	return customer, nil
}

// add takes a conversation in, if there is one, and its newest Extend, if that is newer.
func (c *Customer) add(v View, key proto.Key, newest *uint64) error {
	one, err := v.Conversation(key)
	if err != nil || one.Head == 0 {
		return err
	}
	m, err := v.Member(key, key.Customer())
	if err != nil {
		return err
	}
	oldest, err := v.First(key, 0)
	if err != nil {
		return err
	}
	shown := CustomerConversation{Conversation: one, Began: oldest.CreateTime, Messages: m.Own}
	if one.Status.Assignee != 0 {
		if shown.Assignee, err = v.User(one.Status.Assignee); err != nil {
			return err
		}
		shown.Assignee.ID = one.Status.Assignee
	}
	c.Conversations = append(c.Conversations, shown)
	entries, err := v.Entries(key, 0, 0, extendWithin, true)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Sender != key.Customer() || e.ID < *newest {
			continue
		}
		m := new(proto.ServiceMessage)
		if err := decode(e, m); err != nil {
			return err
		}
		if m.GetExtend() != "" {
			c.Extend, *newest = m.GetExtend(), e.ID
		}
	}
	return nil
}
