package storetest

import (
	"errors"
	"math"
	"slices"
	"testing"

	"parley/proto"
	"parley/server/chat"
)

func deletesUser(t *testing.T, open History) {
	s := open()
	all := []chat.User{{ID: 1, Name: "Ada Lovelace"}, {ID: 1 << 63, Name: "Ada Byron"}, {ID: math.MaxUint64, Name: ""}}
	putUsers(t, s, all...)
	after := func(id uint64, limit int) []chat.User {
		t.Helper()
		return get(t, s, func(v chat.View) ([]chat.User, error) { return v.UsersAfter(id, limit) })
	}
	want(t, "all", after(0, 9), all)
	want(t, "two", after(0, 2), all[:2])
	want(t, "none", after(0, 0), nil)
	want(t, "after one", after(1, 9), all[1:])
	want(t, "after the last", after(math.MaxUint64, 9), nil)
	used := chat.Usage{User: 1, Bytes: chat.Bucket{Level: 5, Time: 6}}
	update(t, s, func(tx chat.Tx) error {
		return errors.Join(tx.PutUsage(used), tx.PutUsage(chat.Usage{User: 1 << 63, Bytes: used.Bytes}))
	})

	failed := errors.New("no")
	if err := s.Update(t.Context(), func(tx chat.Tx) error { return errors.Join(tx.DeleteUser(1), failed) }); !errors.Is(err, failed) {
		t.Fatal(err)
	}
	want(t, "after an update that failed", found(t, s, chat.UserQuery{Text: "lovel", Limit: 9}), all[:1])
	update(t, s, func(tx chat.Tx) error {
		err := errors.Join(tx.DeleteUser(1), tx.DeleteUser(2)) // of whom nothing is known
		users, err2 := tx.UsersAfter(0, 9)
		want(t, "within the update", users, all[1:])
		return errors.Join(err, err2)
	})
	if err := s.Close(); err != nil {
		t.Fatal("close:", err)
	}
	s = open()
	want(t, "users", after(0, 9), all[1:])
	want(t, "User", get(t, s, func(v chat.View) (chat.User, error) { return v.User(1) }), chat.User{})
	want(t, "Usage", get(t, s, func(v chat.View) (chat.Usage, error) { return v.Usage(1) }), chat.Usage{User: 1})
	want(t, "Usage of another", get(t, s, func(v chat.View) (chat.Usage, error) { return v.Usage(1 << 63) }), chat.Usage{User: 1 << 63, Bytes: used.Bytes})
	for query, left := range map[string][]chat.User{"ada": all[1:2], "lovelace": nil, "ovel": nil, "1": nil, "byron": all[1:2]} {
		want(t, "query "+query, found(t, s, chat.UserQuery{Text: query, Limit: 9}), left)
	}
	again := chat.User{ID: 1, Name: "Augusta"} // as anybody who comes first
	putUsers(t, s, again)
	want(t, "by the name of before", found(t, s, chat.UserQuery{Text: "ovel", Limit: 9}), nil)
	want(t, "by the new name", found(t, s, chat.UserQuery{Text: "gust", Limit: 9}), []chat.User{again})
}

func deletesConversation(t *testing.T, open History) {
	s := open()
	other := proto.DirectKey(3, 7)
	member := chat.Member{Key: other, User: 3, Rev: 3, Blocks: true}
	update(t, s, func(tx chat.Tx) error {
		return errors.Join(tx.PutMember(chat.Member{Key: key, User: 3, Rev: 1, Blocks: true}), tx.PutMember(chat.Member{Key: key, User: 5, Rev: 2, Blocked: true}),
			tx.PutConversation(chat.Conversation{Key: key, Rev: 9}), tx.PutMember(member))
	})
	update(t, s, func(tx chat.Tx) error {
		err := errors.Join(tx.DeleteConversation(key), tx.DeleteConversation(proto.DirectKey(8, 9))) // of which nothing is known
		members, err2 := tx.Members(key)
		want(t, "members within the update", members, nil)
		return errors.Join(err, err2)
	})
	members := func(k proto.Key) []chat.Member {
		t.Helper()
		return get(t, s, func(v chat.View) ([]chat.Member, error) { return v.Members(k) })
	}
	want(t, "members", members(key), nil)
	want(t, "members of another", members(other), []chat.Member{member})
	want(t, "Changed", changes(t, s, 3, 0, 0, 9), []chat.Change{{Key: other, Rev: 3, Apart: true}})
	want(t, "blocks", get(t, s, func(v chat.View) (int, error) { return v.CountBlocks(3) }), 1)
	want(t, "Rev", get(t, s, func(v chat.View) (uint64, error) { return v.Rev() }), 9)
	again := chat.Member{Key: key, User: 5, Rev: 10}
	update(t, s, func(tx chat.Tx) error { return tx.PutMember(again) })
	want(t, "members afterwards", members(key), []chat.Member{again})
	want(t, "Changed afterwards", changes(t, s, 5, 0, 0, 9), []chat.Change{{Key: key, Rev: 10}})
}

func keeps(t *testing.T, open History) {
	s := open()
	support := proto.ServiceKey(9, proto.ServiceType_SERVICE_TYPE_SUPPORT)
	update(t, s, func(tx chat.Tx) error {
		return errors.Join(
			tx.Append(entry(key, 1, 1, 3)), tx.PutConversation(chat.Conversation{Key: key, Head: 1, Min: 1}),
			tx.PutMember(chat.Member{Key: key, User: 3, Rev: 1 << 63}), tx.PutMember(chat.Member{Key: key, User: 5, Rev: 4}),
			tx.PutMember(chat.Member{Key: proto.DirectKey(3, 7), User: 3, Rev: 1<<63 + 1, Blocks: true}),
			tx.PutMember(chat.Member{Key: proto.DirectKey(3, 7), User: 7, Rev: 6}),
			tx.Append(entry(support, 1, 2, 11)), tx.PutConversation(chat.Conversation{Key: support, Head: 1, Min: 1, Rev: 7}),
			tx.PutMember(chat.Member{Key: support, User: 11, Rev: 8})) // an agent
	})
	expect := func(user, after uint64, yes bool) {
		t.Helper()
		if got := get(t, s, func(v chat.View) (bool, error) { return v.Keeps(user, after) }); got != yes {
			t.Errorf("user %d after %d: %v", user, after, got)
		}
	}
	expect(3, 0, true)
	expect(3, 1<<63-1, true)
	expect(3, 1<<63, false)
	expect(5, 3, true)
	expect(5, 4, false)
	expect(7, 0, false)
	expect(11, 0, true)
	expect(12, 0, false)
	update(t, s, func(tx chat.Tx) error {
		return errors.Join(tx.Delete(key, 1), tx.PutConversation(chat.Conversation{Key: key, Head: 1, Min: 2}))
	})
	expect(3, 0, false)
	expect(5, 0, false)
}

func loose(t *testing.T, open History) {
	s := open()
	const user = 1 << 63
	with := func(other uint64) proto.Key { return proto.DirectKey(user, other) }
	put := func(tx chat.Tx, other, head uint64, m chat.Member) error {
		m.Key, m.User = with(other), user
		err := errors.Join(tx.PutMember(m), tx.PutMember(chat.Member{Key: m.Key, User: other, Blocks: m.Blocked, Blocked: m.Blocks}))
		if head > 0 {
			err = errors.Join(err, tx.PutConversation(chat.Conversation{Key: m.Key, Head: head, Min: head + 1}))
		}
		return err
	}
	update(t, s, func(tx chat.Tx) error {
		return errors.Join(
			put(tx, 1, 0, chat.Member{Rev: 1, Blocks: true}), put(tx, 2, 0, chat.Member{Blocked: true}), put(tx, 3, 0, chat.Member{Rev: 2, Blocks: true, Blocked: true}),
			put(tx, 4, 0, chat.Member{Rev: 3}), put(tx, 5, 6, chat.Member{Rev: 4, Blocks: true}), put(tx, 6, 6, chat.Member{Rev: 5}),
			tx.PutMember(chat.Member{Key: proto.ServiceKey(user, proto.ServiceType_SERVICE_TYPE_SUPPORT), User: user, Rev: 6}))
	})
	of := func(user uint64, limit int) []string {
		t.Helper()
		keys := get(t, s, func(v chat.View) ([]proto.Key, error) { return v.Loose(user, limit) })
		var names []string
		for _, k := range keys {
			names = append(names, k.String())
		}
		slices.Sort(names)
		return names
	}
	want(t, "all", of(user, 9), []string{with(1).String(), with(3).String(), with(4).String(), with(5).String()})
	want(t, "of the other", of(2, 9), []string{with(2).String()})
	if got := of(user, 3); len(got) != 3 {
		t.Errorf("three are %v", got)
	}
	want(t, "none", of(user, 0), nil)
	want(t, "of nobody", of(7, 9), nil)
}
