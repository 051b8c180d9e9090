package packet

// The types of packets (section 2.1.2) that a client may send here. It never has
// cause for AUTH, as no method of enhanced authentication can be agreed upon
// (section 4.12).
const (
	connect     = 1
	publish     = 3
	puback      = 4
	pubrec      = 5
	pubrel      = 6
	pubcomp     = 7
	subscribe   = 8
	unsubscribe = 10
	pingreq     = 12
	disconnect  = 14

	will = 0 // not a packet: the will in a CONNECT
)

// names has the types that a client may send.
var names = [16]string{
	connect: "CONNECT", publish: "PUBLISH", puback: "PUBACK", pubrec: "PUBREC", pubrel: "PUBREL", pubcomp: "PUBCOMP",
	subscribe: "SUBSCRIBE", unsubscribe: "UNSUBSCRIBE", pingreq: "PINGREQ", disconnect: "DISCONNECT",
}

// flagsOf is what the flags of a type other than PUBLISH must be (section 2.1.3).
func flagsOf(kind byte) byte {
	switch kind {
	case pubrel, subscribe, unsubscribe:
		return 2
	}
	return 0
}

// check checks what follows the fixed header of any packet but CONNECT.
func (f *fields) check(h header) {
	switch h.kind() {
	case publish:
		f.publish(h)
	case puback, pubrec:
		f.acknowledgement(h, 0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99)
	case pubrel, pubcomp:
		f.acknowledgement(h, 0x00, 0x92)
	case subscribe:
		f.subscribe()
	case unsubscribe:
		f.unsubscribe()
	case disconnect:
		f.disconnect()
	}
	f.end()
}

// Connect flags (section 3.1.2.3).
const (
	flagReserved   = 0x01
	flagWill       = 0x04
	flagWillQoS    = 0x18
	flagWillRetain = 0x20
	flagPassword   = 0x40
	flagUserName   = 0x80
)

// connect checks a CONNECT and returns which version's packets follow. It lets
// through versions that there are not here, which CONNACK has a code for
// [MQTT-3.1.2-2], and a password without a user name, which MQTT 3.1.1 forbids
// [MQTT 3.1.1, MQTT-3.1.2-22] and a CONNACK says more about than a closed connection.
func (f *fields) connect() (version byte) {
	f.text() // of the protocol's name
	version = f.byte()
	if version < 3 || version > 5 {
		return 4 // how its packets go on is not known
	}
	f.version = max(version, 4)
	flags := f.byte()
	f.uint16()                                                                                                       // the keep alive
	f.must(flags&flagReserved == 0, "its reserved flag is set")                                                      // [MQTT-3.1.2-3]
	f.must(flags&flagWill != 0 || flags&(flagWillQoS|flagWillRetain) == 0, "it has flags of a will that it has not") // [MQTT-3.1.2-11] [MQTT-3.1.2-13]
	f.must(flags&flagWillQoS != flagWillQoS, "the QoS of its will is 3")                                             // [MQTT-3.1.2-12]
	f.properties(connect)
	f.text() // the client id
	if flags&flagWill != 0 {
		f.properties(will)
		f.text()   // the topic
		f.binary() // the payload
	}
	if flags&flagUserName != 0 {
		f.text()
	}
	if flags&flagPassword != 0 {
		f.binary()
	}
	f.end()
	return f.version
}

func (f *fields) publish(h header) {
	const dup = 8
	f.must(h.qos() != 3, "its QoS is 3")                                    // [MQTT-3.3.1-4]
	f.must(h.qos() > 0 || h.flags()&dup == 0, "a duplicate has QoS 1 or 2") // [MQTT-3.3.1-2]
	topic := f.text()
	f.mustAllow(!wildcards(topic), "a topic to publish to may have no wildcards") // [MQTT-3.3.2-2]
	if h.qos() > 0 {
		f.packetID()
	}
	seen := f.properties(publish)
	f.mustAllow(len(topic) > 0 || seen.has(topicAlias), "it needs a topic") // [MQTT-3.3.2-8] [MQTT-4.7.3-1]
	f.rest = nil                                                            // the payload
}

// acknowledgement checks a packet that answers one with a packet id, and the reason
// code, if any, to be one of some.
func (f *fields) acknowledgement(h header, reasons ...byte) {
	f.packetID()
	f.reason(reasons)
	if f.version == 5 && h.length > 3 { // section 3.4.2.2.1
		f.properties(h.kind())
	}
}

func (f *fields) subscribe() {
	f.packetID()
	f.properties(subscribe)
	f.filters(func() {
		options := f.byte()
		f.must(options&3 != 3, "a filter's QoS is 3") // [MQTT-3.8.3-4]
		if f.version < 5 {
			f.must(options&^3 == 0, "reserved bits are set with a filter's QoS") // [MQTT 3.1.1, MQTT-3-8.3-4]
			return
		}
		f.must(options&0xC0 == 0, "reserved bits are set in a filter's options")          // [MQTT-3.8.3-5]
		f.mustAllow(options&0x30 != 0x30, "a filter's retain handling must be 0, 1 or 2") // section 3.8.3.1
	})
}

func (f *fields) unsubscribe() {
	f.packetID()
	f.properties(unsubscribe)
	f.filters(func() {})
}

func (f *fields) disconnect() {
	if len(f.rest) == 0 || f.version < 5 {
		return
	}
	f.reason([]byte{0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99})
	if len(f.rest) > 0 { // section 3.14.2.2.1
		f.properties(disconnect)
	}
}
