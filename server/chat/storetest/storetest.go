// Package storetest holds what every chat.Store must keep. Each implementation
// runs it in its own tests.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"parley/proto"
	"parley/server/chat"
)

// History opens one history. Each call returns an open Store on the same
// history; the one before was closed. A Store that is still open when the test
// ends is closed by whoever made the History.
type History func() chat.Store

// Run tests a Store. fresh makes an empty history for one test.
func Run(t *testing.T, fresh func(t *testing.T) History) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, History)
	}{
		{"an empty history has zero values and an epoch", empty},
		{"ids up to 2^64-1 survive and keep their order", extremes},
		{"entries are found between two seqs, from either end", entries},
		{"the first entry after a seq, of anybody or of a sender, of any type or written", firsts},
		{"an entry is found by its sender and client_ref", byRef},
		{"entries of all conversations are found by their ids", byID},
		{"the groups are found that a user is or was in", groupsOf},
		{"seq, id, and sender with client_ref are unique", unique},
		{"what is deleted is gone, but for its id and its sender's client_ref", deletes},
		{"an entry is revised in its place, and found by what revised it", revises},
		{"the oldest entry of each conversation comes by key", oldest},
		{"members are found by conversation", members},
		{"a failed update leaves nothing", rollback},
		{"a panic in an update leaves nothing", panics},
		{"an update sees its own writes", ownWrites},
		{"a view does not see what is written beside it", snapshot},
		{"an update whose context has ended writes nothing", cancelled},
		{"what changed for a user comes in the order of change numbers", changed},
		{"what changed comes in the order of change numbers that are far apart", changedFarApart},
		{"what changed for an agent is what changed in their services", changedForAgents},
		{"what changed tells how many are unread and whether somebody waits", tallied},
		{"what changed tells whether the user and others wrote", wroteAndHeard},
		{"who blocks whom is kept with both members", blocks},
		{"agents are found by service", agents},
		{"users whose services end are found, the soonest first", ending},
		{"blocked users are found", blocked},
		{"devices are kept for each user, and found when their tokens have expired", devices},
		{"a user has one code of each kind, which is found by its hash", codes},
		{"a user is deleted with what they are found by and have used", deletesUser},
		{"a conversation without entries is deleted with its members", deletesConversation},
		{"whether a user's conversations keep entries is found by what changed", keeps},
		{"the conversations are found in which nothing was written", loose},
		{"a row that is put again replaces the first", replace},
		{"users are found by part of a name or by id", users},
		{"what users have used is kept for each of them", usages},
		{"notes are kept beside a conversation, until they are deleted or too old", notes},
		{"canned replies are kept by service", replies},
		{"what changed for the members of a group is what changed in it", groups},
		{"mentions are found by whom they mention", mentions},
		{"authors of messages are found", authors},
		{"links to groups are found by their secrets", groupLinks},
		{"attachments are kept, and those found that are due or unfinished", attachments},
		{"which entries name an attachment is found from either side", attachmentNames},
		{"what users have uploaded is kept for each of them", uploadUsages},
		{"users are found by the name that they have now", renamed},
		{"users are found as if everybody was looked at", manyUsers},
		{"people are found as far as they let others find them", people},
		{"what was returned belongs to the caller", ownership},
		{"everything is there after opening again", reopen},
		{"an epoch lasts until another is put", epochs},
		{"how far a start reached stays known after it", starts},
		{"a closed store refuses", closed},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, fresh(t)) })
	}
}

// ids that a float or a signed integer would confuse.
var ids = []uint64{
	1, 1<<53 - 1, 1 << 53, 1<<53 + 1, 1<<63 - 1, 1 << 63, 1<<63 + 1, math.MaxUint64 - 1, math.MaxUint64,
}

var key = proto.DirectKey(3, 5)

func entry(key proto.Key, seq, id, sender uint64) chat.Entry {
	e := chat.Entry{Key: key, Seq: seq, ID: id, Sender: sender, CreateTime: 1000 + seq, Counted: [2]uint64{seq % 100, 100 + seq%100}, Own: 200 + seq%100, Body: fmt.Appendf(nil, "body %d", id)}
	copy(e.Ref[:], fmt.Sprintf("%016x", id))
	return e
}

func update(t *testing.T, s chat.Store, change func(chat.Tx) error) {
	t.Helper()
	if err := s.Update(t.Context(), change); err != nil {
		t.Fatal("update:", err)
	}
}

func add(t *testing.T, s chat.Store, entries ...chat.Entry) {
	t.Helper()
	update(t, s, func(tx chat.Tx) error {
		for _, e := range entries {
			if err := tx.Append(e); err != nil {
				return err
			}
		}
		return nil
	})
}

// get reads one value in a view of its own.
func get[T any](t *testing.T, s chat.Store, read func(chat.View) (T, error)) (value T) {
	t.Helper()
	if err := s.View(t.Context(), func(v chat.View) (err error) {
		value, err = read(v)
		return err
	}); err != nil {
		t.Fatal("view:", err)
	}
	return value
}

// found returns the users that a query finds, in a view of its own.
func found(t *testing.T, s chat.Store, q chat.UserQuery) []chat.User {
	t.Helper()
	return get(t, s, func(v chat.View) ([]chat.User, error) { return v.Users(q) })
}

func want[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmp.Comparer(func(x, y proto.Key) bool { return x == y }), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func seqs(entries []chat.Entry) (all []uint64) {
	for _, e := range entries {
		all = append(all, e.Seq)
	}
	return all
}

func page(after, before uint64, limit int, newest bool) func(chat.View) ([]uint64, error) {
	return func(v chat.View) ([]uint64, error) {
		entries, err := v.Entries(key, after, before, limit, newest)
		return seqs(entries), err
	}
}

func empty(t *testing.T, open History) {
	s := open()
	if get(t, s, chat.View.Epoch) == 0 || s.Start() == 0 || len(s.Secret()) != 32 || bytes.Equal(s.Secret(), make([]byte, 32)) {
		t.Error("the epoch or the start is 0, or there is no secret")
	}
	want(t, "LastID", get(t, s, chat.View.LastID), 0)
	want(t, "Rev", get(t, s, chat.View.Rev), 0)
	want(t, "Entries", get(t, s, page(0, 0, 10, true)), nil)
	update(t, s, func(tx chat.Tx) error {
		c, err := tx.Conversation(key)
		want(t, "Conversation", c, chat.Conversation{})
		m, err2 := tx.Member(key, 3)
		want(t, "Member", m, chat.Member{})
		e, err3 := tx.FirstBy(key, 3, 0)
		want(t, "FirstBy", e, chat.Entry{})
		w, err4 := tx.FirstWritten(key, 3, 0)
		want(t, "FirstWritten", w, chat.Entry{})
		first, err11 := tx.First(key, 0)
		want(t, "First", first, chat.Entry{})
		r, err5 := tx.ByRef(3, [proto.RefSize]byte{1})
		want(t, "ByRef", r, chat.Entry{})
		u, err6 := tx.User(3)
		want(t, "User", u, chat.User{})
		ms, err7 := tx.Changed(3, everything, 0, 10)
		want(t, "Changed", ms, nil)
		recent, err10 := tx.Recent(3, everything, 10)
		want(t, "Recent", recent, nil)
		team, err9 := tx.Agents(0)
		want(t, "Agents", team, nil)
		us, err8 := tx.Users(chat.UserQuery{Limit: 10})
		want(t, "Users", us, nil)
		used, err12 := tx.Usage(3)
		want(t, "Usage", used, chat.Usage{User: 3})
		return errors.Join(err, err2, err3, err4, err5, err6, err7, err8, err9, err10, err11, err12)
	})
}

func extremes(t *testing.T, open History) {
	s := open()
	for i := range ids { // the highest first, so that order is the store's work
		id := ids[len(ids)-1-i]
		e := entry(key, id, id, id)
		e.CreateTime = id
		add(t, s, e)
		got := get(t, s, func(v chat.View) (chat.Entry, error) { return v.ByRef(id, e.Ref) })
		got.Body = nil
		e.Body = nil
		want(t, "ByRef", got, e)
	}
	want(t, "LastID", get(t, s, chat.View.LastID), math.MaxUint64)
	want(t, "order", get(t, s, page(0, 0, 100, false)), ids)
	want(t, "the newest two", get(t, s, page(0, 0, 2, true)), ids[len(ids)-2:])
	want(t, "after 2^53", get(t, s, page(1<<53, 1<<63, 100, false)), []uint64{1<<53 + 1, 1<<63 - 1})
	want(t, "after the last", get(t, s, page(math.MaxUint64, 0, 100, false)), nil)

	low, high := ids[:len(ids)-1], uint64(math.MaxUint64)
	update(t, s, func(tx chat.Tx) error {
		for i, id := range low {
			k := proto.DirectKey(id, high)
			err := errors.Join(tx.PutMember(extreme(k, high, id)), tx.PutConversation(large(k, id, ids[i])), tx.PutUser(chat.User{ID: id, Name: "n", LastSeen: id}))
			if err != nil {
				return err
			}
		}
		return nil
	})
	want(t, "Rev", get(t, s, chat.View.Rev), math.MaxUint64-1)
	rows := get(t, s, func(v chat.View) ([]chat.Change, error) { return v.Changed(high, 0, 1<<53, 100) })
	for i, row := range rows {
		id, before := low[3+i], ids[3+i]
		want(t, "Change", row, chat.Change{Key: proto.DirectKey(id, high), Rev: id, Unread: 1, Waiting: true, Wrote: true, Heard: true})
		want(t, "Member", get(t, s, func(v chat.View) (chat.Member, error) { return v.Member(row.Key, high) }), extreme(row.Key, high, id))
		want(t, "Conversation", get(t, s, func(v chat.View) (chat.Conversation, error) { return v.Conversation(row.Key) }), large(row.Key, id, before))
	}
	want(t, "rows after 2^53", len(rows), len(low)-3)
	got := found(t, s, chat.UserQuery{Text: "9223372036854775808", Limit: 10})
	want(t, "user 2^63", got, []chat.User{{ID: 1 << 63, Name: "n", LastSeen: 1 << 63}})
	want(t, "users by id", found(t, s, chat.UserQuery{Text: "n", Limit: 3}), []chat.User{
		{ID: low[0], Name: "n", LastSeen: low[0]}, {ID: low[1], Name: "n", LastSeen: low[1]}, {ID: low[2], Name: "n", LastSeen: low[2]}})
}

func extreme(key proto.Key, user, id uint64) chat.Member {
	return chat.Member{Key: key, User: user, Rev: id, Read: id, Delivered: id, ReadTime: id - 1, DeliveredTime: id, Own: 1, Seen: 2}
}

// large is a conversation with a different number in every field that is an id.
func large(key proto.Key, id, least uint64) chat.Conversation {
	return chat.Conversation{
		Key: key, Head: id, Min: least, Time: id, Rev: id, ServiceRead: id - 1, ServiceDelivered: id, ServiceReadTime: id, ServiceDeliveredTime: id - 1, Counted: [2]uint64{3, 4}, Past: 2,
		Status: proto.ConversationStatus{
			Sides:    [2]proto.Waiting{{AnsweredThrough: id, Seq: id - 1, Since: id}, {AnsweredThrough: id - 1, Seq: id, Since: id - 1}},
			Assignee: id, PostProc: 2, LastAnswer: id - 1, LastAnswerBy: id,
		},
	}
}

func entries(t *testing.T, open History) {
	s := open()
	for seq := uint64(1); seq <= 9; seq++ {
		add(t, s, entry(key, seq, seq, 3), entry(proto.DirectKey(3, 7), seq, 100+seq, 3))
	}
	for _, test := range []struct {
		after, before uint64
		limit         int
		newest        bool
		want          []uint64
	}{
		{0, 0, 3, false, []uint64{1, 2, 3}},
		{0, 0, 3, true, []uint64{7, 8, 9}},
		{4, 0, 3, false, []uint64{5, 6, 7}},
		{4, 0, 3, true, []uint64{7, 8, 9}},
		{0, 5, 3, true, []uint64{2, 3, 4}},
		{0, 5, 3, false, []uint64{1, 2, 3}},
		{2, 6, 100, true, []uint64{3, 4, 5}},
		{2, 6, 2, true, []uint64{4, 5}},
		{2, 6, 2, false, []uint64{3, 4}},
		{5, 6, 10, true, nil},
		{6, 5, 10, true, nil},
		{9, 0, 10, false, nil},
		{0, 1, 10, true, nil},
		{0, 0, 0, true, nil},
	} {
		name := fmt.Sprintf("after %d before %d limit %d newest %t", test.after, test.before, test.limit, test.newest)
		want(t, name, get(t, s, page(test.after, test.before, test.limit, test.newest)), test.want)
	}
	got := get(t, s, func(v chat.View) ([]chat.Entry, error) { return v.Entries(key, 3, 5, 1, false) })
	want(t, "the whole entry", got, []chat.Entry{entry(key, 4, 4, 3)})
	other := get(t, s, func(v chat.View) ([]chat.Entry, error) { return v.Entries(proto.ServiceKey(3, 5), 0, 0, 9, true) })
	want(t, "another kind of conversation", other, nil)
}

func firsts(t *testing.T, open History) {
	s := open()
	const ann, ben, cem = 3, 5, 7
	types := map[uint64]proto.MessageType{
		2: proto.MessageType_MESSAGE_TYPE_CLAIM, 4: proto.MessageType_MESSAGE_TYPE_NOTE, 5: 15, 7: 16, 9: proto.MessageType_MESSAGE_TYPE_NO_REPLY_NEEDED,
	}
	for i, sender := range []uint64{ben, ann, ben, ann, ann, ben, ben, ann, ann} {
		e := entry(key, uint64(i+1), uint64(i+1), sender)
		e.Type = types[e.Seq]
		add(t, s, e)
	}
	add(t, s, entry(proto.DirectKey(ann, cem), 1, 101, cem), entry(proto.DirectKey(ann, cem), 10, 110, ann))
	for _, test := range []struct{ sender, after, first, by, written uint64 }{
		{ann, 0, 1, 2, 5}, {ann, 1, 2, 2, 5}, {ann, 2, 3, 4, 5}, {ann, 4, 5, 5, 5}, {ann, 5, 6, 8, 8}, {ann, 8, 9, 9, 0}, {ann, 9, 0, 0, 0},
		{ben, 0, 1, 1, 1}, {ben, 1, 2, 3, 3}, {ben, 3, 4, 6, 6}, {ben, 6, 7, 7, 0}, {ben, 7, 8, 0, 0},
		{cem, 0, 1, 0, 0}, {ann, math.MaxUint64, 0, 0, 0},
	} {
		for _, search := range []struct {
			name string
			seq  uint64
			find func(chat.View) (chat.Entry, error)
		}{
			{"First", test.first, func(v chat.View) (chat.Entry, error) { return v.First(key, test.after) }},
			{"FirstBy", test.by, func(v chat.View) (chat.Entry, error) { return v.FirstBy(key, test.sender, test.after) }},
			{"FirstWritten", test.written, func(v chat.View) (chat.Entry, error) { return v.FirstWritten(key, test.sender, test.after) }},
		} {
			found := get(t, s, search.find)
			if found.Body = nil; found.Seq != search.seq {
				t.Errorf("%s of %d after %d is %d, want %d", search.name, test.sender, test.after, found.Seq, search.seq)
			}
			if found.Seq != 0 {
				wanted := get(t, s, func(v chat.View) ([]chat.Entry, error) { return v.Entries(key, found.Seq-1, 0, 1, false) })
				wanted[0].Body = nil
				want(t, search.name, found, wanted[0])
			}
		}
	}
	got := get(t, s, func(v chat.View) (got map[uint64]proto.MessageType, err error) {
		entries, err := v.Entries(key, 0, 0, 10, false)
		got = make(map[uint64]proto.MessageType)
		for _, e := range entries {
			if e.Type != 0 {
				got[e.Seq] = e.Type
			}
		}
		return got, err
	})
	want(t, "types", got, types)
}

func byRef(t *testing.T, open History) {
	s := open()
	mine, theirs := entry(key, 1, 1, 3), entry(key, 2, 2, 5)
	theirs.Ref = mine.Ref // a ref is unique per sender alone
	add(t, s, mine, theirs)
	for _, e := range []chat.Entry{mine, theirs} {
		got := get(t, s, func(v chat.View) (chat.Entry, error) { return v.ByRef(e.Sender, e.Ref) })
		got.Body, e.Body = nil, nil
		want(t, "ByRef", got, e)
	}
	want(t, "ByRef of another", get(t, s, func(v chat.View) (chat.Entry, error) { return v.ByRef(7, mine.Ref) }), chat.Entry{})
}

func unique(t *testing.T, open History) {
	s := open()
	first := entry(key, 1, 1, 3)
	add(t, s, first)
	sameSeq, sameID, sameRef := entry(key, 1, 2, 3), entry(key, 2, 1, 5), entry(proto.DirectKey(3, 7), 1, 3, 3)
	sameRef.Ref = first.Ref
	for name, e := range map[string]chat.Entry{"seq": sameSeq, "id": sameID, "sender and ref": sameRef} {
		if err := s.Update(t.Context(), func(tx chat.Tx) error { return tx.Append(e) }); err == nil {
			t.Errorf("an entry with the same %s was stored twice", name)
		}
		// Within one transaction likewise.
		fresh := entry(key, 10, 10, 9)
		again := e
		switch name {
		case "seq":
			again.Seq = fresh.Seq
		case "id":
			again.ID = fresh.ID
		default:
			again.Sender, again.Ref = fresh.Sender, fresh.Ref
		}
		if err := s.Update(t.Context(), func(tx chat.Tx) error { return errors.Join(tx.Append(fresh), tx.Append(again)) }); err == nil {
			t.Errorf("two entries with the same %s were stored in one transaction", name)
		}
	}
	want(t, "entries", get(t, s, page(0, 0, 10, true)), []uint64{1})
}

var errBroken = errors.New("broken on purpose")

func writeAll(tx chat.Tx) error {
	return errors.Join(
		tx.PutConversation(chat.Conversation{Key: key, Head: 1, Min: 1}),
		tx.PutMember(chat.Member{Key: key, User: 3, Rev: 7}),
		tx.Append(entry(key, 1, 42, 3)),
		tx.PutUser(chat.User{ID: 3, Name: "Ada"}),
	)
}

func deletes(t *testing.T, open History) {
	s := open()
	other := proto.DirectKey(3, 7)
	update(t, s, func(tx chat.Tx) error {
		var all []error
		for seq := uint64(1); seq <= 10; seq++ {
			all = append(all, tx.Append(entry(key, seq, 100+seq, 3)))
		}
		all = append(all, tx.Append(entry(other, 1, 50, 3)), tx.PutConversation(chat.Conversation{Key: key, Head: 10, Min: 1}))
		all = append(all, tx.PutConversation(chat.Conversation{Key: other, Head: 1, Min: 1}))
		return errors.Join(all...)
	})
	lastBefore := func(time uint64, limit int) uint64 {
		t.Helper()
		return get(t, s, func(v chat.View) (uint64, error) { return v.LastBefore(key, time, limit) })
	}
	for _, test := range []struct {
		time  uint64
		limit int
		want  uint64
	}{{1000, 99, 0}, {1001, 99, 0}, {1002, 99, 1}, {1008, 99, 7}, {1008, 3, 3}, {math.MaxUint64, 99, 10}, {1008, 0, 0}} {
		want(t, fmt.Sprintf("the last before %d of %d", test.time, test.limit), lastBefore(test.time, test.limit), test.want)
	}
	fails := errors.New("this one fails")
	if err := s.Update(t.Context(), func(tx chat.Tx) error { return errors.Join(tx.Delete(key, 9), fails) }); !errors.Is(err, fails) {
		t.Fatal(err)
	}
	want(t, "after an update that failed", get(t, s, page(0, 0, 99, false)), []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
	if err := s.View(t.Context(), func(v chat.View) error {
		if _, err := page(0, 0, 99, false)(v); err != nil { // it sees what there is now
			return err
		}
		update(t, s, func(tx chat.Tx) error {
			if err := tx.Delete(key, 7); err != nil {
				return err
			}
			left, err := page(0, 0, 99, false)(tx)
			want(t, "within the update", left, []uint64{8, 9, 10})
			r, err2 := tx.ByRef(3, entry(key, 1, 101, 3).Ref)
			want(t, "ByRef within the update", r.Seq, 1)
			return errors.Join(err, err2, tx.Append(entry(key, 11, 111, 3)))
		})
		seen, err := page(0, 0, 99, false)(v)
		want(t, "a view from before", seen, []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
		return err
	}); err != nil {
		t.Fatal("view:", err)
	}
	left := func(all ...uint64) {
		t.Helper()
		want(t, "what is left", get(t, s, page(0, 0, 99, false)), all)
		want(t, "what is left, from the end", get(t, s, page(0, 0, 2, true)), all[max(0, len(all)-2):])
		for seq := uint64(1); seq <= 11; seq++ {
			e := entry(key, seq, 100+seq, 3)
			found := get(t, s, func(v chat.View) (chat.Entry, error) { return v.ByRef(3, e.Ref) })
			if e.Body, found.Body = nil, nil; seq < all[0] {
				e.Counted, e.Own = [2]uint64{}, 0
			}
			want(t, "ByRef", found, e)
		}
	}
	left(8, 9, 10, 11)
	want(t, "the last before, of what is left", lastBefore(1010, 2), 9)
	want(t, "another conversation", get(t, s, func(v chat.View) ([]chat.Entry, error) { return v.Entries(other, 0, 0, 9, false) }), []chat.Entry{entry(other, 1, 50, 3)})
	update(t, s, func(tx chat.Tx) error {
		return errors.Join(tx.Delete(key, 3), tx.Delete(key, 0), tx.Delete(proto.DirectKey(1, 2), 9))
	})
	left(8, 9, 10, 11)
	taken := entry(key, 12, 112, 3)
	taken.Ref = entry(key, 2, 102, 3).Ref
	if err := s.Update(t.Context(), func(tx chat.Tx) error { return tx.Append(taken) }); err == nil {
		t.Error("the client_ref of a deleted entry was taken again")
	}
	update(t, s, func(tx chat.Tx) error { return tx.Delete(key, 11) })
	want(t, "LastID", get(t, s, chat.View.LastID), 111)
	if err := s.Close(); err != nil {
		t.Fatal("close:", err)
	}
	s = open()
	want(t, "LastID", get(t, s, chat.View.LastID), 111)
	want(t, "what is left", get(t, s, page(0, 0, 99, false)), nil)
	want(t, "nothing is older", lastBefore(math.MaxUint64, 99), 0)
	gone := get(t, s, func(v chat.View) (chat.Entry, error) { return v.ByRef(3, entry(key, 11, 111, 3).Ref) })
	want(t, "the seq of what is gone", gone.Seq, 11)
}

func oldest(t *testing.T, open History) {
	s := open()
	find := func(after string, limit int) (all []string) {
		t.Helper()
		for _, e := range get(t, s, func(v chat.View) ([]chat.Entry, error) { return v.Oldest(after, limit) }) {
			all = append(all, fmt.Sprint(e.Key, " ", e.Seq, " ", e.CreateTime))
		}
		return all
	}
	want(t, "of nothing", find("", 9), nil)
	update(t, s, func(tx chat.Tx) error {
		var all []error
		for i, k := range []proto.Key{proto.DirectKey(3, 5), proto.DirectKey(20, 30), proto.ServiceKey(3, 1), proto.DirectKey(3, 4)} {
			for seq := uint64(1); seq <= 3; seq++ {
				all = append(all, tx.Append(entry(k, seq, uint64(i)*10+seq, 3)))
			}
			all = append(all, tx.PutConversation(chat.Conversation{Key: k, Head: 3, Min: 1}))
		}
		return errors.Join(all...)
	})
	want(t, "all", find("", 9), []string{"d:20:30 1 1001", "d:3:4 1 1001", "d:3:5 1 1001", "s:3:1 1 1001"})
	update(t, s, func(tx chat.Tx) error {
		k, gone := proto.DirectKey(3, 5), proto.DirectKey(3, 4)
		return errors.Join(tx.Delete(k, 2), tx.PutConversation(chat.Conversation{Key: k, Head: 3, Min: 3}),
			tx.Delete(gone, 3), tx.PutConversation(chat.Conversation{Key: gone, Head: 3, Min: 4}))
	})
	want(t, "all that are left", find("", 9), []string{"d:20:30 1 1001", "d:3:5 3 1003", "s:3:1 1 1001"})
	want(t, "the first two", find("", 2), []string{"d:20:30 1 1001", "d:3:5 3 1003"})
	want(t, "after one", find("d:3:5", 9), []string{"s:3:1 1 1001"})
	want(t, "after all", find("s:3:1", 9), nil)
}

func members(t *testing.T, open History) {
	s := open()
	team := proto.ServiceKey(3, 2)
	all := []chat.Member{{Key: team, User: 3, Rev: 4, Read: 1}, {Key: team, User: 1 << 63, Rev: 2, Own: 7}, {Key: team, User: math.MaxUint64, Rev: 3}}
	update(t, s, func(tx chat.Tx) error {
		return errors.Join(tx.PutMember(all[2]), tx.PutMember(chat.Member{Key: key, User: 5, Rev: 1}), tx.PutMember(all[0]), tx.PutMember(all[1]))
	})
	of := func(key proto.Key) func(chat.View) ([]chat.Member, error) {
		return func(v chat.View) ([]chat.Member, error) { return v.Members(key) }
	}
	want(t, "Members", get(t, s, of(team)), all)
	want(t, "Members of another", get(t, s, of(proto.ServiceKey(4, 2))), nil)
	update(t, s, func(tx chat.Tx) error {
		all[1].Own = 8
		err := tx.PutMember(all[1])
		ms, err2 := tx.Members(team)
		want(t, "Members within the update", ms, all)
		return errors.Join(err, err2)
	})
}

func rollback(t *testing.T, open History) {
	s := open()
	err := s.Update(t.Context(), func(tx chat.Tx) error { return errors.Join(writeAll(tx), errBroken) })
	if !errors.Is(err, errBroken) {
		t.Errorf("got %v, want the error of the change, wrapped", err)
	}
	empty(t, func() chat.Store { return s })
	update(t, s, writeAll) // nothing stands in the way
	want(t, "Rev", get(t, s, chat.View.Rev), 7)
}

func panics(t *testing.T, open History) {
	s := open()
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_ = s.Update(t.Context(), func(tx chat.Tx) error {
			if err := writeAll(tx); err != nil {
				return err
			}
			panic("on purpose")
		})
	}()
	empty(t, func() chat.Store { return s })
	update(t, s, writeAll)
}

func ownWrites(t *testing.T, open History) {
	s := open()
	add(t, s, entry(key, 1, 41, 5))
	update(t, s, func(tx chat.Tx) error {
		e := entry(key, 2, 42, 3)
		m := chat.Member{Key: key, User: 3, Rev: 7, Read: 1, Delivered: 2}
		err := errors.Join(tx.Append(e), tx.PutMember(m), tx.PutConversation(chat.Conversation{Key: key, Head: 2, Min: 1}), tx.PutUser(chat.User{ID: 3, Name: "Ada"}))
		if err != nil {
			return err
		}
		c, err := tx.Conversation(key)
		want(t, "Conversation", c, chat.Conversation{Key: key, Head: 2, Min: 1})
		got, err2 := tx.Member(key, 3)
		want(t, "Member", got, m)
		r, err3 := tx.ByRef(3, e.Ref)
		want(t, "ByRef", r.Seq, 2)
		f, err4 := tx.FirstBy(key, 3, 0)
		want(t, "FirstBy", f.Seq, 2)
		w, err5 := tx.FirstWritten(key, 3, 0)
		want(t, "FirstWritten", w.Seq, 2)
		all, err6 := tx.Entries(key, 0, 0, 10, true)
		want(t, "Entries", seqs(all), []uint64{1, 2})
		rev, err7 := tx.Rev()
		want(t, "Rev", rev, 7)
		last, err8 := tx.LastID()
		want(t, "LastID", last, 42)
		ms, err9 := tx.Changed(3, 0, 0, 10)
		want(t, "Changed", ms, []chat.Change{{Key: key, Rev: 7}})
		us, err10 := tx.Users(chat.UserQuery{Text: "ada", Limit: 10})
		want(t, "Users", us, []chat.User{{ID: 3, Name: "Ada"}})
		return errors.Join(err, err2, err3, err4, err5, err6, err7, err8, err9, err10)
	})
}

func snapshot(t *testing.T, open History) {
	s := open()
	add(t, s, entry(key, 1, 1, 3))
	err := s.View(t.Context(), func(v chat.View) error {
		look := func() {
			t.Helper()
			entries, err := page(0, 0, 10, true)(v)
			want(t, "Entries", entries, []uint64{1})
			m, err2 := v.Member(key, 3)
			want(t, "Member", m, chat.Member{})
			last, err3 := v.LastID()
			want(t, "LastID", last, 1)
			rev, err4 := v.Rev()
			want(t, "Rev", rev, 0)
			if err := errors.Join(err, err2, err3, err4); err != nil {
				t.Fatal(err)
			}
		}
		look()
		for i := range uint64(3) {
			add(t, s, entry(key, 2+i, 2+i, 3))
			update(t, s, func(tx chat.Tx) error { return tx.PutMember(chat.Member{Key: key, User: 3, Rev: 1 + i}) })
			look()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want(t, "the next view", get(t, s, page(0, 0, 10, true)), []uint64{1, 2, 3, 4})
	// And the other way round: a view during an update sees nothing of it.
	update(t, s, func(tx chat.Tx) error {
		err := tx.Append(entry(key, 5, 5, 3))
		want(t, "a view beside an update", get(t, s, page(0, 0, 10, true)), []uint64{1, 2, 3, 4})
		return err
	})
}

func cancelled(t *testing.T, open History) {
	s := open()
	ctx, cancel := context.WithCancel(t.Context())
	err := s.Update(ctx, func(tx chat.Tx) error {
		err := writeAll(tx)
		cancel()
		return err
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("an update whose context ended before the commit returned %v", err)
	}
	if err := s.Update(ctx, writeAll); !errors.Is(err, context.Canceled) {
		t.Errorf("an update whose context had ended returned %v", err)
	}
	if err := s.View(ctx, func(chat.View) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("a view whose context had ended returned %v", err)
	}
	empty(t, func() chat.Store { return s })
}

func changed(t *testing.T, open History) {
	s := open()
	put := func(peer, rev uint64) {
		t.Helper()
		update(t, s, func(tx chat.Tx) error {
			return tx.PutMember(chat.Member{Key: proto.DirectKey(3, peer), User: 3, Rev: rev})
		})
	}
	put(7, 1)
	put(5, 2)
	put(9, 3)
	put(7, 4) // moves to the end
	update(t, s, func(tx chat.Tx) error { return tx.PutMember(chat.Member{Key: key, User: 5, Rev: 5}) })
	for _, test := range []struct {
		after uint64
		limit int
		revs  []uint64
	}{{0, 10, []uint64{2, 3, 4}}, {0, 2, []uint64{2, 3}}, {2, 10, []uint64{3, 4}}, {4, 10, nil}, {math.MaxUint64, 10, nil}, {0, 0, nil}} {
		want(t, fmt.Sprintf("after %d limit %d", test.after, test.limit), revs(changes(t, s, 3, 0, test.after, test.limit)), test.revs)
	}
	want(t, "Rev", get(t, s, chat.View.Rev), 5)
}

func changes(t *testing.T, s chat.Store, user uint64, services chat.Services, after uint64, limit int) []chat.Change {
	t.Helper()
	return get(t, s, func(v chat.View) ([]chat.Change, error) { return v.Changed(user, services, after, limit) })
}

func revs(changes []chat.Change) (all []uint64) {
	for _, c := range changes {
		all = append(all, c.Rev)
	}
	return all
}

func changedFarApart(t *testing.T, open History) {
	s := open()
	const ann = 50
	ordered := []uint64{1, 1<<8 - 1, 1 << 8, 1<<16 - 1, 1 << 16, 1<<20 - 1, 1 << 20, 1<<20 + 1, 3<<20 - 1, 3 << 20, 1 << 40, 1<<40 + 1<<20 - 1, 1<<40 + 1<<20, 1 << 63}
	update(t, s, func(tx chat.Tx) error {
		var err error
		for i := range ordered {
			rev := ordered[(5*i+3)%len(ordered)]
			key := proto.DirectKey(ann, 100+rev)
			err = errors.Join(err, tx.Append(entry(key, 1, uint64(i+1), 100+rev)), tx.PutConversation(chat.Conversation{Key: key, Head: 1, Min: 1}), tx.PutMember(chat.Member{Key: key, User: ann, Rev: rev}))
		}
		return err
	})
	backwards := slices.Clone(ordered)
	slices.Reverse(backwards)
	for i, rev := range ordered {
		want(t, fmt.Sprint("at and after ", rev), revs(changes(t, s, ann, 0, rev-1, 100)), ordered[i:])
		want(t, fmt.Sprint("the next two after ", rev), revs(changes(t, s, ann, 0, rev, 2)), append([]uint64(nil), ordered[i+1:min(i+3, len(ordered))]...))
		want(t, fmt.Sprint("some after ", rev), get(t, s, func(v chat.View) (bool, error) { return v.Keeps(ann, rev) }), i+1 < len(ordered))
		want(t, fmt.Sprint("the most recent ", i), revs(get(t, s, func(v chat.View) ([]chat.Change, error) { return v.Recent(ann, 0, i) })), append([]uint64(nil), backwards[:i]...))
	}
}

// everything is the set of all services that there are.
const everything chat.Services = 1<<63 - 1

func changedForAgents(t *testing.T, open History) {
	s := open()
	const ann, ben = 50, 60
	sales, support := proto.ServiceType_SERVICE_TYPE_SALES, proto.ServiceType_SERVICE_TYPE_SUPPORT
	first, second, other, own := proto.ServiceKey(1, sales), proto.ServiceKey(2, sales), proto.ServiceKey(1, support), proto.ServiceKey(ann, sales)
	conversation := func(k proto.Key, rev uint64) chat.Conversation {
		return chat.Conversation{Key: k, Head: 1, Min: 1, Rev: rev}
	}
	update(t, s, func(tx chat.Tx) error {
		return errors.Join(
			tx.PutConversation(conversation(first, 1)), tx.PutMember(chat.Member{Key: first, User: 1, Rev: 2}),
			tx.PutConversation(conversation(second, 3)), tx.PutMember(chat.Member{Key: second, User: ann, Rev: 4}),
			tx.PutConversation(conversation(other, 5)), tx.PutMember(chat.Member{Key: other, User: ann, Rev: 6}),
			tx.PutConversation(conversation(own, 7)), tx.PutMember(chat.Member{Key: own, User: ann, Rev: 8}),
			tx.PutMember(chat.Member{Key: proto.DirectKey(ann, ben), User: ann, Rev: 9}),
		)
	})
	inSales := chat.ServicesOf([]proto.ServiceType{sales})
	inBoth := chat.ServicesOf([]proto.ServiceType{sales, support})
	for _, test := range []struct {
		name     string
		user     uint64
		services chat.Services
		after    uint64
		limit    int
		revs     []uint64
	}{
		{"an agent, by the later of conversation and own row", ann, inSales, 0, 10, []uint64{1, 4, 8, 9}},
		{"an agent who has no rows", ben, inSales, 0, 10, []uint64{1, 3, 7}},
		{"an agent of two services", ann, inBoth, 0, 10, []uint64{1, 4, 6, 8, 9}},
		{"an agent of none any more", ann, 0, 0, 10, []uint64{8, 9}},
		{"a customer", 1, 0, 0, 10, []uint64{2}},
		{"after a number between the two", ann, inSales, 3, 10, []uint64{4, 8, 9}},
		{"in parts", ann, inBoth, 1, 2, []uint64{4, 6}},
		{"of a service that nobody wrote to", ben, chat.ServicesOf([]proto.ServiceType{proto.ServiceType_SERVICE_TYPE_BILLING}), 0, 10, nil},
		{"of every service", ben, everything, 4, 10, []uint64{5, 7}},
	} {
		want(t, test.name, revs(changes(t, s, test.user, test.services, test.after, test.limit)), test.revs)
	}
	recent := func(user uint64, services chat.Services, limit int) []proto.Key {
		t.Helper()
		var keys []proto.Key
		for _, c := range get(t, s, func(v chat.View) ([]chat.Change, error) { return v.Recent(user, services, limit) }) {
			keys = append(keys, c.Key)
		}
		return keys
	}
	want(t, "the most recent", recent(ann, inSales, 3), []proto.Key{proto.DirectKey(ann, ben), own, second})
	want(t, "all, the most recent first", recent(ben, inBoth, 10), []proto.Key{own, other, second, first})
	want(t, "none", recent(ben, inBoth, 0), nil)
	update(t, s, func(tx chat.Tx) error { return tx.PutConversation(conversation(first, 20)) })
	want(t, "Rev", get(t, s, chat.View.Rev), 20)
	want(t, "afterwards", changes(t, s, ben, inSales, 7, 10), []chat.Change{{Key: first, Rev: 20}})
}

func tallied(t *testing.T, open History) {
	s := open()
	const ann = 50
	sales, support := proto.ServiceType_SERVICE_TYPE_SALES, proto.ServiceType_SERVICE_TYPE_SUPPORT
	put := func(k proto.Key, counted [2]uint64, waits [2]uint64, members ...chat.Member) {
		t.Helper()
		update(t, s, func(tx chat.Tx) error {
			c := chat.Conversation{Key: k, Head: 10, Min: 1, Rev: 1, Counted: counted}
			c.Status.Sides[0].Seq, c.Status.Sides[1].Seq = waits[0], waits[1]
			if err := tx.PutConversation(c); err != nil {
				return err
			}
			for _, m := range members {
				m.Key, m.Rev = k, 1
				if err := tx.PutMember(m); err != nil {
					return err
				}
			}
			return nil
		})
	}
	put(proto.DirectKey(3, ann), [2]uint64{9, 9}, [2]uint64{1, 0}, chat.Member{User: 3, Own: 4, Seen: 5}, chat.Member{User: ann, Own: 5, Seen: 1})
	put(proto.DirectKey(ann, 70), [2]uint64{2, 2}, [2]uint64{1, 0}, chat.Member{User: ann, Own: 2}, chat.Member{User: 70})
	put(proto.ServiceKey(3, sales), [2]uint64{4, 6}, [2]uint64{2, 0}, chat.Member{User: 3, Own: 1, Seen: 1}, chat.Member{User: ann, Own: 1, Seen: 2})
	put(proto.ServiceKey(4, sales), [2]uint64{7, 8}, [2]uint64{}, chat.Member{User: 4})
	put(proto.ServiceKey(ann, sales), [2]uint64{5, 5}, [2]uint64{1, 0}, chat.Member{User: ann, Own: 2})
	put(proto.ServiceKey(3, support), [2]uint64{100, 100}, [2]uint64{9, 0}, chat.Member{User: 3, Seen: 100}, chat.Member{User: ann})
	inSales := chat.ServicesOf([]proto.ServiceType{sales})
	type sum struct{ unread, conversations, waiting uint64 }
	for _, test := range []struct {
		name     string
		user     uint64
		services chat.Services
		want     sum
	}{
		{"a user and customer", 3, 0, sum{2, 1, 0}},
		{"one of two", 70, 0, sum{2, 1, 1}},
		{"an agent", ann, inSales, sum{3 + 3 + 8 + 3, 4, 2}},
		{"an agent of none any more", ann, 0, sum{3 + 3, 2, 1}},
		{"a new agent", 60, inSales, sum{6 + 8 + 5, 3, 2}},
		{"an agent of everything", 60, everything, sum{6 + 8 + 5 + 100, 4, 3}},
		{"nobody", 9, 0, sum{}},
	} {
		var got sum
		for _, c := range changes(t, s, test.user, test.services, 0, 100) {
			got.unread += c.Unread
			if c.Unread > 0 {
				got.conversations++
			}
			if c.Waiting {
				got.waiting++
			}
		}
		if got != test.want {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
		}
	}
}

func wroteAndHeard(t *testing.T, open History) {
	s := open()
	const ann = 50
	sales := proto.ServiceType_SERVICE_TYPE_SALES
	put := func(k proto.Key, counted uint64, members ...chat.Member) {
		t.Helper()
		update(t, s, func(tx chat.Tx) error {
			err := tx.PutConversation(chat.Conversation{Key: k, Head: 9, Min: 1, Rev: 1, Counted: [2]uint64{counted, counted}})
			for _, m := range members {
				m.Key, m.Rev = k, 1
				err = errors.Join(err, tx.PutMember(m))
			}
			return err
		})
	}
	both, asked, told, silent, service := proto.DirectKey(3, 5), proto.DirectKey(3, 6), proto.DirectKey(2, 3), proto.DirectKey(1, 3), proto.ServiceKey(3, sales)
	put(both, 3, chat.Member{User: 3, Own: 1, Seen: 2}, chat.Member{User: 5, Own: 2})
	put(asked, 2, chat.Member{User: 3, Own: 2}, chat.Member{User: 6, Seen: 2})
	put(told, 2, chat.Member{User: 3, Seen: 2}, chat.Member{User: 2, Own: 2})
	put(silent, 0, chat.Member{User: 3}, chat.Member{User: 1})
	put(service, 1, chat.Member{User: 3, Own: 1}, chat.Member{User: ann})
	type voices struct{ Wrote, Heard bool }
	of := func(changes []chat.Change) map[string]voices {
		all := make(map[string]voices)
		for _, c := range changes {
			all[c.Key.String()] = voices{c.Wrote, c.Heard}
		}
		return all
	}
	for _, test := range []struct {
		user     uint64
		services chat.Services
		want     map[string]voices
	}{
		{3, 0, map[string]voices{both.String(): {true, true}, asked.String(): {true, false}, told.String(): {false, true}, silent.String(): {}, service.String(): {true, false}}},
		{5, 0, map[string]voices{both.String(): {true, true}}},
		{6, 0, map[string]voices{asked.String(): {false, true}}},
		{2, 0, map[string]voices{told.String(): {true, false}}},
		{ann, chat.ServicesOf([]proto.ServiceType{sales}), map[string]voices{service.String(): {false, true}}},
	} {
		want(t, fmt.Sprint("changed for ", test.user), of(changes(t, s, test.user, test.services, 0, 100)), test.want)
		recent := get(t, s, func(v chat.View) ([]chat.Change, error) { return v.Recent(test.user, test.services, 100) })
		want(t, fmt.Sprint("recent to ", test.user), of(recent), test.want)
	}
}

func blocks(t *testing.T, open History) {
	s := open()
	put := func(members ...chat.Member) {
		t.Helper()
		update(t, s, func(tx chat.Tx) (err error) {
			for _, m := range members {
				err = errors.Join(err, tx.PutMember(m))
			}
			return err
		})
	}
	high := uint64(math.MaxUint64)
	other := proto.DirectKey(3, high)
	put(
		chat.Member{Key: key, User: 3, Rev: 1, Blocks: true}, chat.Member{Key: key, User: 5, Blocked: true},
		chat.Member{Key: other, User: 3, Rev: 2, Blocks: true, Blocked: true}, chat.Member{Key: other, User: high, Rev: 3, Blocks: true, Blocked: true},
		chat.Member{Key: proto.DirectKey(3, 9), User: 3, Rev: 4}, chat.Member{Key: proto.DirectKey(3, 9), User: 9, Rev: 5},
	)
	count := func(user uint64) int {
		t.Helper()
		return get(t, s, func(v chat.View) (int, error) { return v.CountBlocks(user) })
	}
	member := func(k proto.Key, user uint64) chat.Member {
		t.Helper()
		return get(t, s, func(v chat.View) (chat.Member, error) { return v.Member(k, user) })
	}
	want(t, "of 3", count(3), 2)
	want(t, "of 5, who is blocked", count(5), 0)
	want(t, "of the highest", count(high), 1)
	want(t, "of nobody", count(8), 0)
	want(t, "Member", member(key, 5), chat.Member{Key: key, User: 5, Blocked: true})
	want(t, "Member", member(other, 3), chat.Member{Key: other, User: 3, Rev: 2, Blocks: true, Blocked: true})
	for i, c := range []chat.Choices{{Pinned: true}, {Muted: true}, {MarkedUnread: true}, {ArchivedThrough: 1 << 40}, {Pinned: true, Muted: true, MarkedUnread: true, ArchivedThrough: 7}, {}} {
		chosen := chat.Member{Key: other, User: 3, Rev: 2, Blocks: true, Blocked: true, Choices: c}
		put(chosen)
		want(t, fmt.Sprintf("Member with choices %d", i), member(other, 3), chosen)
	}
	want(t, "Changed", changes(t, s, 3, 0, 0, 10), []chat.Change{
		{Key: key, Rev: 1, Apart: true}, {Key: other, Rev: 2, Apart: true}, {Key: proto.DirectKey(3, 9), Rev: 4}})
	want(t, "of one whose row has no change number", changes(t, s, 5, 0, 0, 10), nil)
	put(chat.Member{Key: key, User: 3, Rev: 6}, chat.Member{Key: key, User: 5})
	want(t, "of 3, afterwards", count(3), 1)
	want(t, "Changed afterwards", changes(t, s, 3, 0, 5, 10), []chat.Change{{Key: key, Rev: 6}})
	update(t, s, func(tx chat.Tx) error {
		err := tx.PutMember(chat.Member{Key: key, User: 3, Rev: 7, Blocks: true})
		n, err2 := tx.CountBlocks(3)
		want(t, "of 3, within the update", n, 2)
		return errors.Join(err, err2)
	})
}

func agents(t *testing.T, open History) {
	s := open()
	sales, support, complaints := proto.ServiceType_SERVICE_TYPE_SALES, proto.ServiceType_SERVICE_TYPE_SUPPORT, proto.ServiceType(proto.MaxService)
	set := chat.ServicesOf
	put := func(users ...chat.User) {
		t.Helper()
		putUsers(t, s, users...)
	}
	of := func(service proto.ServiceType) []uint64 {
		t.Helper()
		return get(t, s, func(v chat.View) ([]uint64, error) { return v.Agents(service) })
	}
	ann := chat.User{ID: math.MaxUint64, Name: "Ann", Services: set([]proto.ServiceType{sales, support}), FirstSeen: 1<<63 + 1, LastSeen: 1 << 63, HideTyping: true}
	ben := chat.User{ID: 7, Name: "Ben", Services: set([]proto.ServiceType{sales}), HidePresence: true}
	dee := chat.User{ID: 9, Name: "Dee", Services: set([]proto.ServiceType{complaints})}
	put(ann, ben, chat.User{ID: 8, Name: "Aaron"}, dee)
	want(t, "sales", of(sales), []uint64{7, math.MaxUint64})
	want(t, "support", of(support), []uint64{math.MaxUint64})
	want(t, "general", of(0), nil)
	for _, u := range []chat.User{ann, ben, dee} {
		want(t, "User", get(t, s, func(v chat.View) (chat.User, error) { return v.User(u.ID) }), u)
		want(t, "Users", found(t, s, chat.UserQuery{Text: u.Name, Limit: 9}), []chat.User{u})
	}
	for _, test := range []struct {
		query    string
		services chat.Services
		limit    int
		want     []chat.User
	}{
		{"", set([]proto.ServiceType{sales}), 9, []chat.User{ann, ben}},
		{"", set([]proto.ServiceType{sales}), 1, []chat.User{ann}},
		{"", set([]proto.ServiceType{support}), 9, []chat.User{ann}},
		{"", set([]proto.ServiceType{0, support}), 9, []chat.User{ann}},
		{"", set([]proto.ServiceType{0}), 9, nil},
		{"", set([]proto.ServiceType{complaints}), 9, []chat.User{dee}},
		{"a", set([]proto.ServiceType{sales}), 1, []chat.User{ann}}, // Aaron comes before, and is no agent
		{"BEN", set([]proto.ServiceType{sales}), 9, []chat.User{ben}},
		{"7", set([]proto.ServiceType{sales}), 9, []chat.User{ben}},
		{"7", set([]proto.ServiceType{support}), 9, nil},
		{"8", set([]proto.ServiceType{sales}), 9, nil},
	} {
		got := found(t, s, chat.UserQuery{Text: test.query, Services: test.services, Limit: test.limit})
		want(t, fmt.Sprintf("query %q of services %b", test.query, test.services), got, test.want)
	}
	ann.Services = 0
	put(ann)
	want(t, "sales without Ann", of(sales), []uint64{7})
	want(t, "support without Ann", of(support), nil)
}

func putUsers(t *testing.T, s chat.Store, users ...chat.User) {
	t.Helper()
	update(t, s, func(tx chat.Tx) error {
		for _, u := range users {
			if err := tx.PutUser(u); err != nil {
				return err
			}
		}
		return nil
	})
}

func ending(t *testing.T, open History) {
	s := open()
	sales := chat.ServicesOf([]proto.ServiceType{proto.ServiceType_SERVICE_TYPE_SALES})
	ann := chat.User{ID: math.MaxUint64, Name: "Ann", Services: sales, ServicesSince: 7, ServicesUntil: 1 << 63}
	ben := chat.User{ID: 7, Name: "Ben", Services: sales, ServicesUntil: 2, HideTyping: true, LastSeen: 9, Revoked: 1<<63 + 1, SignedOut: 1<<63 + 2, Renamed: 1<<63 + 3}
	dee := chat.User{ID: 9, Name: "Dee", Services: sales, ServicesUntil: 2}
	never := chat.User{ID: 8, Name: "Aaron", Services: sales}
	off := chat.User{ID: 6, Name: "Off", ServicesUntil: 1}
	putUsers(t, s, ann, ben, dee, never, off)
	of := func(limit int) []chat.User {
		t.Helper()
		return get(t, s, func(v chat.View) ([]chat.User, error) { return v.Ending(limit) })
	}
	want(t, "all", of(9), []chat.User{ben, dee, ann})
	want(t, "two", of(2), []chat.User{ben, dee})
	want(t, "none", of(0), nil)
	ben.ServicesUntil, dee.Services = 3, 0
	update(t, s, func(tx chat.Tx) error {
		if err := errors.Join(tx.PutUser(ben), tx.PutUser(dee)); err != nil {
			return err
		}
		found, err := tx.Ending(1)
		want(t, "within an update", found, []chat.User{ben})
		return err
	})
	want(t, "after", of(9), []chat.User{ben, ann})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	want(t, "User", get(t, open(), func(v chat.View) (chat.User, error) { return v.User(7) }), ben)
}

func blocked(t *testing.T, open History) {
	s := open()
	ann, ben := chat.User{ID: math.MaxUint64, Name: "Ann", Blocked: true}, chat.User{ID: 7, Blocked: true, HidePresence: true}
	putUsers(t, s, ann, ben, chat.User{ID: 8, Name: "Aaron"})
	of := func(limit int) []chat.User {
		t.Helper()
		return get(t, s, func(v chat.View) ([]chat.User, error) { return v.Blocked(limit) })
	}
	want(t, "all", of(9), []chat.User{ben, ann})
	want(t, "one", of(1), []chat.User{ben})
	want(t, "none", of(0), nil)
	ben.Blocked = false
	putUsers(t, s, ben)
	want(t, "after", of(9), []chat.User{ann})
}

func replace(t *testing.T, open History) {
	s := open()
	update(t, s, writeAll)
	m := chat.Member{Key: key, User: 3, Rev: 9, Read: 1, Delivered: 2, ReadTime: 5, DeliveredTime: 6, Own: 3, Seen: 4}
	update(t, s, func(tx chat.Tx) error {
		return errors.Join(tx.PutMember(m), tx.PutConversation(chat.Conversation{Key: key, Head: 9, Min: 4}), tx.PutUser(chat.User{ID: 3, Name: "Grace"}))
	})
	want(t, "Member", get(t, s, func(v chat.View) (chat.Member, error) { return v.Member(key, 3) }), m)
	want(t, "Conversation", get(t, s, func(v chat.View) (chat.Conversation, error) { return v.Conversation(key) }), chat.Conversation{Key: key, Head: 9, Min: 4})
	want(t, "User", get(t, s, func(v chat.View) (chat.User, error) { return v.User(3) }), chat.User{ID: 3, Name: "Grace"})
	want(t, "found by the old name", found(t, s, chat.UserQuery{Text: "Ada", Limit: 9}), nil)
}

func usages(t *testing.T, open History) {
	s := open()
	usage := func(user uint64) chat.Usage {
		t.Helper()
		return get(t, s, func(v chat.View) (chat.Usage, error) { return v.Usage(user) })
	}
	of := func(user, n uint64) chat.Usage {
		return chat.Usage{User: user, Bytes: chat.Bucket{Level: n, Time: n + 1}, Conversations: chat.Bucket{Level: n + 2, Time: n + 3}}
	}
	for i, id := range ids {
		update(t, s, func(tx chat.Tx) error {
			if err := tx.PutUsage(of(id, 1)); err != nil {
				return err
			}
			u, err := tx.Usage(id)
			want(t, "Usage within the update", u, of(id, 1))
			return errors.Join(err, tx.PutUsage(of(id, math.MaxUint64-4-uint64(i)))) // replaces the first
		})
	}
	if err := s.Close(); err != nil {
		t.Fatal("close:", err)
	}
	s = open()
	for i, id := range ids {
		want(t, "Usage", usage(id), of(id, math.MaxUint64-4-uint64(i)))
	}
	want(t, "Usage of another user", usage(2), chat.Usage{User: 2})
}

func ownership(t *testing.T, open History) {
	s := open()
	e := entry(key, 1, 1, 3)
	wanted := entry(key, 1, 1, 3)
	add(t, s, e)
	clear(e.Body)
	for range 2 {
		got := get(t, s, func(v chat.View) ([]chat.Entry, error) { return v.Entries(key, 0, 0, 1, true) })
		want(t, "Entries", got, []chat.Entry{wanted})
		clear(got[0].Body)
	}
}

func reopen(t *testing.T, open History) {
	s := open()
	epoch, secret := get(t, s, chat.View.Epoch), bytes.Clone(s.Secret())
	long := entry(key, 2, 1<<63, 5)
	long.Body = bytes.Repeat([]byte("x"), 70_000)
	update(t, s, writeAll)
	add(t, s, long)
	if err := s.Close(); err != nil {
		t.Fatal("close:", err)
	}
	s = open()
	want(t, "Epoch", get(t, s, chat.View.Epoch), epoch)
	want(t, "Secret", s.Secret(), secret)
	want(t, "LastID", get(t, s, chat.View.LastID), 1<<63)
	want(t, "Rev", get(t, s, chat.View.Rev), 7)
	want(t, "Entries", get(t, s, func(v chat.View) ([]chat.Entry, error) { return v.Entries(key, 0, 0, 9, true) }), []chat.Entry{entry(key, 1, 42, 3), long})
	want(t, "Member", get(t, s, func(v chat.View) (chat.Member, error) { return v.Member(key, 3) }), chat.Member{Key: key, User: 3, Rev: 7})
	want(t, "User", get(t, s, func(v chat.View) (chat.User, error) { return v.User(3) }), chat.User{ID: 3, Name: "Ada"})
	if err := s.Close(); err != nil {
		t.Fatal("close:", err)
	}
}

func epochs(t *testing.T, open History) {
	s := open()
	first := get(t, s, chat.View.Epoch)
	err := s.Update(t.Context(), func(tx chat.Tx) error {
		if err := tx.PutEpoch(first + 1); err != nil {
			return err
		}
		return errors.New("not after all")
	})
	want(t, "Epoch, after an update that failed", get(t, s, chat.View.Epoch), first)
	if err == nil {
		t.Error("the update did not fail")
	}
	update(t, s, func(tx chat.Tx) error {
		if err := tx.PutEpoch(1<<64 - 1); err != nil {
			return err
		}
		epoch, err := tx.Epoch()
		want(t, "Epoch, in the update", epoch, 1<<64-1)
		return err
	})
	want(t, "Epoch, after it", get(t, s, chat.View.Epoch), 1<<64-1)
	if err := s.Close(); err != nil {
		t.Fatal("close:", err)
	}
	want(t, "Epoch, after opening again", get(t, open(), chat.View.Epoch), 1<<64-1)
}

func starts(t *testing.T, open History) {
	reached := func(s chat.Store, start uint64) uint64 {
		return get(t, s, func(v chat.View) (uint64, error) { return v.Reached(start) })
	}
	change := func(s chat.Store, rev uint64) {
		update(t, s, func(tx chat.Tx) error { return tx.PutMember(chat.Member{Key: key, User: 3, Rev: rev}) })
	}
	s := open()
	first := s.Start()
	want(t, "the first start, before any change", reached(s, first), 0)
	change(s, 4)
	want(t, "the first start, which goes on", reached(s, first), 4)
	want(t, "a start that never was", reached(s, first+1), 0)
	var all []uint64
	for rev := uint64(5); rev < 8; rev++ {
		if err := s.Close(); err != nil {
			t.Fatal("close:", err)
		}
		s = open()
		all = append(all, s.Start())
		change(s, rev)
	}
	want(t, "the first start, later", reached(s, first), 4)
	want(t, "a start that never was, later", reached(s, 12345), 0)
	for i, start := range all {
		want(t, fmt.Sprintf("start %d after it", i+1), reached(s, start), 5+uint64(i))
		if start == first || i > 0 && start == all[i-1] || start == 0 {
			t.Errorf("start %d is %d, the one before %d", i+1, start, first)
		}
	}
}

func closed(t *testing.T, open History) {
	s := open()
	for range 2 { // closing twice is no error
		if err := s.Close(); err != nil {
			t.Fatal("close:", err)
		}
	}
	if err := s.Update(t.Context(), func(chat.Tx) error { return nil }); err == nil {
		t.Error("a closed store took an update")
	}
	if err := s.View(t.Context(), func(chat.View) error { return nil }); err == nil {
		t.Error("a closed store let itself be read")
	}
}
