package bridge

import (
	"slices"
	"time"

	"parley/wasm/chat"
)

const (
	// tellEvery is the least time between two sendings to pages: they paint no sooner.
	tellEvery = 16 * time.Millisecond
	// listEvery is that time where nothing changed but what lists show, and no page follows all messages: nobody reads a
	// line that is there for less, and to paint it each time would take longer than to receive what it is about.
	listEvery = 100 * time.Millisecond
)

// events collects what a user's engine tells during one turn of the loop, or
// since tellEvery or listEvery before if much is told,
// and sends it to all the user's pages at once: what changed twice is sent
// once, messages aside, and a burst of those crosses to JavaScript as one. No answer
// overtakes it. It is the engine's Observer.
type events struct {
	owner         *userEngine
	told          time.Duration // when something was sent last, by the host's clock; 0: never
	scheduled     bool
	due           time.Duration // when it will be, if scheduled
	unschedule    func()        // nil if it is on the loop already
	reset         bool
	connection    *chat.Connection
	conversations []chat.Conversation
	place         map[string]int // of a conversation among these, by key
	messages      []messageChanges
	typing        []typing
	presence      []presence
	groups        []chat.Group
	settings      *chat.Settings
	kept          *chat.Keeping
	user          *chat.Token
	failures      []error
}

var _ chat.Observer = (*events)(nil)

// messageChanges are those of one conversation.
type messageChanges struct {
	key      string
	messages []chat.Message
	gone     []string
}

type typing struct {
	key    string
	user   uint64
	active bool
}

// Messages implements chat.Observer.
func (v *events) Messages(key string, changed []chat.Message, gone []string) {
	i := slices.IndexFunc(v.messages, func(c messageChanges) bool { return c.key == key })
	if i < 0 {
		i = len(v.messages)
		v.messages = append(v.messages, messageChanges{key: key})
	}
	c := &v.messages[i]
	c.messages = append(c.messages, changed...)
	if len(gone) > 0 {
		c.messages = slices.DeleteFunc(c.messages, func(m chat.Message) bool {
			return m.Seq == 0 && slices.Contains(gone, m.Ref)
		})
		c.gone = append(c.gone, gone...)
	}
	if v.owner.engine.OnScreen(key) {
		v.schedule(tellEvery)
	} else {
		v.scheduleLists()
	}
}

// Conversations implements chat.Observer.
func (v *events) Conversations(changed []chat.Conversation) {
	for _, c := range changed {
		if i, known := v.place[c.Key]; known {
			v.conversations[i] = c
			continue
		}
		if v.place == nil {
			v.place = make(map[string]int)
		}
		v.place[c.Key] = len(v.conversations)
		v.conversations = append(v.conversations, c)
	}
	v.scheduleLists()
}

// Connection implements chat.Observer.
func (v *events) Connection(c chat.Connection) {
	v.connection = &c
	v.schedule(tellEvery)
}

// Typing implements chat.Observer.
func (v *events) Typing(key string, user uint64, active bool) {
	v.typing = slices.DeleteFunc(v.typing, func(t typing) bool { return t.key == key && t.user == user })
	v.typing = append(v.typing, typing{key, user, active})
	v.schedule(tellEvery)
}

// presence is whether a user is here.
type presence struct {
	user     uint64
	online   bool
	lastSeen uint64 // Unix milliseconds
}

// Presence implements chat.Observer.
func (v *events) Presence(user uint64, online bool, lastSeen uint64) {
	v.presence = slices.DeleteFunc(v.presence, func(p presence) bool { return p.user == user })
	told := presence{user, online, lastSeen}
	v.presence = append(v.presence, told)
	if v.owner.here == nil {
		v.owner.here = make(map[uint64]presence)
	}
	v.owner.here[user] = told
	v.schedule(tellEvery)
}

// Group implements chat.Observer.
func (v *events) Group(g chat.Group) {
	v.groups = slices.DeleteFunc(v.groups, func(o chat.Group) bool { return o.Key == g.Key })
	v.groups = append(v.groups, g)
	v.schedule(tellEvery)
}

// Settings implements chat.Observer.
func (v *events) Settings(s chat.Settings) {
	v.settings = &s
	v.schedule(tellEvery)
}

// Kept implements chat.Observer.
func (v *events) Kept(k chat.Keeping) {
	v.kept = &k
	v.schedule(tellEvery)
}

// TokenNeeded implements chat.Observer.
func (v *events) TokenNeeded(string) { v.owner.askToken() }

// User implements chat.Observer. It comes before what the user may see by the
// same token.
func (v *events) User(t chat.Token) {
	v.user = &t
	v.schedule(tellEvery)
}

// Reset implements chat.Observer. What was told before it in this turn is void
// like all the rest.
func (v *events) Reset() {
	v.reset, v.messages, v.conversations, v.place = true, nil, nil, nil
	v.schedule(tellEvery)
}

// Failed implements chat.Observer.
func (v *events) Failed(err error) {
	v.failures = append(v.failures, err)
	v.schedule(tellEvery)
}

func (v *events) scheduleLists() {
	if v.owner.engine.Followed() {
		v.schedule(tellEvery)
	} else {
		v.schedule(listEvery)
	}
}

// schedule sends what was collected after what is on the loop already, and not sooner after the last time than that.
func (v *events) schedule(every time.Duration) {
	host := v.owner.hub.host
	now := host.Elapsed()
	due := now
	if v.told > 0 {
		due = max(now, v.told+every)
	}
	if v.scheduled && v.due <= due {
		return
	}
	v.cancel()
	v.scheduled, v.due = true, due
	if due > now {
		v.unschedule = host.After(due-now, v.flush)
	} else {
		host.Post(v.flush)
	}
}

// cancel takes back what schedule planned.
func (v *events) cancel() {
	if v.unschedule != nil {
		v.unschedule()
	}
	v.scheduled, v.unschedule = false, nil
}

// flush sends what was collected now.
func (v *events) flush() {
	v.cancel()
	s, batch := v.owner, *v
	*v = events{owner: s, told: v.told}
	if n := batch.len(); n > 0 {
		v.told = s.hub.host.Elapsed()
		s.hub.tellAll(s.attached, func(e *encoder) {
			e.array(n)
			batch.put(e)
		})
	}
}

func (v *events) len() int {
	n := len(v.messages) + len(v.typing) + len(v.presence) + len(v.groups) + len(v.failures)
	for _, some := range []bool{v.reset, v.connection != nil, len(v.conversations) > 0, v.settings != nil, v.kept != nil, v.user != nil} {
		if some {
			n++
		}
	}
	return n
}

func (v *events) put(e *encoder) {
	if v.reset {
		putEvent(e, "reset", (*encoder).null)
	}
	if v.user != nil {
		v.owner.putUser(e, *v.user)
	}
	if len(v.conversations) > 0 {
		putEvent(e, "conversations", func(e *encoder) { putConversations(e, v.conversations) })
	}
	// When no more are opened, these are all.
	if v.connection != nil {
		putEvent(e, "connection", func(e *encoder) { putConnection(e, v.connection) })
	}
	for i := range v.messages {
		putEvent(e, "messages", func(e *encoder) { putMessageChanges(e, &v.messages[i]) })
	}
	for i := range v.typing {
		putEvent(e, "typing", func(e *encoder) { putTyping(e, &v.typing[i]) })
	}
	for i := range v.presence {
		putEvent(e, "presence", func(e *encoder) { putPresence(e, &v.presence[i]) })
	}
	for i := range v.groups {
		putEvent(e, "group", func(e *encoder) { putGroup(e, &v.groups[i]) })
	}
	if v.settings != nil {
		putEvent(e, "settings", func(e *encoder) { putSettings(e, v.settings) })
	}
	if v.kept != nil {
		putEvent(e, "keeping", func(e *encoder) { putKeeping(e, v.kept) })
	}
	for _, err := range v.failures {
		putFailure(e, err)
	}
}
