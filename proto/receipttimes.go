package proto

// ReceiptTimesSpan is how many seqs back from the highest one ReceiptTimes remembers.
const ReceiptTimesSpan = 500

// Step says that a watermark had reached Seq by Time, and so everything up to
// it. Time is in Unix milliseconds by the server's clock.
type Step struct{ Seq, Time uint64 }

// ReceiptTimes is what is known of when a watermark rose: by when, at the latest,
// it had reached which seq. It is made of steps, and keeps those that say more
// than all others: both Seq and Time rise from each to the next. Whatever is
// added, in any order and however often, the result is the same.
//
// Only the last ReceiptTimesSpan seqs up to the highest are remembered, which bounds
// the steps as well. By does not answer for older ones: a later step is true of
// them, too, but may be so much later that it tells nothing. The zero ReceiptTimes
// knows nothing.
type ReceiptTimes []Step

// By returns the earliest time by which the watermark is known to have reached
// seq, in Unix milliseconds; 0 if none is known. It is never before it did.
func (r ReceiptTimes) By(seq uint64) uint64 {
	i := r.find(seq)
	if i == len(r) || r.forgets(seq) {
		return 0
	}
	return r[i].Time
}

// Add adds a step, and returns the lowest seq for which By may answer
// otherwise than before, or 0 if it answers the same for all. A step without
// seq or time says nothing.
func (r *ReceiptTimes) Add(s Step) (from uint64) {
	steps := *r
	if s.Seq == 0 || s.Time == 0 || steps.forgets(s.Seq) {
		return 0
	}
	end := steps.find(s.Seq)
	if end < len(steps) && steps[end].Time <= s.Time {
		return 0
	}
	// Those that reached no more, and no earlier, say less.
	begin := end
	for begin > 0 && steps[begin-1].Time >= s.Time {
		begin--
	}
	if end < len(steps) && steps[end].Seq == s.Seq {
		end++
	}
	if begin > 0 {
		from = steps[begin-1].Seq
	}
	added := append(ReceiptTimes{s}, steps[end:]...)
	steps = append(steps[:begin], added...)
	for steps.forgets(steps[0].Seq) {
		steps = steps[1:]
	}
	*r = steps
	return from + 1
}

// find returns where the first step is that reached seq; the end if none did.
// What is asked for is mostly near the end.
func (r ReceiptTimes) find(seq uint64) int {
	at := len(r)
	for at > 0 && r[at-1].Seq >= seq {
		at--
	}
	return at
}

// forgets reports whether seq is further back than what is remembered.
func (r ReceiptTimes) forgets(seq uint64) bool {
	if len(r) == 0 {
		return false
	}
	highest := r[len(r)-1].Seq
	return seq < highest && highest-seq >= ReceiptTimesSpan
}
