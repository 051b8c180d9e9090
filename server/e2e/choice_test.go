package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"
	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
)

// rows are the conversations of a page's list, each with what marks it.
func (p *person) rows() []string {
	p.t.Helper()
	return call[[]string](p.tab, `() => [...document.querySelectorAll('[role=list][aria-label=Conversations] > li')].map(row => [
		row.dataset.key, 'markedUnread' in row.dataset ? 'marked' : row.dataset.unread,
		...[...row.querySelectorAll('[role=img]')].filter(e => e.checkVisibility() && /Pinned|Muted/.test(e.ariaLabel)).map(e => e.ariaLabel),
	].join(' '))`)
}

func (p *person) awaitRows(what string, want ...string) {
	p.t.Helper()
	var got []string
	defer func() {
		if p.t.Failed() {
			p.t.Logf("%s shows %q", p.name, got)
		}
	}()
	eventually(p.t, fmt.Sprintf("%s: %s: %q", p.name, what, want), func() bool {
		got = p.rows()
		return slices.Equal(got, want)
	})
}

// clickRow clicks a conversation's row.
func (p *person) clickRow(key string, options ...chromedp.MouseOption) {
	p.t.Helper()
	p.await("the row of "+key, `key => document.querySelector('li[data-key="' + key + '"]')?.checkVisibility()`, key)
	at := call[[]float64](p.tab, `key => {
		const {x, y, width, height} = document.querySelector('li[data-key="' + key + '"] a').getBoundingClientRect();
		return [x + width / 2, y + height / 2];
	}`, key)
	p.do(chromedp.MouseClickXY(at[0], at[1], options...))
}

// choose chooses from the menu of a conversation's row.
func (p *person) choose(key, act string) {
	p.t.Helper()
	p.clickRow(key, chromedp.ButtonRight)
	p.click(act)
}

func TestWhatIsChosenForAConversationHoldsOnAllDevices(t *testing.T) {
	t.Parallel()
	const bobID, adaID, eveID = 21, 22, 23
	const ada, eve = "d:21:22", "d:21:23"
	s := newServerWithKey(t)
	g := newGate(t, s)
	adas, eves := newDevice(t, s, adaID, "Ada"), newDevice(t, s, eveID, "Eve")
	adas.tell(bobID, "from Ada")
	eves.tell(bobID, "from Eve")
	token := s.token(bobID, "Bob")
	phone := newDevice(t, s, bobID, "Bob")
	bob := signInAs(newProfile(t), g, bobID, "Bob", token)
	elsewhere := func(c *proto.Choice) {
		t.Helper()
		if _, err := phone.send(proto.BranchChoice, c); err != nil {
			t.Fatal(err)
		}
	}
	told := func(key string, want choices) {
		t.Helper()
		eventually(t, fmt.Sprintf("other devices to be told of %s: %+v", key, want), func() bool {
			_, body := s.get("/api/conversations", token)
			var list struct {
				Conversations []struct {
					Key string
					choices
				}
			}
			if err := json.Unmarshal(body, &list); err != nil {
				t.Fatal(err)
			}
			return slices.ContainsFunc(list.Conversations, func(c struct {
				Key string
				choices
			}) bool {
				return c.Key == key && c.choices == want
			})
		})
	}
	titled := func(title string) {
		t.Helper()
		bob.await("the title "+title, `title => document.title === title`, title)
	}

	bob.awaitRows("before", eve+" 1", ada+" 1")
	bob.choose(ada, "Pin")
	bob.awaitRows("pinned", ada+" 1 Pinned", eve+" 1")
	told(ada, choices{Pinned: true})
	titled("(2) Parley")
	elsewhere(&proto.Choice{Key: protobuf.String(eve), Muted: protobuf.Bool(true)})
	bob.awaitRows("muted elsewhere", ada+" 1 Pinned", eve+" 1 Muted")
	titled("(1) Parley")
	bob.choose(ada, "Mark as read")
	bob.awaitRows("read", ada+" 0 Pinned", eve+" 1 Muted")
	bob.choose(ada, "Mark as unread")
	bob.awaitRows("marked as unread", ada+" marked Pinned", eve+" 1 Muted")
	told(ada, choices{Pinned: true, MarkedUnread: true})
	bob.clickRow(ada)
	bob.awaitRows("opened", ada+" 0 Pinned", eve+" 1 Muted")
	bob.click("More")
	bob.click("Mark as unread")
	bob.await("the list", `() => document.querySelector('chat-panes').dataset.view === 'list'`)
	bob.awaitRows("marked where it is open", ada+" marked Pinned", eve+" 1 Muted")

	bob.choose(ada, "Archive")
	bob.awaitRows("archived", eve+" 1 Muted")
	told(ada, choices{Pinned: true, MarkedUnread: true, ArchivedThrough: "1"})
	bob.click("Archived (1)")
	bob.awaitRows("the archive", ada+" marked Pinned")
	bob.choose(ada, "Take out of the archive")
	bob.awaitRows("out of the archive", ada+" marked Pinned", eve+" 1 Muted")
	bob.choose(ada, "Archive")
	elsewhere(&proto.Choice{Key: protobuf.String(eve), ArchivedThrough: protobuf.Uint64(1)})
	bob.awaitRows("both archived")
	adas.tell(bobID, "news from Ada")
	eves.tell(bobID, "news from Eve")
	bob.awaitRows("something new", ada+" 1 Pinned")
	bob.click("Archived (1)")
	bob.awaitRows("what is muted stays", eve+" 2 Muted")
	bob.wroteNoErrors()
}

// choices are those of a conversation as the HTTP API tells them.
type choices struct {
	Pinned          bool   `json:"pinned"`
	Muted           bool   `json:"muted"`
	MarkedUnread    bool   `json:"marked_unread"`
	ArchivedThrough string `json:"archived_through"`
}
