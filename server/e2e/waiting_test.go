package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"testing"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/proto/answeredtest"
)

// The people of the scenarios. Customers and those whom Ann writes with are
// others in each scenario; a customer writes to each of the services.
const (
	ann, ben, cleo uint64 = 11, 12, 13
	firstCustomer  uint64 = 1000
	firstFriend    uint64 = 2000
)

var allServices = []proto.ServiceType{
	proto.ServiceType_SERVICE_TYPE_GENERAL, proto.ServiceType_SERVICE_TYPE_SALES, proto.ServiceType_SERVICE_TYPE_SUPPORT,
	proto.ServiceType_SERVICE_TYPE_BILLING, proto.ServiceType_SERVICE_TYPE_DELIVERY, proto.ServiceType_SERVICE_TYPE_RETURNS,
	proto.ServiceType_SERVICE_TYPE_COMPLAINTS,
}

// A stage is a server on which the scenarios are played, and who plays.
type stage struct {
	t       *testing.T
	server  *server
	devices map[uint64]*device
}

func newStage(t *testing.T, s *server) *stage {
	return &stage{t: t, server: s, devices: map[uint64]*device{
		ann: newDevice(t, s, ann, "Ann", allServices...),
		ben: newDevice(t, s, ben, "Ben", allServices...),
	}}
}

// device is the one of a user, connected when it is first asked for.
func (st *stage) device(user uint64) *device {
	st.t.Helper()
	if st.devices[user] == nil {
		st.devices[user] = newDevice(st.t, st.server, user, "User "+strconv.FormatUint(user, 10))
	}
	return st.devices[user]
}

// An outcome is a scenario that was played, and what follows from it.
type outcome struct {
	answeredtest.Scenario
	key         proto.Key
	customer    uint64    // or the friend whom Ann writes with
	since       [2]string // create time of what waits longest, by the author's side; "0" if nothing
	has         string    // id, "0" for nobody
	playedUntil string    // seq
}

// playAll plays every scenario, each in a conversation of its own.
func (st *stage) playAll() []outcome {
	st.t.Helper()
	var played []outcome
	var services, friends int
	for _, sc := range answeredtest.Scenarios() {
		if sc.Kind == proto.Service {
			customer := firstCustomer + uint64(services/len(allServices))
			played = append(played, st.play(sc, proto.ServiceKey(customer, allServices[services%len(allServices)]), customer))
			services++
		} else {
			friend := firstFriend + uint64(friends)
			played = append(played, st.play(sc, proto.DirectKey(ann, friend), friend))
			friends++
		}
	}
	if services == 0 || friends == 0 {
		st.t.Fatalf("%d scenarios of services and %d of two users", services, friends)
	}
	return played
}

// play sends a scenario's log, each entry once the one before is stored.
func (st *stage) play(sc answeredtest.Scenario, key proto.Key, other uint64) outcome {
	st.t.Helper()
	people := map[answeredtest.Person]uint64{answeredtest.Customer: other, answeredtest.Ann: ann, answeredtest.Ben: ben, "": 0}
	if sc.Kind == proto.Direct {
		people[answeredtest.Ben] = other
	}
	times := []string{"0"} // by seq
	var last uint64
	for i, e := range sc.Log {
		awaitClock(last)
		branch, payload := entryOf(e, key, people, fmt.Sprintf("%s %d", sc.Story, i+1))
		var seq uint64
		if seq, last = st.device(people[e.By]).must(branch, payload); seq != uint64(i+1) {
			st.t.Fatalf("%s: entry %d got seq %d", sc.Story, i+1, seq)
		}
		times = append(times, strconv.FormatUint(last, 10))
	}
	return outcome{
		Scenario: sc, key: key, customer: other, since: [2]string{times[sc.Waits[0]], times[sc.Waits[1]]},
		has: strconv.FormatUint(people[sc.Has], 10), playedUntil: strconv.Itoa(len(sc.Log)),
	}
}

// entryOf is an entry of a scenario as its author's device sends it.
func entryOf(e answeredtest.Entry, key proto.Key, people map[answeredtest.Person]uint64, content string) (proto.Branch, protobuf.Message) {
	author := people[e.By]
	if e.Does.Control() && e.Does != proto.MessageType_MESSAGE_TYPE_NOTE && e.Does != proto.MessageType_MESSAGE_TYPE_EDIT {
		content = ""
	}
	var zero uint64
	var target *uint64
	if e.Of != 0 {
		target = &e.Of
	}
	if key.Kind() == proto.Direct {
		peer := key.Peer(author)
		return proto.BranchMessage, &proto.Message{
			MessageId: &zero, SenderId: &author, Content: &content, CreateTime: &zero, ReceiverId: &peer,
			SeenSeq: e.Seen, MessageType: &e.Does, TargetSeq: target,
		}
	}
	customer, service := key.Customer(), key.Service()
	m := &proto.ServiceMessage{
		MessageId: &zero, UserId: &customer, ServiceType: &service, MessageType: &e.Does, Content: &content, CreateDate: &zero,
		Direction: proto.ServiceMessageDirection_CUSTOMER_TO_SERVICE.Enum(), SeenSeq: e.Seen, TargetSeq: target,
	}
	if agent := people[e.To]; agent != 0 {
		m.TargetAgentId = &agent
	}
	return proto.BranchService, m
}

// A standing is what one side is told of a conversation.
type standing struct {
	Head, Waiting, Awaiting, Assignee string
	Closed                            uint32
}

// seenBy is what the first side (false) or the second one is to be told.
func (o outcome) seenBy(second bool) standing {
	switch {
	case o.Kind == proto.Direct && second:
		return standing{o.playedUntil, o.since[0], o.since[1], "0", 0}
	case o.Kind == proto.Direct:
		return standing{o.playedUntil, o.since[1], o.since[0], "0", 0}
	case second: // an agent: the service waits for nobody
		return standing{o.playedUntil, o.since[0], "0", o.has, o.Closed}
	}
	return standing{o.playedUntil, "0", o.since[0], "0", o.Closed} // one voice: nobody has it
}

func (r row) standing() standing {
	assignee := r.AssigneeID
	if assignee == "" {
		assignee = "0"
	}
	return standing{r.HeadSeq, r.WaitingSince, r.AwaitingSince, assignee, r.PostProc}
}

// TestWhoWaitsIsAsThePlainScenariosSayOverMQTT plays what a product owner can
// read in proto/answeredtest on the real server, and asks both sides.
func TestWhoWaitsIsAsThePlainScenariosSayOverMQTT(t *testing.T) {
	t.Parallel()
	s := newServerWithKey(t)
	st := newStage(t, s)
	played := st.playAll()
	rows := map[uint64]map[string]row{}
	told := func(user uint64, key proto.Key) standing {
		if rows[user] == nil {
			rows[user] = s.rows(st.device(user).token)
		}
		return rows[user][key.String()].standing()
	}
	for _, o := range played {
		t.Run(o.Story, func(t *testing.T) {
			first, second := o.customer, ann
			if o.Kind == proto.Direct {
				first, second = ann, o.customer
			}
			if got, want := told(first, o.key), o.seenBy(false); got != want {
				t.Errorf("user %d is told %+v, want %+v", first, got, want)
			}
			if got, want := told(second, o.key), o.seenBy(true); got != want {
				t.Errorf("user %d is told %+v, want %+v", second, got, want)
			}
		})
	}
	t.Run("all agents are told the same", func(t *testing.T) {
		for _, o := range played {
			if o.Kind == proto.Service && told(ben, o.key) != told(ann, o.key) {
				t.Errorf("%s: Ben is told %+v, Ann %+v", o.Story, told(ben, o.key), told(ann, o.key))
			}
		}
	})
}

// standingsOnPage is JavaScript that reads each entry of both lists.
const standingsOnPage = `() => Object.fromEntries([...document.querySelectorAll('[data-key]')].map(({dataset}) => [dataset.key,
	{Waiting: dataset.waitingSince ?? '0', Awaiting: dataset.awaitingSince ?? '0', Assignee: dataset.assignee ?? '0'}]))`

// shows waits until the page's lists say what the outcomes say.
func (p *person) shows(want map[string]standing) {
	p.t.Helper()
	var got map[string]standing
	defer func() {
		if p.t.Failed() {
			for _, key := range slices.Sorted(maps.Keys(want)) {
				if got[key] != want[key] {
					p.t.Errorf("%s: %s shows %+v, want %+v", p.name, key, got[key], want[key])
				}
			}
		}
	}()
	eventually(p.t, p.name+": who waits", func() bool {
		got = call[map[string]standing](p.tab, standingsOnPage)
		return maps.Equal(got, want)
	})
}

// TestWhoWaitsIsAsThePlainScenariosSayOnThePage plays the same before pages
// that are open meanwhile, and before pages that come later.
func TestWhoWaitsIsAsThePlainScenariosSayOnThePage(t *testing.T) {
	t.Parallel()
	s := newServerWithKey(t)
	g := newGate(t, s)
	st := newStage(t, s)
	// An agent who only watches, and Ann's own page.
	watcher := signInAs(newProfile(t), g, cleo, "Cleo", s.tokenFor(cleo, "Cleo", allServices))
	friend := signInAs(newProfile(t), g, ann, "Ann", st.device(ann).token)
	played := st.playAll()

	queue, lists := map[string]standing{}, map[uint64]map[string]standing{}
	annSees := map[string]standing{}
	onPage := func(o outcome, second bool) standing {
		want := o.seenBy(second)
		want.Head, want.Closed = "", 0 // no attribute tells
		return want
	}
	for _, o := range played {
		key := o.key.String()
		if o.Kind == proto.Direct {
			annSees[key] = onPage(o, false) // both sides' waiting
			continue
		}
		queue[key] = onPage(o, true)
		annSees[key] = onPage(o, true)
		if lists[o.customer] == nil {
			lists[o.customer] = map[string]standing{}
		}
		lists[o.customer][key] = onPage(o, false)
	}
	watcher.shows(queue)
	friend.shows(annSees)
	watcher.reload() // from this browser's store
	watcher.shows(queue)

	// The customers come when all is said: one browser, in turn.
	later := newProfile(t)
	for i, user := range slices.Sorted(maps.Keys(lists)) {
		if i%3 != 0 {
			continue // all are asked over MQTT; each page takes two seconds of computing
		}
		p := signInAs(later, g, user, fmt.Sprintf("user-%d", user), st.device(user).token)
		p.shows(lists[user])
		p.wroteNoErrors()
		p.closeTab()
	}
	watcher.wroteNoErrors()
	friend.wroteNoErrors()
}
