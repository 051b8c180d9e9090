package proto

import (
	"errors"
	"math"
	"testing"
)

func TestBothSidesComputeTheSameKey(t *testing.T) {
	tests := []struct {
		x, y uint64
		want string
	}{
		{1, 2, "d:1:2"},
		{10, 9, "d:9:10"}, // by number, not by text
		{1 << 53, 1<<53 + 1, "d:9007199254740992:9007199254740993"},
		{1 << 63, 1<<63 - 1, "d:9223372036854775807:9223372036854775808"},
		{math.MaxUint64, 1, "d:1:18446744073709551615"},
	}
	for _, test := range tests {
		ours, theirs := DirectKey(test.x, test.y), DirectKey(test.y, test.x)
		if ours != theirs || ours.String() != test.want {
			t.Errorf("%d and %d: %s and %s, want %s", test.x, test.y, ours, theirs, test.want)
		}
		parsed, err := ParseKey(test.want)
		if err != nil || parsed != ours {
			t.Errorf("ParseKey(%s) = %s, %v", test.want, parsed, err)
		}
		if !ours.Has(test.x) || !ours.Has(test.y) || ours.Peer(test.x) != test.y || ours.Peer(test.y) != test.x {
			t.Errorf("%s does not join %d and %d", ours, test.x, test.y)
		}
	}
}

func TestADirectKeyKeepsOthersOut(t *testing.T) {
	k := DirectKey(3, 8)
	for _, user := range []uint64{0, 1, 5, 9, math.MaxUint64} {
		if k.Has(user) || k.Peer(user) != 0 {
			t.Errorf("%s has %d", k, user)
		}
	}
	if k.Kind() != Direct || k.Customer() != 0 || k.Service() != 0 {
		t.Errorf("%s is no direct key", k)
	}
}

func TestAServiceKeyNamesCustomerAndService(t *testing.T) {
	k := ServiceKey(math.MaxUint64, ServiceType_SERVICE_TYPE_SUPPORT)
	if got, want := k.String(), "s:18446744073709551615:2"; got != want {
		t.Errorf("key %s, want %s", got, want)
	}
	if parsed, err := ParseKey(k.String()); err != nil || parsed != k {
		t.Errorf("ParseKey(%s) = %s, %v", k, parsed, err)
	}
	if k.Kind() != Service || k.Customer() != math.MaxUint64 || k.Service() != ServiceType_SERVICE_TYPE_SUPPORT {
		t.Errorf("%s: kind %c, customer %d, service %d", k, k.Kind(), k.Customer(), k.Service())
	}
	if !k.Has(math.MaxUint64) || k.Has(2) || k.Peer(math.MaxUint64) != 0 {
		t.Errorf("%s: the service's number passes for a user", k)
	}
}

func TestAGroupKeyNamesItsGroup(t *testing.T) {
	k := GroupKey(math.MaxUint64)
	if got, want := k.String(), "g:18446744073709551615"; got != want {
		t.Errorf("key %s, want %s", got, want)
	}
	if parsed, err := ParseKey(k.String()); err != nil || parsed != k {
		t.Errorf("ParseKey(%s) = %s, %v", k, parsed, err)
	}
	if k.Kind() != Group || k.Group() != math.MaxUint64 || DirectKey(1, 2).Group() != 0 {
		t.Errorf("%s: kind %c, group %d", k, k.Kind(), k.Group())
	}
	if k.Has(math.MaxUint64) || k.Peer(math.MaxUint64) != 0 || k.Customer() != 0 || k.User(First) != 0 || k.Side(3) != First || k.Side(math.MaxUint64) != First {
		t.Errorf("%s: the group passes for a user", k)
	}
}

func TestTheZeroKeyNamesNoConversation(t *testing.T) {
	var k Key
	if !k.IsZero() || k.String() != "" || k.Has(0) || k.Kind() != 0 {
		t.Errorf("zero key %q", k)
	}
	if DirectKey(1, 2).IsZero() {
		t.Error("d:1:2 is zero")
	}
}

func TestAKeyInAnyOtherFormIsRefused(t *testing.T) {
	for _, s := range []string{
		"", ":", "d", "d:", "d::", "d:1", "d:1:", "d::2", "d:1:2:", "d:1:2:3", " d:1:2", "d:1:2 ", "D:1:2",
		"d:2:1", "d:1:1", "d:0:1", "d:01:2", "d:+1:2", "d:1:-2", "d:1:2e0", "d:1_0:20", "d:１:2", "d:0x1:0x2",
		"d:1:18446744073709551616", "d:1:99999999999999999999999999",
		"s:", "s:1", "s:1:", "s:0:1", "s:1:64", "s:1:01", "s:1:+1", "s:1:-1", "s:1:4294967296", "s:1:2147483648", "s:01:1",
		"g", "g:", "g:0", "g:01", "g:1:", "g:1:2", "g:18446744073709551616", "x:1:2", "d/1/2", "d:1:2\x00",
	} {
		k, err := ParseKey(s)
		var refusal *Refusal
		if !errors.As(err, &refusal) || refusal.Reason != PayloadFormatInvalid || !k.IsZero() {
			t.Errorf("ParseKey(%q) = %s, %v", s, k, err)
		}
	}
}

func FuzzParseKey(f *testing.F) {
	for _, s := range []string{"d:1:2", "d:1:18446744073709551615", "s:1:2", "s:1:01", "d:2:1", "", "d:1:2:3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		k, err := ParseKey(s)
		if err != nil {
			if !k.IsZero() {
				t.Errorf("refused, and yet %s", k)
			}
			return
		}
		if k.String() != s {
			t.Errorf("%q and %q are one key", s, k)
		}
	})
}

func TestEachNumberOfAServiceHasAName(t *testing.T) {
	for n := range int32(MaxService + 2) {
		if _, named := ServiceType_name[n]; named != (n <= MaxService) {
			t.Errorf("service %d has a name: %v", n, named)
		}
	}
}
