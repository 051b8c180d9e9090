package packet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"parley/proto"
)

// framed is a packet: its first byte, the length and what follows.
func framed(first byte, body ...string) []byte {
	all := strings.Join(body, "")
	return append(binary.AppendUvarint([]byte{first}, uint64(len(all))), all...)
}

// str is a string of MQTT.
func str(s string) string {
	return string(binary.BigEndian.AppendUint16(nil, uint16(len(s)))) + s
}

// properties of MQTT 5.
func props(all ...string) string {
	one := strings.Join(all, "")
	return string(binary.AppendUvarint(nil, uint64(len(one)))) + one
}

// hello is a CONNECT of a version of MQTT.
func hello(version byte) []byte {
	none := ""
	if version == 5 {
		none = props()
	}
	return framed(0x10, str("MQTT"), string([]byte{version, 0xC2, 0, 60}), none, str("7-a"), str("7"), str("token"))
}

// after reads a CONNECT of a version, then what follows.
func after(t testing.TB, version byte, stream []byte) *Reader {
	t.Helper()
	r := NewReader(io.MultiReader(bytes.NewReader(hello(version)), bytes.NewReader(stream)))
	if _, _, err := r.Next(); err != nil {
		t.Fatalf("CONNECT: %v", err)
	}
	return r
}

func TestPacketsComeAsTheyWereSent(t *testing.T) {
	for name, stream := range map[string]func([]byte) io.Reader{
		"at once":      func(b []byte) io.Reader { return bytes.NewReader(b) },
		"byte by byte": func(b []byte) io.Reader { return iotest.OneByteReader(bytes.NewReader(b)) },
	} {
		t.Run(name, func(t *testing.T) {
			const id = "\x00\x01"
			topic := str("chat/7/up/message")
			empty := len(framed(0x32, topic, id, props())) + 2 // the length takes three bytes then
			packets := [][]byte{
				hello(5),
				framed(0x82, id, props("\x0b\x7f"), str("chat/7/down/#"), "\x2e"),
				framed(0x32, topic, id, props("\x09\x00\x01r", "\x26", str("key"), str("value"), "\x26", str("key"), str("")), "payload"),
				framed(0x32, topic, id, props(), strings.Repeat("x", proto.MaxPacket-empty)), // just the largest
				framed(0x62, id), framed(0x62, id, "\x92"), framed(0x62, id, "\x00", props("\x1f", str("why"))),
				framed(0xA2, id, props(), str("chat/7/down/#"), str("")),
				framed(0xC0),
				framed(0xE0, "\x04", props("\x11\x00\x00\x00\x00")),
			}
			if size := len(packets[3]); size != proto.MaxPacket {
				t.Fatalf("the largest packet has %d bytes", size)
			}
			r := NewReader(stream(bytes.Join(packets, nil)))
			for i, want := range packets {
				got, cut, err := r.Next()
				if err != nil || cut || !bytes.Equal(got, want) {
					t.Fatalf("packet %d: % .20x, cut %v, %v, want % .20x", i, got, cut, err, want)
				}
			}
			if _, _, err := r.Next(); err != io.EOF {
				t.Errorf("after the last packet: %v, want EOF", err)
			}
		})
	}
}

func TestAStreamThatEndsWithinAPacketSaysSo(t *testing.T) {
	for _, stream := range [][]byte{hello(5), framed(0x32, str("a"), "\x00\x01", props(), strings.Repeat("x", proto.MaxPacket))} {
		for _, n := range []int{1, 2, 4, len(stream) - 1} {
			r := NewReader(bytes.NewReader(stream[:n]))
			if stream[0] != 0x10 {
				r = after(t, 5, stream[:n])
			}
			if _, _, err := r.Next(); err != io.ErrUnexpectedEOF {
				t.Errorf("%d bytes of %d: %v", n, len(stream), err)
			}
		}
	}
}

func TestAPublicationThatIsTooLargeIsCut(t *testing.T) {
	for _, version := range []byte{4, 5} {
		for _, first := range []byte{0x30, 0x32, 0x34, 0x3A} {
			head := []string{str("chat/7/up/message")}
			if first != 0x30 {
				head = append(head, "\x12\x34")
			}
			none := ""
			if version == 5 {
				none = props()
			}
			fixed := len(framed(first, head...)) - 2 + 1 + 3
			for _, size := range []int{proto.MaxPacket + 1, MaxSkipped} {
				large := framed(first, append(head, strings.Repeat("\xff", size-fixed))...)
				if len(large) != size && len(large) != size-1 {
					t.Fatalf("the packet has %d bytes, want %d", len(large), size)
				}
				r := after(t, version, append(large, 0xC0, 0))
				got, cut, err := r.Next()
				if want := framed(first, append(head, none)...); err != nil || !cut || !bytes.Equal(got, want) {
					t.Errorf("MQTT version %d, %02x of %d bytes: % x, cut %v, %v, want % x", version, first, size, got, cut, err, want)
				}
				if got, cut, err := r.Next(); err != nil || cut || got[0] != 0xC0 {
					t.Errorf("MQTT version %d, after %02x of %d bytes: % x, cut %v, %v", version, first, size, got, cut, err)
				}
			}
		}
	}
}

func TestNotMoreMemoryIsHeldThanCame(t *testing.T) {
	r := after(t, 5, []byte{0x32, 0xF0, 0xFF, 0x03, 0}) // says that it has 64 KiB
	if _, _, err := r.Next(); err != io.ErrUnexpectedEOF {
		t.Fatal(err)
	}
	if size := r.packet.Cap(); size > kept {
		t.Errorf("%d bytes are held for one", size)
	}
	r = after(t, 5, append(framed(0x32, str("a"), "\x00\x01", props(), strings.Repeat("x", 50_000)), 0xC0, 0))
	for range 2 {
		if _, _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}
	if size := r.packet.Cap(); size > kept {
		t.Errorf("%d bytes are kept for a small packet", size)
	}
}

// refusal reads packets until one is refused.
func refusal(t testing.TB, r *Reader) *proto.Refusal {
	t.Helper()
	for {
		_, _, err := r.Next()
		var refusal *proto.Refusal
		if errors.As(err, &refusal) {
			return refusal
		}
		if err != nil {
			t.Fatalf("%v, want a refusal", err)
		}
	}
}
