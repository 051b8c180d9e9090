package e2e

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"parley/proto"
	"parley/server/chat"
	"parley/server/store"
)

// mostElements is how many elements the page may have, whatever there is to show.
const mostElements = 1_500

// unheard is a Fanout of a server that nobody is connected to.
type unheard struct{}

func (unheard) Publish(uint64, proto.Branch, []byte) {}

func (unheard) PublishTo(context.Context, uint64, string, proto.Branch, []byte) error { return nil }

// fill stores, while the server does not run, what a user who answers for customer service got: messages of so many
// people and questions of so many customers, one each, and so many messages more of the last one.
func (s *server) fill(user uint64, people, customers, more int) {
	s.t.Helper()
	s.stop()
	defer s.start()
	ctx := s.t.Context()
	history, err := store.Open(ctx, s.Data)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() {
		if err := history.Close(); err != nil {
			s.t.Error(err)
		}
	}()
	sequencer, err := chat.New(chat.Config{Store: history, Fanout: unheard{}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		s.t.Fatal(err)
	}
	const first = 1 << 40
	var all []chat.Request
	add := func(from uint64, branch proto.Branch, payload []byte, err error) {
		s.t.Helper()
		if err != nil {
			s.t.Fatal(err)
		}
		request, err := sequencer.Prepare(chat.Sender{User: from, Name: fmt.Sprint("Person ", from-first)}, branch, payload, nil)
		if err != nil {
			s.t.Fatal(err)
		}
		all = append(all, request)
	}
	var zero uint64
	kind, direction, service := proto.MessageType_MESSAGE_TYPE_TEXT, proto.ServiceMessageDirection_CUSTOMER_TO_SERVICE, support
	for i := range customers {
		from, content := first+uint64(people+i), fmt.Sprintf("question %d.", i+1)
		payload, err := proto.Marshal(&proto.ServiceMessage{
			MessageId: &zero, UserId: &from, ServiceType: &service, MessageType: &kind, Content: &content, CreateDate: &zero, Direction: &direction,
		})
		add(from, proto.BranchService, payload, err)
	}
	for i := range people + more {
		from, content := first+uint64(min(i, people-1)), fmt.Sprintf("line %d.", max(1, i-people+2))
		payload, err := proto.Marshal(&proto.Message{MessageId: &zero, SenderId: &zero, CreateTime: &zero, ReceiverId: &user, Content: &content})
		add(from, proto.BranchMessage, payload, err)
	}
	for ; len(all) > 0; all = all[min(len(all), 1000):] {
		for _, result := range sequencer.Commit(ctx, all[:min(len(all), 1000)]) {
			if result.Err != nil {
				s.t.Fatal(result.Err)
			}
		}
	}
}

// walked is what was seen of a list that was scrolled from one end to the other.
type walked struct {
	Seen     int     // entries that were on the screen
	Jumped   float64 // how far one moved that was there before and after a step, beside the step; px
	Elements int     // of the page, at most
}

// walkList is JavaScript that scrolls a list to its end, or with -1 to its beginning.
const walkList = `async (list, way) => {
	const entries = document.querySelector(list + ' .entries');
	const scroller = [entries, entries.parentElement].find(e => e.scrollHeight > e.clientHeight + 1 && getComputedStyle(e).overflowY !== 'visible');
	const seen = new Set(), got = {Jumped: 0, Elements: 0};
	const frame = () => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))));
	const onScreen = () => {
		const {top, bottom} = scroller.getBoundingClientRect();
		return [...entries.querySelectorAll('li:not(.unseen)')].filter(e => { const r = e.getBoundingClientRect(); return r.bottom > top && r.top < bottom });
	};
	for (;;) {
		const rows = onScreen();
		rows.forEach(row => seen.add(row.dataset.key));
		got.Elements = Math.max(got.Elements, document.getElementsByTagName('*').length);
		const mark = way > 0 ? rows.at(-1) : rows[0], before = mark.getBoundingClientRect().top, from = scroller.scrollTop;
		scroller.scrollTop += way * scroller.clientHeight * 0.8;
		if (scroller.scrollTop === from) break;
		const after = before - (scroller.scrollTop - from);
		await frame();
		got.Jumped = Math.max(got.Jumped, Math.abs(mark.getBoundingClientRect().top - after));
	}
	return {...got, Seen: seen.size};
}`

func TestThePageHoldsWhatIsNearTheScreenHoweverMuchThereIs(t *testing.T) {
	t.Parallel()
	s := newServerWithKey(t)
	const people, customers, more = 150, 80, 400
	s.fill(counterAgent, people, customers, more)
	tb := newProfile(t).open("Annabel", newGate(t, s).url+"/", sessionOf(counterAgent, "Annabel", s.tokenFor(counterAgent, "Annabel", []proto.ServiceType{support})))
	tb.awaitConnection("live")
	ann := &person{tab: tb, id: fmt.Sprint(counterAgent)}
	ann.show(screen{1440, 900})
	ann.await("all of them", `(people, customers) => document.querySelector('conversation-list li')?.ariaSetSize === String(people) && document.querySelector('service-queue li')?.ariaSetSize === String(customers)`, people, customers)
	ann.goTo(fmt.Sprint("/to/", 1<<40+people-1))
	ann.awaitMessage("line 1.", "received")
	call[bool](ann.tab, `() => { document.querySelector('message-list .down').click(); return true }`)
	ann.awaitMessage(fmt.Sprintf("line %d.", more+1), "received")
	for n := range 9 { // half of what is shown is one's own
		ann.say(fmt.Sprintf("answer %d.", n))
	}
	ann.awaitMessage("answer 8.", confirmed...)
	few := func(where string, elements int) {
		t.Helper()
		if elements > mostElements {
			t.Errorf("%s: the page has %d elements, want at most %d", where, elements, mostElements)
		}
	}

	for _, list := range []struct {
		name string
		all  int
	}{{"conversation-list", people}, {"service-queue", customers}} {
		for _, way := range []int{1, -1} {
			got := call[walked](ann.tab, walkList, list.name, way)
			where := fmt.Sprintf("%s, scrolled by %d", list.name, way)
			few(where, got.Elements)
			if got.Seen != list.all || got.Jumped > 1 {
				t.Errorf("%s: %d of %d were seen, and one jumped by %.1f px", where, got.Seen, list.all, got.Jumped)
			}
		}
	}
	for range 5 {
		call[bool](ann.tab, `() => { document.querySelector('[role=log]').scrollTop = 0; return true }`)
		ann.await("what is older", `() => document.querySelector('[role=log]').scrollTop > 0`)
		few("the messages, scrolled up", call[int](ann.tab, `() => document.getElementsByTagName('*').length`))
	}

	// By keys one comes to all of them.
	at := func(what string, place int) {
		t.Helper()
		ann.await(what, `place => {
			const {activeElement: link} = document, item = link.closest('li'), {top, bottom} = link.getBoundingClientRect();
			const frame = item?.closest('.entries').getBoundingClientRect();
			return item?.ariaPosInSet === String(place) && top >= frame.top - 1 && bottom <= frame.bottom + 1;
		}`, place)
	}
	ann.focusOn("conversation-list a")
	ann.press(kb.End)
	at("the last", people)
	ann.press(kb.ArrowUp)
	at("the one before", people-1)
	ann.press(kb.Home)
	at("the first", 1)
	// What has the focus keeps it, however far it is scrolled away.
	call[bool](ann.tab, `() => { const e = document.querySelector('conversation-list .entries'); e.scrollTop = e.scrollHeight; return true }`)
	ann.await("the end", `people => [...document.querySelectorAll('conversation-list .entries li')].at(-1).ariaPosInSet === String(people) && document.activeElement.closest('li').matches('.unseen')`, people)
	ann.press(kb.ArrowDown)
	at("the second", 2)

	// Where one has scrolled to, nothing moves when somebody writes.
	call[bool](ann.tab, `() => { document.querySelector('conversation-list .entries').scrollTop = 3000; return true }`)
	call[bool](ann.tab, scrolled)
	const place = `key => {
		const rows = [...document.querySelectorAll('conversation-list .entries li')];
		const row = key ? rows.find(e => e.dataset.key === key) : rows[8];
		return row.dataset.key + ' at ' + Math.round(row.getBoundingClientRect().top);
	}`
	before := call[string](ann.tab, place, "")
	key, _, _ := strings.Cut(before, " ")
	newDevice(t, s, counterFriend, "Bob").tell(counterAgent, "hello")
	ann.await("one more", `people => document.querySelector('conversation-list .entries li:last-child').ariaSetSize === String(people + 1)`, people)
	if after := call[string](ann.tab, place, key); after != before {
		t.Errorf("on the screen is %s after a message, and %s before", after, before)
	}
	ann.wroteNoErrors()
}
