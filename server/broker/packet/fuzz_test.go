package packet

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/mochi-mqtt/server/v2/packets"

	"parley/proto"
)

// decode decodes a packet as mochi does when it serves a connection.
func decode(packet []byte, version byte) (pk packets.Packet, err error) {
	r := bytes.NewReader(packet[1:])
	if err := pk.FixedHeader.Decode(packet[0]); err != nil {
		return pk, err
	}
	if pk.FixedHeader.Remaining, _, err = packets.DecodeLength(r); err != nil {
		return pk, err
	}
	pk.ProtocolVersion = version
	body, err := io.ReadAll(r)
	if err != nil {
		return pk, err
	}
	switch pk.FixedHeader.Type {
	case packets.Connect:
		return pk, pk.ConnectDecode(body)
	case packets.Publish:
		return pk, pk.PublishDecode(body)
	case packets.Puback, packets.Pubrec, packets.Pubrel, packets.Pubcomp:
		return pk, pk.PubackDecode(body) // one decoder under four names
	case packets.Subscribe:
		return pk, pk.SubscribeDecode(body)
	case packets.Unsubscribe:
		return pk, pk.UnsubscribeDecode(body)
	case packets.Disconnect:
		return pk, pk.DisconnectDecode(body)
	case packets.Pingreq:
		return pk, nil
	}
	return pk, errors.New("a packet that no client sends")
}

// known says whether mochi knows the version of a CONNECT; for others, what comes
// through need only not be able to panic it.
func known(pk packets.Packet) bool {
	return pk.FixedHeader.Type != packets.Connect || pk.ProtocolVersion >= 3 && pk.ProtocolVersion <= 5
}

// FuzzReader lets mochi's decoders read what a Reader lets through: they must not
// panic, and must find nothing wrong with it either.
func FuzzReader(f *testing.F) {
	for kind, cases := range packets.TPacketData {
		for _, c := range cases {
			if kind != packets.Connect {
				f.Add(c.RawBytes, byte(4))
				f.Add(c.RawBytes, byte(5))
			}
			f.Add(c.RawBytes, byte(0))
		}
	}
	f.Add([]byte{0x82, 6, 0, 1, 0, 0, 1, 'a'}, byte(5)) // panics mochi
	f.Add(append([]byte{0x32, 0xf0, 0xff, 0x07, 0, 1, 'a', 0, 1}, make([]byte, 0x1ffff)...), byte(5))
	f.Fuzz(func(t *testing.T, stream []byte, version byte) {
		r := NewReader(bytes.NewReader(stream))
		if version == 4 || version == 5 {
			r = after(t, version, stream)
		}
		for {
			packet, cut, err := r.Next()
			var refusal *proto.Refusal
			if errors.As(err, &refusal) && (refusal.Reason < 0x80 || refusal.Text == "") {
				t.Errorf("refused with %+v", refusal)
			}
			if err != nil {
				return
			}
			if len(packet) > proto.MaxPacket {
				t.Errorf("a packet of %d bytes came through", len(packet))
			}
			if !cut && !bytes.HasPrefix(stream, packet) {
				t.Errorf("% x came through of % x", packet, stream)
			}
			if pk, err := decode(packet, r.version); err != nil && known(pk) {
				t.Errorf("mochi does not decode % x of MQTT version %d: %v", packet, r.version, err)
			}
			if cut {
				return // where the next begins is not in packet
			}
			stream = stream[len(packet):]
		}
	})
}
