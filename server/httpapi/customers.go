package httpapi

import (
	"net/http"

	"parley/proto"
	"parley/server/auth"
	"parley/server/chat"
)

// customer is what agents are shown of a customer, as JSON. Times are Unix
// milliseconds, "0" where unknown or not to be told.
type customer struct {
	ID            string                 `json:"user_id"`
	Name          string                 `json:"name"`
	FirstSeen     string                 `json:"first_seen"`
	LastSeen      string                 `json:"last_seen"`
	Conversations []customerConversation `json:"conversations"`
	// Extend is a JSON object of the customer's application as it came: text of whoever
	// wrote it. "" if none came.
	Extend string `json:"extend"`
}

type customerConversation struct {
	Key     string            `json:"key"`
	Service proto.ServiceType `json:"service_type"`
	// Messages is how many the customer wrote, Began when the oldest entry was that is kept,
	// and Time when the newest.
	Messages     string `json:"messages"`
	Began        string `json:"oldest_time"`
	Time         string `json:"newest_time"`
	PostProc     uint32 `json:"post_proc"`
	Assignee     string `json:"assignee_id"`
	AssigneeName string `json:"assignee_name"`
	// WaitingSince is since when the customer waits for an answer.
	WaitingSince string `json:"waiting_since"`
}

// customer shows a customer to the agents of services that they wrote to, and of
// their conversations those with these alone.
func (a *api) customer(r *http.Request, who auth.User) (any, error) {
	id, err := pathID(r)
	if err != nil {
		return nil, err
	}
	found, err := a.Service.Customer(r.Context(), senderOf(who), id)
	if err != nil {
		return nil, err
	}
	u := found.User
	answer := customer{ID: decimal(u.ID), Name: u.Name, FirstSeen: decimal(u.FirstSeen), LastSeen: decimal(u.LastSeen),
		Conversations: make([]customerConversation, 0, len(found.Conversations)), Extend: found.Extend}
	if u.HidePresence {
		answer.LastSeen = "0"
	}
	for _, c := range found.Conversations {
		answer.Conversations = append(answer.Conversations, customerConversationOf(c))
	}
	return answer, nil
}

func customerConversationOf(c chat.CustomerConversation) customerConversation {
	return customerConversation{
		Key: c.Key.String(), Service: c.Key.Service(), Messages: decimal(c.Messages), Began: decimal(c.Began), Time: decimal(c.Time), PostProc: c.Status.PostProc,
		Assignee: decimal(c.Assignee.ID), AssigneeName: c.Assignee.Name,
		WaitingSince: decimal(c.Status.Sides[c.Key.Side(c.Key.Customer())].Since),
	}
}
