package chat_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"parley/proto"
	"parley/wasm/chat"
)

// files are those that a browser keeps, and the server's uploads of them.
type files struct {
	kept    map[string]uint64    // sizes, by key
	uploads map[uint64][2]uint64 // size and offset, by id
	begun   uint64
	calls   []string
	fail    func(call string) error // nil: nothing fails
	most    uint64                  // the longest part
}

func (f *files) call(format string, args ...any) error {
	call := fmt.Sprintf(format, args...)
	f.calls = append(f.calls, call)
	if f.fail != nil {
		return f.fail(call)
	}
	return nil
}

func (f *files) Begin(_ context.Context, _, key, name string, size uint64) (uint64, error) {
	if err := f.call("begin %s %d", name, size); err != nil {
		return 0, err
	}
	f.begun++
	f.uploads[f.begun] = [2]uint64{size, 0}
	return f.begun, nil
}

func (f *files) Offset(_ context.Context, _ string, id uint64) (uint64, error) {
	if err := f.call("offset %d", id); err != nil {
		return 0, err
	}
	return f.uploads[id][1], nil
}

func (f *files) Append(_ context.Context, _, key string, id, offset, n uint64) (uint64, error) {
	size, there := f.kept[key]
	if !there {
		return 0, chat.ErrFileGone
	}
	f.most = max(f.most, n)
	if err := f.call("append %d at %d", id, offset); err != nil {
		return 0, err
	}
	f.uploads[id] = [2]uint64{f.uploads[id][0], min(size, offset+n)}
	return f.uploads[id][1], nil
}

func (f *files) Cancel(_ context.Context, _ string, id uint64) error {
	return f.call("cancel %d", id)
}

func (f *files) Keys(context.Context) (keys []string, _ error) {
	for key := range f.kept {
		keys = append(keys, key)
	}
	return keys, nil
}

func (f *files) Delete(_ context.Context, keys []string) error {
	for _, key := range keys {
		delete(f.kept, key)
	}
	return nil
}

// keep puts a file of a size under a key, made now.
func (f *files) keep(at time.Time, n int, size uint64) string {
	key := fmt.Sprintf("%012x%020d", at.UnixMilli(), n)
	f.kept[key] = size
	return key
}

func newFiles() *files {
	return &files{kept: map[string]uint64{}, uploads: map[uint64][2]uint64{}}
}

func (v *screen) sendFiles(ref byte, caption string, drafts ...chat.DraftFile) {
	v.t.Helper()
	v.engine.Send(key, chat.Draft{Content: caption, Type: proto.MessageType_MESSAGE_TYPE_FILE, Files: drafts, Ref: [16]byte{ref}}, func(err error) {
		if err != nil {
			v.t.Error(err)
		}
	})
}

func (v *screen) contents() (all []string) {
	for _, m := range v.shown {
		all = append(all, fmt.Sprint(m.Content, len(m.Attachments), " ", m.State))
	}
	return all
}

func TestAMessageWithFilesKeepsItsPlaceUntilTheyAreUploaded(t *testing.T) {
	_, s := setup(t)
	f := newFiles()
	v := openWith(t, s, chat.Config{User: alice, Store: chat.NewMemory(), Files: f})
	s.clock.Run(time.Second)
	one, two := f.keep(s.clock.Now(), 1, 3<<20), f.keep(s.clock.Now(), 2, 10)
	failures := 0
	f.fail = func(call string) error {
		if call == "append 1 at 262144" && failures < 3 {
			failures++
			return errors.New("network")
		}
		return nil
	}
	v.sendFiles(1, "caption", chat.DraftFile{Key: one, Name: "one.bin", Size: 3 << 20}, chat.DraftFile{Key: two, Name: "two.bin", Size: 10})
	v.send("behind")
	s.clock.Run(50 * time.Millisecond)
	if got := v.contents(); !slices.Equal(got, []string{"caption2 pending", "behind0 pending"}) || len(s.published) != 0 {
		t.Errorf("shown %q, published %q", got, s.published)
	}
	s.clock.Run(2 * time.Minute)
	if !slices.Equal(s.published, []string{"caption", "behind"}) || failures != 3 {
		t.Fatalf("published %q after %d failures: %q", s.published, failures, f.calls)
	}
	m := s.logs[key][0]
	if m.Attachments[0].GetAttachmentId() != 1 || m.Attachments[1].GetAttachmentId() != 2 || f.uploads[1][1] != 3<<20 || f.uploads[2][1] != 10 {
		t.Errorf("sent %v, uploaded %v", m, f.uploads)
	}
	if len(f.kept) != 0 {
		t.Errorf("kept after all: %v", f.kept)
	}
	if f.most < 1<<20 {
		t.Errorf("where the network is fast the longest part was %d bytes", f.most)
	}
	if !slices.Contains(f.calls, "offset 1") {
		t.Error("after a failure the server was not asked how far it is")
	}
}

// The server stamps more than its acknowledgement says.
func TestWhatAMessageCarriesIsShownAsTheServerHasIt(t *testing.T) {
	for _, lost := range []bool{false, true} {
		_, s := setup(t)
		f := newFiles()
		v := openWith(t, s, chat.Config{User: alice, Store: chat.NewMemory(), Files: f})
		s.clock.Run(time.Second)
		s.alter = func(m *proto.Message) {
			name := "stamped"
			m.Attachments[0].Name = &name
		}
		s.dropDeliver = func(uint64) bool { return lost }
		v.sendFiles(1, "x", chat.DraftFile{Key: f.keep(s.clock.Now(), 1, 10), Name: "claimed", Size: 10})
		s.clock.Run(time.Minute)
		if m := v.shown[0]; len(v.shown) != 1 || m.State != chat.Sent || m.Attachments[0].Name != "stamped" || m.Attachments[0].File != "" {
			t.Errorf("shown %+v", m)
		}
	}
}

func TestAnUploadGoesOnAfterAReload(t *testing.T) {
	_, s := setup(t)
	f, store := newFiles(), chat.NewMemory()
	v := openWith(t, s, chat.Config{User: alice, Store: store, Files: f})
	s.clock.Run(time.Second)
	file, stray := f.keep(s.clock.Now(), 1, 3<<20), f.keep(s.clock.Now().Add(-25*time.Hour), 2, 5)
	fresh := f.keep(s.clock.Now(), 3, 5) // of a page that is about to send it
	f.fail = func(call string) error {
		if call == "append 1 at 786432" {
			return errors.New("network")
		}
		return nil
	}
	v.sendFiles(1, "", chat.DraftFile{Key: file, Name: "one.bin", Size: 3 << 20})
	s.clock.Run(10 * time.Second)
	if v.shown[0].Attachments[0].Uploaded != 786432 || v.shown[0].Attachments[0].File != file {
		t.Errorf("shown %+v", v.shown[0])
	}
	v.engine.Close(func() {})
	s.clock.Run(time.Second)
	f.fail, f.calls = nil, nil
	v = openWith(t, s, chat.Config{User: alice, Store: store, Files: f})
	s.clock.Run(30 * time.Second)
	if len(s.published) != 1 || f.begun != 1 || len(f.calls) < 2 || f.calls[0] != "offset 1" || f.calls[1] != "append 1 at 786432" {
		t.Errorf("published %q, asked %q", s.published, f.calls)
	}
	if _, there := f.kept[stray]; there || len(f.kept) != 1 || f.kept[fresh] == 0 {
		t.Errorf("kept %v", f.kept)
	}
}

func TestAnUploadThatTheServerGaveUpBeginsAnew(t *testing.T) {
	_, s := setup(t)
	f := newFiles()
	v := openWith(t, s, chat.Config{User: alice, Store: chat.NewMemory(), Files: f})
	s.clock.Run(time.Second)
	gone := false
	f.fail = func(call string) error {
		if call == "append 1 at 262144" {
			gone = true
		}
		if gone && call == "offset 1" || call == "append 1 at 262144" {
			return proto.Refuse(proto.NotAuthorized, "no such upload")
		}
		return nil
	}
	v.sendFiles(1, "x", chat.DraftFile{Key: f.keep(s.clock.Now(), 1, 1<<20), Name: "one.bin", Size: 1 << 20})
	s.clock.Run(time.Minute)
	if len(s.published) != 1 || s.logs[key][0].Attachments[0].GetAttachmentId() != 2 {
		t.Errorf("published %q: %q", s.published, f.calls)
	}
}

func TestAFileThatIsRefusedIsForThePersonToDecide(t *testing.T) {
	_, s := setup(t)
	f := newFiles()
	v := openWith(t, s, chat.Config{User: alice, Store: chat.NewMemory(), Files: f})
	s.clock.Run(time.Second)
	full := proto.Refuse(proto.PacketTooLarge, "too large").Named("upload-too-large", 2, 1)
	f.fail = func(string) error { return full }
	file := f.keep(s.clock.Now(), 1, 1000)
	v.sendFiles(1, "x", chat.DraftFile{Key: file, Name: "one.bin", Size: 1000})
	v.send("behind")
	s.clock.Run(5 * time.Second)
	if m := v.shown[len(v.shown)-1]; m.State != chat.Refused || m.ReasonCode != "upload-too-large" || !slices.Equal(s.published, []string{"behind"}) {
		t.Fatalf("shown %+v, published %q", m, s.published)
	}
	f.fail = nil
	v.engine.Retry(v.shown[len(v.shown)-1].Ref, 0, func(err error) {
		if err != nil {
			t.Error(err)
		}
	})
	s.clock.Run(5 * time.Second)
	if !slices.Equal(s.published, []string{"behind", "x"}) || len(f.kept) != 0 {
		t.Errorf("published %q, kept %v", s.published, f.kept)
	}
}

func TestAnUploadRestsUntilThePersonGoesOn(t *testing.T) {
	_, s := setup(t)
	f, store := newFiles(), chat.NewMemory()
	v := openWith(t, s, chat.Config{User: alice, Store: store, Files: f})
	s.clock.Run(time.Second)
	v.sendFiles(1, "x", chat.DraftFile{Key: f.keep(s.clock.Now(), 1, 3<<20), Name: "one.bin", Size: 3 << 20})
	v.send("behind")
	for i := 0; !slices.Contains(f.calls, "append 1 at 262144"); i++ {
		if s.clock.Step(); i > 1000 {
			t.Fatalf("asked %q", f.calls)
		}
	}
	pause := func(paused bool) {
		v.engine.Pause(v.shown[0].Ref, paused, func(err error) {
			if err != nil {
				t.Error(err)
			}
		})
	}
	pause(true)
	s.clock.Run(time.Second)
	asked := len(f.calls)
	s.clock.Run(time.Minute)
	if !v.shown[0].Paused || len(s.published) != 0 || len(f.calls) != asked {
		t.Errorf("shown %+v, published %q, asked %q", v.shown[0], s.published, f.calls)
	}
	v.engine.Close(func() {})
	s.clock.Run(time.Second)
	asked = len(f.calls)
	v = openWith(t, s, chat.Config{User: alice, Store: store, Files: f})
	s.clock.Run(time.Second)
	v.timeline(0, 50)
	s.clock.Run(time.Minute)
	if !v.shown[0].Paused || len(s.published) != 0 || len(f.calls) != asked {
		t.Errorf("after a reload: shown %+v, published %q, asked %q", v.shown[0], s.published, f.calls)
	}
	pause(false)
	s.clock.Run(time.Minute)
	if !slices.Equal(s.published, []string{"x", "behind"}) || f.begun != 1 {
		t.Errorf("published %q, asked %q", s.published, f.calls)
	}
}

func TestAnUploadIsCancelledWithItsMessage(t *testing.T) {
	_, s := setup(t)
	f := newFiles()
	v := openWith(t, s, chat.Config{User: alice, Store: chat.NewMemory(), Files: f})
	s.clock.Run(time.Second)
	f.fail = func(call string) error {
		if call == "append 1 at 262144" {
			return errors.New("network")
		}
		return nil
	}
	v.sendFiles(1, "x", chat.DraftFile{Key: f.keep(s.clock.Now(), 1, 1<<20), Name: "one.bin", Size: 1 << 20})
	v.send("behind")
	s.clock.Run(5 * time.Second)
	v.engine.Discard(v.shown[0].Ref, func(err error) {
		if err != nil {
			t.Error(err)
		}
	})
	s.clock.Run(5 * time.Second)
	if !slices.Equal(s.published, []string{"behind"}) || len(f.kept) != 0 || !slices.Contains(f.calls, "cancel 1") {
		t.Errorf("published %q, kept %v: %q", s.published, f.kept, f.calls)
	}
	v.engine.Discard(v.shown[0].Ref, func(err error) {
		if err == nil {
			t.Error("what was sent was discarded")
		}
	})
}

func TestAMessageThatIsTakenBackWhileItIsUploadedHoldsUpNothing(t *testing.T) {
	clock, s := setup(t)
	f := newFiles()
	a := openWith(t, s, chat.Config{User: alice, Store: chat.NewMemory(), Files: f})
	clock.Run(time.Second)
	f.fail = func(string) error { return errors.New("the connection broke") }
	a.sendFiles(1, "one", chat.DraftFile{Key: f.keep(clock.Now(), 1, 100), Name: "a", Size: 100})
	a.send("two")
	clock.Run(time.Second)
	a.engine.Send(key, chat.Draft{Type: recalls, OfRef: [16]byte{1}}, func(err error) {
		if err != nil {
			t.Error(err)
		}
	})
	clock.Run(5 * time.Second)
	want(t, "published", fmt.Sprint(s.published), "[two]")
}
