//go:build !js

package link

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.golang/packets"

	"parley/proto"
	"parley/wasm/chat"
)

func refused(t *testing.T, err error, reason proto.Reason, text string) {
	t.Helper()
	var r *proto.Refusal
	if !errors.As(err, &r) || r.Reason != reason || !strings.Contains(r.Text, text) {
		t.Errorf("got %v, want a refusal 0x%02X that says %q", err, byte(reason), text)
	}
}

// open opens a session with a server that serve plays after the SUBACK.
func open(t *testing.T, properties *packets.Properties, serve func(peer)) (chat.Session, *recorder) {
	t.Helper()
	n := newNetwork(t, func(p peer) {
		p.welcome(properties)
		serve(p)
	})
	r := newRecorder()
	s, err := n.Open(t.Context(), credentials, r)
	if err != nil {
		t.Fatal(err)
	}
	return s, r
}

func TestConnectSaysWhatTheServerNeedsToKnow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, func(p peer) {
			c := p.read().Content.(*packets.Connect)
			if c.Username != "18446744073709551615" || string(c.Password) != "token" || c.ClientID != credentials.ClientID {
				t.Errorf("CONNECT as %q %q %q", c.Username, c.Password, c.ClientID)
			}
			problems := c.Properties.RequestProblemInfo // absent means 1
			if !c.CleanStart || c.KeepAlive != 30 || problems != nil && *problems != 1 || *c.Properties.MaximumPacketSize != 1<<20 {
				t.Errorf("CONNECT %v", c)
			}
			ca := packets.Connack{Properties: &packets.Properties{}}
			_, _ = ca.WriteTo(p.conn)
			sub := p.read().Content.(*packets.Subscribe)
			if len(sub.Subscriptions) != 1 || sub.Subscriptions[0].Topic != "chat/18446744073709551615/down/#" || sub.Subscriptions[0].QoS != 0 {
				t.Errorf("SUBSCRIBE %v", sub)
			}
			ack := packets.Suback{PacketID: sub.PacketID, Properties: &packets.Properties{}, Reasons: []byte{0}}
			_, _ = ack.WriteTo(p.conn)
			if got := p.drain(); string(got) != string([]byte{packets.DISCONNECT}) {
				t.Errorf("after Close came packets %v, want DISCONNECT", got)
			}
		})
		r := newRecorder()
		s, err := n.Open(t.Context(), credentials, r)
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
		s.Close()
		if err := r.wait(t); err != nil {
			t.Errorf("Closed(%v) after Close, want nil", err)
		}
	})
}

func TestARefusedConnectGivesCodeAndReason(t *testing.T) {
	tests := []struct {
		name    string
		connack []byte
		reason  proto.Reason
		text    string
	}{
		{"with a reason string", []byte{0x20, 11, 0, 0x87, 8, 31, 0, 5, 'n', 'o', ' ', 'o', 'k'}, proto.NotAuthorized, "no ok"},
		{"without a reason string", []byte{0x20, 3, 0, 0x89, 0}, proto.ServerBusy, "busy"},
		{"MQTT 3, bad user name or password", []byte{0x20, 2, 0, 4}, proto.BadUserNameOrPassword, "User Name or Password"},
		{"MQTT 3, not authorised", []byte{0x20, 2, 0, 5}, proto.NotAuthorized, "Not authorized"},
		{"MQTT 3, unsupported version", []byte{0x20, 2, 0, 1}, 0x84, "version"},
		{"MQTT 3 code in the form of MQTT 5", []byte{0x20, 3, 0, 5, 0}, proto.NotAuthorized, "Not authorized"},
		{"code that does not exist", []byte{0x20, 3, 0, 0x42, 0}, proto.ProtocolError, "Protocol Error"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork(t, func(p peer) {
					p.read()
					p.write(test.connack...)
					p.drain()
				})
				_, err := n.Open(t.Context(), credentials, newRecorder())
				refused(t, err, test.reason, test.text)
			})
		})
	}
}

func TestARefusedSubscriptionGivesCodeAndReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, func(p peer) {
			p.accept(nil)
			ack := packets.Suback{PacketID: p.read().PacketID(), Reasons: []byte{0x87}, Properties: &packets.Properties{ReasonString: "not yours"}}
			_, _ = ack.WriteTo(p.conn)
			p.drain()
		})
		_, err := n.Open(t.Context(), credentials, newRecorder())
		refused(t, err, proto.NotAuthorized, "not yours")
	})
}

// Each of these would panic in paho, be taken for a success, hang, or use
// memory as the peer likes.
func TestAServerThatBreaksTheProtocolOnlyEndsItsSession(t *testing.T) {
	subscribed := func(answer func(id uint16) []byte) func(peer) {
		return func(p peer) {
			p.accept(nil)
			p.write(answer(p.read().PacketID())...)
		}
	}
	first := func(b ...byte) func(peer) { return func(p peer) { p.read(); p.write(b...) } }
	later := func(b ...byte) func(peer) { return func(p peer) { p.welcome(nil); p.write(b...) } }
	tests := []struct {
		name  string
		serve func(peer)
		want  string
	}{
		{"AUTH instead of CONNACK", first(0xF0, 2, 0x18, 0), "begins with 0xF0"},
		{"garbage instead of CONNACK", first([]byte("HTTP/1.1 400")...), "begins with 0x48"},
		{"session present after clean start", first(0x20, 3, 1, 0, 0), "resumed a session"},
		{"CONNACK cut short", first(0x20, 1, 0), "CONNECT"},
		{"no QoS 1", first(0x20, 5, 0, 0, 2, 36, 0), "QoS 0 only"},
		{"SUBACK without a reason code", subscribed(func(id uint16) []byte { return []byte{0x90, 3, byte(id >> 8), byte(id), 0} }), "0 reason codes"},
		{"PUBACK instead of SUBACK", subscribed(func(id uint16) []byte { return []byte{0x40, 2, byte(id >> 8), byte(id)} }), "SUBSCRIBE"},
		{"256 MB declared", later(0x30, 0xFF, 0xFF, 0xFF, 0x7F), "limit is 1048576"},
		{"a length without end", later(0x30, 0x80, 0x80, 0x80, 0x80, 0x80), "more than four bytes"},
		{"PUBREC", later(0x50, 2, 0, 9), "begins with 0x50"},
		{"PUBREL", later(0x62, 2, 0, 9), "begins with 0x62"},
		{"QoS 1", later(0x32, 6, 0, 1, 'a', 0, 1, 0), "begins with 0x32"},
		{"a second CONNACK", later(0x20, 3, 0, 0, 0), "unexpected CONNACK"},
		{"a PUBLISH cut short", later(0x30, 2, 0, 9), "cut short"},
		{"a PUBLISH of nothing", later(0x30, 0), "cut short"},
		{"DISCONNECT without a word", later(0xE0, 0), "without saying why"},
		{"DISCONNECT, normally", later(0xE0, 2, 0, 0), "ended the session"},
		{"silent close", later(), "closed the connection"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork(t, func(p peer) { test.serve(p) })
				r := newRecorder()
				_, err := n.Open(t.Context(), credentials, r)
				if err == nil {
					err = r.wait(t)
				}
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("got %v, want an error that says %q", err, test.want)
				}
			})
		})
	}
}

func TestAConnackWithAnAuthenticationMethodIsNoDisaster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, r := open(t, &packets.Properties{AuthMethod: "SCRAM"}, func(p peer) { p.drain() })
		s.Close()
		if err := r.wait(t); err != nil {
			t.Error(err)
		}
	})
}

func TestADisconnectGivesCodeAndReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, r := open(t, nil, func(p peer) {
			p.read()
			d := packets.Disconnect{ReasonCode: 0x8B, Properties: &packets.Properties{ReasonString: "back soon"}}
			_, _ = d.WriteTo(p.conn)
		})
		pending := publish(s, "hello")
		refused(t, r.wait(t), proto.ServerShuttingDown, "back soon")
		refused(t, (<-pending).err, proto.ServerShuttingDown, "back soon")
		refused(t, (<-publish(s, "too late")).err, proto.ServerShuttingDown, "back soon")
		s.Close() // too late, and no harm
	})
}

func TestAPubackTellsWhatBecameOfTheMessage(t *testing.T) {
	properties := func(kv ...string) *packets.Properties {
		p := &packets.Properties{}
		for i := 0; i < len(kv); i += 2 {
			p.User = append(p.User, packets.User{Key: kv[i], Value: kv[i+1]})
		}
		return p
	}
	tests := []struct {
		name       string
		code       byte
		properties *packets.Properties
		want       chat.Ack
	}{
		{"ids up to the largest", 0, properties("message-id", "18446744073709551615", "seq", "9007199254740993", "create-time", "1700000000000"),
			chat.Ack{MessageID: 1<<64 - 1, Seq: 1<<53 + 1, CreateTime: 1700000000000}},
		{"a broker that acknowledges by itself", 0, nil, chat.Ack{}},
		{"no matching subscribers", 0x10, nil, chat.Ack{}},
		{"properties of somebody else", 0, properties("trace", "7", "seq", "not a number"), chat.Ack{}},
		{"an id without a seq", 0, properties("message-id", "7"), chat.Ack{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, r := open(t, nil, func(p peer) {
					p.puback(p.read().PacketID(), test.code, test.properties)
					p.drain()
				})
				if got := <-publish(s, "hello"); got.err != nil || got.ack != test.want {
					t.Errorf("got %+v, want %+v", got, test.want)
				}
				s.Close()
				r.wait(t)
			})
		})
	}
}

func TestARefusedMessageGivesCodeAndReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, r := open(t, nil, func(p peer) {
			p.puback(p.read().PacketID(), 0x99, &packets.Properties{ReasonString: "content is empty"})
			p.puback(p.read().PacketID(), 0x97, nil)
			p.drain()
		})
		refused(t, (<-publish(s, "")).err, proto.PayloadFormatInvalid, "content is empty")
		refused(t, (<-publish(s, "")).err, proto.QuotaExceeded, "limit")
		s.Close()
		r.wait(t)
	})
}

func TestARefusalForAWhileTellsHowLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		waits := map[string]time.Duration{"90": 90 * time.Second, "-1": 0, "soon": 0, "18446744073709551615": maxRetry}
		s, r := open(t, nil, func(p peer) {
			for range waits {
				pub := p.read()
				p.puback(pub.PacketID(), 0x97, &packets.Properties{User: []packets.User{{Key: "retry-after", Value: string(pub.Content.(*packets.Publish).Payload)}}})
			}
			p.drain()
		})
		for text, want := range waits {
			var refusal *proto.Refusal
			if err := (<-publish(s, text)).err; !errors.As(err, &refusal) || refusal.Retry != want {
				t.Errorf("%q: %v, to be sent again in %v, want %v", text, err, refusal.Retry, want)
			}
		}
		s.Close()
		r.wait(t)
	})
}

func TestARefusedConnectionAndADisconnectTellHowLongAndByWhichWord(t *testing.T) {
	wait := &packets.Properties{ReasonString: "too many", User: []packets.User{
		{Key: "retry-after", Value: "90"}, {Key: "code", Value: "too-many"}, {Key: "arg", Value: "20"}, {Key: "arg", Value: "90"},
	}}
	told := func(what string, err error) {
		var refusal *proto.Refusal
		if !errors.As(err, &refusal) || refusal.Retry != 90*time.Second || refusal.Text != "too many" ||
			refusal.Code != "too-many" || !slices.Equal(refusal.Args, []string{"20", "90"}) {
			t.Errorf("%s: %+v, want 90 s and too-many with 20 and 90", what, refusal)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, func(p peer) {
			p.read()
			ca := packets.Connack{ReasonCode: 0x9F, Properties: wait}
			_, _ = ca.WriteTo(p.conn)
			p.drain()
		})
		_, err := n.Open(t.Context(), credentials, newRecorder())
		told("CONNACK", err)
	})
	synctest.Test(t, func(t *testing.T) {
		_, r := open(t, nil, func(p peer) {
			d := packets.Disconnect{ReasonCode: 0x97, Properties: wait}
			_, _ = d.WriteTo(p.conn)
			p.drain()
		})
		told("DISCONNECT", r.wait(t))
	})
}

func TestPublicationsGoOutInOrderAndAtMostReceiveMaximumAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		two := uint16(2)
		s, r := open(t, &packets.Properties{ReceiveMaximum: &two}, func(p peer) {
			var unacked []uint16
			for i := range 100 {
				pub := p.read().Content.(*packets.Publish)
				if want := fmt.Sprint(i); string(pub.Payload) != want || pub.QoS != 1 || pub.Topic != "chat/18446744073709551615/up/message" ||
					pub.Properties.ContentType != proto.ContentType || string(pub.Properties.CorrelationData) != "ref" {
					t.Errorf("got %v, want %s", pub, want)
				}
				if unacked = append(unacked, pub.PacketID); len(unacked) < 2 {
					continue
				}
				synctest.Wait()
				if err := p.conn.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
					t.Error(err)
				}
				if cp := p.read(); cp != nil {
					t.Errorf("a third publication is in flight: %v", cp)
				}
				if err := p.conn.SetReadDeadline(time.Time{}); err != nil {
					t.Error(err)
				}
				for _, id := range unacked {
					p.puback(id, 0, nil)
				}
				unacked = nil
			}
			p.drain()
		})
		var results []<-chan result
		for i := range 100 {
			results = append(results, publish(s, fmt.Sprint(i)))
		}
		for i, c := range results {
			if got := <-c; got.err != nil {
				t.Errorf("%d: %v", i, got.err)
			}
		}
		s.Close()
		r.wait(t)
	})
}

func TestAMessageWithoutPubackEndsAfterTenSecondsAndALateOneConfirmsNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, r := open(t, nil, func(p peer) {
			first := p.read().PacketID()
			var second *packets.ControlPacket
			for second == nil || second.Type != packets.PUBLISH {
				second = p.read()
			}
			if second.PacketID() == first {
				t.Errorf("packet identifier %d is given twice", first)
			}
			p.puback(first, 0, nil)
			p.drain()
		})
		begin := time.Now()
		if got := <-publish(s, "first"); !errors.Is(got.err, errAckTimeout) {
			t.Errorf("got %+v, want %v", got, errAckTimeout)
		}
		second := publish(s, "second")
		if took := time.Since(begin); took != ackTimeout {
			t.Errorf("took %v", took)
		}
		if got := <-second; !errors.Is(got.err, errAckTimeout) {
			t.Errorf("got %+v, want %v", got, errAckTimeout)
		}
		s.Close()
		r.wait(t)
		synctest.Wait()
		if len(second) != 0 {
			t.Error("done was called twice")
		}
	})
}

func TestPublishNeverBlocksAndAFullQueueIsATemporaryRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, r := open(t, nil, func(p peer) { // reads nothing until the client gives up
			time.Sleep(time.Hour)
		})
		var results []<-chan result
		for range maxPublications + 2 {
			results = append(results, publish(s, "x"))
			synctest.Wait() // one is being written
		}
		last := <-results[len(results)-1]
		var full *proto.Refusal
		if !errors.As(last.err, &full) || !full.Reason.Temporary() {
			t.Errorf("got %v, want a temporary refusal", last.err)
		}
		s.Notify(proto.BranchTyping, nil) // dropped
		for _, c := range results[:len(results)-1] {
			if got := <-c; got.err == nil {
				t.Error("acknowledged by nobody")
			}
		}
		if err := r.wait(t); err == nil {
			t.Error("a connection that takes nothing counts as alive")
		}
	})
}

func TestAMessageLargerThanTheServerTakesIsRefusedHere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limit := uint32(200)
		s, r := open(t, &packets.Properties{MaximumPacketSize: &limit}, func(p peer) {
			pub := p.read()
			if n, _ := pub.WriteTo(discard{}); n > 200 {
				t.Errorf("a packet of %d bytes came", n)
			}
			p.puback(pub.PacketID(), 0, nil)
			p.drain()
		})
		refused(t, (<-publish(s, strings.Repeat("x", 200))).err, proto.PacketTooLarge, "accepts 200")
		if got := <-publish(s, strings.Repeat("x", 100)); got.err != nil {
			t.Error(got.err)
		}
		s.Close()
		r.wait(t)
	})
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func TestMessagesRightAfterTheSubackAreDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, r := open(t, nil, func(p peer) {
			for _, topic := range []string{
				"chat/18446744073709551615/down/message",
				"chat/1/down/message", // somebody else's
				"chat/18446744073709551615/up/message",
				"chat/18446744073709551615/down/later", // a branch of the future
				"chat/18446744073709551615/down/unread",
			} {
				pub := packets.Publish{Topic: topic, Payload: []byte(topic), Properties: &packets.Properties{}}
				_, _ = pub.WriteTo(p.conn)
			}
			p.drain()
		})
		for _, branch := range []proto.Branch{proto.BranchMessage, proto.BranchUnread} {
			if got, want := <-r.deliveries, (delivery{branch, proto.Down(user, branch)}); got != want {
				t.Errorf("got %v, want %v", got, want)
			}
		}
		s.Close()
		r.wait(t)
		if len(r.deliveries) != 0 {
			t.Errorf("also delivered: %v", <-r.deliveries)
		}
	})
}

func TestASilentServerIsGivenUp(t *testing.T) {
	tests := []struct {
		name  string
		serve func(peer)
	}{
		{"before CONNACK", func(p peer) { p.drain() }},
		{"before SUBACK", func(p peer) { p.accept(nil); p.drain() }},
		{"before it reads CONNECT", func(p peer) { time.Sleep(time.Hour) }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork(t, test.serve)
				begin := time.Now()
				if _, err := n.Open(t.Context(), credentials, newRecorder()); err == nil {
					t.Error("Open succeeded")
				}
				if took := time.Since(begin); took > 2*ackTimeout {
					t.Errorf("took %v", took)
				}
			})
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork(t, test.serve)
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				begin := time.Now()
				if _, err := n.Open(ctx, credentials, newRecorder()); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got %v, want the context's error", err)
				}
				if took := time.Since(begin); took != time.Second {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}

func TestAFailedDialIsReported(t *testing.T) {
	broken := errors.New("no route")
	n := &Network{Dial: func(context.Context) (net.Conn, error) { return nil, broken }}
	if _, err := n.Open(t.Context(), credentials, newRecorder()); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestADeadConnectionIsNoticedWithinOneAndAHalfKeepAlives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		came := make(chan []byte, 1)
		s, r := open(t, nil, func(p peer) { came <- p.drain() })
		begin := time.Now()
		publish(s, "unanswered")
		if err := r.wait(t); !errors.Is(err, errSilent) {
			t.Errorf("got %v, want %v", err, errSilent)
		}
		if took := time.Since(begin); took != 45*time.Second {
			t.Errorf("took %v", took)
		}
		if got, want := <-came, []byte{packets.PUBLISH, packets.PINGREQ}; string(got) != string(want) {
			t.Errorf("packets %v, want %v", got, want)
		}
	})
}

func TestAnIdleConnectionThatAnswersStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seconds := uint16(10) // the server's word counts
		s, r := open(t, &packets.Properties{ServerKeepAlive: &seconds}, func(p peer) {
			last := time.Now()
			for cp := p.read(); cp != nil; cp = p.read() {
				if idle := time.Since(last); idle > 10*time.Second {
					t.Errorf("idle for %v", idle)
				}
				last = time.Now()
				if cp.Type == packets.PINGREQ {
					p.write(0xD0, 0)
				}
			}
		})
		time.Sleep(time.Hour)
		if len(r.closed) != 0 {
			t.Error(<-r.closed)
		}
		s.Close()
		r.wait(t)
	})
}

func TestProbeEndsASessionThatDoesNotAnswerInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var silent atomic.Bool
		s, r := open(t, nil, func(p peer) {
			for cp := p.read(); cp != nil; cp = p.read() {
				if cp.Type == packets.PINGREQ && !silent.Load() {
					p.write(0xD0, 0)
				}
			}
		})
		s.Probe(time.Second)
		time.Sleep(5 * time.Second)
		if len(r.closed) != 0 {
			t.Fatal(<-r.closed)
		}
		silent.Store(true)
		begin := time.Now()
		s.Probe(2 * time.Second)
		if err := r.wait(t); !errors.Is(err, errSilent) {
			t.Errorf("got %v, want %v", err, errSilent)
		}
		if took := time.Since(begin); took != 2*time.Second {
			t.Errorf("took %v", took)
		}
		s.Probe(time.Second) // no harm
	})
}

func TestASlowHandlerHoldsUpDeliveriesAndDoesNotLookDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, func(p peer) {
			p.welcome(nil)
			written := make(chan struct{})
			defer func() { <-written }()
			go func() {
				defer close(written)
				for range 200 {
					pub := packets.Publish{Topic: proto.Down(user, proto.BranchMessage), Payload: []byte("x"), Properties: &packets.Properties{}}
					if _, err := pub.WriteTo(p.conn); err != nil {
						return
					}
					time.Sleep(time.Second)
				}
			}()
			p.drain()
		})
		r := newRecorder()
		slow := slowHandler{r, make(chan struct{})}
		s, err := n.Open(t.Context(), credentials, slow)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(40 * time.Second)
		if len(r.closed) != 0 {
			t.Error(<-r.closed)
		}
		s.Close() // returns although the handler is blocked
		close(slow.release)
		if err := r.wait(t); err != nil {
			t.Error(err)
		}
	})
}

type slowHandler struct {
	*recorder
	release chan struct{}
}

func (h slowHandler) Deliver(b proto.Branch, payload []byte) {
	<-h.release
	h.recorder.Deliver(b, payload)
}

func TestNothingIsLeftOfManySessions(t *testing.T) {
	before := runtime.NumGoroutine()
	for i := range 200 {
		n := newNetwork(t, func(p peer) {
			switch i % 4 {
			case 0:
				p.welcome(nil)
				p.drain()
			case 1:
				p.read()
				p.write(0x20, 3, 0, 0x87, 0)
				p.drain()
			case 2:
				p.welcome(nil)
				p.read()
			case 3:
				p.read()
				p.read()
			}
		})
		ctx, cancel := context.WithCancel(t.Context())
		if i%4 == 3 {
			cancel()
		}
		r := newRecorder()
		if s, err := n.Open(ctx, credentials, r); err == nil {
			pending := publish(s, "hello")
			if i%4 == 0 {
				s.Close()
			}
			if got := receive(t, pending); got.err == nil {
				t.Error("acknowledged by nobody")
			}
			r.wait(t)
		}
		cancel()
	}
	deadline := time.Now().Add(time.Minute)
	for runtime.NumGoroutine() > before && time.Now().Before(deadline) {
		runtime.Gosched()
	}
	if after := runtime.NumGoroutine(); after > before {
		stacks := make([]byte, 1<<16)
		t.Errorf("%d goroutines before, %d after:\n%s", before, after, stacks[:runtime.Stack(stacks, true)])
	}
}
