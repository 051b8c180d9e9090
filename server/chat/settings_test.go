package chat_test

import (
	"testing"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/server/chat"
	"parley/server/chat/chattest"
)

// settingsTold returns what was told of settings since the last look.
func (b *bench) settingsTold() (all []delivered) {
	for _, d := range b.out.take() {
		if d.branch == proto.BranchSettings {
			all = append(all, d)
		}
	}
	return all
}

func TestSettingsAreToldToTheirUserAlone(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := start(t, s)
		b.send(ada, text(bob, "hello"))
		b.out.take()
		told := func(typing, presence, listed bool) []delivered {
			return []delivered{{bob, proto.BranchSettings, &proto.Settings{ShareTyping: &typing, SharePresence: &presence, Listed: &listed}}}
		}
		sync := func() []delivered {
			t.Helper()
			if _, err := b.publish(bob, proto.BranchSync, &proto.SyncRequest{}); err != nil {
				t.Fatal(err)
			}
			return b.settingsTold()
		}
		choose := func(choice *proto.Settings) []delivered {
			t.Helper()
			if _, err := b.publish(bob, proto.BranchSettings, choice); err != nil {
				t.Fatal(err)
			}
			return b.settingsTold()
		}
		yes, no := protobuf.Bool(true), protobuf.Bool(false)

		same(t, "who never chose", sync(), told(true, true, true))
		same(t, "no typing", choose(&proto.Settings{ShareTyping: no}), told(false, true, true))
		same(t, "no typing, again", choose(&proto.Settings{ShareTyping: no}), []delivered(nil))
		same(t, "nothing at all", choose(&proto.Settings{}), []delivered(nil))
		same(t, "no presence", choose(&proto.Settings{SharePresence: no}), told(false, false, true))
		same(t, "both", choose(&proto.Settings{ShareTyping: yes, SharePresence: yes}), told(true, true, true))
		same(t, "not listed", choose(&proto.Settings{Listed: no}), told(true, true, false))
		choose(&proto.Settings{SharePresence: no})
		same(t, "after a sync", sync(), told(true, false, false))
		same(t, "listed again", choose(&proto.Settings{Listed: yes}), told(true, false, true))
	})
}

func TestSettingsAreToldAfterTheWholeAnswer(t *testing.T) {
	b := start(t, chattest.NewMemory(1))
	for peer := range uint64(proto.MaxStates + 1) {
		b.send(bob, text(1000+peer, "x"))
	}
	b.out.take()
	if _, err := b.publish(bob, proto.BranchSync, &proto.SyncRequest{}); err != nil {
		t.Fatal(err)
	}
	all := b.out.take()
	for i, d := range all {
		if (d.branch == proto.BranchSettings) != (i == len(all)-1) {
			t.Errorf("%d of %d is on %s", i+1, len(all), d.branch)
		}
	}
	if len(all) < 3 {
		t.Errorf("%d publications: this tests nothing", len(all))
	}
}
