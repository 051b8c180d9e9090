package chat_test

import (
	"slices"
	"testing"

	"parley/proto"
	"parley/server/chat"
)

const pictured = proto.MessageType_MESSAGE_TYPE_GROUP_PICTURE

// hangs lets a member give the group a picture, 0 for none, and returns the code of a refusal.
func (b *bench) hangs(by uint64, key proto.Key, picture uint64) string {
	b.t.Helper()
	_, _, err := b.ChangeGroup(b.t.Context(), chat.Sender{User: by}, chat.GroupChange{Key: key, Type: pictured, Picture: picture})
	if err == nil {
		return "taken"
	}
	return refusalOf(b.t, err).Code
}

func TestAGroupHasAPictureForItsMembersAlone(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b, key := grouped(t, s, false)
		first, second := b.uploaded(ada, "first.png", "image/png").ID, b.uploaded(ada, "second.png", "image/png").ID
		want := func(when string, picture uint64, readers ...uint64) {
			t.Helper()
			for _, user := range []uint64{bob, eve, cora} {
				row := b.rows(user)[key.String()]
				if member := slices.Contains(readers, user); member != (row.GetGroupPicture() == picture && picture != 0) {
					t.Errorf("%s user %d is told of picture %d", when, user, row.GetGroupPicture())
				}
				if got := b.has(user, picture); got != slices.Contains(readers, user) {
					t.Errorf("%s user %d may read the picture: %t", when, user, got)
				}
			}
		}
		b.out.take()
		same(t, "set", b.hangs(ada, key, first), "taken")
		entry := b.out.take()[0].body.(*proto.Message)
		if entry.GetMessageType() != pictured || entry.GetContent() != "first.png" || len(entry.Attachments) != 1 || entry.Attachments[0].GetMediaType() != "image/png" {
			t.Errorf("told of %v", entry)
		}
		want("set,", first, bob)
		b.change(ada, key, joined, "", eve) // who comes later cannot read the entry, and sees the picture
		want("with Eve,", first, bob, eve)
		same(t, "the same again", b.hangs(ada, key, first), "taken")
		same(t, "entries", b.rows(ada)[key.String()].GetHeadSeq(), uint64(3))
		b.change(bob, key, left, "") // who could read the entry, and does no more
		want("without Bob,", first, eve)
		same(t, "ended", b.sweep(), []uint64(nil))

		same(t, "another", b.hangs(ada, key, second), "taken")
		want("another,", second, eve)
		same(t, "ended", b.sweep(), []uint64{first})
		same(t, "none", b.hangs(ada, key, 0), "taken")
		if row := b.rows(ada)[key.String()]; row.GetGroupPicture() != 0 {
			t.Errorf("none, and told of %d", row.GetGroupPicture())
		}
		if last := b.last(ada, key); len(last.Attachments) != 0 || last.GetContent() != "" {
			t.Errorf("none, and told of %v", last)
		}
		same(t, "ended", b.sweep(), []uint64{second})

		// It goes with the last who could see it.
		third := b.uploaded(ada, "third.png", "image/png").ID
		same(t, "a third", b.hangs(ada, key, third), "taken")
		b.change(eve, key, left, "")
		same(t, "while there is a member", b.sweep(), []uint64(nil))
		b.change(ada, key, left, "")
		same(t, "without members", b.sweep(), []uint64{third})
	})
}

func TestWhatIsRefusedAsTheGroupsPicture(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b, key := grouped(t, s, false)
		picture, sound := b.uploaded(ada, "a.png", "image/png").ID, b.uploaded(ada, "a.ogg", "audio/ogg").ID
		large := b.upload(ada, "large.png", 300<<10)
		done := large
		done.Offset, done.State, done.MediaType = large.Size, chat.AttachmentFinished, "image/png"
		if err := b.ContinueUpload(t.Context(), large, done); err != nil {
			t.Fatal(err)
		}
		for what, test := range map[string]struct {
			by, picture uint64
			code        string
		}{
			"a mere member":      {bob, b.uploaded(bob, "b.png", "image/png").ID, "not-admin"},
			"who is in it not":   {eve, b.uploaded(eve, "e.png", "image/png").ID, "not-in-group"},
			"of somebody else":   {ada, b.uploaded(bob, "b.png", "image/png").ID, "attachment-gone"},
			"of nobody":          {ada, 1, "attachment-gone"},
			"not finished":       {ada, b.upload(ada, "c.png", 10).ID, "attachment-unfinished"},
			"no picture":         {ada, sound, "attachment-no-picture"},
			"too large":          {ada, large.ID, "upload-too-large"},
			"a picture at last":  {ada, picture, "taken"},
			"none by any member": {bob, 0, "not-admin"},
		} {
			same(t, what, b.hangs(test.by, key, test.picture), test.code)
		}
	})
}

// last is the newest entry that a user reads.
func (b *bench) last(user uint64, key proto.Key) *proto.Message {
	b.t.Helper()
	page, err := b.Messages(b.t.Context(), chat.Sender{User: user}, key, chat.Window{Limit: 100})
	if err != nil {
		b.t.Fatal(err)
	}
	all := read[*proto.MessagePage](b.t, page).Messages
	return all[len(all)-1]
}
