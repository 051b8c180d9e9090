package gateway

import (
	"context"
	"errors"
	"time"

	"parley/proto"
)

// saveEvery is how much later than reached a place may be saved. As much may be told
// again after a restart.
const saveEvery = 200 * time.Millisecond

// follow publishes what the Log tells, from where the broker has acknowledged it, until
// ctx is done, and saves how far that came.
func (g *Gateway) follow(ctx context.Context) {
	saved := make(chan struct{})
	go func() { // ends with ctx
		defer close(saved)
		g.savePlaces(ctx)
	}()
	place := g.saved().Place
	told := places{place, place}
	for pause := (backoff{}); ctx.Err() == nil; pause.wait(ctx) {
		err := g.config.Log.Follow(ctx, told.done, func(place, user uint64, b proto.Branch, payload []byte) error {
			if err := g.queue.wait(ctx, g.config.Queue/2); err != nil {
				return err
			}
			told.pass(place)
			if !g.queue.add(publication{user: user, branch: b, payload: payload, place: place}) {
				return errors.New("gateway: there is no room in the queue")
			}
			pause = backoff{}
			return nil
		})
		if ctx.Err() == nil {
			g.log.Warn("the log could not be followed, and is again", "error", err)
		}
	}
	<-saved
}

// savePlaces saves the place that was reached, now and then, until ctx is done.
func (g *Gateway) savePlaces(ctx context.Context) {
	ticks := time.NewTicker(saveEvery)
	defer ticks.Stop()
	for {
		select {
		case <-ticks.C:
			g.savePlace(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// savePlace saves the place that was reached.
func (g *Gateway) savePlace(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastPause)
	defer cancel()
	reached := g.queue.reached()
	if reached <= g.saved().Place {
		return
	}
	if err := g.save(ctx, func(p *Progress) { p.Place = max(p.Place, reached) }); err != nil {
		g.log.Warn("how far the broker was told is not saved: as much is told again after a restart", "error", err)
	}
}
