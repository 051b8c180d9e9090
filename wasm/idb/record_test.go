package idb

import (
	"encoding/binary"
	"hash/crc32"
	"reflect"
	"testing"

	"parley/proto"
	"parley/wasm/chat"
)

// newer is a record as a version writes it that knows one more field.
func newer(b []byte) []byte {
	longer := append(b[:len(b)-4:len(b)-4], "what is known more"...)
	return binary.BigEndian.AppendUint32(longer, crc32.ChecksumIEEE(longer))
}

func TestWhatANewerVersionKnowsMoreOfIsPassedOver(t *testing.T) {
	meta := chat.Meta{Epoch: 7, SyncToken: "token", Device: "device", EditWindow: 3601, Keeping: 2, Limits: chat.Limits{Days: 90, Bytes: 1 << 30}}
	if got, err := decodeMeta(newer(encodeMeta(meta))); err != nil || !reflect.DeepEqual(got, meta) {
		t.Errorf("meta: %+v, %v", got, err)
	}
	row := chat.Row{Key: "x:some:thing", State: []byte("state"), Ranges: []chat.Range{{From: 1, To: 9}}, Revised: 300, Opened: 1_750_000_000_000, Size: 1 << 40}
	if got, err := decodeRow(newer(encodeRow(row))); err != nil || !reflect.DeepEqual(got, row) {
		t.Errorf("row: %+v, %v", got, err)
	}
	outgoing := chat.Outgoing{Number: 3, Key: "x:some:thing", Body: []byte("body"), Refused: "no", Reason: 0x99, Code: "no", Args: []string{"1", "2"},
		Files: []chat.OutgoingFile{{Key: "0123", Upload: 1<<64 - 1}, {}}, Of: [proto.RefSize]byte{7}, Paused: true}
	if got, err := decodeOutgoing(newer(encodeOutgoing(outgoing))); err != nil || !reflect.DeepEqual(got, outgoing) {
		t.Errorf("outgoing: %+v, %v", got, err)
	}
	older := newRecord(0)
	older.uint64(3)
	for _, field := range []string{"x:some:thing", "body", "no"} {
		older.string(field)
	}
	older.uvarint(0x99)
	outgoing.Code, outgoing.Args, outgoing.Files, outgoing.Of, outgoing.Paused = "", nil, nil, [proto.RefSize]byte{}, false
	if got, err := decodeOutgoing(older.seal()); err != nil || !reflect.DeepEqual(got, outgoing) {
		t.Errorf("outgoing of an earlier version: %+v, %v", got, err)
	}
	cut := newer(encodeRow(row))
	if _, err := decodeRow(cut[:len(cut)-1]); err == nil {
		t.Error("a record that was cut is taken")
	}
}
