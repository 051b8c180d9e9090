package sim_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"parley/proto"
	"parley/server/chat"
	client "parley/wasm/chat"
	"parley/wasm/chat/chattest"
)

// device is one browser profile of a user, with a person before it. Its store
// outlives the tab.
type device struct {
	w      *world
	user   uint64
	number int
	store  *store
	files  *files
	host   *chattest.Host // nil while no tab is open
	engine *client.Engine
	full   bool
	memory bool            // this tab is told that nothing new is stored
	toldOf map[string]bool // what became of what is stored, by its code
	skew   time.Duration
	late   bool // the answer that was just given comes late
	silent bool // or only when it is given up
	// loaded says that this tab has taken in what is stored, and inMemory that it began without.
	loaded, inMemory bool

	open_    string // the conversation on the screen; "" for none
	openedAt time.Time
	leaves   map[string]int // by key, how often the person asked to take it out, and has no answer
	asked    int            // timeline requests, to tell an old answer
	messages []client.Message
	list     map[string]client.Conversation
	told     map[string]bool   // messages of others that this tab was told of
	forgets  bool              // the storage was full while this tab lived
	gone     map[string]uint64 // before which entries of a conversation went while it lived, which are told again
	resets   int
	sent     int

	allRead map[string]bool              // messages that the page was told all others have read
	rosters map[string]client.Group      // as the page was told of groups
	heard   map[string]map[uint64]uint64 // up to where the engine was told that members have read
	looked  map[proto.Key]uint64         // as of when, at least, the person saw the members of groups

	unanswered []*sending // in order
	repeating  bool       // those of an earlier engine; the page sends nothing new meanwhile
}

// sending is a message from the moment Send is pressed until an engine answers.
type sending struct {
	key     string
	draft   client.Draft
	refused bool // which may be told before the answer to a repeat
}

func newDevice(w *world, user uint64, number int) *device {
	d := &device{w: w, user: user, number: number}
	d.store = &store{Memory: chattest.NewMemory(nil), device: d, room: -1}
	d.files = &files{d, make(map[string][]byte)}
	d.skew = []time.Duration{0, time.Hour, -time.Hour}[w.Rand.IntN(3)]
	return d
}

func (d *device) String() string {
	if d.agent() {
		return fmt.Sprintf("agent%d.%d", slices.Index(agentIDs[:], d.user), d.number)
	}
	return fmt.Sprintf("user%d.%d", slices.Index(userIDs[:], d.user), d.number)
}

func (d *device) agent() bool { return slices.Contains(agentIDs[:], d.user) }

// services are those that the user answers for.
func (d *device) services() []proto.ServiceType {
	if d.agent() {
		return []proto.ServiceType{service, elsewhere}
	}
	return nil
}

// sender is what the user's token says.
func (d *device) sender() chat.Sender {
	return chat.Sender{User: d.user, Name: d.String(), Services: d.services(), Client: d.String()}
}

// keys are the user's conversations.
func (d *device) keys() []proto.Key {
	return slices.DeleteFunc(d.w.keys(), func(k proto.Key) bool { return !d.of(k) })
}

// of reports whether a conversation is the user's, or a group that they ever were in.
func (d *device) of(k proto.Key) bool {
	if k.Kind() == proto.Group {
		return len(d.w.roll(k).spans[d.user]) > 0
	}
	return k.Has(d.user) || d.agent() && k.Kind() == proto.Service
}

// open starts the tab.
func (d *device) open() {
	if d.w.harsh && d.w.chance(3) {
		d.breaks()
	}
	d.store.Abandon()
	if d.w.chance(3) {
		d.store.age()
	}
	d.host = &chattest.Host{Clock: d.w.Clock, Skew: d.skew, Latency: d.latency}
	d.open_, d.messages, d.list, d.leaves = "", nil, make(map[string]client.Conversation), make(map[string]int)
	d.allRead = make(map[string]bool)
	d.rosters, d.looked, d.heard = make(map[string]client.Group), make(map[proto.Key]uint64), make(map[string]map[uint64]uint64)
	d.gone = make(map[string]uint64)
	spoilt := d.store.Spoilt()
	d.told, d.forgets, d.memory = make(map[string]bool), d.full || d.store.room >= 0 || spoilt.Any(), false
	d.toldOf, d.store.lost = make(map[string]bool), false
	d.loaded, d.inMemory, d.silent, d.store.endless, d.store.unheard = false, false, false, false, false
	d.store.away = (d.w.sullen || d.w.harsh) && d.w.chance(4)
	d.repeating = len(d.unanswered) > 0
	engine := client.New(client.Config{
		User: d.user, Token: client.Token{Text: "token", Services: d.services()}, Store: d.store, Network: d, History: d, Files: d.files, Host: d.host, Observer: &observer{d, d.host},
	})
	d.engine = engine
	d.w.note("%s: tab opened", d)
	hasty := d.w.harsh && d.w.chance(3) && !d.repeating
	engine.Start(func(err error) {
		if err != nil {
			d.w.fail("%s: start: %v", d, err)
		}
		for _, c := range engine.Conversations() {
			d.list[c.Key] = c
		}
		if d.repeating {
			d.repeat()
		}
	})
	if hasty {
		d.press(d.anybody())
	}
}

// repeat gives the engine, one after the other, what the engines before it left
// unanswered, as a page does that outlives them.
func (d *device) repeat() {
	d.repeating = len(d.unanswered) > 0
	if d.repeating {
		d.unanswered[0].draft.Repeat = true
		d.give(d.unanswered[0], d.repeat)
	}
}

// latency is how long background work takes: the store is quick, the network not always.
func (d *device) latency() time.Duration {
	if d.silent {
		d.silent = false
		return longest
	}
	if d.late {
		d.late = false
		return 100*time.Millisecond + d.w.upTo(time.Second)
	}
	if d.w.chance(40) {
		return d.w.upTo(2 * time.Second)
	}
	return d.w.upTo(8 * time.Millisecond)
}

// kill crashes the tab. The server may not notice.
func (d *device) kill(why string) {
	if d.host == nil {
		return
	}
	d.w.note("%s: tab killed %s", d, why)
	d.eachInMemory(func(p *press) { p.refused = true }) // as the person was told
	d.shut()
	d.w.After(d.w.upTo(5*time.Second), func() {
		if d.host == nil {
			d.open()
		}
	})
}

// shut ends the tab, for good unless it is opened again.
func (d *device) shut() {
	d.host.Kill()
	d.host = nil
	for _, s := range d.w.servers {
		if s == nil {
			continue
		}
		for _, x := range slices.Clone(s.sessions) {
			if x.device == d {
				x.closed = true
				s.leave(x)
			}
		}
	}
}

// act is one thing that the person does, or that befalls the device.
func (d *device) act() {
	if d.host == nil {
		return
	}
	switch n := d.w.Rand.IntN(56); {
	case n < 20 && d.repeating:
	case n < 10 && d.w.talkative:
		[]func(){d.talk, d.talk, d.keep, d.evict}[d.w.Rand.IntN(4)]()
	case n < 20:
		for range 1 + d.w.Rand.IntN(3) {
			d.press(d.anybody())
		}
	case n < 25:
		d.show(d.anybody(), 0)
	case n < 27:
		d.scroll()
	case n < 32:
		d.read()
	case n < 34:
		d.engine.Wake()
	case n < 36:
		d.kill("between two steps")
	case n < 37:
		d.store.kill = 1 + d.w.Rand.IntN(3)
	case n < 38:
		d.full, d.forgets = true, true
		d.w.note("%s: storage full", d)
		d.w.After(d.w.upTo(5*time.Second), func() { d.full = false })
	case n < 46:
		d.revise()
	case n < 50:
		d.meddle()
	case n < 52:
		d.skew = []time.Duration{0, time.Hour, -time.Hour}[d.w.Rand.IntN(3)]
		d.host.Skew = d.skew
	case n < 54:
		d.search()
	case n < 55:
		d.keep()
	default:
		d.evict()
	}
}

// anybody is one of the user's conversations.
func (d *device) anybody() string {
	var mine []string
	for _, k := range pairs() {
		if d.of(k) {
			mine = append(mine, k.String())
		}
	}
	for _, k := range d.w.standing() { // whether they are there or not
		if d.list[k.String()].Role != "" || d.w.Rand.IntN(8) == 0 {
			mine = append(mine, k.String(), k.String(), k.String())
		}
	}
	return mine[d.w.Rand.IntN(len(mine))]
}

// talk says so much that a conversation has more than its newest page.
func (d *device) talk() {
	key := d.anybody()
	if k := pairs()[0]; d.of(k) {
		key = k.String()
	}
	for range 100 {
		d.press(key)
	}
}

// press writes something and presses Send, or does something else that makes an entry.
func (d *device) press(key string) {
	draft := client.Draft{Content: d.words(), Type: d.entryType(key)}
	if key == d.open_ {
		draft.Seen = d.contiguous()
	}
	if draft.Type == proto.MessageType_MESSAGE_TYPE_TEXT && d.w.Rand.IntN(8) == 0 {
		draft.Type, draft.Files = proto.MessageType_MESSAGE_TYPE_FILE, d.choose()
	}
	if key[0] == byte(proto.Group) {
		draft.Mentions = d.mentions(key)
	}
	if draft.Type == proto.MessageType_MESSAGE_TYPE_HAND_OVER {
		draft.Target = agentIDs[d.w.Rand.IntN(len(agentIDs))]
	}
	if draft.Type == proto.MessageType_MESSAGE_TYPE_MOVE {
		k, _ := proto.ParseKey(key) // it has agents
		draft.Target = uint64(service + elsewhere - k.Service())
	}
	for i := range draft.Ref {
		draft.Ref[i] = byte(d.w.Rand.Uint32())
	}
	x := &sending{key: key, draft: draft}
	d.unanswered = append(d.unanswered, x)
	d.give(x, func() {})
}

// words are said once, and none are part of others.
func (d *device) words() string {
	d.sent++
	return fmt.Sprintf("%s#%d;", d, d.sent)
}

// give hands a message to the engine, and goes on once that has answered.
func (d *device) give(x *sending, then func()) {
	host, content := d.host, x.draft.Content
	d.lists(x)
	d.engine.Send(x.key, x.draft, func(err error) {
		if host != d.host {
			return // the page has another engine by now
		}
		d.unanswered = slices.DeleteFunc(d.unanswered, func(y *sending) bool { return x == y })
		if err != nil {
			d.w.note("%s: %q could not be stored: %v", d, content, err)
			d.checkRefusal(content, err)
		} else {
			d.w.note("%s: %q stands in the list of %s", d, content, x.key)
			d.checkKept(x)
			d.w.presses = append(d.w.presses, &press{device: d, key: x.key, content: content, ref: x.draft.Ref, seen: x.draft.Seen, refused: x.refused, inMemory: d.memory || d.store.lost})
		}
		then()
	})
}

// entryType is what the person does: mostly, write.
func (d *device) entryType(key string) proto.MessageType {
	k, err := proto.ParseKey(key)
	n := d.w.Rand.IntN(21)
	switch {
	case err != nil || n < 12:
		return proto.MessageType_MESSAGE_TYPE_TEXT
	case k.Kind() != proto.Service && n < 14:
		return proto.MessageType_MESSAGE_TYPE_NO_REPLY_NEEDED
	case k.Kind() != proto.Service || !d.agent():
		return proto.MessageType_MESSAGE_TYPE_TEXT
	}
	return [...]proto.MessageType{
		proto.MessageType_MESSAGE_TYPE_CLAIM, proto.MessageType_MESSAGE_TYPE_CLAIM, proto.MessageType_MESSAGE_TYPE_RELEASE,
		proto.MessageType_MESSAGE_TYPE_HAND_OVER, proto.MessageType_MESSAGE_TYPE_NOTE, proto.MessageType_MESSAGE_TYPE_RESOLVE,
		proto.MessageType_MESSAGE_TYPE_REOPEN, proto.MessageType_MESSAGE_TYPE_NO_REPLY_NEEDED,
		proto.MessageType_MESSAGE_TYPE_MOVE,
	}[n-12]
}

// refused lets the person see why an entry was refused: what does not fit any
// more is deleted, an answer is sent again once the newer one was read.
func (d *device) refused(m client.Message, host *chattest.Host) {
	d.w.note("%s: %q was refused: %s", d, m.Content, m.Reason)
	if len(m.Attachments) > 0 && d.w.wipes > 0 && (m.ReasonCode == "attachment-gone" || m.ReasonCode == "attachment-unfinished") {
		d.sendAgain(m, host)
		return
	}
	if m.ReasonCode == "no-files-here" && d.inMemory {
		d.w.withdrawn(m.Ref)
		for _, x := range d.unanswered {
			x.refused = x.refused || fmt.Sprintf("%x", x.draft.Ref) == m.Ref
		}
		return
	}
	if m.Type.Revises() {
		d.refusedRevision(m, host)
		return
	}
	if m.Key[0] == byte(proto.Group) {
		d.refusedInGroup(m, host)
		return
	}
	if !d.agent() {
		d.w.fail("%s: %q was refused: %s", d, m.Content, m.Reason)
		return
	}
	d.w.withdrawn(m.Ref)
	for _, x := range d.unanswered {
		x.refused = x.refused || fmt.Sprintf("%x", x.draft.Ref) == m.Ref
	}
	d.w.After(d.w.upTo(2*time.Second), func() {
		if host != d.host {
			return // it stands refused in the list of the next tab
		}
		if m.Type.Control() {
			d.engine.Discard(m.Ref, func(error) {})
		} else {
			d.engine.Retry(m.Ref, d.list[m.Key].Head, func(error) {})
		}
	})
}

// sendAgain sends again what carries files of a history that was replaced.
func (d *device) sendAgain(m client.Message, host *chattest.Host) {
	d.w.withdrawn(m.Ref)
	d.w.After(d.w.upTo(2*time.Second), func() {
		if host == d.host {
			d.engine.Retry(m.Ref, d.list[m.Key].Head, func(error) {})
		}
	})
}

// show opens a conversation, or its older part.
func (d *device) show(key string, before uint64) {
	if before == 0 {
		d.open_, d.openedAt, d.messages = key, d.w.Now(), nil
		d.engine.Show(1, key)
	}
	d.asked++
	asked, host, resets := d.asked, d.host, d.resets
	limit := 5 + d.w.Rand.IntN(40)
	d.engine.Timeline(key, before, limit, func(t client.Timeline, err error) {
		if err != nil || host != d.host || asked != d.asked || resets != d.resets {
			return
		}
		d.checkTimeline(t, before, limit)
		d.merge(t.Messages, nil)
	})
}

func (d *device) scroll() {
	if d.open_ != "" && len(d.messages) > 0 && d.messages[0].Seq > 1 {
		d.show(d.open_, d.messages[0].Seq)
	}
}

// read lets the person see all that is there without a hole, or part of it.
func (d *device) read() {
	through := d.contiguous()
	if d.open_ == "" || through == 0 {
		return
	}
	if d.w.Rand.IntN(3) == 0 {
		through = 1 + d.w.Rand.Uint64N(through)
	}
	d.engine.MarkRead(d.open_, through, func(err error) {
		if err != nil {
			d.w.fail("%s: mark: %v", d, err)
		}
	})
}

// contiguous is the highest seq on the screen before a hole.
func (d *device) contiguous() uint64 {
	var through uint64
	for _, m := range d.messages {
		if m.Seq == 0 || through != 0 && m.Seq != through+1 {
			break
		}
		through = m.Seq
	}
	return through
}

func (d *device) wakeSoon() {
	d.w.After(time.Second, func() {
		if d.host != nil {
			d.engine.Wake()
		}
	})
}

// merge shows messages as a page does.
func (d *device) merge(changed []client.Message, gone []string) {
	for _, m := range changed {
		d.messages = slices.DeleteFunc(d.messages, func(x client.Message) bool {
			return x.Ref == m.Ref && x.Ref != "" || x.Seq == m.Seq && x.Seq != 0
		})
		at, _ := slices.BinarySearchFunc(d.messages, m, order)
		d.messages = slices.Insert(d.messages, at, m)
	}
	d.messages = slices.DeleteFunc(d.messages, func(x client.Message) bool { return slices.Contains(gone, x.Ref) })
	d.checkScreen()
}

// order is how messages stand: by seq, mine that are not confirmed last.
func order(a, b client.Message) int {
	rank := func(m client.Message) (uint64, uint64) {
		if m.Seq == 0 {
			return ^uint64(0), m.Number
		}
		return m.Seq, 0
	}
	seqA, numberA := rank(a)
	seqB, numberB := rank(b)
	switch {
	case seqA != seqB:
		return map[bool]int{true: -1, false: 1}[seqA < seqB]
	case numberA != numberB:
		return map[bool]int{true: -1, false: 1}[numberA < numberB]
	}
	return 0
}

// Open implements chat.Network.
func (d *device) Open(_ context.Context, c client.Credentials, h client.Handler) (client.Session, error) {
	s := d.w.anyServer()
	if s == nil || d.w.chance(10) {
		return nil, errDown
	}
	if d.w.Now().Before(s.frozen) { // it accepts what nobody waits for any more
		x := &session{w: d.w, server: s, device: d, closed: true}
		s.do(func() {
			if s.enter(x) == nil {
				s.after(d.w.upTo(time.Second), func() {
					if slices.Contains(s.sessions, x) {
						s.leave(x)
					}
				})
			}
		})
		return nil, errDown
	}
	x := &session{w: d.w, server: s, device: d, handler: h}
	if err := s.enter(x); err != nil {
		return nil, err
	}
	return x, nil
}

// Messages implements chat.History.
func (d *device) Messages(ctx context.Context, _, key string, after, before uint64, limit int) ([]byte, error) {
	return d.history(ctx, key, chat.Window{After: after, Before: before, Limit: limit, Oldest: after != 0 && before == 0})
}

// Revised implements chat.History.
func (d *device) Revised(ctx context.Context, _, key string, after uint64, limit int) ([]byte, error) {
	return d.history(ctx, key, chat.Window{Revised: true, RevisedAfter: after, Limit: limit})
}

func (d *device) history(ctx context.Context, key string, w chat.Window) ([]byte, error) {
	if d.w.quiet {
		d.w.fail("%s: asks the history of %s for %+v, all of which it was given", d, key, w)
	}
	s := d.w.anyServer()
	if s == nil || d.w.Now().Before(s.frozen) || d.w.chance(15) {
		return nil, errDown
	}
	k, err := proto.ParseKey(key)
	if err != nil {
		return nil, err
	}
	answer, err := s.service.Messages(ctx, d.sender(), k, w)
	if err != nil {
		return nil, err
	}
	d.checkPage(k, answer)
	d.cross(func(o *device) func() { return o.takingBack(key) })
	return answer.Marshal(), nil
}

// Group implements chat.History.
func (d *device) Group(ctx context.Context, _ string, group uint64) ([]byte, error) {
	s := d.w.anyServer()
	if s == nil || d.w.Now().Before(s.frozen) || d.w.chance(15) {
		return nil, errDown
	}
	roster, err := s.service.Roster(ctx, d.sender(), proto.GroupKey(group))
	if err != nil {
		return nil, err
	}
	d.cross(func(o *device) func() {
		if o.user == d.user || o.open_ != proto.GroupKey(group).String() {
			return nil
		}
		return o.read
	})
	return proto.Marshal(roster)
}

// cross lets an answer be late that was just given, and meanwhile another do something that it knows nothing of: the first
// for whom there is something.
func (d *device) cross(does func(o *device) func()) {
	if !d.w.chance(4) {
		return
	}
	for _, o := range d.w.devices {
		if o == d || o.host == nil {
			continue
		}
		if do, host := does(o), o.host; do != nil {
			d.late = true
			d.w.After(d.w.upTo(50*time.Millisecond), func() {
				if o.host == host && !o.repeating {
					do()
				}
			})
			return
		}
	}
}

// observer is the page of one tab: what an old tab still says is void.
type observer struct {
	d    *device
	host *chattest.Host
}

func (o *observer) Messages(key string, changed []client.Message, gone []string) {
	d := o.d
	for _, ref := range gone {
		d.w.withdrawn(ref)
	}
	for _, m := range changed {
		d.checkMessage(m)
		if o.host == d.host {
			d.checkNews(m)
			d.checkRead(m)
		}
		if m.State == client.Refused {
			d.refused(m, o.host)
		}
	}
	if o.host == d.host && key == d.open_ {
		d.merge(changed, gone)
	}
}

func (o *observer) Conversations(changed []client.Conversation) {
	for _, c := range changed {
		if c.Last != nil {
			o.d.checkMessage(*c.Last)
		}
		if o.host == o.d.host {
			o.d.checkConversation(o.d.list[c.Key], c)
			o.d.list[c.Key] = c
		}
	}
}

func (o *observer) Connection(c client.Connection) {
	o.d.w.note("%s: %s %s %s", o.d, c.State, c.Reason, c.MemoryOnly)
	if o.host == o.d.host {
		if o.d.memory = c.MemoryOnly != ""; !o.d.memory && !o.d.store.lost {
			o.d.eachInMemory(func(p *press) { p.inMemory = false })
		}
	}
}

// eachInMemory goes through what was pressed while nothing was stored, and is not since.
func (d *device) eachInMemory(do func(*press)) {
	for _, p := range d.w.presses {
		if p.device == d && p.inMemory {
			do(p)
		}
	}
}

func (o *observer) Typing(string, uint64, bool)   {}
func (o *observer) Presence(uint64, bool, uint64) {}

func (o *observer) Group(g client.Group) {
	if o.host == o.d.host {
		o.d.checkRoster(g)
		o.d.rosters[g.Key] = g
	}
}

func (o *observer) Settings(client.Settings) {}
func (o *observer) Kept(client.Keeping)      {}
func (o *observer) TokenNeeded(string)       {}
func (o *observer) User(client.Token)        {}
func (o *observer) Failed(err error) {
	o.d.w.note("%s: %v", o.d, err)
	if o.host == o.d.host {
		o.d.heeds(err)
	}
}

// Reset makes the page ask again for what it shows.
func (o *observer) Reset() {
	d := o.d
	d.resets++
	d.messages, d.list, d.told = nil, make(map[string]client.Conversation), make(map[string]bool)
	d.rosters, d.allRead, d.heard = make(map[string]client.Group), make(map[string]bool), make(map[string]map[uint64]uint64)
	key := d.open_
	d.host.Post(func() {
		if key != "" && key == d.open_ {
			d.show(key, 0)
		}
	})
}

// knowsMoreThan reports whether the device has stored a token of the same history
// from after a backup.
func (d *device) knowsMoreThan(b *backup) bool {
	stored := d.store.load()
	var version int
	var epoch, rev uint64
	// v3.epoch.rev. and more; whoever has no token knows nothing.
	n, _ := fmt.Sscanf(stored.Meta.SyncToken, "v%d.%d.%d.", &version, &epoch, &rev)
	return n == 3 && epoch == b.epoch && rev > b.rev
}
