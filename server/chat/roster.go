package chat

import (
	"context"

	"parley/proto"
)

// Roster returns who is in a group. Errors wrap a *proto.Refusal: NotAuthorized for who is
// not.
func (s *Service) Roster(ctx context.Context, who Sender, key proto.Key) (*proto.GroupRoster, error) {
	var roster *proto.GroupRoster
	err := s.store.Scan(ctx, func(v View) error {
		own, err := v.Member(key, who.User)
		if err != nil || own.Role == proto.GroupRole_GROUP_ROLE_NONE {
			return err
		}
		c, err := v.Conversation(key)
		if err != nil {
			return err
		}
		g, err := v.Group(key)
		if err != nil {
			return err
		}
		group := key.Group()
		roster = &proto.GroupRoster{GroupId: &group, Name: &g.Name, HeadSeq: &c.Head, GroupVersion: &g.Version, WholeHistory: &g.Whole}
		roster.Members, err = s.members(v, key, func(Member) bool { return true })
		return err
	})
	switch {
	case err != nil:
		return nil, s.failed("the members could not be read", err)
	case roster == nil:
		return nil, notInGroup()
	}
	return roster, nil
}

// members returns some of those who are in a group, by their ids.
func (s *Service) members(v View, key proto.Key, wanted func(Member) bool) (members []*proto.GroupMember, err error) {
	all, err := v.Members(key)
	if err != nil {
		return nil, err
	}
	for _, m := range all {
		if m.Role == proto.GroupRole_GROUP_ROLE_NONE || !wanted(m) {
			continue
		}
		u, err := v.User(m.User)
		if err != nil {
			return nil, err
		}
		shown := &proto.GroupMember{
			UserId: &m.User, Name: &u.Name, Role: &m.Role, FromSeq: &m.From,
			DeliveredSeq: &m.Delivered, ReadSeq: &m.Read, DeliveredTime: known(m.DeliveredTime), ReadTime: known(m.ReadTime),
		}
		if here := s.presence.online(m.User); here && !u.HidePresence {
			shown.Online = &here
		}
		members = append(members, shown)
	}
	return members, nil
}

// Receipts returns the other members of a group who were there when an entry was written,
// with up to where they have read; of entry 0 all who are there now. Errors wrap a
// *proto.Refusal: NotAuthorized for who is not in the group, or did not write the entry.
func (s *Service) Receipts(ctx context.Context, who Sender, key proto.Key, seq uint64) (members []*proto.GroupMember, err error) {
	refusal := notInGroup()
	err = s.store.Scan(ctx, func(v View) error {
		own, err := v.Member(key, who.User)
		if err != nil || own.Role == proto.GroupRole_GROUP_ROLE_NONE {
			return err
		}
		if seq != 0 {
			entry, err := v.First(key, seq-1)
			if err != nil || entry.Seq != seq || entry.Sender != who.User {
				refusal = proto.Refuse(proto.NotAuthorized, "seq: only who wrote an entry learns who has read it").Named("not-author")
				return err
			}
		}
		refusal = nil
		members, err = s.members(v, key, func(m Member) bool { return m.User != who.User && (seq == 0 || m.From <= seq) })
		return err
	})
	switch {
	case err != nil:
		return nil, s.failed("the receipts could not be read", err)
	case refusal != nil:
		return nil, refusal
	}
	return members, nil
}
