package gateway

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"parley/proto"
)

const (
	// overhead is what a publication counts as beside its payload, in bytes.
	overhead = 160
	// ephemeralShare is the part of the queue that what is ephemeral may fill.
	ephemeralShare = 4
	// answersWaiting is how many bytes may wait before the answer to a sync goes on.
	answersWaiting = 1 << 20
	// maxOwed bounds the users who are known to have missed something.
	maxOwed = 100_000
	// maxOwedAtOnce is how many of them are told at a time.
	maxOwedAtOnce = 256
)

// publication is a PUBLISH on its way to the broker.
type publication struct {
	user    uint64
	branch  proto.Branch
	payload []byte
	place   uint64 // in the Log; 0 for none
	settled bool   // acknowledged, or sent if that is all there is to it
}

func (p *publication) qos() byte {
	if ephemeral(p.branch) {
		return 0
	}
	return 1
}

func (p *publication) cost() int { return len(p.payload) + overhead }

// places are those in the Log that were passed. The newest may go on, so that it is done
// when the next begins.
type places struct{ done, newest uint64 }

func (p *places) pass(place uint64) {
	if place > p.newest {
		p.done, p.newest = p.newest, place
	}
}

// queue is what the broker has not acknowledged, in order. It outlives connections.
type queue struct {
	limit int // bytes

	mu      sync.Mutex
	closed  bool           // takes nothing
	waiting []*publication // the first sent of them were sent on this connection
	sent    int
	size    int                 // bytes
	places  places              // that were settled
	owed    map[uint64]struct{} // users who are to be told to sync
	room    chan struct{}       // closed when size fell; nil if nobody waits for that
	wake    func()              // the connection's, to be told that there is something; nil
}

func newQueue(limit int) *queue {
	return &queue{limit: limit, owed: make(map[uint64]struct{})}
}

// open lets the queue take publications, or empties it and lets it take none.
func (q *queue) open(open bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = !open
	if !open {
		q.waiting, q.sent, q.size = nil, 0, 0
		clear(q.owed)
		q.freed()
	}
}

// attend sets whom to tell that there is something to send.
func (q *queue) attend(wake func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.wake = wake
}

// add appends a publication. It reports false for one that found no room, whose user is
// owed to be told, unless it was ephemeral.
func (q *queue) add(p publication) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return true // it is another node's to publish it
	}
	limit := q.limit
	if ephemeral(p.branch) {
		limit /= ephemeralShare
	}
	if q.size+p.cost() > limit {
		q.owe(p)
		return false
	}
	q.push(&p)
	return true
}

func (q *queue) push(p *publication) {
	q.waiting = append(q.waiting, p)
	q.size += p.cost()
	if q.wake != nil {
		q.wake()
	}
}

// owe notes that a user missed something.
func (q *queue) owe(p publication) {
	if !ephemeral(p.branch) && len(q.owed) < maxOwed {
		q.owed[p.user] = struct{}{}
	}
}

// miss notes that the broker would not take a publication.
func (q *queue) miss(p *publication) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.owe(*p)
}

// next returns the first publication that was not sent yet, and counts it as sent; nil if
// there is none, or it has to be acknowledged and acknowledged is false.
func (q *queue) next(acknowledged bool) *publication {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.sent == len(q.waiting) {
		return nil
	}
	p := q.waiting[q.sent]
	if p.qos() > 0 && !acknowledged {
		return nil
	}
	q.sent++
	return p
}

// debts takes some of the users who are owed to be told, once all else was sent and there
// is room again.
func (q *queue) debts() []uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.owed) == 0 || q.sent < len(q.waiting) || q.size > q.limit/2 {
		return nil
	}
	users := slices.Sorted(maps.Keys(q.owed))
	users = users[:min(len(users), maxOwedAtOnce)]
	for _, user := range users {
		delete(q.owed, user)
	}
	return users
}

// settle takes note that a publication is the broker's now, and forgets what is settled
// with all before it.
func (q *queue) settle(p *publication) {
	q.mu.Lock()
	defer q.mu.Unlock()
	p.settled = true
	before := q.size
	for q.sent > 0 && q.waiting[0].settled {
		q.drop()
	}
	if q.size < before {
		q.freed()
	}
}

// drop forgets the first publication.
func (q *queue) drop() {
	q.size -= q.waiting[0].cost()
	q.places.pass(q.waiting[0].place)
	q.waiting[0] = nil
	q.waiting = q.waiting[1:]
	q.sent--
}

// freed tells those who wait for room.
func (q *queue) freed() {
	if q.room != nil {
		close(q.room)
		q.room = nil
	}
}

// rewind says that the connection ended: what is not settled is to be sent again, in order.
func (q *queue) rewind() {
	q.mu.Lock()
	defer q.mu.Unlock()
	again := q.waiting[:0:0]
	for i, p := range q.waiting {
		if i < q.sent && p.settled {
			q.size -= p.cost()
			continue
		}
		again = append(again, p)
	}
	q.waiting, q.sent, q.wake = again, 0, nil
	q.freed()
}

// wait waits until at most so many bytes wait.
func (q *queue) wait(ctx context.Context, bytes int) error {
	for {
		q.mu.Lock()
		if q.size <= bytes {
			q.mu.Unlock()
			return nil
		}
		if q.closed {
			q.mu.Unlock()
			return errors.New("gateway: this node does not lead")
		}
		if q.room == nil {
			q.room = make(chan struct{})
		}
		room := q.room
		q.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// reached is the place up to which all is settled.
func (q *queue) reached() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.places.done
}

// load is how much waits: publications, bytes, and users who are owed.
func (q *queue) load() (publications, bytes, owed int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting), q.size, len(q.owed)
}
