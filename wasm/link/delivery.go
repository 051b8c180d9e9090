package link

import (
	"bytes"
	"encoding/binary"
	"errors"

	"google.golang.org/protobuf/encoding/protowire"

	"parley/proto"
)

var errDelivery = errors.New("the server broke the protocol: it sent a message that is cut short")

// deliver passes the content of a PUBLISH at QoS 0 on. paho never sees one: what it does with each takes longer than
// all the rest until it is stored. A topic that is none of the user's down branches is somebody else's mistake, and nobody
// here can use it.
func (s *session) deliver(content []byte) error {
	topic, payload, err := parseDelivery(content)
	if err != nil {
		return err
	}
	if string(topic) != s.topic { // most come under one
		s.topic, s.branch = string(topic), ""
		if user, branch, ok := proto.ParseDown(s.topic); ok && user == s.user && branch != "#" {
			s.branch = branch
		}
	}
	if s.branch != "" {
		s.handler.Deliver(s.branch, bytes.Clone(payload))
	}
	return nil
}

// parseDelivery splits the content of a PUBLISH at QoS 0: topic, properties, payload.
func parseDelivery(content []byte) (topic, payload []byte, err error) {
	if len(content) < 2 {
		return nil, nil, errDelivery
	}
	n, rest := int(binary.BigEndian.Uint16(content)), content[2:]
	if n > len(rest) {
		return nil, nil, errDelivery
	}
	topic, rest = rest[:n], rest[n:]
	_, n = protowire.ConsumeBytes(rest) // lengths are written alike
	if n < 0 {
		return nil, nil, errDelivery
	}
	return topic, rest[n:], nil
}
