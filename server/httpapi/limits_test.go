package httpapi

import (
	"fmt"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"parley/proto"
)

func TestALimitFillsUpAgain(t *testing.T) {
	now := time.Unix(1000, 0)
	l := newLimits(10, 2, func() time.Time { return now })
	for i, want := range []time.Duration{0, 0, 100 * time.Millisecond, 100 * time.Millisecond} {
		if got := l.take("a", 1); got != want {
			t.Errorf("request %d waits %v, want %v", i, got, want)
		}
	}
	if got := l.take("b", 1); got != 0 {
		t.Errorf("another waits %v", got)
	}
	now = now.Add(100 * time.Millisecond)
	if got := l.take("a", 1); got != 0 {
		t.Errorf("after the wait it waits %v", got)
	}
	now = now.Add(100 * time.Millisecond)
	for _, n := range []int{2, 3} { // which are two at once, since there are no more
		if got := l.take("a", n); got != 100*time.Millisecond {
			t.Errorf("one that counts as %d waits %v", n, got)
		}
	}
	now = now.Add(100 * time.Millisecond)
	if got := l.take("a", 3); got != 0 {
		t.Errorf("it waits %v after that", got)
	}
}

func TestLimitsTakeBoundedRoom(t *testing.T) {
	now := time.Unix(1000, 0)
	l := newLimits(rate.Limit(1), 1, func() time.Time { return now })
	for i := range maxLimits {
		l.take(fmt.Sprint(i), 1)
	}
	if got := l.take("one more", 1); got != 0 {
		t.Errorf("the first without room of its own waits %v", got)
	}
	if got := l.take("and more", 1); got == 0 {
		t.Error("those without room have no limit")
	}
	if len(l.each) != maxLimits {
		t.Errorf("%d are kept, want %d", len(l.each), maxLimits)
	}
	now = now.Add(sweepEvery)
	if got := l.take("later", 1); got != 0 || len(l.each) != 1 {
		t.Errorf("waits %v, %d kept: those at rest were not forgotten", got, len(l.each))
	}
}

func TestGuestIDsRiseWhateverTheClockDoes(t *testing.T) {
	now := proto.IDEpoch.Add(400 * 24 * time.Hour)
	ids := newGuestIDs(func() time.Time { return now })
	var last uint64
	for i := range 1000 {
		switch i {
		case 300:
			now = now.Add(-time.Hour)
		case 600:
			now = proto.IDEpoch.Add(-time.Hour)
		}
		id := ids.next()
		if id <= last || id <= 1<<53 {
			t.Fatalf("id %d after %d", id, last)
		}
		last = id
	}
}

func TestGuestIDsOfTwoRunsDiffer(t *testing.T) {
	now := proto.IDEpoch.Add(400 * 24 * time.Hour)
	var mu sync.Mutex
	seen := make(map[uint64]bool)
	var runs sync.WaitGroup
	for range 8 { // eight starts at the very same time
		runs.Go(func() {
			id := newGuestIDs(func() time.Time { return now }).next()
			mu.Lock()
			defer mu.Unlock()
			if seen[id] {
				t.Errorf("id %d was given twice", id)
			}
			seen[id] = true
		})
	}
	runs.Wait()
}

// Whatever the query, what comes out is within bounds, or the field is named.
func FuzzWindow(f *testing.F) {
	f.Add("after=1&before=18446744073709551615&limit=500")
	f.Add("limit=-1&limit=%zz;")
	f.Fuzz(func(t *testing.T, text string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.URL = &url.URL{Path: "/", RawQuery: text}
		q, err := parseQuery(r)
		if err != nil {
			return
		}
		w, err := q.window()
		if err == nil && (w.Limit < 1 || w.Limit > proto.MaxPage) {
			t.Fatalf("window %+v", w)
		}
		if err != nil && !strings.Contains("after before limit", strings.Fields(err.Error())[0]) {
			t.Fatalf("error %v names no field", err)
		}
	})
}

func FuzzNewcomer(f *testing.F) {
	f.Add("application/json", []byte(`{"name":"Ann","invite":"x"}`))
	f.Add("application/json; charset=\"", []byte(`{"name":{}}`))
	f.Fuzz(func(t *testing.T, mediaType string, body []byte) {
		r := httptest.NewRequest("POST", "/api/guests", strings.NewReader(string(body)))
		r.Header.Set("Content-Type", mediaType)
		var n newcomer
		if err := readJSON(r, maxBody, &n); err != nil {
			if p, known := problemOf(err); !known || p.Status < 400 || p.Status > 499 {
				t.Fatalf("error %v is not told as the client's", err)
			}
		}
	})
}
