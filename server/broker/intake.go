package broker

import (
	"math"
	"net"
	"time"

	"golang.org/x/time/rate"

	"parley/proto"
)

// What comes in costs more than its bytes, and the smallest costs as much as any.
// So in a connection's rate these count as bytes, too.
const (
	readCost   = 512     // of one read, at least
	frameCost  = 2 << 10 // of a WebSocket frame: two goroutines take part
	packetCost = 512     // of an MQTT packet
)

// Of a user's messages, a connection may send so many bytes each: at the rate all of
// them as long as content may be, at once as short as most are.
const (
	steadyMessage = 20 << 10
	burstMessage  = 4 << 10
)

// A connection may fill its rate with idle frames for idlePatience, after the burst,
// and 1/idleShare of it for ever.
const (
	idlePatience = 10 // seconds
	idleShare    = 4
)

// What is refused costs as much as what is not, and whoever is refused may try again at
// once; a request to sync costs more, and one is enough for a connection. So a user may
// send so many of both per second, over all connections, and so many at once: as many as
// one connection may send before the first is answered. What is read of them beyond that
// is read later.
const (
	repeatRate  = 5
	repeatBurst = receiveMaximum
)

// shortestPause is the shortest that is worth it.
const shortestPause = 10 * time.Millisecond

// intake is how much one connection may send. It belongs to the goroutine that reads.
type intake struct {
	bytes   *rate.Limiter
	readsOn time.Time     // when no more has come than may have by then
	idle    *rate.Limiter // frames
	control *rate.Limiter // packets other than publications
}

func newIntake(c *Config) intake {
	return intake{
		bytes:   rate.NewLimiter(limitOf(c.Intake), c.IntakeBurst),
		idle:    rate.NewLimiter(limitOf(c.Intake/frameCost/idleShare), (c.IntakeBurst+int(min(c.Intake, math.MaxInt32))*idlePatience)/frameCost),
		control: rate.NewLimiter(limitOf(2*c.Rate), 2*c.Burst),
	}
}

// took counts what came, as bytes.
func (i *intake) took(cost int) {
	i.wait(i.bytes, min(cost, i.bytes.Burst()))
}

// wait counts n towards a limit, which is not read beyond.
func (i *intake) wait(limit *rate.Limiter, n int) {
	now := time.Now()
	if on := now.Add(limit.ReserveN(now, n).DelayFrom(now)); on.After(i.readsOn) {
		i.readsOn = on
	}
}

// pause waits while more has come than may. Nothing is read meanwhile, so that the
// client is slowed down by TCP; nor does its keep alive go on, as what it sent may
// be waiting to be read. When the session ends, so does the wait, with an error.
func (s *session) pause() error {
	start := time.Now()
	wait := s.intake.readsOn.Sub(start)
	if wait < shortestPause {
		return nil
	}
	if s.conn == nil { // it was refused and is closing
		return net.ErrClosed
	}
	s.broker.metrics.pauses.Inc()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		s.postpone(time.Since(start))
		return nil
	case <-s.stopping:
		return net.ErrClosed
	}
}

// tookFrames counts what came over a WebSocket: frames, of which some were idle. A
// connection that goes on with those although it is slowed down is ended.
func (s *session) tookFrames(bytes, frames, idle int) error {
	s.intake.took(max(bytes, readCost) + frames*frameCost)
	if idle > 0 && !s.intake.idle.AllowN(time.Now(), idle) {
		s.end(proto.Refuse(proto.MessageRateTooHigh, "too many WebSocket frames without content: send fewer"))
		return net.ErrClosed
	}
	return nil
}
