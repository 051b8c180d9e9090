package chat

import (
	"context"
	"errors"
	"fmt"

	"parley/proto"
)

// Result is what became of a Request: the Receipt, which is zero unless the
// Request was a message, or an error that wraps a *proto.Refusal.
type Result struct {
	Receipt Receipt
	Err     error
}

// maxBlamed is how many requests in a row the store may fail at, with nothing
// stored between, before it is taken to store nothing at all.
const maxBlamed = 8

// Commit applies the requests, in order, in one transaction of the store; once
// that is on disk, it fans out in seq order and returns a result for each
// request. (Of a Shared store, that is for whoever follows its change log.) What was not stored is not fanned out, and its result is a refusal.
//
// If the transaction fails, the request that it failed at is taken out, and those
// before and after it are transactions of their own. If it cannot be said which
// one that was, each half is tried alone, down to a single request. So who sends
// what cannot be stored disturbs nobody else. A store that stores nothing is left
// alone after a few tries, and all that are left get the same temporary refusal;
// so they do when ctx ends. A request that panics is refused for good. What became of
// requests whose transaction has an unknown end (ErrUnknown) a repeat tells.
//
// Commit starts no goroutine and depends on nothing but the Service's state,
// its Config and its arguments, so a simulation can drive it. It must not be
// called twice at the same time, nor beside Run.
func (s *Service) Commit(ctx context.Context, requests []Request) []Result {
	c := s.newCommit(requests)
	return c.conclude(c.store(ctx, 0, len(requests)))
}

// CommitInTurn commits and answers batches as Run does with what is queued: where the store is Pipelined, the
// next one begins while the one before is on its way, if next returns any then. Like Commit it is for whoever
// drives a Service by hand, and not called beside that or Run.
func (s *Service) CommitInTurn(ctx context.Context, batch []Waiter, next func() []Waiter) {
	s.commitInTurn(ctx, batch, func(int) []Waiter { return next() })
}

func (s *Service) newCommit(requests []Request) *commit {
	return &commit{service: s, requests: requests, results: make([]Result, len(requests)), settled: make([]bool, len(requests))}
}

// commit is requests on their way into the history.
type commit struct {
	service  *Service
	requests []Request
	results  []Result
	settled  []bool // whose results are final
	blamed   int    // requests, in a row
	err      error  // the last of the store
}

// conclude returns the results; works is whether the store still did.
func (c *commit) conclude(works bool) []Result {
	if !works {
		for i, settled := range c.settled {
			if !settled {
				c.refuse(i, c.err)
			}
		}
	}
	if c.err != nil {
		c.service.unhealthy("not stored", c.err)
	}
	return c.results
}

// store stores requests[from:to], except for those that cannot be, and reports
// whether the store still works. If it does not, some are not settled.
func (c *commit) store(ctx context.Context, from, to int) bool {
	if from == to {
		return true
	}
	a := c.attempt(from, to)
	return a.resolve(ctx, c.service.store.Update(ctx, a.change))
}

// attempt is requests[from:to] in one transaction. If it fails, at is the request that it failed
// at, to if all were applied, or less than from if none was tried.
type attempt struct {
	*commit
	from, to, at int
	done         *batch
}

func (c *commit) attempt(from, to int) *attempt {
	return &attempt{commit: c, from: from, to: to, at: from - 1}
}

// change makes the transaction.
func (a *attempt) change(tx Tx) error {
	a.at = a.from - 1
	if err := tx.Expect(func() Reads { return readsOf(a.requests[a.from:a.to]) }); err != nil {
		return err
	}
	b, err := a.service.newBatch(tx)
	if err != nil {
		return err
	}
	for a.at = a.from; a.at < a.to; a.at++ {
		if a.results[a.at], err = b.apply(a.requests[a.at]); err != nil {
			return err
		}
	}
	a.done = b
	return b.finish()
}

// resolve settles the requests of a transaction that is on disk and fans it out or, if it failed with
// an error, stores what can be. It reports whether the store still works, as store does.
func (a *attempt) resolve(ctx context.Context, err error) bool {
	c := a.commit
	switch {
	case err == nil:
		c.blamed = 0
		for i := a.from; i < a.to; i++ {
			c.settled[i] = true
		}
		if c.service.shared == nil {
			c.service.committed(&a.done.outbox)
		}
		return true
	case a.at < a.from || ctx.Err() != nil || errors.Is(err, ErrUnknown): // it is no request's doing
		c.err = err
		return false
	case a.at == a.to && a.to-a.from > 1:
		from, to := a.from, a.to
		half := (from + to) / 2
		return c.store(ctx, from, half) && c.store(ctx, half, to)
	}
	at := min(a.at, a.to-1)
	c.refuse(at, err)
	if c.blamed++; c.blamed == maxBlamed {
		return false
	}
	return c.store(ctx, a.from, at) && c.store(ctx, at+1, a.to)
}

// refuse settles a request that was not stored.
func (c *commit) refuse(i int, err error) {
	c.settled[i] = true
	refusal := err
	if p := (*panicked)(nil); !errors.As(err, &p) {
		c.err = err
		refusal = temporary("not stored", err)
	}
	if errors.Is(err, ErrUnknown) {
		refusal = fmt.Errorf("%w: %w", noAnswer(), err)
	}
	c.results[i] = Result{Err: refusal}
}

// committed tells what a transaction has to tell that is on disk.
func (s *Service) committed(o *outbox) {
	if o.fresh != 0 {
		s.announceEpoch(o.fresh)
	}
	s.moved(o)
	out := o.out
	for _, d := range out {
		s.fanout.Publish(d.user, d.branch, d.payload)
	}
	for _, e := range o.endings {
		s.end(e.user, func(device uint64) bool { return e.of(device) }, e.why)
	}
	for _, row := range o.rows {
		if s.presence.local(row.user) {
			s.updates.add(s.now(), row.user, row.rev)
			s.nudge()
		}
	}
	if o.users {
		s.terms.change()
		s.nudge()
	}
	for _, user := range o.sharing {
		if s.presence.online(user) {
			s.presence.change(user, func(a *attendance) { a.again = true })
			s.nudge()
		}
	}
}

// finish writes what the batch changed and, where others follow, what it has to tell.
func (b *batch) finish() error {
	if err := b.flush(); err != nil {
		return err
	}
	if b.service.shared != nil && !b.outbox.empty() {
		b.service.shared.Log(b.tx, b.outbox.encode())
	}
	return nil
}

// panicked is the error of a request that panicked. It would again.
type panicked struct{ value any }

func (p *panicked) Error() string { return fmt.Sprintf("%v: it panicked: %v", p.Unwrap(), p.value) }

func (p *panicked) Unwrap() error {
	return proto.Refuse(proto.ImplementationSpecific, "not stored, because of a fault in the server, which its log names: the same again fails again").Named("server-fault")
}

// apply applies one request.
func (b *batch) apply(r Request) (result Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			b.service.faults.Recovered("storing a request", p)
			err = &panicked{p}
		}
	}()
	return r.apply(b)
}
