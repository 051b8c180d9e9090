package chat

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"slices"

	"parley/proto"
)

// What the store keeps of a conversation, in Row.State: some numbers that the
// server's own row does not have (see numbers), then an encoded
// proto.ConversationState, as of the heads among these numbers.

// numbers are uvarints, in this order.
type numbers struct {
	ackedDelivered, ackedRead uint64 // what of my marks the server is known to have
	min                       uint64
	unreadHead, unreadRead    uint64
	standingHead              uint64
}

func (n *numbers) all() []*uint64 {
	return []*uint64{&n.ackedDelivered, &n.ackedRead, &n.min, &n.unreadHead, &n.unreadRead, &n.standingHead}
}

// row encodes a conversation for the store.
func (c *conversation) row(self uint64) (Row, error) {
	s, mine := &c.status, c.key.Side(self)
	my, peer := s.Sides[mine], s.Sides[mine.Other()]
	assignee := c.names.of(s.Assignee)
	unreadCount, _ := c.unread.total(c.mine.read)
	mentions := uint32(c.group.mentions.total(c.mine.read))
	state := &proto.ConversationState{
		Key:              &c.name,
		HeadSeq:          &c.head,
		ReadSeq:          &c.mine.read,
		DeliveredSeq:     &c.mine.delivered,
		PeerReadSeq:      &c.peer.read,
		PeerDeliveredSeq: &c.peer.delivered,
		Unread:           &unreadCount,
		WaitingSince:     &peer.Since, WaitingSeq: &peer.Seq, PeerAnsweredThrough: &peer.AnsweredThrough,
		AwaitingSince: &my.Since, AwaitingSeq: &my.Seq, AnsweredThrough: &my.AnsweredThrough,
		OwnAfterRead: &c.unread.own,
		Last:         c.last.direct, LastService: c.last.service,
		PeerName: &c.names.peer, Blocked: &c.blocked,
		Pinned: &c.choices.pinned, Muted: &c.choices.muted,
		MarkedUnread: &c.choices.markedUnread, ArchivedThrough: &c.choices.archivedThrough,
		AssigneeId: &s.Assignee, AssigneeName: &assignee, PostProc: &s.PostProc,
		Role: &c.group.role, MemberCount: &c.group.members, GroupVersion: &c.group.version, UnreadMentions: &mentions,
		GroupPicture:  &c.group.picture,
		LastAnswerSeq: &s.LastAnswer, LastAnswerAgentId: &s.LastAnswerBy, Notes: &c.notes,
		RevisedSeq: &c.revisions.newest,
	}
	state.ProtoReflect().SetUnknown(c.unknown)
	encoded, err := proto.Marshal(state)
	if err != nil {
		return Row{}, err
	}
	n := numbers{c.acked.delivered, c.acked.read, c.min, c.unread.head, c.unread.read, c.status.head}
	var b []byte
	for _, number := range n.all() {
		b = binary.AppendUvarint(b, *number)
	}
	return Row{
		Key: c.name, State: append(b, encoded...), Ranges: c.stored,
		Delivered: slices.Clone(c.receiptTimes.delivered), Read: slices.Clone(c.receiptTimes.read),
		Revised: c.revisions.applied(), Opened: c.opened, Size: c.size,
	}, nil
}

var errRow = errors.New("a conversation's record is damaged")

// restore makes a conversation from what row encoded.
func restore(r Row, self uint64) (*conversation, error) {
	key, err := proto.ParseOpenKey(r.Key)
	if err != nil {
		return nil, errRow
	}
	b := r.State
	var n numbers
	// The first program wrote four of them, the last of which was unreadRead: then comes the state, and first in it the key.
	first := false
	for i, number := range n.all() {
		if first = i == 4 && bytes.HasPrefix(b, append([]byte{0x0A, byte(len(r.Key))}, r.Key...)); first {
			break
		}
		value, size := binary.Uvarint(b)
		if size <= 0 {
			return nil, errRow
		}
		*number, b = value, b[size:]
	}
	s := new(proto.ConversationState)
	if err := proto.UnmarshalOpen(b, s); err != nil {
		return nil, errRow
	}
	if first {
		n.unreadRead, n.unreadHead, n.standingHead = n.unreadHead, s.GetHeadSeq(), s.GetHeadSeq()
	}
	g := group{role: s.GetRole(), members: s.GetMemberCount(), picture: s.GetGroupPicture(), version: s.GetGroupVersion(), head: n.standingHead}
	g.mentions.row(n.standingHead, s.GetUnreadMentions())
	return &conversation{
		group: g, name: r.Key, key: key, head: s.GetHeadSeq(), min: n.min,
		stored:       r.Ranges,
		size:         cmp.Or(r.Size, count(r.Ranges)*usualSize),
		mine:         marks{s.GetDeliveredSeq(), s.GetReadSeq()},
		acked:        marks{n.ackedDelivered, n.ackedRead},
		peer:         marks{s.GetPeerDeliveredSeq(), s.GetPeerReadSeq()},
		receiptTimes: receiptTimes{r.Delivered, r.Read},
		unread:       unread{head: n.unreadHead, read: n.unreadRead, own: s.GetOwnAfterRead()},
		status: status{
			ConversationStatus: standingOf(s, key.Side(self)), head: n.standingHead, base: n.standingHead,
		}.begun(),
		names:      names{s.GetPeerName(), s.GetAssigneeName(), s.GetAssigneeId(), s.GetHeadSeq()},
		introduced: s.GetPeerName() != "", blocked: s.GetBlocked(), choices: choicesOf(s), notes: s.GetNotes(),
		revisions: revisions{known: r.Revised, newest: s.GetRevisedSeq()},
		last:      lastOf(s), unknown: s.ProtoReflect().GetUnknown(), opened: r.Opened,
	}, nil
}

// standingOf reads the status of a row that was made for somebody on a side.
func standingOf(s *proto.ConversationState, mine proto.Side) proto.ConversationStatus {
	var of proto.ConversationStatus
	of.Sides[mine] = proto.Waiting{AnsweredThrough: s.GetAnsweredThrough(), Seq: s.GetAwaitingSeq(), Since: s.GetAwaitingSince()}
	of.Sides[mine.Other()] = proto.Waiting{AnsweredThrough: s.GetPeerAnsweredThrough(), Seq: s.GetWaitingSeq(), Since: s.GetWaitingSince()}
	of.Assignee, of.PostProc = s.GetAssigneeId(), s.GetPostProc()
	of.LastAnswer, of.LastAnswerBy = s.GetLastAnswerSeq(), s.GetLastAnswerAgentId()
	return of
}

// lastOf is the newest entry that a row brings, if it does.
func lastOf(s *proto.ConversationState) entry {
	switch {
	case s.GetLast() != nil:
		return entry{seq: s.GetLast().GetSeq(), direct: s.GetLast()}
	case s.GetLastService() != nil:
		return entry{seq: s.GetLastService().GetSeq(), service: s.GetLastService()}
	}
	return entry{}
}
