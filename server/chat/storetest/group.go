package storetest

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"parley/proto"
	"parley/server/chat"
)

const high64 = math.MaxUint64

// groups has Ann and Ben in a group that Cem has left.
func groups(t *testing.T, open History) {
	s := open()
	const ann, ben, cem, dan = 3, 1 << 63, high64, 7
	key := proto.GroupKey(high64 - 1)
	want(t, "no group", get(t, s, func(v chat.View) (chat.Group, error) { return v.Group(key) }), chat.Group{})
	want(t, "nobody in it", get(t, s, func(v chat.View) ([]uint64, error) { return v.Present(key) }), nil)
	group := chat.Group{Key: key, Name: "the team 团队", Whole: true, Members: 2, Version: 5, Picture: high64}
	left := chat.Member{Key: key, User: cem, Rev: 4, From: 1, Until: high64 - 7, Answered: 2, Own: 1, Choices: chat.Choices{Muted: true}}
	update(t, s, func(tx chat.Tx) error {
		return errors.Join(
			tx.PutConversation(chat.Conversation{Key: key, Head: 9, Min: 1, Rev: 6, Counted: [2]uint64{8, 8}}),
			tx.PutGroup(chat.Group{Key: key, Name: "first", Members: 3, Version: 1}), tx.PutGroup(group),
			tx.PutMember(chat.Member{Key: key, User: ann, Rev: 2, Own: 3, Seen: 1, Role: proto.GroupRole_GROUP_ROLE_OWNER, From: 1}),
			tx.PutMember(chat.Member{Key: key, User: ben, Rev: 8, Own: 1, Seen: 7, Role: proto.GroupRole_GROUP_ROLE_MEMBER, From: 9, Answered: 1 << 63}),
			tx.PutMember(chat.Member{Key: key, User: cem, Rev: 3, Role: proto.GroupRole_GROUP_ROLE_ADMIN, From: 1}), tx.PutMember(left),
		)
	})
	for seq, kind := range []proto.MessageType{proto.MessageType_MESSAGE_TYPE_GROUP_CREATE, proto.MessageType_MESSAGE_TYPE_TEXT, proto.MessageType_MESSAGE_TYPE_GROUP_JOIN,
		proto.MessageType_MESSAGE_TYPE_EDIT, proto.MessageType_MESSAGE_TYPE_GROUP_RENAME, proto.MessageType_MESSAGE_TYPE_GROUP_ROLE} {
		e := entry(key, uint64(seq)+1, 100+uint64(seq), ann)
		e.Type = kind
		add(t, s, e)
	}
	for range 2 {
		want(t, "Group", get(t, s, func(v chat.View) (chat.Group, error) { return v.Group(key) }), group)
		want(t, "Present", get(t, s, func(v chat.View) ([]uint64, error) { return v.Present(key) }), []uint64{ann, ben})
		want(t, "who left", get(t, s, func(v chat.View) (chat.Member, error) { return v.Member(key, cem) }), left)
		named := func(through uint64) uint64 {
			t.Helper()
			return get(t, s, func(v chat.View) (uint64, error) {
				e, err := v.Named(key, through)
				return e.Seq, err
			})
		}
		want(t, "what named it", []uint64{named(0), named(1), named(4), named(5), named(high64)}, []uint64{0, 1, 1, 5, 5})
		changed := func(user, after uint64) []chat.Change {
			t.Helper()
			return get(t, s, func(v chat.View) ([]chat.Change, error) { return v.Changed(user, everything, after, 9) })
		}
		want(t, "Ann, of the group", changed(ann, 0), []chat.Change{{Key: key, Rev: 6, Unread: 4, Wrote: true, Heard: true}})
		want(t, "Ann after it", changed(ann, 6), nil)
		want(t, "Ben, of his own", changed(ben, 6), []chat.Change{{Key: key, Rev: 8, Wrote: true, Heard: true}})
		want(t, "Cem, until he left", changed(cem, 3), []chat.Change{{Key: key, Rev: 4, Wrote: true, Heard: true}})
		want(t, "Cem afterwards", changed(cem, 4), nil)
		want(t, "a stranger", changed(dan, 0), nil)
		if err := s.Close(); err != nil {
			t.Fatal("close:", err)
		}
		s = open()
	}
}

func mentions(t *testing.T, open History) {
	s := open()
	const ann, ben, cem = 3, 5, high64
	key := proto.GroupKey(77)
	update(t, s, func(tx chat.Tx) error {
		return errors.Join(
			tx.PutConversation(chat.Conversation{Key: key, Head: 12, Min: 1, Rev: 1}),
			tx.PutMember(chat.Member{Key: key, User: ben, Rev: 2, Role: proto.GroupRole_GROUP_ROLE_MEMBER, From: 1}),
			tx.PutMember(chat.Member{Key: key, User: cem, Rev: 3, Role: proto.GroupRole_GROUP_ROLE_MEMBER, From: 1, Answered: 11}))
	})
	for seq, mentioned := range map[uint64][]uint64{1: nil, 2: {ben}, 4: {ben, cem}, 6: {proto.Everyone, ben}, 8: {cem}, 10: {ben}} {
		e := entry(key, seq, 100+seq, ann)
		if seq == 10 {
			e.Sender = ben // who asks himself nothing
		}
		e.Mentions = mentioned
		add(t, s, e)
	}
	first := func(user, after uint64) uint64 {
		t.Helper()
		return get(t, s, func(v chat.View) (uint64, error) {
			e, err := v.FirstMention(key, user, after)
			if e.Seq != 0 && (e.CreateTime != 1000+e.Seq || e.Key != key) {
				t.Errorf("the first mention is %+v", e)
			}
			return e.Seq, err
		})
	}
	count := func(user, after uint64, limit int) int {
		t.Helper()
		return get(t, s, func(v chat.View) (int, error) { return v.CountMentions(key, user, after, limit) })
	}
	want(t, "Ben's first", first(ben, 0), 2)
	want(t, "Ben's second", first(ben, 2), 4)
	want(t, "Ben's third, of everyone", first(ben, 4), 6)
	want(t, "none is left for Ben", first(ben, 6), 0)
	want(t, "Cem's first", first(cem, 0), 4)
	want(t, "Cem's last", first(cem, 6), 8)
	want(t, "Ann mentions herself in everyone", first(ann, 0), 0)
	want(t, "a stranger in everyone", first(9, 0), 6)
	want(t, "Ben's", count(ben, 0, 9), 3)
	want(t, "Cem's after 4", count(cem, 4, 9), 2)
	want(t, "no more than asked for", count(cem, 0, 1), 1)
	waits := func(user uint64) bool {
		t.Helper()
		changes := get(t, s, func(v chat.View) ([]chat.Change, error) { return v.Changed(user, 0, 0, 9) })
		if len(changes) != 1 {
			t.Fatalf("changed: %+v", changes)
		}
		return changes[0].Waiting
	}
	want(t, "somebody waits for Ben", waits(ben), true)
	want(t, "somebody waits for Cem, who answered", waits(cem), false)
	update(t, s, func(tx chat.Tx) error { return tx.Delete(key, 4) })
	want(t, "Ben's first after a deletion", first(ben, 0), 6)
}

func groupLinks(t *testing.T, open History) {
	s := open()
	key, other := proto.GroupKey(5), proto.GroupKey(high64)
	link := func(key proto.Key, id uint64) chat.GroupLink {
		return chat.GroupLink{Key: key, ID: id, Secret: [chat.LinkSecret]byte{byte(id), 1, 0, 255}, Author: high64, Made: 3, Expires: 4}
	}
	all := func(key proto.Key) []chat.GroupLink {
		t.Helper()
		return get(t, s, func(v chat.View) ([]chat.GroupLink, error) { return v.GroupLinks(key) })
	}
	of := func(l chat.GroupLink) chat.GroupLink {
		t.Helper()
		return get(t, s, func(v chat.View) (chat.GroupLink, error) { return v.GroupLink(l.Secret) })
	}
	first, second, third := link(key, 1), link(key, high64), link(other, 7)
	update(t, s, func(tx chat.Tx) error {
		return errors.Join(tx.AddGroupLink(second), tx.AddGroupLink(first), tx.AddGroupLink(third))
	})
	want(t, "of the group", all(key), []chat.GroupLink{first, second})
	want(t, "by its secret", of(third), third)
	want(t, "of no link", of(link(key, 9)), chat.GroupLink{})
	taken := link(key, 8)
	taken.Secret = first.Secret
	if err := s.Update(t.Context(), func(tx chat.Tx) error { return tx.AddGroupLink(taken) }); err == nil {
		t.Error("a second link of the same secret was added")
	}
	update(t, s, func(tx chat.Tx) error {
		return errors.Join(tx.DeleteGroupLink(key, 1), tx.DeleteGroupLink(key, 1), tx.DeleteGroupLink(other, high64))
	})
	want(t, "what is left", all(key), []chat.GroupLink{second})
	want(t, "of one that was deleted", of(first), chat.GroupLink{})
}

// authors has a group with messages of three, and a control entry.
func authors(t *testing.T, open History) {
	s := open()
	key := proto.GroupKey(78)
	update(t, s, func(tx chat.Tx) error { return tx.PutConversation(chat.Conversation{Key: key, Head: 9, Min: 1}) })
	for seq, author := range map[uint64]uint64{1: 3, 2: 5, 3: high64, 5: 5, 7: 3, 8: 5} {
		e := entry(key, seq, 100+seq, author)
		if seq == 7 {
			e.Type = proto.MessageType_MESSAGE_TYPE_REACT
		}
		add(t, s, e)
	}
	for _, test := range []struct {
		after, through uint64
		limit          int
		wrote          []uint64
	}{
		{0, 9, 9, []uint64{3, 5, high64}}, {1, 9, 9, []uint64{5, high64}}, {3, 9, 9, []uint64{5}}, {6, 7, 9, nil}, {0, 2, 9, []uint64{3, 5}},
		{0, 9, 3, []uint64{5, high64}}, {0, 9, 0, nil}, {9, high64, 9, nil}, {0, high64, 1, []uint64{5}},
	} {
		got := get(t, s, func(v chat.View) ([]uint64, error) { return v.Authors(key, test.after, test.through, test.limit) })
		want(t, fmt.Sprintf("Authors after %d through %d, of %d", test.after, test.through, test.limit), got, test.wrote)
	}
	want(t, "Authors of nothing", get(t, s, func(v chat.View) ([]uint64, error) { return v.Authors(proto.GroupKey(79), 0, 9, 9) }), nil)
}
