package gateway

import (
	"context"
	"time"
)

// Leadership lets one gateway at a time, of all nodes, have the session.
type Leadership interface {
	// Lead blocks until this node leads. term is done when it does so no more, or with
	// ctx; whoever leads calls resign when it has stopped. An error is tried again.
	Lead(ctx context.Context) (term context.Context, resign func(), err error)
}

// Alone is the Leadership of a server without other nodes: it leads at once, and always.
type Alone struct{}

// Lead implements Leadership.
func (Alone) Lead(ctx context.Context) (context.Context, func(), error) {
	return ctx, func() {}, ctx.Err()
}

// While is the Leadership of a node that leads while a function says so, which is asked
// four times a second and does not block. For a moment two may lead: the broker lets the
// one that connects last have the session, and the other is told so.
type While func() bool

// Lead implements Leadership.
func (leads While) Lead(ctx context.Context) (context.Context, func(), error) {
	if !leads.become(ctx, true) {
		return nil, nil, ctx.Err()
	}
	term, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { // ends with the term
		defer close(done)
		if leads.become(term, false) {
			cancel()
		}
	}()
	return term, func() {
		cancel()
		<-done
	}, nil
}

// become waits until the node leads, or does no more; false if ctx was done first.
func (leads While) become(ctx context.Context, leading bool) bool {
	ticks := time.NewTicker(time.Second / 4)
	defer ticks.Stop()
	for leads() != leading {
		select {
		case <-ticks.C:
		case <-ctx.Done():
			return false
		}
	}
	return ctx.Err() == nil
}
