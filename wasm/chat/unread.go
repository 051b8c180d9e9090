package chat

import "parley/proto"

// unread is what proto.Unread needs to count what somebody else wrote after my
// watermark. The server gives it for one head and one watermark; what comes
// after that head is kept as what it is, until everything up to the head is
// known and folds in. Repeats and reordering change nothing.
type unread struct {
	head, read uint64
	own        uint64          // entries in (read, head] that do not count
	later      map[uint64]bool // entries after head; true for those that count
}

// entry adds one entry, whatever its place.
func (u *unread) entry(seq uint64, counts bool) {
	if seq <= u.head {
		return
	}
	if seq == u.head+1 { // as most are
		u.next(counts)
		u.fold()
		return
	}
	if u.later == nil {
		u.later = make(map[uint64]bool)
	}
	u.later[seq] = counts
}

func (u *unread) fold() {
	for len(u.later) > 0 {
		counts, known := u.later[u.head+1]
		if !known {
			return
		}
		u.next(counts)
	}
}

// next folds in the entry after head.
func (u *unread) next(counts bool) {
	u.head++
	delete(u.later, u.head)
	if !counts && u.head > u.read {
		u.own++
	}
}

// row takes over what the server says, for its head and watermark.
func (u *unread) row(head, read, own uint64) {
	if head < u.head || read < u.read {
		return
	}
	u.head, u.read, u.own = head, read, own
	for seq := range u.later {
		if seq <= head {
			delete(u.later, seq)
		}
	}
	u.fold()
}

// total returns the count for a watermark. exact is false if what lies between
// is not known: then the total is too high.
func (u *unread) total(read uint64) (count uint64, exact bool) {
	if read < u.head {
		count = proto.Unread(u.head, u.read, u.own)
	}
	for seq, counts := range u.later {
		if counts && seq > read {
			count++
		}
	}
	return count, read == u.read || read >= u.head
}

// rise lets the count begin at a watermark that rose. own is how many of the
// entries passed do not count; it means nothing once the watermark is at the head.
func (u *unread) rise(read, own uint64) {
	if read <= u.read {
		return
	}
	u.read = read
	u.own -= min(u.own, own)
	if read >= u.head {
		u.own = 0
	}
}
