package chat

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"parley/proto"
)

const (
	// grace is how long somebody whose last connection ended still counts as
	// here: a reload, or a change of network, is no leaving.
	grace = 5 * time.Second
	// maxAudience bounds who is told that somebody came or left, and of whom
	// somebody is told when they come: those of the most recent conversations.
	maxAudience = 200
	// maxNews bounds the pieces of news that are told before pushes get their turn:
	// many who come at once are spread over as many turns as it takes.
	maxNews = 32
)

// presence knows who is here: users with a connection, and those whose last one
// ended a moment ago. A broker that is embedded tells of each connection
// (Connected, Disconnected). One that is not can't be relied on for that: it
// may tell nothing, or not tell that it died. Then whatever a user sends counts
// as a sign of life that lasts for Config.Alive; clients send an up/sync every
// few minutes, so that is more than the time between two.
//
// Of a Shared store, it also knows who is connected to other nodes, as the change log tells,
// and tells there who is to this one.
type presence struct {
	mu    sync.Mutex
	users map[uint64]*attendance
	due   map[uint64]struct{} // users of whom something may have to be told
	marks uint64              // of the connection that began last
	// What other nodes are to be told of connections to this one, if there are others.
	shared bool
	moves  map[place]move
	// They are looked at in rounds, which may take several turns.
	round []uint64  // of due, those who are still to be looked at in this round
	next  time.Time // when something will be due of those looked at; zero if nothing
	grown bool      // something is to be looked at that came after the round began
}

// attendance is one user's being here.
type attendance struct {
	connections int                 // to this node
	clients     map[string]*client  // with these, also for a while after they ended
	elsewhere   map[remote]Presence // connections to other nodes
	last        time.Time           // last sign of life of one who has no connection
	until       time.Time           // when they count as gone
	told        bool                // that they are here
	again       bool                // tell once more: what they share changed
	services    Services            // whose agents were told that they are here
}

// client is one of a user's that is connected to this node, or was a moment ago.
type client struct {
	connections int
	device      uint64
	mark        uint64 // of the newest of them
	told        uint64 // the mark that other nodes are to be told, or were
	followed    uint64 // the mark that came back by the change log
}

// remote is a connection to another node.
type remote struct {
	node   uint64
	client string
}

// Connected says that a user has one connection more, and Disconnected that one ended, of
// which only user, client id and device are looked at. They come in pairs, from any
// goroutine. Where there are other nodes, Connected returns when they are sure to learn of
// the connection, and in which order with others: one that is accepted later takes over from
// one with the same client id, wherever that is. If it returns an error, which wraps a
// *proto.Refusal, there is no connection. Elsewhere neither blocks, nor fails. mark is what
// Config.Oust names the connection by.
func (s *Service) Connected(ctx context.Context, from Sender) (mark uint64, err error) {
	s.presence.change(from.User, func(a *attendance) {
		a.connections++
		c := a.clients[from.Client]
		if c == nil {
			c = new(client)
			if a.clients == nil {
				a.clients = make(map[string]*client)
			}
			a.clients[from.Client] = c
		}
		s.presence.marks++
		mark = s.presence.marks
		c.connections, c.device, c.mark, c.told = c.connections+1, from.Device, mark, mark
	})
	if s.shared != nil {
		began := &moves{began: []Presence{{from.User, from.Client, from.Device, mark}}}
		if _, err := s.commitOne(ctx, began); err != nil {
			s.Disconnected(from)
			return 0, err
		}
	}
	s.nudge()
	return mark, nil
}

// Disconnected undoes Connected.
func (s *Service) Disconnected(from Sender) {
	now := s.now()
	s.presence.change(from.User, func(a *attendance) {
		a.connections--
		if c := a.clients[from.Client]; c != nil {
			c.connections--
		}
		a.last, a.until = now, now.Add(grace)
	})
	s.nudge()
}

// alive takes note of a sign of life, if connections are not told.
func (s *Service) alive(user uint64) {
	if s.lives <= 0 || user == 0 {
		return
	}
	now, first := s.now(), false
	s.presence.change(user, func(a *attendance) {
		first = !a.told
		a.last, a.until = now, now.Add(s.lives)
	})
	if first {
		s.nudge()
	}
}

func (p *presence) change(user uint64, f func(*attendance)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(p.attendance(user))
	p.look(user)
}

// told notes that the agents of services are told that a user is here.
func (p *presence) told(user uint64, services Services) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if a := p.users[user]; a != nil {
		a.services |= services
	}
}

// online reports whether a user is here.
func (p *presence) online(user uint64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.users[user] != nil
}

// local reports whether a user is here by this node.
func (p *presence) local(user uint64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.users[user]
	return a != nil && a.local()
}

// local reports whether the user is here, or was a moment ago, by this node.
func (a *attendance) local() bool { return len(a.clients) > 0 || len(a.elsewhere) == 0 }

// here returns the users who are here by this node, in the order of their ids.
func (p *presence) here() (users []uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for user, a := range p.users {
		if a.local() {
			users = append(users, user)
		}
	}
	slices.Sort(users)
	return users
}

// news is that somebody came, left, or changed what they share.
type news struct {
	user   uint64
	online bool
	left   time.Time // if not online; zero if another node notes it
	again  bool
	moved  bool // to another node, of which nobody is told
	// services are those whose agents were told that the user is here, if not
	// online: they are told of the leaving, also where the user is no agent any more.
	services Services
}

// collect returns what is to be told, by user, maxNews at most, and when there may
// be more; the zero time if nothing is pending.
func (p *presence) collect(now time.Time) (all []news, next time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.round) == 0 {
		p.round, p.next, p.grown = slices.Sorted(maps.Keys(p.due)), time.Time{}, false
	}
	for len(p.round) > 0 && len(all) < maxNews {
		user := p.round[0]
		p.round = p.round[1:]
		a := p.users[user]
		if a == nil {
			delete(p.due, user)
			continue
		}
		over, left := p.settle(user, a, now)
		switch {
		case over && len(a.elsewhere) == 0:
			all = append(all, news{user: user, left: a.last, services: a.services})
			delete(p.users, user)
			delete(p.due, user)
			continue
		case !a.told || a.again:
			all = append(all, news{user: user, online: true, again: a.again})
			a.told, a.again = true, false
		case over && left:
			all = append(all, news{user: user, online: true, moved: true})
			a.last = time.Time{} // by another node
		}
		switch waits := a.waits(); {
		case over || !waits:
			delete(p.due, user)
		case p.next.IsZero() || a.until.Before(p.next):
			p.next = a.until
		}
	}
	if len(p.round) > 0 || p.grown {
		return all, now
	}
	return all, p.next
}

// leave empties the room and returns when everybody was last here.
func (p *presence) leave(now time.Time) lastSeen {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make(lastSeen, len(p.users))
	for user, a := range p.users {
		all[user] = now
		if a.connections <= 0 {
			all[user] = a.last
		}
	}
	p.users, p.due, p.round = nil, nil, nil
	return all
}

// settle notes what other nodes are yet to be told of a user's connections to this one, and
// reports whether the time is over for which the user counts as here by them, and whether
// one was over just now.
func (p *presence) settle(user uint64, a *attendance, now time.Time) (over, left bool) {
	late := !now.Before(a.until)
	for id, c := range a.clients {
		switch {
		case c.connections > 0 && c.told != c.mark:
			c.told = c.mark
			p.move(move{Presence{user, id, c.device, c.mark}, false})
		case c.connections <= 0 && late:
			delete(a.clients, id)
			left = true
			if c.told != 0 {
				p.move(move{Presence{user, id, c.device, c.mark}, true})
			}
		}
	}
	return a.connections <= 0 && late, left
}

// waits reports whether something of the user's is over once the time comes.
func (a *attendance) waits() bool {
	if a.connections <= 0 {
		return len(a.clients) > 0 || len(a.elsewhere) == 0
	}
	for _, c := range a.clients {
		if c.connections <= 0 {
			return true
		}
	}
	return false
}

// lastSeen is when users were last here, on its way into the history.
type lastSeen map[uint64]time.Time

func (r lastSeen) apply(b *batch) (Result, error) {
	for _, id := range slices.Sorted(maps.Keys(r)) {
		u, err := b.tx.User(id)
		if err != nil {
			return Result{}, err
		}
		u.ID, u.LastSeen = id, max(u.LastSeen, uint64(max(0, r[id].UnixMilli())))
		if err := b.tx.PutUser(u); err != nil {
			return Result{}, err
		}
	}
	return Result{}, nil
}

func (r lastSeen) reads(all *Reads) {
	for id := range r {
		all.Users = append(all.Users, id)
	}
}

// announce tells who came and who left, and returns when there may be more.
func (s *Service) announce(ctx context.Context) (next time.Time) {
	all, next := s.presence.collect(s.now())
	gone := make(lastSeen)
	for _, n := range all {
		if !n.online || n.moved {
			s.updates.end(n.user)
			if !n.left.IsZero() {
				gone[n.user] = n.left
			}
		}
	}
	switch {
	case s.shared == nil && len(gone) > 0:
		s.record(ctx, gone)
	case s.shared != nil && !s.share(ctx, gone):
		retry := s.now().Add(shareRetry)
		if next.IsZero() || retry.Before(next) {
			next = retry
		}
	}
	for _, n := range all {
		if !n.moved {
			s.spread(ctx, n)
		}
	}
	return next
}

// record writes down when users left. If that fails, they were last seen
// earlier.
func (s *Service) record(ctx context.Context, gone lastSeen) {
	if _, err := s.commitOne(ctx, gone); err != nil && ctx.Err() == nil {
		s.log.Warn("when users were last seen is not stored", "users", len(gone), "error", err)
	}
}

// spread tells one piece of news to those of its user's audience who are here.
func (s *Service) spread(ctx context.Context, n news) {
	var u User
	var to []uint64
	err := s.store.View(ctx, func(v View) (err error) {
		if u, err = v.User(n.user); err == nil {
			to, err = audience(v, u.Services|n.services, n.user)
		}
		return err
	})
	if err != nil {
		_ = s.failed("presence could not be told", err) // has logged it
		return
	}
	if u.HidePresence && !n.again {
		return
	}
	u.ID = n.user
	if n.online {
		s.presence.told(n.user, u.Services)
	}
	for _, user := range to {
		if s.presence.online(user) {
			s.publishPresence(user, u, n.online)
		}
	}
}

// publishPresence tells to whether u is here, as far as u shares that.
func (s *Service) publishPresence(to uint64, u User, online bool) {
	if payload, err := u.presence(online); err == nil { // complete, as it was made here
		s.fanout.Publish(to, proto.BranchPresence, payload)
	}
}

// presence is what u shares of being here.
func (u User) presence(online bool) ([]byte, error) {
	online = online && !u.HidePresence
	m := &proto.Presence{UserId: &u.ID, Online: &online}
	if !online && !u.HidePresence && u.LastSeen != 0 {
		m.LastSeen = &u.LastSeen
	}
	return proto.Marshal(m)
}

// whoIsHere tells a user who came of those whose presence they are told.
func (s *Service) whoIsHere(ctx context.Context, who Sender, tell func(proto.Branch, []byte) error) error {
	var users []User
	err := s.store.Scan(ctx, func(v View) error {
		ids, err := watched(v, ServicesOf(who.Services), who.User)
		for _, id := range ids {
			if err != nil {
				return err
			}
			var u User
			u, err = v.User(id)
			u.ID = id
			users = append(users, u)
		}
		return err
	})
	if err != nil {
		return s.failed("presence could not be told", err)
	}
	for _, u := range users {
		online := s.presence.online(u.ID)
		if u.HidePresence || !online && u.LastSeen == 0 {
			continue
		}
		payload, err := u.presence(online)
		if err != nil {
			return s.failed("presence could not be told", err)
		}
		if err := tell(proto.BranchPresence, payload); err != nil {
			return err
		}
	}
	return nil
}

// meet notes that a user wrote to another for the first time, who from now on is
// told of their presence: now that they are here.
func (b *batch) meet(user, to uint64) error {
	u, err := b.tx.User(user)
	if err != nil {
		return err
	}
	if u.ID != 0 && !u.Wrote { // of those who were seen
		u.Wrote = true
		if err := b.tx.PutUser(u); err != nil {
			return err
		}
	}
	u.ID = user
	if u.HidePresence || !b.service.presence.online(user) {
		return nil
	}
	payload, err := u.presence(true)
	b.deliver(to, proto.BranchPresence, payload)
	return err
}

// audience returns who is told of a user's presence, maxAudience at most: those
// whom they wrote to, the agents of services that they write with as a customer,
// and their fellow agents. Who merely wrote to them learns nothing, nor do those
// whom they block or who block them.
func audience(v View, services Services, user uint64) ([]uint64, error) {
	c := newCircle(v, user)
	err := c.visit(services, func(row Change) error {
		switch {
		case row.Key.Kind() == proto.Direct:
			if row.Wrote && !row.Apart {
				c.add(row.Key.Peer(user))
			}
		case row.Key.Customer() == user:
			return c.addAgents(row.Key.Service())
		}
		return nil
	})
	return c.users, err
}

// watched returns of whose presence a user is told, maxAudience at most: of those
// in whose audience they are. A customer is told of no agent: these are one voice.
func watched(v View, services Services, user uint64) ([]uint64, error) {
	c := newCircle(v, user)
	err := c.visit(services, func(row Change) error {
		switch {
		case row.Key.Kind() == proto.Direct:
			if row.Heard && !row.Apart {
				c.add(row.Key.Peer(user))
			}
		case row.Key.Agent(user):
			c.add(row.Key.Customer())
		}
		return nil
	})
	return c.users, err
}

// circle collects users around one of them, each once, maxAudience at most.
type circle struct {
	view  View
	user  uint64
	known map[uint64]bool
	users []uint64
}

func newCircle(v View, user uint64) *circle {
	return &circle{view: v, user: user, known: map[uint64]bool{user: true}}
}

func (c *circle) add(users ...uint64) {
	for _, u := range users {
		if !c.known[u] && len(c.users) < maxAudience {
			c.known[u] = true
			c.users = append(c.users, u)
		}
	}
}

func (c *circle) addAgents(service proto.ServiceType) error {
	agents, err := c.view.Agents(service)
	c.add(agents...)
	return err
}

// visit adds the agents of services, which are the user's, and shows the user's
// most recent conversations to f.
func (c *circle) visit(services Services, f func(Change) error) error {
	for _, service := range services.All() {
		if err := c.addAgents(service); err != nil {
			return err
		}
	}
	rows, err := c.view.Recent(c.user, services, maxAudience)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := f(row); err != nil {
			return err
		}
	}
	return nil
}
