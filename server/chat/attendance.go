package chat

import (
	"context"
	"maps"
	"time"

	"parley/proto"
)

const (
	// maxMoves bounds the connections that began or ended of which one commit tells the other
	// nodes; and shareRetry is how long to wait before that is tried again.
	maxMoves   = 256
	shareRetry = time.Second
)

// move is that a connection began or ended.
type move struct {
	Presence
	ended bool
}

// place is where a connection is at a node.
type place struct {
	user   uint64
	client string
}

// move notes what other nodes are to be told of a connection, in the place of what they
// were to be told before.
func (p *presence) move(m move) {
	if !p.shared {
		return
	}
	if p.moves == nil {
		p.moves = make(map[place]move)
	}
	p.moves[place{m.User, m.Client}] = m
}

// takeMoves returns some of what other nodes are to be told, and whether there is more.
func (p *presence) takeMoves() (m *moves, more bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m = new(moves)
	for at, one := range p.moves {
		if len(m.began)+len(m.ended) == maxMoves {
			return m, true
		}
		if one.ended {
			m.ended = append(m.ended, one.Presence)
		} else {
			m.began = append(m.began, one.Presence)
		}
		delete(p.moves, at)
	}
	return m, false
}

// putBack undoes takeMoves, but where there is something newer to tell.
func (p *presence) putBack(m *moves) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, at := range m.began {
		p.moveAgain(move{at, false})
	}
	for _, at := range m.ended {
		p.moveAgain(move{at, true})
	}
}

func (p *presence) moveAgain(m move) {
	if _, newer := p.moves[place{m.User, m.Client}]; !newer {
		p.move(m)
	}
}

// share tells the other nodes who came to this one and who left, and writes down when those
// were last here who are gone from all. It reports whether nothing is left to be told.
func (s *Service) share(ctx context.Context, gone lastSeen) bool {
	for more := true; more; {
		var m *moves
		m, more = s.presence.takeMoves()
		m.seen, gone = gone, nil
		if len(m.began)+len(m.ended)+len(m.seen) == 0 {
			return true
		}
		if _, err := s.commitOne(ctx, m); err != nil {
			s.presence.putBack(m)
			if ctx.Err() == nil {
				s.log.Warn("the other nodes could not be told who is connected", "error", err)
			}
			return false
		}
	}
	return true
}

func (m *moves) reads(all *Reads) { m.seen.reads(all) }

// moved takes note of connections that began and ended, as the change log tells.
func (s *Service) moved(o *outbox) {
	if len(o.began)+len(o.left)+len(o.gone) == 0 {
		return
	}
	self := s.store.Start()
	for _, a := range o.began {
		if older := s.presence.came(o.node, a, o.node == self); older != 0 {
			s.oust(a.User, a.Client, older, proto.Refuse(proto.SessionTakenOver, "another connection uses the same client id").Named("taken-over"))
		}
	}
	if o.node != self {
		for _, l := range o.left {
			s.presence.went(o.node, l)
		}
	}
	for _, node := range o.gone {
		if node == self {
			s.log.Warn("this node was away for so long that the others took it for gone")
			s.presence.tellAgain()
		} else {
			s.presence.nodeGone(node)
		}
	}
	s.nudge()
}

// came takes note of a connection that began, to this node (own) or another, and returns the
// mark of one to this node from which it takes over, since that is before it in the change
// log; 0 if there is none.
func (p *presence) came(node uint64, to Presence, own bool) (older uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if own {
		if a := p.users[to.User]; a != nil {
			if c := a.clients[to.Client]; c != nil {
				c.followed = to.Mark
			}
		}
		return 0
	}
	a := p.attendance(to.User)
	a.connected(node, to)
	p.look(to.User)
	if c := a.clients[to.Client]; c != nil && c.connections > 0 && c.followed == c.mark {
		return c.mark
	}
	return 0
}

// went takes note of a connection to another node that ended.
func (p *presence) went(node uint64, from Presence) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if a := p.users[from.User]; a != nil {
		if at := (remote{node, from.Client}); a.elsewhere[at].Mark <= from.Mark {
			delete(a.elsewhere, at)
			p.look(from.User)
		}
	}
}

// nodeGone takes note of another node that is gone.
func (p *presence) nodeGone(node uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forget(func(n uint64) bool { return n == node })
}

// forget drops connections to other nodes.
func (p *presence) forget(of func(node uint64) bool) {
	for user, a := range p.users {
		before := len(a.elsewhere)
		maps.DeleteFunc(a.elsewhere, func(r remote, _ Presence) bool { return of(r.node) })
		if len(a.elsewhere) != before {
			p.look(user)
		}
	}
}

// tellAgain lets all that the other nodes were told of this one be told once more.
func (p *presence) tellAgain() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for user, a := range p.users {
		for _, c := range a.clients {
			c.told, c.followed = 0, 0
		}
		p.look(user)
	}
}

// attend takes over who is connected to other nodes, by node. Whoever is new by that came
// before somebody was here to be told.
func (p *presence) attend(all map[uint64][]Presence) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forget(func(uint64) bool { return true })
	for node, connections := range all {
		for _, at := range connections {
			known := p.users[at.User] != nil
			a := p.attendance(at.User)
			a.told = a.told || !known
			a.connected(node, at)
		}
	}
}

// attendance returns a user's, a new one if the user was not here.
func (p *presence) attendance(user uint64) *attendance {
	if p.users == nil {
		p.users, p.due = make(map[uint64]*attendance), make(map[uint64]struct{})
	}
	a := p.users[user]
	if a == nil {
		a = new(attendance)
		p.users[user] = a
	}
	return a
}

// connected notes a connection to another node.
func (a *attendance) connected(node uint64, at Presence) {
	if a.elsewhere == nil {
		a.elsewhere = make(map[remote]Presence)
	}
	a.elsewhere[remote{node, at.Client}] = at
}

// elsewhere reports whether a user is connected to another node.
func (p *presence) elsewhere(user uint64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.users[user]
	return a != nil && len(a.elsewhere) > 0
}

// DeviceHere reports whether a device of a user has a connection, to any node.
func (s *Service) DeviceHere(user, device uint64) bool {
	p := &s.presence
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.users[user]
	if a == nil {
		return false
	}
	for _, c := range a.clients {
		if c.device == device && c.connections > 0 {
			return true
		}
	}
	for _, at := range a.elsewhere {
		if at.Device == device {
			return true
		}
	}
	return false
}

// look lets it be looked whether something of a user has to be told.
func (p *presence) look(user uint64) {
	p.due[user] = struct{}{}
	p.grown = true
}
