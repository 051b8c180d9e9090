package bridge

import (
	"context"
	"maps"
	"slices"
	"time"

	"parley/proto"
	"parley/wasm/chat"
)

// grace is for a page to ask for what it shows first, on a slow device.
const grace = 300 * time.Millisecond

// userEngine is one user's engine and the pages that show it. It is open as long
// as there is one.
type userEngine struct {
	hub      *hub
	user     uint64
	server   string
	engine   *chat.Engine // nil until the store is open
	erase    func(context.Context) error
	started  bool // the engine can be asked
	closing  bool
	closed   []func()     // told once it is closed
	attached []int        // ports, in the order in which they came
	waiting  []attachment // pages that wait for the start, or for the close
	events   events
	searches searches
	asking   tokenRequest
	here     map[uint64]presence // of whom it was told, for pages that come later
}

// openFor opens the parts and starts the engine with the token of a first page.
func (s *userEngine) openFor(a attachment) {
	s.events.owner = s
	s.hub.host.Go(func() func() {
		parts, err := s.hub.open(s.hub.ctx, s.user, s.server)
		return func() {
			if err != nil {
				s.failed(openError(err))
				return
			}
			s.hub.mark("store opened")
			s.erase = parts.Erase
			s.engine = chat.New(chat.Config{
				User: s.user, Token: a.says(), Grace: grace,
				Store: parts.Store, MemoryOnly: parts.MemoryOnly, Network: parts.Network, History: parts.History, Files: parts.Files, Folder: parts.Folder,
				Host: s.hub.host, Observer: &s.events,
			})
			if s.closing {
				s.end()
				return
			}
			s.engine.Start(s.startDone)
		}
	})
}

func (s *userEngine) startDone(err error) {
	switch {
	case s.closing: // end is under way already
	case err != nil:
		s.refuseAll(openError(err))
		s.close(nil)
	default:
		s.started = true
		s.hub.mark("store loaded")
		for _, a := range s.waiting {
			s.welcome(a)
		}
		s.waiting = nil
	}
}

// failed ends an engine whose parts could not be had.
func (s *userEngine) failed(err error) {
	again := s.waiting
	if !s.closing {
		s.refuseAll(err)
		again = nil
	}
	s.gone(again)
}

// refuseAll tells the waiting pages why they wait in vain.
func (s *userEngine) refuseAll(err error) {
	for _, a := range s.waiting {
		delete(s.hub.ports, a.port)
		s.hub.refuse(a.port, a.id, err)
	}
	s.waiting = nil
}

// attach takes a page in as soon as the engine can be asked.
func (s *userEngine) attach(a attachment) {
	s.waiting = slices.DeleteFunc(s.waiting, func(w attachment) bool { return w.port == a.port })
	if s.started && !s.closing {
		s.welcome(a)
		return
	}
	s.waiting = append(s.waiting, a)
}

func (s *userEngine) welcome(a attachment) {
	s.attached = append(without(s.attached, a.port), a.port)
	s.engine.Follow(a.port, a.newest == nil || !*a.newest)
	s.engine.Offer(a.says())
	connection := s.engine.Connection()
	s.hub.answer(a.port, a.id, func(e *encoder) { putConnection(e, &connection) })
	for _, user := range slices.Sorted(maps.Keys(s.here)) {
		p := s.here[user]
		s.hub.tell(a.port, func(e *encoder) { putEvent(e, "presence", func(e *encoder) { putPresence(e, &p) }) })
	}
	if now := s.engine.Token; now.Name != a.name || !slices.Equal(now.Services, a.services) {
		s.hub.tell(a.port, func(e *encoder) { s.putUser(e, now) })
	}
	kept := s.engine.Kept()
	s.hub.tell(a.port, func(e *encoder) { putEvent(e, "keeping", func(e *encoder) { putKeeping(e, &kept) }) })
	if chosen, told := s.engine.Settings(); told {
		s.hub.tell(a.port, func(e *encoder) { putEvent(e, "settings", func(e *encoder) { putSettings(e, &chosen) }) })
	}
}

// says is the page's token, with what it says.
func (a attachFields) says() chat.Token {
	return chat.Token{Text: a.token, Name: a.name, Services: a.services, Issued: a.issued, Expires: a.expires}
}

func (f tokenFields) says() chat.Token {
	return chat.Token{Text: f.token, Name: f.name, Services: f.services, Issued: f.issued, Expires: f.expires}
}

// putUser writes a user event.
func (s *userEngine) putUser(e *encoder, t chat.Token) {
	putEvent(e, "user", func(e *encoder) {
		e.object(userShape)
		e.uint(s.user)
		e.string(t.Name)
		e.array(len(t.Services))
		for _, service := range t.Services {
			e.float(float64(service))
		}
	})
}

func (s *userEngine) detach(port int) {
	s.attached = without(s.attached, port)
	s.searches.leave(port)
	if s.engine != nil {
		s.engine.Show(port, "")
		s.engine.Follow(port, false)
	}
	s.waiting = slices.DeleteFunc(s.waiting, func(w attachment) bool { return w.port == port })
	switch {
	case len(s.attached)+len(s.waiting) == 0:
		s.close(nil)
	case s.asking.of(port):
		s.askToken()
	}
}

// close ends the engine: what is being written is finished first. A page that
// comes meanwhile waits, and then gets a new engine.
func (s *userEngine) close(done func()) {
	if done != nil {
		s.closed = append(s.closed, done)
	}
	if s.closing {
		return
	}
	s.closing = true
	if s.engine != nil {
		s.end()
	}
}

func (s *userEngine) end() {
	s.asking.stop()
	s.engine.Close(func() { s.gone(s.waiting) })
}

// gone takes the engine out of the hub, and attaches those who came while it closed.
func (s *userEngine) gone(again []attachment) {
	delete(s.hub.engines, s.user)
	for _, done := range s.closed {
		done()
	}
	if len(again) == 0 {
		return
	}
	next := &userEngine{hub: s.hub, user: s.user, server: again[0].server}
	s.hub.engines[s.user] = next
	next.openFor(again[0])
	for _, a := range again {
		s.hub.ports[a.port] = next
		next.attach(a)
	}
}

// run does what a page asks for. The error refuses the call; nil means that it
// is, or will be, answered.
func (s *userEngine) run(port int, c *command) error {
	if !s.started || s.closing {
		return proto.Refuse(proto.ServerBusy, "%s: the chat is being opened: wait for the answer to attach", c.op)
	}
	operation, known := operations[c.op]
	if !known {
		return proto.Refuse(proto.ProtocolError, "%q is unknown here: reload this page", c.op)
	}
	return operation(s, port, c)
}

// operations are what a page can ask of its engine, by name. The answer is
// given by then; an operation that checks its fields first returns what is
// wrong with them and has done nothing.
var operations = map[string]func(s *userEngine, port int, c *command) error{
	"send":          (*userEngine).send,
	"revise":        (*userEngine).revise,
	"message":       (*userEngine).message,
	"retry":         (*userEngine).retry,
	"discard":       (*userEngine).discard,
	"pause":         (*userEngine).pause,
	"history":       (*userEngine).history,
	"search":        (*userEngine).search,
	"endSearch":     (*userEngine).endSearch,
	"conversations": (*userEngine).conversations,
	"group":         (*userEngine).group,
	"read":          (*userEngine).read,
	"typing":        (*userEngine).typing,
	"token":         (*userEngine).token,
	"settings":      (*userEngine).settings,
	"keep":          (*userEngine).keep,
	"stored":        (*userEngine).stored,
	"evict":         (*userEngine).evict,
	"block":         (*userEngine).block,
	"choose":        (*userEngine).choose,
	"forget":        (*userEngine).forget,
	"wake":          (*userEngine).wake,
}

func (s *userEngine) send(port int, c *command) error {
	f := c.send()
	if c.err != nil {
		return c.err
	}
	draft := chat.Draft{
		Content: f.content, Seen: f.seen, Type: f.kind, Target: f.target, Extend: f.extend,
		Anyway: f.anyway, Ref: f.ref, Repeat: f.repeat, Mentions: f.mentions, Files: f.files,
	}
	if f.quote != nil {
		draft.Quote = *f.quote
	}
	finish := s.hub.finish(port, c.id)
	s.engine.Send(f.key, draft, finish)
	return nil
}

func (s *userEngine) revise(port int, c *command) error {
	f := c.revise()
	draft := chat.Draft{Content: f.content, Seen: f.seen, Type: f.kind, Of: f.of, Ref: f.ref}
	if f.of == 0 {
		draft.OfRef = c.ref("ofRef")
	}
	if !f.kind.Revises() {
		c.wrong("type", "edit, recall or react")
	}
	if c.err == nil {
		s.engine.Send(f.key, draft, s.hub.finish(port, c.id))
	}
	return c.err
}

func (s *userEngine) message(port int, c *command) error {
	f := c.message()
	if c.err == nil {
		s.engine.Message(f.key, f.seq, func(m *chat.Message, err error) {
			switch {
			case err != nil:
				s.hub.refuse(port, c.id, err)
			case m == nil:
				s.hub.answer(port, c.id, (*encoder).null)
			default:
				s.hub.answer(port, c.id, func(e *encoder) { putMessage(e, m) })
			}
		})
	}
	return c.err
}

func (s *userEngine) retry(port int, c *command) error {
	f := c.retry()
	if c.err == nil {
		s.engine.Retry(f.ref, f.seen, s.hub.finish(port, c.id))
	}
	return c.err
}

func (s *userEngine) discard(port int, c *command) error {
	f := c.discard()
	if c.err == nil {
		s.engine.Discard(f.ref, s.hub.finish(port, c.id))
	}
	return c.err
}

func (s *userEngine) pause(port int, c *command) error {
	f := c.pause()
	if c.err == nil {
		s.engine.Pause(f.ref, f.paused, s.hub.finish(port, c.id))
	}
	return c.err
}

func (s *userEngine) history(port int, c *command) error {
	f := c.history()
	switch {
	case c.err != nil:
		return c.err
	case !(f.limit >= 1 && f.limit <= proto.MaxPage && f.limit == float64(int(f.limit))):
		return proto.Refuse(proto.PayloadFormatInvalid, "limit: want a whole number from 1 to %d", proto.MaxPage)
	}
	read := s.engine.Aside
	if f.aside == nil || !*f.aside {
		s.engine.Show(port, f.key)
		read = s.engine.Timeline
	}
	read(f.key, f.before, int(f.limit), func(t chat.Timeline, err error) {
		if err != nil {
			s.hub.refuse(port, c.id, err)
			return
		}
		s.hub.answer(port, c.id, func(e *encoder) { putTimeline(e, &t) })
	})
	return nil
}

func (s *userEngine) conversations(port int, c *command) error {
	list := s.engine.Conversations()
	s.hub.answer(port, c.id, func(e *encoder) { putConversations(e, list) })
	return nil
}

func (s *userEngine) group(port int, c *command) error {
	f := c.group()
	if c.err != nil {
		return c.err
	}
	s.engine.Group(f.key, func(g chat.Group, err error) {
		if err != nil {
			s.hub.refuse(port, c.id, err)
			return
		}
		s.hub.answer(port, c.id, func(e *encoder) { putGroup(e, &g) })
	})
	return nil
}

func (s *userEngine) read(port int, c *command) error {
	f := c.read()
	if c.err != nil {
		return c.err
	}
	s.engine.Show(port, f.key)
	s.engine.MarkRead(f.key, f.seq, s.hub.finish(port, c.id))
	return nil
}

func (s *userEngine) typing(port int, c *command) error {
	f := c.typing()
	if c.err != nil {
		return c.err
	}
	s.engine.Typing(f.key, f.active)
	s.hub.finish(port, c.id)(nil)
	return nil
}

func (s *userEngine) settings(port int, c *command) error {
	f := c.settings()
	if c.err == nil {
		choice := &proto.Settings{ShareTyping: f.shareTyping, SharePresence: f.sharePresence, Listed: f.listed, Away: f.away}
		s.engine.Configure(choice, s.hub.finish(port, c.id))
	}
	return c.err
}

func (s *userEngine) keep(port int, c *command) error {
	f := c.keep()
	const most = 1 << 53 // what a Number holds exactly
	switch {
	case c.err != nil:
		return c.err
	case !(f.days >= 0 && f.days < most && f.bytes >= 0 && f.bytes < most):
		return proto.Refuse(proto.PayloadFormatInvalid, "days, bytes: want numbers from 0 on")
	}
	s.engine.Keep(chat.KeepingState(f.state), chat.Limits{Days: uint64(f.days), Bytes: uint64(f.bytes)}, s.hub.finish(port, c.id))
	return nil
}

func (s *userEngine) stored(port int, c *command) error {
	list := s.engine.Stored()
	s.hub.answer(port, c.id, func(e *encoder) {
		e.array(len(list))
		for i := range list {
			putStored(e, &list[i])
		}
	})
	return nil
}

func (s *userEngine) evict(port int, c *command) error {
	f := c.evict()
	if c.err == nil {
		s.engine.Evict(f.key, s.hub.finish(port, c.id))
	}
	return c.err
}

func (s *userEngine) block(port int, c *command) error {
	f := c.block()
	if c.err == nil {
		s.engine.Block(f.user, f.blocked, s.hub.finish(port, c.id))
	}
	return c.err
}

func (s *userEngine) choose(port int, c *command) error {
	f := c.choose()
	if c.err == nil {
		choice := chat.Choice{Pinned: f.pinned, Muted: f.muted, Archived: f.archived, MarkedUnread: f.markedUnread}
		s.engine.Choose(f.key, choice, s.hub.finish(port, c.id))
	}
	return c.err
}

// forget ends the engine for all pages, and then deletes what it kept. A page that
// comes meanwhile opens another, which begins with nothing.
func (s *userEngine) forget(port int, c *command) error {
	finish := s.hub.finish(port, c.id)
	for _, p := range s.attached {
		delete(s.hub.ports, p)
	}
	s.attached = nil
	s.close(func() {
		if s.erase == nil {
			finish(nil)
			return
		}
		s.hub.host.Go(func() func() {
			err := s.erase(s.hub.ctx)
			return func() { finish(err) }
		})
	})
	return nil
}

func (s *userEngine) wake(port int, c *command) error {
	s.engine.Wake()
	s.hub.finish(port, c.id)(nil)
	return nil
}

// token takes a page's answer to a token request. An empty one says that the
// page has none to give.
func (s *userEngine) token(port int, c *command) error {
	f := c.token()
	if c.err != nil {
		return c.err
	}
	if f.token != "" {
		s.asking.stop()
		s.engine.SetToken(f.says())
	} else if s.asking.of(port) {
		s.askToken()
	}
	s.hub.finish(port, c.id)(nil)
	return nil
}
