// Package sim proves the promises of chat under faults: the real engine of
// wasm/chat and the real sequencer of server/chat run in one virtual world,
// over a network and disks that fail as a seed decides. Nothing in it depends
// on real time or on the scheduler, so a seed replays exactly.
package sim_test

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"parley/proto"
	"parley/server/chat"
	"parley/wasm/chat/chattest"
)

const (
	users   = 3
	active  = 90 * time.Second // people write and things break
	healing = 12 * time.Minute // faults have stopped: everything must come right
)

// world is one run.
type world struct {
	*chattest.Clock
	seed     uint64
	faulty   bool // the network and the disks misbehave
	quiet    bool // all is well for so long that nobody needs anything from the history
	disk     *disk
	shared   bool      // servers are nodes that share the history; else there is one
	servers  []*server // nil while it is down
	devices  []*device
	presses  []*press
	spoken   map[string]bool // messages of which others ever spoke, by key and seq
	wipes    int             // times that the server's history was replaced, by none or an older one
	groups   []proto.Key     // all that there ever were
	rolls    map[proto.Key]*roll
	links    []chat.GroupLink // to groups, which everybody knows
	blobs    *blobs
	contents map[uint64][]byte // of files, as they were chosen
	over     bool              // servers come back no more
	// pipelined says that the history takes a transaction while the one before is on its way: how many of
	// those there were, and how many were made again.
	pipelined        bool
	followed, remade int
	// talkative says that people say much.
	talkative bool
	// harsh says that what browsers store is damaged, or gone, and sullen that it is away for a while.
	harsh, sullen bool

	tracing bool
	trace   []string
	failed  error // the first broken promise
}

// press is one press of Send that the person saw succeed: the message stood in the list.
type press struct {
	device  *device
	key     string
	content string // unique
	ref     [proto.RefSize]byte
	seen    uint64 // through which seq the conversation was on the screen
	// refused says that the server refused it, and told so; the person deleted
	// it, or sent it again later. So it is where it was withdrawn before it was sent.
	refused bool
	// inMemory says that the person was told that it is not stored, and may be lost with the tab.
	inMemory bool
	// overtaken says that it waited in a store that could not be opened while others were sent, or went with the history.
	overtaken bool
}

func newWorld(seed uint64, tracing bool) *world {
	w := &world{Clock: chattest.NewClock(seed), seed: seed, tracing: tracing, talkative: seed%16 == 7, harsh: seed%5 == 2, sullen: seed%5 == 4, pipelined: seed%7 < 3, spoken: map[string]bool{}, rolls: map[proto.Key]*roll{}, contents: map[uint64][]byte{}}
	w.blobs = &blobs{w, map[uint64]blob{}}
	w.servers = make([]*server, 1)
	if w.shared = seed%2 == 0; w.shared {
		w.servers = make([]*server, 2+w.Rand.IntN(2))
	}
	w.disk = newDisk(w)
	for i := range w.servers {
		w.startServer(i)
	}
	for _, user := range userIDs {
		for n := range 1 + w.Rand.IntN(2) {
			w.devices = append(w.devices, newDevice(w, user, n))
		}
	}
	for _, agent := range agentIDs[:len(agentIDs)-1] {
		w.devices = append(w.devices, newDevice(w, agent, 0))
	}
	return w
}

// userIDs lie where float64 and int64 lose digits.
var userIDs = [users]uint64{1<<53 + 1, 1<<63 + 1, 1<<64 - 1}

// agentIDs answer for the services that all users are customers of; the last, who has no
// device until all is over, comes then if anybody does of whom the history keeps nothing.
var agentIDs = [...]uint64{42, 1<<62 + 3, 1<<63 + 7}

const service, elsewhere = proto.ServiceType_SERVICE_TYPE_SUPPORT, proto.ServiceType_SERVICE_TYPE_SALES

// pairs are all conversations that there can be, but for groups.
func pairs() (all []proto.Key) {
	for i, a := range userIDs {
		for _, b := range userIDs[i+1:] {
			all = append(all, proto.DirectKey(a, b))
		}
		all = append(all, proto.ServiceKey(a, service), proto.ServiceKey(a, elsewhere))
	}
	return all
}

// keys are all conversations that there can be.
func (w *world) keys() []proto.Key { return append(pairs(), w.standing()...) }

// run plays the whole run and returns the first broken promise.
func (w *world) run() error {
	defer w.endCommitters()
	for _, d := range w.devices {
		d.open()
	}
	w.faulty = true
	w.plan()
	w.until(w.Now().Add(active))
	w.heal()
	w.until(w.Now().Add(healing / 2))
	w.quiet = true
	w.until(w.Now().Add(healing / 2))
	w.quiet = false
	w.devices = append(w.devices, w.freshDevice())
	w.until(w.Now().Add(time.Minute))
	if w.failed == nil {
		w.checkAll()
	}
	logs := make(map[proto.Key][]logged)
	for _, key := range w.keys() {
		logs[key] = w.disk.entries(key)
	}
	if w.failed == nil && w.shared {
		w.part()
	}
	if w.failed == nil {
		w.checkFiles(logs)
	}
	return w.failed
}

// part lets somebody leave, and holds that every node hears of it.
func (w *world) part() {
	user := userIDs[w.Rand.IntN(users)]
	w.devices = slices.DeleteFunc(w.devices, func(d *device) bool {
		if d.user == user {
			d.shut()
		}
		return d.user == user
	})
	w.until(w.Now().Add(time.Minute))
	w.checkNodes()
}

// freshDevice is one on which somebody signs in for the first time.
func (w *world) freshDevice() *device {
	everybody := slices.Concat(userIDs[:], agentIDs[:])
	d := newDevice(w, everybody[w.Rand.IntN(len(everybody))], 9)
	d.open()
	return d
}

func (w *world) until(end time.Time) {
	for w.failed == nil && w.Now().Before(end) {
		if !w.Step() {
			return
		}
	}
}

// plan lets people act and things break, until the world heals.
func (w *world) plan() {
	for _, d := range w.devices {
		w.often(3*time.Second, d.act)
		if w.seed%3 == 0 {
			w.often(30*time.Second, d.crowd)
		}
		if w.harsh {
			w.often(30*time.Second, d.breaks)
		}
		if w.sullen {
			w.often(30*time.Second, d.sulks)
		}
	}
	w.often(20*time.Second, w.breakSomething)
}

// often does f again and again, at random intervals around every.
func (w *world) often(every time.Duration, f func()) {
	w.After(w.upTo(2*every), func() {
		if !w.faulty {
			return
		}
		f()
		w.often(every, f)
	})
}

func (w *world) breakSomething() {
	s := w.anyServer()
	if w.shared && w.Rand.IntN(3) == 0 {
		w.breakNode(s)
		return
	}
	if w.shared && w.pipelined && w.Rand.IntN(5) == 0 {
		w.disk.blur()
		return
	}
	switch w.Rand.IntN(10) {
	case 0, 1:
		s.kill("kill -9")
	case 2:
		w.disk.full = true
		w.note("server disk full")
		w.After(w.upTo(8*time.Second), func() { w.disk.full = false })
	case 9:
		w.disk.bad = true
		w.note("some of what is sent to the server cannot be stored")
		w.After(w.upTo(8*time.Second), func() { w.disk.bad = false })
	case 3, 4:
		if s != nil && len(s.sessions) > 0 {
			x := s.sessions[w.Rand.IntN(len(s.sessions))]
			w.note("cut %s", x.device)
			x.end(errReset)
		}
	case 5, 6:
		if s != nil && len(s.sessions) > 0 {
			x := s.sessions[w.Rand.IntN(len(s.sessions))]
			w.note("half-open %s", x.device)
			x.silent = true
		}
	case 7:
		w.disk.crash = 1 + w.Rand.IntN(3) // at one of the next commits
		w.note("kill planned at a commit")
	case 8:
		if w.Rand.IntN(6) == 0 {
			w.killServers("history replaced")
			w.replace(w.disk.wipe)
			return
		}
		if w.harsh { // who could prove it may have lost the proof
			return
		}
		w.note("backup made")
		b := w.disk.backUp()
		w.After(w.upTo(15*time.Second), func() { w.putBack(b) })
	}
}

// putBack puts a backup back, if somebody can prove that it was: what is undone and
// nobody was given a token of, nobody can tell. Rows are pushed within a second of
// what they tell of, so that is the end of what is undone alone.
func (w *world) putBack(b *backup) {
	proof := slices.ContainsFunc(w.devices, func(d *device) bool { return d.knowsMoreThan(b) })
	if !w.faulty || !proof {
		return
	}
	w.killServers("backup put back")
	w.replace(func() { w.disk.putBack(b) })
}

// replace replaces the history. What goes with it may have been confirmed, and be sent again by a tab that could not store
// that, behind what others in its place were sent meanwhile.
func (w *world) replace(with func()) {
	before := w.refs()
	with()
	w.wipes++
	after := w.refs()
	for _, p := range w.presses {
		p.overtaken = p.overtaken || before[p.ref] && !after[p.ref]
	}
}

// refs are those of all entries.
func (w *world) refs() map[[proto.RefSize]byte]bool {
	refs := make(map[[proto.RefSize]byte]bool)
	for _, key := range w.keys() {
		for _, x := range w.disk.entries(key) {
			refs[x.ref] = true
		}
	}
	return refs
}

// start is the random id of a start.
func (w *world) start() uint64 { return w.Rand.Uint64() | 1 }

// heal ends all faults; what they broke stays broken until somebody mends it.
func (w *world) heal() {
	w.note("faults stop")
	w.faulty, w.disk.full, w.disk.bad, w.disk.vague, w.disk.crash = false, false, false, false, 0
	for i, s := range w.servers {
		if s == nil {
			w.startServer(i)
		} else {
			s.frozen, s.skew = time.Time{}, 0
		}
	}
	for _, d := range w.devices {
		d.full, d.store.room, d.store.away, d.store.endless, d.store.unheard = false, -1, false, false, false
		if d.host == nil {
			d.open()
		}
		if w.Rand.IntN(2) == 0 {
			d.wakeSoon() // the others have to notice by themselves
		}
		w.After(w.upTo(time.Minute), d.takeBack)
	}
}

// upTo is a random time below d.
func (w *world) upTo(d time.Duration) time.Duration {
	return time.Duration(w.Rand.Int64N(int64(d)))
}

// chance is true in one of n cases while the world is faulty.
func (w *world) chance(n int) bool { return w.faulty && w.Rand.IntN(n) == 0 }

// latency is how long something takes on the network.
func (w *world) latency() time.Duration {
	d := time.Millisecond + w.upTo(40*time.Millisecond)
	if w.chance(20) {
		d += w.upTo(3 * time.Second)
	}
	return d
}

func (w *world) note(format string, args ...any) {
	if w.tracing {
		at := w.Now().Sub(chattest.Start).Seconds()
		w.trace = append(w.trace, fmt.Sprintf("%8.3f  ", at)+fmt.Sprintf(format, args...))
	}
}

// fail records a broken promise; the first one counts.
func (w *world) fail(format string, args ...any) {
	if w.failed == nil {
		w.failed = fmt.Errorf(format, args...)
		w.note("BROKEN: %v", w.failed)
	}
}

var (
	errReset  = errors.New("connection reset")
	errNoAck  = errors.New("no acknowledgement in time")
	errDown   = errors.New("connection refused")
	errFull   = errors.New("no space left")
	errBad    = errors.New("this cannot be stored")
	errKilled = errors.New("killed")
)
