package chattest

import (
	"cmp"
	"errors"
	"maps"
	"slices"

	"parley/proto"
	"parley/server/chat"
)

// linkKey names one link to one group.
type linkKey struct {
	key proto.Key
	id  uint64
}

func (v memoryView) Group(key proto.Key) (chat.Group, error) {
	g, _ := lookup(v.s, func(s *memoryState) map[proto.Key]chat.Group { return s.groups }, key)
	return g, nil
}

func (v memoryView) Named(key proto.Key, through uint64) (chat.Entry, error) {
	for _, e := range slices.Backward(v.entries(key)) {
		if e.Seq <= through && (e.Type == proto.MessageType_MESSAGE_TYPE_GROUP_CREATE || e.Type == proto.MessageType_MESSAGE_TYPE_GROUP_RENAME) {
			e.Body, e.Mentions = nil, nil
			return e, nil
		}
	}
	return chat.Entry{}, nil
}

func (v memoryView) Authors(key proto.Key, after, through uint64, limit int) (users []uint64, err error) {
	for _, e := range slices.Backward(v.after(key, after)) {
		if e.Seq > through || e.Type.Control() {
			continue
		}
		if limit--; limit < 0 {
			break
		}
		users = append(users, e.Sender)
	}
	slices.Sort(users)
	return slices.Compact(users), nil
}

func (v memoryView) Present(key proto.Key) (users []uint64, err error) {
	members, err := v.Members(key)
	for _, m := range members {
		if m.Role != proto.GroupRole_GROUP_ROLE_NONE {
			users = append(users, m.User)
		}
	}
	return users, err
}

func mentions(user uint64) func(chat.Entry) bool {
	return func(e chat.Entry) bool {
		return e.Sender != user && (slices.Contains(e.Mentions, user) || slices.Contains(e.Mentions, proto.Everyone))
	}
}

func (v memoryView) firstMention(key proto.Key, user, after uint64) chat.Entry {
	return v.first(key, after, mentions(user))
}

func (v memoryView) FirstMention(key proto.Key, user, after uint64) (chat.Entry, error) {
	return v.firstMention(key, user, after), nil
}

func (v memoryView) CountMentions(key proto.Key, user, after uint64, limit int) (n int, err error) {
	wanted := mentions(user)
	for _, e := range v.after(key, after) {
		if wanted(e) {
			n++
		}
	}
	return min(n, max(0, limit)), nil
}

func (v memoryView) links() map[linkKey]chat.GroupLink {
	return rows(v.s, func(s *memoryState) map[linkKey]chat.GroupLink { return s.links })
}

func (v memoryView) GroupLink(secret [chat.LinkSecret]byte) (chat.GroupLink, error) {
	for _, l := range v.links() {
		if l.Secret == secret {
			return l, nil
		}
	}
	return chat.GroupLink{}, nil
}

func (v memoryView) GroupLinks(key proto.Key) ([]chat.GroupLink, error) {
	links := slices.DeleteFunc(slices.Collect(maps.Values(v.links())), func(l chat.GroupLink) bool { return l.Key != key })
	slices.SortFunc(links, func(x, y chat.GroupLink) int { return cmp.Compare(x.ID, y.ID) })
	return links, nil
}

func (t memoryTx) PutGroup(g chat.Group) error {
	t.s.groups[g.Key] = g
	return nil
}

func (t memoryTx) AddGroupLink(l chat.GroupLink) error {
	if taken, _ := t.GroupLink(l.Secret); taken != (chat.GroupLink{}) {
		return errors.New("add a link to a group: its secret is taken")
	}
	t.s.links[linkKey{l.Key, l.ID}] = l
	return nil
}

func (t memoryTx) DeleteGroupLink(key proto.Key, id uint64) error {
	t.s.links[linkKey{key, id}] = chat.GroupLink{}
	return nil
}
