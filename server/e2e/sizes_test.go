package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"

	"parley/proto"
)

// What people do every day, on a screen of each kind, by what assistive technology finds.
func TestWhatPeopleDoEveryDayIsDoneOnEachScreen(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	g := newGate(t, s)
	for _, on := range []struct {
		name    string
		screen  screen
		options []chromedp.EmulateViewportOption
		narrow  bool // there is room for the list or for a conversation
	}{
		{"phone", screen{390, 844}, []chromedp.EmulateViewportOption{chromedp.EmulateMobile, chromedp.EmulateTouch}, true},
		{"tablet", screen{820, 1180}, []chromedp.EmulateViewportOption{chromedp.EmulateTouch}, false},
		{"desktop", screen{1440, 900}, nil, false},
	} {
		t.Run(on.name, func(t *testing.T) {
			t.Parallel()
			bob := newPeer(t, s, "Bob of the "+on.name)
			tb := newProfile(t).open("Ada", g.url+"/", "")
			tb.do(chromedp.EmulateViewport(on.screen.width, on.screen.height, on.options...))
			ada := &person{tab: tb}
			toList := func() {
				t.Helper()
				if on.narrow {
					ada.clickOn("link", "Back to conversations")
				}
				ada.find("list", "Conversations")
			}
			ada.fits("signing in")
			ada.fill("Your name", "Ada")
			ada.click("Start")
			ada.awaitConnection("live")
			ada.id = call[string](tb, `() => JSON.parse(localStorage.getItem('parley.session')).id`)

			// Somebody is found and written to, has got it, and answers.
			ada.fillIn("searchbox", "Search people and messages", bob.id)
			ada.find("list", "People")
			ada.clickOn("link", "Bob of the "+on.name+" "+bob.id)
			ada.find("log", "Messages with Bob of the "+on.name)
			ada.sayByButton("hello")
			ada.awaitMessage("hello", confirmed...)
			bob.openChat(ada.id)
			bob.awaitMessage("hello")
			bob.say("good morning")
			ada.awaitMessage("good morning", "received")
			bob.marks(t, proto.DirectKey(bob.user, bob.to).String(), 1)
			ada.awaitMessage("hello", "read")
			ada.fits("a conversation")

			// A reply quotes.
			ada.act("good morning", "Reply")
			ada.sayByButton("the same to you")
			ada.awaitSaid("hello", "good morning", "<good morning> the same to you")

			// Back to the list, the settings, and forth again.
			toList()
			ada.fits("the list")
			ada.click("Settings")
			ada.find("combobox", "Language")
			ada.press("\u001b")
			ada.reload()
			ada.awaitConnection("live")
			ada.find("list", "Conversations")
			ada.openChat(bob.id)
			ada.awaitSaid("hello", "good morning", "<good morning> the same to you")

			toList()
			ada.click("Settings")
			ada.click("Sign out")
			ada.find("heading", "Sign out of this browser?")
			ada.pressIn("Sign out")
			ada.find("textbox", "Your name")
			ada.fits("signed out")
			ada.wroteNoErrors()
		})
	}
}
