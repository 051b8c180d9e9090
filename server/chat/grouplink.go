package chat

import (
	"context"
	"io"
	"slices"
	"time"

	"parley/proto"
)

const (
	// MaxGroupLinks is how many links to a group there are at most.
	MaxGroupLinks = 20
	// MaxLinkTime is how long a link counts at most that is not for ever.
	MaxLinkTime = 365 * 24 * time.Hour
)

// AddGroupLink makes a link by which whoever has it joins a group, for so long; 0 is until
// it is withdrawn. Errors wrap a *proto.Refusal: NotAuthorized for who is no admin.
func (s *Service) AddGroupLink(ctx context.Context, who Sender, key proto.Key, lasts time.Duration) (GroupLink, error) {
	if err := anonymous(who); err != nil {
		return GroupLink{}, err
	}
	if lasts < 0 || lasts > MaxLinkTime {
		return GroupLink{}, proto.Refuse(proto.PayloadFormatInvalid, "expires_in is %d s: want 1 to %d, or 0 for a link that stays", int64(lasts.Seconds()), int64(MaxLinkTime.Seconds()))
	}
	r := &linkAddition{GroupLink{Key: key, Author: who.User}, lasts}
	id, err := s.randomID()
	if err == nil {
		r.link.ID = id
		_, err = io.ReadFull(s.random, r.link.Secret[:])
	}
	if err != nil {
		return GroupLink{}, temporary("not stored", err)
	}
	return answerOf(ctx, s.commitOne, r, &r.link)
}

type linkAddition struct {
	link  GroupLink
	lasts time.Duration
}

func (r *linkAddition) apply(b *batch) (Result, error) {
	refusal, err := b.onlyAdmin(r.link.Key, r.link.Author)
	if err != nil || refusal != nil {
		return Result{Err: refusal}, err
	}
	links, err := b.tx.GroupLinks(r.link.Key)
	if err != nil {
		return Result{}, err
	}
	if len(links) >= MaxGroupLinks {
		return Result{Err: proto.Refuse(proto.ImplementationSpecific, "the group has %d links, which is the most: withdraw one first", MaxGroupLinks).Named("too-many-links", MaxGroupLinks)}, nil
	}
	if r.link.Made = b.now; r.lasts > 0 {
		r.link.Expires = b.now + uint64(r.lasts.Milliseconds())
	}
	return Result{}, b.tx.AddGroupLink(r.link)
}

// onlyAdmin refuses who is neither a group's owner nor one of its admins.
func (b *batch) onlyAdmin(key proto.Key, user uint64) (refusal, err error) {
	m, err := b.member(key, user)
	switch {
	case err != nil:
		return nil, err
	case m.Role == proto.GroupRole_GROUP_ROLE_NONE:
		return notInGroup(), nil
	case m.Role < proto.GroupRole_GROUP_ROLE_ADMIN:
		return onlyAdmins(), nil
	}
	return nil, nil
}

// DeleteGroupLink withdraws a link; one that there is not is withdrawn already. Errors wrap
// a *proto.Refusal: NotAuthorized for who is no admin.
func (s *Service) DeleteGroupLink(ctx context.Context, who Sender, key proto.Key, id uint64) error {
	if err := anonymous(who); err != nil {
		return err
	}
	_, err := s.commitOne(ctx, &linkDeletion{key, who.User, id})
	return err
}

type linkDeletion struct {
	key      proto.Key
	user, id uint64
}

func (r *linkDeletion) apply(b *batch) (Result, error) {
	refusal, err := b.onlyAdmin(r.key, r.user)
	if err != nil || refusal != nil {
		return Result{Err: refusal}, err
	}
	return Result{}, b.tx.DeleteGroupLink(r.key, r.id)
}

// GroupLinks returns the links to a group that count, the newest first. Errors wrap a
// *proto.Refusal: NotAuthorized for who is no admin.
func (s *Service) GroupLinks(ctx context.Context, who Sender, key proto.Key) (links []GroupLink, err error) {
	own := Member{}
	now := s.millis()
	err = s.store.Scan(ctx, func(v View) error {
		if own, err = v.Member(key, who.User); err == nil {
			links, err = v.GroupLinks(key)
		}
		return err
	})
	switch {
	case err != nil:
		return nil, s.failed("the links could not be read", err)
	case own.Role == proto.GroupRole_GROUP_ROLE_NONE:
		return nil, notInGroup()
	case own.Role < proto.GroupRole_GROUP_ROLE_ADMIN:
		return nil, onlyAdmins()
	}
	links = slices.DeleteFunc(links, func(l GroupLink) bool { return l.expired(now) })
	slices.SortFunc(links, func(x, y GroupLink) int { return int(int64(y.Made - x.Made)) })
	return links, nil
}

func (l GroupLink) expired(now uint64) bool { return l.Expires != 0 && now >= l.Expires }

func noSuchLink() error {
	return proto.Refuse(proto.NotAuthorized, "this link lets nobody in any more: ask for a new one").Named("link-invalid")
}

// LinkedGroup returns the group that a link leads to, for whoever has it. Errors wrap a
// *proto.Refusal: NotAuthorized if the link does not count.
func (s *Service) LinkedGroup(ctx context.Context, secret [LinkSecret]byte) (g Group, err error) {
	now := s.millis()
	err = s.store.View(ctx, func(v View) error {
		l, err := v.GroupLink(secret)
		if err != nil || l == (GroupLink{}) || l.expired(now) {
			return err
		}
		g, err = v.Group(l.Key)
		return err
	})
	switch {
	case err != nil:
		return g, s.failed("the link could not be read", err)
	case g.Members == 0:
		return g, noSuchLink()
	}
	return g, nil
}

func wasRemoved() error {
	return proto.Refuse(proto.NotAuthorized, "you were removed from this group, and a link does not let you in again: ask its owner or an admin to add you").Named("removed-from-group")
}

// JoinGroup lets a user into a group by a link, and returns its key; who is in it already is
// let in. Errors wrap a *proto.Refusal: NotAuthorized if the link does not count, or not for
// the user, who was removed.
func (s *Service) JoinGroup(ctx context.Context, who Sender, secret [LinkSecret]byte) (proto.Key, error) {
	if err := anonymous(who); err != nil {
		return proto.Key{}, err
	}
	r := &groupJoin{secret: secret, groupChange: groupChange{by: who.User, link: true, quota: s.quotas.of(who)}}
	r.Type, r.Users = proto.MessageType_MESSAGE_TYPE_GROUP_JOIN, []uint64{who.User}
	var err error
	if r.Ref, err = s.ref(nil, nil); err != nil {
		return proto.Key{}, err
	}
	_, err = s.commitOne(ctx, r)
	return r.Key, err
}

// groupJoin is somebody who comes by a link.
type groupJoin struct {
	groupChange
	secret [LinkSecret]byte
}

func (r *groupJoin) apply(b *batch) (Result, error) {
	l, err := b.tx.GroupLink(r.secret)
	if err != nil {
		return Result{}, err
	}
	if l == (GroupLink{}) || l.expired(b.now) {
		return Result{Err: noSuchLink()}, nil
	}
	g, err := b.group(l.Key)
	if err != nil {
		return Result{}, err
	}
	if g.Members == 0 { // everybody left
		return Result{Err: noSuchLink()}, nil
	}
	r.Key = l.Key
	removed, err := r.removed(b)
	if err != nil || removed {
		return Result{Err: wasRemoved()}, err
	}
	return r.groupChange.apply(b)
}

// removed reports whether the user was in the group, and was removed by another: then the
// last entry that they may read says so.
func (r *groupJoin) removed(b *batch) (bool, error) {
	own, err := b.member(r.Key, r.by)
	if err != nil || own.Role != proto.GroupRole_GROUP_ROLE_NONE || own.Until == 0 {
		return false, err
	}
	last, err := b.tx.Entries(r.Key, own.Until-1, own.Until+1, 1, false)
	return len(last) > 0 && last[0].Type == proto.MessageType_MESSAGE_TYPE_GROUP_REMOVE, err
}
