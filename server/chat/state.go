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
	if m == (Member{}) && key.Agent(user) { // who wrote and read nothing has no row
		m.begin(c)
	}
	m.Key, m.User = key, user
	kind := kindOf(key)
	head, oldest := kind.access(m).narrow(c.Head, c.Min)
	unread, err := unread(v, c, m)
	if err != nil {
		return nil, err
	}
	mine, theirs, err := kind.waiting(v, c, m)
	if err != nil {
		return nil, err
	}
	name, silent := key.String(), head-m.Read-unread
	row := &proto.ConversationState{
		Key: &name, HeadSeq: &head, ReadSeq: &m.Read, DeliveredSeq: &m.Delivered,
		Unread: &unread, OwnAfterRead: &silent,
		WaitingSince: &theirs.Since, WaitingSeq: &theirs.Seq, PeerAnsweredThrough: &theirs.AnsweredThrough,
		AwaitingSince: &mine.Since, AwaitingSeq: &mine.Seq, AnsweredThrough: &mine.AnsweredThrough,
	}
	if oldest > 1 {
		row.MinSeq = &oldest
	}
	row.RevisedSeq = known(c.Revised)
	m.Choices.show(row)
	return row, kind.fill(v, row, c, m)
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
	m, err := v.Member(key, user)
	if err != nil {
		return err
	}
	kind := kindOf(key)
	newest, err := kind.access(m).lastShown(v, key)
	if err != nil || newest.Seq == 0 {
		return err
	}
	shown, err := kind.copies(user, key, []Entry{newest})
	if err != nil {
		return err
	}
	if key.Kind() == proto.Service {
		m := new(proto.ServiceMessage)
		if err := decode(shown[0], m); err != nil {
			return err
		}
		row.LastService = servicePreviewOf(m)
		return nil
	}
	written := new(proto.Message)
	if err := decode(shown[0], written); err != nil {
		return err
	}
	row.Last = previewOf(written)
	return nil
}

// maxSpeaking bounds how many entries that speak of others are passed over in the search
// for the newest that is to be shown.
const maxSpeaking = 100

// lastShown is the newest entry that does not only speak of another, or, of very many of
// these, the newest.
func (a access) lastShown(v View, key proto.Key) (Entry, error) {
	entries, err := a.entries(v, key, Window{Limit: 1})
	if err != nil || len(entries) == 0 {
		return Entry{}, err
	}
	newest := entries[0]
	if !newest.Type.Revises() {
		return newest, nil
	}
	entries, err = a.entries(v, key, Window{Before: newest.Seq, Limit: maxSpeaking})
	for _, e := range slices.Backward(entries) {
		if !e.Type.Revises() {
			return e, nil
		}
	}
	return newest, err
}
