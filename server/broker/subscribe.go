package broker

import (
	"strings"

	"github.com/mochi-mqtt/server/v2/packets"

	"parley/proto"
)

// wildcard is the branch of proto.DownFilter.
const wildcard proto.Branch = "#"

// mayRead is the access control of filters.
func (s *session) mayRead(filter string) bool {
	user, _, ok := proto.ParseDown(filter)
	return ok && user == s.sender.User
}

// readFilters changes a SUBSCRIBE so that mochi grants QoS 0, which is what
// deliveries have.
func readFilters(pk packets.Packet) packets.Packet {
	for i := range pk.Filters {
		f := &pk.Filters[i]
		f.Filter = strings.Clone(f.Filter) // or it would keep the whole packet in memory
		f.Qos = 0
		f.NoLocal = false // nothing a client publishes comes back as it is
	}
	pk.Properties.User = nil // mochi would send it back
	return pk
}

// subscribe lets deliveries through for the filters that were granted. They may
// come before the SUBACK, never only some time after it.
func (s *session) subscribe(filters packets.Subscriptions, codes []byte) {
	var refused *proto.Refusal
	s.mu.Lock()
	for i, f := range filters {
		if codes[i] >= byte(proto.UnspecifiedError) {
			refused = proto.Refuse(proto.Reason(codes[i]), "%s", s.filterRule())
			continue
		}
		if s.filters == nil {
			s.filters = make(map[proto.Branch]int)
		}
		_, branch, _ := proto.ParseDown(f.Filter)
		s.filters[branch] = f.Identifier
	}
	s.mu.Unlock()
	if refused != nil {
		s.refused("subscribe", refused)
	}
}

func (s *session) filterRule() string {
	return "you may subscribe to " + proto.DownFilter(s.sender.User) + " and its branches only"
}

// unsubscribe undoes subscribe.
func (s *session) unsubscribe(filters packets.Subscriptions) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range filters {
		if s.mayRead(f.Filter) {
			_, branch, _ := proto.ParseDown(f.Filter)
			delete(s.filters, branch)
		}
	}
}

// subscribed says whether deliveries on a branch are wanted, and with which
// subscription identifiers (MQTT 5, section 3.3.2.3.8).
func (s *session) subscribed(b proto.Branch) (identifiers []int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, filter := range [...]proto.Branch{wildcard, b} {
		id, found := s.filters[filter]
		if found && id > 0 {
			identifiers = append(identifiers, id)
		}
		ok = ok || found
	}
	return identifiers, ok
}
