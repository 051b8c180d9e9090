package chat

import (
	"context"
	"encoding/binary"
	"hash/fnv"
	"time"

	"parley/proto"
)

const (
	// MaxDevices is on how many devices a user may be signed in at a time.
	MaxDevices = 20
	// maxDeviceRows bounds the devices that are kept of a user, with those that were
	// ended while a token of theirs would still be valid.
	maxDeviceRows = 200
	// MaxLabel is the longest label of a device, in bytes.
	MaxLabel = 64
	// deviceStep is by how much Device.LastSeen may be too early.
	deviceStep = 10 * time.Minute
	// prunedAtOnce bounds the devices, of anybody, that go when one comes.
	prunedAtOnce = 100
)

// deviceIDShift is where the milliseconds in a device's id begin.
const deviceIDShift = 22

// Device is where a user signed in: mostly a profile of a browser. The tokens that
// it is given name it.
type Device struct {
	User uint64
	// ID is milliseconds since proto.IDEpoch, when the user signed in there, and 22
	// random bits, from high to low: unique among a user's.
	ID    uint64
	Label string // for its user to know it by, MaxLabel bytes at most; may be empty
	// LastSeen is when a token of it was, and Expires when its newest does, Unix milliseconds.
	LastSeen, Expires uint64
	// Ended says that its tokens are refused.
	Ended bool
}

// Created is when the user signed in on the device.
func (d Device) Created() time.Time {
	return proto.IDEpoch.Add(time.Duration(d.ID>>deviceIDShift) * time.Millisecond)
}

// Credential is what a token says beside who its user is.
type Credential struct {
	Issued, Expires time.Time // zero: the token does not say
	Device          uint64    // that it was given to; 0: it names none
	Label           string    // of a device that has just signed in
}

// issuedAfter reports whether the token was after a time, in Unix milliseconds.
// Tokens tell whole seconds: one of the same second counts as issued before.
func (c Credential) issuedAfter(time uint64) bool {
	return !c.Issued.IsZero() && uint64(max(0, c.Issued.UnixMilli())) > time
}

// seen returns what is known of a device after a token of it was seen, now.
func (d Device) seen(user uint64, c Credential, now uint64) Device {
	if c.Device == 0 {
		return d
	}
	if d.ID == 0 {
		d = Device{User: user, ID: c.Device, Label: c.Label}
	}
	if now > d.LastSeen+uint64(deviceStep.Milliseconds()) {
		d.LastSeen = now // not each time: that would be a write with each connection
	}
	d.Expires = max(d.Expires, uint64(max(0, c.Expires.UnixMilli())))
	return d
}

// Devices returns where a user is signed in, who signed in first first. Errors wrap
// a *proto.Refusal.
func (s *Service) Devices(ctx context.Context, user uint64) (devices []Device, err error) {
	now := s.millis()
	err = s.store.View(ctx, func(v View) error {
		all, err := v.Devices(user)
		for _, d := range all {
			if d.live(now) {
				devices = append(devices, d)
			}
		}
		return err
	})
	if err != nil {
		return nil, s.failed("the devices could not be read", err)
	}
	return devices, nil
}

// markOf returns a number that is another one for other devices that count, and 0 for none.
// That the tokens of one expired is no news.
func markOf(devices []Device) uint64 {
	hash, any := fnv.New64a(), false
	for _, d := range devices {
		if !d.Ended {
			hash.Write(binary.BigEndian.AppendUint64(nil, d.ID))
			any = true
		}
	}
	if !any {
		return 0
	}
	return hash.Sum64()
}

func (d Device) live(now uint64) bool { return d.ID != 0 && !d.Ended && d.Expires > now }

// EndDevice lets no token of a user's device count any more; found is false if the
// user has none of that id. When it returns without error, that is on disk, and the
// device's connections end. Errors wrap a *proto.Refusal.
func (s *Service) EndDevice(ctx context.Context, user, id uint64) (found bool, err error) {
	r := &deviceEnd{user: user, id: id}
	return answerOf(ctx, s.submit, r, &r.found)
}

// deviceEnd ends a device on its way into the history.
type deviceEnd struct {
	user, id uint64
	found    bool // set by apply
}

func (r *deviceEnd) apply(b *batch) (Result, error) {
	d, err := b.tx.Device(r.user, r.id)
	r.found = err == nil && d.live(b.now)
	if !r.found {
		return Result{}, err
	}
	d.Ended = true
	b.end(r.user, r.id, false, SignedOutElsewhere())
	if err := b.tx.PutDevice(d); err != nil {
		return Result{}, err
	}
	u, err := b.tx.User(r.user)
	if err != nil {
		return Result{}, err
	}
	return Result{}, b.tellSettings(u)
}

// EndDevices lets no token of a user count any more that was issued so far, but those
// of the device that keep names, if it names one; and no link code. Otherwise it is as
// EndDevice.
func (s *Service) EndDevices(ctx context.Context, user uint64, keep Credential) error {
	_, err := s.submit(ctx, &devicesEnd{user, keep})
	return err
}

type devicesEnd struct {
	user uint64
	keep Credential
}

func (r *devicesEnd) apply(b *batch) (Result, error) {
	known, refusal, err := b.admitted(r.user, r.keep)
	if r.keep.Device == 0 {
		refusal = nil // whoever asks ends their own, too
	}
	if refusal != nil || err != nil {
		return Result{Err: refusal}, err
	}
	d, err := b.tx.Device(r.user, r.keep.Device)
	if err != nil {
		return Result{}, err
	}
	known.ID = r.user
	if err := b.endDevices(known, d.seen(r.user, r.keep, b.now)); err != nil {
		return Result{}, err
	}
	return Result{}, b.tellSettings(known)
}

// admitted returns what is known of a user, and why a token of theirs is refused that
// was accepted when it was looked at.
func (b *batch) admitted(user uint64, c Credential) (u User, refusal, err error) {
	if u, err = b.tx.User(user); err != nil {
		return u, nil, err
	}
	d, err := b.tx.Device(user, c.Device)
	if err != nil {
		return u, nil, err
	}
	return u, u.refused(d, c), nil
}

// endDevices ends all devices of u but one, and u's tokens that name none. Of those
// that end nothing is kept: SignedOut tells that they are older.
func (b *batch) endDevices(u User, keep Device) error {
	u.SignedOut = max(u.SignedOut, b.now)
	b.end(u.ID, keep.ID, true, SignedOutElsewhere())
	if err := b.putUser(u); err != nil {
		return err
	}
	devices, err := b.tx.Devices(u.ID)
	if err != nil {
		return err
	}
	for _, d := range devices {
		if err := b.tx.DeleteDevice(u.ID, d.ID); err != nil {
			return err
		}
	}
	if err := b.tx.DeleteCode(u.ID, LinkCode); err != nil || keep.ID == 0 {
		return err
	}
	return b.tx.PutDevice(keep)
}

// refused says why a token of u is not accepted; nil if it is. d is its device, as far
// as that is known: after a backup was put back, it may not be, and is again when it
// is seen. An operator's word counts before the user's.
func (u User) refused(d Device, c Credential) error {
	switch {
	case u.Blocked:
		return shutOut()
	case u.Revoked != 0 && !c.issuedAfter(u.Revoked):
		return withdrawn()
	case c.Device == 0 && u.SignedOut != 0 && !c.issuedAfter(u.SignedOut),
		c.Device != 0 && d.Ended,
		c.Device != 0 && d.ID == 0 && u.endedUnknown(c):
		return SignedOutElsewhere()
	}
	return nil
}

// endedUnknown reports whether u signed out everywhere after the token was issued, or
// its device signed in, of which nothing is known.
func (u User) endedUnknown(c Credential) bool {
	created := uint64(max(0, Device{ID: c.Device}.Created().UnixMilli()))
	return u.SignedOut != 0 && (created <= u.SignedOut || !c.Issued.IsZero() && !c.issuedAfter(u.SignedOut))
}

// shutOut and withdrawn are why tokens are refused of whom an operator ruled out.
func shutOut() *proto.Refusal {
	return proto.Refuse(proto.NotAuthorized, "you are blocked on this server: ask whoever runs it").Named("shut-out")
}

func withdrawn() *proto.Refusal {
	return proto.Refuse(proto.NotAuthorized, "whoever runs this server withdrew the token: sign in anew").Named("token-withdrawn")
}

// SignedOutElsewhere is why a token of a device that was ended is refused.
func SignedOutElsewhere() *proto.Refusal {
	return proto.Refuse(proto.NotAuthorized, "you were signed out on another device: sign in again").Named("signed-out-elsewhere")
}

// putDevice writes what is known of a user's device after a token of it was seen, and,
// if it is new, forgets some whose tokens have all expired. A refusal says that the
// user has too many.
func (b *batch) putDevice(before, after Device) (refusal, err error) {
	if after == before {
		return nil, nil
	}
	if before.ID == 0 {
		if refusal, err = b.roomForDevice(after.User); refusal != nil || err != nil {
			return refusal, err
		}
	}
	return nil, b.tx.PutDevice(after)
}

func (b *batch) roomForDevice(user uint64) (refusal, err error) {
	now := b.now
	expired, err := b.tx.ExpiredDevices(now, prunedAtOnce)
	if err != nil {
		return nil, err
	}
	for _, d := range expired {
		if err := b.tx.DeleteDevice(d.User, d.ID); err != nil {
			return nil, err
		}
	}
	all, err := b.tx.Devices(user)
	if err != nil {
		return nil, err
	}
	live := 0
	for _, d := range all {
		if d.live(now) {
			live++
		}
	}
	if live >= MaxDevices || len(all) >= maxDeviceRows {
		return proto.Refuse(proto.NotAuthorized, "you are signed in on %d devices, or were within a month on many more: end some of them", MaxDevices).Named("too-many-devices", MaxDevices), nil
	}
	return nil, nil
}
