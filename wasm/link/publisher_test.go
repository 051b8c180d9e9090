package link

import (
	"testing"

	"github.com/eclipse/paho.golang/packets"
)

func TestAPacketIdentifierThatIsStillInFlightIsNotGivenAgain(t *testing.T) {
	p := newPublisher(nil)
	taken := func(packets.ControlPacket) {}
	p.awaiting[65535], p.awaiting[1], p.awaiting[2] = taken, taken, taken
	p.last = 65533
	for _, want := range []uint16{65534, 3, 4} {
		if got := p.identifier(); got != want {
			t.Errorf("got %d, want %d", got, want)
		}
	}
	for id := range 65536 {
		p.awaiting[uint16(id)] = taken
	}
	if got := p.identifier(); got != 0 {
		t.Errorf("got %d though all are in flight", got)
	}
}
