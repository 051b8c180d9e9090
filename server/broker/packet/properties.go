package packet

import "parley/proto"

// Properties (section 2.2.2.2) that have a rule of their own.
const (
	responseTopic          = 8
	subscriptionIdentifier = 11
	authenticationMethod   = 21
	authenticationData     = 22
	topicAlias             = 35
	userProperty           = 38
)

// property is what a client may send of a property.
type property struct {
	take func(*fields) // its value
	in   kinds         // the packets that may have it
}

// kinds is a set of types of packets, or of properties.
type kinds uint64

func of(members ...byte) (set kinds) {
	for _, m := range members {
		set |= 1 << m
	}
	return set
}

func (k kinds) has(member byte) bool { return k>>member&1 != 0 }

var (
	acknowledgements = of(puback, pubrec, pubrel, pubcomp)
	all              = acknowledgements | of(connect, will, publish, subscribe, unsubscribe, disconnect)
)

// properties is table 2-4 without what only servers send, by identifier.
var properties = [64]property{
	1:                      {(*fields).flag, of(publish, will)},                   // payload format indicator
	2:                      {(*fields).four, of(publish, will)},                   // message expiry interval
	3:                      {(*fields).string, of(publish, will)},                 // content type
	responseTopic:          {(*fields).topic, of(publish, will)},                  //
	9:                      {(*fields).data, of(publish, will)},                   // correlation data
	subscriptionIdentifier: {(*fields).identifier, of(subscribe)},                 // in PUBLISH a server's [MQTT-3.3.4-6]
	17:                     {(*fields).four, of(connect, disconnect)},             // session expiry interval
	authenticationMethod:   {(*fields).string, of(connect)},                       //
	authenticationData:     {(*fields).data, of(connect)},                         //
	23:                     {(*fields).flag, of(connect)},                         // request problem information
	24:                     {(*fields).four, of(will)},                            // will delay interval
	25:                     {(*fields).flag, of(connect)},                         // request response information
	31:                     {(*fields).string, acknowledgements | of(disconnect)}, // reason string
	33:                     {(*fields).positiveTwo, of(connect)},                  // receive maximum
	34:                     {(*fields).two, of(connect)},                          // topic alias maximum
	topicAlias:             {(*fields).alias, of(publish)},                        //
	userProperty:           {(*fields).pair, all},                                 //
	39:                     {(*fields).positiveFour, of(connect)},                 // maximum packet size
}

func (f *fields) two()    { f.uint16() }
func (f *fields) four()   { f.uint32() }
func (f *fields) string() { f.text() }
func (f *fields) data()   { f.binary() }
func (f *fields) pair()   { f.text(); f.text() }
func (f *fields) flag()   { f.mustAllow(f.byte() <= 1, "a property must be 0 or 1") }

func (f *fields) positiveTwo()  { f.mustAllow(f.uint16() > 0, "a property may not be 0") }
func (f *fields) positiveFour() { f.mustAllow(f.uint32() > 0, "a property may not be 0") }

func (f *fields) identifier() {
	f.mustAllow(f.length() > 0, "a subscription identifier may not be 0") // section 3.8.2.1.2
}

func (f *fields) topic() {
	f.mustAllow(!wildcards(f.text()), "a response topic may have no wildcards") // [MQTT-3.3.2-14]
}

func (f *fields) alias() {
	const topicAliasInvalid proto.Reason = 0x94
	if f.uint16() == 0 { // [MQTT-3.3.2-8]
		f.refuse(proto.Refuse(topicAliasInvalid, "a topic alias may not be 0"))
	}
}

// properties takes the properties of a packet of MQTT 5 and returns which there were.
func (f *fields) properties(of byte) (seen kinds) {
	if f.version < 5 {
		return 0
	}
	own := fields{packet: f.packet, version: f.version, rest: f.take(f.length())}
	if f.refusal != nil {
		return 0
	}
	for len(own.rest) > 0 {
		id := own.length()
		if id >= len(properties) || !properties[id].in.has(of) { // section 2.2.2.2
			own.must(false, "it has a property that a client may not send with it")
			break
		}
		own.mustAllow(!seen.has(byte(id)) || id == userProperty, "a property comes twice")
		properties[id].take(&own)
		seen |= 1 << id
	}
	own.mustAllow(!seen.has(authenticationData) || seen.has(authenticationMethod), "authentication data needs a method") // section 3.1.2.11.10
	if own.refusal != nil {
		f.refuse(own.refusal)
	}
	return seen
}
