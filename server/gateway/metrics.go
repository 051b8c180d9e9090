package gateway

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics is what /metrics shows of the gateway.
type metrics struct {
	connects, published, left, missed, retries prometheus.Counter

	stored, dropped *prometheus.CounterVec

	intake atomic.Pointer[intake] // of the newest connection; nil before there is one
	all    []prometheus.Collector
}

func newMetrics(g *Gateway) *metrics {
	m := &metrics{
		connects:  counter("connects_total", "Times that the gateway connected to the broker."),
		published: counter("published_total", "Publications sent to the broker, repeats included."),
		left:      counter("left_out_total", "Publications that the broker was not given or did not take: there was no room in the queue, or it refused them."),
		missed:    counter("missed_total", "Times that a user was told to sync, since something for them was left out."),
		retries:   counter("retries_total", "Tries to store a publication from the broker that failed and are tried again."),
		stored:    counters("stored_total", "Publications from the broker that were taken, by branch.", "branch"),
		dropped:   counters("dropped_total", "Publications from the broker that were acknowledged and dropped, by the word for why.", "why"),
	}
	m.all = []prometheus.Collector{m.connects, m.published, m.left, m.missed, m.retries, m.stored, m.dropped,
		gauge("connected", "1 while the gateway of this server is connected to the broker.", func() float64 {
			if g.connected.Load() {
				return 1
			}
			return 0
		}),
		gauge("queue_publications", "Publications that wait for the broker, or for its acknowledgement. One that does not fall is worth a look.", func() float64 {
			n, _, _ := g.queue.load()
			return float64(n)
		}),
		gauge("queue_bytes", "What they take, of the 64 MiB that there are.", func() float64 {
			_, n, _ := g.queue.load()
			return float64(n)
		}),
		gauge("owed_users", "Users who are yet to be told to sync.", func() float64 {
			_, _, n := g.queue.load()
			return float64(n)
		}),
		gauge("unacknowledged", "Publications from the broker that are being stored. One that stays at the 1,000 that there may be says that the broker has more.", func() float64 {
			if in := m.intake.Load(); in != nil && g.connected.Load() {
				return float64(in.load())
			}
			return 0
		}),
	}
	return m
}

func counter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "parley", Subsystem: "gateway", Name: name, Help: help})
}

func counters(name, help, label string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "parley", Subsystem: "gateway", Name: name, Help: help}, []string{label})
}

func gauge(name, help string, value func() float64) prometheus.GaugeFunc {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "parley", Subsystem: "gateway", Name: name, Help: help}, value)
}

// Describe implements prometheus.Collector.
func (g *Gateway) Describe(out chan<- *prometheus.Desc) {
	for _, c := range g.metrics.all {
		c.Describe(out)
	}
}

// Collect implements prometheus.Collector.
func (g *Gateway) Collect(out chan<- prometheus.Metric) {
	for _, c := range g.metrics.all {
		c.Collect(out)
	}
}
