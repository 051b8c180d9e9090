package bridge

import (
	"fmt"
	"syscall/js"
	"testing"

	"parley/wasm/chat"
)

func thousand() []chat.Message {
	list := make([]chat.Message, 1000)
	for i := range list {
		list[i] = chat.Message{
			Key: key, Seq: uint64(i + 1), ID: 1<<62 + uint64(i), Sender: me, Receiver: peer,
			Content: fmt.Sprintf("message %d: %0180d", i, i), Time: 1_790_000_000_000, Seen: uint64(i),
			Ref: "000102030405060708090a0b0c0d0e0f", Number: uint64(i), State: chat.Sent,
		}
	}
	return list
}

// A thousand messages from Go to JavaScript, as one packed value.
func BenchmarkCrossingPacked(b *testing.B) {
	list := thousand()
	keep := js.Global().Get("Function").New("bytes", "port", "globalThis.kept = bytes")
	post := poster(js.ValueOf(map[string]any{"post": keep}))
	var e encoder
	for b.Loop() {
		e.reset()
		putTimeline(&e, &chat.Timeline{Messages: list})
		post(e.bytes(), []int{1})
	}
	b.ReportMetric(float64(len(e.bytes())), "wire-bytes")
}

// The same as objects, field by field; ids as strings, which JavaScript would
// still have to turn into BigInts.
func BenchmarkCrossingPerField(b *testing.B) {
	list := thousand()
	array, object := js.Global().Get("Array"), js.Global().Get("Object")
	for b.Loop() {
		out := array.New(len(list))
		for i, m := range list {
			o := object.New()
			o.Set("key", m.Key)
			o.Set("seq", fmt.Sprint(m.Seq))
			o.Set("id", fmt.Sprint(m.ID))
			o.Set("sender", fmt.Sprint(m.Sender))
			o.Set("receiver", fmt.Sprint(m.Receiver))
			o.Set("content", m.Content)
			o.Set("time", m.Time)
			o.Set("seen", fmt.Sprint(m.Seen))
			o.Set("ref", m.Ref)
			o.Set("number", fmt.Sprint(m.Number))
			o.Set("state", string(m.State))
			o.Set("reason", m.Reason)
			o.Set("gap", m.Gap)
			out.SetIndex(i, o)
		}
		js.Global().Set("kept", out)
	}
}
