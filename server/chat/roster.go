package chat

import (
	"context"

	"parley/proto"
)

// GroupMember is a member of a group, as the others are shown them.
type GroupMember struct {
	ID   uint64
	Name string
	Role proto.GroupRole
	// Here is whether they are connected, if they share that.
	Here bool
}

// Roster is who is in a group.
type Roster struct {
	Group
	Head    uint64 // the newest entry that it is as of
	Own     proto.GroupRole
	Members []GroupMember // by their ids
}

// Roster returns who is in a group. Errors wrap a *proto.Refusal: NotAuthorized for who is
// not.
func (s *Service) Roster(ctx context.Context, who Sender, key proto.Key) (r Roster, err error) {
	var users []User
	err = s.store.Scan(ctx, func(v View) error {
		own, err := v.Member(key, who.User)
		if r.Own = own.Role; err != nil || r.Own == proto.GroupRole_GROUP_ROLE_NONE {
			return err
		}
		c, err := v.Conversation(key)
		if err != nil {
			return err
		}
		r.Head = c.Head
		if r.Group, err = v.Group(key); err != nil {
			return err
		}
		members, err := v.Members(key)
		for _, m := range members {
			if err != nil {
				return err
			}
			if m.Role == proto.GroupRole_GROUP_ROLE_NONE {
				continue
			}
			var u User
			u, err = v.User(m.User)
			users = append(users, u)
			r.Members = append(r.Members, GroupMember{ID: m.User, Name: u.Name, Role: m.Role})
		}
		return err
	})
	switch {
	case err != nil:
		return r, s.failed("the members could not be read", err)
	case r.Own == proto.GroupRole_GROUP_ROLE_NONE:
		return r, notInGroup()
	}
	for i, u := range users {
		r.Members[i].Here = !u.HidePresence && s.presence.online(r.Members[i].ID)
	}
	return r, nil
}

// Receipt of one member of a group: up to where entries were delivered to them and read by
// them, and when these watermarks rose there, Unix milliseconds, 0 if unknown.
type MemberReceipt struct {
	ID                      uint64
	Name                    string
	Delivered, Read         uint64
	DeliveredTime, ReadTime uint64
}

// Receipts returns up to where the other members of a group have read who were there when
// an entry was written; of entry 0 all who are there now. Errors wrap a *proto.Refusal:
// NotAuthorized for who is not in the group, or did not write the entry.
func (s *Service) Receipts(ctx context.Context, who Sender, key proto.Key, seq uint64) (receipts []MemberReceipt, err error) {
	refusal := notInGroup()
	err = s.store.Scan(ctx, func(v View) error {
		own, err := v.Member(key, who.User)
		if err != nil || own.Role == proto.GroupRole_GROUP_ROLE_NONE {
			return err
		}
		if seq != 0 {
			entry, err := v.First(key, seq-1)
			if err != nil || entry.Seq != seq || entry.Sender != who.User {
				refusal = proto.Refuse(proto.NotAuthorized, "seq: only who wrote an entry learns who has read it").Named("not-your-message")
				return err
			}
		}
		refusal = nil
		members, err := v.Members(key)
		for _, m := range members {
			if err != nil {
				return err
			}
			if m.Role == proto.GroupRole_GROUP_ROLE_NONE || m.User == who.User || seq != 0 && m.From > seq {
				continue
			}
			var u User
			u, err = v.User(m.User)
			receipts = append(receipts, MemberReceipt{m.User, u.Name, m.Delivered, m.Read, m.DeliveredTime, m.ReadTime})
		}
		return err
	})
	switch {
	case err != nil:
		return nil, s.failed("the receipts could not be read", err)
	case refusal != nil:
		return nil, refusal
	}
	return receipts, nil
}
