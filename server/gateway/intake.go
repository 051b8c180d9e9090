package gateway

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
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
	// maxOrphans bounds the publications of connections that ended which are awaited again.
	maxOrphans = 8000
	// A publication is given up as the Service's fault if it took none of so many tries and
	// so long, while it took as many of others.
	faultTries, faultTime, faultOthers = 20, time.Minute, 100
)

// intake hands what the broker sends to the Service: in order for each user, and
// acknowledged in the order in which it came [MQTT-4.6.0-2]. It outlives connections:
// what came on one is worked at when that has ended, too, so that nothing that a new one
// brings overtakes it. That the broker sends it again is awaited, and acknowledged then.
type intake struct {
	gateway   *Gateway
	ctx       context.Context // of all work
	cancel    context.CancelFunc
	work      sync.WaitGroup
	answering chan struct{} // one is in it for each answer in work

	mu         sync.Mutex
	room       sync.Cond // on mu: there is room for arrivals, or nobody waits for it any more
	stopped    bool
	connection *connection           // nil while there is none
	session    uint64                // the broker's
	arrivals   []*arrival            // at QoS 1, in the order in which they came on the connection
	ids        map[uint16]bool       // their packet identifiers
	orphans    map[digest][]*arrival // of connections that ended, which are to come again
	unsettled  int                   // at QoS 1, in work
	light      int                   // in work at QoS 0
	lines      map[uint64][]*arrival // by user, of whom somebody works at some
	syncs      map[uint64]*answer    // by user, of whom somebody answers one
	waiting    int                   // answers
}

// arrival is a PUBLISH from the broker.
type arrival struct {
	packet  *packets.Publish
	id      uint16 // packet identifier to be acknowledged: another than packet's if it came again
	session uint64
	user    uint64
	branch  proto.Branch
	settled bool
}

// digest is what an arrival has in common with its repeat.
type digest [sha256.Size]byte

func (a *arrival) digest() digest {
	correlation := a.packet.Properties.CorrelationData
	return sha256.Sum256(slices.Concat([]byte(a.packet.Topic), []byte{0, byte(len(correlation))}, correlation, a.packet.Payload))
}

// answer is that to the newest sync of a user.
type answer struct{ next func(context.Context) error }

func newIntake(g *Gateway) *intake {
	in := &intake{
		gateway: g, answering: make(chan struct{}, maxAnswers), ids: make(map[uint16]bool), orphans: make(map[digest][]*arrival),
		lines: make(map[uint64][]*arrival), syncs: make(map[uint64]*answer),
	}
	in.room.L = &in.mu
	in.ctx, in.cancel = context.WithCancel(context.Background())
	g.metrics.intake.Store(in)
	return in
}

// stop ends all work and waits for that. What was not acknowledged comes again.
func (in *intake) stop() {
	in.mu.Lock()
	in.stopped = true
	in.room.Broadcast()
	in.mu.Unlock()
	in.cancel()
	in.work.Wait()
}

// attach lets arrivals come on a connection. present says that the broker goes on with the
// session of before, so that what it did not see acknowledged comes again.
func (in *intake) attach(c *connection, session uint64, present bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.connection, in.session = c, session
	if !present {
		clear(in.orphans)
	}
}

// detach says that the connection ended.
func (in *intake) detach() {
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.orphans) > maxOrphans {
		clear(in.orphans) // the broker does not send them again, or their client_ref tells
	}
	for _, a := range in.arrivals {
		key := a.digest()
		in.orphans[key] = append(in.orphans[key], a)
	}
	in.connection, in.arrivals = nil, nil
	clear(in.ids)
	in.room.Broadcast()
}

// adopt returns the orphan that comes again as p; nil if there is none.
func (in *intake) adopt(a *arrival) *arrival {
	if !a.packet.Duplicate || len(in.orphans) == 0 {
		return nil
	}
	key := a.digest()
	same := in.orphans[key]
	if len(same) == 0 {
		return nil
	}
	if in.orphans[key] = same[1:]; len(same) == 1 {
		delete(in.orphans, key)
	}
	same[0].id = a.id
	return same[0]
}

// take takes a PUBLISH on a connection. An error is the broker's. While as many are in work
// as may be, it waits: Mosquitto sends more when a session is resumed.
func (in *intake) take(c *connection, p *packets.Publish) error {
	if p.QoS > 1 {
		return errors.New("the broker broke the protocol: it sent at QoS 2, which was not asked for")
	}
	a := &arrival{packet: p, id: p.PacketID}
	var ok bool
	a.user, a.branch, ok = proto.ParseUp(p.Topic)
	if !ok {
		in.gateway.drop(a, proto.Refuse(proto.TopicNameInvalid, "nothing can be sent on this topic"))
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if p.QoS == 0 {
		in.takeLight(a, ok)
		return nil
	}
	maximum := int(in.gateway.config.ReceiveMaximum)
	for (len(in.arrivals) >= maximum || in.unsettled >= 2*maximum) && in.connection == c && !in.stopped {
		in.room.Wait()
	}
	if in.stopped || in.connection != c || in.ids[p.PacketID] { // the same again, before its acknowledgement
		return nil
	}
	in.ids[p.PacketID] = true
	a.session = in.session
	if orphan := in.adopt(a); orphan != nil {
		in.arrivals = append(in.arrivals, orphan)
		in.acknowledge()
		return nil
	}
	in.arrivals = append(in.arrivals, a)
	if !ok {
		a.settled = true
		in.acknowledge()
		return nil
	}
	in.unsettled++
	in.queue(a)
	return nil
}

// takeLight takes a PUBLISH at QoS 0, or drops it.
func (in *intake) takeLight(a *arrival, ok bool) {
	switch {
	case !ok || in.stopped:
	case in.light == maxUnacknowledged:
		in.gateway.metrics.dropped.WithLabelValues("qos-0").Inc()
	default:
		in.light++
		in.queue(a)
	}
}

// queue puts an arrival into its user's line.
func (in *intake) queue(a *arrival) {
	line, working := in.lines[a.user]
	in.lines[a.user] = append(line, a)
	if !working {
		in.work.Go(func() { in.serve(a.user) }) // ends with the line, or with ctx
	}
}

// serve works at a user's line until it is empty.
func (in *intake) serve(user uint64) {
	for a := in.first(user); a != nil; a = in.after(a) {
		if !in.handle(a) {
			return // what was not acknowledged comes again, to whoever leads then
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
	a.settled = true
	if a.packet.QoS == 0 {
		in.light--
	} else {
		in.unsettled--
		in.acknowledge()
	}
	line := in.lines[a.user][1:]
	if len(line) == 0 {
		delete(in.lines, a.user)
		return nil
	}
	in.lines[a.user] = line
	return line[0]
}

// acknowledge acknowledges the first arrivals, as far as they are settled.
func (in *intake) acknowledge() {
	var ids []uint16
	for len(in.arrivals) > 0 && in.arrivals[0].settled {
		id := in.arrivals[0].id
		ids = append(ids, id)
		delete(in.ids, id)
		in.arrivals[0] = nil
		in.arrivals = in.arrivals[1:]
	}
	in.room.Broadcast()
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
	_, err = g.service.Publish(ctx, from, a.branch, a.packet.Payload, ref(a))
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
