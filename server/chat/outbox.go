package chat

import (
	"bytes"
	"encoding/binary"
	"errors"

	"parley/proto"
)

// outbox is what a commit has to tell, once it is on disk.
type outbox struct {
	fresh   uint64 // the epoch that began; 0: none did
	out     []delivery
	rows    []row    // that changed
	sharing []uint64 // users who changed whether they share their presence
	users   bool     // that some changed what the services know of them
	endings []ending
	// Of a Shared store: connections that began and ended at a node, and nodes that are gone.
	node        uint64
	began, left []Presence
	gone        []uint64
}

// row is one that changed for a user, under a change number.
type row struct{ user, rev uint64 }

// delivery is a publication that waits for the commit.
type delivery struct {
	user    uint64
	branch  proto.Branch
	payload []byte
}

// ending is that connections of a user are to end: those of one device, or all but those.
type ending struct {
	user, device uint64
	others       bool // all but the device's; without a device all
	why          *proto.Refusal
}

// of reports whether connections of a device end.
func (e ending) of(device uint64) bool {
	if e.others {
		return e.device == 0 || device != e.device
	}
	return device == e.device
}

// The kinds of what a record is made of. A node skips those that it does not know, as from a
// newer one beside it: add some, change none.
const (
	tellsEpoch = 1 + iota
	tellsDelivery
	tellsRows
	tellsSharing
	tellsUsers
	tellsEnding
	tellsArrival
	tellsLeaving
	tellsGone
)

// empty reports whether there is nothing to tell.
func (o *outbox) empty() bool {
	return o.fresh == 0 && len(o.out) == 0 && len(o.rows) == 0 && len(o.sharing) == 0 && !o.users &&
		len(o.endings) == 0 && len(o.began) == 0 && len(o.left) == 0 && len(o.gone) == 0
}

// encode returns the record of o: parts that each begin with their kind and their length.
func (o *outbox) encode() []byte {
	var w writer
	if o.fresh != 0 {
		w.part(tellsEpoch, func(p *writer) { p.number(o.fresh) })
	}
	for rest := o.out; len(rest) > 0; { // what goes to many is there once
		first, n := rest[0], 1
		for n < len(rest) && rest[n].branch == first.branch && bytes.Equal(rest[n].payload, first.payload) {
			n++
		}
		w.part(tellsDelivery, func(p *writer) {
			p.text(string(first.branch))
			p.number(uint64(n))
			for _, d := range rest[:n] {
				p.number(d.user)
			}
			p.bytes = append(p.bytes, first.payload...)
		})
		rest = rest[n:]
	}
	if len(o.rows) > 0 {
		w.part(tellsRows, func(p *writer) {
			for _, r := range o.rows {
				p.number(r.user)
				p.number(r.rev)
			}
		})
	}
	if len(o.sharing) > 0 {
		w.part(tellsSharing, func(p *writer) { p.numbers(o.sharing) })
	}
	if o.users {
		w.part(tellsUsers, func(*writer) {})
	}
	for _, e := range o.endings {
		w.part(tellsEnding, e.encode)
	}
	for _, at := range o.began {
		w.part(tellsArrival, func(p *writer) { at.encode(p, o.node) })
	}
	for _, at := range o.left {
		w.part(tellsLeaving, func(p *writer) { at.encode(p, o.node) })
	}
	if len(o.gone) > 0 {
		w.part(tellsGone, func(p *writer) { p.numbers(o.gone) })
	}
	return w.bytes
}

func (e ending) encode(p *writer) {
	others := uint64(0)
	if e.others {
		others = 1
	}
	p.numbers([]uint64{e.user, e.device, others, uint64(e.why.Reason)})
	p.text(e.why.Code)
	p.text(e.why.Text)
}

func (at Presence) encode(p *writer, node uint64) {
	p.numbers([]uint64{node, at.User, at.Device, at.Mark})
	p.text(at.Client)
}

func (o *outbox) presence(p *reader) Presence {
	o.node = p.number()
	return Presence{User: p.number(), Device: p.number(), Mark: p.number(), Client: p.text()}
}

// errRecord is that a record is not one that encode made.
var errRecord = errors.New("the record is damaged")

// decodeOutbox reads a record.
func decodeOutbox(record []byte) (*outbox, error) {
	o := new(outbox)
	for r := (reader{rest: record}); len(r.rest) > 0; {
		kind := r.number()
		part := reader{rest: r.take(r.number())}
		if r.bad {
			return nil, errRecord
		}
		if o.decode(kind, &part); part.bad {
			return nil, errRecord
		}
	}
	return o, nil
}

// Deliveries calls each for what a record of the change log tells users, in its order, until
// that returns an error.
func Deliveries(record []byte, each func(user uint64, b proto.Branch, payload []byte) error) error {
	o, err := decodeOutbox(record)
	if err != nil {
		return err
	}
	for _, d := range o.out {
		if err := each(d.user, d.branch, d.payload); err != nil {
			return err
		}
	}
	return nil
}

// decode reads one part.
func (o *outbox) decode(kind uint64, p *reader) {
	switch kind {
	case tellsEpoch:
		o.fresh = p.number()
	case tellsDelivery:
		branch := proto.Branch(p.text())
		users := make([]uint64, min(p.number(), uint64(len(p.rest))))
		for i := range users {
			users[i] = p.number()
		}
		for _, user := range users {
			o.out = append(o.out, delivery{user, branch, p.rest})
		}
	case tellsRows:
		for all := p.numbers(); len(all) > 1; all = all[2:] {
			o.rows = append(o.rows, row{all[0], all[1]})
		}
	case tellsSharing:
		o.sharing = append(o.sharing, p.numbers()...)
	case tellsUsers:
		o.users = true
	case tellsEnding:
		e := ending{user: p.number(), device: p.number(), others: p.number() == 1}
		reason := proto.Reason(p.number())
		code := p.text()
		e.why = proto.Refuse(reason, "%s", p.text()).Named(code)
		o.endings = append(o.endings, e)
	case tellsArrival:
		o.began = append(o.began, o.presence(p))
	case tellsLeaving:
		o.left = append(o.left, o.presence(p))
	case tellsGone:
		o.gone = append(o.gone, p.numbers()...)
	}
}

// writer makes a record.
type writer struct {
	bytes []byte
	spare []byte // for the parts
}

// part adds what f writes, with its kind and length in front.
func (w *writer) part(kind uint64, f func(*writer)) {
	p := writer{bytes: w.spare[:0]}
	f(&p)
	w.number(kind)
	w.number(uint64(len(p.bytes)))
	w.bytes, w.spare = append(w.bytes, p.bytes...), p.bytes
}

func (w *writer) number(n uint64) { w.bytes = binary.AppendUvarint(w.bytes, n) }

func (w *writer) numbers(all []uint64) {
	for _, n := range all {
		w.number(n)
	}
}

func (w *writer) text(s string) {
	w.number(uint64(len(s)))
	w.bytes = append(w.bytes, s...)
}

// reader reads a record; bad says that it is none.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) number() uint64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 {
		r.bad, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

// numbers reads all that are left.
func (r *reader) numbers() (all []uint64) {
	for len(r.rest) > 0 {
		all = append(all, r.number())
	}
	return all
}

func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.rest)) {
		r.bad, r.rest = true, nil
		return nil
	}
	part := r.rest[:n:n]
	r.rest = r.rest[n:]
	return part
}

func (r *reader) text() string { return string(r.take(r.number())) }
