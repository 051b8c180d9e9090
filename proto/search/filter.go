package search

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// Shards is how many parts an index is kept in, by the highest bits of a term: a search reads those of what it looks
// for alone.
const Shards = 8

const shardBits = termBits - 3

// ShardOf is in which part of an index a term is.
func ShardOf(t Term) int { return int(t >> shardBits) }

// A Filter is the set of the terms of a page that are in one shard, packed: it is exact, but that two terms may have
// the same hash. It holds the Rice parameter, a byte, then the steps from one term to the next, Rice-coded.
type Filter []byte

// Filters are the set of the terms of a page.
type Filters [Shards]Filter

// NewFilters packs terms, which it sorts.
func NewFilters(terms []Term) (all Filters) {
	sortTerms(terms)
	terms = slices.Compact(terms)
	for shard := range all {
		first := Term(shard) << shardBits
		n, _ := slices.BinarySearch(terms, first+1<<shardBits)
		k := 0
		if n > 0 {
			k = max(0, bits.Len32(uint32((1<<shardBits)/n))-1)
		}
		all[shard] = packSteps(append(make(Filter, 0, 1+n*(k+2)/8+1), byte(k)), terms[:n], first, k)
		terms = terms[n:]
	}
	return all
}

// sortTerms sorts by the lower half of the bits, then by the upper half: a page has so many terms that comparing them
// would take most of what its index takes.
func sortTerms(terms []Term) {
	const half = termBits / 2
	from, to := terms, make([]Term, len(terms))
	for shift := 0; shift < termBits; shift += half {
		var starts [1<<half + 1]int
		for _, t := range from {
			starts[t>>shift&(1<<half-1)+1]++
		}
		for i := range 1 << half {
			starts[i+1] += starts[i]
		}
		for _, t := range from {
			at := &starts[t>>shift&(1<<half-1)]
			to[*at] = t
			*at++
		}
		from, to = to, from
	}
}

// packSteps writes how far each term is from the one before, of which from is the first possible: as many ones as
// the step has 2^k, a zero, and k bits more. What is left of the last byte is ones.
func packSteps(b []byte, terms []Term, from Term, k int) []byte {
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
		ones := int(step >> k)
		for ; ones > 32; ones -= 32 {
			put(1<<32-1, 32)
		}
		put(1<<ones-1|uint64(step&(1<<k-1))<<(ones+1), ones+k+1)
		from = t + 1
	}
	if n > 0 {
		b = append(b, byte(pending|0xFF<<n))
	}
	return b
}

// steps reads a filter.
type steps struct {
	bits bitReader
	k    int
	next uint64 // the lowest that the next term may be
	end  uint64
}

func (f Filter) steps(shard int) steps {
	if len(f) == 0 || f[0] > shardBits {
		return steps{}
	}
	return steps{bits: bitReader{left: f[1:]}, k: int(f[0]), next: uint64(shard) << shardBits, end: uint64(shard+1) << shardBits}
}

// step returns the next term; more is false if there is none.
func (s *steps) step() (t Term, more bool) {
	ones, more := s.bits.ones()
	low, enough := s.bits.take(s.k)
	at := s.next + ones<<s.k + low
	s.next = at + 1
	return Term(at), more && enough && at < s.end
}

// bitReader reads bits, the lowest of each byte first.
type bitReader struct {
	left    []byte
	pending uint64
	n       int // bits of pending
}

func (r *bitReader) fill() {
	if len(r.left) >= 8 && r.n < 64 { // most of the time: a search reads millions
		r.pending |= binary.LittleEndian.Uint64(r.left) << r.n
		whole := (63 - r.n) / 8
		r.n, r.left = r.n+8*whole, r.left[whole:]
		r.pending &= 1<<r.n - 1
		return
	}
	for r.n <= 56 && len(r.left) > 0 {
		r.pending |= uint64(r.left[0]) << r.n
		r.n, r.left = r.n+8, r.left[1:]
	}
}

// ones reads ones and the zero that ends them; more is false if there is none.
func (r *bitReader) ones() (count uint64, more bool) {
	for {
		if r.n < 32 {
			r.fill()
		}
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
	if r.n < k {
		r.fill()
	}
	if r.n < k {
		return 0, false
	}
	v = r.pending & (1<<k - 1)
	r.pending, r.n = r.pending>>k, r.n-k
	return v, true
}

// has reports whether a term is in the filter of its shard.
func (f Filter) has(t Term) bool {
	s := f.steps(ShardOf(t))
	for {
		if x, more := s.step(); !more || x >= t {
			return more && x == t
		}
	}
}

// Terms returns all terms, sorted.
func (f *Filters) Terms() (all []Term) {
	for shard, of := range f {
		s := of.steps(shard)
		for t, more := s.step(); more; t, more = s.step() {
			all = append(all, t)
		}
	}
	return all
}

// HasAll reports whether all of terms are in the set.
func (f *Filters) HasAll(terms []Term) bool {
	for _, t := range terms {
		if !f.Has(t) {
			return false
		}
	}
	return true
}

// Has reports whether a term is in the set.
func (f *Filters) Has(t Term) bool { return f[ShardOf(t)].has(t) }
