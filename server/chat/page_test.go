package chat_test

import (
	"bytes"
	"testing"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/server/chat"
)

// read returns a page as the message it is, and holds that both its forms are one.
func read[M protobuf.Message](t testing.TB, page *chat.Page) M {
	t.Helper()
	m, err := page.Message()
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(page.Marshal(), encoded) {
		t.Errorf("a page of %d entries goes out as\n%x\nand is\n%x", len(page.Entries), page.Marshal(), encoded)
	}
	return m.(M)
}

func TestADamagedEntryIsNamed(t *testing.T) {
	for _, kind := range []proto.KeyKind{proto.Direct, proto.Service} {
		page := &chat.Page{Epoch: 1, Head: 7, Min: 1, Kind: kind, Entries: []chat.Entry{{ID: 5, Seq: 7, Body: []byte{0xff}}}}
		_, err := page.Message()
		if want := "entry 7 of a conversation (message id 5) is damaged"; err == nil || !bytes.Contains([]byte(err.Error()), []byte(want)) {
			t.Errorf("kind %v: %v, want %q", kind, err, want)
		}
	}
}
