package chat_test

import (
	"testing"
	"time"

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
		b := start(t, s, func(c *chat.Config) { c.EditWindow = 90 * time.Second })
		b.send(ada, text(bob, "hello"))
		b.out.take()
		told := func(typing, presence, listed bool) []delivered {
			return []delivered{{bob, proto.BranchSettings, &proto.Settings{ShareTyping: &typing, SharePresence: &presence, Listed: &listed, EditWindow: ptr(uint64(90))}}}
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

func TestDevicesAreToldThatOneSignedInOrWasSignedOut(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := start(t, s)
		step := func(what string, act func() error) uint64 {
			t.Helper()
			b.out.take()
			if err := act(); err != nil {
				t.Fatal(err)
			}
			told := b.settingsTold()
			if len(told) != 1 || told[0].user != ada {
				t.Fatalf("%s: told %v, want one to Ada's devices", what, told)
			}
			return told[0].body.(*proto.Settings).GetDevices()
		}
		var phone, laptop chat.Credential
		in := func(c *chat.Credential, random uint64) func() error {
			return func() error { *c = b.signedIn(ada, random, "a device"); return nil }
		}
		one := step("the phone signs in", in(&phone, 1))
		two := step("the laptop signs in", in(&laptop, 2))
		if one == 0 || two == 0 || one == two {
			t.Errorf("one device is %d, two are %d: want two numbers", one, two)
		}
		same(t, "a rename", step("a rename", func() error { return b.Rename(t.Context(), ada, phone, "Ada L.") }), two)
		b.out.take()
		if err := b.Seen(t.Context(), chat.User{ID: ada, Name: "Ada L."}, laptop); err != nil {
			t.Fatal(err)
		}
		same(t, "a device that was there", b.settingsTold(), []delivered(nil))
		same(t, "the laptop is signed out", step("the laptop is signed out", func() error {
			_, err := b.EndDevice(t.Context(), ada, laptop.Device)
			return err
		}), one)
		step("a third signs in", in(&laptop, 3))
		same(t, "all others are signed out", step("all others are signed out", func() error { return b.EndDevices(t.Context(), ada, phone) }), one)
		linked := chat.Credential{Issued: b.time(), Expires: b.time().Add(time.Hour), Device: deviceOf(b.time(), 4)}
		if _, err := b.PutCode(t.Context(), phone, chat.Code{User: ada, Kind: chat.LinkCode, Hash: [32]byte{1}}); err != nil {
			t.Fatal(err)
		}
		if by := step("a code", func() error { return b.SignIn(t.Context(), chat.User{ID: ada}, [32]byte{1}, linked, false) }); by == one {
			t.Error("a device that signed in by a code is no news")
		}
		same(t, "everywhere", step("everywhere", func() error { return b.EndDevices(t.Context(), ada, chat.Credential{}) }), uint64(0))
	})
}
