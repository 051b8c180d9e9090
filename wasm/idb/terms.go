package idb

import (
	"bytes"
	"encoding/binary"
	"maps"

	"parley/proto/search"
	"parley/wasm/chat"
)

// blockPages is how many pages' terms of a shard stand in one record: few records to search in, small enough to be
// written again with each message.
const blockPages = 16

// block is what the index says of 16 pages: block n of those from 16n to 16n+15. nil: nothing.
type block struct {
	number uint64
	pages  [blockPages]*chat.PageTerms
}

// blockOf is the block of a page.
func blockOf(at place) place { return place{at.conversation, at.page / blockPages} }

// shardKey is the database key of a shard of a block: the length of the conversation's key, that key, the shard and the
// block's number, 8 big-endian bytes. What a search reads of a conversation stands together.
func shardKey(at place, shard int) []byte {
	b := append(make([]byte, 0, 2+len(at.conversation)+8), byte(len(at.conversation)))
	b = append(append(b, at.conversation...), byte(shard))
	return binary.BigEndian.AppendUint64(b, at.page)
}

// encode packs a shard of the block: after what versions it is of, for each page 0, or 1, by how much its bounds are
// above those of the page before, and the filter. There is no sum of all: it would cost a search more than the rest,
// and no message is lost with a record. What cannot be read is nothing, and read over.
func (b *block) encode(shard int) []byte {
	size := 32
	for _, p := range b.pages {
		if p != nil {
			size += len(p.Terms[shard]) + 30
		}
	}
	r := newRecord(size)
	r.uvarint(search.Version)
	r.uvarint(b.number)
	var before chat.PageTerms
	for _, p := range b.pages {
		if p == nil {
			r.uvarint(0)
			continue
		}
		r.uvarint(1)
		r.uvarint(p.FirstID - before.LastID)
		r.uvarint(p.LastID - p.FirstID)
		r.uvarint(p.FirstTime - before.LastTime)
		r.uvarint(p.LastTime - p.FirstTime)
		r.bytes(p.Terms[shard])
		before = *p
	}
	return r
}

// decodeShard unpacks what encode packed; nil of what is damaged or of another version. Filters are parts of b.
func decodeShard(b []byte, shard int) *block {
	f := &fields{left: bytes.TrimPrefix(b, []byte{format})}
	if len(f.left) == len(b) || f.uvarint() != search.Version {
		return nil
	}
	full := &block{number: f.uvarint()}
	var before chat.PageTerms
	for i := range full.pages {
		if f.uvarint() == 0 {
			continue
		}
		var p chat.PageTerms
		p.FirstID = before.LastID + f.uvarint()
		p.LastID = p.FirstID + f.uvarint()
		p.FirstTime = before.LastTime + f.uvarint()
		p.LastTime = p.FirstTime + f.uvarint()
		p.Terms[shard] = f.bytes()
		full.pages[i], before = &p, p
	}
	if f.err != nil {
		return nil
	}
	return full
}

// join adds a shard of the same block to b. What one does not know, the block does not.
func (b *block) join(other *block, shard int) {
	for i, p := range b.pages {
		if o := other.pages[i]; p != nil && o != nil {
			p.Terms[shard] = o.Terms[shard]
			continue
		}
		b.pages[i] = nil
	}
}

// blocks puts together what is stored of shards, each a list of blocks: those of which all are there.
func blocks(shards []int, stored [][]*block) map[uint64]*block {
	whole := make(map[uint64]*block)
	counts := make(map[uint64]int)
	for i, list := range stored {
		for _, b := range list {
			if counts[b.number]++; i == 0 {
				whole[b.number] = b
			} else if first := whole[b.number]; first != nil {
				first.join(b, shards[i])
			}
		}
	}
	maps.DeleteFunc(whole, func(number uint64, _ *block) bool { return counts[number] != len(shards) })
	return whole
}

// forget takes out what is said of the pages before one.
func (b *block) forget(before uint64) {
	for i := range b.pages {
		if b.number*blockPages+uint64(i) < before {
			b.pages[i] = nil
		}
	}
}

func (b *block) empty() bool { return b.pages == [blockPages]*chat.PageTerms{} }

// terms are what it says of a page; nil if it does not know it.
func (b *block) terms(page uint64) *chat.PageTerms {
	if b == nil {
		return nil
	}
	return b.pages[page%blockPages]
}

// unknown returns the stretches of a span of which the index says nothing.
func unknown(s chat.Span, blocks map[uint64]*block) (stretches []stretch) {
	for page := s.From; page <= s.To; page++ {
		if blocks[page/blockPages].terms(page) != nil {
			continue
		}
		if n := len(stretches); n > 0 && stretches[n-1].to+1 == page {
			stretches[n-1].to = page
			continue
		}
		stretches = append(stretches, stretch{s.Key, page, page})
	}
	return stretches
}
