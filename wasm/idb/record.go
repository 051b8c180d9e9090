package idb

import (
	"encoding/binary"
	"errors"
	"hash/crc32"

	"parley/proto"
	"parley/wasm/chat"
)

// A record is its fields, as the encoders below put them, then the CRC-32 of
// all before it, 4 big-endian bytes. The first byte is the format's version.

// format is the version of all records. Another one comes with another version of the schema, so that no program finds
// records that it cannot read but in a database that it leaves alone, or where there is damage.
const format = 1

var (
	errDamaged = errors.New("the record is damaged")
	errFormat  = errors.New("the record is of another version")
)

// record is a record being written.
type record []byte

func (r *record) uvarint(n uint64) { *r = binary.AppendUvarint(*r, n) }
func (r *record) uint64(n uint64)  { *r = binary.BigEndian.AppendUint64(*r, n) }
func (r *record) bytes(b []byte)   { r.uvarint(uint64(len(b))); *r = append(*r, b...) }
func (r *record) string(s string)  { r.uvarint(uint64(len(s))); *r = append(*r, s...) }

func newRecord(size int) record { return append(make(record, 0, size+5), format) }

// seal ends the record.
func (r *record) seal() []byte {
	return binary.BigEndian.AppendUint32(*r, crc32.ChecksumIEEE(*r))
}

// fields is what is left of a record being read. After an error everything
// reads as zero.
type fields struct {
	left []byte
	err  error
}

func readRecord(b []byte) *fields {
	n := len(b) - 4
	switch {
	case n < 1 || crc32.ChecksumIEEE(b[:n]) != binary.BigEndian.Uint32(b[n:]):
		return &fields{err: errDamaged}
	case b[0] != format:
		return &fields{err: errFormat}
	}
	return &fields{left: b[1:n:n]}
}

func (f *fields) fail() {
	f.left = nil
	if f.err == nil {
		f.err = errDamaged
	}
}

func (f *fields) uvarint() uint64 {
	n, size := binary.Uvarint(f.left)
	if size <= 0 {
		f.fail()
		return 0
	}
	f.left = f.left[size:]
	return n
}

func (f *fields) uint64() uint64 {
	if len(f.left) < 8 {
		f.fail()
		return 0
	}
	n := binary.BigEndian.Uint64(f.left)
	f.left = f.left[8:]
	return n
}

// bytes returns a part of the record itself, with no room behind it.
func (f *fields) bytes() []byte {
	n := f.uvarint()
	if n > uint64(len(f.left)) {
		f.fail()
		return nil
	}
	b := f.left[:n:n]
	f.left = f.left[n:]
	return b
}

func (f *fields) string() string { return string(f.bytes()) }

// end returns the first error. What is left is what a newer version knows more.
func (f *fields) end() error { return f.err }

func encodeMeta(m chat.Meta) []byte {
	r := newRecord(len(m.SyncToken) + len(m.Device) + 40)
	r.uint64(m.Epoch)
	r.string(m.SyncToken)
	r.string(m.Device)
	r.uvarint(m.EditWindow)
	r.uvarint(m.Indexed)
	r.uvarint(m.Keeping)
	r.uvarint(m.Limits.Days)
	r.uvarint(m.Limits.Bytes)
	return r.seal()
}

func decodeMeta(b []byte) (chat.Meta, error) {
	f := readRecord(b)
	m := chat.Meta{Epoch: f.uint64(), SyncToken: f.string(), Device: f.string()}
	if len(f.left) > 0 { // earlier versions ended here
		m.EditWindow = f.uvarint()
	}
	if len(f.left) > 0 { // likewise
		m.Indexed = f.uvarint()
	}
	if len(f.left) > 0 { // likewise
		m.Keeping = f.uvarint()
	}
	if len(f.left) > 0 { // likewise
		m.Limits = chat.Limits{Days: f.uvarint(), Bytes: f.uvarint()}
	}
	return m, f.end()
}

func encodeTop(keys []string) []byte {
	r := newRecord(24 * len(keys))
	for _, key := range keys {
		r.string(key)
	}
	return r.seal()
}

// decodeTop returns nil of what is damaged, or another version's: nothing depends on it.
func decodeTop(b []byte) []string {
	f, keys := readRecord(b), []string{}
	for len(f.left) > 0 {
		keys = append(keys, f.string())
	}
	if f.err != nil {
		return nil
	}
	return keys
}

func encodeRow(row chat.Row) []byte {
	r := newRecord(len(row.Key) + len(row.State) + 8*(len(row.Ranges)+len(row.Delivered)+len(row.Read)) + 40)
	r.string(row.Key)
	r.bytes(row.State)
	r.uvarint(uint64(len(row.Ranges)))
	for _, x := range row.Ranges {
		r.uvarint(x.From)
		r.uvarint(x.To - x.From)
	}
	r.steps(row.Delivered)
	r.steps(row.Read)
	r.uvarint(row.Revised)
	r.uvarint(row.Opened)
	r.uvarint(row.Size)
	return r.seal()
}

func decodeRow(b []byte) (chat.Row, error) {
	f := readRecord(b)
	row := chat.Row{Key: f.string(), State: f.bytes()}
	n := f.uvarint()
	if n > uint64(len(f.left)/2) { // each range takes two bytes or more
		f.fail()
		n = 0
	}
	if n > 0 {
		row.Ranges = make([]chat.Range, n)
	}
	for i := range row.Ranges {
		from := f.uvarint()
		row.Ranges[i] = chat.Range{From: from, To: from + f.uvarint()}
	}
	if len(f.left) > 0 { // earlier versions ended here
		row.Delivered, row.Read = f.steps(), f.steps()
	}
	if len(f.left) > 0 { // likewise
		row.Revised = f.uvarint()
	}
	if len(f.left) > 0 { // likewise
		row.Opened = f.uvarint()
	}
	if len(f.left) > 0 { // likewise
		row.Size = f.uvarint()
	}
	return row, f.end()
}

// steps writes each step as by how much it is above the one before.
func (r *record) steps(steps proto.ReceiptTimes) {
	r.uvarint(uint64(len(steps)))
	var before proto.Step
	for _, s := range steps {
		r.uvarint(s.Seq - before.Seq)
		r.uvarint(s.Time - before.Time)
		before = s
	}
}

func (f *fields) steps() (steps proto.ReceiptTimes) {
	n := f.uvarint()
	if n > uint64(len(f.left)/2) { // each step takes two bytes or more
		f.fail()
		n = 0
	}
	var s proto.Step
	for range n {
		s.Seq += f.uvarint()
		s.Time += f.uvarint()
		steps = append(steps, s)
	}
	return steps
}

func encodeOutgoing(o chat.Outgoing) []byte {
	r := newRecord(len(o.Key) + len(o.Body) + len(o.Refused) + len(o.Code) + 32)
	r.uint64(o.Number)
	r.string(o.Key)
	r.bytes(o.Body)
	r.string(o.Refused)
	r.uvarint(uint64(o.Reason))
	r.string(o.Code)
	r.uvarint(uint64(len(o.Args)))
	for _, arg := range o.Args {
		r.string(arg)
	}
	r.uvarint(uint64(len(o.Files)))
	for _, f := range o.Files {
		r.string(f.Key)
		r.uint64(f.Upload)
	}
	r.bytes(o.Of[:])
	r.uvarint(one(o.Paused))
	return r.seal()
}

func decodeOutgoing(b []byte) (chat.Outgoing, error) {
	f := readRecord(b)
	o := chat.Outgoing{Number: f.uint64(), Key: f.string(), Body: f.bytes(), Refused: f.string()}
	reason := f.uvarint()
	if reason > 0xFF {
		f.fail()
	}
	o.Reason = byte(reason)
	if len(f.left) == 0 { // earlier versions ended here
		return o, f.end()
	}
	o.Code = f.string()
	for n := f.uvarint(); n > 0 && f.err == nil; n-- {
		o.Args = append(o.Args, f.string())
	}
	if len(f.left) == 0 { // likewise
		return o, f.end()
	}
	if len(f.left) == 1+len(o.Of) && f.left[0] == byte(len(o.Of)) { // likewise, without Files: as many would take more
		copy(o.Of[:], f.bytes())
		return o, f.end()
	}
	for n := f.uvarint(); n > 0 && f.err == nil; n-- {
		o.Files = append(o.Files, chat.OutgoingFile{Key: f.string(), Upload: f.uint64()})
	}
	if len(f.left) > 0 { // likewise
		copy(o.Of[:], f.bytes())
	}
	if len(f.left) > 0 { // likewise
		o.Paused = f.uvarint() == 1
	}
	return o, f.end()
}

// one is 1 for true.
func one(is bool) uint64 {
	if is {
		return 1
	}
	return 0
}
