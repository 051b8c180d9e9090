package chat

import (
	"context"
	"crypto/sha256"
	"time"

	"parley/proto"
)

// CodeHash is the size of a code's hash, in bytes.
const CodeHash = sha256.Size

// LinkTime is how long a link code counts.
const LinkTime = 5 * time.Minute

// CodeKind is what a code is for.
type CodeKind uint8

// A user has one code of each kind at most.
const (
	LinkCode     CodeKind = 1 // signs another device in, within LinkTime
	RecoveryCode CodeKind = 2 // signs in again, whenever
)

// Code is what is kept of a code that signs its user in, once: not the code itself.
// It is random and long enough that whoever has its hash cannot try all there are,
// in the time for which it counts, however fast the hash is.
type Code struct {
	User          uint64
	Kind          CodeKind
	Hash          [CodeHash]byte // SHA-256
	Made, Expires uint64         // Unix milliseconds; Expires 0: never
	Used          bool
}

// PutCode lets a code sign a user in, in the place of the one of its kind that there
// was; by is the token of who asks. Of c, only User, Kind and Hash are looked at. It
// returns the whole. Errors wrap a *proto.Refusal: NotAuthorized if by is refused by now.
func (s *Service) PutCode(ctx context.Context, by Credential, c Code) (Code, error) {
	r := &codePut{c, by}
	return answerOf(ctx, s.submit, r, &r.Code)
}

// codePut is a new code on its way into the history.
type codePut struct {
	Code
	by Credential
}

func (r *codePut) apply(b *batch) (Result, error) {
	_, refusal, err := b.admitted(r.User, r.by)
	if refusal != nil || err != nil {
		return Result{Err: refusal}, err
	}
	r.Made, r.Expires = b.now, 0
	if r.Kind == LinkCode {
		r.Expires = r.Made + uint64(LinkTime.Milliseconds())
	}
	return Result{}, b.tx.PutCode(r.Code)
}

// CodeOf returns a user's code of a kind; the zero Code if there is none that counts.
// Errors wrap a *proto.Refusal.
func (s *Service) CodeOf(ctx context.Context, user uint64, kind CodeKind) (c Code, err error) {
	err = s.store.View(ctx, func(v View) (err error) {
		c, err = v.CodeOf(user, kind)
		return err
	})
	switch {
	case err != nil:
		return c, s.failed("the code could not be read", err)
	case c.refused(s.millis()) != nil:
		return Code{}, nil
	}
	return c, nil
}

// refused says why c signs nobody in; nil if it does.
func (c Code) refused(now uint64) error {
	switch {
	case c.User == 0:
		return proto.Refuse(proto.NotAuthorized, "there is no such code: look at it again, or make a new one, since the newest replaces all before it").Named("code-unknown")
	case c.Used:
		return proto.Refuse(proto.NotAuthorized, "the code was used already, and signs in once: make a new one").Named("code-used")
	case c.Expires != 0 && now >= c.Expires:
		return proto.Refuse(proto.NotAuthorized, "the code has expired: make a new one").Named("code-expired")
	}
	return nil
}

// CodeUser returns the user whom a code signs in. Errors wrap a *proto.Refusal:
// NotAuthorized if it signs nobody in.
func (s *Service) CodeUser(ctx context.Context, hash [CodeHash]byte) (u User, kind CodeKind, err error) {
	var c Code
	err = s.store.View(ctx, func(v View) (err error) {
		if c, err = v.Code(hash); err != nil || c.User == 0 {
			return err
		}
		u, err = v.User(c.User)
		return err
	})
	if err != nil {
		return u, 0, s.failed("the code could not be read", err)
	}
	u.ID = c.User
	return u, c.Kind, c.refused(s.millis())
}

// SignIn uses up a code of a user for a device, whose first token is c; with
// endOthers, as EndDevices, none but this counts from then on. When it returns without
// error, that is on disk. Errors wrap a *proto.Refusal: NotAuthorized if the code signs
// nobody in any more, or its user may not be signed in.
func (s *Service) SignIn(ctx context.Context, user User, hash [CodeHash]byte, c Credential, endOthers bool) error {
	_, err := s.submit(ctx, &signIn{user, hash, c, endOthers})
	return err
}

type signIn struct {
	user       User
	hash       [CodeHash]byte
	credential Credential
	endOthers  bool
}

func (r *signIn) apply(b *batch) (Result, error) {
	code, err := b.tx.Code(r.hash)
	if err != nil {
		return Result{}, err
	}
	now := b.now
	if code.User != r.user.ID {
		code = Code{}
	}
	if err := code.refused(now); err != nil {
		return Result{Err: err}, nil
	}
	known, err := b.tx.User(r.user.ID)
	if err != nil {
		return Result{}, err
	}
	device := Device{}.seen(r.user.ID, r.credential, now)
	if err := known.refused(device, r.credential); err != nil {
		return Result{Err: err}, nil
	}
	if r.endOthers {
		err = b.endDevices(known, device)
	} else {
		var refusal error
		if refusal, err = b.putDevice(Device{}, device); refusal != nil {
			return Result{Err: refusal}, nil
		}
	}
	if err != nil {
		return Result{}, err
	}
	code.Used = true
	if err := b.tx.PutCode(code); err != nil {
		return Result{}, err
	}
	if known, err = b.tx.User(r.user.ID); err != nil {
		return Result{}, err
	}
	after := known.seen(r.user, r.credential, now)
	if err := b.changeUser(known, after); err != nil {
		return Result{}, err
	}
	return Result{}, b.tellSettings(after)
}
