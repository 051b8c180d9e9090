package storetest

import (
	"fmt"
	"slices"

	"parley/wasm/chat"
)

// rowKeys are in the order of their bytes.
var rowKeys = []string{"d:1:10", "d:1:2", "d:1:9", "g:3", "s:7:2"}

// someRows is a batch with a row for each key, and a message that waits in the last.
func someRows() (b chat.Batch) {
	for i, key := range rowKeys {
		b.Conversations = append(b.Conversations, chat.Row{Key: key, State: []byte{byte(i)}, Ranges: []chat.Range{{From: 1, To: uint64(i) + 1}}})
	}
	slices.Reverse(b.Conversations)
	b.Outbox = []chat.Outgoing{{Number: 1, Key: "s:7:2", Body: []byte("waits")}}
	return b
}

// wantRows compares keys, and that each row has what was stored of it.
func (f *fixture) wantRows(what string, got []chat.Row, want ...string) {
	f.Helper()
	var keys []string
	for _, row := range got {
		keys = append(keys, row.Key)
		i := slices.Index(rowKeys, row.Key)
		if i < 0 || string(row.State) != string([]byte{byte(i)}) || len(row.Ranges) != 1 || row.Ranges[0].To != uint64(i)+1 {
			f.Errorf("%s: %+v is not what was stored", what, row)
		}
	}
	if !slices.Equal(keys, want) {
		f.Errorf("%s: got the rows of %q, want %q", what, keys, want)
	}
}

func (f *fixture) rows(after string, limit int) []chat.Row {
	f.Helper()
	rows, err := f.store.Rows(f.Context(), after, limit)
	if err != nil {
		f.Fatalf("Rows: %v", err)
	}
	return rows
}

func rowPages(f *fixture) {
	f.wantRows("of nothing", f.rows("", 10))
	f.apply(someRows())
	for range 2 {
		f.wantRows("all", f.rows("", 100), rowKeys...)
		f.wantRows("the first", f.rows("", 2), rowKeys[:2]...)
		f.wantRows("the next", f.rows(rowKeys[1], 2), rowKeys[2:4]...)
		f.wantRows("the last", f.rows(rowKeys[3], 2), rowKeys[4])
		f.wantRows("what comes then", f.rows(rowKeys[4], 2))
		f.wantRows("after what is not there", f.rows("d:1:", 1), rowKeys[0])
		f.reopen()
	}
}

func topRows(f *fixture) {
	b := someRows()
	f.apply(b)
	load := func(what string, top []string, want ...string) {
		f.Helper()
		for range 2 {
			s := f.load()
			slices.SortFunc(s.Conversations, func(a, b chat.Row) int { return slices.Index(rowKeys, a.Key) - slices.Index(rowKeys, b.Key) })
			f.wantRows(what, s.Conversations, want...)
			if fmt.Sprint(s.Top) != fmt.Sprint(top) || (s.Top == nil) != (top == nil) {
				f.Errorf("%s: got %#v on top, want %#v", what, s.Top, top)
			}
			if len(s.Outbox) != len(b.Outbox) {
				f.Errorf("%s: %d messages wait, want %d", what, len(s.Outbox), len(b.Outbox))
			}
			f.reopen()
		}
	}
	load("before it is told what is on top", nil, rowKeys...)
	top := []string{"g:3", "d:1:10", "d:5:6"} // of which one has no row
	f.apply(chat.Batch{Top: top})
	load("what is on top, and waits", top, "d:1:10", "g:3", "s:7:2")
	f.apply(chat.Batch{Meta: &chat.Meta{Epoch: 1}, Conversations: b.Conversations[:1]})
	load("after a batch of something else", top, "d:1:10", "g:3", "s:7:2")
	f.apply(chat.Batch{Top: []string{"s:7:2"}})
	load("on top, and waits", []string{"s:7:2"}, "s:7:2")
	f.apply(chat.Batch{Top: []string{}})
	load("what waits alone", []string{}, "s:7:2")
	f.apply(chat.Batch{Clear: true})
	load("after Clear", nil)
	f.apply(chat.Batch{Clear: true, Conversations: b.Conversations, Top: top})
	load("cleared and told at once", top, "d:1:10", "g:3", "s:7:2")
}
