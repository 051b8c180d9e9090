package link

import (
	"bytes"
	"io"
	"slices"
	"testing"

	"github.com/eclipse/paho.golang/packets"
)

// Whatever a server sends, what the guard lets pass is decoded without a
// panic, and no packet is longer than the limit.
func FuzzServerBytes(f *testing.F) {
	f.Add([]byte{0x20, 3, 0, 0, 0})
	f.Add([]byte{0x20, 2, 0, 5})
	f.Add([]byte{0x30, 8, 0, 3, 'a', '/', 'b', 0, 'x', 'y', 0xD0, 0})
	f.Add([]byte{0x40, 11, 0, 1, 0, 7, 38, 0, 1, 'k', 0, 1, 'v'})
	f.Add([]byte{0x90, 4, 0, 1, 0, 0x87})
	f.Add([]byte{0xE0, 2, 0x8B, 0})
	f.Add([]byte{0x30, 0xFF, 0xFF, 0xFF, 0x7F})
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, step := range []int{1, len(b) + 1} {
			g := guard{limit: 1 << 10, deliver: nowhere}
			for rest := b; len(rest) > 0; {
				n := min(step, len(rest))
				if g.check(rest[:n]) != nil {
					break
				}
				rest = rest[n:]
			}
			in := bytes.NewReader(g.passed)
			for {
				cp, err := packets.ReadPacket(in)
				if err == io.EOF || err == io.ErrUnexpectedEOF || cp == nil {
					break
				}
				if n, _ := cp.WriteTo(io.Discard); n > 8<<10 {
					t.Fatalf("a packet of %d bytes passed", n)
				}
			}
		}
	})
}

func TestTheGuardFollowsPacketsHoweverTheyAreCut(t *testing.T) {
	stream := []byte{0x20, 3, 0, 0, 0, 0x30, 5, 0, 1, 'a', 0, 'x', 0xD0, 0, 0x31, 4, 0, 1, 'b', 0, 0xE0, 2, 0x8B, 0}
	for step := 1; step <= len(stream); step++ {
		var delivered []string
		g := guard{limit: 5, deliver: func(content []byte) error {
			delivered = append(delivered, string(content))
			return nil
		}}
		for rest := stream; len(rest) > 0; {
			n := min(step, len(rest))
			part := slices.Clone(rest[:n])
			if err := g.check(part); err != nil {
				t.Fatalf("in steps of %d: %v", step, err)
			}
			clear(part) // it is read into again
			rest = rest[n:]
		}
		if g.connack != 0 {
			t.Errorf("in steps of %d: took a CONNACK for one of MQTT 3", step)
		}
		if want := []string{"\x00\x01a\x00x", "\x00\x01b\x00"}; !slices.Equal(delivered, want) {
			t.Errorf("in steps of %d: %q is delivered, want %q", step, delivered, want)
		}
		if want := []byte{0x20, 3, 0, 0, 0, 0xD0, 0, 0xE0, 2, 0x8B, 0}; !bytes.Equal(g.passed, want) {
			t.Errorf("in steps of %d: %x is passed, want %x", step, g.passed, want)
		}
	}
}

func TestADeliveryIsSplitIntoTopicAndPayload(t *testing.T) {
	for content, want := range map[string][2]string{
		"\x00\x01a\x00":                 {"a", ""},
		"\x00\x03a/b\x00xy":             {"a/b", "xy"},
		"\x00\x01a\x02\x01\x01x":        {"a", "x"},
		"\x00\x00\x00x":                 {"", "x"},
		"":                              {"cut"},
		"\x00":                          {"cut"},
		"\x00\x02a":                     {"cut"},
		"\x00\x01a":                     {"cut"},
		"\x00\x01a\x02\x01":             {"cut"},
		"\x00\x01a\xFF\xFF\xFF\xFF\x7F": {"cut"},
	} {
		topic, payload, err := parseDelivery([]byte(content))
		if want[0] == "cut" {
			if err == nil {
				t.Errorf("%q is taken for %q and %q", content, topic, payload)
			}
			continue
		}
		if err != nil || string(topic) != want[0] || string(payload) != want[1] {
			t.Errorf("%q: %q and %q (%v), want %q", content, topic, payload, err, want)
		}
	}
}

func nowhere([]byte) error { return nil }

func TestTheGuardSeesACodeOfMQTT3HoweverItIsCut(t *testing.T) {
	for cut := 1; cut < 4; cut++ {
		b := []byte{0x20, 2, 0, 4}
		g := guard{limit: 5, deliver: nowhere}
		for _, part := range [][]byte{b[:cut], b[cut:]} {
			if err := g.check(part); err != nil {
				t.Fatal(err)
			}
		}
		if g.connack != 4 {
			t.Errorf("cut at %d: got %d, want 4", cut, g.connack)
		}
	}
}
