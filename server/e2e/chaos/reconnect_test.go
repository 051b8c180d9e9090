package chaos

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

func TestForcedReconnectsLeaveOneConnection(t *testing.T) {
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", *seed)
	server, err := newServer(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, rand.New(rand.NewPCG(*seed, 0)), server, 2)
	ada := w.people[0]
	browser := w.watchSockets(ada)
	_, err = call[bool](ada.first(), patience, "hurry")
	w.must(err)
	before, err := server.gauge("process_open_fds")
	w.must(err)

	how := map[string]int{}
	for n := range *reconnects {
		connects := browser.count()
		switch n % 50 {
		case 10: // noticed when the page asks for a sign of life, as it does when it comes to the front
			how["half-open"]++
			ada.line.strand()
			_, err := call[bool](ada.first(), patience, "wake")
			w.must(err)
		case 20, 30, 40:
			how["refused"]++
			ada.line.shut()
			_, err := call[bool](ada.first(), patience, "offline")
			w.must(err)
			w.must(ada.line.open())
		default:
			how["cut"]++
			ada.line.cut()
		}
		eventually(t, "another WebSocket", func() string {
			if browser.count() > connects {
				return ""
			}
			return "none"
		})
		w.must(ada.recover())
	}
	t.Logf("%d reconnects: %v", *reconnects, how)

	eventually(t, "two connections at the server, Ada's and Bob's", func() string {
		if n, err := server.gauge("parley_mqtt_connections"); err != nil || n != 2 {
			return fmt.Sprint(n, err)
		}
		return ""
	})
	eventually(t, "one open WebSocket in Ada's browser", func() string {
		if n := browser.open(); n != 1 {
			return fmt.Sprint(n)
		}
		return ""
	})
	// Besides connections the server has files open; HTTP connections that wait
	// for a next request come and go.
	eventually(t, "no more open files at the server than before", func() string {
		if n, err := server.gauge("process_open_fds"); err != nil || n > before+4 {
			return fmt.Sprint(n, before, err)
		}
		return ""
	})
	// The one that is left works.
	_, err = call[bool](ada.first(), patience, "send", ada.key(w.people[1]), []string{"still here"})
	w.must(err)
	w.must(w.settle(t.Context()))
}

// eventually waits until nothing is wrong any more.
func eventually(t *testing.T, what string, wrong func() string) {
	t.Helper()
	last := ""
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if last = wrong(); last == "" {
			return
		}
	}
	t.Fatalf("waited in vain for %s: %s", what, last)
}

// sockets counts the WebSockets of a browser's worker.
type sockets struct {
	mu      sync.Mutex
	now     map[network.RequestID]bool
	created int
}

// watchSockets counts those that are opened from now on.
func (w *world) watchSockets(p *person) *sockets {
	w.t.Helper()
	s := &sockets{now: map[network.RequestID]bool{}}
	targets, err := chromedp.Targets(p.browser.ctx)
	w.must(err)
	i := slices.IndexFunc(targets, func(target *target.Info) bool { return target.Type == "shared_worker" })
	if i < 0 {
		w.t.Fatalf("the browser runs no worker: %v", targets)
	}
	ctx, cancel := chromedp.NewContext(p.browser.ctx, chromedp.WithTargetID(targets[i].TargetID),
		chromedp.WithDetachOnCancel(), chromedp.WithListener(s.listen))
	w.t.Cleanup(cancel)
	w.must(chromedp.Do(ctx))
	return s
}

func (s *sockets) listen(event any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch e := event.(type) {
	case *network.EventWebSocketCreated:
		s.now[e.RequestID] = true
		s.created++
	case *network.EventWebSocketClosed:
		delete(s.now, e.RequestID)
	}
}

// open is how many are open now, or being opened.
func (s *sockets) open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.now)
}

// count is how many were ever opened.
func (s *sockets) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.created
}
