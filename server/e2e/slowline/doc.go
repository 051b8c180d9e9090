// Package slowline proves that a client on a slow line comes up to date: the real
// engine and MQTT session of wasm and the real broker and sequencer of server
// meet over a connection that carries 1 Mbit/s.
package slowline
