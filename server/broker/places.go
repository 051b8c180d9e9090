package broker

import (
	"container/list"
	"net/netip"

	"parley/proto"
)

// places says who gets in while there is not room for everybody. A session has
// one place: a pending one until it has said who it is, and then one of those for
// the identified, so that neither kind can take the room of the other.
//
// A client, who has one address, may have so many of both and no more. When the
// pending places are taken, the session that has been pending longest loses its
// own to the newcomer: whoever means to say who they are does so at once. Of the
// places for the identified, a part is left to users who are known, since anybody
// can be as many new users as they like. Guarded by Broker.mu.
type places struct {
	all       int // for the identified
	common    int // of all, for those who are not known
	maxShare  share
	maxInLine int

	identified int
	pending    list.List // of *session; the front has been pending longest
	clients    map[netip.Addr]share
}

// share is how many places a client has.
type share struct{ all, pending int }

// place is where a session stands.
type place int

const (
	noPlace place = iota // it left, or lost its place to another
	pendingPlace
	identifiedPlace
)

func newPlaces(c *Config) *places {
	return &places{
		all:       c.MaxConnections,
		common:    c.MaxConnections - c.MaxConnections/keptPart,
		maxShare:  share{all: c.MaxPerAddress, pending: c.MaxPendingPerAddress},
		maxInLine: c.MaxPending,
		clients:   make(map[netip.Addr]share),
	}
}

// keptPart says which part of the places is kept for those who are known: a
// quarter.
const keptPart = 4

// enter gives s a pending place. ousted lost it, and is to be ended, unless nil.
func (p *places) enter(s *session) (ousted *session, _ *proto.Refusal) {
	if s.from.IsValid() {
		switch has := p.clients[s.from]; {
		case has.all >= p.maxShare.all:
			return nil, proto.Refuse(proto.QuotaExceeded, "an address may have %d connections: close one of the others", p.maxShare.all).Named("too-many-from-here")
		case has.pending >= p.maxShare.pending:
			return nil, proto.Refuse(proto.QuotaExceeded, "an address may have %d connections that have not sent CONNECT: connect again in some seconds", p.maxShare.pending).Named("too-many-from-here")
		}
	}
	if p.pending.Len() >= p.maxInLine {
		ousted = p.pending.Front().Value.(*session)
		p.leave(ousted)
	}
	s.place = pendingPlace
	s.inLine = p.pending.PushBack(s)
	p.count(s.from, share{all: 1, pending: 1})
	return ousted, nil
}

// identify gives a pending s a place among the identified: that of older, if s
// takes over from it, or a free one, of which a part is for the known alone.
// scarce says that a known user would have got one.
func (p *places) identify(s, older *session, known bool) (scarce bool, _ *proto.Refusal) {
	if s.place != pendingPlace {
		return false, errOusted
	}
	switch {
	case older != nil && older.place == identifiedPlace:
		p.leave(older)
	case p.identified >= p.all:
		return false, busy("all of the server's %d connections are taken", p.all)
	case p.identified >= p.common && !known:
		return true, busy("the server has too many connections, and the last are kept for those who were here before")
	}
	p.leave(s)
	s.place = identifiedPlace
	p.identified++
	p.count(s.from, share{all: 1})
	return false, nil
}

// leave takes the place of s, if it has one.
func (p *places) leave(s *session) {
	switch s.place {
	case pendingPlace:
		p.pending.Remove(s.inLine)
		s.inLine = nil
		p.count(s.from, share{all: -1, pending: -1})
	case identifiedPlace:
		p.identified--
		p.count(s.from, share{all: -1})
	}
	s.place = noPlace
}

func (p *places) count(client netip.Addr, change share) {
	if !client.IsValid() {
		return
	}
	has := p.clients[client]
	has.all += change.all
	has.pending += change.pending
	if has == (share{}) {
		delete(p.clients, client)
		return
	}
	p.clients[client] = has
}

// errOusted is for whoever lost a pending place to a newcomer.
var errOusted = busy("others want to connect, and this connection has not said who it is")

func busy(format string, args ...any) *proto.Refusal {
	return proto.Refuse(proto.ServerBusy, format+": connect again in some seconds", args...).Named("full")
}
