package e2e

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"parley/proto"
	"parley/server/e2e/live"
)

// What few people ever meet, and those at a moment when they have other things to think of.
func TestNoStateOfThePageThatIsRareShutsAnybodyOut(t *testing.T) {
	newer := pack(t, map[string][2]string{"texts/languages/en.js": {"nothingChosen: 'Choose a conversation'", "nothingChosen: 'Pick a conversation'"}})
	inEachLanguage(t, func(t *testing.T, p *profile) {
		for _, state := range []struct {
			name  string
			reach func(*profile) *tab
		}{
			{"the program on its way", programOnItsWay},
			{"the offer of a new version", func(p *profile) *tab { return newVersion(p, newer) }},
			{"a conversation that was moved here", movedHere},
			{"files that were refused, and that wait", filesNotSent},
			{"what is stored, paused", storingPaused},
			{"a group with a picture", groupWithPicture},
			{"a reply that a colleague changed", changedReply},
		} {
			t.Run(state.name, func(t *testing.T) {
				own := newProfile(t)
				own.book = p.book
				tb := state.reach(own)
				for _, on := range []screen{{1200, 800}, {390, 844}} {
					tb.show(on)
					tb.shutsNobodyOut(state.name + " on " + on.String())
				}
			})
		}
	})
}

func programOnItsWay(p *profile) *tab {
	line, err := live.NewSlowLine(strings.TrimPrefix(newGate(p.t, newServer(p.t)).url, "http://"), slowLine)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(line.Close)
	tb := p.open("Ada", "http://"+line.Address+"/", watching)
	tb.fill("Your name", "Ada")
	tb.click("Start")
	tb.await("progress", `() => document.querySelector('[role=progressbar]')?.getAttribute('aria-valuenow')`)
	return tb
}

func newVersion(p *profile, newer string) *tab {
	p.keepsPage = true
	s := newServer(p.t)
	g := newGate(p.t, s)
	ada := &shell{signInWith(p, g, "Ada", ""), g}
	ada.kept()
	s.stop()
	s.Flags = []string{"-static", newer}
	s.start()
	ada.update()
	ada.find("button", "Reload")
	return ada.tab
}

func movedHere(p *profile) *tab {
	const annID, carlID = 41, 42
	s := newServerWithServices(p.t)
	ann := signInAs(p, newGate(p.t, s), annID, "Annabel", s.tokenFor(annID, "Annabel", []proto.ServiceType{repairs, returns}))
	newDevice(p.t, s, carlID, "Carl").asks(repairs, "my kettle leaks")
	ann.goTo("/c/" + proto.ServiceKey(carlID, repairs).String())
	ann.awaitMessage("my kettle leaks", "received")
	ann.click("Move")
	ann.fill("Reason", "under warranty")
	call[bool](ann.tab, `() => { document.querySelector('dialog select').value = '7'; document.querySelector('dialog button[value=move]').click(); return true }`)
	ann.await("that it was moved", `() => document.querySelector('.control[data-type=move]')`)
	ann.goTo("/c/" + proto.ServiceKey(carlID, returns).String())
	ann.await("it, there", `() => document.querySelector('.control[data-type=moved] .excerpt')?.textContent.includes('my kettle leaks')`)
	return ann.tab
}

func filesNotSent(p *profile) *tab {
	s, bucket := newServerWithBucket(p.t, "-max-upload", "100KiB", "-kept-uploads", "150KiB")
	ada, bob := signInWith(p, newGate(p.t, s), "Ada", ""), newPeer(p.t, s, "Bob")
	ada.openChat(bob.id)
	files := inFolder(p.t, map[string][]byte{"first.bin": make([]byte, 90<<10), "second.bin": make([]byte, 90<<10), "third.bin": bytes.Repeat([]byte("3"), 9<<10)})
	send := func(name string) {
		ada.chooseFiles(files[name])
		ada.sendChosen()
	}
	send("first.bin")
	ada.awaitMessage("first.bin", confirmed...)
	send("second.bin")
	ada.await("why not", `() => document.querySelector('[data-state=refused] .refusal')?.textContent`)
	bucket.Leave()
	send("third.bin")
	ada.await("why it waits", `() => document.querySelector('[data-state=pending] .held')?.textContent`)
	return ada.tab
}

func storingPaused(p *profile) *tab {
	const bobID, adaID = 41, 42
	s := newServerWithKey(p.t)
	g := newGate(p.t, s)
	newDevice(p.t, s, adaID, "Ada").tellsMany(bobID, 300)
	bob := signInAs(p, g, bobID, "Bob", s.token(bobID, "Bob"))
	bob.await("the newest messages", `key => document.querySelector('[data-key="' + key + '"]')`, proto.DirectKey(adaID, bobID).String())
	bob.click("Settings")
	bob.click("Storage")
	bob.find("button", "Close")
	g.close("/api/conversations/") // so that it does not end before it is paused
	bob.clickOn("switch", "Keep all my history here")
	bob.click("Pause")
	bob.find("button", "Go on")
	return bob.tab
}

func groupWithPicture(p *profile) *tab {
	const annID, benID = 31, 32
	s := newServerWithKey(p.t)
	ann := signInAs(p, newGate(p.t, s), annID, "Ann", s.token(annID, "Ann"))
	newDevice(p.t, s, benID, "Ben")
	ann.makeGroup("The team", strconv.Itoa(benID))
	ann.click("Members")
	ann.find("button", "Change the picture")
	ann.giveFiles("dialog.group input[type=file]", inFolder(p.t, map[string][]byte{"wide.jpg": photo(p.t, 900, 600)})["wide.jpg"])
	for _, place := range []string{".main .bar", ".group-picture"} {
		ann.awaitPicture(place, "256x256")
	}
	return ann.tab
}

func changedReply(p *profile) *tab {
	c := newCounterIn(p, "")
	ben := colleague{p.t, c.s, c.s.tokenFor(24, "Benedict", []proto.ServiceType{support})}
	const replies = "/api/services/2/replies"
	made := ben.ask("POST", replies, `{"title":"Order","content":"It is on its way."}`)
	c.open(c.customer, "question 12.")
	c.click("Canned replies")
	c.click("Manage")
	c.await("the reply", `() => { const reply = document.querySelector('dialog .summary'); reply?.click(); return reply }`)
	c.fill("Title", "Mine")
	ben.ask("PUT", fmt.Sprintf("%s/%s", replies, made["id"]), `{"title":"Order","content":"what Ben made of it"}`)
	c.click("Save")
	c.await("what he made of it", `() => document.querySelector('dialog blockquote')?.textContent.includes('what Ben made of it')`)
	return c.tab
}
