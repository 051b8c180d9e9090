package chat

import (
	"context"
	"slices"
	"time"

	"parley/proto"
)

const (
	// LeastGuestRetention is the lowest Config.GuestRetention: a guest's token lives
	// as long, and whoever holds one that counts must stay who they are.
	LeastGuestRetention = 30 * day
	// seenStep is by how much a note of when a user was seen may be too early.
	seenStep = day
	// lapsedAtOnce bounds the users who are looked at together, and forgottenAtOnce
	// those whom one commit forgets; maxLoose the conversations of each that go in one
	// pass, and looseAtOnce those with which a commit takes no more users.
	lapsedAtOnce    = 500
	forgottenAtOnce = 50
	maxLoose        = 200
	looseAtOnce     = 200
)

// forgetGuests forgets whom nobody saw for Config.GuestRetention, until ctx is
// done: all users are looked through once a day. Run owns it.
func (s *Service) forgetGuests(ctx context.Context) {
	for after := uint64(0); ; {
		if !s.leads() {
			if !sleep(ctx, leadWait) {
				return
			}
			continue
		}
		requests, next, err := s.Lapsed(ctx, after)
		for _, r := range requests {
			if err != nil {
				break
			}
			began := time.Now()
			_, err = s.submit(ctx, r) // of the store: logged
			if !sleep(ctx, expiryRest*time.Since(began)) {
				return
			}
		}
		wait := minExpiry / 10
		if after = next; after == 0 || err != nil {
			after, wait = 0, maxExpiry
		}
		if !sleep(ctx, wait) {
			return
		}
	}
}

// Lapsed returns requests that forget guests whom nobody saw for
// Config.GuestRetention, among some of the users whose ids come after one; and
// after which to go on, 0 at the end. Agents stay, and whom an operator blocked or
// withdrew tokens from, who are here, of whom it is unknown when they were seen,
// and in whose conversations entries are kept, beside which their name is shown.
// Run commits them by itself; whoever drives a Service by hand (Commit) may.
// Errors wrap a *proto.Refusal.
func (s *Service) Lapsed(ctx context.Context, after uint64) (requests []Request, next uint64, err error) {
	before := s.now().Add(-s.guestRetention - seenStep).UnixMilli()
	if s.guestRetention <= 0 || before <= 0 {
		return nil, 0, nil
	}
	err = s.store.Scan(ctx, func(v View) error {
		rev, err := v.Rev()
		if err != nil {
			return err
		}
		users, err := v.UsersAfter(after, lapsedAtOnce)
		if err != nil {
			return err
		}
		if len(users) == lapsedAtOnce {
			next = users[len(users)-1].ID
		}
		users = slices.DeleteFunc(users, func(u User) bool { return !u.lapsed(uint64(before)) })
		requests, err = lapses(v, users, rev)
		return err
	})
	if err != nil {
		return nil, 0, s.failed("guests who were never seen again could not be found", err)
	}
	return requests, next, nil
}

// lapsed reports whether nothing keeps u from being forgotten but a conversation, or
// that u is here.
func (u User) lapsed(before uint64) bool {
	seen := max(u.FirstSeen, u.LastSeen)
	return seen != 0 && seen < before && u.Services == 0 && !u.Blocked && u.Revoked == 0
}

// lapses returns requests that forget those of users of whose conversations
// nothing is kept. rev is the highest change number in v.
func lapses(v View, users []User, rev uint64) (requests []Request, err error) {
	r := &lapse{rev: rev}
	for _, u := range users {
		if keeps, err := v.Keeps(u.ID, 0); err != nil {
			return nil, err
		} else if keeps {
			continue
		}
		loose, err := v.Loose(u.ID, maxLoose)
		if err != nil {
			return nil, err
		}
		if len(r.guests) == forgottenAtOnce || len(r.guests) > 0 && r.loose+len(loose) > looseAtOnce {
			requests, r = append(requests, r), &lapse{rev: rev}
		}
		r.guests, r.loose = append(r.guests, guest{u, loose}), r.loose+len(loose)
	}
	if len(r.guests) > 0 {
		requests = append(requests, r)
	}
	return requests, nil
}

// lapse forgets guests, unless something changed since they were looked at.
type lapse struct {
	guests []guest
	loose  int    // of all guests
	rev    uint64 // the highest change number when they were looked at
}

type guest struct {
	User
	loose []proto.Key // maxLoose at most
}

func (r *lapse) apply(b *batch) (Result, error) {
	active := make(map[uint64]bool) // users of whose conversations one changes in this batch
	for _, m := range b.changedMembers {
		active[m.User] = true
	}
	for _, g := range r.guests {
		stays, err := b.stays(g.User, r.rev)
		if err != nil {
			return Result{}, err
		}
		if stays || active[g.ID] {
			continue
		}
		if err := b.forgetGuest(g); err != nil {
			return Result{}, err
		}
	}
	return Result{}, nil
}

// stays reports whether u is here or changed, or entries came, since u was looked
// at, when rev was the highest change number.
func (b *batch) stays(u User, rev uint64) (bool, error) {
	known, err := b.tx.User(u.ID)
	if err != nil || known != u || b.service.presence.online(u.ID) {
		return true, err
	}
	return b.tx.Keeps(u.ID, rev)
}

// forgetGuest undoes whom a guest blocks, and deletes the guest with all
// conversations in which there never was an entry. What others chose stays, and so
// does what numbers a conversation whose entries are deleted: its watermarks and
// counts go on where they are.
func (b *batch) forgetGuest(g guest) error {
	for _, key := range g.loose {
		own, err := b.member(key, g.ID)
		if err != nil {
			return err
		}
		peer, err := b.member(key, key.Peer(g.ID))
		if err != nil {
			return err
		}
		own.Blocks, peer.Blocked = false, false
		b.keepMember(own)
		b.keepMember(peer)
		b.loosened = append(b.loosened, key)
	}
	if len(g.loose) == maxLoose { // there may be more: the next pass goes on
		return nil
	}
	return b.tx.DeleteUser(g.ID)
}

// sweep deletes a conversation in which there never was an entry and nobody
// blocks the other. All else of the batch is written.
func (b *batch) sweep(key proto.Key) error {
	c, err := b.conversation(key)
	if err != nil || c.Head > 0 {
		return err
	}
	members, err := b.tx.Members(key)
	if err != nil || slices.ContainsFunc(members, Member.apart) {
		return err
	}
	return b.tx.DeleteConversation(key)
}
