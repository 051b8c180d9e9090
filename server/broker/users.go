package broker

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"parley/proto"
)

// users knows who is connected, and how fast each may go.
type users struct {
	rate  rate.Limit
	burst int
	max   int // sessions per user

	mu    sync.RWMutex
	byID  map[uint64]*user
	count int // sessions
}

// user is somebody who is connected, or was until a short while ago.
type user struct {
	limiter  *rate.Limiter       // publications, of all sessions together
	repeats  *rate.Limiter       // refused ones and requests to sync, likewise
	sessions map[string]*session // by client id
	forget   *time.Timer         // runs while there is no session
}

func newUsers(limit rate.Limit, burst, max int) *users {
	return &users{rate: limit, burst: burst, max: max, byID: make(map[uint64]*user)}
}

// add makes s a session of its sender. An older session with the same client id
// is one no more; it is returned, to be ended.
func (u *users) add(s *session) (older *session, _ *proto.Refusal) {
	u.mu.Lock()
	defer u.mu.Unlock()
	one := u.byID[s.sender.User]
	if one == nil {
		one = &user{
			limiter:  rate.NewLimiter(u.rate, u.burst),
			repeats:  rate.NewLimiter(repeatRate, repeatBurst),
			sessions: make(map[string]*session),
		}
		u.byID[s.sender.User] = one
	}
	older = one.sessions[s.sender.Client]
	if older == nil && len(one.sessions) >= u.max {
		return nil, proto.Refuse(proto.QuotaExceeded, "a user may have %d connections: close one of the others", u.max).Named("too-many-connections", u.max)
	}
	if older == nil {
		u.count++
	}
	if one.forget != nil {
		one.forget.Stop()
		one.forget = nil
	}
	one.sessions[s.sender.Client] = s
	s.user = one
	return older, nil
}

// remove undoes add, if it was done and nobody took over.
func (u *users) remove(s *session) {
	if s.user == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	one := s.user
	if one.sessions[s.sender.Client] != s {
		return
	}
	delete(one.sessions, s.sender.Client)
	u.count--
	if len(one.sessions) == 0 {
		one.forget = time.AfterFunc(u.memory(), func() { u.drop(s.sender.User, one) })
	}
}

// memory is how long the rates of somebody who left must be remembered, so that
// connecting again does not grant another burst.
func (u *users) memory() time.Duration {
	const repeats = repeatBurst / repeatRate * time.Second
	if u.rate == rate.Inf {
		return repeats
	}
	return max(repeats, time.Duration(float64(u.burst)/float64(u.rate)*float64(time.Second)))
}

func (u *users) drop(id uint64, one *user) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(one.sessions) == 0 && u.byID[id] == one {
		delete(u.byID, id)
	}
}

// each calls f for each session of a user. f must not block, nor call users.
func (u *users) each(id uint64, f func(*session)) {
	u.mu.RLock()
	defer u.mu.RUnlock()
	if one := u.byID[id]; one != nil {
		for _, s := range one.sessions {
			f(s)
		}
	}
}

// find returns the session of a user's client id; nil if there is none.
func (u *users) find(id uint64, client string) *session {
	u.mu.RLock()
	defer u.mu.RUnlock()
	if one := u.byID[id]; one != nil {
		return one.sessions[client]
	}
	return nil
}

func (u *users) connections() int {
	u.mu.RLock()
	defer u.mu.RUnlock()
	return u.count
}
