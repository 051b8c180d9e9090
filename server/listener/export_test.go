package listener

import "container/list"

// Served is how many connections have a request in work.
func (l *Listener) Served() int { return l.length(&l.served) }

// Waiting is how many connections wait for a request.
func (l *Listener) Waiting() int { return l.length(&l.waiting) }

func (l *Listener) length(of *list.List) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return of.Len()
}

// Addresses is how many clients are remembered.
func (l *Listener) Addresses() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.clients)
}
