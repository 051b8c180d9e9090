package sim_test

import (
	"context"
	"slices"
	"time"

	"parley/server/chat"
)

const (
	leaseTime  = 10 * time.Second // of chattest.Shared
	renewEvery = 3 * time.Second
	sweepEvery = 2 * time.Second
	pollEvery  = 250 * time.Millisecond
)

// nodeStore is a node's way to the history that all share.
type nodeStore struct {
	chat.Shared
	s *server
}

// join opens the shared history for a server.
func (s *server) join() chat.Store {
	s.node = s.w.disk.shared.Open(s.w.start())
	s.node.Vague = func() bool { return s.w.disk.vague && s.w.chance(3) }
	return nodeStore{s.node, s}
}

// attend follows the change log, renews the lease, and looks for nodes that are gone.
func (s *server) attend() {
	s.service.Follow(context.Background())
	s.renewed = s.w.Now() // when it was opened
	s.again(renewEvery, func() {
		s.renewed = s.w.Now()
		s.node.Renew()
	})
	s.again(sweepEvery, func() {
		if !s.survives(func() { _ = s.service.Sweep(context.Background()) }) { // it is tried again
			s.kill("at the removal of a node")
		}
		s.hint()
	})
}

// again does something every while.
func (s *server) again(every time.Duration, f func()) {
	s.after(every, func() {
		f()
		s.again(every, f)
	})
}

// Update implements chat.Store.
func (n nodeStore) Update(ctx context.Context, change func(chat.Tx) error) error {
	return n.s.w.disk.update(ctx, n.Shared.Update, change)
}

// Remove implements chat.Shared. It holds that nobody is taken for gone who shows that they are there.
func (n nodeStore) Remove(tx chat.Tx, node uint64) (bool, error) {
	known, err := n.Shared.Remove(tx, node)
	for _, s := range n.s.w.servers {
		if known && s != nil && s.node.Start() == node && n.s.w.Now().Sub(s.renewed) < leaseTime {
			n.s.w.fail("server %d takes server %d for gone, which has shown a moment ago that it is there", n.s.place, s.place)
		}
	}
	return known, err
}

// hint lets the nodes know that there may be more in the change log; or they see when they look.
func (s *server) hint() {
	d := s.w.disk
	if !s.w.shared || d.shared.Records() == d.hinted {
		return
	}
	d.hinted = d.shared.Records()
	for _, other := range s.w.servers {
		if other == nil || other.node == nil {
			continue
		}
		late := s.w.upTo(40 * time.Millisecond)
		if s.w.chance(10) {
			late = s.w.upTo(pollEvery)
		}
		if s.w.chance(60) {
			late += s.w.upTo(4 * time.Second)
		}
		other.after(late, other.follow)
	}
}

// follow takes what is next in the change log.
func (s *server) follow() {
	alive := s.survives(func() {
		for some := true; some; {
			var lagged bool
			if some, lagged = s.node.Next(); lagged {
				s.w.note("server %d lagged", s.place)
				clear(s.fanned)
			}
		}
	})
	if !alive {
		s.kill("following")
		return
	}
	s.announce()
}

// breakNode lets something befall a node that only one of several can meet.
func (w *world) breakNode(s *server) {
	switch n := w.Rand.IntN(8); {
	case s == nil:
	case n < 4:
		d := w.upTo(40 * time.Second)
		w.note("server %d frozen for %v", s.place, d)
		s.frozen = w.Now().Add(d)
		for _, x := range s.sessions {
			if w.Rand.IntN(3) == 0 {
				w.After(w.upTo(3*time.Second), func() {
					x.silent = x.silent || w.Now().Before(s.frozen) // its client gives it up, and nobody hears of that
				})
			}
		}
	case n < 5:
		w.note("the change log is trimmed")
		w.disk.shared.Trim(w.Rand.IntN(4))
	case n < 7:
		w.disk.blur()
	default:
		s.skew = w.upTo(time.Minute) - 30*time.Second
		w.note("server %d: clock off by %v", s.place, s.skew)
	}
}

// checkNodes holds that every node knows who is connected to any.
func (w *world) checkNodes() {
	here := make(map[uint64]int)
	for _, s := range w.servers {
		for _, x := range s.sessions {
			here[x.device.user]++
		}
	}
	for _, s := range w.servers {
		for _, user := range slices.Concat(userIDs[:], agentIDs[:]) {
			if got, want := s.service.DeviceHere(user, 0), here[user] > 0; got != want {
				w.fail("server %d says %t of whether %d is connected, who has %d connections", s.place, got, user, here[user])
			}
		}
	}
}
