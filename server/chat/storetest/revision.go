package storetest

import (
	"errors"
	"math"
	"testing"

	"parley/proto"
	"parley/server/chat"
)

// revises holds what a store must keep of entries that others speak of.
func revises(t *testing.T, open History) {
	s := open()
	other := proto.DirectKey(3, 7)
	c := chat.Conversation{Key: key, Head: 6, Min: 1, Revised: 6, Recalled: 2}
	update(t, s, func(tx chat.Tx) error {
		var all []error
		for seq := uint64(1); seq <= 6; seq++ {
			all = append(all, tx.Append(entry(key, seq, 100+seq, 3+seq%2)))
		}
		all = append(all, tx.Append(entry(other, 1, 50, 3)), tx.PutConversation(c), tx.PutConversation(chat.Conversation{Key: other, Head: 1, Min: 1}))
		return errors.Join(all...)
	})
	revise := func(seq, by uint64, kind proto.MessageType, body string) chat.Entry {
		e := entry(key, seq, 100+seq, 3+seq%2)
		e.Type, e.Body, e.Revised = kind, []byte(body), by
		return e
	}
	first, second, third := revise(1, 5, 0, "edited"), revise(2, 4, proto.MessageType_MESSAGE_TYPE_RECALLED, ""), revise(3, 6, proto.MessageType_MESSAGE_TYPE_RECALLED, "")
	fails := errors.New("this one fails")
	if err := s.Update(t.Context(), func(tx chat.Tx) error { return errors.Join(tx.Revise(first), fails) }); !errors.Is(err, fails) {
		t.Fatal(err)
	}
	read := func(v chat.View, seq uint64) chat.Entry {
		entries, err := v.Entries(key, seq-1, seq+1, 1, false)
		if err != nil || len(entries) != 1 {
			t.Fatalf("entry %d: %v, error %v", seq, entries, err)
		}
		return entries[0]
	}
	if err := s.View(t.Context(), func(v chat.View) error {
		want(t, "after an update that failed", read(v, 1), entry(key, 1, 101, 4))
		update(t, s, func(tx chat.Tx) error {
			written, err := tx.FirstWritten(key, 3, 1)
			want(t, "the first written before", written.Seq, 2)
			all := errors.Join(err, tx.Revise(first), tx.Revise(second), tx.Revise(third))
			want(t, "within the update", read(tx, 2), second)
			written, err = tx.FirstWritten(key, 3, 1)
			want(t, "the first written within the update", written.Seq, 4)
			seven := entry(key, 7, 107, 4)
			all = errors.Join(all, err, tx.Append(seven), tx.Revise(revise(7, 8, 0, "at once")))
			want(t, "what the update itself appended", string(read(tx, 7).Body), "at once")
			return all
		})
		want(t, "a view from before", read(v, 1), entry(key, 1, 101, 4))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.Update(t.Context(), func(tx chat.Tx) error { return tx.Revise(revise(99, 100, 0, "")) }); err == nil {
		t.Error("an entry that is not there is revised")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open()
	revised := func(after uint64, limit int) []uint64 {
		entries := get(t, s, func(v chat.View) ([]chat.Entry, error) { return v.Revised(key, after, limit) })
		var seqs []uint64
		for _, e := range entries {
			seqs = append(seqs, e.Seq)
		}
		return seqs
	}
	want(t, "all that was revised", revised(0, 9), []uint64{2, 1, 3, 7})
	want(t, "of it two", revised(0, 2), []uint64{2, 1})
	want(t, "after 4", revised(4, 9), []uint64{1, 3, 7})
	want(t, "after all", revised(8, 9), nil)
	want(t, "with its body", get(t, s, func(v chat.View) ([]chat.Entry, error) { return v.Revised(key, 4, 1) }), []chat.Entry{first})
	recalled := func(after, except uint64) uint64 {
		return get(t, s, func(v chat.View) (uint64, error) { return v.CountRecalled(key, after, except) })
	}
	want(t, "all that were taken back", recalled(0, 0), 2)
	want(t, "after one", recalled(2, 0), 1)
	want(t, "of others", recalled(0, 3), 1)
	want(t, "after all", recalled(math.MaxUint64>>1, 0), 0)
	want(t, "nothing was in another", get(t, s, func(v chat.View) ([]chat.Entry, error) { return v.Revised(other, 0, 9) }), nil)
	want(t, "the conversation", get(t, s, func(v chat.View) (chat.Conversation, error) { return v.Conversation(key) }), c)
}
