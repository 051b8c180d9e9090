package chat

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"parley/proto"
)

// errFuture is that a client knows of changes that the history does not have,
// though a server of this history told of them: a backup was put back since.
var errFuture = errors.New("the history has lost what it told")

// ahead reports whether a client that was told a position knows of what v's
// history does not have. A history that was put back and then grew past what it
// lost has as many changes again, and others: but those of a start of the server
// that it does not know, or beyond what it had under one that it does, are none of
// its own.
func (p position) ahead(v View, epoch uint64) (bool, error) {
	if p.epoch != epoch || p.start == 0 {
		return false, nil
	}
	reached, err := v.Reached(p.start)
	return p.rev > reached, err
}

// NewEpoch begins a new epoch, since an operator says that the history may not
// have only grown. When it returns nil, that is on disk, and all who are here are
// told. Errors wrap a *proto.Refusal.
func (s *Service) NewEpoch(ctx context.Context) error {
	return s.replaceEpoch(ctx, s.epoch.Load())
}

// replaceEpoch begins a new epoch unless one began since another.
func (s *Service) replaceEpoch(ctx context.Context, old uint64) error {
	fresh, err := s.randomID()
	if err != nil {
		return s.failed("no new epoch could begin", err)
	}
	_, err = s.commitOne(ctx, &renewal{old, fresh})
	return err
}

// randomID is never 0.
func (s *Service) randomID() (uint64, error) {
	b := make([]byte, 8)
	for binary.BigEndian.Uint64(b) == 0 {
		if _, err := io.ReadFull(s.random, b); err != nil {
			return 0, fmt.Errorf("make a random id: %w", err)
		}
	}
	return binary.BigEndian.Uint64(b), nil
}

// renewal begins a new epoch.
type renewal struct{ old, fresh uint64 }

func (r *renewal) apply(b *batch) (Result, error) {
	if b.epoch != r.old { // of several who noticed, the first was enough
		return Result{}, nil
	}
	b.epoch, b.fresh = r.fresh, r.fresh
	return Result{}, b.tx.PutEpoch(r.fresh)
}

// foreign reports whether what a client noted of seqs is of another epoch than the
// batch's; absent, it is not.
func (b *batch) foreign(epoch *uint64) bool { return epoch != nil && *epoch != b.epoch }

// seenHere is up to where an author had seen the log of the batch's epoch, who
// noted it in an epoch; nil if an old client did not.
func (b *batch) seenHere(epoch, seen *uint64) *uint64 {
	if seen != nil && b.foreign(epoch) {
		return new(uint64)
	}
	return seen
}

// announceEpoch lets all who are here know that a new epoch began, ahead of
// whatever they are sent of it.
func (s *Service) announceEpoch(epoch uint64) {
	s.epoch.Store(epoch)
	s.log.Warn("a new epoch of the history began: clients drop what they know of the old one and load it anew")
	payload, err := s.Missed()
	if err != nil {
		_ = s.failed("the new epoch could not be told", err) // has logged it; the next answers tell
		return
	}
	for _, user := range s.presence.here() {
		s.fanout.Publish(user, proto.BranchUnread, payload)
	}
}
