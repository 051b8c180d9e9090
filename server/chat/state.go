package chat

import (
	"slices"

	"parley/proto"
)

// state is what a user needs to know of a conversation of theirs, or of a
// service that they answer for, apart from its newest entry.
func state(v View, user uint64, key proto.Key) (*proto.ConversationState, error) {
	c, err := v.Conversation(key)
	if err != nil {
		return nil, err
	}
	m, err := v.Member(key, user)
	if err != nil {
		return nil, err
	}
	if m == (Member{}) && !key.Has(user) { // an agent who wrote and read nothing has no row
		m.begin(c)
	}
	m.Key, m.User = key, user
	unread, err := unread(v, c, m)
	if err != nil {
		return nil, err
	}
	mine, theirs := c.Status.Sides[key.Side(user)], c.Status.Sides[key.Side(user).Other()]
	name, silent := key.String(), c.Head-m.Read-unread
	row := &proto.ConversationState{
		Key: &name, HeadSeq: &c.Head, ReadSeq: &m.Read, DeliveredSeq: &m.Delivered,
		Unread: &unread, OwnAfterRead: &silent,
		WaitingSince: &theirs.Since, WaitingSeq: &theirs.Seq, PeerAnsweredThrough: &theirs.AnsweredThrough,
		AwaitingSince: &mine.Since, AwaitingSeq: &mine.Seq, AnsweredThrough: &mine.AnsweredThrough,
	}
	if c.Min > 1 {
		row.MinSeq = &c.Min
	}
	row.RevisedSeq = known(c.Revised)
	m.Choices.show(row)
	if key.Kind() == proto.Service {
		err = serviceState(v, row, c, user)
	} else {
		if m.Blocks {
			row.Blocked = &m.Blocks
		}
		err = directState(v, row, key, key.Peer(user))
	}
	return row, err
}

// directState adds what is only between two users.
func directState(v View, row *proto.ConversationState, key proto.Key, other uint64) error {
	peer, err := v.Member(key, other)
	if err != nil {
		return err
	}
	peer.show(row)
	row.PeerName, err = nameOf(v, other)
	return err
}

// serviceState adds what only service conversations have. The customer is not
// told which agents there are.
func serviceState(v View, row *proto.ConversationState, c Conversation, user uint64) error {
	now := c.Status
	if now.PostProc != 0 {
		row.PostProc = &now.PostProc
	}
	if now.LastAnswer != 0 {
		row.LastAnswerSeq = &now.LastAnswer
	}
	customer := c.Key.Customer()
	if user == customer {
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

// show puts the other side's watermarks into a row.
func (m *Member) show(row *proto.ConversationState) {
	row.PeerReadSeq, row.PeerDeliveredSeq = &m.Read, &m.Delivered
	row.PeerReadTime, row.PeerDeliveredTime = known(m.ReadTime), known(m.DeliveredTime)
}

// nameOf returns a user's name, nil if there is none.
func nameOf(v View, id uint64) (*string, error) {
	u, err := v.User(id)
	if err != nil || u.Name == "" {
		return nil, err
	}
	return &u.Name, nil
}

// last adds a preview of the newest entry that the user may see.
func last(v View, row *proto.ConversationState, key proto.Key, user uint64) error {
	newest, err := lastShown(v, key)
	if err != nil || newest.Seq == 0 {
		return err
	}
	if key.Kind() == proto.Direct {
		m := new(proto.Message)
		if err := decode(newest, m); err != nil {
			return err
		}
		row.Last = previewOf(m)
		return nil
	}
	m := new(proto.ServiceMessage)
	if err := decode(newest, m); err != nil {
		return err
	}
	if key.Has(user) {
		m = forCustomer(m)
	}
	row.LastService = servicePreviewOf(m)
	return nil
}

// maxSpeaking bounds how many entries that speak of others are passed over in the search
// for the newest that is to be shown.
const maxSpeaking = 100

// lastShown is the newest entry that does not only speak of another, or, of very many of
// these, the newest.
func lastShown(v View, key proto.Key) (Entry, error) {
	entries, err := v.Entries(key, 0, 0, 1, true)
	if err != nil || len(entries) == 0 {
		return Entry{}, err
	}
	newest := entries[0]
	if !newest.Type.Revises() {
		return newest, nil
	}
	entries, err = v.Entries(key, 0, newest.Seq, maxSpeaking, true)
	for _, e := range slices.Backward(entries) {
		if !e.Type.Revises() {
			return e, nil
		}
	}
	return newest, err
}
