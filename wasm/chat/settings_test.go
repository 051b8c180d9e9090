package chat_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/proto"
	"parley/wasm/chat"
)

func TestSettingsAreKnownAsTheServerToldThemLast(t *testing.T) {
	clock, s := setup(t)
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	if got, ok := a.engine.Settings(); ok {
		t.Errorf("before the server told them: %+v", got)
	}
	yes, no := true, false
	for _, told := range []*proto.Settings{
		{ShareTyping: &yes, SharePresence: &yes},
		{ShareTyping: &no, SharePresence: &yes},
		{ShareTyping: &no, SharePresence: &yes}, // after the next sync
		{ShareTyping: &yes},                     // of no server of this version
		{ShareTyping: &no, SharePresence: &no},
		{ShareTyping: &no, SharePresence: &no, Listed: &no},
	} {
		for _, x := range s.sessions {
			x.down(proto.BranchSettings, marshal(told))
		}
		clock.Run(time.Second)
	}
	want := []chat.Settings{{ShareTyping: true, SharePresence: true, Listed: true}, {SharePresence: true, Listed: true}, {Listed: true}, {}}
	if diff := cmp.Diff(want, a.settings); diff != "" {
		t.Errorf("told (-want +got)\n%s", diff)
	}
	if got, ok := a.engine.Settings(); !ok || got != (chat.Settings{}) {
		t.Errorf("known are %+v, %t", got, ok)
	}
	if len(a.errors) != 1 {
		t.Errorf("errors %v, want one, of the settings that were incomplete", a.errors)
	}
}

func TestMessagesCanBeChangedAsLongAsTheServerSays(t *testing.T) {
	clock, s := setup(t)
	store := chat.NewMemory()
	a := open(t, s, alice, store)
	clock.Run(time.Second)
	a.timeline(0, 50)
	clock.Run(time.Second)
	a.send("hello")
	clock.Run(time.Second)
	want := func(when string, window time.Duration) {
		t.Helper()
		until := uint64(0)
		if window > 0 {
			until = a.shown[0].Time + uint64(window.Milliseconds())
		}
		if got := a.shown[0].ChangeableUntil; got != until {
			t.Errorf("%s it can be changed until %d, want %d", when, got, until)
		}
	}
	want("before the server said", 24*time.Hour)
	yes := true
	tell := func(seconds uint64) {
		for _, x := range s.sessions {
			x.down(proto.BranchSettings, marshal(&proto.Settings{ShareTyping: &yes, SharePresence: &yes, EditWindow: &seconds}))
		}
		clock.Run(time.Second)
	}
	tell(60)
	want("told of a minute", time.Minute)
	tell(0)
	want("told that nothing can be", 0)
	a = openOffline(t, s, alice, store)
	want("without the server, later,", 0)
}
