package chat_test

import (
	"crypto/sha256"
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"parley/proto"
	"parley/server/chat"
	"parley/server/chat/chattest"
)

// deviceOf is the id of a device on which somebody signed in then.
func deviceOf(created time.Time, random uint64) uint64 {
	return uint64(created.Sub(proto.IDEpoch).Milliseconds())<<22 | random
}

// wantCode checks the code of a refusal, "" for none.
func wantCode(t *testing.T, what string, err error, code string) {
	t.Helper()
	var refusal *proto.Refusal
	if errors.As(err, &refusal) != (code != "") || refusal != nil && (refusal.Code != code || refusal.Reason != proto.NotAuthorized) {
		t.Errorf("%s: %v, want %q", what, err, code)
	}
}

// signedIn makes a device of a user now, and returns the credential of its token.
func (b *bench) signedIn(user, random uint64, label string) chat.Credential {
	b.t.Helper()
	c := chat.Credential{Issued: b.time().Truncate(time.Second), Expires: b.time().Add(30 * 24 * time.Hour), Device: deviceOf(b.time(), random), Label: label}
	if err := b.Seen(b.t.Context(), chat.User{ID: user, Name: "Ada"}, c); err != nil {
		b.t.Fatal(err)
	}
	c.Label = "" // tokens do not say
	return c
}

func (b *bench) labels(user uint64) (labels []string) {
	b.t.Helper()
	devices, err := b.Devices(b.t.Context(), user)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, d := range devices {
		labels = append(labels, d.Label)
	}
	return labels
}

func TestATokenOfADeviceThatWasEndedIsRefusedEverywhere(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := start(t, s)
		phone, laptop := b.signedIn(ada, 1, "phone"), b.signedIn(ada, 2, "laptop")
		legacy := chat.Credential{Issued: b.time(), Expires: b.time().Add(time.Hour)}
		refusals := func(c chat.Credential) map[string]error {
			_, over := b.Admit(t.Context(), ada, c)
			_, put := b.PutCode(t.Context(), c, chat.Code{User: ada, Kind: chat.LinkCode, Hash: [32]byte{1}})
			return map[string]error{
				"over HTTP": over, "on CONNECT": b.Seen(t.Context(), chat.User{ID: ada, Name: "Ada"}, c),
				"for a name": b.Rename(t.Context(), ada, c, "Ada"), "for a code": put,
			}
		}
		check := func(c chat.Credential, code string) {
			t.Helper()
			for way, err := range refusals(c) {
				wantCode(t, way, err, code)
			}
		}
		b.pass(time.Hour)
		for user, id := range map[uint64]uint64{bob: phone.Device, ada: 5} { // another's, and nobody's
			if found, err := b.EndDevice(t.Context(), user, id); found || err != nil {
				t.Errorf("device %d of %d: found %t, %v", id, user, found, err)
			}
		}
		check(phone, "")
		if found, err := b.EndDevice(t.Context(), ada, phone.Device); !found || err != nil {
			t.Fatalf("found %t, %v", found, err)
		}
		check(phone, "signed-out-elsewhere")
		check(laptop, "")
		check(legacy, "")
		renewed := phone // while it was ended
		renewed.Issued = b.time().Add(time.Hour)
		check(renewed, "signed-out-elsewhere")
		if labels := b.labels(ada); !slices.Equal(labels, []string{"laptop"}) {
			t.Errorf("devices %q", labels)
		}
		if found, err := b.EndDevice(t.Context(), ada, phone.Device); found || err != nil {
			t.Errorf("a second time: found %t, %v", found, err)
		}

		// All others.
		tablet := b.signedIn(ada, 3, "tablet")
		unknown := chat.Credential{Issued: b.time().Truncate(time.Second), Expires: b.time().Add(time.Hour), Device: deviceOf(b.time(), 9)} // of before a backup was put back
		b.pass(2 * time.Second)
		if err := b.EndDevices(t.Context(), ada, laptop); err != nil {
			t.Fatal(err)
		}
		check(laptop, "")
		for _, c := range []chat.Credential{tablet, phone, legacy, unknown, {}} {
			check(c, "signed-out-elsewhere")
		}
		wantCode(t, "to end the others by one that was ended", b.EndDevices(t.Context(), ada, tablet), "signed-out-elsewhere")
		b.pass(2 * time.Second)
		check(b.signedIn(ada, 4, "new"), "")
		check(chat.Credential{Issued: b.time(), Expires: b.time().Add(time.Hour)}, "") // a backend's, which was issued after

		// All.
		if err := b.EndDevices(t.Context(), ada, chat.Credential{}); err != nil {
			t.Fatal(err)
		}
		check(laptop, "signed-out-elsewhere")
		if labels := b.labels(ada); len(labels) != 0 {
			t.Errorf("devices %q", labels)
		}
		if _, err := b.Admit(t.Context(), bob, legacy); err != nil {
			t.Errorf("somebody else: %v", err)
		}
	})
}

func TestADeviceIsKeptAsLongAsItsTokens(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := start(t, s)
		c := b.signedIn(ada, 1, "phone")
		first := c
		device := func() chat.Device {
			t.Helper()
			devices, err := b.Devices(t.Context(), ada)
			if err != nil || len(devices) != 1 {
				t.Fatalf("%+v, %v", devices, err)
			}
			return devices[0]
		}
		signedIn := b.clockTime()
		see := func() {
			t.Helper()
			if err := b.Seen(t.Context(), chat.User{ID: ada, Name: "Ada"}, c); err != nil {
				t.Fatal(err)
			}
		}
		b.pass(9 * time.Minute)
		see()
		if d := device(); d.LastSeen != signedIn || uint64(d.Created().UnixMilli()) != signedIn {
			t.Errorf("%+v, created %v; want both %d", d, d.Created(), signedIn)
		}
		b.pass(2 * time.Minute)
		see()
		if d := device(); d.LastSeen != b.clockTime() {
			t.Errorf("%+v, want it seen at %d", d, b.clockTime())
		}
		b.pass(20 * 24 * time.Hour)
		c.Issued, c.Expires = b.time(), b.time().Add(30*24*time.Hour)
		see()
		b.pass(29 * 24 * time.Hour)
		if d := device(); d.Label != "phone" || d.Expires != uint64(c.Expires.UnixMilli()) {
			t.Errorf("%+v", d)
		}
		b.pass(2 * 24 * time.Hour)
		if labels := b.labels(ada); len(labels) != 0 {
			t.Errorf("devices %q", labels)
		}
		kept := func() (d chat.Device) {
			t.Helper()
			if err := s.View(t.Context(), func(v chat.View) (err error) { d, err = v.Device(ada, first.Device); return err }); err != nil {
				t.Fatal(err)
			}
			return d
		}
		if kept().ID == 0 {
			t.Error("it was forgotten before another came")
		}
		b.signedIn(bob, 2, "another's")
		if kept().ID != 0 {
			t.Error("it is kept, although another came")
		}
	})
}

func TestAUserIsSignedInOnSoManyDevicesAndNoMore(t *testing.T) {
	b := start(t, chattest.NewMemory(1))
	var first chat.Credential
	for i := range uint64(chat.MaxDevices) {
		c := b.signedIn(ada, i, strconv.FormatUint(i, 10))
		if i == 0 {
			first = c
		}
	}
	more := chat.Credential{Issued: b.time(), Expires: b.time().Add(time.Hour), Device: deviceOf(b.time(), 99)}
	hash := sha256.Sum256([]byte("code"))
	if _, err := b.PutCode(t.Context(), first, chat.Code{User: ada, Kind: chat.LinkCode, Hash: hash}); err != nil {
		t.Fatal(err)
	}
	user, _, err := b.CodeUser(t.Context(), hash)
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, "one more", b.SignIn(t.Context(), user, hash, more, false), "too-many-devices")
	wantCode(t, "one that is there", b.Seen(t.Context(), chat.User{ID: ada}, first), "")
	wantCode(t, "one more in the place of all others", b.SignIn(t.Context(), user, hash, more, true), "")
	if labels := b.labels(ada); len(labels) != 1 {
		t.Errorf("devices %q", labels)
	}
}

func TestACodeSignsItsUserInOnceAndInTime(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := start(t, s)
		own := b.signedIn(ada, 1, "phone")
		put := func(kind chat.CodeKind, text string) (hash [32]byte) {
			t.Helper()
			hash = sha256.Sum256([]byte(text))
			if _, err := b.PutCode(t.Context(), own, chat.Code{User: ada, Kind: kind, Hash: hash}); err != nil {
				t.Fatal(err)
			}
			return hash
		}
		random := uint64(10)
		use := func(hash [32]byte) error {
			random++
			user, _, err := b.CodeUser(t.Context(), hash)
			if err != nil {
				return err
			}
			if user.ID != ada || user.Name != "Ada" {
				t.Errorf("it is %+v's", user)
			}
			c := chat.Credential{Issued: b.time().Truncate(time.Second), Expires: b.time().Add(time.Hour), Device: deviceOf(b.time(), random), Label: "by code"}
			return b.SignIn(t.Context(), user, hash, c, false)
		}
		wantCode(t, "nobody's", use(sha256.Sum256([]byte("nobody's"))), "code-unknown")
		older := put(chat.LinkCode, "older")
		newer := put(chat.LinkCode, "newer")
		recovery := put(chat.RecoveryCode, "recovery")
		wantCode(t, "one that was replaced", use(older), "code-unknown")
		wantCode(t, "the newer", use(newer), "")
		wantCode(t, "the newer again", use(newer), "code-used")
		late := put(chat.LinkCode, "late")
		b.pass(chat.LinkTime - time.Millisecond)
		wantCode(t, "at the last moment", use(late), "")
		late = put(chat.LinkCode, "late again")
		b.pass(chat.LinkTime)
		wantCode(t, "too late", use(late), "code-expired")
		b.pass(10 * 365 * 24 * time.Hour)
		wantCode(t, "a recovery code after years", use(recovery), "")
		wantCode(t, "a recovery code again", use(recovery), "code-used")

		// What was looked at may not be any more.
		last := put(chat.RecoveryCode, "last")
		user, kind, err := b.CodeUser(t.Context(), last)
		if err != nil || kind != chat.RecoveryCode {
			t.Fatal(kind, err)
		}
		c := func() chat.Credential {
			random++
			return chat.Credential{Issued: b.time().Truncate(time.Second), Expires: b.time().Add(time.Hour), Device: deviceOf(b.time(), random)}
		}
		if _, err := b.RemoveAgent(t.Context(), ada); err != nil { // withdraws codes, too
			t.Fatal(err)
		}
		b.pass(2 * time.Second)
		wantCode(t, "after tokens were withdrawn", b.SignIn(t.Context(), user, last, c(), false), "code-unknown")
		own = b.signedIn(ada, 500, "again")
		last = put(chat.RecoveryCode, "the very last")
		if _, err := b.Block(t.Context(), ada); err != nil {
			t.Fatal(err)
		}
		wantCode(t, "of one who is blocked", use(last), "shut-out")
	})
}

func TestANameThatWasChangedHereOutlivesTheTokensOfBefore(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := start(t, s)
		old := b.signedIn(ada, 1, "phone")
		b.send(bob, text(ada, "hello"))
		b.out.take()
		b.pass(time.Second + 500*time.Millisecond)
		if err := b.Rename(t.Context(), ada, old, "Augusta"); err != nil {
			t.Fatal(err)
		}
		told := b.settingsTold()
		if len(told) != 1 || told[0].user != ada || told[0].body.(*proto.Settings).GetName() != "Augusta" {
			t.Errorf("told %v", told)
		}
		name := func() string {
			t.Helper()
			u, err := b.Admit(t.Context(), ada, old)
			if err != nil {
				t.Fatal(err)
			}
			return u.Name
		}
		see := func(c chat.Credential, tokenSays string) {
			t.Helper()
			if err := b.Seen(t.Context(), chat.User{ID: ada, Name: tokenSays}, c); err != nil {
				t.Fatal(err)
			}
		}
		see(old, "Ada")
		if got := name(); got != "Augusta" {
			t.Errorf("after an older token was seen: %q", got)
		}
		same := old
		same.Issued = b.time().Truncate(time.Second) // in which it may have been before
		see(same, "Ada")
		if got := name(); got != "Augusta" {
			t.Errorf("after a token of the same second was seen: %q", got)
		}
		later := old
		later.Issued = b.time().Add(time.Second)
		see(later, "Ada Lovelace") // by whoever mints tokens
		if got := name(); got != "Ada Lovelace" {
			t.Errorf("after a newer token was seen: %q", got)
		}
	})
}
