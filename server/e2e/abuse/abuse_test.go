package abuse

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/packets"

	"parley/proto"
)

// people is how many honest ones there are; each writes to one other.
const people = 10

func TestNobodyCanSpoilItForOthers(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := newServer(t)
	alone := liveBeside(ctx, t, s, 0)
	used, err := s.cpu()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("an empty server: %v of computing in %v, %d lines logged", used, *lasting, s.lines())

	crowded := liveBeside(ctx, t, s, *scale)
	more, err := s.cpu()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("with misbehaviour: %v of computing, %d lines logged", more-used, s.lines())
	for _, what := range []string{"send", "history", "connect"} {
		before, after := quantile(alone[what], .99), quantile(crowded[what], .99)
		times := float64(after) / float64(before)
		t.Logf("%-8s p50 %v, p99 %v of %d; with misbehaviour p50 %v, p99 %v of %d: %.1f times",
			what, quantile(alone[what], .5), before, len(alone[what]), quantile(crowded[what], .5), after, len(crowded[what]), times)
		if *ratio > 0 && times > *ratio {
			t.Errorf("%s: the slowest of a hundred take %.1f times as long, want %.1f at most", what, times, *ratio)
		}
	}
	if lines := s.lines(); lines > 2000 {
		t.Errorf("%d lines were logged", lines)
	}
}

// liveBeside lets honest people live for a while beside others who misbehave,
// at a scale that is 0 for nobody, and returns how long things took them.
func liveBeside(ctx context.Context, t *testing.T, s server, scale float64) map[string][]time.Duration {
	t.Helper()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	all := make([]*honest, people)
	for i := range all {
		var err error
		if all[i], err = comeIn(ctx, s.Address, i); err != nil {
			t.Fatal(err)
		}
	}
	for i := range all {
		all[i].peer = all[i^1]
	}
	for _, h := range all {
		go h.read(ctx) // ends with the connection, which ends with ctx
	}
	stop := func() {}
	if scale > 0 {
		stop = letLoose(t, target{Server: s.Address, Victim: all[0].id, Scale: scale})
		if !sleep(ctx, *lasting/4) { // they take their places first
			t.Fatal(ctx.Err())
		}
	}
	until := time.Now().Add(*lasting)
	var living sync.WaitGroup
	for _, h := range all {
		living.Go(func() { h.live(ctx, until) })
	}
	living.Wait()
	if scale > 0 {
		if err := catchUp(ctx, all[0]); err != nil {
			t.Errorf("%s, to whom everybody writes, cannot catch up: %v", all[0].name, err)
		}
	}
	stop()
	times := make(map[string][]time.Duration)
	for _, h := range all {
		if err := h.settled(ctx); err != nil {
			t.Errorf("%s: %v", h.name, err)
		}
		for what, took := range h.times {
			times[what] = append(times[what], took...)
		}
	}
	return times
}

// settled waits until all that was sent has come, and then checks everything.
func (h *honest) settled(ctx context.Context) (err error) {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		h.mu.Lock()
		n := len(h.received)
		h.mu.Unlock()
		if n >= len(h.peer.sent) {
			break
		}
		if !sleep(ctx, 20*time.Millisecond) {
			return ctx.Err()
		}
	}
	return h.check(ctx)
}

// catchUp asks for everything on a connection of its own, as a new device does,
// and reads until the last part of the answer.
func catchUp(ctx context.Context, h *honest) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c, err := h.connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.subscribe(); err != nil {
		return err
	}
	if _, err := c.publish(proto.BranchSync, &proto.SyncRequest{}); err != nil {
		return err
	}
	for rows := 0; ; {
		packet, err := packets.ReadPacket(c)
		if err != nil {
			return fmt.Errorf("after %d rows: %w", rows, err)
		}
		content, ok := packet.Content.(*packets.Publish)
		if !ok || content.Topic != proto.Down(h.id, proto.BranchUnread) {
			continue
		}
		var answer proto.BaseUserUnreadStatics
		if err := proto.Unmarshal(content.Payload, &answer); err != nil {
			return err
		}
		rows += len(answer.GetConversations())
		if answer.GetServerTime() != 0 && !answer.GetMore() {
			return nil
		}
	}
}

// quantile returns a quantile of times, 0 if there are none.
func quantile(times []time.Duration, q float64) time.Duration {
	if len(times) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(times))
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))].Round(10 * time.Microsecond)
}
