package sim_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"parley/proto"
	"parley/server/attachment"
	"parley/server/chat"
	client "parley/wasm/chat"
)

// files are what a device keeps of what its person sends, beside its store: they outlive the tab.
type files struct {
	d    *device
	kept map[string][]byte
}

var _ client.Files = (*files)(nil)

// choose chooses files to send, which are kept before the engine knows of them.
func (d *device) choose() (chosen []client.DraftFile) {
	for range 1 + d.w.Rand.IntN(2) {
		content := make([]byte, 1+d.w.Rand.IntN(900))
		for i := range content {
			content[i] = byte(d.w.Rand.Uint32())
		}
		key := fmt.Sprintf("%012x%020x", d.host.Now().UnixMilli(), d.w.Rand.Uint64())
		d.files.kept[key] = content
		chosen = append(chosen, client.DraftFile{Key: key, Name: "file.bin", Size: uint64(len(content))})
	}
	return chosen
}

// at is the server that a request for files comes to.
func (f *files) at() (*server, error) {
	s := f.d.w.anyServer()
	if s == nil || f.d.w.Now().Before(s.frozen) || f.d.w.chance(8) {
		return nil, errDown
	}
	return s, nil
}

// ask lets a server do something, of which the answer may be lost, and the server may die.
func (f *files) ask(do func(*server) error) error {
	s, err := f.at()
	if err != nil {
		return err
	}
	if !s.survives(func() { err = do(s) }) {
		s.kill("at a file")
		return errReset
	}
	s.hint()
	if f.d.w.chance(8) {
		return errReset
	}
	return err
}

// Begin implements client.Files.
func (f *files) Begin(ctx context.Context, _, key, name string, size uint64) (id uint64, err error) {
	err = f.ask(func(s *server) error {
		a, err := s.attachments.Begin(ctx, f.d.sender(), name, size)
		id = a.ID
		f.d.w.contents[id] = f.kept[key]
		return err
	})
	return id, err
}

// Offset implements client.Files.
func (f *files) Offset(ctx context.Context, _ string, id uint64) (offset uint64, err error) {
	err = f.ask(func(s *server) error {
		a, err := s.service.Upload(ctx, f.d.sender(), id)
		offset = a.Offset
		return err
	})
	return offset, err
}

// Append implements client.Files.
func (f *files) Append(ctx context.Context, _, key string, id, offset, n uint64) (reached uint64, err error) {
	content, kept := f.kept[key]
	if !kept {
		return 0, client.ErrFileGone
	}
	err = f.ask(func(s *server) error {
		a, err := s.service.Upload(ctx, f.d.sender(), id)
		if err != nil || a.Offset != offset || a.State != chat.AttachmentUnfinished {
			reached = a.Offset
			return err
		}
		part := content[offset:min(offset+n, uint64(len(content)))]
		var from io.Reader = bytes.NewReader(part)
		if f.d.w.chance(2) { // the connection breaks on the way
			from = io.MultiReader(bytes.NewReader(part[:f.d.w.Rand.IntN(len(part))]), broken{})
		}
		took, err := s.attachments.Append(ctx, a, from)
		reached = offset + took
		return err
	})
	return reached, err
}

// broken is a connection that broke.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, brokenError{} }

type brokenError struct{}

func (brokenError) Error() string { return "the connection broke" }
func (brokenError) Sender() bool  { return true }

// Cancel implements client.Files.
func (f *files) Cancel(ctx context.Context, _ string, id uint64) error {
	return f.ask(func(s *server) error { return s.service.CancelUpload(ctx, f.d.sender(), id) })
}

// Keys implements client.Files.
func (f *files) Keys(context.Context) ([]string, error) {
	return slices.Sorted(maps.Keys(f.kept)), nil
}

// Delete implements client.Files.
func (f *files) Delete(_ context.Context, keys []string) error {
	for _, key := range keys {
		delete(f.kept, key)
	}
	return nil
}

// blobs are the contents that servers keep: they outlive them.
type blobs struct {
	w    *world
	kept map[uint64]blob
}

type blob struct {
	content []byte
	changed time.Time
}

// Append implements attachment.Store.
func (b *blobs) Append(_ context.Context, id, offset uint64, r io.Reader) (uint64, error) {
	if b.w.disk.full {
		return 0, errFull
	}
	before := b.kept[id].content
	if uint64(len(before)) < offset {
		return 0, errors.New("less is kept than is known of")
	}
	more, err := io.ReadAll(r)
	if len(more) > 0 || offset == 0 {
		b.kept[id] = blob{slices.Concat(before[:offset], more), b.w.Now()}
	}
	if b.w.chance(20) {
		panic(errKilled) // before it is noted in the history
	}
	return uint64(len(more)), err
}

// Open implements attachment.Store.
func (b *blobs) Open(_ context.Context, id, size uint64) (attachment.Content, error) {
	kept := b.kept[id].content
	if uint64(len(kept)) < size {
		return nil, errors.New("less is kept than is known of")
	}
	return whole{bytes.NewReader(kept[:size])}, nil
}

// whole is a content to be read.
type whole struct{ *bytes.Reader }

func (whole) Close() error { return nil }

// Delete implements attachment.Store.
func (b *blobs) Delete(_ context.Context, id uint64) error {
	delete(b.kept, id)
	if b.w.chance(20) {
		panic(errKilled) // before it is noted in the history
	}
	return nil
}

// Each implements attachment.Store.
func (b *blobs) Each(_ context.Context, each func(id uint64, changed time.Time) error) error {
	for _, id := range slices.Sorted(maps.Keys(b.kept)) {
		if err := each(id, b.kept[id].changed); err != nil {
			return err
		}
	}
	return nil
}

// sweepFiles lets a server delete, again and again, what is due of files.
func (s *server) sweepFiles() {
	s.again(sweepFilesEvery, func() {
		if !s.survives(func() { _ = s.attachments.Sweep(context.Background()) }) { // it is tried again
			s.kill("at a sweep of files")
		}
		s.hint()
	})
}

const sweepFilesEvery = 20 * time.Second

// filesOf are the attachments that an entry carries.
func filesOf(kind proto.KeyKind, body []byte) (ids []uint64) {
	var all []*proto.Attachment
	if kind == proto.Service {
		var m proto.ServiceMessage
		_ = proto.Unmarshal(body, &m) // read did
		all = m.Attachments
	} else {
		var m proto.Message
		_ = proto.Unmarshal(body, &m) // likewise
		all = m.Attachments
	}
	for _, a := range all {
		ids = append(ids, a.GetAttachmentId())
	}
	return ids
}

// checkCarried holds that what an entry carries is there as a whole when the entry is told.
func (w *world) checkCarried(x logged) {
	for _, id := range x.files {
		if w.wipes == 0 && !bytes.Equal(w.blobs.kept[id].content, w.contents[id]) && w.carries(x, id) {
			w.fail("%s %d is told, and carries a file of which %d of %d bytes are kept", x.key, x.Seq, len(w.blobs.kept[id].content), len(w.contents[id]))
		}
	}
}

// carries reports whether an entry still carries a file, which may have been taken back.
func (w *world) carries(x logged, id uint64) bool {
	e := w.disk.entry(x.key.String(), x.Seq)
	return e != nil && slices.Contains(filesOf(x.key.Kind(), e.Body), id)
}

// checkFiles holds, once all is over, that who may read a message reads what it carries, and nobody else, and
// that a day later nothing else is kept.
func (w *world) checkFiles(logs map[proto.Key][]logged) {
	s := w.anyServer()
	named := make(map[uint64]bool)
	for key, log := range logs {
		for _, x := range log {
			for _, id := range x.files {
				named[id] = true
				for _, d := range w.devices {
					w.checkReads(s, d, key, x, id)
				}
			}
		}
	}
	if w.failed == nil {
		w.checkKept(named)
	}
}

// checkReads holds that a device's user reads a file that an entry carries, if and only if they may read that.
func (w *world) checkReads(s *server, d *device, key proto.Key, x logged, id uint64) {
	may := key.Kind() != proto.Group && d.of(key)
	if key.Kind() == proto.Group {
		reads, ok := w.roll(key).reads(d.user)
		may = ok && reads.has(x.Seq)
	}
	_, content, err := s.attachments.Open(context.Background(), d.sender(), id)
	if err != nil {
		if may && w.wipes == 0 {
			w.fail("%s: what %s %d carries cannot be read: %v", d, key, x.Seq, err)
		}
		return
	}
	got, err := io.ReadAll(content)
	if err != nil || !bytes.Equal(got, w.contents[id]) || !may && x.author != d.user {
		w.fail("%s: what %s %d carries is read as %d bytes of %d (%v); they may: %t", d, key, x.Seq, len(got), len(w.contents[id]), err, may)
	}
}

// checkKept lets a day go by, and holds that then contents are kept of what entries name alone.
func (w *world) checkKept(named map[uint64]bool) {
	w.over = true
	for _, d := range w.devices {
		if d.host != nil {
			d.shut()
		}
	}
	w.killServers("all is over")
	w.Run(25 * time.Hour)
	w.startServer(0)
	s, ctx := w.servers[0], context.Background()
	if err := errors.Join(s.attachments.Sweep(ctx), s.attachments.SweepOrphans(ctx)); err != nil {
		w.fail("delete what is due: %v", err)
	}
	for _, id := range slices.Sorted(maps.Keys(w.blobs.kept)) {
		if !named[id] {
			w.fail("file %d is kept, of %d bytes, and nothing names it", id, len(w.blobs.kept[id].content))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(w.contents)) {
		a, err := w.attachment(id)
		if err != nil || a.ID != 0 && !named[id] {
			w.fail("file %d is known, and nothing names it: %+v, %v", id, a, err)
		}
	}
}

// attachment is what the server's disk knows of a file.
func (w *world) attachment(id uint64) (a chat.Attachment, err error) {
	err = w.disk.View(context.Background(), func(v chat.View) (err error) {
		a, err = v.Attachment(id)
		return err
	})
	return a, err
}
