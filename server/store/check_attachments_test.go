package store_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/server/chat"
	"parley/server/store"
)

// carried fills a folder with a history of one message with an attachment, and another upload.
func carried(t *testing.T, dir string) {
	t.Helper()
	db, err := store.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	s, err := newService(db)
	if err != nil {
		t.Fatal(err)
	}
	from, to := chat.Sender{User: 3}, uint64(5)
	var ids []uint64
	for range 2 {
		before, err := s.BeginUpload(t.Context(), from, "x", 1)
		if err != nil {
			t.Fatal(err)
		}
		after := before
		after.Offset, after.State, after.MediaType = 1, chat.AttachmentFinished, proto.PlainMediaType
		if err := s.ContinueUpload(t.Context(), before, after); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, before.ID)
	}
	payload, err := proto.Marshal(&proto.Message{
		MessageId: new(uint64), SenderId: new(uint64), CreateTime: new(uint64), ReceiverId: &to, Content: new(string),
		MessageType: proto.MessageType_MESSAGE_TYPE_FILE.Enum(), Attachments: []*proto.Attachment{{AttachmentId: protobuf.Uint64(ids[0])}},
	})
	if err != nil {
		t.Fatal(err)
	}
	request, err := s.Prepare(from, proto.BranchMessage, payload, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r := s.Commit(t.Context(), []chat.Request{request})[0]; r.Err != nil {
		t.Fatal(r.Err)
	}
	picture(t, s)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// picture makes a group with a picture, which a message carries too.
func picture(t *testing.T, s *chat.Service) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	defer func() {
		stop()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}()
	who := chat.Sender{User: 3}
	key, _, err := s.ChangeGroup(t.Context(), who, chat.GroupChange{Type: proto.MessageType_MESSAGE_TYPE_GROUP_CREATE, Content: "team"})
	if err != nil {
		t.Fatal(err)
	}
	before, err := s.BeginUpload(t.Context(), who, "team.png", 1)
	if err != nil {
		t.Fatal(err)
	}
	after := before
	after.Offset, after.State, after.MediaType = 1, chat.AttachmentFinished, "image/png"
	if err := s.ContinueUpload(t.Context(), before, after); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.ChangeGroup(t.Context(), who, chat.GroupChange{Key: key, Type: proto.MessageType_MESSAGE_TYPE_GROUP_PICTURE, Picture: before.ID}); err != nil {
		t.Fatal(err)
	}
	group := key.Group()
	payload, err := proto.Marshal(&proto.Message{
		MessageId: new(uint64), SenderId: new(uint64), CreateTime: new(uint64), ReceiverId: &group, GroupId: &group, Content: new(string),
		MessageType: proto.MessageType_MESSAGE_TYPE_IMAGE.Enum(), Attachments: []*proto.Attachment{{AttachmentId: &before.ID}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Publish(t.Context(), who, proto.BranchMessage, payload, nil); err != nil {
		t.Fatal(err)
	}
}

func TestCheckFindsAttachmentsThatDoNotFit(t *testing.T) {
	sound := t.TempDir()
	carried(t, sound)
	if all, _ := findings(t, sound); len(all) != 0 {
		t.Fatalf("findings %q", all)
	}
	const named = "(SELECT attachment FROM attachment_names WHERE attachment NOT IN (SELECT picture FROM user_groups))"
	for name, test := range map[string]struct{ statement, finding string }{
		"an upload missing":         {"DELETE FROM attachments WHERE id = " + named, "an entry names it, and it is not there"},
		"a name missing":            {"DELETE FROM attachment_names", "entry 1 carries 1 attachments, and 0 are noted"},
		"a name of no entry":        {"UPDATE attachment_names SET seq = x'0000000000000009' WHERE attachment = " + named, "an entry names it that is not there"},
		"a named one to be deleted": {"UPDATE attachments SET due = x'0000000000000002' WHERE id = " + named, "it is to be deleted"},
		"kept for ever":             {"UPDATE attachments SET due = x'0000000000000000' WHERE id NOT IN (SELECT attachment FROM attachment_names)", "it is kept for ever"},
		"another picture":           {"UPDATE user_groups SET picture = " + named, "named as the picture of a group, which has another"},
		"a picture not named":       {"DELETE FROM attachment_names WHERE seq = x'0000000000000000'", "the picture of a group, which does not name it"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			copyFile(t, filepath.Join(sound, store.FileName), filepath.Join(dir, store.FileName), nil)
			execute(t, filepath.Join(dir, store.FileName), test.statement)
			if all, _ := findings(t, dir); !slices.ContainsFunc(all, func(f string) bool { return strings.Contains(f, test.finding) }) {
				t.Errorf("findings %q, want one with %q", all, test.finding)
			}
		})
	}
}
