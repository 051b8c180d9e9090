package abuse

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/packets"
	"golang.org/x/time/rate"

	"parley/proto"
)

// abuserVariable names, in the environment of the process of those who
// misbehave, the target.
const abuserVariable = "PARLEY_ABUSE"

// target is whom those who misbehave are let loose on.
type target struct {
	Server string
	Victim uint64  // who is written to by everybody
	Scale  float64 // of all numbers
}

// begun is the first line that the process of those who misbehave writes, once it can be
// asked to end.
const begun = "begun"

// letLoose starts those who misbehave, in a process of their own, until the test
// ends or stop is called. It returns when they have begun.
func letLoose(t *testing.T, to target) (stop func()) {
	t.Helper()
	encoded, err := json.Marshal(to)
	if err != nil {
		t.Fatal(err)
	}
	process := exec.Command(os.Args[0])
	process.Env = append(os.Environ(), abuserVariable+"="+string(encoded))
	out, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	process.Stderr = os.Stderr
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setpriority(syscall.PRIO_PROCESS, process.Process.Pid, 15); err != nil {
		t.Log("those who misbehave have the same priority as all:", err)
	}
	said := bufio.NewReader(out)
	var once sync.Once
	stop = func() {
		once.Do(func() {
			if err := process.Process.Signal(syscall.SIGTERM); err != nil {
				t.Error(err)
			}
			did, err := io.ReadAll(said)
			if err := errors.Join(err, process.Wait()); err != nil {
				t.Errorf("those who misbehave ended with %v", err)
			}
			t.Logf("what they did:\n%s", did)
		})
	}
	t.Cleanup(stop)
	// Beside other work they may take longer to start than the honest live.
	if line, err := said.ReadString('\n'); err != nil || line != begun+"\n" {
		t.Fatalf("those who misbehave began with %q, %v", line, err)
	}
	return stop
}

// abuser is one kind of misbehaviour: it goes on until ctx is done, never faster
// than its own limits, and returns what it did.
type abuser struct {
	name string
	run  func(ctx context.Context, to target) string
}

var abusers = []abuser{
	{"silent WebSockets", silence},
	{"idle HTTP connections", idleness},
	{"people searches", searches},
	{"reads of all conversations", conversations},
	{"syncs from nothing", syncs},
	{"long messages to strangers", storage},
	{"long messages to one person", crowd},
	{"pings", pings},
	{"empty frames", emptyFrames},
	{"broken packets", brokenPackets},
	{"comings and goings", churn},
}

// abuse is the whole life of the process of those who misbehave.
func abuse(encoded string) {
	var to target
	if err := json.Unmarshal([]byte(encoded), &to); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute) // whoever started them may be gone
	defer cancel()
	fmt.Println(begun)
	var all sync.WaitGroup
	for _, a := range abusers {
		all.Go(func() {
			did := a.run(ctx, to)
			fmt.Printf("%s: %s\n", a.name, did)
		})
	}
	all.Wait()
}

// many is a number at the scale, at least one.
func (t target) many(n int) int { return max(1, int(float64(n)*t.Scale)) }

// parallel runs f n times at once and wants it to end with ctx.
func parallel(n int, f func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { f(i) })
	}
	all.Wait()
}

// counter counts what several do.
type counter struct {
	mu     sync.Mutex
	counts map[string]int
}

func (c *counter) add(what string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts == nil {
		c.counts = make(map[string]int)
	}
	if err != nil {
		what += ", in vain"
	}
	c.counts[what]++
}

func (c *counter) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.TrimPrefix(fmt.Sprint(c.counts), "map")
}

// silence holds as many connections as one address can have that never say who
// they are, and opens them again when they are closed.
func silence(ctx context.Context, to target) string {
	from, limit, did := newPlace(to.Server, "127.0.2.1"), rate.NewLimiter(200, 50), new(counter)
	parallel(to.many(1000), func(int) {
		for limit.Wait(ctx) == nil {
			conn, err := from.raw(ctx)
			did.add("opened", err)
			if err == nil {
				_, _ = io.Copy(io.Discard, conn) // until the server closes it
				conn.Close()
			}
		}
	})
	return did.String()
}

// idleness holds HTTP connections on which half a request comes.
func idleness(ctx context.Context, to target) string {
	from, limit, did := newPlace(to.Server, "127.0.2.2"), rate.NewLimiter(100, 50), new(counter)
	parallel(to.many(400), func(int) {
		for limit.Wait(ctx) == nil {
			conn, err := from.dialer.DialContext(ctx, "tcp", to.Server)
			did.add("opened", err)
			if err != nil {
				continue
			}
			context.AfterFunc(ctx, func() { conn.Close() })
			_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost:")
			_, _ = io.Copy(io.Discard, conn)
			conn.Close()
		}
	})
	return did.String()
}

// hammer asks the same again and again, whatever is answered.
func hammer(ctx context.Context, to target, from string, n int, path func(i int) string) string {
	did := new(counter)
	one, err := newPlace(to.Server, from).newGuest(ctx, "Eve")
	if err != nil {
		return err.Error()
	}
	limit := rate.NewLimiter(500, 50)
	parallel(n, func(i int) {
		for limit.Wait(ctx) == nil {
			did.add("asked", one.Ask(ctx, http.MethodGet, path(i), one.token, nil, nil))
		}
	})
	return did.String()
}

func searches(ctx context.Context, to target) string {
	return hammer(ctx, to, "127.0.2.3", to.many(50), func(i int) string { return fmt.Sprintf("/api/users?q=%c", 'a'+i%26) })
}

func conversations(ctx context.Context, to target) string {
	return hammer(ctx, to, "127.0.2.4", to.many(200), func(int) string { return "/api/conversations" })
}

// stay keeps somebody connected and lets them do something over and over. What
// comes is read and dropped.
func stay(ctx context.Context, u *user, did *counter, limit *rate.Limiter, act func(c *connection) error) {
	for ctx.Err() == nil {
		c, err := u.connect(ctx)
		did.add("connected", err)
		if err != nil {
			if sleep(ctx, time.Second) {
				continue
			}
			return
		}
		var reading sync.WaitGroup
		reading.Go(func() { _, _ = io.Copy(io.Discard, c) })
		for limit.Wait(ctx) == nil {
			if err := act(c); err != nil {
				break
			}
			did.add("sent", nil)
		}
		c.Close()
		reading.Wait()
		sleep(ctx, 100*time.Millisecond)
	}
}

// sleep reports whether there is still time afterwards.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

func syncs(ctx context.Context, to target) string {
	did := new(counter)
	one, err := newPlace(to.Server, "127.0.2.5").newGuest(ctx, "Eve")
	if err != nil {
		return err.Error()
	}
	parallel(to.many(20), func(int) {
		stay(ctx, one, did, rate.NewLimiter(50, 50), func(c *connection) error {
			_, err := c.publish(proto.BranchSync, &proto.SyncRequest{})
			return err
		})
	})
	return did.String()
}

var long = strings.Repeat("x", proto.MaxContent)

// storage writes as much as it may to people who do not exist.
func storage(ctx context.Context, to target) string {
	did, from := new(counter), newPlace(to.Server, "127.0.2.6")
	parallel(20, func(i int) {
		one, err := from.newGuest(ctx, fmt.Sprintf("Eve %d", i))
		did.add("came", err)
		if err != nil {
			return
		}
		next := uint64(1)
		stay(ctx, one, did, rate.NewLimiter(rate.Limit(50*to.Scale), 1000), func(c *connection) error {
			next++
			_, err := c.publish(proto.BranchMessage, message(one.id, next, long))
			return err
		})
	})
	return did.String()
}

// crowd writes one long message each to the victim, from many addresses.
func crowd(ctx context.Context, to target) string {
	did, limit := new(counter), rate.NewLimiter(50, 10)
	n := to.many(950)
	places := make([]*place, 1+n/90) // fewer guests each than an address may make in an hour
	for i := range places {
		places[i] = newPlace(to.Server, fmt.Sprintf("127.0.3.%d", 1+i))
	}
	for i := range n {
		if limit.Wait(ctx) != nil {
			break
		}
		one, err := places[i/90].newGuest(ctx, fmt.Sprintf("Fan %d", i))
		did.add("came", err)
		if err != nil {
			continue
		}
		c, err := one.connect(ctx)
		if err == nil {
			if _, err = c.publish(proto.BranchMessage, message(one.id, to.Victim, long)); err == nil {
				_, err = packets.ReadPacket(c)
			}
			c.Close()
		}
		did.add("wrote", err)
	}
	<-ctx.Done()
	return did.String()
}

// flood writes the same bytes for ever, up to a rate per second.
func flood(ctx context.Context, conn io.Writer, piece []byte, perSecond int, did *counter) {
	whole := bytes.Repeat(piece, 8<<10/len(piece))
	limit := rate.NewLimiter(rate.Limit(perSecond), 4*len(whole))
	for limit.WaitN(ctx, len(whole)) == nil {
		if _, err := conn.Write(whole); err != nil {
			return
		}
		did.add("8 KiB written", nil)
	}
}

func pings(ctx context.Context, to target) string {
	did := new(counter)
	one, err := newPlace(to.Server, "127.0.2.7").newGuest(ctx, "Eve")
	if err != nil {
		return err.Error()
	}
	parallel(5, func(int) {
		stay(ctx, one, did, rate.NewLimiter(1, 1), func(c *connection) error {
			flood(ctx, c, []byte{0xC0, 0x00}, int(1e6*to.Scale), did)
			return io.EOF
		})
	})
	return did.String()
}

func emptyFrames(ctx context.Context, to target) string {
	from, did := newPlace(to.Server, "127.0.2.8"), new(counter)
	parallel(5, func(int) {
		for sleep(ctx, 200*time.Millisecond) {
			conn, err := from.raw(ctx)
			did.add("opened", err)
			if err != nil {
				continue
			}
			var reading sync.WaitGroup
			reading.Go(func() { _, _ = io.Copy(io.Discard, conn) })
			flood(ctx, conn, []byte{0x82, 0x80, 0, 0, 0, 0}, int(7e6*to.Scale), did) // binary, masked, of no length
			conn.Close()
			reading.Wait()
		}
	})
	return did.String()
}

// brokenPackets sends what made decoders fall over.
func brokenPackets(ctx context.Context, to target) string {
	did := new(counter)
	one, err := newPlace(to.Server, "127.0.2.9").newGuest(ctx, "Eve")
	if err != nil {
		return err.Error()
	}
	packets := [][]byte{
		{0x82, 0x06, 0x00, 0x01, 0x00, 0x01, 0x61},                   // SUBSCRIBE without options
		{0x30, 0xFF, 0xFF, 0xFF, 0x7F},                               // PUBLISH of 256 MB
		{0x32, 0x05, 0x00, 0x09, 0x61, 0x62, 0x63},                   // a topic longer than the packet
		{0xA2, 0x04, 0x00, 0x01, 0x00, 0x05},                         // UNSUBSCRIBE cut short
		{0x32, 0x07, 0x00, 0x01, 0x61, 0x00, 0x01, 0x7F, 0x00, 0x00}, // a property that there is none of
	}
	limit := rate.NewLimiter(20, 5)
	for i := 0; limit.Wait(ctx) == nil; i++ {
		c, err := one.connect(ctx)
		did.add("connected", err)
		if err != nil {
			continue
		}
		_, _ = c.Write(packets[i%len(packets)])
		_, _ = io.Copy(io.Discard, c)
		c.Close()
	}
	return did.String()
}

// churn comes and goes, which others might have to be told of.
func churn(ctx context.Context, to target) string {
	from, limit, did := newPlace(to.Server, "127.0.2.10"), rate.NewLimiter(rate.Limit(100*to.Scale), 10), new(counter)
	parallel(20, func(i int) {
		one, err := from.newGuest(ctx, fmt.Sprintf("Eve %d", i))
		did.add("came", err)
		for err == nil && limit.Wait(ctx) == nil {
			c, err := one.connect(ctx)
			did.add("connected", err)
			if err == nil {
				c.Close()
			}
		}
	})
	return did.String()
}
