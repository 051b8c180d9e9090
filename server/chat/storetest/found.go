package storetest

import (
	"errors"
	"math"
	"testing"

	"parley/proto"
	"parley/server/chat"
)

func idsOf(entries []chat.Entry) (all []uint64) {
	for _, e := range entries {
		all = append(all, e.ID)
	}
	return all
}

func byID(t *testing.T, open History) {
	s := open()
	other := proto.ServiceKey(9, 2)
	add(t, s, entry(key, 1, 10, 3), entry(other, 1, 11, 9), entry(key, 2, 1<<63, 5), entry(other, 2, math.MaxUint64, 4))
	between := func(after, before uint64, limit int, newest bool) []uint64 {
		t.Helper()
		return get(t, s, func(v chat.View) ([]uint64, error) {
			entries, err := v.ByID(after, before, limit, newest)
			return idsOf(entries), err
		})
	}
	want(t, "all", between(0, 0, 9, false), []uint64{10, 11, 1 << 63, math.MaxUint64})
	want(t, "the newest", between(0, 0, 2, true), []uint64{1 << 63, math.MaxUint64})
	want(t, "the oldest", between(0, 0, 2, false), []uint64{10, 11})
	want(t, "between two", between(10, math.MaxUint64, 9, true), []uint64{11, 1 << 63})
	want(t, "none", between(0, 0, 0, true), nil)
	whole := get(t, s, func(v chat.View) ([]chat.Entry, error) { return v.WithIDs([]uint64{math.MaxUint64, 7, 10, 10}) })
	want(t, "by their ids", whole, []chat.Entry{entry(key, 1, 10, 3), entry(other, 2, math.MaxUint64, 4)})
	var many []uint64
	for id := uint64(1); id < 200; id++ {
		many = append(many, id)
	}
	want(t, "many", idsOf(get(t, s, func(v chat.View) ([]chat.Entry, error) { return v.WithIDs(many) })), []uint64{10, 11})
	want(t, "no ids", get(t, s, func(v chat.View) ([]chat.Entry, error) { return v.WithIDs(nil) }), nil)
	update(t, s, func(tx chat.Tx) error { return tx.Delete(key, 1) })
	want(t, "after one was deleted", between(0, 0, 9, false), []uint64{11, 1 << 63, math.MaxUint64})
	want(t, "one that was deleted", idsOf(get(t, s, func(v chat.View) ([]chat.Entry, error) { return v.WithIDs([]uint64{10}) })), nil)
}

func groupsOf(t *testing.T, open History) {
	s := open()
	in, left, never := proto.GroupKey(7), proto.GroupKey(8), proto.GroupKey(9)
	update(t, s, func(tx chat.Tx) error {
		return errors.Join(
			tx.PutMember(chat.Member{Key: left, User: 1 << 63, Rev: 1, From: 2, Until: 5}),
			tx.PutMember(chat.Member{Key: in, User: 1 << 63, Rev: 2, From: 1, Role: proto.GroupRole_GROUP_ROLE_MEMBER}),
			tx.PutMember(chat.Member{Key: never, User: 4, Rev: 3, From: 1, Role: proto.GroupRole_GROUP_ROLE_MEMBER}),
			tx.PutMember(chat.Member{Key: proto.DirectKey(4, 1<<63), User: 1 << 63, Rev: 4}),
		)
	})
	want(t, "groups", get(t, s, func(v chat.View) ([]proto.Key, error) { return v.Groups(1 << 63) }), []proto.Key{in, left})
	want(t, "no groups", get(t, s, func(v chat.View) ([]proto.Key, error) { return v.Groups(5) }), nil)
}
