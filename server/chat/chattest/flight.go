package chattest

import (
	"fmt"

	"parley/server/chat"
)

// Flight is a transaction that was made, and is on its way to the disk. Whoever drives it says when it is
// there.
type Flight struct {
	m      *Memory
	base   *memoryState // that it was made of
	newest *memoryState // what changed last of that
	own    *memoryState // what it changes
	now    uint64       // when it is, of a node's: Unix milliseconds
	landed func()       // called once it has landed; nil: nothing is to be done then
}

// Fly makes a transaction of what is on the disk or, where before is not nil and on its way, of what that will
// leave there.
func (m *Memory) Fly(change func(chat.Tx) error, before *Flight) (*Flight, error) {
	return m.fly(change, before, true)
}

func (m *Memory) fly(change func(chat.Tx) error, before *Flight, beside bool) (f *Flight, err error) {
	f = &Flight{m: m}
	if before != nil {
		f.base, f.newest = before.leaves(), before.own
	} else if f.base, f.newest, err = m.hold(); err != nil {
		return nil, err
	}
	f.own = newMemoryState(f.base)
	f.own.beside = beside
	if err := change(memoryTx{memoryView{f.own}}); err != nil {
		f.GiveUp()
		return nil, fmt.Errorf("update the history: %w", err)
	}
	return f, nil
}

// Fly is that of the history, for a node.
func (n *Node) Fly(change func(chat.Tx) error, before *Flight) (*Flight, error) {
	p := n.begin()
	if before != nil {
		p.now = max(p.now, before.now)
	}
	f, err := n.Memory.Fly(change, before)
	if n.pending = nil; err != nil {
		return nil, err
	}
	f.now, f.landed = p.now, func() { n.commit(p) }
	return f, nil
}

// leaves is the state behind the transaction, of which nobody sees anything yet.
func (f *Flight) leaves() *memoryState {
	state := f.base.clone()
	state.merge(f.own)
	return state
}

// Land puts it on the disk, and reports whether it did: nothing is where anything else was written since what it
// was made of, or that was not. Then it has to be made again.
func (f *Flight) Land() bool {
	f.GiveUp()
	m := f.m
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.newest != f.newest || m.closed {
		return false
	}
	if m.readers > 0 { // they go on reading what they began with
		m.state, m.readers = m.state.clone(), 0
	}
	m.state.merge(f.own)
	m.newest = f.own
	if f.landed != nil {
		f.landed()
	}
	return true
}

// GiveUp lets what it was made of be changed: it does not land, or has.
func (f *Flight) GiveUp() {
	f.m.release(f.base)
	f.base = nil
}
