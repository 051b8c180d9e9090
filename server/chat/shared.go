package chat

import (
	"context"
	"time"

	"parley/proto"
)

// Shared is a Store that several Services use at once, each in a process of its own: the
// nodes of one cluster. What one of them commits all of them tell their users, in one order
// for everybody: that of the change log, a transactional outbox, in which each transaction
// leaves a record of what it has to tell. A Store that one Service uses alone has no need of
// it, since that tells its users what it has committed itself.
//
// A node is known by its Start.
type Shared interface {
	Store
	// Now is the time of a transaction, in Unix milliseconds, by a clock that all nodes have
	// in common: not before that of a transaction whose record comes before its own.
	Now(Tx) (uint64, error)
	// LastStart is the Start that is the last in the state that a View reads.
	LastStart(View) (uint64, error)
	// Log lets a transaction leave a record in the change log. Of several the last counts.
	Log(tx Tx, record []byte)
	// Follow hands over what nodes tell each other until ctx is done: the records that came
	// after this node was opened, in their order and each once, its own included. It is
	// called once.
	Follow(ctx context.Context, to Follower)
	// Signal sends to all nodes, this one excepted, what may be lost: to those that do not
	// follow at the moment, and where too much is sent. It does not block.
	Signal(signal []byte)
	// Attend keeps in a transaction which connections began and ended at this node. Where one
	// has ended that another came after, by its Mark, the other stays.
	Attend(tx Tx, began, ended []Presence) error
	// Attendance calls each for who is connected to which node.
	Attendance(v View, each func(node uint64, p Presence)) error
	// Expired returns the nodes, this one excepted, that have not shown for a while that they
	// are there: who is connected to them counts as gone. The clock is the database's.
	Expired(View) ([]uint64, error)
	// Remove forgets a node with its Attendance, and notes when those were seen last who were
	// connected to it. It reports whether the node was still known, and still expired.
	Remove(tx Tx, node uint64) (bool, error)
	// Leads reports whether this node is the one that does what one of them has to do. For a
	// moment there may be two, or none.
	Leads() bool
	// Mixed reports whether a node of an earlier version may be there, which would not do what
	// it does not know of.
	Mixed() bool
}

// Follower is who follows a change log.
type Follower interface {
	// Told takes the next record. One that is nil says that what the history as a whole says
	// may be another: its epoch.
	Told(record []byte)
	// Heard takes a signal, at any time.
	Heard(signal []byte)
	// Lagged says that records are gone which were not handed over: this node was away for
	// longer than they are kept. Those that follow come next.
	Lagged()
}

// Presence is that a user is connected by an MQTT client id. By user and client id it is the
// only one at a node.
type Presence struct {
	User   uint64
	Client string
	Device uint64 // as Sender.Device
	// Mark tells the connection from those at the node before it: it is higher.
	Mark uint64
}

// sweepEvery is how often it is looked whether other nodes are gone.
const sweepEvery = 2 * time.Second

// Follow tells what the nodes of a Shared store commit, for as long as that store follows.
// Run calls it by itself; whoever drives a Service by hand does so once.
func (s *Service) Follow(ctx context.Context) { s.shared.Follow(ctx, follower{ctx, s}) }

// follower is a Service that follows.
type follower struct {
	ctx     context.Context
	service *Service
}

// Told implements Follower.
func (f follower) Told(record []byte) {
	f.survive(func() {
		if record == nil {
			f.service.rereadEpoch(f.ctx)
			return
		}
		o, err := decodeOutbox(record)
		if err != nil {
			f.service.log.Error("a record of the change log cannot be read", "error", err)
			return
		}
		f.service.committed(o)
	})
}

// Heard implements Follower.
func (f follower) Heard(signal []byte) {
	f.survive(func() {
		o, err := decodeOutbox(signal)
		if err != nil {
			f.service.log.Warn("what another node told cannot be read", "error", err)
			return
		}
		for _, d := range o.out {
			f.service.fanout.Publish(d.user, d.branch, d.payload)
		}
	})
}

// Lagged implements Follower: nobody knows what those who are here were not told, nor whose
// device was signed out. They connect again, to any node, and sync.
func (f follower) Lagged() {
	f.survive(func() {
		s := f.service
		s.log.Warn("this node lags so far behind the others that it was not told all: its users connect again")
		s.terms.change()
		s.rereadEpoch(f.ctx)
		if err := s.attend(f.ctx); err != nil {
			return // logged
		}
		for _, user := range s.presence.here() {
			s.end(user, func(uint64) bool { return true }, proto.Refuse(proto.ServerBusy, "this server was away for a while: connect again").Named("try-again"))
		}
	})
}

// survive runs f, except that a panic costs what was about to be told, and no more.
func (f follower) survive(tell func()) {
	defer func() {
		if p := recover(); p != nil {
			f.service.faults.Recovered("telling what was committed", p)
		}
	}()
	tell()
}

// rereadEpoch learns the epoch from the history.
func (s *Service) rereadEpoch(ctx context.Context) {
	var epoch uint64
	err := s.store.View(ctx, func(v View) (err error) {
		epoch, err = v.Epoch()
		return err
	})
	switch {
	case err != nil:
		_ = s.failed("the epoch could not be read", err) // has logged it; the next answers tell
	case epoch != s.epoch.Load():
		s.announceEpoch(epoch)
	}
}

// attend learns who is connected to the other nodes.
func (s *Service) attend(ctx context.Context) error {
	all := make(map[uint64][]Presence)
	err := s.store.Scan(ctx, func(v View) error {
		clear(all)
		return s.shared.Attendance(v, func(node uint64, p Presence) {
			if node != s.store.Start() {
				all[node] = append(all[node], p)
			}
		})
	})
	if err != nil {
		return s.failed("who is connected to other nodes could not be read", err)
	}
	s.presence.attend(all)
	return nil
}

// sweep looks again and again for nodes that are gone, until ctx is done. Run owns it.
func (s *Service) sweep(ctx context.Context) {
	for sleep(ctx, sweepEvery) {
		if err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("it could not be seen which nodes are gone", "error", err)
		}
	}
}

// Sweep tells of other nodes that are gone. Run calls it by itself; whoever drives a Service
// by hand may.
func (s *Service) Sweep(ctx context.Context) error {
	var gone []uint64
	err := s.store.View(ctx, func(v View) (err error) {
		gone, err = s.shared.Expired(v)
		return err
	})
	if err == nil && len(gone) > 0 {
		_, err = s.commitOne(ctx, removal(gone))
	}
	return err
}

// removal is nodes that are gone, on their way out of the history.
type removal []uint64

func (r removal) apply(b *batch) (Result, error) {
	for _, node := range r {
		known, err := b.service.shared.Remove(b.tx, node)
		if err != nil {
			return Result{}, err
		}
		if known {
			b.gone = append(b.gone, node)
		}
	}
	return Result{}, nil
}

// moves are connections that began and ended at this node, and when those were last seen
// who are connected nowhere any more, on their way into the history.
type moves struct {
	began, ended []Presence
	seen         lastSeen
}

func (m *moves) apply(b *batch) (Result, error) {
	if _, err := m.seen.apply(b); err != nil || len(m.began)+len(m.ended) == 0 {
		return Result{}, err
	}
	b.began, b.left = append(b.began, m.began...), append(b.left, m.ended...)
	b.node = b.service.store.Start()
	return Result{}, b.service.shared.Attend(b.tx, m.began, m.ended)
}

// leads reports whether this Service does what one of them has to do.
func (s *Service) leads() bool { return s.shared == nil || s.shared.Leads() }

// mixed reports that what the version before did not know of has to wait, as its nodes may be there.
func (s *Service) mixed() bool { return s.shared != nil && s.shared.Mixed() }

// startIn is the Start under which what v reads is told.
func (s *Service) startIn(v View) (uint64, error) {
	if s.shared == nil {
		return s.store.Start(), nil
	}
	return s.shared.LastStart(v)
}
