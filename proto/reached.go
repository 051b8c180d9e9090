package proto

import "slices"

// ReachedSpan is how many seqs back from the highest one Reached remembers.
const ReachedSpan = 500

// Step says that a watermark had reached Seq by Time, and so everything up to
// it. Time is in Unix milliseconds by the server's clock.
type Step struct{ Seq, Time uint64 }

// Reached is what is known of when a watermark rose: by when, at the latest,
// it had reached which seq. It is made of steps, and keeps those that say more
// than all others: both Seq and Time rise from each to the next. Whatever is
// added, in any order and however often, the result is the same.
//
// Only the last ReachedSpan seqs up to the highest are remembered, which bounds
// the steps as well. By does not answer for older ones: a later step is true of
// them, too, but may be so much later that it tells nothing. The zero Reached
// knows nothing.
type Reached []Step

// By returns the earliest time by which the watermark is known to have reached
// seq, in Unix milliseconds; 0 if none is known. It is never before it did.
func (r Reached) By(seq uint64) uint64 {
	i, _ := r.find(seq)
	if i == len(r) || r.forgets(seq) {
		return 0
	}
	return r[i].Time
}

// Add adds a step, and returns the lowest seq for which By may answer
// otherwise than before, or 0 if it answers the same for all. A step without
// seq or time says nothing.
func (r *Reached) Add(s Step) (from uint64) {
	old := *r
	if s.Seq == 0 || s.Time == 0 || old.forgets(s.Seq) {
		return 0
	}
	end, same := old.find(s.Seq)
	if end < len(old) && old[end].Time <= s.Time {
		return 0
	}
	if same {
		end++
	}
	// Those below that are not earlier say less.
	begin := end
	for begin > 0 && old[begin-1].Time >= s.Time {
		begin--
	}
	if begin > 0 {
		from = old[begin-1].Seq
	}
	steps := slices.Replace(old, begin, end, s)
	kept := slices.IndexFunc(steps, func(x Step) bool { return !steps.forgets(x.Seq) })
	*r = slices.Delete(steps, 0, kept) // the highest one is always kept
	return from + 1
}

// find returns where the first step is that reached seq, and whether just that.
func (r Reached) find(seq uint64) (at int, exact bool) {
	return slices.BinarySearchFunc(r, seq, func(s Step, seq uint64) int {
		switch {
		case s.Seq < seq:
			return -1
		case s.Seq > seq:
			return 1
		}
		return 0
	})
}

// forgets reports whether seq is further back than what is remembered.
func (r Reached) forgets(seq uint64) bool {
	if len(r) == 0 {
		return false
	}
	highest := r[len(r)-1].Seq
	return seq < highest && highest-seq >= ReachedSpan
}
