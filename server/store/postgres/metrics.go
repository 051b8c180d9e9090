package postgres

import (
	"github.com/prometheus/client_golang/prometheus"
)

// metrics are those of a node's work with the database.
type metrics struct {
	commits, lockWait, lag prometheus.Histogram
	nodes, renewed, caught prometheus.Gauge
}

var seconds = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

func newMetrics() *metrics {
	histogram := func(name, help string) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "parley", Subsystem: "postgres", Name: name, Help: help, Buckets: seconds})
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "parley", Subsystem: "postgres", Name: name, Help: help})
	}
	return &metrics{
		commits:  histogram("commit_seconds", "Time from when all that a transaction writes was sent, with COMMIT, until it was known to be on disk."),
		lockWait: histogram("lock_wait_seconds", "Time that a transaction waited for those of other nodes before it could begin."),
		lag:      histogram("log_lag_seconds", "Age of a record of the change log, made by another node, when this node told its users of it."),
		nodes:    gauge("nodes", "Nodes with a lease, as this one saw when it renewed its own."),
		renewed:  gauge("lease_renewed_timestamp_seconds", "When this node last renewed its lease, in Unix seconds."),
		caught:   gauge("log_followed_timestamp_seconds", "When this node last knew all of the change log, in Unix seconds."),
	}
}

func (m *metrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.commits, m.lockWait, m.lag, m.nodes, m.renewed, m.caught}
}

// Describe implements prometheus.Collector.
func (db *DB) Describe(to chan<- *prometheus.Desc) {
	for _, c := range db.metrics.all() {
		c.Describe(to)
	}
}

// Collect implements prometheus.Collector.
func (db *DB) Collect(to chan<- prometheus.Metric) {
	for _, c := range db.metrics.all() {
		c.Collect(to)
	}
}
