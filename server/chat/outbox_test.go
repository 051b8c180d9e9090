package chat

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/proto"
)

// everything is an outbox in which there is some of all.
func everything() *outbox {
	return &outbox{
		fresh: 1<<64 - 1,
		out: []delivery{
			{1, proto.BranchMessage, []byte("hello")}, {1 << 63, proto.BranchMessage, []byte("hello")}, {2, proto.BranchMark, []byte{0}}, {3, proto.BranchMark, []byte{}},
		},
		rows: []row{{1, 7}, {2, 1 << 63}}, sharing: []uint64{5, 6}, users: true,
		endings: []ending{
			{user: 1, device: 2, why: SignedOutElsewhere()}, {user: 1, device: 3, others: true, why: SignedOutElsewhere()}, {user: 9, others: true, why: shutOut()},
		},
		node: 77, began: []Presence{{1, "1-a", 4, 2}, {2, "", 0, 3}}, left: []Presence{{3, "3-\x00ü", 0, 1}}, gone: []uint64{88, 99},
	}
}

func TestARecordSaysWhatACommitHasToTell(t *testing.T) {
	all := cmp.AllowUnexported(outbox{}, delivery{}, row{}, ending{})
	for name, o := range map[string]*outbox{"everything": everything(), "one row": {rows: []row{{1, 2}}}, "that users changed": {users: true}} {
		if o.empty() {
			t.Errorf("%s: it is said to be empty", name)
		}
		got, err := decodeOutbox(o.encode())
		if err != nil {
			t.Fatal(name, err)
		}
		if diff := cmp.Diff(o, got, all); diff != "" {
			t.Errorf("%s (-told +read):\n%s", name, diff)
		}
	}
	if o := new(outbox); !o.empty() || len(o.encode()) != 0 {
		t.Error("nothing is a record")
	}
	// What goes to many is there once, and two records behind each other are one.
	many := new(outbox)
	for user := range uint64(100) {
		many.out = append(many.out, delivery{user, proto.BranchService, bytes.Repeat([]byte("x"), 1000)})
	}
	if size := len(many.encode()); size > 1200 {
		t.Errorf("one payload for 100 users takes %d bytes", size)
	}
	both, err := decodeOutbox(append((&outbox{sharing: []uint64{1}}).encode(), (&outbox{sharing: []uint64{2}}).encode()...))
	if err != nil || !cmp.Equal(both.sharing, []uint64{1, 2}) {
		t.Errorf("together they are %v, %v", both, err)
	}
}

// A node beside newer ones skips what it does not know.
func TestWhatANewerNodeTellsIsSkipped(t *testing.T) {
	var w writer
	w.part(1000, func(p *writer) { p.text("of the future") })
	got, err := decodeOutbox(append(w.bytes, (&outbox{users: true}).encode()...))
	if err != nil || !got.users {
		t.Errorf("%+v, %v", got, err)
	}
}

func FuzzARecordThatIsDamagedIsAnError(f *testing.F) {
	f.Add(everything().encode())
	f.Add([]byte{tellsDelivery, 3, 0, 255, 1})
	f.Fuzz(func(t *testing.T, record []byte) {
		o, err := decodeOutbox(record)
		if err != nil {
			return
		}
		if again, err := decodeOutbox(o.encode()); err != nil || len(again.out) != len(o.out) || len(again.rows) != len(o.rows) {
			t.Errorf("%v, %v", again, err)
		}
	})
}

func TestAnEndingIsOfOneDeviceOrOfAllOthers(t *testing.T) {
	for _, test := range []struct {
		ending
		want [3]bool // of tokens that name no device, of device 1, of device 2
	}{
		{ending{device: 1}, [3]bool{false, true, false}},
		{ending{device: 1, others: true}, [3]bool{true, false, true}},
		{ending{others: true}, [3]bool{true, true, true}},
	} {
		if got := [3]bool{test.of(0), test.of(1), test.of(2)}; got != test.want {
			t.Errorf("%+v ends %v, want %v", test.ending, got, test.want)
		}
	}
}
