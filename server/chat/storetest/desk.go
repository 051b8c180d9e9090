package storetest

import (
	"math"
	"testing"

	"parley/proto"
	"parley/server/chat"
)

func notes(t *testing.T, open History) {
	s := open()
	here, there := proto.ServiceKey(math.MaxUint64, 2), proto.ServiceKey(7, 2)
	note := func(key proto.Key, id, time uint64, content string) chat.Note {
		return chat.Note{Key: key, ID: id, After: id + 1, Author: 1<<63 + id, Ref: [proto.RefSize]byte{1, 2, byte(id)}, Time: time, Content: content}
	}
	all := []chat.Note{note(here, 1, 1<<63, "she called"), note(here, 2, 10, ""), note(here, math.MaxUint64, 30, "x\x00y"), note(there, 1, 20, "elsewhere")}
	known := chat.Conversation{Key: here, Head: 3, Min: 1, Rev: 1, Notes: 5}
	update(t, s, func(tx chat.Tx) error {
		if err := tx.PutConversation(known); err != nil {
			return err
		}
		for _, n := range all {
			if err := tx.AddNote(n); err != nil {
				return err
			}
		}
		got, err := tx.Notes(here)
		want(t, "Notes within the update", got, all[:3])
		return err
	})
	if err := s.Update(t.Context(), func(tx chat.Tx) error { return tx.AddNote(note(here, 2, 11, "again")) }); err == nil {
		t.Error("an id was taken twice")
	}
	if err := s.Close(); err != nil {
		t.Fatal("close:", err)
	}
	s = open()
	of := func(key proto.Key) []chat.Note {
		t.Helper()
		return get(t, s, func(v chat.View) ([]chat.Note, error) { return v.Notes(key) })
	}
	want(t, "Conversation", get(t, s, func(v chat.View) (chat.Conversation, error) { return v.Conversation(here) }), known)
	want(t, "Notes", of(here), all[:3])
	want(t, "Notes where there are none", of(proto.ServiceKey(9, 2)), nil)
	update(t, s, func(tx chat.Tx) error {
		if err := tx.DeleteNote(there, 2); err != nil { // which is not there
			return err
		}
		return tx.DeleteNote(here, 1)
	})
	want(t, "Notes without the first", of(here), all[1:3])
	for _, step := range []struct {
		before uint64
		limit  int
		gone   int
		left   []chat.Note
	}{
		{10, 9, 0, all[1:3]}, {31, 1, 1, all[2:3]}, {31, 9, 2, nil},
	} {
		update(t, s, func(tx chat.Tx) error {
			n, err := tx.ExpireNotes(step.before, step.limit)
			want(t, "how many were too old", n, step.gone)
			return err
		})
		want(t, "Notes that are left", of(here), step.left)
	}
	want(t, "Notes elsewhere", of(there), nil)
}

func replies(t *testing.T, open History) {
	s := open()
	reply := func(service proto.ServiceType, id, version uint64, title string) chat.Reply {
		return chat.Reply{Service: service, ID: id, Version: version, Title: title, Content: "Hello {customer}"}
	}
	put := func(all ...chat.Reply) {
		t.Helper()
		update(t, s, func(tx chat.Tx) error {
			for _, r := range all {
				if err := tx.PutReply(r); err != nil {
					return err
				}
			}
			got, err := tx.Replies(all[0].Service)
			want(t, "Replies within the update", got, all)
			return err
		})
	}
	of := func(service proto.ServiceType) []chat.Reply {
		t.Helper()
		return get(t, s, func(v chat.View) ([]chat.Reply, error) { return v.Replies(service) })
	}
	put(reply(2, 1, 1<<63, "b"), reply(2, math.MaxUint64, 2, "a"))
	put(reply(0, 1, 3, "general"))
	put(reply(2, 1, 4, "c"), reply(2, math.MaxUint64, 2, "a"))
	if err := s.Close(); err != nil {
		t.Fatal("close:", err)
	}
	s = open()
	want(t, "Replies", of(2), []chat.Reply{reply(2, 1, 4, "c"), reply(2, math.MaxUint64, 2, "a")})
	update(t, s, func(tx chat.Tx) error { return tx.DeleteReply(2, 1) })
	want(t, "Replies without the first", of(2), []chat.Reply{reply(2, math.MaxUint64, 2, "a")})
	want(t, "Replies of another service", of(0), []chat.Reply{reply(0, 1, 3, "general")})
	want(t, "Replies where there are none", of(5), nil)
}
