package broker

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// frame is a masked WebSocket frame; fin and opcode are its first byte.
func frame(first byte, payload []byte) []byte {
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	return append(append(b, 0, 0, 0, 0), payload...) // masked with zeros
}

const binaryFrame, moreFrame, lastFrame, pingFrame = 0x82, 0x00, 0x80, 0x89

func TestFramesAreCountedHoweverTheyArrive(t *testing.T) {
	var stream []byte
	want := [2]int{}
	add := func(first byte, size, idle int) {
		stream = append(stream, frame(first, make([]byte, size))...)
		want[0]++
		want[1] += idle
	}
	for _, size := range []int{1, 125, 126, 127, 1<<16 - 1, 1 << 16, 100_000} {
		add(binaryFrame, size, 0)
		add(moreFrame, size, 0)
	}
	add(binaryFrame, 0, 1)
	add(moreFrame, 0, 1)
	add(lastFrame, 0, 1)
	add(pingFrame, 0, 1)
	add(pingFrame, 125, 1)
	add(0x8A, 4, 1)                           // pong
	add(0x88, 2, 1)                           // close
	stream = append(stream, 0x82, 3, 1, 2, 3) // not masked, which a client may not
	want[0]++

	random := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		var f frames
		got := [2]int{}
		for rest := stream; len(rest) > 0; {
			n := 1 + random.IntN(min(len(rest), 1+random.IntN(5000)))
			began, idle := f.count(rest[:n])
			got[0], got[1] = got[0]+began, got[1]+idle
			rest = rest[n:]
		}
		if got != want {
			t.Fatalf("counted %v frames and idle ones, want %v", got, want)
		}
	}
}
