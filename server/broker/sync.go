package broker

import (
	"context"
	"errors"
	"net"
	"sync"

	"parley/proto"
)

// syncs answer what one connection asks on up/sync, beside the goroutine that
// reads: an answer goes at the pace of the connection, and pings, publications
// and the end must not wait for it. One is in work at a time. The zero value is
// ready; end ends it.
type syncs struct {
	work sync.WaitGroup // the goroutine that answers

	mu     sync.Mutex
	ended  bool
	cancel context.CancelFunc              // of the work; nil if there is none
	next   func(ctx context.Context) error // the newest request that waits
}

// sync lets an answer begin, now or after the one that is in work. An older one
// that waits is left out: the newer answers both.
func (s *session) sync(answer func(context.Context) error) {
	all := &s.syncs
	all.mu.Lock()
	defer all.mu.Unlock()
	all.next = answer
	if all.ended || all.cancel != nil {
		return
	}
	ctx, cancel := context.WithCancel(s.broker.ctx)
	all.cancel = cancel
	all.work.Go(func() { // ends with the requests, or with the session
		defer func() {
			if p := recover(); p != nil {
				s.broker.config.Faults.Recovered("answering a sync", p)
				s.end(proto.Refuse(proto.UnspecifiedError, "the server failed at an answer: connect again").Named("server-failed"))
			}
		}()
		for answer := all.take(); answer != nil; answer = all.take() {
			if err := answer(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, net.ErrClosed) {
				s.log.Error("sync not answered to its end", "error", err)
			}
		}
	})
}

// take returns the request that waits; nil, and the work is over, if none does.
func (all *syncs) take() func(context.Context) error {
	all.mu.Lock()
	defer all.mu.Unlock()
	answer := all.next
	all.next = nil
	if answer == nil || all.ended {
		all.cancel()
		all.cancel = nil
		return nil
	}
	return answer
}

// end ends the answer in work and waits for that.
func (all *syncs) end() {
	all.mu.Lock()
	all.ended = true
	if all.cancel != nil {
		all.cancel()
	}
	all.mu.Unlock()
	all.work.Wait()
}
