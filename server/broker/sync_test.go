package broker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"testing/synctest"

	"github.com/eclipse/paho.golang/packets"

	"parley/proto"
	"parley/server/chat"
)

// parts answers a sync with n publications on down/unread of 16 KiB each that
// begin with their number.
func parts(b *Broker, n int) func(context.Context, chat.Sender, string) error {
	return func(ctx context.Context, from chat.Sender, _ string) error {
		for i := range n {
			part := append(fmt.Appendf(nil, "%d ", i), make([]byte, 16<<10)...)
			if err := b.PublishTo(ctx, from.User, from.Client, proto.BranchUnread, part); err != nil {
				return err
			}
		}
		return nil
	}
}

// ask publishes a sync at QoS 0: a PUBACK may come before and after the first part.
func (p *peer) ask(request string) {
	p.t.Helper()
	p.send(publishPacket(5, qos0, "chat/7/up/sync", 0, nil, request))
}

// A pipe has no buffer: what the client does not read stays in the queue.
func TestAnAnswerGoesAtThePaceOfWhoAskedAndToNobodyElseAndIsOvertaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 500 // eight times the queue
		b, back := newBroker(t, nil)
		back.answer = parts(b, n)
		asks, idle := pipe(t, b), pipe(t, b)
		asks.connect(7, "asks")
		idle.connect(7, "idle")
		asks.subscribe("chat/7/down/#")
		idle.subscribe("chat/7/down/#")
		asks.ask("")
		synctest.Wait()
		if queued := int(metric(t, b.metrics.deliveries)); queued == 0 || queued > 64>>4+1 {
			t.Errorf("%d parts are queued for one who takes none, want 64 KiB of them", queued)
		}
		b.Publish(7, proto.BranchMessage, []byte("live"))
		if got := want[packets.Publish](idle); string(got.Payload) != "live" {
			t.Errorf("another connection got %.20q", got.Payload)
		}
		behind, next := -1, 0
		for next < n {
			got := want[packets.Publish](asks)
			if string(got.Payload) == "live" {
				behind = next
				continue
			}
			if !bytes.HasPrefix(got.Payload, fmt.Appendf(nil, "%d ", next)) {
				t.Fatalf("part %d is %.20q", next, got.Payload)
			}
			next++
		}
		if behind < 0 || behind > 64>>4+1 {
			t.Errorf("the message came behind %d parts", behind)
		}
		asks.alive()
		idle.alive()
	})
}

func TestAConnectionIsServedWhileAnAnswerIsInWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, back := newBroker(t, nil)
		left := make(chan error, 1)
		back.answer = func(ctx context.Context, _ chat.Sender, _ string) error {
			<-ctx.Done()
			left <- ctx.Err()
			return ctx.Err()
		}
		p := pipe(t, b)
		p.connect(7, "a")
		p.send(publishPacket(5, qos1, "chat/7/up/sync", 1, nil, ""))
		if ack := p.puback(); ack.ReasonCode != 0 {
			t.Errorf("PUBACK of the sync %+v", ack)
		}
		p.alive()
		p.send(publishPacket(5, qos1, "chat/7/up/message", 2, nil, "hi"))
		if ack := p.puback(); ack.ReasonCode != 0 || len(back.published()) != 1 {
			t.Errorf("PUBACK %+v, %d published", ack, len(back.published()))
		}
		p.send([]byte{0xE0, 0})
		p.ended()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("the answer ended with %v", err)
		}
	})
}

func TestOfManySyncsOneIsInWorkAndTheNewestFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, back := newBroker(t, nil)
		began, finish := make(chan string, 10), make(chan struct{})
		back.answer = func(_ context.Context, _ chat.Sender, request string) error {
			began <- request
			<-finish
			return nil
		}
		p := pipe(t, b)
		p.connect(7, "a")
		p.ask("1")
		synctest.Wait() // until it is in work: before, a newer one would take its place
		for _, request := range []string{"2", "3", "4"} {
			p.ask(request)
		}
		synctest.Wait()
		finish <- struct{}{}
		finish <- struct{}{}
		synctest.Wait()
		if len(began) != 2 || <-began != "1" || <-began != "4" {
			t.Error("want the first and then the newest")
		}
		p.ask("5")
		finish <- struct{}{}
		if got := <-began; got != "5" {
			t.Errorf("then came %q", got)
		}
	})
}

func TestAnAnswerEndsWithItsConnection(t *testing.T) {
	for name, end := range map[string]func(b *Broker, p *peer){
		"the client leaves": func(_ *Broker, p *peer) { p.Close() },
		"the server stops": func(b *Broker, p *peer) {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			_ = b.Shutdown(ctx) // cuts off who reads nothing
		},
		"another takes over": func(b *Broker, p *peer) { pipe(p.t, b).connect(7, "a") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, back := newBroker(t, nil)
				left := make(chan error, 1)
				back.answer = func(ctx context.Context, from chat.Sender, _ string) error {
					err := parts(b, 100)(ctx, from, "")
					left <- err
					return err
				}
				p := pipe(t, b)
				p.connect(7, "a")
				p.subscribe("chat/7/down/#")
				p.ask("")
				synctest.Wait()
				end(b, p)
				if err := <-left; !errors.Is(err, context.Canceled) && !errors.Is(err, net.ErrClosed) {
					t.Errorf("the answer ended with %v", err)
				}
			})
		})
	}
}

func TestAPanicAtAnAnswerEndsItsConnectionAlone(t *testing.T) {
	b, back := newBroker(t, nil)
	back.answer = func(context.Context, chat.Sender, string) error { panic("at an answer") }
	url := serve(t, b)
	other, p := join(t, url, 8, "a"), join(t, url, 7, "a")
	p.ask("")
	if code, _ := p.disconnected(); code != 0x80 {
		t.Errorf("DISCONNECT 0x%02X, want 0x80", code)
	}
	other.alive()
	if got := b.config.Faults.Count(); got != 1 {
		t.Errorf("%v panics counted, want 1", got)
	}
}

func TestWhoIsNotConnectedIsNotWaitedFor(t *testing.T) {
	b, _ := newBroker(t, nil)
	if err := b.PublishTo(t.Context(), 7, "7-a", proto.BranchUnread, nil); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
}
