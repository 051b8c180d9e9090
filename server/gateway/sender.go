package gateway

import (
	"context"
	"sync"
	"time"

	"parley/server/chat"
)

const (
	// senderTime is how long what is known of a user is not asked for again: so long
	// somebody who was blocked, or is an agent no more, may go on.
	senderTime = 5 * time.Second
	// maxSenders bounds those who are known at a time.
	maxSenders = 10_000
)

// senders are users who sent something a moment ago.
type senders struct {
	mu    sync.Mutex
	known map[uint64]sender
}

type sender struct {
	chat.Sender
	until time.Time
}

// sender returns who publishes as a user: the broker says who, and the history what
// they may. Of somebody who is new to it, it learns. Errors wrap a *proto.Refusal:
// NotAuthorized for those who are blocked.
func (g *Gateway) sender(ctx context.Context, user uint64) (chat.Sender, error) {
	now := time.Now()
	if one, ok := g.senders.get(user, now); ok {
		return one, nil
	}
	// The broker vouches for whatever token it let them in with: it is as good as one of now.
	credential := chat.Credential{Issued: now}
	u, err := g.service.Admit(ctx, user, credential)
	if err == nil && u.ID == 0 {
		err = g.service.Seen(ctx, chat.User{ID: user}, credential)
	}
	if err != nil {
		return chat.Sender{}, err
	}
	one := chat.Sender{User: user, Name: u.Name, Client: Client}
	if u.ServicesUntil == 0 || u.ServicesUntil > uint64(now.UnixMilli()) {
		one.Services = u.Services.All()
	}
	g.senders.put(user, sender{one, now.Add(senderTime)})
	return one, nil
}

func (s *senders) get(user uint64, now time.Time) (chat.Sender, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one, ok := s.known[user]
	return one.Sender, ok && now.Before(one.until)
}

func (s *senders) put(user uint64, one sender) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.known) >= maxSenders || s.known == nil {
		s.known = make(map[uint64]sender)
	}
	s.known[user] = one
}
