//go:build unix

package broker

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"
)

// BenchmarkFloodOfSmallFrames is how many cores ten connections take that send small
// frames as fast as they may. They are in this process, so that their own work is
// counted, too. Without limits it is what it was. Run it for some seconds:
//
//	go test -run - -bench FloodOfSmallFrames -benchtime 10x ./server/broker
func BenchmarkFloodOfSmallFrames(b *testing.B) {
	for _, flood := range []struct {
		name  string
		frame []byte
		bytes int // per second and connection
	}{
		{"pings at 1 MB per s", frame(pingFrame, nil), 1e6},
		{"empty frames at 7 MB per s", frame(binaryFrame, nil), 7e6},
		{"PINGREQ at 1 MB per s", frame(binaryFrame, []byte{0xC0, 0}), 1e6},
	} {
		for name, limit := range map[string]func(*Config){
			"limited":   nil,
			"unlimited": func(c *Config) { c.Rate, c.Intake = math.Inf(1), math.Inf(1) },
		} {
			b.Run(flood.name+"/"+name, func(b *testing.B) {
				broker, _ := newBroker(b, limit)
				address := serve(b, broker)[len("ws://"):]
				stop := make(chan struct{})
				var flooding sync.WaitGroup
				for user := range uint64(10) {
					flooding.Go(func() { floodFor(stop, address, user+1, flood.frame, flood.bytes) })
				}
				start, before := time.Now(), cpu(b)
				for b.Loop() {
					time.Sleep(time.Second)
				}
				b.ReportMetric((cpu(b)-before).Seconds()/time.Since(start).Seconds(), "cores")
				close(stop)
				flooding.Wait()
			})
		}
	}
}

// cpu is the time that this process has taken of its processors.
func cpu(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// floodFor connects and sends a frame again and again, until stop; whenever the
// connection ends, it connects again.
func floodFor(stop <-chan struct{}, address string, user uint64, one []byte, bytesPerSecond int) {
	const tick = 10 * time.Millisecond
	many := bytes.Repeat(one, max(1, bytesPerSecond*int(tick/time.Millisecond)/1000/len(one)))
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		c, err := net.Dial("tcp", address)
		if err != nil {
			return // the test is over
		}
		go func() { // ends with the connection
			r := bufio.NewReader(c)
			if _, err := http.ReadResponse(r, nil); err == nil {
				_, _ = io.Copy(io.Discard, r)
			}
		}()
		_, err = io.WriteString(c, upgradeRequest)
		if err == nil {
			_, err = c.Write(frame(binaryFrame, hello(user, "a").bytes()))
		}
		for rest := many; err == nil; {
			select {
			case <-stop:
				c.Close()
				return
			case <-ticker.C:
			}
			_ = c.SetWriteDeadline(time.Now().Add(time.Second / 2)) // while it is not read, nothing can be written
			var n int
			n, err = c.Write(rest)
			if rest = rest[n:]; len(rest) == 0 {
				rest = many
			}
			if errors.Is(err, os.ErrDeadlineExceeded) {
				err = nil
			}
		}
		c.Close()
	}
}
