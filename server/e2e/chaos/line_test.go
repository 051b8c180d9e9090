package chaos

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/Shopify/toxiproxy/v2/stream"
	"github.com/Shopify/toxiproxy/v2/toxics"
	"github.com/rs/zerolog"
)

// A line is the network between one browser and the server: a Toxiproxy on a
// port that it keeps.
type line struct {
	proxy    *toxiproxy.Proxy
	url      string
	up, down *weather
}

func newLine(name, upstream string) (*line, error) {
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	l := &line{proxy: toxiproxy.NewProxy(server, name, "127.0.0.1:0", upstream)}
	for _, direction := range []stream.Direction{stream.Upstream, stream.Downstream} {
		installed, err := l.proxy.Toxics.AddToxicJson(strings.NewReader(fmt.Sprintf(`{"type": %q, "stream": %q}`, weatherType, direction)))
		if err != nil {
			return nil, fmt.Errorf("install the weather: %w", err)
		}
		w := installed.Toxic.(*weather)
		w.changed, w.over = make(chan struct{}), make(chan struct{})
		w.toxic = new(toxics.NoopToxic)
		if direction == stream.Upstream {
			l.up = w
		} else {
			l.down = w
		}
	}
	if err := l.open(); err != nil {
		return nil, err
	}
	l.url = "http://" + l.proxy.Listen
	return l, nil
}

// open takes connections. The port is tried for a while: something else may
// have been given it while it was shut.
func (l *line) open() (err error) {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if err = l.proxy.Start(); err == nil {
			return nil
		}
	}
	return fmt.Errorf("open the line: %w", err)
}

// shut closes all connections and refuses new ones.
func (l *line) shut() { l.proxy.Stop() }

// set changes the weather in both directions; nil is fair.
func (l *line) set(toxic toxics.Toxic) {
	l.up.set(toxic)
	l.down.set(toxic)
}

// cut closes all connections. What is on the way is lost.
func (l *line) cut() {
	l.set(&toxics.TimeoutToxic{Timeout: 1})
	time.Sleep(20 * time.Millisecond) // new connections live as short
	l.set(nil)
}

// strand makes all connections half-open, for good: neither side hears of the
// other again, not even that it hung up. New connections are not touched.
func (l *line) strand() {
	l.up.strand()
	l.down.strand()
}

// end closes the line for good.
func (l *line) end() {
	close(l.up.over)
	close(l.down.over)
	l.shut()
}

const weatherType = "weather"

func init() { toxics.Register(weatherType, new(weather)) }

// weather is a toxic that is any other one, and changes while connections are
// open. Toxiproxy itself can add and remove toxics, but locks up for ever when
// it does so on a connection whose receiver is gone (its issue 558), which in
// these tests is all the time.
type weather struct {
	mu       sync.Mutex
	toxic    toxics.Toxic
	changed  chan struct{} // closed when toxic is replaced
	over     chan struct{} // closed when the line ends
	born     int           // connections so far
	stranded int           // how many of them were stranded
}

func (w *weather) set(toxic toxics.Toxic) {
	if toxic == nil {
		toxic = new(toxics.NoopToxic)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.toxic = toxic
	close(w.changed)
	w.changed = make(chan struct{})
}

func (w *weather) strand() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stranded = w.born
	close(w.changed)
	w.changed = make(chan struct{})
}

// GetBufferSize implements toxics.BufferedToxic: what is late does not hold up
// what follows.
func (w *weather) GetBufferSize() int { return 1024 }

// NewState implements toxics.StatefulToxic: connections are numbered.
func (w *weather) NewState() any {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.born++
	return w.born
}

// Pipe implements toxics.Toxic.
func (w *weather) Pipe(stub *toxics.ToxicStub) {
	for number, open := stub.State.(int), true; open; {
		toxic, changed := w.now(number)
		open = through(stub, toxic, changed)
	}
}

// now returns the weather for a connection, and what closes when it changes.
func (w *weather) now(number int) (toxics.Toxic, <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if number <= w.stranded {
		return silence{}, w.over
	}
	return w.toxic, w.changed
}

// through passes a connection through a toxic until the weather changes, and
// reports whether the connection is still open then. A toxic that waits for a
// receiver who is gone goes on waiting, and disturbs nobody.
func through(stub *toxics.ToxicStub, toxic toxics.Toxic, changed <-chan struct{}) bool {
	part := toxics.NewToxicStub(stub.Input, stub.Output)
	if stateful, ok := toxic.(toxics.StatefulToxic); ok {
		part.State = stateful.NewState()
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		toxic.Pipe(part)
	}()
	select {
	case <-done:
	case <-changed:
		select {
		case part.Interrupt <- struct{}{}:
			<-done
		case <-done:
		}
		if c, ok := toxic.(toxics.CleanupToxic); ok {
			c.Cleanup(part)
		}
	}
	return !part.Closed()
}

// silence drops everything, the end of the connection too.
type silence struct{}

func (silence) Pipe(stub *toxics.ToxicStub) {
	for input := stub.Input; ; {
		select {
		case <-stub.Interrupt:
			return
		case chunk := <-input:
			if chunk == nil {
				input = nil
			}
		}
	}
}

// Cleanup implements toxics.CleanupToxic.
func (silence) Cleanup(stub *toxics.ToxicStub) { stub.Close() }
