package chat

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"parley/proto"
)

const (
	// queueSize bounds the requests that wait for the committer; whoever comes
	// when it is full waits to queue.
	queueSize = 1024
	// maxBatch bounds the requests of one transaction, and with it how long
	// the first of them waits for the last.
	maxBatch = 256
	// worthwhile is how many have to wait, at least, so that their transaction begins while the one
	// before is on its way: each takes a while however few there are in it.
	worthwhile = 8
	// commitWait bounds one transaction, up to its commit.
	commitWait = 10 * time.Second
	// patienceShare and maxPatience bound how long a commit waits for others to share
	// it: that part of what the last one took, so that nobody waits for much longer.
	patienceShare = 8
	maxPatience   = 2 * time.Millisecond
)

// Waiter is a Request and who waits for its Result.
type Waiter struct {
	Request Request
	Answer  func(Result) // called once; it does not block
}

// Run is the committer: until ctx is done it commits what Publish and Seen
// queue, as many at a time as there are. Then it refuses what comes, commits
// what it had accepted, and notes who was here last; the error says that this
// could not be stored. It is called once.
func (s *Service) Run(ctx context.Context) error {
	if !s.started.CompareAndSwap(false, true) {
		return errors.New("chat: the committer was started twice")
	}
	defer close(s.stopped)
	var others sync.WaitGroup
	others.Go(func() { s.runNotifier(ctx) }) // ends with ctx
	if s.shared != nil {
		others.Go(func() { s.Follow(ctx) }) // likewise
		others.Go(func() { s.sweep(ctx) })  // likewise
	}
	if s.index != (noIndex{}) {
		others.Go(func() { s.runIndexer(ctx) }) // likewise
	}
	if s.retention > 0 {
		others.Go(func() { s.retain(ctx) }) // likewise
	}
	if s.guestRetention > 0 {
		others.Go(func() { s.forgetGuests(ctx) }) // likewise
	}
	var last lastCommit
	for {
		select {
		case first := <-s.queue:
			last = s.commit(ctx, s.collect(first, last))
		case <-ctx.Done():
			close(s.stopping)
			others.Wait()
			for {
				select {
				case first := <-s.queue:
					last = s.commit(ctx, s.collect(first, last))
				default:
					return s.goodbye(ctx)
				}
			}
		}
	}
}

// goodbye writes down when those were last here who still are. Where there are other nodes,
// they do that once it is clear who did not go on there.
func (s *Service) goodbye(ctx context.Context) error {
	here := s.presence.leave(s.now())
	if len(here) == 0 || s.shared != nil {
		return nil
	}
	var last Result
	s.commit(ctx, []Waiter{{here, func(r Result) { last = r }}})
	return last.Err
}

// lastCommit is how many requests the commit before had, and how long it took.
type lastCommit struct {
	requests int
	took     time.Duration
}

// collect takes what is queued behind first. Those whom the last commit answered mostly
// send again at once, but not all before the committer is here: for as many it waits a
// part of the time that a commit takes, so that they share this one and its sync.
func (s *Service) collect(first Waiter, last lastCommit) []Waiter {
	batch := append(make([]Waiter, 0, maxBatch), first)
	patience := time.NewTimer(min(last.took/patienceShare, maxPatience))
	defer patience.Stop()
	for len(batch) < last.requests {
		select {
		case w := <-s.queue:
			batch = append(batch, w)
		case <-patience.C:
			last.requests = 0
		}
	}
	for range min(len(s.queue), maxBatch-len(batch)) {
		batch = append(batch, <-s.queue)
	}
	return batch
}

// commit commits a batch and answers it and, where the store takes the next one meanwhile, those
// that come until ctx is done, as long as these are worth it: half as many as there are on the way.
func (s *Service) commit(ctx context.Context, batch []Waiter) lastCommit {
	return s.commitInTurn(ctx, batch, func(onTheWay int) []Waiter {
		if len(s.queue) < max(worthwhile, onTheWay/2) || ctx.Err() != nil {
			return nil
		}
		return s.collect(<-s.queue, lastCommit{})
	})
}

// commitInTurn commits a batch and answers it and, where the store takes another one meanwhile, those
// that next returns, until it returns none.
func (s *Service) commitInTurn(ctx context.Context, batch []Waiter, next func(onTheWay int) []Waiter) lastCommit {
	u := s.launch(ctx, batch)
	for u.end != nil && s.pipelined.Follows() {
		batch := next(len(u.batch))
		if len(batch) == 0 {
			break
		}
		before := u
		u = s.launch(ctx, batch)
		before.finish()
	}
	return u.finish()
}

// underway is a batch that is being committed.
type underway struct {
	batch  []Waiter
	began  time.Time // and not by Service.now, which may jump
	ctx    context.Context
	cancel context.CancelFunc
	*attempt
	end      func() error // of its transaction, if it is on its way
	answered bool
}

// launch lets the transaction of a batch be on its way, if the store can.
func (s *Service) launch(ctx context.Context, batch []Waiter) *underway {
	u := &underway{batch: batch, began: time.Now()}
	u.ctx, u.cancel = context.WithTimeout(context.WithoutCancel(ctx), commitWait)
	requests := make([]Request, len(batch))
	for i, w := range batch {
		requests[i] = w.Request
	}
	u.attempt = s.newCommit(requests).attempt(0, len(batch))
	if s.pipelined != nil {
		u.survive(func() []Result {
			u.end, _ = s.pipelined.Begin(u.ctx, u.attempt.change) // or it is tried again once the one before has ended
			return nil
		})
	}
	return u
}

// finish commits the batch, and answers it.
func (u *underway) finish() lastCommit {
	u.survive(func() []Result {
		if u.answered {
			return nil
		}
		if u.end == nil {
			return u.conclude(u.store(u.ctx, 0, len(u.batch)))
		}
		return u.conclude(u.resolve(u.ctx, u.end()))
	})
	u.cancel()
	last := lastCommit{len(u.batch), time.Since(u.began)}
	u.service.observe(last.requests, last.took)
	return last
}

// survive answers with what f returns, except that a panic beyond the requests' own, as of the store
// or of the fan-out, leaves open what became of them: a repeat tells.
func (u *underway) survive(f func() []Result) {
	var results []Result
	defer func() {
		if p := recover(); p != nil {
			u.service.faults.Recovered("committing", p)
			results = make([]Result, len(u.batch))
			for i := range results {
				results[i].Err = noAnswer()
			}
			u.answered = true
		}
		for i, result := range results {
			u.batch[i].Answer(result)
		}
	}()
	results = f()
}

// commitOne commits a request of the server's own and waits for its result: by
// Run, or at once in a Service that is driven by hand.
func (s *Service) commitOne(ctx context.Context, r Request) (Receipt, error) {
	if !s.started.Load() {
		result := s.Commit(ctx, []Request{r})[0]
		return result.Receipt, result.Err
	}
	return s.submit(ctx, r)
}

// submit queues a request and waits for its result.
func (s *Service) submit(ctx context.Context, r Request) (Receipt, error) {
	select {
	case <-s.stopping:
		return Receipt{}, shuttingDown()
	default:
	}
	answer := make(chan Result, 1)
	w := Waiter{r, func(result Result) { answer <- result }}
	select {
	case s.queue <- w:
	case <-s.stopping:
		return Receipt{}, shuttingDown()
	case <-ctx.Done():
		return Receipt{}, fmt.Errorf("%w: %w", proto.Refuse(proto.ServerBusy, "the server is busy, nothing was stored: try again").Named("busy"), ctx.Err())
	}
	select {
	case result := <-answer:
		return result.Receipt, result.Err
	case <-ctx.Done():
		return Receipt{}, fmt.Errorf("%w: %w", noAnswer(), ctx.Err())
	case <-s.stopped:
	}
	// The committer ended: it answered this request, or never saw it.
	select {
	case result := <-answer:
		return result.Receipt, result.Err
	default:
		return Receipt{}, shuttingDown()
	}
}

// answerOf submits a request and returns what its apply left in answer. Of one that is not answered nothing is read: it
// may be applied yet.
func answerOf[T any](ctx context.Context, submit func(context.Context, Request) (Receipt, error), r Request, answer *T) (none T, err error) {
	if _, err := submit(ctx, r); err != nil {
		return none, err
	}
	return *answer, nil
}

func shuttingDown() error {
	return proto.Refuse(proto.ServerShuttingDown, "the server is stopping, nothing was stored: send again after connecting again").Named("stopping")
}

func noAnswer() error {
	return proto.Refuse(proto.ServerBusy, "no answer yet: send the same again").Named("no-answer")
}
