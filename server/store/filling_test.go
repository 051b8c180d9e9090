package store_test

import (
	"testing"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/server/chat"
	"parley/server/store"
)

// filling is a folder that a test fills with a history, by a service that is driven by hand.
type filling struct {
	*testing.T
	*chat.Service
	db *store.DB
}

func newFilling(t *testing.T, dir string) *filling {
	t.Helper()
	db, err := store.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	s, err := newService(db)
	if err != nil {
		t.Fatal(err)
	}
	return &filling{t, s, db}
}

// commit stores what somebody sends, which must be accepted.
func (f *filling) commit(from chat.Sender, branch proto.Branch, m protobuf.Message) {
	f.Helper()
	payload, err := proto.Marshal(m)
	if err != nil {
		f.Fatal(err)
	}
	request, err := f.Prepare(from, branch, payload, nil)
	if err != nil {
		f.Fatal(err)
	}
	if r := f.Commit(f.Context(), []chat.Request{request})[0]; r.Err != nil {
		f.Fatal(r.Err)
	}
}

// upload stores a finished upload of one byte, and returns its id.
func (f *filling) upload(from chat.Sender, name, mediaType string) uint64 {
	f.Helper()
	before, err := f.BeginUpload(f.Context(), from, name, 1)
	if err != nil {
		f.Fatal(err)
	}
	after := before
	after.Offset, after.State, after.MediaType = 1, chat.AttachmentFinished, mediaType
	if err := f.ContinueUpload(f.Context(), before, after); err != nil {
		f.Fatal(err)
	}
	return before.ID
}

func (f *filling) close() {
	f.Helper()
	if err := f.db.Close(); err != nil {
		f.Fatal(err)
	}
}
