package storetest

import (
	"errors"
	"math"
	"testing"

	"parley/server/chat"
)

func devices(t *testing.T, open History) {
	s := open()
	const ada, bob = math.MaxUint64, 7
	first := chat.Device{User: ada, ID: 1 << 63, Label: "Firefox on Ünix", LastSeen: 1<<63 + 1, Expires: 9}
	second := chat.Device{User: ada, ID: math.MaxUint64, Expires: 8, Ended: true}
	others := chat.Device{User: bob, ID: 1 << 63, Label: "Bob's", Expires: math.MaxUint64}
	update(t, s, func(tx chat.Tx) error {
		if err := errors.Join(tx.PutDevice(second), tx.PutDevice(others), tx.PutDevice(first)); err != nil {
			return err
		}
		own, err := tx.Devices(ada)
		want(t, "within an update", own, []chat.Device{first, second})
		return err
	})
	of := func(user uint64) []chat.Device {
		t.Helper()
		return get(t, s, func(v chat.View) ([]chat.Device, error) { return v.Devices(user) })
	}
	one := func(user, id uint64) chat.Device {
		t.Helper()
		return get(t, s, func(v chat.View) (chat.Device, error) { return v.Device(user, id) })
	}
	expired := func(before uint64, limit int) []chat.Device {
		t.Helper()
		return get(t, s, func(v chat.View) ([]chat.Device, error) { return v.ExpiredDevices(before, limit) })
	}
	want(t, "a user's", of(ada), []chat.Device{first, second})
	want(t, "nobody's", of(1), nil)
	want(t, "one of two with an id", one(bob, 1<<63), others)
	want(t, "one that there is not", one(bob, 5), chat.Device{})
	want(t, "expired before 9", expired(9, 9), []chat.Device{second})
	want(t, "expired before 10", expired(10, 9), []chat.Device{second, first})
	want(t, "the first of them", expired(10, 1), []chat.Device{second})
	want(t, "none of them", expired(10, 0), nil)

	first.Label, first.LastSeen, first.Expires, first.Ended = "another", 2, 3, true
	update(t, s, func(tx chat.Tx) error {
		return errors.Join(tx.PutDevice(first), tx.DeleteDevice(ada, second.ID), tx.DeleteDevice(ada, 5))
	})
	want(t, "after a change", of(ada), []chat.Device{first})
	update(t, s, func(tx chat.Tx) error { return tx.DeleteUser(bob) })
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open()
	want(t, "opened again", of(ada), []chat.Device{first})
	want(t, "of a user who was deleted", of(bob), nil)
}

func codes(t *testing.T, open History) {
	s := open()
	const ada, bob = math.MaxUint64, 7
	hash := func(n byte) (h [chat.CodeHash]byte) { h[31] = n; return h }
	link := chat.Code{User: ada, Kind: chat.LinkCode, Hash: hash(1), Made: 1 << 63, Expires: math.MaxUint64}
	recovery := chat.Code{User: ada, Kind: chat.RecoveryCode, Hash: hash(2), Made: 5, Used: true}
	others := chat.Code{User: bob, Kind: chat.LinkCode, Hash: hash(3)}
	update(t, s, func(tx chat.Tx) error { return errors.Join(tx.PutCode(link), tx.PutCode(recovery), tx.PutCode(others)) })
	by := func(n byte) chat.Code {
		t.Helper()
		return get(t, s, func(v chat.View) (chat.Code, error) { return v.Code(hash(n)) })
	}
	of := func(user uint64, kind chat.CodeKind) chat.Code {
		t.Helper()
		return get(t, s, func(v chat.View) (chat.Code, error) { return v.CodeOf(user, kind) })
	}
	want(t, "by hash", by(1), link)
	want(t, "by hash, of the other kind", by(2), recovery)
	want(t, "by a hash of nobody's", by(9), chat.Code{})
	want(t, "of a user", of(ada, chat.RecoveryCode), recovery)
	want(t, "of one who has none", of(bob, chat.RecoveryCode), chat.Code{})

	newer := chat.Code{User: ada, Kind: chat.LinkCode, Hash: hash(4), Made: 2, Expires: 3}
	update(t, s, func(tx chat.Tx) error {
		return errors.Join(tx.PutCode(newer), tx.DeleteCode(ada, chat.RecoveryCode), tx.DeleteCode(1, chat.LinkCode))
	})
	want(t, "the older", by(1), chat.Code{})
	want(t, "the newer", of(ada, chat.LinkCode), newer)
	want(t, "the deleted", by(2), chat.Code{})
	if err := s.Update(t.Context(), func(tx chat.Tx) error {
		return tx.PutCode(chat.Code{User: ada, Kind: chat.RecoveryCode, Hash: hash(3)})
	}); err == nil {
		t.Error("two have codes of one hash")
	}
	update(t, s, func(tx chat.Tx) error { return tx.DeleteUser(bob) })
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open()
	want(t, "opened again", by(4), newer)
	want(t, "of a user who was deleted", by(3), chat.Code{})
}
