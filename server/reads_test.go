package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/server/chat"
)

// inside runs the server in this process, so that a test can reach its parts.
func inside(t *testing.T) (*program, *server) {
	t.Helper()
	o, err := parseOptions([]string{"-listen", "127.0.0.1:0", "-data", t.TempDir(), "-static", pageFolder(t)}, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	s, err := newServer(t.Context(), o, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return &program{t: t, url: fmt.Sprint("http://", s.fronts[0].listener.Addr()), client: http.DefaultClient}, s
}

// While every scan that there can be is busy, and more wait: people connect,
// send, become guests, and the server is healthy. History alone waits.
func TestNothingButHistoryWaitsForLongReads(t *testing.T) {
	p, s := inside(t)
	ann, ben, dee := p.guest("Ann"), p.guest("Ben"), p.guest("Dee")
	release := make(chan struct{})
	var began atomic.Int64
	var scans sync.WaitGroup
	for range 50 {
		scans.Go(func() {
			err := s.store.Scan(context.Background(), func(chat.View) error {
				began.Add(1)
				<-release
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	free := sync.OnceFunc(func() { close(release); scans.Wait() })
	t.Cleanup(free)
	for began.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	history := make(chan int, 1)
	scans.Go(func() {
		r, err := http.NewRequest("GET", p.url+"/api/conversations", nil)
		if err == nil {
			r.Header.Set("Authorization", "Bearer "+ann.token)
			var answer *http.Response
			if answer, err = http.DefaultClient.Do(r); err == nil {
				history <- answer.StatusCode
				err = answer.Body.Close()
			}
		}
		if err != nil {
			t.Error(err)
			history <- 0
		}
	})

	for range 10 {
		if ack := ann.send(t, ben.user, "hello"); ack["message-id"] == "" {
			t.Errorf("acknowledged with %v", ack)
		}
		if m := within(t, "the message", ben.arrived); m.GetContent() != "hello" {
			t.Errorf("arrived: %v", m)
		}
		if status, body := p.get("/healthz"); status != http.StatusOK {
			t.Errorf("/healthz: %d %s", status, body)
		}
		if _, ack, err := p.connect(fmt.Sprint(dee.user), dee.token); err != nil || ack.ReasonCode != 0 {
			t.Errorf("CONNECT: %v %v", ack, err)
		}
		p.guest("Cora") // who connects, too
	}
	select {
	case status := <-history:
		t.Errorf("the conversations were answered with %d: nothing kept them waiting", status)
	default:
	}
	if n := began.Load(); n >= 50 {
		t.Errorf("%d scans run at the same time", n)
	}
	free()
	if status := within(t, "the conversations", history); status != http.StatusOK {
		t.Errorf("the conversations were answered with %d", status)
	}
}
