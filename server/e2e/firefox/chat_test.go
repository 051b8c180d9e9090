package firefox

import (
	"slices"
	"testing"

	"parley/server/e2e/live"
)

// message is one of those that a page shows.
type message struct{ Seq, ID, State, Content string }

func (tb *tab) messages() []message {
	tb.b.t.Helper()
	return call[[]message](tb, `() => [...document.querySelectorAll('[role=log] [data-message-id]')].map(e => ({
		Seq: e.dataset.seq, ID: e.dataset.messageId, State: e.dataset.state, Content: e.querySelector('.content').textContent,
	}))`)
}

// awaitMessage waits until a message with this content is shown in one of some states.
func (tb *tab) awaitMessage(content string, states ...string) {
	tb.b.t.Helper()
	tb.await("the message "+content, `(content, states) => [...document.querySelectorAll('[role=log] [data-message-id]')].some(e =>
		e.querySelector('.content')?.textContent === content && states.includes(e.dataset.state))`, content, states)
}

func (tb *tab) awaitConnection(state string) {
	tb.b.t.Helper()
	tb.await("connection "+state, `state => document.querySelector('[role=status][data-connection]')?.dataset.connection === state`, state)
}

// signIn makes somebody new of who opens the page, and returns the id, in decimal.
func (tb *tab) signIn(name string) (id string) {
	tb.b.t.Helper()
	tb.write("Your name", name)
	tb.click("button", "Start")
	tb.awaitConnection("live")
	return call[string](tb, `() => JSON.parse(localStorage.getItem('parley.session')).id`)
}

func (tb *tab) say(content string) {
	tb.b.t.Helper()
	tb.write("Message", content)
	tb.click("button", "Send")
}

func TestTwoPeopleChatInFirefox(t *testing.T) {
	server := &live.Server{Data: t.TempDir()}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if server.Runs() {
			if err := server.Stop(); err != nil {
				t.Error(err)
			}
		}
	})
	address := "http://" + server.Address + "/"
	b := start(t)
	home := b.profile()
	ada, bob := home.open(address), b.profile().open(address)
	adaID, bobID := ada.signIn("Ada"), bob.signIn("Bob")
	ada.visit(address + "#/to/" + bobID)
	bob.visit(address + "#/to/" + adaID)

	ada.say("hello Bob")
	bob.awaitMessage("hello Bob", "received")
	ada.awaitMessage("hello Bob", "sent", "delivered", "read")
	bob.say("hello Ada")
	ada.awaitMessage("hello Ada", "received")
	bob.awaitMessage("hello Ada", "sent", "delivered", "read")
	both := ada.messages()
	if other := bob.messages(); len(both) != 2 || both[0].ID != other[0].ID || both[1].ID != other[1].ID || both[0].Seq != "1" || both[1].Seq != "2" {
		t.Errorf("Ada sees %v, Bob %v", both, other)
	}

	// What was seen is there after a reload, and in a second tab, which shares the engine.
	ids := func(tb *tab) (all []string) {
		for _, m := range tb.messages() {
			all = append(all, m.ID)
		}
		return all
	}
	want := ids(ada)
	ada.reload()
	ada.awaitMessage("hello Ada", "received")
	ada.awaitConnection("live")
	second := home.open(address + "#/to/" + bobID)
	second.awaitMessage("hello Ada", "received")
	if got := ids(second); !slices.Equal(got, want) {
		t.Errorf("the second tab shows %v, want %v", got, want)
	}
	bob.say("both tabs?")
	ada.awaitMessage("both tabs?", "received")
	second.awaitMessage("both tabs?", "received")
	second.close()

	// The page is kept once what the start needs is there, which is later than all this.
	ada.await("a page that is kept", `() => navigator.serviceWorker.controller`)

	// Without the server the page opens, and what is written then is sent once it is back.
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	ada.reload()
	ada.awaitMessage("both tabs?", "received")
	ada.say("written meanwhile")
	ada.awaitMessage("written meanwhile", "pending")
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	bob.awaitMessage("written meanwhile", "received")
	ada.awaitMessage("written meanwhile", "sent", "delivered", "read")
	b.wroteNoErrors()
}
