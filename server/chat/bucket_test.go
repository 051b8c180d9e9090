package chat

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

func TestABucketTakesItsCapacityAtOnceAndAgainInAPeriod(t *testing.T) {
	const capacity, period = 1000, 10 * time.Second
	var b Bucket
	now := uint64(1_750_000_000_000)
	for _, step := range []struct {
		pass uint64 // milliseconds
		n    uint64
		wait time.Duration
	}{
		{0, 400, 0},
		{0, 600, 0},
		{0, 1, 10 * time.Millisecond},
		{9, 1, time.Millisecond},
		{1, 1, 0},
		{0, 500, 5 * time.Second},
		{4999, 500, time.Millisecond},
		{1, 500, 0},
		{100_000, 1000, 0},
		{0, 1001, math.MaxInt64}, // never
		{0, 1000, period},
	} {
		now += step.pass
		if wait := b.add(step.n, capacity, period, now); wait != step.wait {
			t.Errorf("%d after %d ms wait %v, want %v", step.n, step.pass, wait, step.wait)
		}
	}
}

func TestABucketLeaksHoweverOftenItIsAsked(t *testing.T) {
	// A unit takes two minutes, and is asked for every 100 s: of 100 such steps
	// all but a sixth are granted.
	b, now, granted := Bucket{Level: 30, Time: 0}, uint64(0), 0
	for range 100 {
		now += 100_000
		if b.add(1, 30, time.Hour, now) == 0 {
			granted++
		}
	}
	if granted != 83 {
		t.Errorf("%d of 100 were granted, want 83", granted)
	}
}

func TestABucketStandsAClockThatGoesBack(t *testing.T) {
	b := Bucket{Level: 1000, Time: 1 << 50}
	if wait := b.add(10, 1000, 10*time.Second, 5000); wait != 100*time.Millisecond {
		t.Errorf("waits %v, as if the clock had to reach the old time again", wait)
	}
	if wait := b.add(0, 1000, 10*time.Second, 5000); wait != 0 || b.Time != 5000 {
		t.Errorf("waits %v, bucket %+v", wait, b)
	}
}

// Waiting for as long as it is told is enough, and not too long, whatever the numbers.
func TestABucketTellsHowLongToWait(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	any64 := func() uint64 { return random.Uint64() >> random.IntN(64) }
	for range 100_000 {
		capacity, period := any64()|1, time.Duration(1+random.IntN(48))*time.Hour
		full := Bucket{Level: any64() % (capacity + 1), Time: any64() >> 16}
		n, now := any64()%(capacity+1), full.Time
		wait := full.add(n, capacity, period, now)
		if wait == 0 {
			continue
		}
		ms := uint64(wait.Milliseconds())
		if b := full; ms > 1 && b.add(n, capacity, period, now+ms-2) == 0 {
			t.Fatalf("%+v of %d in %v: %d fit before the wait of %v is over", full, capacity, period, n, wait)
		}
		if again := full.add(n, capacity, period, now+ms); again != 0 {
			t.Fatalf("after the wait of %v: another %v", wait, again)
		}
	}
}
