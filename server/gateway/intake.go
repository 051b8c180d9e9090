package gateway

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/eclipse/paho.golang/packets"

	"parley/proto"
	"parley/server/chat"
)

const (
	// publishTimeout bounds one try to hand over a publication.
	publishTimeout = 10 * time.Second
	// maxUnacknowledged bounds the publications at QoS 0 that are in work; further ones are dropped.
	maxUnacknowledged = 1000
	// maxAnswers bounds the answers to syncs that are in work at a time, and
	// maxAnswersWaiting those that wait; further ones are dropped, and asked for again.
	maxAnswers, maxAnswersWaiting = 32, 10_000
	// A publication is given up as the Service's fault if it took none of so many tries and
	// so long, while it took as many of others.
	faultTries, faultTime, faultOthers = 20, time.Minute, 100
)

// intake hands what came on one connection to the Service: in order for each user, and
// acknowledged in the order in which it came [MQTT-4.6.0-2].
type intake struct {
	gateway    *Gateway
	connection *connection
	session    uint64
	ctx        context.Context // of all work
	cancel     context.CancelFunc
	work       sync.WaitGroup
	answering  chan struct{} // one is in it for each answer in work

	mu       sync.Mutex
	stopped  bool
	arrivals []*arrival            // at QoS 1, in the order in which they came
	light    int                   // in work at QoS 0
	lines    map[uint64][]*arrival // by user, of whom somebody works at some
	syncs    map[uint64]*answer    // by user, of whom somebody answers one
	waiting  int                   // answers
}

// arrival is a PUBLISH from the broker.
type arrival struct {
	packet  *packets.Publish
	user    uint64
	branch  proto.Branch
	settled bool
}

// answer is that to the newest sync of a user.
type answer struct{ next func(context.Context) error }

func newIntake(g *Gateway, c *connection, session uint64) *intake {
	in := &intake{
		gateway: g, connection: c, session: session, answering: make(chan struct{}, maxAnswers),
		lines: make(map[uint64][]*arrival), syncs: make(map[uint64]*answer),
	}
	in.ctx, in.cancel = context.WithCancel(context.Background())
	g.metrics.intake.Store(in)
	return in
}

// stop ends all work and waits for that. What was not acknowledged comes again.
func (in *intake) stop() {
	in.mu.Lock()
	in.stopped = true
	in.mu.Unlock()
	in.cancel()
	in.work.Wait()
}

// take takes a PUBLISH. An error is the broker's.
func (in *intake) take(p *packets.Publish) error {
	a := &arrival{packet: p}
	var ok bool
	a.user, a.branch, ok = proto.ParseUp(p.Topic)
	if !ok {
		in.gateway.drop(a, proto.Refuse(proto.TopicNameInvalid, "nothing can be sent on this topic"))
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	switch {
	case in.stopped:
		return nil
	case p.QoS > 1:
		return errors.New("the broker broke the protocol: it sent at QoS 2, which was not asked for")
	case p.QoS == 1 && len(in.arrivals) == int(in.gateway.config.ReceiveMaximum):
		return errors.New("the broker broke the protocol: it sent more than Receive Maximum")
	case p.QoS == 1:
		in.arrivals = append(in.arrivals, a)
	case !ok:
		return nil
	case in.light == maxUnacknowledged:
		in.gateway.metrics.dropped.WithLabelValues("qos-0").Inc()
		return nil
	default:
		in.light++
	}
	if !ok {
		in.settle(a)
		return nil
	}
	line, working := in.lines[a.user]
	in.lines[a.user] = append(line, a)
	if !working {
		in.work.Go(func() { in.serve(a.user) }) // ends with the line, or with ctx
	}
	return nil
}

// serve works at a user's line until it is empty.
func (in *intake) serve(user uint64) {
	for a := in.first(user); a != nil; a = in.after(a) {
		if !in.handle(a) {
			return // what came on this connection comes again
		}
	}
}

func (in *intake) first(user uint64) *arrival {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.lines[user][0]
}

// after settles the first of a user's line and returns the next; nil if the line is empty.
func (in *intake) after(a *arrival) *arrival {
	in.mu.Lock()
	defer in.mu.Unlock()
	if a.packet.QoS == 0 {
		in.light--
	} else {
		in.settle(a)
	}
	line := in.lines[a.user][1:]
	if len(line) == 0 {
		delete(in.lines, a.user)
		return nil
	}
	in.lines[a.user] = line
	return line[0]
}

// settle says that an arrival is done with, and acknowledges it once all before it are.
func (in *intake) settle(a *arrival) {
	a.settled = true
	var ids []uint16
	for len(in.arrivals) > 0 && in.arrivals[0].settled {
		ids = append(ids, in.arrivals[0].packet.PacketID)
		in.arrivals[0] = nil
		in.arrivals = in.arrivals[1:]
	}
	if len(ids) > 0 {
		in.connection.acknowledge(ids)
	}
}

// load is how many arrivals are not acknowledged.
func (in *intake) load() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return len(in.arrivals)
}

// handle hands an arrival over, as often as it takes; false if the work ended before.
func (in *intake) handle(a *arrival) bool {
	g := in.gateway
	began, others := time.Now(), g.stored.Load()
	pause := backoff{}
	for tries := 1; ; tries++ {
		err := in.try(a)
		if in.ctx.Err() != nil && err != nil {
			return false
		}
		if err == nil {
			g.stored.Add(1)
			g.metrics.stored.WithLabelValues(string(a.branch)).Inc()
			return true
		}
		if final(err) || a.packet.QoS == 0 {
			g.drop(a, err)
			return true
		}
		if tries >= faultTries && time.Since(began) >= faultTime && g.stored.Load()-others >= faultOthers {
			g.log.Error("a publication is given up, which the server failed at again and again but at no others", "error", err)
			g.drop(a, err)
			return true
		}
		g.metrics.retries.Inc()
		pause.wait(in.ctx)
	}
}

// final reports whether it is no use to try the same again: it was refused for good, or
// because of how much its user had sent, which would hold up all others.
func final(err error) bool {
	var refusal *proto.Refusal
	return errors.As(err, &refusal) &&
		(!refusal.Reason.Temporary() || refusal.Reason == proto.QuotaExceeded || refusal.Reason == proto.MessageRateTooHigh)
}

// drop takes note that an arrival comes to nothing.
func (g *Gateway) drop(a *arrival, err error) {
	why := "failed"
	var refusal *proto.Refusal
	if errors.As(err, &refusal) {
		why = refusal.Code
		if why == "" {
			why = "refused"
		}
	}
	g.metrics.dropped.WithLabelValues(why).Inc()
	g.log.Warn("a publication from the broker is dropped", "branch", string(a.branch), "user", a.user, "because", err)
}

// try hands an arrival over once.
func (in *intake) try(a *arrival) (err error) {
	g := in.gateway
	defer func() {
		if p := recover(); p != nil {
			g.config.Faults.Recovered("handing over a publication from the broker", p)
			err = proto.Refuse(proto.ImplementationSpecific, "a fault in the server, which its log names").Named("server-fault")
		}
	}()
	ctx, cancel := context.WithTimeout(in.ctx, publishTimeout)
	defer cancel()
	from, err := g.sender(ctx, a.user)
	if err != nil {
		return err
	}
	if a.branch == proto.BranchSync {
		answer, err := g.service.Sync(from, a.packet.Payload)
		if err == nil {
			in.answer(a.user, answer)
		}
		return err
	}
	_, err = g.service.Publish(ctx, from, a.branch, a.packet.Payload, ref(in.session, a))
	return err
}

// answer lets a sync be answered, beside the user's line, as that may take long. One of a
// user is in work at a time, and of those that wait the newest counts.
func (in *intake) answer(user uint64, next func(context.Context) error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if one := in.syncs[user]; one != nil {
		one.next = next
		return
	}
	if in.stopped || in.waiting == maxAnswersWaiting {
		in.gateway.metrics.dropped.WithLabelValues("too-many-syncs").Inc()
		return
	}
	in.waiting++
	in.syncs[user] = &answer{next}
	in.work.Go(func() { in.answers(user) }) // ends with ctx, or when all are answered
}

func (in *intake) answers(user uint64) {
	defer func() {
		if p := recover(); p != nil {
			in.gateway.config.Faults.Recovered("answering a sync from the broker", p)
		}
	}()
	select {
	case in.answering <- struct{}{}:
		defer func() { <-in.answering }()
	case <-in.ctx.Done():
		return
	}
	for next := in.nextAnswer(user); next != nil; next = in.nextAnswer(user) {
		if err := next(in.ctx); err != nil && in.ctx.Err() == nil {
			in.gateway.log.Error("a sync from the broker was not answered to its end", "error", err)
		}
	}
}

func (in *intake) nextAnswer(user uint64) func(context.Context) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	one := in.syncs[user]
	next := one.next
	if one.next = nil; next == nil {
		delete(in.syncs, user)
		in.waiting--
	}
	return next
}

var _ Service = (*chat.Service)(nil)
