package chat

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestLoopRunsWhatIsPostedInOrderOnOneGoroutine(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	loop := NewLoop()
	var got []int
	var posting sync.WaitGroup
	for p := range 4 {
		posting.Go(func() {
			for i := range 100 {
				loop.Post(func() { got = append(got, p*1000+i) })
			}
		})
	}
	posting.Wait()
	loop.Post(cancel)
	loop.Run(ctx)
	if len(got) != 400 {
		t.Fatalf("%d functions ran, want 400", len(got))
	}
	for p := range 4 {
		own := slices.DeleteFunc(slices.Clone(got), func(n int) bool { return n/1000 != p })
		if !slices.IsSorted(own) {
			t.Errorf("those of poster %d ran out of order", p)
		}
	}
}

func TestLoopTimersRunOnceAndCanBeStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		loop := NewLoop()
		var got []string
		loop.After(2*time.Second, func() { got = append(got, "two") })
		loop.After(time.Second, func() { got = append(got, "one") })
		stop := loop.After(3*time.Second, func() { got = append(got, "three") })
		loop.After(3*time.Second-1, func() { stop() })
		loop.After(time.Minute, cancel)
		loop.Run(ctx)
		if !slices.Equal(got, []string{"one", "two"}) {
			t.Errorf("ran %q", got)
		}
	})
}

func TestLoopReportsWorkOnTheLoopAndWaitsForItAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		loop := NewLoop()
		var got []string
		ended := false
		loop.Go(func() func() {
			time.Sleep(time.Second)
			return func() { got = append(got, "reported"); cancel() }
		})
		loop.Go(func() func() {
			time.Sleep(time.Minute)
			ended = true
			return func() { t.Error("reported after the end") }
		})
		loop.Run(ctx)
		if !ended || !slices.Equal(got, []string{"reported"}) {
			t.Errorf("ended %v, got %q", ended, got)
		}
		loop.Go(func() func() { t.Error("work began after the end"); return func() {} })
	})
}

func TestAPanicOfBackgroundWorkLeavesRun(t *testing.T) {
	loop := NewLoop()
	loop.Go(func() func() { panic("broken") })
	defer func() {
		if recover() != "broken" {
			t.Error("the panic was lost")
		}
	}()
	loop.Run(t.Context())
}
