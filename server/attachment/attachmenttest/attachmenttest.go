// Package attachmenttest holds what every attachment.Store must keep. Each implementation
// runs it in tests of its own.
package attachmenttest

import (
	"bytes"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"testing"
	"testing/iotest"
	"time"

	"parley/server/attachment"
)

// Run tests a Store. fresh opens one that is empty.
func Run(t *testing.T, fresh func(t *testing.T) attachment.Store) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, attachment.Store)
	}{
		{"what was appended in parts is read as one", parts},
		{"any part of a content is read", ranges},
		{"what came before a connection broke is kept", broken},
		{"what was kept and is not known of is replaced", replaced},
		{"two who append the same at once leave it as it is", lingering},
		{"what is not complete cannot be opened", incomplete},
		{"what is deleted is gone, and others are not", deleted},
		{"all that is there is found", each},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, fresh(t)) })
	}
}

func random(n int) []byte {
	b := make([]byte, n)
	source := rand.NewChaCha8([32]byte{1})
	_, _ = source.Read(b) // never fails
	return b
}

func add(t *testing.T, s attachment.Store, id uint64, offset int, b []byte) {
	t.Helper()
	n, err := s.Append(t.Context(), id, uint64(offset), bytes.NewReader(b))
	if err != nil || n != uint64(len(b)) {
		t.Fatalf("Append at %d kept %d of %d bytes: %v", offset, n, len(b), err)
	}
}

// wants reads a whole content.
func wants(t *testing.T, s attachment.Store, id uint64, want []byte) {
	t.Helper()
	c, err := s.Open(t.Context(), id, uint64(len(want)))
	if err != nil {
		t.Fatal("Open:", err)
	}
	got, err := io.ReadAll(c)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("read %d bytes, want %d (the same: %v): %v", len(got), len(want), bytes.Equal(got, want), err)
	}
	if err := c.Close(); err != nil {
		t.Error("Close:", err)
	}
}

func parts(t *testing.T, s attachment.Store) {
	b := random(300_000)
	for _, id := range []uint64{1, math.MaxUint64} {
		add(t, s, id, 0, b[:1])
		add(t, s, id, 1, b[1:200_000])
		add(t, s, id, 200_000, b[200_000:])
		wants(t, s, id, b)
	}
}

func ranges(t *testing.T, s attachment.Store) {
	b := random(100_000)
	add(t, s, 7, 0, b[:60_000])
	add(t, s, 7, 60_000, b[60_000:])
	c, err := s.Open(t.Context(), 7, uint64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	if size, err := c.Seek(0, io.SeekEnd); err != nil || size != int64(len(b)) {
		t.Errorf("the end is at %d: %v", size, err)
	}
	for _, at := range []int{0, 59_990, 60_000, 99_999, 10} {
		if _, err := c.Seek(int64(at), io.SeekStart); err != nil {
			t.Fatal(err)
		}
		want := b[at:min(at+20, len(b))]
		got := make([]byte, len(want))
		if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, want) {
			t.Errorf("at %d: %x, want %x: %v", at, got, want, err)
		}
	}
	if _, err := c.Seek(-1, io.SeekStart); err == nil {
		t.Error("there is something before the beginning")
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

func broken(t *testing.T, s attachment.Store) {
	b, cut := random(100_000), errors.New("cut")
	n, err := s.Append(t.Context(), 7, 0, io.MultiReader(bytes.NewReader(b[:70_000]), iotest.ErrReader(cut)))
	if n != 70_000 || !errors.Is(err, cut) {
		t.Fatalf("Append kept %d bytes: %v", n, err)
	}
	if n, err := s.Append(t.Context(), 7, 70_000, iotest.ErrReader(cut)); n != 0 || !errors.Is(err, cut) {
		t.Errorf("Append kept %d bytes of nothing: %v", n, err)
	}
	add(t, s, 7, 70_000, b[70_000:])
	wants(t, s, 7, b)
}

func replaced(t *testing.T, s attachment.Store) {
	b := random(100_000)
	add(t, s, 7, 0, b[:50_000])
	add(t, s, 7, 50_000, b[50_000:80_000]) // and the history was not told
	add(t, s, 7, 50_000, b[50_000:60_000])
	add(t, s, 7, 60_000, b[60_000:])
	wants(t, s, 7, b)
	add(t, s, 8, 0, b[:50_000])
	add(t, s, 8, 50_000, b[50_000:80_000]) // likewise, and more than there is to be
	add(t, s, 8, 50_000, b[50_000:70_000])
	wants(t, s, 8, b[:70_000])
}

// slow lets another append while it is read.
type slow struct {
	io.Reader
	between func()
}

func (r *slow) Read(p []byte) (int, error) {
	if r.between != nil {
		r.between()
		r.between = nil
	}
	return r.Reader.Read(p[:min(len(p), 1000)])
}

func lingering(t *testing.T, s attachment.Store) {
	b := random(100_000)
	add(t, s, 7, 0, b[:40_000])
	lost := &slow{bytes.NewReader(b[40_000:60_000]), func() {
		add(t, s, 7, 40_000, b[40_000:90_000])
	}}
	if n, err := s.Append(t.Context(), 7, 40_000, lost); n != 20_000 || err != nil {
		t.Fatalf("Append kept %d bytes: %v", n, err)
	}
	add(t, s, 7, 90_000, b[90_000:])
	wants(t, s, 7, b)
}

func incomplete(t *testing.T, s attachment.Store) {
	b := random(1000)
	add(t, s, 7, 0, b[:999])
	for id, size := range map[uint64]uint64{7: 1000, 8: 1000} {
		if c, err := s.Open(t.Context(), id, size); err == nil {
			t.Errorf("%d bytes of %d were opened: %v", size, id, c.Close())
		}
	}
	if n, err := s.Append(t.Context(), 9, 5, bytes.NewReader(b)); err == nil {
		if c, err := s.Open(t.Context(), 9, 5+n); err == nil {
			t.Errorf("a content without a beginning was opened: %v", c.Close())
		}
	}
}

func deleted(t *testing.T, s attachment.Store) {
	b := random(1000)
	for _, id := range []uint64{7, 77} {
		add(t, s, id, 0, b[:500])
		add(t, s, id, 500, b[500:])
	}
	for range 2 {
		if err := s.Delete(t.Context(), 7); err != nil {
			t.Fatal("Delete:", err)
		}
	}
	if c, err := s.Open(t.Context(), 7, 1000); err == nil {
		t.Errorf("it is still there: %v", c.Close())
	}
	wants(t, s, 77, b)
	add(t, s, 7, 0, b[:10])
	wants(t, s, 7, b[:10])
}

func each(t *testing.T, s attachment.Store) {
	want := map[uint64]bool{7: true, 107: true, math.MaxUint64: true}
	for id := range want {
		add(t, s, id, 0, []byte("x"))
	}
	add(t, s, 7, 1, []byte("y"))
	got := make(map[uint64]bool)
	if err := s.Each(t.Context(), func(id uint64, changed time.Time) error {
		if age := time.Since(changed); age < -time.Hour || age > time.Hour {
			t.Errorf("%d changed %v ago", id, age)
		}
		got[id] = true
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for id := range want {
		if !got[id] {
			t.Errorf("%d was not found", id)
		}
	}
	if len(got) != len(want) {
		t.Errorf("found %v", got)
	}
	stop := errors.New("stop")
	if err := s.Each(t.Context(), func(uint64, time.Time) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("Each went on: %v", err)
	}
}
