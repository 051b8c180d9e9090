package abuse

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/eclipse/paho.golang/packets"

	"parley/proto"
)

// pause is between two things that an honest person does.
const pause = 30 * time.Millisecond

// An honest person writes to a peer, looks at the history and comes back, one
// after the other, and notes how long each takes.
type honest struct {
	*user
	name string
	peer *honest
	line *connection

	mu       sync.Mutex
	acked    chan puback
	sent     []sent   // acknowledged
	received []uint64 // seqs of the peer's messages, as they came
	times    map[string][]time.Duration
	failures []error
}

// sent is a message that was acknowledged.
type sent struct {
	content string
	id, seq string
}

type puback struct {
	packet uint16
	err    error
	sent   sent
}

// comeIn makes a guest at an address of their own and connects them.
func comeIn(ctx context.Context, server string, i int) (*honest, error) {
	h := &honest{name: fmt.Sprintf("Honest %d", i), acked: make(chan puback, 1), times: make(map[string][]time.Duration)}
	var err error
	if h.user, err = newPlace(server, fmt.Sprintf("127.0.0.%d", 10+i)).newGuest(ctx, h.name); err != nil {
		return nil, err
	}
	if h.line, err = h.connect(ctx); err != nil {
		return nil, err
	}
	return h, h.line.subscribe()
}

// read takes in what comes on the connection.
func (h *honest) read(ctx context.Context) {
	for {
		packet, err := packets.ReadPacket(h.line)
		if err != nil {
			if ctx.Err() == nil {
				h.fail(fmt.Errorf("the connection ended: %w", err))
			}
			return
		}
		switch content := packet.Content.(type) {
		case *packets.Disconnect:
			h.fail(fmt.Errorf("disconnected with 0x%02X: %s", content.ReasonCode, content.Properties.ReasonString))
		case *packets.Publish:
			h.take(content)
		case *packets.Puback:
			h.acked <- ackOf(content)
		}
	}
}

func ackOf(p *packets.Puback) puback {
	ack := puback{packet: p.PacketID}
	if p.ReasonCode >= 0x80 {
		ack.err = fmt.Errorf("refused with 0x%02X: %s", p.ReasonCode, p.Properties.ReasonString)
	}
	for _, property := range p.Properties.User {
		switch property.Key {
		case proto.PropertyMessageID:
			ack.sent.id = property.Value
		case proto.PropertySeq:
			ack.sent.seq = property.Value
		}
	}
	return ack
}

// take notes a message of the peer's.
func (h *honest) take(p *packets.Publish) {
	if p.Topic != proto.Down(h.id, proto.BranchMessage) {
		return
	}
	var m proto.Message
	if err := proto.Unmarshal(p.Payload, &m); err != nil {
		h.fail(err)
	} else if m.GetSenderId() == h.peer.id {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.received = append(h.received, m.GetSeq())
	}
}

func (h *honest) fail(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failures = append(h.failures, err)
}

// live does what a person does until the time is over.
func (h *honest) live(ctx context.Context, until time.Time) {
	for i := 0; time.Now().Before(until) && ctx.Err() == nil; i++ {
		h.timed("send", func() error { return h.say(ctx, fmt.Sprintf("%s says %d", h.name, len(h.sent))) })
		time.Sleep(pause)
		h.timed("history", func() error { return h.look(ctx, 50, nil) })
		time.Sleep(pause)
		if i%3 == 0 {
			h.timed("connect", func() error {
				again, err := h.connect(ctx)
				if err != nil {
					return err
				}
				return again.Close()
			})
			time.Sleep(pause)
		}
	}
}

func (h *honest) timed(what string, f func() error) {
	began := time.Now()
	err := f()
	took := time.Since(began)
	if err != nil {
		h.fail(fmt.Errorf("%s: %w", what, err))
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.times[what] = append(h.times[what], took)
}

// say sends a message to the peer and waits until it is acknowledged.
func (h *honest) say(ctx context.Context, content string) error {
	packet, err := h.line.publish(proto.BranchMessage, message(h.id, h.peer.id, content))
	if err != nil {
		return err
	}
	select {
	case ack := <-h.acked:
		switch {
		case ack.err != nil:
			return ack.err
		case ack.packet != packet:
			return fmt.Errorf("packet %d is acknowledged, not %d", ack.packet, packet)
		}
		ack.sent.content = content
		h.sent = append(h.sent, ack.sent)
		return nil
	case <-time.After(patience):
		return errors.New("no acknowledgement")
	case <-ctx.Done():
		return ctx.Err()
	}
}

// stored is a message as the history tells it.
type stored struct {
	ID      string `json:"message_id"`
	Seq     string `json:"seq"`
	Sender  string `json:"sender_id"`
	Content string `json:"content"`
}

// look reads the newest messages of the conversation with the peer.
func (h *honest) look(ctx context.Context, limit int, into *[]stored) error {
	return h.page(ctx, fmt.Sprintf("limit=%d", limit), into)
}

func (h *honest) page(ctx context.Context, query string, into *[]stored) error {
	var page struct{ Messages []stored }
	path := fmt.Sprintf("/api/conversations/%s/messages?%s", proto.DirectKey(h.id, h.peer.id), query)
	if err := h.Ask(ctx, http.MethodGet, path, h.token, nil, &page); err != nil {
		return err
	}
	if into != nil {
		*into = page.Messages
	}
	return nil
}

// whole reads the conversation from its beginning.
func (h *honest) whole(ctx context.Context) (all []stored, err error) {
	after := "0"
	for {
		var page []stored
		if err := h.page(ctx, "limit=500&after="+after, &page); err != nil || len(page) == 0 {
			return all, err
		}
		all = append(all, page...)
		after = page[len(page)-1].Seq
	}
}

// check wants every acknowledged message in the history, once and where the
// acknowledgement said, and each of the peer's to have come, in order.
func (h *honest) check(ctx context.Context) error {
	all, err := h.whole(ctx)
	if err != nil {
		return err
	}
	mine := make(map[string][]stored)
	var theirs []uint64
	for i, m := range all {
		if m.Seq != strconv.Itoa(i+1) {
			return fmt.Errorf("entry %d has seq %s", i+1, m.Seq)
		}
		if m.Sender == strconv.FormatUint(h.id, 10) {
			mine[m.Content] = append(mine[m.Content], m)
		} else {
			theirs = append(theirs, uint64(i+1))
		}
	}
	for _, s := range h.sent {
		if found := mine[s.content]; len(found) != 1 || found[0].ID != s.id || found[0].Seq != s.seq {
			return fmt.Errorf("%q was acknowledged as %s at %s, and the history has %v", s.content, s.id, s.seq, found)
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if fmt.Sprint(h.received) != fmt.Sprint(theirs) {
		return fmt.Errorf("received %d messages of the peer's, of %d, or in another order", len(h.received), len(theirs))
	}
	return errors.Join(h.failures...)
}
