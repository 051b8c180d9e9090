package main

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"parley/proto"
	"parley/server/chat"
)

// metrics is what /metrics shows.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	commits  prometheus.Histogram
	batches  prometheus.Histogram
}

// spans are buckets of times, in seconds.
var spans = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10}

func newMetrics(parts ...prometheus.Collector) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "parley", Subsystem: "http", Name: "requests_total", Help: "Requests to the HTTP API, by method and status.",
		}, []string{"method", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "parley", Subsystem: "http", Name: "request_seconds", Help: "Time to answer a request to the HTTP API.",
			Buckets: spans,
		}, []string{"method"}),
		commits: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "parley", Subsystem: "commit", Name: "seconds", Help: "Time of a commit, from when its requests were taken until they were answered.", Buckets: spans,
		}),
		batches: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "parley", Subsystem: "commit", Name: "requests", Help: "Requests that one commit had.", Buckets: prometheus.ExponentialBuckets(1, 2, 9),
		}),
	}
	m.registry.MustRegister(m.requests, m.duration, m.commits, m.batches, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.registry.MustRegister(parts...)
	return m
}

// indexed tells how far the search index is behind, in time: from hours to 0 while it is made anew. It is 0 on a node
// that does not see to it.
func indexed(s *chat.Service) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "parley", Subsystem: "search", Name: "index_lag_seconds", Help: "Time from the newest message that is indexed to the newest of all, when the index was last written.",
	}, func() float64 {
		state := s.Indexed()
		return max(0, proto.TimeOf(state.Last).Sub(proto.TimeOf(state.Through)).Seconds())
	})
}

// committed takes note of a commit.
func (m *metrics) committed(requests int, took time.Duration) {
	m.batches.Observe(float64(requests))
	m.commits.Observe(took.Seconds())
}

// count counts and times the requests to h.
func (m *metrics) count(h http.Handler) http.Handler {
	return promhttp.InstrumentHandlerCounter(m.requests, promhttp.InstrumentHandlerDuration(m.duration, h))
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
