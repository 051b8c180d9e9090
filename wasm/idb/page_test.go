package idb

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"reflect"
	"slices"
	"testing"

	"parley/proto"
	"parley/wasm/chat"
)

func entry(seq uint64) chat.Entry {
	return chat.Entry{Key: "d:1:2", Seq: seq, Body: fmt.Append(nil, seq)}
}

func TestAPageComesBackAsItWasPacked(t *testing.T) {
	for _, seqs := range [][]uint64{{1}, {63}, {64, 127}, {1<<53 + 1}, {1<<64 - 64, 1<<64 - 1}} {
		p := &page{number: pageOf(seqs[0])}
		var want []chat.Entry
		for _, seq := range seqs {
			p.set(seq, entry(seq).Body)
			want = append(want, entry(seq))
		}
		got, err := decodePage(p.encode())
		if err != nil {
			t.Fatalf("%v: %v", seqs, err)
		}
		if e := got.entries(nil, "d:1:2", 0, 1<<64-1); !reflect.DeepEqual(e, want) {
			t.Errorf("got %v, want %v", e, want)
		}
	}
}

func TestAnEmptyBodyIsAMessageToo(t *testing.T) {
	p := &page{}
	p.set(5, nil)
	got, err := decodePage(p.encode())
	if err != nil || got.present != 1<<5 {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestMergeKeepsWhatIsNewer(t *testing.T) {
	older, newer := &page{}, &page{}
	older.set(1, []byte("old"))
	older.set(2, []byte("old"))
	newer.set(2, []byte("new"))
	newer.set(63, []byte("new"))
	newer.merge(older)
	var got []string
	for _, e := range newer.entries(nil, "", 0, 100) {
		got = append(got, fmt.Sprint(e.Seq, string(e.Body)))
	}
	if want := []string{"1old", "2new", "63new"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestADamagedRecordIsAnError(t *testing.T) {
	p := &page{}
	for seq := range uint64(20) {
		p.set(seq, entry(seq).Body)
	}
	good := p.encode()
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 0x10
		if _, err := decodePage(bad); err == nil {
			t.Errorf("byte %d of %d may be wrong", i, len(good))
		}
		if _, err := decodePage(good[:i]); err == nil {
			t.Errorf("only %d of %d bytes are enough", i, len(good))
		}
	}
	if _, err := decodePage(append(bytes.Clone(good), 0)); err == nil {
		t.Error("a byte more is accepted")
	}
}

func TestARecordOfAnotherFormatSaysSo(t *testing.T) {
	b := (&page{}).encode()
	b[0]++
	if _, err := decodePage(sealed(b[:len(b)-4])); !errors.Is(err, errFormat) {
		t.Errorf("got %v, want %v", err, errFormat)
	}
}

func TestEachStretchOfPagesIsReadOnce(t *testing.T) {
	var entries []chat.Entry
	add := func(key string, from, to uint64) {
		for seq := from; seq <= to; seq++ {
			entries = append(entries, chat.Entry{Key: key, Seq: seq})
		}
	}
	add("b", 60, 200) // pages 0 to 3, of which 1 and 2 are full
	add("b", 1000, 1000)
	add("b", 1064, 1064)
	entries = append(entries, chat.Entry{Key: "a", Seq: 1<<64 - 1}, chat.Entry{Key: "a", Seq: 1<<64 - 100})
	got := incomplete(paginate(entries))
	want := []stretch{{"a", 1<<58 - 2, 1<<58 - 1}, {"b", 0, 0}, {"b", 3, 3}, {"b", 15, 16}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestKeysSortByConversationThenPage(t *testing.T) {
	places := []place{{"d:1:2", 0}, {"d:1:2", 255}, {"d:1:2", 256}, {"d:1:2", 1<<53 - 1}, {"d:1:2", 1 << 53}, {"d:1:2", 1<<58 - 1}, {"d:1:20", 0}, {"d:1:20", 1}}
	if !slices.IsSortedFunc(places, func(a, b place) int { return bytes.Compare(a.key(), b.key()) }) {
		t.Error("the bytes sort otherwise")
	}
}

// sealed ends a record that somebody made up.
func sealed(b []byte) []byte {
	return binary.BigEndian.AppendUint32(bytes.Clone(b), crc32.ChecksumIEEE(b))
}

// Whatever is in the database, decoding does not panic, and what it accepts
// means the same when packed again.
func FuzzPage(f *testing.F) {
	p := &page{number: 1 << 57}
	for seq := range uint64(pageSize) {
		p.set(seq, entry(seq).Body)
	}
	good := p.encode()
	f.Add(good[:len(good)-4])
	f.Add([]byte{format})
	f.Add([]byte{format, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := decodePage(b); err == nil && len(b) < 21 {
			t.Errorf("%d bytes are a page", len(b))
		}
		p, err := decodePage(sealed(b))
		if err != nil {
			return
		}
		again, err := decodePage(p.encode())
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(p, again) {
			t.Errorf("%v became %v", p, again)
		}
	})
}

func TestARowOfAnEarlierVersionHasNoSteps(t *testing.T) {
	row := chat.Row{Key: "d:1:2", State: []byte("state"), Ranges: []chat.Range{{From: 1, To: 2}}}
	b := encodeRow(row)
	before := record(b[:len(b)-5-4]) // without the two counts of steps, what was revised, when it was opened, its size, and the sum
	got, err := decodeRow(before.seal())
	if err != nil || !reflect.DeepEqual(got, row) {
		t.Errorf("%+v, %v, want %+v", got, err, row)
	}
}

func TestARowCutWithinItsStepsIsDamaged(t *testing.T) {
	b := encodeRow(chat.Row{Key: "d:1:2", Delivered: proto.ReceiptTimes{{Seq: 1, Time: 300}}, Read: proto.ReceiptTimes{{Seq: 1, Time: 400}}})
	for cut := 4; cut < 11; cut++ { // the steps take 8 bytes, what was revised, when it was opened and its size 1 each, and the sum 4
		short := record(slices.Clone(b[:len(b)-4-cut]))
		if row, err := decodeRow(short.seal()); err == nil {
			t.Errorf("%d bytes short, it is %+v", cut, row)
		}
	}
}

func FuzzRecords(f *testing.F) {
	for _, b := range [][]byte{
		encodeMeta(chat.Meta{Epoch: 1<<64 - 1, SyncToken: "token", Device: "device"}),
		encodeRow(chat.Row{Key: "d:1:2", State: []byte("state"), Ranges: []chat.Range{{From: 1, To: 2}, {From: 5, To: 1<<64 - 1}}}),
		encodeRow(chat.Row{Key: "d:1:2", Delivered: proto.ReceiptTimes{{Seq: 1, Time: 1}, {Seq: 5, Time: 1<<64 - 1}}, Read: proto.ReceiptTimes{{Seq: 2, Time: 9}}}),
		encodeOutgoing(chat.Outgoing{Number: 1, Key: "d:1:2", Body: []byte("body"), Refused: "why", Reason: 0x99}),
	} {
		f.Add(b[:len(b)-4])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		b = sealed(b)
		if m, err := decodeMeta(b); err == nil {
			if again, err := decodeMeta(encodeMeta(m)); err != nil || again != m {
				t.Errorf("%+v became %+v, %v", m, again, err)
			}
		}
		if r, err := decodeRow(b); err == nil {
			if again, err := decodeRow(encodeRow(r)); err != nil || !reflect.DeepEqual(again, r) {
				t.Errorf("%+v became %+v, %v", r, again, err)
			}
		}
		if o, err := decodeOutgoing(b); err == nil {
			if again, err := decodeOutgoing(encodeOutgoing(o)); err != nil || !reflect.DeepEqual(again, o) {
				t.Errorf("%+v became %+v, %v", o, again, err)
			}
		}
	})
}
