package sim_test

import (
	"context"
	"slices"
	"time"

	"parley/proto"
	"parley/server/chat"
	client "parley/wasm/chat"
)

// rises are when each user's watermarks rose, as the server's disk has them:
// all that a sender could be told, to compare with what they are.
type rises map[mark]*steps

type mark struct {
	key  proto.Key
	user uint64
}

type steps struct{ delivered, read []proto.Step }

func (r rises) clone() rises {
	c := rises{}
	for at, s := range r {
		c[at] = &steps{slices.Clone(s.delivered), slices.Clone(s.read)}
	}
	return c
}

// record notes what the last commit raised.
func (r rises) record(v chat.View, now uint64) error {
	for _, key := range pairs() {
		for _, user := range parties(key) {
			m, err := v.Member(key, user)
			if err != nil {
				return err
			}
			m = reached(m)
			at := mark{key, user}
			if r[at] == nil {
				r[at] = new(steps)
			}
			r[at].delivered = risen(r[at].delivered, m.Delivered, now)
			r[at].read = risen(r[at].read, m.Read, now)
		}
	}
	return nil
}

// reached is m without what an agent began with, which was on no screen of theirs.
func reached(m chat.Member) chat.Member {
	if m.ReadTime == 0 {
		m.Read = 0
	}
	if m.DeliveredTime == 0 {
		m.Delivered = 0
	}
	return m
}

func risen(s []proto.Step, seq, now uint64) []proto.Step {
	if seq > last(s).Seq {
		s = append(s, proto.Step{Seq: seq, Time: now})
	}
	return s
}

func last(s []proto.Step) (step proto.Step) {
	if len(s) > 0 {
		step = s[len(s)-1]
	}
	return step
}

// parties are all who may have watermarks in a conversation.
func parties(key proto.Key) []uint64 {
	if key.Kind() == proto.Direct {
		return []uint64{key.User(proto.First), key.User(proto.Second)}
	}
	return append([]uint64{key.Customer()}, agentIDs[:]...)
}

// facing are those whose watermarks a user sees as the other side's.
func facing(key proto.Key, user uint64) []uint64 {
	switch {
	case key.Kind() == proto.Direct:
		return []uint64{key.Peer(user)}
	case key.Customer() == user:
		return agentIDs[:]
	}
	return []uint64{key.Customer()}
}

// when returns when the other side of user, as one voice, first had a seq
// delivered and read, and whether that was with the last rise of each.
func (r rises) when(key proto.Key, user, seq uint64) (delivered, read passed) {
	var all []*steps
	for _, other := range facing(key, user) {
		if s := r[mark{key, other}]; s != nil {
			all = append(all, s)
		}
	}
	for _, s := range all {
		delivered.join(s.delivered, seq)
		read.join(s.read, seq)
	}
	return delivered, read
}

// passed is when a watermark, the highest of several, passed a seq; time is 0
// if it did not. top is the step to where it is now.
type passed struct {
	time uint64
	top  proto.Step
}

func (p *passed) join(s []proto.Step, seq uint64) {
	for _, step := range s {
		if step.Seq >= seq && (p.time == 0 || step.Time < p.time) {
			p.time = step.Time
		}
		if step.Seq > p.top.Seq || step.Seq == p.top.Seq && step.Time < p.top.Time {
			p.top = step
		}
	}
}

// checkTimes holds that an own message was not delivered or read before it
// truly was, nor read before it was delivered.
func (d *device) checkTimes(m client.Message) {
	if !m.Mine || m.Seq == 0 || d.w.wipes > 0 {
		return
	}
	key, err := proto.ParseKey(m.Key)
	if err != nil {
		d.w.fail("%s: %v", d, err)
		return
	}
	if key.Kind() == proto.Group {
		d.checkReadBy(key, m)
		return
	}
	delivered, read := d.w.disk.rises.when(key, d.user, m.Seq)
	switch {
	case m.ReadTime != 0 && (m.DeliveredTime == 0 || m.DeliveredTime > m.ReadTime), m.DeliveredTime != 0 && m.DeliveredTime < m.Time:
		d.w.fail("%s: %s %d is of %d, delivered at %d, read at %d", d, key, m.Seq, m.Time, m.DeliveredTime, m.ReadTime)
	case m.DeliveredTime != 0 && (delivered.time == 0 || m.DeliveredTime < delivered.time):
		d.w.fail("%s: %s %d says that it was delivered at %d, it was at %d", d, key, m.Seq, m.DeliveredTime, delivered.time)
	case m.ReadTime != 0 && (read.time == 0 || m.ReadTime < read.time):
		d.w.fail("%s: %s %d says that it was read at %d, it was at %d", d, key, m.Seq, m.ReadTime, read.time)
	}
}

// checkArrivals holds, once all is known that can be, that a message says when
// it came, unless that is forgotten, and exactly so what came with the last rise.
func (d *device) checkArrivals(key proto.Key, m client.Message) {
	if !m.Mine {
		return
	}
	if key.Kind() == proto.Group {
		d.checkReaders(key, m)
		return
	}
	delivered, read := d.w.disk.rises.when(key, d.user, m.Seq)
	for _, x := range []struct {
		what string
		told uint64
		passed
	}{{"delivered", m.DeliveredTime, delivered}, {"read", m.ReadTime, read}} {
		switch {
		case x.top.Seq >= m.Seq+proto.ReceiptTimesSpan:
		case (x.told == 0) != (x.time == 0):
			d.w.fail("%s: %s %d, %s, says that it was %s at %d, it was at %d", d, key, m.Seq, m.State, x.what, x.told, x.time)
		case x.time == x.top.Time && x.told != x.time:
			d.w.fail("%s: %s %d says that it was %s at %d, it was at %d with all up to %d", d, key, m.Seq, x.what, x.told, x.time, x.top.Seq)
		}
	}
}

// recordRises notes what a commit raised that was made at some time.
func (d *disk) recordRises(made time.Time) {
	at := uint64(made.UnixMilli())
	err := d.View(context.Background(), func(v chat.View) error { return d.rises.record(v, at) })
	if err != nil {
		d.w.fail("read the server's disk: %v", err)
	}
}
