package packet

import (
	"bytes"
	"strings"
	"testing"

	"github.com/eclipse/paho.golang/packets"

	"parley/proto"
)

// TestWhatIsNotWellFormedIsRefused has a packet per rule.
func TestWhatIsNotWellFormedIsRefused(t *testing.T) {
	const (
		malformed, protocol, tooLarge, alias, quota = 0x81, 0x82, 0x95, 0x94, 0x97
		id                                          = "\x00\x01"
	)
	up := str("chat/7/up/message")
	publication := func(properties ...string) []byte { return framed(0x32, up, id, props(properties...)) }
	// Packets after a CONNECT of MQTT 5 (v5), of 3.1.1 (v4), or first (v0).
	const v0, v4, v5 = 0, 4, 5
	for name, test := range map[string]struct {
		version byte
		packet  []byte
		reason  proto.Reason
		says    string
	}{
		"a length of five bytes":                {v5, []byte{0x32, 0x80, 0x80, 0x80, 0x80, 0x01}, malformed, "length"},
		"a length that goes on for ever":        {v0, []byte{0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, malformed, "length"},
		"a length in more bytes than it needs":  {v5, []byte{0xC0, 0x80, 0x00}, malformed, "length"},
		"a CONNECT of 256 MB":                   {v0, []byte{0x10, 0xff, 0xff, 0xff, 0x7f}, tooLarge, "65536 bytes"},
		"a PUBLISH of 256 MB":                   {v5, []byte{0x32, 0xff, 0xff, 0xff, 0x7f}, tooLarge, "65536 bytes"},
		"a SUBSCRIBE of more than a packet has": {v5, framed(0x82, id, props(), strings.Repeat(str("a")+"\x00", 20_000)), tooLarge, "65536 bytes"},
		"a PUBLISH of more than may be skipped": {v5, framed(0x32, up, id, props(), strings.Repeat("x", MaxSkipped)), tooLarge, "65536 bytes"},
		"one to skip with too long a topic":     {v5, framed(0x32, str(strings.Repeat("x", 0xFFFF)), id, props(), strings.Repeat("x", 100)), tooLarge, "65536 bytes"},
		"one to skip with a wildcard":           {v5, framed(0x32, str("#"), id, props(), strings.Repeat("x", 70_000)), protocol, "wildcards"},
		"one to skip with packet id 0":          {v4, framed(0x32, up, "\x00\x00", strings.Repeat("x", 70_000)), protocol, "packet id"},

		"another packet than CONNECT first":  {v0, framed(0xC0), protocol, "first packet"},
		"a second CONNECT":                   {v5, hello(5), protocol, "second CONNECT"},
		"packet type 0":                      {v5, framed(0x00), protocol, "type 0"},
		"a CONNACK":                          {v5, framed(0x20, "\x00\x00", props()), protocol, "type 2"},
		"a SUBACK":                           {v5, framed(0x90, id, props(), "\x00"), protocol, "type 9"},
		"an UNSUBACK":                        {v5, framed(0xB0, id, props(), "\x00"), protocol, "type 11"},
		"a PINGRESP":                         {v5, framed(0xD0), protocol, "type 13"},
		"an AUTH":                            {v5, framed(0xF0, "\x18", props()), protocol, "type 15"},
		"type 15 in MQTT 3.1.1":              {v4, framed(0xF0), protocol, "type 15"},
		"flags of a CONNECT":                 {v0, append([]byte{0x11}, hello(5)[1:]...), malformed, "flags"},
		"flags of a PINGREQ":                 {v5, framed(0xC1), malformed, "flags"},
		"flags of a SUBSCRIBE":               {v5, framed(0x80, id, props(), str("a"), "\x00"), malformed, "flags"},
		"flags of a PUBREL":                  {v5, framed(0x60, id), malformed, "flags"},
		"a PINGREQ with a payload":           {v5, framed(0xC0, "x"), malformed, "goes on"},
		"a DISCONNECT of 3.1.1 with a body":  {v4, framed(0xE0, "\x00"), malformed, "goes on"},
		"a DISCONNECT with a server's code":  {v5, framed(0xE0, "\x8b"), malformed, "reason code"},
		"a DISCONNECT with other properties": {v5, framed(0xE0, "\x00", props("\x1c", str("elsewhere"))), malformed, "property"},
		"a DISCONNECT that goes on":          {v5, framed(0xE0, "\x00", props(), "x"), malformed, "goes on"},

		"an empty CONNECT":                        {v0, framed(0x10), malformed, "too early"},
		"a CONNECT that ends in a string":         {v0, framed(0x10, str("MQTT"), "\x05\xC2\x00\x3c", props(), "\x00\x09short"), malformed, "too early"},
		"a CONNECT that ends before the password": {v0, framed(0x10, str("MQTT"), "\x05\xC2\x00\x3c", props(), str("a"), str("7")), malformed, "too early"},
		"a CONNECT that goes on":                  {v0, framed(0x10, str("MQTT"), "\x05\x02\x00\x3c", props(), str("a"), "x"), malformed, "goes on"},
		"the reserved connect flag":               {v0, framed(0x10, str("MQTT"), "\x05\x03\x00\x3c", props(), str("a")), malformed, "reserved flag"},
		"a QoS of no will":                        {v0, framed(0x10, str("MQTT"), "\x05\x0a\x00\x3c", props(), str("a")), malformed, "flags of a will"},
		"a will of QoS 3":                         {v0, framed(0x10, str("MQTT"), "\x05\x1e\x00\x3c", props(), str("a"), props(), str("t"), str("p")), malformed, "QoS of its will"},
		"a CONNECT property in its will":          {v0, framed(0x10, str("MQTT"), "\x05\x06\x00\x3c", props(), str("a"), props("\x21\x00\x01"), str("t"), str("p")), malformed, "property"},
		"a receive maximum of 0":                  {v0, framed(0x10, str("MQTT"), "\x05\x02\x00\x3c", props("\x21\x00\x00"), str("a")), protocol, "may not be 0"},
		"a maximum packet size of 0":              {v0, framed(0x10, str("MQTT"), "\x05\x02\x00\x3c", props("\x27\x00\x00\x00\x00"), str("a")), protocol, "may not be 0"},
		"authentication data without a method":    {v0, framed(0x10, str("MQTT"), "\x05\x02\x00\x3c", props("\x16", str("x")), str("a")), protocol, "method"},
		"problem information of 2":                {v0, framed(0x10, str("MQTT"), "\x05\x02\x00\x3c", props("\x17\x02"), str("a")), protocol, "0 or 1"},
		"a client id that is not UTF-8":           {v0, framed(0x10, str("MQTT"), "\x05\x02\x00\x3c", props(), str("\xff")), malformed, "UTF-8"},
		"a user name with U+0000":                 {v0, framed(0x10, str("MQTT"), "\x04\x82\x00\x3c", str("a"), str("\x00")), malformed, "U+0000"},
		"a surrogate in the client id":            {v0, framed(0x10, str("MQTT"), "\x04\x02\x00\x3c", str("\xed\xa0\x80")), malformed, "UTF-8"},

		"an empty PUBLISH":                  {v5, framed(0x30), malformed, "too early"},
		"a topic past the end":              {v5, framed(0x30, "\x00\x09a"), malformed, "too early"},
		"QoS 3":                             {v5, framed(0x36, up, id, props()), malformed, "QoS is 3"},
		"a duplicate at QoS 0":              {v5, framed(0x38, up, props()), malformed, "duplicate"},
		"a topic with a wildcard":           {v4, framed(0x32, str("chat/+/up"), id), protocol, "wildcards"},
		"a topic that is not UTF-8":         {v5, framed(0x32, str("chat/\xff"), id, props()), malformed, "UTF-8"},
		"a PUBLISH without a packet id":     {v5, framed(0x32, up), malformed, "too early"},
		"packet id 0":                       {v5, framed(0x32, up, "\x00\x00", props()), protocol, "packet id is 0"},
		"no topic":                          {v4, framed(0x32, str(""), id), protocol, "needs a topic"},
		"no topic and no alias":             {v5, framed(0x32, str(""), id, props()), protocol, "needs a topic"},
		"topic alias 0":                     {v5, publication("\x23\x00\x00"), alias, "alias"},
		"no length of properties":           {v5, framed(0x32, up, id), malformed, "too early"},
		"properties past the end":           {v5, framed(0x32, up, id, "\x7f\x01\x01"), malformed, "too early"},
		"a property cut off by their end":   {v5, framed(0x32, up, id, "\x03\x02\x00\x00", "\x00\x01"), malformed, "too early"},
		"a property that there is not":      {v5, publication("\x7f\x01"), malformed, "property"},
		"a property id of four bytes":       {v5, publication("\xff\xff\xff\x7f"), malformed, "property"},
		"a property id of five bytes":       {v5, publication("\xff\xff\xff\xff\x01"), malformed, "four bytes"},
		"a property of CONNECT":             {v5, publication("\x21\x00\x01"), malformed, "property"},
		"a subscription identifier":         {v5, publication("\x0b\x01"), malformed, "property"},
		"a content type twice":              {v5, publication("\x03", str("a"), "\x03", str("a")), protocol, "twice"},
		"a payload format of 2":             {v5, publication("\x01\x02"), protocol, "0 or 1"},
		"a response topic with a wildcard":  {v5, publication("\x08", str("a/#")), protocol, "response topic"},
		"a content type that is not UTF-8":  {v5, publication("\x03", str("\xff")), malformed, "UTF-8"},
		"a user property without its value": {v5, publication("\x26", str("key")), malformed, "too early"},
		"a user property with U+0000":       {v5, publication("\x26", str("key"), str("\x00")), malformed, "U+0000"},

		"a SUBSCRIBE that panics mochi":            {v5, []byte{0x82, 6, 0, 1, 0, 0, 1, 'a'}, malformed, "too early"},
		"a SUBSCRIBE with a filter of 256 letters": {v5, []byte{0x82, 6, 0, 1, 0, 1, 0, 'a'}, malformed, "too early"},
		"a SUBSCRIBE without a filter":             {v5, framed(0x82, id, props()), protocol, "no filter"},
		"a SUBSCRIBE with packet id 0":             {v5, framed(0x82, "\x00\x00", props(), str("a"), "\x00"), protocol, "packet id"},
		"a filter of QoS 3":                        {v5, framed(0x82, id, props(), str("a"), "\x03"), malformed, "QoS"},
		"reserved bits of a filter":                {v5, framed(0x82, id, props(), str("a"), "\x40"), malformed, "reserved bits"},
		"retain handling 3":                        {v5, framed(0x82, id, props(), str("a"), "\x30"), protocol, "retain handling"},
		"options of MQTT 5 in 3.1.1":               {v4, framed(0x82, id, str("a"), "\x04"), malformed, "reserved bits"},
		"subscription identifier 0":                {v5, framed(0x82, id, props("\x0b\x00"), str("a"), "\x00"), protocol, "identifier"},
		"two subscription identifiers":             {v5, framed(0x82, id, props("\x0b\x01\x0b\x02"), str("a"), "\x00"), protocol, "twice"},
		"an identifier of five bytes":              {v5, framed(0x82, id, props("\x0b\xff\xff\xff\xff\x01"), str("a"), "\x00"), malformed, "four bytes"},
		"33 filters":                               {v5, framed(0x82, id, props(), strings.Repeat(str("a")+"\x00", MaxFilters+1)), quota, "32 filters"},
		"an UNSUBSCRIBE without a filter":          {v4, framed(0xA2, id), protocol, "no filter"},
		"an UNSUBSCRIBE with an identifier":        {v5, framed(0xA2, id, props("\x0b\x01"), str("a")), malformed, "property"},
		"33 filters to unsubscribe from":           {v4, framed(0xA2, id, strings.Repeat(str("a"), MaxFilters+1)), quota, "32 filters"},

		"a PUBACK of one byte":               {v5, framed(0x40, "\x00"), malformed, "too early"},
		"a PUBACK of packet 0":               {v5, framed(0x40, "\x00\x00"), protocol, "packet id"},
		"a PUBACK with a PUBREL's reason":    {v5, framed(0x40, id, "\x92"), malformed, "reason code"},
		"a PUBREL with a PUBACK's reason":    {v5, framed(0x62, id, "\x10"), malformed, "reason code"},
		"a PUBREL of 3.1.1 with a reason":    {v4, framed(0x62, id, "\x00"), malformed, "goes on"},
		"a PUBREC with other properties":     {v5, framed(0x50, id, "\x00", props("\x21\x00\x01")), malformed, "property"},
		"a PUBCOMP with properties past end": {v5, framed(0x70, id, "\x00", "\x05\x1f\x00"), malformed, "too early"},
		"a PUBCOMP that goes on":             {v5, framed(0x70, id, "\x00", props(), "x"), malformed, "goes on"},
	} {
		t.Run(name, func(t *testing.T) {
			var r *Reader
			if test.version == v0 {
				r = NewReader(bytes.NewReader(test.packet))
			} else {
				r = after(t, test.version, test.packet)
			}
			if got := refusal(t, r); got.Reason != test.reason || !strings.Contains(got.Text, test.says) {
				t.Errorf("%v, want 0x%02X and %q", got, byte(test.reason), test.says)
			}
		})
	}
}

// TestVersionsThatThereAreNotAreForCONNACKToRefuse holds what MQTT-3.1.2-2 allows.
func TestVersionsThatThereAreNotAreForCONNACKToRefuse(t *testing.T) {
	for _, packet := range [][]byte{
		framed(0x10, str("MQTT"), "\x06\xff\xff of another shape"),
		framed(0x10, str("MQIsdp"), "\x03\x02\x00\x3c", str("a")),
	} {
		if got, _, err := NewReader(bytes.NewReader(packet)).Next(); err != nil || !bytes.Equal(got, packet) {
			t.Errorf("% x: %v", packet, err)
		}
	}
}

func ptr[T any](v T) *T { return &v }

// TestWhatTheStandardClientSendsIsWellFormed encodes with another implementation.
func TestWhatTheStandardClientSendsIsWellFormed(t *testing.T) {
	user := []packets.User{{Key: "a", Value: "1"}, {Key: "a", Value: ""}, {Key: "é", Value: "世界"}}
	packet := func(kind byte, flags byte, content packets.Packet) []byte {
		var b bytes.Buffer
		cp := packets.NewControlPacket(kind)
		cp.Flags, cp.Content = flags, content
		if _, err := cp.WriteTo(&b); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	publication := &packets.Properties{
		PayloadFormat: ptr[byte](1), MessageExpiry: ptr[uint32](60), ContentType: proto.ContentType, ResponseTopic: "a/b",
		CorrelationData: []byte{0, 0xff}, TopicAlias: ptr[uint16](1), User: user,
	}
	why := &packets.Properties{ReasonString: "because", User: user}
	stream := packet(packets.CONNECT, 0, &packets.Connect{
		ProtocolName: "MQTT", ProtocolVersion: 5, ClientID: "7-a", KeepAlive: 30, CleanStart: true,
		UsernameFlag: true, Username: "7", PasswordFlag: true, Password: []byte{0, 0xff},
		WillFlag: true, WillQOS: 2, WillRetain: true, WillTopic: "t", WillMessage: []byte{0},
		WillProperties: &packets.Properties{
			PayloadFormat: ptr[byte](0), MessageExpiry: ptr[uint32](60), ContentType: "a", ResponseTopic: "b",
			CorrelationData: []byte{1}, WillDelayInterval: ptr[uint32](5), User: user,
		},
		Properties: &packets.Properties{
			SessionExpiryInterval: ptr[uint32](1), AuthMethod: "m", AuthData: []byte{0}, RequestProblemInfo: ptr[byte](1),
			RequestResponseInfo: ptr[byte](1), ReceiveMaximum: ptr[uint16](10), TopicAliasMaximum: ptr[uint16](0),
			MaximumPacketSize: ptr[uint32](1 << 20), User: user,
		},
	})
	want := 1
	for _, one := range [][]byte{
		packet(packets.PUBLISH, 0x00, &packets.Publish{Topic: "t", Properties: &packets.Properties{}}),
		packet(packets.PUBLISH, 0x0B, &packets.Publish{Topic: "chat/7/up/message", PacketID: 0xffff, QoS: 1, Duplicate: true, Retain: true, Properties: publication, Payload: []byte{0xff}}),
		packet(packets.PUBLISH, 0x04, &packets.Publish{Topic: "", PacketID: 1, QoS: 2, Properties: publication}),
		packet(packets.PUBACK, 0, &packets.Puback{PacketID: 1, ReasonCode: 0x97, Properties: why}),
		packet(packets.PUBREC, 0, &packets.Pubrec{PacketID: 1, ReasonCode: 0x10, Properties: why}),
		packet(packets.PUBREL, 2, &packets.Pubrel{PacketID: 1, ReasonCode: 0x92, Properties: why}),
		packet(packets.PUBCOMP, 0, &packets.Pubcomp{PacketID: 1, Properties: why}),
		packet(packets.SUBSCRIBE, 2, &packets.Subscribe{
			PacketID:      1,
			Properties:    &packets.Properties{SubscriptionIdentifier: ptr(268_435_455), User: user},
			Subscriptions: []packets.SubOptions{{Topic: "a/#", QoS: 2, RetainHandling: 2, NoLocal: true, RetainAsPublished: true}, {Topic: "$share/g/+"}},
		}),
		packet(packets.UNSUBSCRIBE, 2, &packets.Unsubscribe{PacketID: 1, Topics: []string{"a/#", "b"}, Properties: &packets.Properties{User: user}}),
		packet(packets.PINGREQ, 0, &packets.Pingreq{}),
		packet(packets.DISCONNECT, 0, &packets.Disconnect{
			ReasonCode: 0x04, Properties: &packets.Properties{SessionExpiryInterval: ptr[uint32](0), ReasonString: "bye", User: user},
		}),
	} {
		stream = append(stream, one...)
		want++
	}
	r := NewReader(bytes.NewReader(stream))
	for i := range want {
		if got, _, err := r.Next(); err != nil {
			t.Fatalf("packet %d: %v", i, err)
		} else if !bytes.HasPrefix(stream, got) {
			t.Fatalf("packet %d: % x", i, got)
		} else {
			stream = stream[len(got):]
		}
	}
}
