package storetest

import (
	"math"
	"testing"

	"parley/proto"
	"parley/server/chat"
)

func attachments(t *testing.T, open History) {
	s := open()
	all := []chat.Attachment{
		{ID: 1, Owner: 1 << 63, Name: "a\u202fb.png", MediaType: "image/png", Width: math.MaxUint32, Height: 1, Size: 1 << 40, Offset: 1 << 40, State: chat.AttachmentFinished, Time: 5},
		{ID: 2, Owner: 7, Name: "x", Size: 10, Offset: 3, Time: 6, Due: 30},
		{ID: 1 << 63, Owner: 7, Name: "y", Size: 10, Time: 7, Due: 20},
		{ID: math.MaxUint64, Owner: 7, Name: "", Size: 1, State: chat.AttachmentEnding, Due: math.MaxUint64},
	}
	update(t, s, func(tx chat.Tx) error {
		for _, a := range all {
			if err := tx.PutAttachment(a); err != nil {
				return err
			}
		}
		got, err := tx.Attachment(2)
		want(t, "Attachment within the update", got, all[1])
		return err
	})
	if err := s.Close(); err != nil {
		t.Fatal("close:", err)
	}
	s = open()
	of := func(id uint64) chat.Attachment {
		t.Helper()
		return get(t, s, func(v chat.View) (chat.Attachment, error) { return v.Attachment(id) })
	}
	for _, a := range all {
		want(t, "Attachment", of(a.ID), a)
	}
	want(t, "an Attachment that there is not", of(3), chat.Attachment{})
	due := func(now uint64, limit int) []chat.Attachment {
		t.Helper()
		return get(t, s, func(v chat.View) ([]chat.Attachment, error) { return v.DueAttachments(now, limit) })
	}
	want(t, "what is due at 19", due(19, 9), nil)
	want(t, "what is due at 30", due(30, 9), []chat.Attachment{all[2], all[1]})
	want(t, "what is due first", due(30, 1), all[2:3])
	want(t, "what is ever due", due(math.MaxUint64, 9), []chat.Attachment{all[2], all[1], all[3]})
	unfinished := get(t, s, func(v chat.View) ([]chat.Attachment, error) { return v.UnfinishedUploads(7) })
	want(t, "UnfinishedUploads", unfinished, all[1:3])
	update(t, s, func(tx chat.Tx) error {
		again := all[1]
		again.Name, again.MediaType, again.State, again.Due, again.Offset, again.Width, again.Height = "z", "audio/ogg", chat.AttachmentFinished, 0, 10, 2, 3
		all[1] = again
		if err := tx.PutAttachment(again); err != nil {
			return err
		}
		return tx.DeleteAttachment(1)
	})
	want(t, "an Attachment that was put again", of(2), all[1])
	want(t, "an Attachment that was deleted", of(1), chat.Attachment{})
	want(t, "what is due then", due(math.MaxUint64, 9), all[2:])
}

func attachmentNames(t *testing.T, open History) {
	s := open()
	here, there := proto.DirectKey(3, 5), proto.ServiceKey(3, 2)
	add(t, s, entry(here, 1, 1, 3), entry(here, 2, 2, 3), entry(here, 1<<63, 3, 3), entry(there, 1, 4, 3))
	name := func(id uint64, key proto.Key, seq uint64) chat.AttachmentName {
		return chat.AttachmentName{Attachment: id, Key: key, Seq: seq}
	}
	all := []chat.AttachmentName{name(9, here, 1), name(9, here, 1<<63), name(9, there, 1), name(1<<63, here, 1), name(1<<63, here, 2)}
	update(t, s, func(tx chat.Tx) error {
		for _, n := range all {
			if err := tx.NameAttachment(n); err != nil {
				return err
			}
		}
		got, err := tx.NamesIn(here, 1, 2)
		want(t, "NamesIn within the update", got, []chat.AttachmentName{all[0], all[3], all[4]})
		return err
	})
	if err := s.Update(t.Context(), func(tx chat.Tx) error { return tx.NameAttachment(all[1]) }); err == nil {
		t.Error("an entry named the same attachment twice")
	}
	if err := s.Close(); err != nil {
		t.Fatal("close:", err)
	}
	s = open()
	of := func(id uint64, limit int) []chat.AttachmentName {
		t.Helper()
		return get(t, s, func(v chat.View) ([]chat.AttachmentName, error) { return v.AttachmentNames(id, limit) })
	}
	in := func(key proto.Key, from, through uint64) []chat.AttachmentName {
		t.Helper()
		return get(t, s, func(v chat.View) ([]chat.AttachmentName, error) { return v.NamesIn(key, from, through) })
	}
	want(t, "AttachmentNames", of(9, 9), all[:3])
	want(t, "the first of AttachmentNames", of(9, 1), all[:1])
	want(t, "AttachmentNames of none", of(8, 9), nil)
	want(t, "NamesIn one entry", in(here, 2, 2), all[4:])
	want(t, "NamesIn all", in(here, 0, math.MaxUint64), []chat.AttachmentName{all[0], all[3], all[4], all[1]})
	want(t, "NamesIn a conversation that there is not", in(proto.DirectKey(8, 9), 0, 9), nil)
	update(t, s, func(tx chat.Tx) error {
		if err := tx.UnnameAttachment(name(9, here, 77)); err != nil { // which is not there
			return err
		}
		return tx.UnnameAttachment(all[0])
	})
	want(t, "AttachmentNames without the first", of(9, 9), all[1:3])
}

func uploadUsages(t *testing.T, open History) {
	s := open()
	usage := chat.UploadUsage{User: math.MaxUint64, Bytes: chat.Bucket{Level: 1 << 63, Time: 7}, Kept: math.MaxUint64}
	of := func(user uint64) chat.UploadUsage {
		t.Helper()
		return get(t, s, func(v chat.View) (chat.UploadUsage, error) { return v.UploadUsage(user) })
	}
	want(t, "UploadUsage of nobody", of(4), chat.UploadUsage{User: 4})
	update(t, s, func(tx chat.Tx) error { return tx.PutUploadUsage(usage) })
	want(t, "UploadUsage", of(usage.User), usage)
	usage.Kept, usage.Bytes.Level = 0, 3
	update(t, s, func(tx chat.Tx) error { return tx.PutUploadUsage(usage) })
	want(t, "UploadUsage that was put again", of(usage.User), usage)
	update(t, s, func(tx chat.Tx) error { return tx.DeleteUser(usage.User) })
	want(t, "UploadUsage of a user who was deleted", of(usage.User), chat.UploadUsage{User: usage.User})
}
