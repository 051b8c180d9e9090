package chat

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// termBits is how many bits a term has. A page of 64 messages has one to five thousand terms, so that one in a
// thousand to one in two hundred pages is read in vain for a term that is on none.
const termBits = 20

// A term is what a search can look for, as a hash: a word's beginning, a character or two that follow one another, a
// sender, a kind.
type term = uint32

// A Filter is the set of the terms of a page, packed: it is exact, but that two terms may have the same hash.
// It holds the Rice parameter, a byte, then for each sixteenth of all hashes its length and the steps from one to the
// next, Rice-coded: a lookup reads one of them.
type Filter []byte

const (
	filterParts = 16
	partBits    = termBits - 4
)

// newFilter packs terms, which it sorts.
func newFilter(terms []term) Filter {
	slices.Sort(terms)
	terms = slices.Compact(terms)
	k := 0
	if n := len(terms); n > 0 {
		k = max(0, bits.Len32(uint32((1<<termBits)/n))-1)
	}
	f := append(make(Filter, 0, 1+2*filterParts+len(terms)*(k+2)/8), byte(k))
	for part := range term(filterParts) {
		n, _ := slices.BinarySearch(terms, (part+1)<<partBits)
		steps := packSteps(terms[:n], part<<partBits, k)
		f = append(binary.AppendUvarint(f, uint64(len(steps))), steps...)
		terms = terms[n:]
	}
	return f
}

// packSteps writes how far each term is from the one before, of which from is the first possible: as many ones as
// the step has 2^k, a zero, and k bits more. What is left of the last byte is ones.
func packSteps(terms []term, from term, k int) []byte {
	var b []byte
	var pending uint64
	n := 0
	put := func(v uint64, count int) {
		pending |= v << n
		for n += count; n >= 8; n -= 8 {
			b = append(b, byte(pending))
			pending >>= 8
		}
	}
	for _, t := range terms {
		step := t - from
		for range step >> k {
			put(1, 1)
		}
		put(uint64(step&(1<<k-1))<<1, k+1)
		from = t + 1
	}
	if n > 0 {
		b = append(b, byte(pending|0xFF<<n))
	}
	return b
}

// steps reads what packSteps wrote, and calls yield with each term until that returns false.
func (f Filter) steps(part term, packed []byte, yield func(term) bool) {
	k := int(f[0])
	if k > termBits {
		return
	}
	next, end := uint64(part)<<partBits, uint64(part+1)<<partBits
	r := bitReader{left: packed}
	for {
		ones, more := r.ones()
		low, enough := r.take(k)
		if next += ones<<k | low; !more || !enough || next >= end {
			return
		}
		if !yield(term(next)) {
			return
		}
		next++
	}
}

// bitReader reads bits, the lowest of each byte first.
type bitReader struct {
	left    []byte
	pending uint64
	n       int // bits of pending
}

func (r *bitReader) fill() {
	for r.n <= 56 && len(r.left) > 0 {
		r.pending |= uint64(r.left[0]) << r.n
		r.n, r.left = r.n+8, r.left[1:]
	}
}

// ones reads ones and the zero that ends them; more is false if there is none.
func (r *bitReader) ones() (count uint64, more bool) {
	for {
		r.fill()
		n := bits.TrailingZeros64(^r.pending)
		count += uint64(n)
		if n < r.n {
			r.pending, r.n = r.pending>>(n+1), r.n-n-1
			return count, true
		}
		if r.pending, r.n = 0, 0; len(r.left) == 0 {
			return count, false
		}
	}
}

// take reads k bits; enough is false if there are less.
func (r *bitReader) take(k int) (v uint64, enough bool) {
	if r.fill(); r.n < k {
		return 0, false
	}
	v = r.pending & (1<<k - 1)
	r.pending, r.n = r.pending>>k, r.n-k
	return v, true
}

// parts calls visit with each part until it returns false. What is cut off has no parts.
func (f Filter) parts(visit func(part term, packed []byte) bool) {
	if len(f) == 0 {
		return
	}
	rest := f[1:]
	for part := range term(filterParts) {
		n, size := binary.Uvarint(rest)
		if size <= 0 || n > uint64(len(rest)-size) {
			return
		}
		if !visit(part, rest[size:size+int(n)]) {
			return
		}
		rest = rest[size+int(n):]
	}
}

// has reports whether a term is in the set.
func (f Filter) has(t term) (found bool) {
	f.parts(func(part term, packed []byte) bool {
		if part < t>>partBits {
			return true
		}
		f.steps(part, packed, func(x term) bool {
			found = x == t
			return x < t
		})
		return false
	})
	return found
}

// terms returns the set, sorted.
func (f Filter) terms() (all []term) {
	f.parts(func(part term, packed []byte) bool {
		f.steps(part, packed, func(x term) bool {
			all = append(all, x)
			return true
		})
		return true
	})
	return all
}
