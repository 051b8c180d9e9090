package chat

import (
	"context"
	"errors"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
)

// maxAnswer bounds one answer on down/unread, in bytes, as long as one row fits: a
// message that comes amid a sync on a slow line waits for little of it.
const maxAnswer = 16 << 10

// changes is what one user needs to know, in the order of changes.
type changes struct {
	tokens *tokens
	since  string   // the token that asked for them
	after  position // where they begin
	states []*proto.ConversationState
	revs   []uint64 // the change number of each state
	more   bool     // others follow
	totals *Totals  // nil while others follow
	pushed bool     // nobody asked for them
}

// end is the position of a client that knows all of c.
func (c *changes) end() position {
	if n := len(c.revs); n > 0 {
		end := c.after
		end.rev = c.revs[n-1]
		return end
	}
	return c.after
}

// token is that of a client that knows all of c.
func (c *changes) token() string { return c.tokens.of(c.end()) }

// cut splits off the first states that together have at most size bytes, one at least if there is one.
func (c *changes) cut(size int) *changes {
	n, total := 0, 0
	for n < len(c.states) {
		total += protobuf.Size(c.states[n]) + 8 // tag and length
		if n > 0 && total > size {
			break
		}
		n++
	}
	head := &changes{c.tokens, c.since, c.after, c.states[:n], c.revs[:n], c.more || n < len(c.states), nil, c.pushed}
	if !head.more {
		head.totals = c.totals
	}
	c.after, c.states, c.revs = head.end(), c.states[n:], c.revs[n:]
	c.since = c.tokens.of(c.after)
	return head
}

// Conversations returns what changed for a user since the token of an earlier
// answer; an empty, foreign or outdated token asks for everything. At most
// proto.MaxStates rows: More says that others follow under the new token.
// Errors wrap a *proto.Refusal.
func (s *Service) Conversations(ctx context.Context, who Sender, token string) (*proto.BaseUserUnreadStatics, error) {
	c, err := s.changes(ctx, who, token, false)
	if err != nil {
		return nil, err
	}
	return s.answer(c), nil
}

// Sync takes a SyncRequest and returns what answers it: it tells the connection
// that asked, and no other, what changed, then the user's settings and who is
// here. That takes as long as the connection takes to receive it, and longer for
// a user who asks for much (see paces), so whoever cannot wait runs it elsewhere.
// It ends with its context at the latest; its errors wrap a *proto.Refusal, unless
// they are PublishTo's.
func (s *Service) Sync(from Sender, payload []byte) (answer func(context.Context) error, _ error) {
	if err := anonymous(from); err != nil {
		return nil, err
	}
	var request proto.SyncRequest
	if err := proto.Unmarshal(payload, &request); err != nil {
		return nil, err
	}
	s.alive(from.User)
	return func(ctx context.Context) error { return s.sync(ctx, from, request.GetToken()) }, nil
}

func (s *Service) sync(ctx context.Context, from Sender, token string) error {
	turn, err := s.begin(ctx, from.User)
	if err != nil {
		return err
	}
	defer turn.end()
	tell := func(branch proto.Branch, payload []byte) error {
		if err := turn.rest(ctx); err != nil {
			return err
		}
		defer turn.goOn()
		return s.fanout.PublishTo(ctx, from.User, from.Client, branch, payload)
	}
	for more := true; more; {
		c, err := s.changes(ctx, from, token, false)
		if err != nil {
			return err
		}
		token, more = c.token(), c.more
		if end := c.end(); !more && s.presence.local(from.User) {
			s.updates.begin(from.User, point{end.rev, end.start})
		}
		if err := s.publishChanges(c, tell); err != nil {
			return err
		}
	}
	if err := s.tellSettings(ctx, from.User, tell); err != nil {
		return err
	}
	return s.whoIsHere(ctx, from, tell)
}

// Missed is what tells a connection on down/unread that it was not told all there
// is, and that it should sync.
func (s *Service) Missed() ([]byte, error) {
	epoch, token, sync := s.epoch.Load(), "", true
	return proto.Marshal(&proto.BaseUserUnreadStatics{Epoch: &epoch, Token: &token, Sync: &sync})
}

// publishChanges tells them in as many publications as it takes, one at least.
// c is used up.
func (s *Service) publishChanges(c *changes, tell func(proto.Branch, []byte) error) error {
	for {
		part := c.cut(maxAnswer)
		payload, err := proto.Marshal(s.answer(part))
		if err != nil {
			return s.failed("the answer could not be made", err)
		}
		if err := tell(proto.BranchUnread, payload); err != nil || len(c.states) == 0 {
			return err
		}
	}
}

func (s *Service) answer(c *changes) *proto.BaseUserUnreadStatics {
	epoch, token, more := c.after.epoch, c.token(), c.more
	answer := &proto.BaseUserUnreadStatics{Epoch: &epoch, Token: &token, Conversations: c.states}
	if !c.pushed { // the time of an answer that nobody waited for measures no clock
		now := uint64(max(0, s.now().UnixMilli()))
		answer.ServerTime = &now
	}
	// Even a token that means nothing here is named: the answer is to it. One that
	// is too long to be any server's would only fill the packet.
	if len(c.since) <= maxToken {
		answer.Since = &c.since
	}
	if more {
		answer.More = &more
	}
	if c.totals != nil {
		answer.TotalUnread, answer.UnreadConversations, answer.WaitingConversations = &c.totals.Unread, &c.totals.UnreadConversations, &c.totals.Waiting
	}
	return answer
}

// changes reads the rows after a token, proto.MaxStates at most, and where no
// more follow the totals, from one snapshot. What there is to sum up first is
// read in parts, between which others have their turn. Rows that are pushed, as
// nobody asked for them, have no preview: their newest entry went out by itself. Of
// a token that proves that the history lost something, a new epoch begins before it
// is answered.
func (s *Service) changes(ctx context.Context, who Sender, token string, pushed bool) (*changes, error) {
	c, err := s.readChanges(ctx, who, token, pushed)
	if errors.Is(err, errFuture) {
		s.log.Warn("a client knows what the history does not: a backup was put back", "user", who.User)
		if err := s.replaceEpoch(ctx, s.tokens.read(token).epoch); err != nil {
			return nil, err
		}
		c, err = s.readChanges(ctx, who, token, pushed)
	}
	if err != nil {
		return nil, s.failed("the conversations could not be read", err)
	}
	return c, nil
}

func (s *Service) readChanges(ctx context.Context, who Sender, token string, pushed bool) (*changes, error) {
	t := s.totalsCache.of(who.User)
	c, err := s.scanChanges(ctx, who, token, pushed, t)
	for err == nil && !c.more && c.totals == nil {
		if err = s.sumUp(ctx, who, t); err == nil {
			c, err = s.scanChanges(ctx, who, token, pushed, t)
		}
	}
	return c, err
}

// sumUp sums up what is far behind of a user's totals.
func (s *Service) sumUp(ctx context.Context, who Sender, t *userTotals) (err error) {
	for sum := (*Totals)(nil); err == nil && sum == nil; {
		err = s.store.Scan(ctx, func(v View) (err error) {
			sum, err = s.totalsCache.totals(t, v, who.User, ServicesOf(who.Services))
			return err
		})
	}
	return err
}

// scanChanges reads what changes returns, without totals while a part of them
// has to be summed up yet.
func (s *Service) scanChanges(ctx context.Context, who Sender, token string, pushed bool, t *userTotals) (*changes, error) {
	after, services := s.tokens.read(token), ServicesOf(who.Services)
	c := &changes{tokens: &s.tokens, since: token, after: after, pushed: pushed}
	err := s.store.Scan(ctx, func(v View) error {
		newest, err := v.Rev()
		if err != nil {
			return err
		}
		epoch, err := v.Epoch()
		if err != nil {
			return err
		}
		switch ahead, err := after.ahead(v, epoch); {
		case err != nil:
			return err
		case ahead:
			return errFuture
		}
		// Another history, or by an old token one that lost its end: what the client
		// knows is void. Of a service that is new to it, it knows nothing yet.
		if after.epoch != epoch || after.rev > newest || services&^after.services != 0 {
			c.after = position{epoch: epoch}
		}
		c.after.services = services
		if c.after.start, err = s.startIn(v); err != nil {
			return err
		}
		changed, err := v.Changed(who.User, services, c.after.rev, proto.MaxStates+1)
		if err != nil {
			return err
		}
		if len(changed) > proto.MaxStates {
			changed, c.more = changed[:proto.MaxStates], true
		}
		for _, one := range changed {
			row, err := state(v, who.User, one.Key)
			if err == nil && (!pushed || c.after.rev == 0) {
				err = last(v, row, one.Key, who.User)
			}
			if err != nil {
				return err
			}
			c.states = append(c.states, row)
			c.revs = append(c.revs, one.Rev)
		}
		if c.more {
			return nil
		}
		c.totals, err = s.totalsCache.totals(t, v, who.User, services)
		return err
	})
	return c, err
}
