package chat

import "slices"

// ranges is a set of seqs: ascending ranges that neither touch nor overlap.
type ranges []Range

// has reports whether seq is in the set.
func (r ranges) has(seq uint64) bool {
	i, found := slices.BinarySearchFunc(r, seq, func(x Range, seq uint64) int {
		switch {
		case x.To < seq:
			return -1
		case x.From > seq:
			return 1
		}
		return 0
	})
	return found && i < len(r)
}

// add returns the set with from to to in it.
func (r ranges) add(from, to uint64) ranges {
	joined := Range{from, to}
	out := make(ranges, 0, len(r)+1)
	placed := false
	for _, x := range r {
		switch {
		case x.To < from && x.To+1 < from:
			out = append(out, x)
		case to < x.From && to+1 < x.From:
			if !placed {
				out, placed = append(out, joined), true
			}
			out = append(out, x)
		default:
			joined = Range{min(joined.From, x.From), max(joined.To, x.To)}
		}
	}
	if !placed {
		out = append(out, joined)
	}
	return out
}

// remove returns the set without from to to.
func (r ranges) remove(from, to uint64) ranges {
	out := make(ranges, 0, len(r)+1)
	for _, x := range r {
		if x.To < from || x.From > to {
			out = append(out, x)
			continue
		}
		if x.From < from {
			out = append(out, Range{x.From, from - 1})
		}
		if x.To > to {
			out = append(out, Range{to + 1, x.To})
		}
	}
	return out
}

// without returns the set without what is in another.
func (r ranges) without(other ranges) ranges {
	for _, x := range other {
		r = r.remove(x.From, x.To)
	}
	return r
}

// missing returns what of from to to is not in the set, ascending.
func (r ranges) missing(from, to uint64) []Range {
	var out []Range
	for _, x := range r {
		if from > to || x.From > to {
			break
		}
		if x.To < from {
			continue
		}
		if x.From > from {
			out = append(out, Range{from, x.From - 1})
		}
		if x.To == ^uint64(0) {
			return out
		}
		from = x.To + 1
	}
	if from <= to {
		out = append(out, Range{from, to})
	}
	return out
}

// through returns the last seq up to which everything after seq is in the set;
// seq itself if the next one is missing.
func (r ranges) through(seq uint64) uint64 {
	for _, x := range r {
		if x.From <= seq+1 && seq < x.To {
			return x.To
		}
	}
	return seq
}

// count returns how many seqs of from to to are in the set.
func (r ranges) count(from, to uint64) (n uint64) {
	for _, x := range r {
		if x.From <= to && x.To >= from {
			n += min(x.To, to) - max(x.From, from) + 1
		}
	}
	return n
}

// highest returns the highest seq <= limit in the set, 0 if there is none.
func (r ranges) highest(limit uint64) uint64 {
	for _, x := range slices.Backward(r) {
		if x.From <= limit {
			return min(x.To, limit)
		}
	}
	return 0
}
