package httpapi

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// lines let everybody have a few requests in work and some more wait, each in a
// line of their own, so that nobody waits behind another's. Safe for concurrent
// use. The room that it takes is bounded by the requests there are.
type lines[K comparable] struct {
	width  int // in work at the same time, of one
	length int // waiting, of one

	mu   sync.Mutex
	each map[K]*line
}

// line is one's requests.
type line struct {
	working int
	waiting []chan struct{} // closed when it is their turn; who came first is first
}

// errFull tells that nobody else may wait in a line.
var errFull = errors.New("the line is full")

func newLines[K comparable](width, length int) *lines[K] {
	return &lines[K]{width: width, length: length, each: make(map[K]*line)}
}

// enter waits until a request may be worked on; whoever was let in calls leave,
// once, when that is done. The error is errFull, or that of ctx.
func (l *lines[K]) enter(ctx context.Context, who K) (leave func(), err error) {
	leave = func() { l.leave(who) }
	turn, err := l.join(who)
	if turn == nil {
		return leave, err
	}
	select {
	case <-turn:
		return leave, nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	one := l.each[who]
	i := slices.Index(one.waiting, turn)
	if i >= 0 {
		one.waiting = slices.Delete(one.waiting, i, i+1)
	}
	l.mu.Unlock()
	if i < 0 { // it was their turn at the same moment
		leave()
	}
	return nil, ctx.Err()
}

// join returns nil if the request may be worked on at once, or errFull.
func (l *lines[K]) join(who K) (turn chan struct{}, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	one := l.each[who]
	switch {
	case one == nil:
		l.each[who] = &line{working: 1}
	case one.working < l.width:
		one.working++
	case len(one.waiting) >= l.length:
		return nil, errFull
	default:
		turn = make(chan struct{})
		one.waiting = append(one.waiting, turn)
	}
	return turn, nil
}

// leave gives the place in work to whoever waits for it.
func (l *lines[K]) leave(who K) {
	l.mu.Lock()
	defer l.mu.Unlock()
	one := l.each[who]
	if len(one.waiting) > 0 {
		close(one.waiting[0])
		one.waiting = one.waiting[1:]
		return
	}
	if one.working--; one.working == 0 {
		delete(l.each, who)
	}
}
