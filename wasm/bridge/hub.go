package bridge

import (
	"context"
	"slices"

	"parley/proto"
	"parley/proto/search"
	"parley/wasm/chat"
)

// protocol is the version of what pages, worker and program say to each other.
// The same number stands in static/parley.js and static/engine.js; it rises
// when an older page or program would misunderstand a newer one.
const protocol = 9

// maxCommand bounds a command from a page, in bytes: more than the longest
// content, so that the engine can say what is wrong with one that is too long.
const maxCommand = 4 << 20

// Parts are what an engine is made of.
type Parts struct {
	Store chat.Store
	// MemoryOnly says why Store ends with the program; nothing if it does not.
	MemoryOnly chat.Reason
	Network    chat.Network
	History    chat.History
	// Folder makes texts comparable for a search, as Store does; nil: letters of either case alone.
	Folder search.Folder
	// Files are those that pages keep to be sent; nil: none can be.
	Files chat.Files
	// Erase deletes what Store keeps, once that is closed. It may block; nil: there is nothing.
	Erase func(context.Context) error
}

// Opener returns the parts for one user of one server, given by its address, without a slash at the end. It
// may block. The store is closed by the engine; on error nothing is left open.
type Opener func(ctx context.Context, user uint64, server string) (Parts, error)

// hub knows the engines and the ports: who is signed in in this browser
// profile and which pages show them. All of it happens on the host's loop.
type hub struct {
	host    chat.Host
	open    Opener
	post    func(data []byte, ports []int) // must not keep data
	mark    func(name string)              // notes how far a start came
	ctx     context.Context                // ends what Opener does
	engines map[uint64]*userEngine         // by user
	ports   map[int]*userEngine
	out     encoder
}

func newHub(ctx context.Context, host chat.Host, open Opener, post func(data []byte, ports []int), mark func(name string)) *hub {
	return &hub{
		host: host, open: open, post: post, mark: mark, ctx: ctx,
		engines: make(map[uint64]*userEngine), ports: make(map[int]*userEngine),
	}
}

// receive does what the page at a port asks for.
func (h *hub) receive(port int, data []byte) {
	c, err := parseCommand(data)
	if err != nil {
		h.tell(port, func(e *encoder) { putFailure(e, err) })
		return
	}
	if c.op == "attach" {
		h.attach(port, c)
		return
	}
	s := h.ports[port]
	if s == nil {
		h.refuse(port, c.id, proto.Refuse(proto.ProtocolError, "%s: attach this page first", c.op))
		return
	}
	if err := s.run(port, c); err != nil {
		h.refuse(port, c.id, err)
	}
}

// attach makes a port one of a user's, and opens the user's engine if it is the first.
func (h *hub) attach(port int, c *command) {
	a := attachment{port: port, id: c.id, attachFields: c.attach()}
	switch {
	case c.err != nil:
		h.refuse(port, c.id, c.err)
		return
	case a.protocol != protocol:
		h.refuse(port, c.id, proto.Refuse(proto.ImplementationSpecific, "Parley was updated: reload this page").Named("updated"))
		return
	case a.user == 0:
		h.refuse(port, c.id, proto.Refuse(proto.PayloadFormatInvalid, "user: 0 is no user"))
		return
	}
	if old := h.ports[port]; old != nil && old.user != a.user {
		h.detach(port)
	}
	s := h.engines[a.user]
	if s == nil {
		s = &userEngine{hub: h, user: a.user, server: a.server}
		h.engines[a.user] = s
		s.openFor(a)
	} else if s.server != a.server {
		h.refuse(port, c.id, proto.Refuse(proto.NotAuthorized,
			"user %d is signed in to %s in this browser: close those pages first", a.user, s.server).Named("other-server", s.server))
		return
	}
	h.ports[port] = s
	s.attach(a)
}

// detach forgets a port, whose page is gone. The user's last one ends the engine.
func (h *hub) detach(port int) {
	s := h.ports[port]
	if s == nil {
		return
	}
	delete(h.ports, port)
	s.detach(port)
}

// close ends all engines, then calls done.
func (h *hub) close(done func()) {
	left := 1
	ended := func() {
		if left--; left == 0 {
			done()
		}
	}
	clear(h.ports)
	for _, s := range h.engines {
		left++
		s.attached, s.waiting = nil, nil
		s.close(ended)
	}
	ended()
}

// tell sends one packed value to one port.
func (h *hub) tell(port int, put func(*encoder)) { h.tellAll([]int{port}, put) }

// tellAll packs a value once and sends it to all the ports.
func (h *hub) tellAll(ports []int, put func(*encoder)) {
	if len(ports) == 0 {
		return
	}
	h.out.reset()
	put(&h.out)
	h.post(h.out.bytes(), ports)
}

// flush sends a page what its engine told so far: an answer that overtook it would be older
// than what came before it.
func (h *hub) flush(port int) {
	if s := h.ports[port]; s != nil {
		s.events.flush()
	}
}

// answer settles a call of the page with a value.
func (h *hub) answer(port int, id float64, value func(*encoder)) {
	h.flush(port)
	h.tell(port, func(e *encoder) {
		e.object(answerShape)
		e.float(id)
		value(e)
	})
}

// refuse settles a call of the page with an error.
func (h *hub) refuse(port int, id float64, err error) {
	h.flush(port)
	h.tell(port, func(e *encoder) {
		e.object(refusalShape)
		e.float(id)
		putReason(e, err)
	})
}

// finish settles a call of the page that has no value.
func (h *hub) finish(port int, id float64) func(error) {
	return func(err error) {
		if err != nil {
			h.refuse(port, id, err)
			return
		}
		h.answer(port, id, (*encoder).null)
	}
}

// attachment is a port that wants to become one of an engine's.
type attachment struct {
	port int
	id   float64 // of the page's call
	attachFields
}

// without returns ports without one of them.
func without(ports []int, port int) []int {
	return slices.DeleteFunc(ports, func(p int) bool { return p == port })
}

// openError says why an engine could not be opened.
func openError(err error) error {
	why := chat.ReasonOf(err)
	if why.Code == "" {
		why.Code, why.Args = "cannot-open", []string{why.Text}
	}
	why.Text = "the chat stored in this browser cannot be opened: " + why.Text
	return why
}
