package live

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"

	"github.com/eclipse/paho.golang/packets"
	"nhooyr.io/websocket"
)

// maxPacket is how many bytes a packet from the server may have.
const maxPacket = 1 << 21

// An MQTT is an MQTT 5 connection of which nobody reads or writes packets by themselves.
type MQTT struct {
	net.Conn // Close says goodbye as WebSockets do
	socket   *websocket.Conn
}

// CloseNow closes the connection without a goodbye.
func (m *MQTT) CloseNow() { _ = m.socket.CloseNow() } // it is of no use any more

// WritePacket sends a packet in one WebSocket message.
func (m *MQTT) WritePacket(p *packets.ControlPacket) error { return WritePacket(m, p) }

// WritePacket writes a packet at once.
func WritePacket(w io.Writer, p *packets.ControlPacket) error {
	var whole bytes.Buffer
	if _, err := p.WriteTo(&whole); err != nil {
		return err
	}
	_, err := w.Write(whole.Bytes())
	return err
}

// Refused is the code of a CONNACK that says no.
type Refused byte

func (r Refused) Error() string { return fmt.Sprintf("CONNECT is refused with 0x%02X", byte(r)) }

// Connect opens an MQTT 5 connection of a guest, by a client id, and waits for the CONNACK,
// until ctx is done.
func (c Client) Connect(ctx context.Context, g Guest, clientID string) (_ *MQTT, err error) {
	socket, _, err := websocket.Dial(ctx, "ws://"+c.Server+"/mqtt", &websocket.DialOptions{HTTPClient: c.HTTP, Subprotocols: []string{"mqtt"}})
	if err != nil {
		return nil, err
	}
	socket.SetReadLimit(maxPacket)
	m := &MQTT{websocket.NetConn(context.Background(), socket, websocket.MessageBinary), socket}
	stop := context.AfterFunc(ctx, m.CloseNow)
	defer func() {
		if !stop() {
			err = errors.Join(err, ctx.Err())
		}
		if err != nil {
			m.CloseNow()
		}
	}()
	hello := packets.NewControlPacket(packets.CONNECT)
	content := hello.Content.(*packets.Connect)
	content.ProtocolName, content.ProtocolVersion = "MQTT", 5
	content.ClientID, content.CleanStart, content.KeepAlive = clientID, true, 60
	content.UsernameFlag, content.Username, content.PasswordFlag, content.Password = true, strconv.FormatUint(g.ID, 10), true, []byte(g.Token)
	if err := m.WritePacket(hello); err != nil {
		return nil, err
	}
	answer, err := packets.ReadPacket(m)
	if err != nil {
		return nil, err
	}
	switch connack, ok := answer.Content.(*packets.Connack); {
	case !ok:
		return nil, fmt.Errorf("CONNECT is answered by %v", answer)
	case connack.ReasonCode != 0:
		return nil, Refused(connack.ReasonCode)
	}
	return m, nil
}
