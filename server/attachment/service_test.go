package attachment_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"testing"
	"testing/iotest"
	"time"

	"parley/proto"
	"parley/server/attachment"
	"parley/server/chat"
	"parley/server/chat/chattest"
)

// nobody is a fan-out in which nobody is connected.
type nobody struct{}

func (nobody) Publish(uint64, proto.Branch, []byte) {}

func (nobody) PublishTo(context.Context, uint64, string, proto.Branch, []byte) error { return nil }

// failing is a Store that fails at what is named.
type failing struct {
	attachment.Store
	at string
}

var errAway = errors.New("away")

func (f *failing) Append(ctx context.Context, id, offset uint64, r io.Reader) (uint64, error) {
	if f.at == "append" {
		return 0, errAway
	}
	return f.Store.Append(ctx, id, offset, r)
}

func (f *failing) Open(ctx context.Context, id, size uint64) (attachment.Content, error) {
	if f.at == "open" {
		return nil, errAway
	}
	return f.Store.Open(ctx, id, size)
}

func (f *failing) Delete(ctx context.Context, id uint64) error {
	if f.at == "delete" {
		return errAway
	}
	return f.Store.Delete(ctx, id)
}

// place is a service on a history in memory and a folder.
type place struct {
	*attachment.Service
	t       *testing.T
	history *chattest.Memory
	store   *failing
	now     time.Time
}

func newPlace(t *testing.T) *place {
	p := &place{t: t, history: chattest.NewMemory(1), store: &failing{Store: attachment.NewFolder(t.TempDir())}, now: time.Now()}
	p.start()
	return p
}

// start starts the service anew, as after a kill -9.
func (p *place) start() {
	p.t.Helper()
	p.history = p.history.Copy(uint64(p.now.UnixNano()))
	now := func() time.Time { return p.now }
	log := slog.New(slog.DiscardHandler)
	uploads, err := chat.New(chat.Config{Store: p.history, Fanout: nobody{}, Now: now, Log: log})
	if err != nil {
		p.t.Fatal(err)
	}
	p.Service = attachment.New(attachment.Config{Uploads: uploads, Store: p.store, Now: now, Log: log})
}

var ada, bob = chat.Sender{User: 3}, chat.Sender{User: 5}

func (p *place) begin(size uint64) chat.Attachment {
	p.t.Helper()
	a, err := p.Begin(p.t.Context(), ada, "x", size)
	if err != nil {
		p.t.Fatal(err)
	}
	return a
}

// now is how an upload stands.
func (p *place) of(id uint64) chat.Attachment {
	p.t.Helper()
	a, err := p.Uploads.Upload(p.t.Context(), ada, id)
	if err != nil {
		p.t.Fatal(err)
	}
	return a
}

// kept are the ids of the contents there are.
func (p *place) kept() (ids []uint64) {
	p.t.Helper()
	if err := p.store.Each(p.t.Context(), func(id uint64, _ time.Time) error {
		ids = append(ids, id)
		return nil
	}); err != nil {
		p.t.Fatal(err)
	}
	slices.Sort(ids)
	return ids
}

func (p *place) sweep() {
	p.t.Helper()
	if err := errors.Join(p.Sweep(p.t.Context()), p.SweepOrphans(p.t.Context())); err != nil {
		p.t.Fatal(err)
	}
}

func TestAnUploadIsServedWhenAllOfItIsThere(t *testing.T) {
	p := newPlace(t)
	content := []byte("GIF89a\x1e\x00\x14\x00and more")
	a := p.begin(uint64(len(content)))
	lost := errors.New("connection lost")
	if n, err := p.Append(t.Context(), a, io.MultiReader(bytes.NewReader(content[:7]), iotest.ErrReader(lost))); n != 7 || err == nil {
		t.Fatal(n, err)
	}
	if _, _, err := p.Open(t.Context(), ada, a.ID); err == nil {
		t.Error("half of it is served")
	}
	p.start()
	if a = p.of(a.ID); a.Offset != 7 {
		t.Fatalf("it stands at %d", a.Offset)
	}
	if n, err := p.Append(t.Context(), a, bytes.NewReader(append(content[7:], "too much"...))); n != uint64(len(content)-7) || err != nil {
		t.Fatal(n, err)
	}
	found, c, err := p.Open(t.Context(), ada, a.ID)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(c)
	if err != nil || !bytes.Equal(got, content) || found.MediaType != "image/gif" || found.Width != 30 || found.Height != 20 {
		t.Errorf("read %q of %+v: %v", got, found, err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if _, _, err := p.Open(t.Context(), bob, a.ID); err == nil {
		t.Error("another opened it")
	}
}

// The history was not told of the last part, as the server ended just then.
func TestAnUploadGoesOnFromWhereTheHistoryKnowsOfIt(t *testing.T) {
	p := newPlace(t)
	a := p.begin(10)
	if n, err := p.Append(t.Context(), a, bytes.NewReader([]byte("01234"))); n != 5 || err != nil {
		t.Fatal(n, err)
	}
	a = p.of(a.ID)
	if _, err := p.store.Append(t.Context(), a.ID, 5, bytes.NewReader([]byte("56789"))); err != nil {
		t.Fatal(err)
	}
	p.start()
	if a = p.of(a.ID); a.Offset != 5 || a.State != chat.AttachmentUnfinished {
		t.Fatalf("%+v", a)
	}
	if n, err := p.Append(t.Context(), a, bytes.NewReader([]byte("56789"))); n != 5 || err != nil {
		t.Fatal(n, err)
	}
	if _, c, err := p.Open(t.Context(), ada, a.ID); err != nil {
		t.Error(err)
	} else if got, err := io.ReadAll(c); err != nil || string(got) != "0123456789" || c.Close() != nil {
		t.Errorf("read %q: %v", got, err)
	}
}

func TestAStoreThatIsAwayIsATemporaryRefusal(t *testing.T) {
	p := newPlace(t)
	a := p.begin(3)
	temporary := func(err error) {
		t.Helper()
		var refusal *proto.Refusal
		if !errors.As(err, &refusal) || !refusal.Reason.Temporary() || refusal.Code != "uploads-away" {
			t.Errorf("refused with %v", err)
		}
	}
	for _, at := range []string{"append", "open"} { // it is opened to see what it is
		p.store.at = at
		n, err := p.Append(t.Context(), a, bytes.NewReader([]byte("abc")))
		if temporary(err); n != 0 || p.of(a.ID).Offset != 0 {
			t.Errorf("%s: %d bytes were taken", at, n)
		}
	}
	p.store.at = ""
	if n, err := p.Append(t.Context(), a, bytes.NewReader([]byte("abc"))); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	p.store.at = "open"
	_, _, err := p.Open(t.Context(), ada, a.ID)
	temporary(err)
}

func TestNothingIsKeptThatNobodyNamesADayLater(t *testing.T) {
	p := newPlace(t)
	finished, unfinished := p.begin(3), p.begin(30)
	for _, a := range []chat.Attachment{finished, unfinished} {
		if _, err := p.Append(t.Context(), a, bytes.NewReader([]byte("abc"))); err != nil {
			t.Fatal(err)
		}
	}
	foreign := uint64(42) // of a history that was put back to before it
	if _, err := p.store.Append(t.Context(), foreign, 0, bytes.NewReader([]byte("abc"))); err != nil {
		t.Fatal(err)
	}
	if p.sweep(); len(p.kept()) != 3 {
		t.Fatalf("at once only %v are kept", p.kept())
	}
	p.now = p.now.Add(24*time.Hour + time.Second)

	// It ends before the content is deleted, and before the upload is.
	p.store.at = "delete"
	if err := p.Sweep(t.Context()); err == nil {
		t.Fatal("nothing failed")
	}
	p.store.at = ""
	p.start()
	if _, _, err := p.Open(t.Context(), ada, finished.ID); err == nil {
		t.Error("what is being deleted is served")
	}
	if err := p.Sweep(t.Context()); err != nil || !slices.Equal(p.kept(), []uint64{foreign}) {
		t.Errorf("what could not be deleted is still kept: %v, %v", p.kept(), err)
	}
	if err := p.store.Delete(t.Context(), foreign); err != nil { // and the server ends before it notes that
		t.Fatal(err)
	}
	p.start()
	if p.sweep(); len(p.kept()) != 0 {
		t.Errorf("a day later %v are kept", p.kept())
	}
	if err := p.history.View(t.Context(), func(v chat.View) error {
		u, err := v.UploadUsage(ada.User)
		if u.Kept != 0 {
			t.Errorf("%d bytes count as kept", u.Kept)
		}
		left, due := v.DueAttachments(1<<63, 9)
		if len(left) > 0 {
			t.Errorf("%v are left", left)
		}
		return errors.Join(err, due)
	}); err != nil {
		t.Fatal(err)
	}
}
