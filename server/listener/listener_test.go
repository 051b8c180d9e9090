package listener_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"parley/server/clientip"
	"parley/server/listener"
)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// site is an HTTP server behind a Listener.
type site struct {
	t        testing.TB
	listener *listener.Listener
	log      *journal
	release  chan struct{} // what /slow waits for
}

// journal collects log lines.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.String()
}

// open serves /quick, /slow, which answers when the test says so, and /taken,
// which takes the connection over and answers each line with the same.
func open(t testing.TB, all, perAddress int, proxies ...netip.Prefix) *site {
	t.Helper()
	s := &site{t: t, log: new(journal), release: make(chan struct{})}
	below, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(s.log, nil))
	s.listener, err = listener.New(below, listener.Config{Max: all, MaxPerAddress: perAddress, Clients: clientip.New(proxies, log), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/quick", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") })
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-s.release:
		case <-r.Context().Done():
		}
		fmt.Fprint(w, "ok")
	})
	mux.HandleFunc("/taken", func(w http.ResponseWriter, _ *http.Request) {
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return // the client left before
		}
		defer c.Close()
		fmt.Fprint(c, "taken\n")
		for {
			line, err := rw.ReadString('\n')
			if err != nil {
				return
			}
			fmt.Fprint(c, line)
		}
	})
	server := &http.Server{Handler: mux, ConnState: s.listener.Track}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(s.listener) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return s
}

// caller is a client's end of a connection.
type caller struct {
	t testing.TB
	net.Conn
	r *bufio.Reader
}

// call connects from an address of this machine: all of 127.0.0.0/8 are.
func (s *site) call(address string) *caller {
	s.t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}, Timeout: patience}
	c, err := dialer.Dial("tcp", s.listener.Addr().String())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		s.t.Fatal(err)
	}
	return &caller{s.t, c, bufio.NewReader(c)}
}

func (c *caller) ask(path string) {
	_, _ = fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path) // fails if it was refused, which the answer shows
}

// answer returns the status of the answer, 0 if the connection ended instead.
func (c *caller) answer() int {
	c.t.Helper()
	response, err := http.ReadResponse(c.r, nil)
	if err != nil {
		c.mustHaveEnded(err)
		return 0
	}
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		c.t.Error(err)
	}
	if response.StatusCode != http.StatusOK && response.Header.Get("Retry-After") == "" {
		c.t.Errorf("status %d does not say when to come again", response.StatusCode)
	}
	return response.StatusCode
}

// quick asks for something that is there at once.
func (c *caller) quick() int {
	c.t.Helper()
	c.ask("/quick")
	return c.answer()
}

// takeOver makes a connection one that is no more the HTTP server's.
func (c *caller) takeOver() {
	c.t.Helper()
	c.ask("/taken")
	c.hears("taken\n")
}

func (c *caller) hears(want string) {
	c.t.Helper()
	if line, err := c.r.ReadString('\n'); line != want {
		c.t.Errorf("heard %q, %v, want %q", line, err, want)
	}
}

func (c *caller) ended() {
	c.t.Helper()
	_, err := c.r.ReadByte()
	if err == nil {
		c.t.Fatal("heard something, want the end")
	}
	c.mustHaveEnded(err)
}

func (c *caller) mustHaveEnded(err error) {
	c.t.Helper()
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		c.t.Fatalf("the connection did not end: %v", err)
	}
}

// await waits until get returns want.
func (s *site) await(what string, get func() int, want int) {
	s.t.Helper()
	for end := time.Now().Add(patience); get() != want; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("%d connections are %s, want %d", get(), what, want)
		}
	}
}

func (s *site) opened(want int)  { s.t.Helper(); s.await("open", s.listener.Open, want) }
func (s *site) working(want int) { s.t.Helper(); s.await("being served", s.listener.Served, want) }
func (s *site) waiting(want int) { s.t.Helper(); s.await("waiting", s.listener.Waiting, want) }

func TestIdleConnectionsOfOneAddressKeepNobodyElseOut(t *testing.T) {
	s := open(t, 100, 20)
	var idle []*caller
	for i := range 400 {
		c := s.call("127.0.0.2")
		if i%2 == 0 && c.quick() != 200 { // the others never ask
			t.Fatalf("connection %d is not served", i)
		}
		idle = append(idle, c)
	}
	s.opened(20)
	ended := make(chan error, len(idle))
	for _, c := range idle {
		go func() { // ends with the connection, at the end of the test at the latest
			_, err := c.r.ReadByte()
			ended <- err
		}()
	}
	for range 380 {
		idle[0].mustHaveEnded(<-ended)
	}
	for i := range 80 {
		if status := s.call(fmt.Sprint("127.0.0.", 3+i%4)).quick(); status != 200 {
			t.Fatalf("another's connection %d: status %d", i, status)
		}
	}
	s.opened(100)
}

func TestWhenAllAreTakenTheOneThatWaitedLongestGoes(t *testing.T) {
	s := open(t, 3, 3)
	silent := s.call("127.0.0.2")
	s.opened(1)
	idle, working := s.call("127.0.0.3"), s.call("127.0.0.4")
	if status := idle.quick(); status != 200 {
		t.Fatal(status)
	}
	working.ask("/slow")
	s.working(1)
	s.waiting(2)
	newcomer := s.call("127.0.0.5")
	if status := newcomer.quick(); status != 200 {
		t.Errorf("the newcomer: status %d", status)
	}
	s.waiting(2) // who has the answer may not be waiting yet
	silent.ended()
	if status := idle.quick(); status != 200 {
		t.Errorf("who waited less long: status %d", status)
	}
	s.waiting(2)
	if status := s.call("127.0.0.6").quick(); status != 200 {
		t.Errorf("the second newcomer: status %d", status)
	}
	newcomer.ended() // since idle asked after it
	if status := idle.quick(); status != 200 {
		t.Errorf("who asked last: status %d", status)
	}
	close(s.release)
	if status := working.answer(); status != 200 {
		t.Errorf("who was being served: status %d", status)
	}
	if got := s.log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "ulimit -n") {
		t.Errorf("the log is %q, want one line that says what to do", got)
	}
}

// A request that is sent or an answer that is read byte by byte holds a place
// only until others need it.
func TestWhenAllAreServedTheOneThatTookLongestGoes(t *testing.T) {
	s := open(t, 3, 3)
	first, second, taken := s.call("127.0.0.2"), s.call("127.0.0.3"), s.call("127.0.0.4")
	first.ask("/slow")
	s.working(1)
	second.ask("/slow")
	taken.takeOver()
	s.working(2)
	if status := s.call("127.0.0.5").quick(); status != 200 {
		t.Errorf("the newcomer: status %d", status)
	}
	if status := first.answer(); status != 0 {
		t.Errorf("who took longest: status %d, want the end", status)
	}
	close(s.release)
	if status := second.answer(); status != 200 {
		t.Errorf("who took less long: status %d", status)
	}
	fmt.Fprint(taken, "still here\n")
	taken.hears("still here\n")
}

func TestAnAddressWhoseConnectionsAllWorkIsToldToWait(t *testing.T) {
	s := open(t, 10, 2)
	for range 2 {
		s.call("127.0.0.2").ask("/slow")
	}
	s.working(2)
	if status := s.call("127.0.0.2").answer(); status != http.StatusTooManyRequests {
		t.Errorf("status %d, want 429", status)
	}
	if status := s.call("127.0.0.3").quick(); status != 200 {
		t.Errorf("another address: status %d", status)
	}
	close(s.release)
}

func TestWhatIsTakenOverCountsInAllAndKeepsItsPlace(t *testing.T) {
	s := open(t, 3, 1)
	var taken []*caller
	for range 3 { // more than an address may have of others
		c := s.call("127.0.0.2")
		c.takeOver()
		taken = append(taken, c)
	}
	if status := s.call("127.0.0.3").answer(); status != http.StatusServiceUnavailable {
		t.Errorf("status %d, want 503", status)
	}
	for _, c := range taken {
		fmt.Fprint(c, "still here\n")
		c.hears("still here\n")
	}
	taken[0].Close()
	s.opened(2)
	if status := s.call("127.0.0.3").quick(); status != 200 {
		t.Errorf("after one left: status %d", status)
	}
}

func TestATrustedProxyIsNotOneClient(t *testing.T) {
	s := open(t, 10, 1, netip.MustParsePrefix("127.0.0.2/32"))
	var all []*caller
	for range 5 {
		c := s.call("127.0.0.2")
		c.quick()
		all = append(all, c)
	}
	for i, c := range all {
		if status := c.quick(); status != 200 {
			t.Errorf("connection %d of the proxy: status %d", i, status)
		}
	}
}

func TestAllThatLeftIsForgotten(t *testing.T) {
	s := open(t, 50, 10)
	var callers sync.WaitGroup
	for i := range 8 {
		callers.Go(func() {
			for j := range 40 {
				c := s.call(fmt.Sprint("127.0.0.", 2+i%3))
				switch j % 4 {
				case 0:
					c.quick()
				case 1:
					c.ask("/taken")
				case 2:
					c.ask("/slow")
				}
				c.Close()
			}
		})
	}
	callers.Wait()
	s.opened(0)
	if n := s.listener.Addresses(); n != 0 || s.listener.Served() != 0 || s.listener.Waiting() != 0 {
		t.Errorf("%d addresses are remembered, %d connections being served, %d waiting", n, s.listener.Served(), s.listener.Waiting())
	}
}

// noFiles is a listener in a process that has no file left.
type noFiles struct {
	accepts atomic.Int32
	pending chan net.Conn
	closed  chan struct{}
}

func (l *noFiles) Accept() (net.Conn, error) {
	l.accepts.Add(1)
	select {
	case c := <-l.pending:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	default:
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
}

func (l *noFiles) Close() error { close(l.closed); return nil }
func (*noFiles) Addr() net.Addr { return &net.TCPAddr{} }

func TestWithoutFilesTheOneThatWaitedLongestGoesAndNothingSpins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		below := &noFiles{pending: make(chan net.Conn, 1), closed: make(chan struct{})}
		ours, theirs := net.Pipe()
		below.pending <- theirs
		if err := ours.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		log := slog.New(slog.DiscardHandler)
		l, err := listener.New(below, listener.Config{Max: 10, MaxPerAddress: 10, Clients: clientip.New(nil, log), Log: log})
		if err != nil {
			t.Fatal(err)
		}
		server := &http.Server{ConnState: l.Track, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn)}
		ended := make(chan error, 1)
		go func() { ended <- server.Serve(l) }()
		if _, err := ours.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("the connection that waits: %v, want its end", err)
		}
		time.Sleep(10 * time.Second)
		if n := below.accepts.Load(); n > 30 {
			t.Errorf("asked for connections %d times in 10 s", n)
		}
		if err := server.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		<-ended
	})
}

func TestALimitBelowOneIsAnError(t *testing.T) {
	for _, c := range []listener.Config{{Max: 0, MaxPerAddress: 1}, {Max: 1, MaxPerAddress: 0}} {
		if _, err := listener.New(nil, c); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
}
