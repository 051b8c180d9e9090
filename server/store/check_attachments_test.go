package store_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"parley/proto"
	"parley/server/chat"
	"parley/server/store"
)

// carried fills a folder with a history of one message with an attachment, another upload, and a
// group with a picture, which a message carries too.
func carried(t *testing.T, dir string) {
	t.Helper()
	f := newFilling(t, dir)
	who, to := chat.Sender{User: 3}, uint64(5)
	sends := func(m *proto.Message, kind proto.MessageType, id uint64) {
		t.Helper()
		m.MessageId, m.SenderId, m.CreateTime, m.Content = new(uint64), new(uint64), new(uint64), new(string)
		m.MessageType, m.Attachments = &kind, []*proto.Attachment{{AttachmentId: &id}}
		f.commit(who, proto.BranchMessage, m)
	}
	sends(&proto.Message{ReceiverId: &to}, proto.MessageType_MESSAGE_TYPE_FILE, f.upload(who, "x", proto.PlainMediaType))
	f.upload(who, "x", proto.PlainMediaType)

	change := chat.GroupChange{Type: proto.MessageType_MESSAGE_TYPE_GROUP_CREATE, Content: "team"}
	key, _, err := f.ChangeGroup(t.Context(), who, change)
	if err != nil {
		t.Fatal(err)
	}
	picture := f.upload(who, "team.png", "image/png")
	change = chat.GroupChange{Key: key, Type: proto.MessageType_MESSAGE_TYPE_GROUP_PICTURE, Picture: picture}
	if _, _, err := f.ChangeGroup(t.Context(), who, change); err != nil {
		t.Fatal(err)
	}
	group := key.Group()
	sends(&proto.Message{ReceiverId: &group, GroupId: &group}, proto.MessageType_MESSAGE_TYPE_IMAGE, picture)
	f.close()
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
