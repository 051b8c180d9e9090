package chat

import (
	"context"
	"time"

	"parley/proto"
)

const (
	// maxExpired bounds the entries that one commit deletes, and expiredAtOnce
	// the conversations that are looked at together.
	maxExpired    = 200
	expiredAtOnce = 200
	// expiryRest is how many times as long as a deletion took nothing is deleted,
	// so that others hardly notice.
	expiryRest = 9
	// The history is looked through so many times in the time for which messages
	// are kept, but not more and not less often than these.
	expiryPasses = 24
	minExpiry    = time.Second
	// leadWait is after how long it is seen anew whether another node sees to that.
	leadWait  = 10 * time.Second
	maxExpiry = 24 * time.Hour
)

// retain deletes what is older than Config.Retention, until ctx is done. Run
// owns it.
func (s *Service) retain(ctx context.Context) {
	pause := min(max(s.retention/expiryPasses, minExpiry), maxExpiry)
	for after := ""; ; {
		if !s.leads() {
			if !sleep(ctx, leadWait) {
				return
			}
			continue
		}
		requests, next, err := s.Overdue(ctx, after)
		if after == "" && err == nil {
			requests = append(requests, s.overdueNotes()...)
		}
		for _, r := range requests {
			if err != nil {
				break
			}
			err = s.expire(ctx, r)
		}
		wait := minExpiry / 10
		if after = next; after == "" && err == nil {
			if err = s.pruneIndex(ctx, s.now().Add(-s.retention)); err != nil && ctx.Err() == nil {
				s.log.Warn("what was deleted could not be taken out of the search index: it is tried again", "error", err)
			}
		}
		if after == "" || err != nil {
			after, wait = "", pause
		}
		if !sleep(ctx, wait) {
			return
		}
	}
}

// deletion is a Request that deletes something bit by bit.
type deletion interface {
	Request
	finished() bool
}

// overdueNotes is Overdue for notes, of all conversations at once.
func (s *Service) overdueNotes() []Request {
	before := s.now().Add(-s.retention).UnixMilli()
	if s.retention <= 0 || before <= 0 {
		return nil
	}
	return []Request{&noteExpiry{before: uint64(before)}}
}

// expire deletes in pieces what a request is about, as long as there is some.
func (s *Service) expire(ctx context.Context, r Request) error {
	for e := r.(deletion); !e.finished(); {
		began := time.Now()
		if _, err := s.submit(ctx, e); err != nil {
			return err // of the store: logged
		}
		if !sleep(ctx, expiryRest*time.Since(began)) {
			return ctx.Err()
		}
	}
	return nil
}

// sleep waits, and reports false if ctx ended meanwhile.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Overdue returns requests that delete what is older than Config.Retention, of
// some of the conversations whose keys come after one; and after which to go on,
// "" at the end. Each deletes up to 200 entries, the oldest of its conversation.
// Run commits them by itself; whoever drives a Service by hand (Commit) may.
// Errors wrap a *proto.Refusal.
func (s *Service) Overdue(ctx context.Context, after string) (requests []Request, next string, err error) {
	before := s.now().Add(-s.retention).UnixMilli()
	if s.retention <= 0 || before <= 0 {
		return nil, "", nil
	}
	var oldest []Entry
	err = s.store.View(ctx, func(v View) (err error) {
		oldest, err = v.Oldest(after, expiredAtOnce)
		return err
	})
	if err != nil {
		return nil, "", s.failed("what is too old could not be found", err)
	}
	for _, e := range oldest {
		if e.CreateTime < uint64(before) {
			requests = append(requests, &expiry{key: e.Key, before: uint64(before)})
		}
		next = e.Key.String()
	}
	if len(oldest) < expiredAtOnce {
		next = ""
	}
	return requests, next, nil
}

// expiry deletes a conversation's oldest entries. That moves Conversation.Min;
// nothing else that the history knows of the log changes, except that what is
// gone is unread to nobody and waits for nobody.
type expiry struct {
	key    proto.Key
	before uint64 // Unix milliseconds
	done   bool   // nothing is left that is older; set by apply
}

func (r *expiry) apply(b *batch) (Result, error) {
	through, err := b.tx.LastBefore(r.key, r.before, maxExpired)
	if err != nil {
		return Result{}, err
	}
	c, err := b.conversation(r.key)
	if err != nil {
		return Result{}, err
	}
	r.done = through+1 < c.Min+maxExpired
	if through == 0 {
		return Result{}, nil
	}
	if err := b.unnameAttachments(r.key, c.Min, through); err != nil {
		return Result{}, err
	}
	if err := b.tx.Delete(r.key, through); err != nil {
		return Result{}, err
	}
	c.Min = through + 1
	if err := b.forget(c, through); err != nil {
		return Result{}, err
	}
	return Result{}, b.tellMin(c)
}

func (r *expiry) finished() bool { return r.done }

// forget lets c say nothing of entries that are gone.
func (b *batch) forget(c *conversation, through uint64) error {
	b.changeConversation(c)
	for side := range c.Status.Sides {
		if side == int(proto.Second) && c.Key.Kind() != proto.Direct {
			continue // a service asks nothing, and what a group asks stands with its members
		}
		err := c.Status.Sides[side].Forget(through, func(after uint64) (uint64, uint64, error) {
			return b.asked(c, proto.Side(side), after)
		})
		if err != nil {
			return err
		}
	}
	c.settle()
	return nil
}

// tellMin counts afresh what is unread to those of whom the history keeps that,
// and lets everybody who is shown c learn from where on it is kept.
func (b *batch) tellMin(c *conversation) error {
	members, err := b.tx.Members(c.Key)
	if err != nil {
		return err
	}
	for _, stored := range members {
		m, err := b.member(c.Key, stored.User)
		if err != nil {
			return err
		}
		seen := m.Seen
		if err := b.recount(c, m); err != nil {
			return err
		}
		if m.Seen != seen || c.Key.Has(m.User) {
			b.changeMember(m)
		}
	}
	return kindOf(c.Key).trim(b, c)
}
