package broker

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"parley/proto"
)

// metrics counts what /metrics shows.
type metrics struct {
	connects, deliveries, drops, missed, slow, pauses prometheus.Counter

	refusals, disconnects, publishes *prometheus.CounterVec

	all []prometheus.Collector
}

func newMetrics(connections func() int) *metrics {
	m := &metrics{
		connects:   counter("connects_total", "MQTT connections accepted."),
		deliveries: counter("deliveries_total", "Publications queued for a connection."),
		drops:      counter("drops_total", "Publications not queued: larger than the client takes, or the connection was too slow."),
		missed:     counter("missed_total", "Times that a connection was too slow for its queue and had to be told to sync."),
		slow:       counter("slow_disconnects_total", "Connections ended because they read too slowly."),
		pauses:     counter("pauses_total", "Times that a connection was not read for a while because it had sent too much."),

		refusals:    counters("refusals_total", "Refusals, by what was refused and MQTT reason code.", "packet", "code"),
		disconnects: counters("disconnects_total", "Connections ended, by MQTT reason code; 0x00 if the client left.", "code"),
		publishes:   counters("publishes_total", "Publications accepted, by branch.", "branch"),
	}
	m.all = []prometheus.Collector{
		m.connects, m.deliveries, m.drops, m.missed, m.slow, m.pauses, m.refusals, m.disconnects, m.publishes,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: "parley", Subsystem: "mqtt", Name: "connections", Help: "Authenticated MQTT connections.",
		}, func() float64 { return float64(connections()) }),
	}
	return m
}

func counter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "parley", Subsystem: "mqtt", Name: name, Help: help})
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "parley", Subsystem: "mqtt", Name: name, Help: help}, labels)
}

func (m *metrics) refused(packet string, reason proto.Reason) {
	m.refusals.WithLabelValues(packet, label(reason)).Inc()
}

func (m *metrics) disconnected(reason proto.Reason) {
	m.disconnects.WithLabelValues(label(reason)).Inc()
}

func (m *metrics) published(b proto.Branch) { m.publishes.WithLabelValues(string(b)).Inc() }

func label(reason proto.Reason) string { return fmt.Sprintf("0x%02X", byte(reason)) }

// Describe implements prometheus.Collector.
func (b *Broker) Describe(out chan<- *prometheus.Desc) {
	for _, c := range b.metrics.all {
		c.Describe(out)
	}
}

// Collect implements prometheus.Collector.
func (b *Broker) Collect(out chan<- prometheus.Metric) {
	for _, c := range b.metrics.all {
		c.Collect(out)
	}
}
