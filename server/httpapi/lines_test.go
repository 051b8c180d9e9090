package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"parley/server/chat"
)

func TestALineIsServedInOrderAndAFewAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLines[uint64](2, 3)
		enter := func(ctx context.Context, who uint64) (leave func(), err error) {
			t.Helper()
			return l.enter(ctx, who)
		}
		first, _ := enter(t.Context(), 7)
		second, _ := enter(t.Context(), 7)
		var served []int
		leaves := make([]func(), 3)
		for i := range 3 {
			go func() {
				leaves[i], _ = l.enter(t.Context(), 7)
				served = append(served, i)
			}()
			synctest.Wait()
		}
		if len(served) != 0 {
			t.Errorf("%v are in work beyond two", served)
		}
		if _, err := enter(t.Context(), 7); !errors.Is(err, errFull) {
			t.Errorf("beyond the line: %v", err)
		}
		other, err := enter(t.Context(), 8)
		if err != nil {
			t.Error("another waits behind it:", err)
		}
		for i, leave := range []func(){first, second} {
			leave()
			synctest.Wait()
			if len(served) != i+1 || served[i] != i {
				t.Errorf("%v were served after %d left", served, i+1)
			}
		}
		leaves[0]()
		synctest.Wait()
		if len(served) != 3 {
			t.Errorf("%v were served", served)
		}
		leaves[1]()
		leaves[2]()
		other()
		if len(l.each) != 0 {
			t.Errorf("%d lines are kept for nobody", len(l.each))
		}
	})
}

func TestWhoeverGivesUpWaitingLeavesTheLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLines[uint64](1, 1)
		leave, _ := l.enter(t.Context(), 7)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := l.enter(ctx, 7); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after waiting for a second: %v", err)
		}
		next := make(chan func(), 1)
		go func() { // there is room in the line again
			leave, err := l.enter(t.Context(), 7)
			if err != nil {
				t.Error(err)
			}
			next <- leave
		}()
		synctest.Wait()
		leave()
		(<-next)()
		if len(l.each) != 0 {
			t.Errorf("%d lines are kept for nobody", len(l.each))
		}
	})
}

// While long reads keep all of a user's requests waiting, further ones are
// refused with a time after which to ask again; another user's are taken in. All
// that was taken in is answered.
func TestWhoAsksForMuchAtOnceWaitsInTheirOwnLine(t *testing.T) {
	s := newSite(t, func(c *Config) { c.Timeout = time.Minute })
	release, busy := make(chan struct{}), make(chan struct{}, 1)
	scans := make(chan error, 8)
	for range cap(scans) {
		go func() {
			scans <- s.store.Scan(context.Background(), func(chat.View) error {
				select {
				case busy <- struct{}{}:
				default:
				}
				<-release
				return nil
			})
		}()
	}
	<-busy
	const taken, refused = userWidth + userLength, 5
	type answer struct {
		*http.Response
		body string
	}
	ask := func(user uint64, n int) chan answer {
		answers := make(chan answer, n)
		h := bearer(s.token(user))
		for i := range n {
			path := []string{"/api/users?q=a", "/api/conversations", "/api/conversations/d:7:8/messages"}[i%3]
			go func() {
				r, body := s.do("GET", path, h, "")
				answers <- answer{r, body}
			}()
		}
		return answers
	}
	mine, others := ask(7, taken+refused), ask(8, taken)
	for range refused {
		a := <-mine
		wantProblem(t, a.Response, a.body, 429, "wait")
		if after, err := strconv.Atoi(a.Header.Get("Retry-After")); err != nil || after < 1 {
			t.Errorf("Retry-After %q", a.Header.Get("Retry-After"))
		}
	}
	if a, body := s.do("GET", "/healthz", nil, ""); a.StatusCode != 200 {
		t.Errorf("/healthz: %d %s", a.StatusCode, body)
	}
	if len(mine) > 0 || len(others) > 0 {
		t.Errorf("%d and %d more were answered while nothing could be read", len(mine), len(others))
	}
	close(release)
	for range cap(scans) {
		if err := <-scans; err != nil {
			t.Error(err)
		}
	}
	for user, answers := range map[string]chan answer{"the user": mine, "another": others} {
		for range taken {
			if a := <-answers; a.StatusCode != 200 {
				t.Errorf("%s was answered %d %s", user, a.StatusCode, a.body)
			}
		}
	}
}

func TestWhoHasNoTokenIsBoundByAddress(t *testing.T) {
	s := newSite(t, func(c *Config) { c.StrangerRate, c.StrangerBurst = 0.001, 3 }) // none comes back while the test runs
	for range 3 {
		answer, body := s.do("GET", "/api/me", bearer("no token"), "")
		wantProblem(t, answer, body, 401, "token")
	}
	answer, body := s.do("GET", "/api/me", nil, "")
	wantProblem(t, answer, body, 429, "too many")
	if answer.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	if answer, body := s.do("GET", "/api/me", bearer(s.token(7)), ""); answer.StatusCode != 200 {
		t.Errorf("who has a token at the same address is answered %s", fmt.Sprint(answer.StatusCode, body))
	}
}

// Whoever repeats at once what was one too many gets the answer a second later; no
// more than a bounded number of answers is held, and no others.
func TestTheAnswerToOneTooManyIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &api{held: make(chan struct{}, 2)}
		start := time.Now()
		took := make(chan time.Duration, 3)
		for range cap(took) {
			go func() {
				a.hold(t.Context(), tooFast(time.Hour))
				took <- time.Since(start)
			}()
		}
		for i, want := range []time.Duration{0, heldTime, heldTime} {
			if got := <-took; got != want {
				t.Errorf("answer %d after %v, want %v", i, got, want)
			}
		}
		gone, leave := context.WithCancel(t.Context())
		leave()
		start = time.Now()
		a.hold(t.Context(), badRequest("wrong"))
		a.hold(t.Context(), errors.New("failed"))
		a.hold(gone, tooFast(time.Hour))
		if got := time.Since(start); got != 0 {
			t.Errorf("held for %v: what is no refusal of too many, or of somebody who left", got)
		}
	})
}

func TestAListCountsAsManyRequests(t *testing.T) {
	s := newSite(t, func(c *Config) { c.Rate, c.Burst = 0.001, 2*listCost+2 })
	h := bearer(s.token(7))
	for i, step := range []struct {
		path   string
		status int
	}{
		{"/api/users?q=a", 200},
		{"/api/conversations", 200},
		{"/api/conversations", 429},
		{"/api/me", 200},
		{"/api/users?q=a", 429},
		{"/api/me", 200},
		{"/api/me", 429},
	} {
		start := time.Now()
		answer, body := s.do("GET", step.path, h, "")
		if answer.StatusCode != step.status {
			t.Errorf("request %d, %s: %d %s, want %d", i, step.path, answer.StatusCode, body, step.status)
		}
		if took := time.Since(start); step.status == 429 && took < heldTime {
			t.Errorf("request %d, %s: refused after %v, want %v at least", i, step.path, took, heldTime)
		}
	}
}
