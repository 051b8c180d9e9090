package chat

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
)

// maxAnswer bounds one answer on down/unread, in bytes: well below
// proto.MaxPacket, with room for a message of the longest content.
const maxAnswer = 48 << 10

// maxToken is the longest token there is, in bytes, with room for later versions.
const maxToken = 128

// position is what a sync token holds: whose history, and the change number up
// to which the client knows it.
type position struct {
	epoch, rev uint64
}

func (p position) String() string { return fmt.Sprintf("v1.%d.%d", p.epoch, p.rev) }

// parsePosition returns the zero position for what String never made: that asks for everything.
func parsePosition(token string) (p position) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 || parts[0] != "v1" {
		return position{}
	}
	epoch, err := strconv.ParseUint(parts[1], 10, 64)
	if err != nil {
		return position{}
	}
	rev, err := strconv.ParseUint(parts[2], 10, 64)
	if err != nil {
		return position{}
	}
	return position{epoch, rev}
}

// changes is what one user needs to know, in the order of changes.
type changes struct {
	since  string   // the token that asked for them
	after  position // where they begin
	states []*proto.ConversationState
	revs   []uint64 // the change number of each state
	more   bool     // others follow
}

// end is the position of a client that knows all of c.
func (c *changes) end() position {
	if n := len(c.revs); n > 0 {
		return position{c.after.epoch, c.revs[n-1]}
	}
	return c.after
}

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
	head := &changes{c.since, c.after, c.states[:n], c.revs[:n], c.more || n < len(c.states)}
	c.after, c.states, c.revs = head.end(), c.states[n:], c.revs[n:]
	c.since = c.after.String()
	return head
}

// Conversations returns what changed for a user since the token of an earlier
// answer; an empty, foreign or outdated token asks for everything. At most
// proto.MaxStates rows: More says that others follow under the new token.
// Errors wrap a *proto.Refusal.
func (s *Service) Conversations(ctx context.Context, user uint64, token string) (*proto.BaseUserUnreadStatics, error) {
	c, err := s.changes(ctx, user, token)
	if err != nil {
		return nil, err
	}
	return s.answer(c), nil
}

// sync answers a SyncRequest on the user's down/unread, in as many
// publications as it takes.
func (s *Service) sync(ctx context.Context, from Sender, payload []byte) error {
	if err := anonymous(from); err != nil {
		return err
	}
	var request proto.SyncRequest
	if err := proto.Unmarshal(payload, &request); err != nil {
		return err
	}
	for token, more := request.GetToken(), true; more; {
		c, err := s.changes(ctx, from.User, token)
		if err != nil {
			return err
		}
		token, more = c.end().String(), c.more
		for {
			part := c.cut(maxAnswer)
			payload, err := proto.Marshal(s.answer(part))
			if err != nil {
				return s.failed("the answer could not be made", err)
			}
			s.fanout.Publish(from.User, proto.BranchUnread, payload)
			if len(c.states) == 0 {
				break
			}
		}
	}
	return nil
}

func (s *Service) answer(c *changes) *proto.BaseUserUnreadStatics {
	epoch, token, more, now := s.store.Epoch(), c.end().String(), c.more, uint64(max(0, s.now().UnixMilli()))
	answer := &proto.BaseUserUnreadStatics{
		Epoch: &epoch, Token: &token, Conversations: c.states, ServerTime: &now,
	}
	// Even a token that means nothing here is named: the answer is to it. One that
	// is too long to be any server's would only fill the packet.
	if len(c.since) <= maxToken {
		answer.Since = &c.since
	}
	if more {
		answer.More = &more
	}
	return answer
}

// changes reads the rows after a token, proto.MaxStates at most, from one snapshot.
func (s *Service) changes(ctx context.Context, user uint64, token string) (*changes, error) {
	after := parsePosition(token)
	c := &changes{since: token, after: after}
	err := s.store.View(ctx, func(v View) error {
		newest, err := v.Rev()
		if err != nil {
			return err
		}
		// Another history, or one that lost its end: what the client knows is void.
		if after.epoch != s.store.Epoch() || after.rev > newest {
			c.after = position{epoch: s.store.Epoch()}
		}
		members, err := v.Changed(user, c.after.rev, proto.MaxStates+1)
		if err != nil {
			return err
		}
		if len(members) > proto.MaxStates {
			members, c.more = members[:proto.MaxStates], true
		}
		for _, m := range members {
			state, err := state(v, m)
			if err != nil {
				return err
			}
			c.states = append(c.states, state)
			c.revs = append(c.revs, m.Rev)
		}
		return nil
	})
	if err != nil {
		return nil, s.failed("the conversations could not be read", err)
	}
	return c, nil
}

// state is what m's user needs to know of the conversation.
func state(v View, m Member) (*proto.ConversationState, error) {
	c, err := v.Conversation(m.Key)
	if err != nil {
		return nil, err
	}
	peer, err := v.Member(m.Key, m.Key.Peer(m.User))
	if err != nil {
		return nil, err
	}
	own, err := v.CountBy(m.Key, m.User, m.Read)
	if err != nil {
		return nil, err
	}
	key, unread := m.Key.String(), proto.Unread(c.Head, m.Read, own)
	state := &proto.ConversationState{
		Key: &key, HeadSeq: &c.Head,
		ReadSeq: &m.Read, DeliveredSeq: &m.Delivered,
		PeerReadSeq: &peer.Read, PeerDeliveredSeq: &peer.Delivered,
		Unread: &unread, WaitingSince: &peer.Waiting.Since, AwaitingSince: &m.Waiting.Since,
	}
	name, err := v.User(m.Key.Peer(m.User))
	if err != nil {
		return nil, err
	}
	if name.Name != "" {
		state.PeerName = &name.Name
	}
	last, err := v.Entries(m.Key, 0, 0, 1, true)
	if err != nil || len(last) == 0 {
		return state, err
	}
	state.Last = new(proto.Message)
	return state, decode(last[0], state.Last)
}
