package chaos

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/Shopify/toxiproxy/v2/toxics"
)

// scope is what a fault befalls: two at a time do not befall the same.
type scope int

const (
	lineFault     scope = iota // one person's line
	pageFault                  // one person's pages
	serverFault                // the one server, or a node
	databaseFault              // the database of all nodes
	balancerFault              // what is in front of the nodes
)

// shared reports whether a scope is everybody's.
func (s scope) shared() bool { return s >= serverFault }

// A fault is a kind of misfortune. strike lets it happen and returns when it
// is over; what it leaves behind is for everybody to recover from. The error
// is one of the test's own means.
type fault struct {
	name   string
	scope  scope
	strike func(s strike) error
}

// A strike is one case of a fault.
type strike struct {
	victim *person
	chance *rand.Rand
}

// between is a random time.
func (s strike) between(low, high time.Duration) time.Duration {
	return low + time.Duration(s.chance.Int64N(int64(high-low)))
}

// kinds are the faults that befall people; a host has its own.
var kinds = []fault{
	{"connections cut", lineFault, func(s strike) error {
		for range 1 + s.chance.IntN(3) {
			s.victim.line.cut()
			time.Sleep(s.between(0, 300*time.Millisecond))
		}
		return nil
	}},
	{"connections refused", lineFault, func(s strike) error {
		s.victim.line.shut()
		time.Sleep(s.between(200*time.Millisecond, 2*time.Second))
		return s.victim.line.open()
	}},
	{"connections half-open, then closed", lineFault, func(s strike) error {
		return s.weather(&toxics.TimeoutToxic{}, time.Second, 4*time.Second)
	}},
	{"connections half-open for good", lineFault, func(s strike) error {
		s.victim.line.strand()
		return nil
	}},
	{"stalled", lineFault, func(s strike) error {
		return s.weather(&toxics.BandwidthToxic{Rate: 0}, time.Second, 4*time.Second)
	}},
	{"latency", lineFault, func(s strike) error {
		return s.weather(&toxics.LatencyToxic{Latency: 300, Jitter: 250}, time.Second, 3*time.Second)
	}},
	{"narrow", lineFault, func(s strike) error {
		return s.weather(&toxics.BandwidthToxic{Rate: 1 + s.chance.Int64N(4)}, time.Second, 3*time.Second)
	}},
	{"tiny windows", lineFault, func(s strike) error {
		return s.weather(&toxics.SlicerToxic{AverageSize: 4 + s.chance.IntN(40), SizeVariation: 3, Delay: 500}, time.Second, 3*time.Second)
	}},
	{"connections cut in the middle of a packet", lineFault, func(s strike) error {
		return s.weather(&toxics.LimitDataToxic{Bytes: 300 + s.chance.Int64N(6000)}, time.Second, 3*time.Second)
	}},
	{"offline", lineFault, func(s strike) error {
		tb := s.victim.first()
		_ = tb.setOffline(true) // a tab that is just being closed needs no word
		s.victim.line.shut()
		time.Sleep(s.between(200*time.Millisecond, 2*time.Second))
		err := s.victim.line.open()
		_ = tb.setOffline(false)
		return err
	}},

	{"page reloaded", pageFault, func(s strike) error {
		for range 1 + s.chance.IntN(2) {
			tb := s.victim.first()
			err := tb.reload()
			if errors.Is(err, context.DeadlineExceeded) {
				// The tab takes no orders while it waits for the page on a connection
				// that is half-open.
				err = tb.load(s.victim.url())
			}
			if err != nil {
				return err
			}
			time.Sleep(s.between(0, 700*time.Millisecond))
		}
		return nil
	}},
	{"tab crashed", pageFault, func(s strike) error {
		tb := s.victim.first()
		tb.crash()
		fresh, err := s.victim.open()
		if err != nil {
			return err
		}
		s.victim.replace(tb, fresh)
		tb.cancel()
		return nil
	}},
	{"browser killed", pageFault, func(s strike) error {
		return s.victim.restart()
	}},
	{"second tab opened and closed", pageFault, func(s strike) error {
		second, err := s.secondTab()
		if err != nil {
			return err
		}
		s.victim.replace(second, nil)
		second.cancel()
		return nil
	}},
	{"first of two tabs closed", pageFault, func(s strike) error {
		first := s.victim.first()
		if _, err := s.secondTab(); err != nil {
			return err
		}
		s.victim.replace(first, nil)
		first.cancel()
		return nil
	}},
	{"one of two tabs crashed", pageFault, func(s strike) error {
		crashes := s.victim.first()
		second, err := s.secondTab()
		if err != nil {
			return err
		}
		if s.chance.IntN(2) == 0 {
			crashes = second
		}
		crashes.crash()
		s.victim.replace(crashes, nil)
		crashes.cancel()
		return nil
	}},
}

// weather holds for some time.
func (s strike) weather(toxic toxics.Toxic, low, high time.Duration) error {
	s.victim.line.set(toxic)
	time.Sleep(s.between(low, high))
	s.victim.line.set(nil)
	return nil
}

// secondTab opens one, and lets the victim use it for a while.
func (s strike) secondTab() (*tab, error) {
	second, err := s.victim.open()
	if err != nil {
		return nil, err
	}
	s.victim.add(second)
	if err := second.load(s.victim.url()); err != nil {
		return nil, err
	}
	time.Sleep(s.between(300*time.Millisecond, time.Second))
	return second, nil
}
