package idb

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"

	"parley/wasm/chat"
)

// pageSize is how many seqs a page holds: page n those from 64n to 64n+63.
const pageSize = chat.PageSize

// page is the messages of one record.
type page struct {
	number  uint64
	present uint64 // bit i: bodies[i] is a message
	bodies  [pageSize][]byte
}

// pageOf returns the page that seq is on.
func pageOf(seq uint64) uint64 { return chat.PageOf(seq) }

func (p *page) set(seq uint64, body []byte) {
	i := seq % pageSize
	p.present |= 1 << i
	p.bodies[i] = body
}

// clear takes away the messages before a seq of the page.
func (p *page) clear(before uint64) {
	for i := range before % pageSize {
		p.present &^= 1 << i
		p.bodies[i] = nil
	}
}

func (p *page) full() bool { return p.present == 1<<pageSize-1 }

// merge adds what older has and p has not.
func (p *page) merge(older *page) {
	for i := range p.bodies {
		if (older.present&^p.present)>>i&1 == 1 {
			p.bodies[i] = older.bodies[i]
		}
	}
	p.present |= older.present
}

// all returns the bodies, in seq order.
func (p *page) all() (bodies [][]byte) {
	for i, body := range p.bodies {
		if p.present>>i&1 == 1 {
			bodies = append(bodies, body)
		}
	}
	return bodies
}

// entries appends the messages with from <= seq <= to, in seq order. Their
// bodies are those of the page.
func (p *page) entries(to []chat.Entry, key string, from, through uint64) []chat.Entry {
	for i := range uint64(pageSize) {
		if seq := p.number*pageSize + i; p.present>>i&1 == 1 && seq >= from && seq <= through {
			to = append(to, chat.Entry{Key: key, Seq: seq, Body: p.bodies[i]})
		}
	}
	return to
}

// encode packs the page: its number and which messages it has, 8 bytes each,
// then their bodies in seq order, each after its length.
func (p *page) encode() []byte {
	size := 16
	for _, body := range p.bodies {
		size += len(body) + binary.MaxVarintLen32
	}
	r := newRecord(size)
	r.uint64(p.number)
	r.uint64(p.present)
	for i, body := range p.bodies {
		if p.present>>i&1 == 1 {
			r.bytes(body)
		}
	}
	return r.seal()
}

// decodePage unpacks what encode packed. Bodies are parts of b.
func decodePage(b []byte) (*page, error) {
	f := readRecord(b)
	p := &page{number: f.uint64(), present: f.uint64()}
	if p.number > pageOf(1<<64-1) {
		f.fail()
	}
	for rest := p.present; rest != 0 && f.err == nil; rest &= rest - 1 {
		p.bodies[bits.TrailingZeros64(rest)] = f.bytes()
	}
	if err := f.end(); err != nil {
		return nil, err
	}
	return p, nil
}

// place is where a page is stored.
type place struct {
	conversation string
	page         uint64
}

// key is the database key: the length of the conversation's key, that key and
// the page number, 8 big-endian bytes. Pages of a conversation stand together, in order.
func (p place) key() []byte {
	b := append(make([]byte, 0, 1+len(p.conversation)+8), byte(len(p.conversation)))
	b = append(b, p.conversation...)
	return binary.BigEndian.AppendUint64(b, p.page)
}

// paginate sorts entries onto pages. Of two with the same seq, the later wins.
func paginate(entries []chat.Entry) map[place]*page {
	pages := make(map[place]*page)
	var last *page
	var at place
	for _, e := range entries {
		if to := (place{e.Key, pageOf(e.Seq)}); last == nil || to != at {
			at = to
			if last = pages[at]; last == nil {
				last = &page{number: at.page}
				pages[at] = last
			}
		}
		last.set(e.Seq, e.Body)
	}
	return pages
}

// stretch is consecutive pages of one conversation, both ends included.
type stretch struct {
	conversation string
	from, to     uint64
}

// incomplete returns the stretches of pages that other messages may be on
// already, and that have to be read before they are written.
func incomplete(pages map[place]*page) []stretch {
	var places []place
	for at, p := range pages {
		if !p.full() {
			places = append(places, at)
		}
	}
	slices.SortFunc(places, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.conversation, b.conversation), cmp.Compare(a.page, b.page))
	})
	var stretches []stretch
	for _, at := range places {
		if n := len(stretches); n > 0 && stretches[n-1].conversation == at.conversation && stretches[n-1].to+1 == at.page {
			stretches[n-1].to = at.page
			continue
		}
		stretches = append(stretches, stretch{at.conversation, at.page, at.page})
	}
	return stretches
}

// numberKey is the database key of a number.
func numberKey(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
