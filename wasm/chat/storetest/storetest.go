// Package storetest holds what every chat.Store must keep: the engine relies
// on all of it. Each implementation's tests call Run.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"parley/proto"
	"parley/wasm/chat"
)

// Opener opens an empty store. reopen closes it and opens what it left, as the
// next start of the program does; it may be called more than once.
type Opener func(t *testing.T) (store chat.Store, reopen func() chat.Store)

// Run runs the suite, each test on a store of its own.
func Run(t *testing.T, open Opener) {
	tests := []struct {
		name string
		test func(*fixture)
	}{
		{"a new store is empty", empty},
		{"everything is there after reopening", everything},
		{"entries come in seq order, across pages and in any order of storing", order},
		{"only the range asked for comes", ranges},
		{"seqs and numbers hold to the last bit", bits},
		{"conversations are kept apart, whatever their keys", keys},
		{"the same key replaces", replaces},
		{"a row's ranges survive", rowRanges},
		{"a row's steps survive, as many as there are", rowSteps},
		{"rows come by pages, in the order of their keys", rowPages},
		{"the rows on top come first, and of what waits to be sent", topRows},
		{"an empty batch changes nothing", emptyBatch},
		{"Clear drops entries and rows, and keeps outbox and meta", clears},
		{"Clear comes before the rest of its batch", clearsFirst},
		{"deletions take what comes before, and nothing else", deletions},
		{"dropped pages are gone, but for what their batch brings", dropped},
		{"confirmed messages leave the outbox", confirmed},
		{"a batch that fails leaves nothing", atomic},
		{"a cancelled context is honoured", cancelled},
		{"ten thousand entries in one batch", big},
		{"reading beside writing sees whole batches", concurrent},
		{"what is passed in and out is not shared", unshared},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := &fixture{T: t}
			f.store, f.reopener = open(t)
			test.test(f)
			if err := f.store.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
	}
}

// fixture is a test and its store.
type fixture struct {
	*testing.T
	store    chat.Store
	reopener func() chat.Store
}

func (f *fixture) reopen() { f.store = f.reopener() }

func (f *fixture) apply(b chat.Batch) {
	f.Helper()
	if err := f.store.Apply(f.Context(), b); err != nil {
		f.Fatalf("Apply: %v", err)
	}
}

func (f *fixture) load() chat.Snapshot {
	f.Helper()
	s, err := f.store.Load(f.Context())
	if err != nil {
		f.Fatalf("Load: %v", err)
	}
	return s
}

func (f *fixture) messages(key string, from, to uint64) []chat.Entry {
	f.Helper()
	got, err := f.store.Messages(f.Context(), key, from, to)
	if err != nil {
		f.Fatalf("Messages: %v", err)
	}
	return got
}

// wantEntries compares, by seq and body.
func (f *fixture) wantEntries(got []chat.Entry, want ...chat.Entry) {
	f.Helper()
	same := func(a, b chat.Entry) bool { return a.Key == b.Key && a.Seq == b.Seq && bytes.Equal(a.Body, b.Body) }
	if !slices.EqualFunc(got, want, same) {
		f.Errorf("got %s, want %s", brief(got), brief(want))
	}
}

func brief(entries []chat.Entry) string {
	if len(entries) > 20 {
		return fmt.Sprintf("%d entries from %s/%d to %s/%d", len(entries),
			entries[0].Key, entries[0].Seq, entries[len(entries)-1].Key, entries[len(entries)-1].Seq)
	}
	return fmt.Sprintf("%+v", entries)
}

func (f *fixture) wantSnapshot(want chat.Snapshot) {
	f.Helper()
	got := f.load()
	if got.Meta != want.Meta {
		f.Errorf("meta: got %+v, want %+v", got.Meta, want.Meta)
	}
	byKey := func(a, b chat.Row) int { return bytes.Compare([]byte(a.Key), []byte(b.Key)) }
	slices.SortFunc(got.Conversations, byKey) // their order is not promised
	slices.SortFunc(want.Conversations, byKey)
	if !slices.EqualFunc(got.Conversations, want.Conversations, func(a, b chat.Row) bool {
		return a.Key == b.Key && bytes.Equal(a.State, b.State) && slices.Equal(a.Ranges, b.Ranges) &&
			slices.Equal(a.Delivered, b.Delivered) && slices.Equal(a.Read, b.Read) && a.Revised == b.Revised && a.Opened == b.Opened && a.Size == b.Size
	}) {
		f.Errorf("conversations: got %+v, want %+v", got.Conversations, want.Conversations)
	}
	if !slices.EqualFunc(got.Outbox, want.Outbox, func(a, b chat.Outgoing) bool {
		return a.Number == b.Number && a.Key == b.Key && bytes.Equal(a.Body, b.Body) && a.Refused == b.Refused && a.Reason == b.Reason && a.Of == b.Of
	}) {
		f.Errorf("outbox: got %+v, want %+v", got.Outbox, want.Outbox)
	}
}

func entry(key string, seq uint64) chat.Entry {
	return chat.Entry{Key: key, Seq: seq, Body: fmt.Appendf(nil, "%s#%d", key, seq)}
}

// run is the entries from to to.
func run(key string, from, to uint64) []chat.Entry {
	var entries []chat.Entry
	for seq := from; seq <= to; seq++ {
		entries = append(entries, entry(key, seq))
	}
	return entries
}

const key = "d:1:18446744073709551615"

func empty(f *fixture) {
	f.wantSnapshot(chat.Snapshot{})
	f.wantEntries(f.messages(key, 0, 1<<64-1))
	f.reopen()
	f.wantSnapshot(chat.Snapshot{})
}

// full is a batch with something of everything.
func full() (chat.Batch, chat.Snapshot) {
	s := chat.Snapshot{
		Meta: chat.Meta{Epoch: 1<<64 - 1, SyncToken: "tökén", Device: "0123456789abcdef", Limits: chat.Limits{Days: 1<<64 - 1, Bytes: 1<<64 - 1}},
		Conversations: []chat.Row{
			{
				Key: key, State: []byte{0, 1, 255}, Ranges: []chat.Range{{From: 1, To: 3}, {From: 5, To: 1<<64 - 1}},
				Delivered: proto.ReceiptTimes{{Seq: 2, Time: 1_750_000_000_000}, {Seq: 1<<64 - 1, Time: 1<<64 - 1}}, Read: proto.ReceiptTimes{{Seq: 1, Time: 1}},
				Revised: 1<<64 - 1, Opened: 1<<64 - 1, Size: 1<<64 - 1,
			},
			{Key: "s:7:2", State: []byte("state")},
		},
		Outbox: []chat.Outgoing{
			{Number: 7, Key: key, Body: []byte("waits")},
			{Number: 1<<53 + 1, Key: "s:7:2", Body: []byte{0}, Refused: "content is empty", Reason: 0x99, Code: "content-empty", Args: []string{"", "16384"}},
			{Number: 1<<53 + 2, Key: key, Body: []byte("speaks of it"), Of: [proto.RefSize]byte{1, 15: 255}},
			{Number: 1<<53 + 3, Key: key, Body: []byte("carries"), Files: []chat.OutgoingFile{{Key: "0123", Upload: 1<<64 - 1}, {}}},
		},
	}
	return chat.Batch{Meta: &s.Meta, Entries: run(key, 1, 3), Conversations: s.Conversations, Outbox: s.Outbox}, s
}

func everything(f *fixture) {
	b, want := full()
	f.apply(b)
	for range 3 {
		f.wantSnapshot(want)
		f.wantEntries(f.messages(key, 1, 100), run(key, 1, 3)...)
		f.reopen()
	}
}

func order(f *fixture) {
	for _, seq := range []uint64{65, 63, 128, 1, 64, 127, 2, 129} {
		f.apply(chat.Batch{Entries: []chat.Entry{entry(key, seq)}})
	}
	f.apply(chat.Batch{Entries: []chat.Entry{entry(key, 191), entry(key, 3), entry(key, 66), entry(key, 62)}})
	var want []chat.Entry
	for _, seq := range []uint64{1, 2, 3, 62, 63, 64, 65, 66, 127, 128, 129, 191} {
		want = append(want, entry(key, seq))
	}
	f.wantEntries(f.messages(key, 1, 1000), want...)
	f.reopen()
	f.wantEntries(f.messages(key, 1, 1000), want...)
}

func ranges(f *fixture) {
	f.apply(chat.Batch{Entries: run(key, 1, 200)})
	for _, r := range []chat.Range{{From: 63, To: 63}, {From: 64, To: 64}, {From: 65, To: 65}, {From: 1, To: 63}, {From: 1, To: 64},
		{From: 1, To: 65}, {From: 63, To: 65}, {From: 64, To: 127}, {From: 64, To: 128}, {From: 127, To: 129}, {From: 151, To: 200}} {
		f.wantEntries(f.messages(key, r.From, r.To), run(key, r.From, r.To)...)
	}
	f.wantEntries(f.messages(key, 0, 2), run(key, 1, 2)...)
	f.wantEntries(f.messages(key, 199, 1<<64-1), run(key, 199, 200)...)
	f.wantEntries(f.messages(key, 201, 300))
	f.wantEntries(f.messages(key, 10, 9))
	f.wantEntries(f.messages("d:1:2", 1, 200))
}

func bits(f *fixture) {
	seqs := []uint64{1, 1<<53 - 1, 1 << 53, 1<<53 + 1, 1<<63 - 1, 1 << 63, 1<<63 + 1, 1<<64 - 2, 1<<64 - 1}
	var entries []chat.Entry
	var outbox []chat.Outgoing
	for _, seq := range seqs {
		entries = append(entries, entry(key, seq))
		outbox = append(outbox, chat.Outgoing{Number: seq, Key: key, Body: []byte{1}})
	}
	shuffled := slices.Clone(outbox)
	slices.Reverse(shuffled)
	f.apply(chat.Batch{Entries: entries, Outbox: shuffled})
	f.wantSnapshot(chat.Snapshot{Outbox: outbox})
	f.wantEntries(f.messages(key, 0, 1<<64-1), entries...)
	for i, seq := range seqs {
		f.wantEntries(f.messages(key, seq, seq), entries[i])
	}
	f.wantEntries(f.messages(key, 1<<53, 1<<53), entries[2])
	f.apply(chat.Batch{Confirmed: []uint64{1 << 53, 1<<64 - 1}})
	outbox = slices.DeleteFunc(outbox, func(o chat.Outgoing) bool { return o.Number == 1<<53 || o.Number == 1<<64-1 })
	f.reopen()
	f.wantSnapshot(chat.Snapshot{Outbox: outbox})
}

func keys(f *fixture) {
	all := []string{"d:1:2", "d:1:20", "d:1:2\x00", "d:1", "d:18446744073709551614:18446744073709551615", "s:18446744073709551615:6", "x\xff", "\x00"}
	for _, k := range all {
		f.apply(chat.Batch{Entries: run(k, 60, 70), Conversations: []chat.Row{{Key: k, State: []byte(k)}}})
	}
	for _, k := range all {
		f.wantEntries(f.messages(k, 0, 1<<64-1), run(k, 60, 70)...)
	}
	rows := f.load().Conversations
	if len(rows) != len(all) {
		f.Errorf("%d rows, want %d", len(rows), len(all))
	}
	for _, r := range rows {
		if !slices.Contains(all, r.Key) || string(r.State) != r.Key {
			f.Errorf("row %q has state %q", r.Key, r.State)
		}
	}
}

func replaces(f *fixture) {
	b, want := full()
	f.apply(b)
	want.Meta.SyncToken = "newer"
	want.Conversations[0] = chat.Row{Key: key, State: []byte("newer"), Read: proto.ReceiptTimes{{Seq: 3, Time: 7}}}
	want.Outbox[0].Refused, want.Outbox[0].Reason = "too long", 0x95
	newer := chat.Entry{Key: key, Seq: 2, Body: []byte("newer and longer than before")}
	f.apply(chat.Batch{
		Meta:          &want.Meta,
		Entries:       []chat.Entry{{Key: key, Seq: 2, Body: []byte("older")}, newer}, // the last one wins
		Conversations: want.Conversations[:1],
		Outbox:        want.Outbox[:1],
	})
	f.reopen()
	f.wantSnapshot(want)
	f.wantEntries(f.messages(key, 0, 9), entry(key, 1), newer, entry(key, 3))
	nothing := chat.Entry{Key: key, Seq: 1}
	f.apply(chat.Batch{Entries: []chat.Entry{nothing}})
	f.wantEntries(f.messages(key, 0, 9), nothing, newer, entry(key, 3))
}

func rowRanges(f *fixture) {
	var r []chat.Range
	for i := range uint64(1000) {
		r = append(r, chat.Range{From: 1 + 10*i, To: 5 + 10*i})
	}
	r = append(r, chat.Range{From: 1 << 53, To: 1<<53 + 1}, chat.Range{From: 1<<64 - 1, To: 1<<64 - 1})
	f.apply(chat.Batch{Conversations: []chat.Row{{Key: key, Ranges: r}}})
	f.reopen()
	f.wantSnapshot(chat.Snapshot{Conversations: []chat.Row{{Key: key, Ranges: r}}})
}

func rowSteps(f *fixture) {
	var delivered, read proto.ReceiptTimes
	for i := range uint64(proto.ReceiptTimesSpan) {
		delivered = append(delivered, proto.Step{Seq: 1<<53 + i, Time: 1_750_000_000_000 + 7*i})
		read = append(read, proto.Step{Seq: 1<<64 - proto.ReceiptTimesSpan + i, Time: 1<<63 - 1 + i})
	}
	rows := []chat.Row{{Key: "d:1:2", Delivered: delivered}, {Key: "d:1:3", Read: read}, {Key: "d:1:4", Delivered: read[:1], Read: delivered}}
	f.apply(chat.Batch{Conversations: rows})
	f.wantSnapshot(chat.Snapshot{Conversations: rows})
	f.reopen()
	f.wantSnapshot(chat.Snapshot{Conversations: rows})
}

func emptyBatch(f *fixture) {
	b, want := full()
	f.apply(b)
	f.apply(chat.Batch{})
	f.apply(chat.Batch{Confirmed: []uint64{4711}})
	f.wantSnapshot(want)
}

func clears(f *fixture) {
	b, want := full()
	f.apply(b)
	f.apply(chat.Batch{Entries: run("s:7:2", 1, 100)})
	f.apply(chat.Batch{Clear: true})
	want.Conversations = nil
	for range 2 {
		f.wantSnapshot(want)
		f.wantEntries(f.messages(key, 0, 1<<64-1))
		f.wantEntries(f.messages("s:7:2", 0, 1<<64-1))
		f.reopen()
	}
}

func clearsFirst(f *fixture) {
	b, want := full()
	f.apply(b)
	row := chat.Row{Key: "s:7:2", State: []byte("fresh")}
	f.apply(chat.Batch{Clear: true, Entries: []chat.Entry{entry(key, 2)}, Conversations: []chat.Row{row}})
	want.Conversations = []chat.Row{row}
	f.wantSnapshot(want)
	f.wantEntries(f.messages(key, 0, 9), entry(key, 2))
}

func deletions(f *fixture) {
	all := run(key, 1, 300)
	b, want := full()
	f.apply(b)
	f.apply(chat.Batch{Entries: append(all, run("s:7:2", 1, 100)...)})
	for _, before := range []uint64{0, 1, 2, 64, 65, 128, 130, 100, 256} { // at both ends of pages, and again
		f.apply(chat.Batch{Deleted: []chat.Deletion{{Key: key, Before: before}}})
		if before > 1 && before != 100 {
			all = run(key, before, 300)
		}
		f.wantEntries(f.messages(key, 0, 1<<64-1), all...)
	}
	f.reopen()
	f.wantEntries(f.messages(key, 0, 1<<64-1), all...)
	f.wantEntries(f.messages("s:7:2", 0, 1<<64-1), run("s:7:2", 1, 100)...)
	f.wantSnapshot(want)
	// What comes in the same batch is deleted too, if it is older.
	f.apply(chat.Batch{Entries: run(key, 290, 310), Deleted: []chat.Deletion{{Key: key, Before: 300}, {Key: "s:7:2", Before: 1 << 63}, {Key: key, Before: 305}, {Key: "d:1:9", Before: 9}}})
	f.wantEntries(f.messages(key, 0, 1<<64-1), run(key, 305, 310)...)
	f.wantEntries(f.messages("s:7:2", 0, 1<<64-1))
	f.wantSnapshot(want)
}

func dropped(f *fixture) {
	other := run("d:1:3", 1, 200)
	b, want := full()
	f.apply(b)
	f.apply(chat.Batch{Entries: append(run(key, 1, 400), other...)})
	f.apply(chat.Batch{
		Dropped: []chat.Span{{Key: key, From: 1, To: 1}, {Key: key, From: 3, To: 4}, {Key: "d:1:9", From: 0, To: 9}},
		Entries: run(key, 190, 200), // on a page that stays, and on one that was dropped
	})
	left := append(append(run(key, 1, 63), run(key, 128, 200)...), run(key, 320, 400)...)
	for range 2 {
		f.wantEntries(f.messages(key, 0, 1<<64-1), left...)
		f.wantEntries(f.messages("d:1:3", 0, 1<<64-1), other...)
		f.wantSnapshot(want)
		f.reopen()
	}
	f.apply(chat.Batch{Dropped: []chat.Span{{Key: key, From: 0, To: chat.PageOf(1<<64 - 1)}}})
	f.wantEntries(f.messages(key, 0, 1<<64-1))
	f.wantEntries(f.messages("d:1:3", 0, 1<<64-1), other...)
}

func confirmed(f *fixture) {
	b, want := full()
	f.apply(b)
	f.apply(chat.Batch{Entries: []chat.Entry{entry(key, 4)}, Confirmed: []uint64{7, 8}})
	want.Outbox = want.Outbox[1:]
	f.reopen()
	f.wantSnapshot(want)
	f.wantEntries(f.messages(key, 0, 9), run(key, 1, 4)...)
}

func atomic(f *fixture) {
	b, want := full()
	f.apply(b)
	bad := []chat.Batch{
		{Entries: []chat.Entry{{Key: key}}},
		{Entries: []chat.Entry{{Seq: 1}}},
		{Entries: []chat.Entry{entry(string(make([]byte, 256)), 1)}},
		{Deleted: []chat.Deletion{{Before: 7}}},
		{Dropped: []chat.Span{{To: 7}}},
		{Conversations: []chat.Row{{}}},
		{Conversations: []chat.Row{{Key: key, Ranges: []chat.Range{{From: 1, To: 2}, {From: 3, To: 4}}}}},
		{Conversations: []chat.Row{{Key: key, Ranges: []chat.Range{{From: 2, To: 1}}}}},
		{Conversations: []chat.Row{{Key: key, Ranges: []chat.Range{{From: 0, To: 1}}}}},
		{Conversations: []chat.Row{{Key: key, Ranges: []chat.Range{{From: 5, To: 1<<64 - 1}, {From: 1, To: 2}}}}},
		{Outbox: []chat.Outgoing{{Key: key}}},
	}
	for i, b := range bad {
		b.Clear = true
		b.Meta = &chat.Meta{Epoch: 2}
		b.Entries = append(run(key, 1, 200), b.Entries...)
		b.Outbox = append([]chat.Outgoing{{Number: 9, Key: key}}, b.Outbox...)
		b.Confirmed = []uint64{7}
		if err := f.store.Apply(f.Context(), b); err == nil {
			f.Errorf("batch %d is accepted", i)
		}
	}
	f.wantSnapshot(want)
	f.wantEntries(f.messages(key, 0, 1<<64-1), run(key, 1, 3)...)
}

func cancelled(f *fixture) {
	b, _ := full()
	ctx, cancel := context.WithCancel(f.Context())
	cancel()
	if err := f.store.Apply(ctx, b); !errors.Is(err, context.Canceled) {
		f.Errorf("Apply: %v", err)
	}
	if _, err := f.store.Load(ctx); !errors.Is(err, context.Canceled) {
		f.Errorf("Load: %v", err)
	}
	if _, err := f.store.Messages(ctx, key, 1, 2); !errors.Is(err, context.Canceled) {
		f.Errorf("Messages: %v", err)
	}
	f.wantSnapshot(chat.Snapshot{})
	f.wantEntries(f.messages(key, 0, 9))
}

func big(f *fixture) {
	const n = 10_000
	f.apply(chat.Batch{Entries: run(key, 30, n+29)})
	f.wantEntries(f.messages(key, 1, 1<<64-1), run(key, 30, n+29)...)
	f.reopen()
	f.wantEntries(f.messages(key, 5_000, 5_049), run(key, 5_000, 5_049)...)
	var scattered []chat.Entry // a page of its own for each
	for i := range uint64(200) {
		scattered = append(scattered, entry("s:1:1", 1+i*1_000_000))
	}
	f.apply(chat.Batch{Entries: scattered})
	f.wantEntries(f.messages("s:1:1", 0, 1<<64-1), scattered...)
}

func concurrent(f *fixture) {
	const batches, size = 40, 10
	store := f.store
	var writing sync.WaitGroup
	writing.Go(func() {
		for i := range uint64(batches) {
			if err := store.Apply(f.Context(), chat.Batch{Entries: run(key, 1+i*size, (i+1)*size)}); err != nil {
				f.Errorf("Apply: %v", err)
			}
		}
	})
	for len(f.messages(key, 0, 1<<64-1)) < batches*size && !f.Failed() {
		if got := f.messages(key, 0, 1<<64-1); len(got)%size != 0 || len(got) > 0 && got[len(got)-1].Seq != uint64(len(got)) {
			f.Errorf("saw a part of a batch: %s", brief(got))
		}
	}
	writing.Wait()
	f.wantEntries(f.messages(key, 0, 1<<64-1), run(key, 1, batches*size)...)
}

func unshared(f *fixture) {
	b, want := full()
	f.apply(b)
	b.Entries[0].Body[0] ^= 0xFF
	b.Conversations[0].State[1] ^= 0xFF
	b.Conversations[0].Ranges[0].To = 4
	b.Conversations[0].Delivered[0].Time = 4
	b.Conversations[0].Read[0].Time = 4
	b.Outbox[0].Body[0] ^= 0xFF
	_, want = full()
	f.wantSnapshot(want)
	f.messages(key, 1, 1)[0].Body[0] ^= 0xFF
	f.wantEntries(f.messages(key, 1, 3), run(key, 1, 3)...)
	s := f.load()
	s.Conversations[0].State[0] ^= 0xFF
	s.Conversations[0].Delivered[0].Seq++
	s.Conversations[0].Read[0].Seq++
	s.Outbox[0].Body[0] ^= 0xFF
	f.wantSnapshot(want)
	got := f.messages(key, 1, 3)
	_ = append(got[0].Body, "overflows into the next"...)
	f.wantEntries(got, run(key, 1, 3)...)
}
