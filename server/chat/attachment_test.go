package chat_test

import (
	"math"
	"slices"
	"testing"
	"time"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/server/chat"
	"parley/server/chat/chattest"
)

// upload begins an upload of a user.
func (b *bench) upload(user uint64, name string, size uint64) chat.Attachment {
	b.t.Helper()
	a, err := b.BeginUpload(b.t.Context(), chat.Sender{User: user}, name, size)
	if err != nil {
		b.t.Fatal(err)
	}
	return a
}

// uploaded is a finished upload of a user.
func (b *bench) uploaded(user uint64, name, mediaType string) chat.Attachment {
	b.t.Helper()
	before := b.upload(user, name, 10)
	a := before
	a.Offset, a.State, a.MediaType = 10, chat.AttachmentFinished, mediaType
	if proto.IsPicture(mediaType) {
		a.Width, a.Height = 30, 20
	}
	if err := b.ContinueUpload(b.t.Context(), before, a); err != nil {
		b.t.Fatal(err)
	}
	return a
}

// carrying is a message to a user with attachments.
func carrying(to uint64, kind proto.MessageType, caption string, ids ...uint64) *proto.Message {
	m := typed(text(to, caption), kind)
	for _, id := range ids {
		m.Attachments = append(m.Attachments, &proto.Attachment{AttachmentId: &id})
	}
	return m
}

const (
	image = proto.MessageType_MESSAGE_TYPE_IMAGE
	file  = proto.MessageType_MESSAGE_TYPE_FILE
	voice = proto.MessageType_MESSAGE_TYPE_VOICE
)

func (b *bench) has(user, id uint64, services ...proto.ServiceType) bool {
	b.t.Helper()
	_, err := b.Attachment(b.t.Context(), chat.Sender{User: user, Services: services}, id)
	if err != nil && refusalOf(b.t, err).Reason != proto.NotAuthorized {
		b.t.Fatal(err)
	}
	return err == nil
}

// sweep ends all uploads that are due, as attachment.Service does, and returns their ids.
func (b *bench) sweep() (ended []uint64) {
	b.t.Helper()
	due, err := b.DueUploads(b.t.Context(), 100)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, a := range due {
		ok, err := b.EndUpload(b.t.Context(), a.ID)
		if err != nil {
			b.t.Fatal(err)
		}
		if !ok {
			continue
		}
		if err := b.ForgetUpload(b.t.Context(), a.ID); err != nil {
			b.t.Fatal(err)
		}
		ended = append(ended, a.ID)
	}
	slices.Sort(ended)
	return ended
}

func TestAMessageCarriesWhatTheServerKnowsOfItsAttachments(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := start(t, s)
		one, two := b.uploaded(ada, "../one.png", "image/png"), b.uploaded(ada, "two.jpg", "image/jpeg")
		m := carrying(bob, image, "", one.ID, two.ID)
		lie, size, wide := "passwd", uint64(1), uint32(1)
		m.Attachments[0].Name, m.Attachments[0].MediaType, m.Attachments[0].Size, m.Attachments[0].Width = &lie, &lie, &size, &wide
		m.Attachments[0].Preview = []byte{1, 1, 9, 9, 9}
		b.send(ada, m)
		told := b.out.take()
		delivered := 0
		want := &proto.Attachment{AttachmentId: &one.ID, Name: protobuf.String("one.png"), MediaType: protobuf.String("image/png"), Size: protobuf.Uint64(10),
			Width: protobuf.Uint32(30), Height: protobuf.Uint32(20), Preview: []byte{1, 1, 9, 9, 9}}
		for _, page := range []*proto.MessagePage{b.page(ada), b.page(bob)} {
			entry := page.GetMessages()[0]
			if !protobuf.Equal(entry.Attachments[0], want) || len(entry.Attachments) != 2 || entry.GetContent() != "one.png, two.jpg" {
				t.Errorf("stored %v", entry)
			}
		}
		for _, d := range told {
			if m, ok := d.body.(*proto.Message); ok && len(m.Attachments) == 2 && protobuf.Equal(m.Attachments[0], want) {
				delivered++
			}
		}
		if delivered != 2 {
			t.Errorf("delivered %v", told)
		}
		b.send(ada, carrying(bob, file, "both", one.ID))
		if entry := b.page(bob).GetMessages()[1]; entry.GetContent() != "both" || entry.GetMessageType() != file {
			t.Errorf("stored %v", entry)
		}
	})
}

func TestAttachmentsThatMayNotBeSentAreRefusedByName(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := start(t, s)
		evil := b.uploaded(eve, "hers.png", "image/png")
		unfinished, plain, picture := b.upload(ada, "x", 10), b.uploaded(ada, "x.exe", proto.PlainMediaType), b.uploaded(ada, "x.png", "image/png")
		ended := b.uploaded(ada, "gone.png", "image/png")
		if err := b.CancelUpload(t.Context(), chat.Sender{User: ada}, ended.ID); err != nil {
			t.Fatal(err)
		}
		for _, test := range []struct {
			name string
			m    *proto.Message
			code string
		}{
			{"somebody else's", carrying(bob, image, "", evil.ID), "attachment-gone"},
			{"nobody's", carrying(bob, image, "", 12345), "attachment-gone"},
			{"cancelled", carrying(bob, image, "", ended.ID), "attachment-gone"},
			{"unfinished", carrying(bob, file, "", unfinished.ID), "attachment-unfinished"},
			{"one of two", carrying(bob, file, "", picture.ID, unfinished.ID), "attachment-unfinished"},
			{"no picture", carrying(bob, image, "", plain.ID), "attachment-no-picture"},
			{"no sound", carrying(bob, voice, "", picture.ID), "attachment-no-sound"},
			{"none", carrying(bob, image, "x"), ""},
			{"with a text", carrying(bob, proto.MessageType_MESSAGE_TYPE_TEXT, "x", picture.ID), ""},
		} {
			_, err := b.publish(ada, proto.BranchMessage, test.m)
			if refusal := refusalOf(t, err); refusal.Code != test.code || refusal.Reason.Temporary() {
				t.Errorf("%s: %v (%s)", test.name, refusal, refusal.Code)
			}
		}
		if page := b.page(ada); len(page.GetMessages()) != 0 {
			t.Errorf("stored: %v", page)
		}
		b.pass(25 * time.Hour)
		if gone := b.sweep(); !slices.Contains(gone, picture.ID) {
			t.Errorf("a refused message kept what it named: %v", gone)
		}
	})
}

func TestWhoMayReadAnEntryMayReadAndPassOnWhatItNames(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := start(t, s)
		a := b.uploaded(ada, "x.png", "image/png")
		if !b.has(ada, a.ID) || b.has(bob, a.ID) || b.has(0, a.ID) {
			t.Error("before it is sent it is its uploader's alone")
		}
		b.send(ada, carrying(bob, image, "", a.ID))
		if !b.has(bob, a.ID) || b.has(eve, a.ID) {
			t.Error("sent, it is the conversation's")
		}
		b.send(bob, carrying(eve, image, "", a.ID))
		if !b.has(eve, a.ID) {
			t.Error("passed on, it is not the other conversation's")
		}
		const support = proto.ServiceType_SERVICE_TYPE_SUPPORT
		asked := word(eve, "")
		asked.ServiceType, asked.MessageType, asked.Attachments = support.Enum(), image.Enum(), carrying(bob, image, "", a.ID).Attachments
		b.say(eve, asked)
		if !b.has(77, a.ID, support) || b.has(77, a.ID, support+1) || b.has(77, a.ID) {
			t.Error("asked of a service, it is its agents'")
		}
	})
}

func TestWhatNoEntryNamesIsDeletedAfterADay(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := start(t, s, keeping(30*24*time.Hour))
		abandoned, unnamed, sent, shared := b.upload(ada, "a", 10), b.uploaded(ada, "u", "image/png"), b.uploaded(ada, "s", "image/png"), b.uploaded(ada, "f", "image/png")
		b.send(ada, carrying(bob, image, "", sent.ID, shared.ID))
		b.pass(24*time.Hour - time.Minute)
		if gone := b.sweep(); gone != nil {
			t.Errorf("before its time something is gone: %v", gone)
		}
		grown := abandoned
		grown.Offset = 5
		if err := b.ContinueUpload(t.Context(), abandoned, grown); err != nil {
			t.Fatal(err)
		}
		b.pass(2 * time.Minute)
		same(t, "gone after a day", b.sweep(), []uint64{unnamed.ID})
		b.send(bob, carrying(eve, image, "", shared.ID))
		b.pass(24 * time.Hour)
		same(t, "gone after it grew", b.sweep(), []uint64{abandoned.ID})

		b.pass(28*24*time.Hour + time.Hour)
		b.expire()
		same(t, "gone with its message", b.sweep(), []uint64{sent.ID})
		if b.has(ada, sent.ID) || !b.has(eve, shared.ID) || b.has(77, shared.ID) {
			t.Error("what another message names is not there, or what none does is")
		}
		b.pass(2 * 24 * time.Hour)
		b.expire()
		same(t, "gone with the last message", b.sweep(), []uint64{shared.ID})
	})
}

func TestUploadsAreBounded(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := start(t, s, func(c *chat.Config) {
			c.Uploads = chat.UploadQuotas{Largest: 100, Daily: 250, AgentDaily: 1000, Kept: 400}
		})
		who := chat.Sender{User: ada}
		refused := func(who chat.Sender, size uint64, code string) *proto.Refusal {
			t.Helper()
			_, err := b.BeginUpload(t.Context(), who, "x", size)
			refusal := refusalOf(t, err)
			if refusal.Code != code {
				t.Errorf("%d bytes: %v (%s), want %s", size, refusal, refusal.Code, code)
			}
			return refusal
		}
		refused(who, 0, "upload-empty")
		refused(who, 101, "upload-too-large")
		refused(who, math.MaxUint64, "upload-too-large")
		first := b.upload(ada, "x", 100)
		b.upload(ada, "x", 100)
		if r := refused(who, 100, "too-much-uploaded"); r.Retry < 4*time.Hour || r.Retry > 5*time.Hour {
			t.Errorf("there is room in %v", r.Retry)
		}
		b.upload(bob, "x", 100) // who is not concerned
		if _, err := b.BeginUpload(t.Context(), chat.Sender{User: 77, Services: []proto.ServiceType{1}}, "x", 100); err != nil {
			t.Error("an agent:", err)
		}
		b.pass(12 * time.Hour)
		b.upload(ada, "x", 100)
		b.pass(11 * time.Hour)
		b.upload(ada, "x", 100)
		refused(who, 1, "uploads-full")
		if err := b.CancelUpload(t.Context(), who, first.ID); err != nil {
			t.Fatal(err)
		}
		same(t, "ended", b.sweep(), []uint64{first.ID})
		b.pass(2 * time.Hour)
		b.upload(ada, "x", 100)
	})
}

func TestOfManyUnfinishedUploadsTheOldestIsGivenUp(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := start(t, s)
		first := b.upload(ada, "x", 10)
		for range 19 {
			b.pass(time.Second)
			b.upload(ada, "x", 10)
		}
		if _, err := b.Upload(t.Context(), chat.Sender{User: ada}, first.ID); err != nil {
			t.Fatal(err)
		}
		b.upload(ada, "x", 10)
		_, err := b.Upload(t.Context(), chat.Sender{User: ada}, first.ID)
		if refusal := refusalOf(t, err); refusal.Code != "attachment-gone" {
			t.Error(refusal)
		}
		same(t, "ended", b.sweep(), []uint64{first.ID})
	})
}

func TestAnUploadIsItsUsersAndGrowsInOnePlaceAtATime(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := start(t, s)
		a := b.upload(ada, "x", 10)
		grown := a
		grown.Offset = 5
		if err := b.ContinueUpload(t.Context(), a, grown); err != nil {
			t.Fatal(err)
		}
		if refusal := refusalOf(t, b.ContinueUpload(t.Context(), a, grown)); !refusal.Reason.Temporary() {
			t.Error("it grew twice from the same place:", refusal)
		}
		for _, who := range []uint64{0, eve} {
			_, err := b.Upload(t.Context(), chat.Sender{User: who}, a.ID)
			if refusal := refusalOf(t, err); refusal.Code != "attachment-gone" {
				t.Error(refusal)
			}
			if refusal := refusalOf(t, b.CancelUpload(t.Context(), chat.Sender{User: who}, a.ID)); refusal.Reason != proto.NotAuthorized {
				t.Errorf("%d cancelled it: %v", who, refusal)
			}
		}
		sent := b.uploaded(ada, "x.png", "image/png")
		b.send(ada, carrying(bob, image, "", sent.ID))
		if refusal := refusalOf(t, b.CancelUpload(t.Context(), chat.Sender{User: ada}, sent.ID)); refusal.Code != "attachment-sent" {
			t.Error("what was sent was cancelled:", refusal)
		}
		if ended, err := b.EndUpload(t.Context(), sent.ID); ended || err != nil {
			t.Error("what was sent ended", err)
		}
	})
}

// A node of the version before stores what a message carries as words alone, and it would be
// swept: while one is there no upload begins.
func TestNoUploadBeginsWhileNodesOfTheVersionBeforeAreThere(t *testing.T) {
	node := chattest.NewShared(chattest.NewMemory(7), time.Now).Open(1)
	b := prepared(t, node)
	node.Older = true
	_, err := b.BeginUpload(t.Context(), chat.Sender{User: ada}, "a.png", 10)
	if r := refusalOf(t, err); r.Code != "uploads-away" || r.Retry == 0 {
		t.Errorf("it is refused with %v, to be tried again in %v", r, r.Retry)
	}
}

func TestWhatAMessageCarriedGoesWhenItIsTakenBack(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := start(t, s)
		gone, passedOn := b.uploaded(ada, "gone.png", "image/png"), b.uploaded(ada, "passed-on.png", "image/png")
		b.send(ada, carrying(bob, image, "both", gone.ID, passedOn.ID))
		b.send(bob, carrying(eve, image, "", passedOn.ID))
		b.send(ada, of(bob, 1, recalls, ""))
		if m := b.page(bob).GetMessages()[0]; len(m.Attachments) > 0 || m.GetMessageType() != wasRecalled {
			t.Errorf("it is stored as %v", m)
		}
		if b.has(bob, gone.ID) {
			t.Error("Bob still has what was taken back")
		}
		if !b.has(eve, passedOn.ID) {
			t.Error("Eve has not what was passed on to her")
		}
		same(t, "deleted", b.sweep(), []uint64{gone.ID})
	})
}

func TestWhatAGroupsMessageCarriesIsForThoseWhoReadIt(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b, key := grouped(t, s, false)
		early, late := b.uploaded(ada, "early.png", "image/png"), b.uploaded(ada, "late.png", "image/png")
		carried := func(id uint64) *proto.Message {
			m := carrying(key.Group(), image, "", id)
			m.GroupId = protobuf.Uint64(key.Group())
			return m
		}
		b.send(ada, carried(early.ID))
		b.change(ada, key, proto.MessageType_MESSAGE_TYPE_GROUP_JOIN, "", eve)
		b.change(ada, key, removed, "", bob)
		receipt := b.send(ada, carried(late.ID))
		got := [][]bool{{b.has(bob, early.ID), b.has(bob, late.ID)}, {b.has(eve, early.ID), b.has(eve, late.ID)}, {b.has(cora, early.ID), b.has(cora, late.ID)}}
		same(t, "who was there, who came and who never was", got, [][]bool{{true, false}, {false, true}, {false, false}})
		recall := carried(late.ID)
		recall.Attachments, recall.MessageType, recall.TargetSeq = nil, recalls.Enum(), &receipt.Seq
		b.send(ada, recall)
		if b.has(eve, late.ID) {
			t.Error("Eve still has what was taken back")
		}
		same(t, "deleted", b.sweep(), []uint64{late.ID})
	})
}
