package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
)

// makeGroup makes a group by the page, of people who are found by their ids, and returns its key.
func (p *person) makeGroup(name string, members ...string) string {
	p.t.Helper()
	p.click("New group")
	p.fill("Name of the group", name)
	for _, id := range members {
		p.fillIn("searchbox", "Find people to add", id)
		p.await("the person "+id, `id => [...document.querySelectorAll('.found-members button')].some(b => b.ariaDescription === id)`, id)
		call[bool](p.tab, `id => { [...document.querySelectorAll('.found-members button')].find(b => b.ariaDescription === id).click(); return true }`, id)
	}
	p.click("Make the group")
	p.await("the group's page", `() => location.hash.startsWith('#/c/g:') && document.querySelector('[role=log]')`)
	return strings.TrimPrefix(call[string](p.tab, `() => location.hash`), "#/c/")
}

// lines are what the message list says, quiet lines too.
func (p *person) lines() []string {
	p.t.Helper()
	return call[[]string](p.tab, `() => [...document.querySelectorAll('[role=log] [data-seq]')].map(e => [...e.querySelectorAll('.author, .content, .control p > span')].map(x => x.textContent.replace(/[\u2066-\u2069]/g, '')).join(' | '))`)
}

func (p *person) awaitLines(what string, want ...string) {
	p.t.Helper()
	var got []string
	defer func() {
		if p.t.Failed() {
			p.t.Logf("%s shows %q", p.name, got)
		}
	}()
	eventually(p.t, fmt.Sprintf("%s: %s: %q", p.name, what, want), func() bool {
		got = p.lines()
		return slices.Equal(got, want)
	})
}

func TestThreePeopleChatInAGroup(t *testing.T) {
	t.Parallel()
	const annID, benID, cemID = 31, 32, 33
	s := newServerWithKey(t)
	g := newGate(t, s)
	ann := signInAs(newProfile(t), g, annID, "Ann", s.token(annID, "Ann"))
	ben := signInAs(newProfile(t), g, benID, "Ben", s.token(benID, "Ben"))
	cem := signInAs(newProfile(t), g, cemID, "Cem", s.token(cemID, "Cem"))
	key := ann.makeGroup("The team", ben.id)
	ann.awaitLines("the beginning", "You made the group The team")
	ben.clickRow(key)
	ben.awaitLines("the beginning", "Ann made the group The team")

	// A name is completed, and whoever is mentioned is told so.
	ben.fill("Message", "hello @A")
	ben.await("the names", `() => [...document.querySelectorAll('mention-picker [role=option]')].map(o => o.textContent).join() === '@Ann'`)
	ben.pressEnter()
	ben.pressEnter()
	ann.awaitLines("a message", "You made the group The team", "Ben | hello @Ann")
	ann.await("the mention", `() => document.querySelector('.message.mentions-me')?.textContent.includes('hello @Ann')`)
	ann.say("here I am")
	ann.await("who has read it", `() => [...document.querySelectorAll('.message.own')].at(-1).textContent.includes('Read by all')`)

	// Cem comes by a link, and reads from then on.
	ann.click("Members")
	ann.pressIn("New link that stays")
	ann.await("the link", `() => document.querySelector('.group-links .own-link')?.textContent.includes('#/join/')`)
	hash := call[string](ann.tab, `() => document.querySelector('.group-links .own-link').textContent.replace(/.*#/, '')`)
	cem.goTo("/c/" + key)
	cem.find("heading", "This conversation is not yours to read")
	cem.goTo(hash)
	cem.await("what the link leads to", `() => document.querySelector('.main').textContent.replace(/[\u2066-\u2069]/g, '').includes('The team, 2 members')`)
	cem.click("Join")
	cem.awaitLines("from then on", "You joined by a link")
	ann.await("the third member", `() => document.querySelectorAll('dialog .members li').length === 3`)
	ann.shutsNobodyOut("a group's members")
	ann.pressIn("Close")
	ben.say("welcome")
	cem.awaitLines("what comes", "You joined by a link", "Ben | welcome")
	ben.await("how many have read it", `() => [...document.querySelectorAll('.message.own')].at(-1).textContent.includes('Read by all')`)
	call[bool](ben.tab, `() => { [...document.querySelectorAll('.message.own .state')].at(-1).click(); return true }`)
	ben.await("who has read it", `() => document.querySelectorAll('dialog .members li').length === 2`)
	ben.shutsNobodyOut("who has read a message")
	ben.pressIn("Close")

	// A new name, a new admin, and a removal, which all see alike.
	ann.click("Members")
	ann.await("the name that it has", `() => {
		const name = document.querySelector('dialog input[aria-label="Name of the group"]');
		name?.select();
		return name?.value === 'The team';
	}`)
	ann.fill("Name of the group", "We three")
	ann.pressIn("Rename")
	ann.pressIn("Make admin: Ben")
	ben.await("the new name", `() => document.querySelector('.main .bar h1').textContent === 'We three'`)
	ann.pressIn("Close")
	ben.click("Members")
	ben.pressIn("Remove: Cem")
	ben.pressIn("Remove")
	ben.await("the removal", `() => document.querySelectorAll('dialog .members li').length === 2`)
	ben.pressIn("Close")
	cem.await("that he is out", `() => document.querySelector('.blocked-note')?.checkVisibility() && document.querySelector('.blocked-note').textContent.includes('no member of this group')`)
	ben.say("without him")
	ann.awaitMessage("without him", "received")
	if slices.ContainsFunc(cem.lines(), func(line string) bool { return strings.Contains(line, "without him") }) {
		t.Error("who was removed reads on")
	}

	// All of it is there after a reload, and while the server is away.
	cem.reload()
	cem.await("that he is still out", `() => document.querySelector('.blocked-note')?.checkVisibility()`)
	ann.reload()
	ann.awaitMessage("without him", "received")
	if want := []string{key + " 0"}; !slices.Equal(ann.rows(), want) {
		t.Errorf("Ann's list is %q, want %q", ann.rows(), want)
	}
}

func TestAClientThatKnowsOfNoGroupsChatsInOne(t *testing.T) {
	t.Parallel()
	const annID, benID = 31, 32
	s := newServerWithKey(t)
	g := newGate(t, s)
	old := newDevice(t, s, benID, "Ben")
	ann := signInAs(newProfile(t), g, annID, "Ann", s.token(annID, "Ann"))
	key := ann.makeGroup("The team", "32")
	parsed, err := proto.ParseKey(key)
	if err != nil {
		t.Fatal(err)
	}
	ann.say("hello Ben")
	ann.awaitMessage("hello Ben", confirmed...)
	content, group := "hello from long ago", parsed.Group()
	if _, err := old.send(proto.BranchMessage, &proto.Message{
		MessageId: new(uint64), SenderId: protobuf.Uint64(benID), ReceiverId: &group, CreateTime: new(uint64), Content: &content,
	}); err != nil {
		t.Fatal(err)
	}
	ann.awaitMessage(content, "received")
}

func TestALinkToAGroupIsFollowedOnceTheServerIsThere(t *testing.T) {
	t.Parallel()
	const annID, benID = 31, 32
	s := newServerWithKey(t)
	g := newGate(t, s)
	ann := signInAs(newProfile(t), g, annID, "Ann", s.token(annID, "Ann"))
	key := ann.makeGroup("The team")
	made := colleague{t, s, s.token(annID, "Ann")}.ask("POST", "/api/groups/"+strings.TrimPrefix(key, "g:")+"/links", `{"expires_in": 0}`)
	ben := signInAs(newProfile(t), g, benID, "Ben", s.token(benID, "Ben"))
	g.cut("/mqtt")
	g.close("/api/group-links/")
	ben.awaitConnection("offline")
	ben.goTo("/join/" + made["code"].(string))
	ben.await("why not", `() => document.querySelector('.main [role=status]')?.textContent.startsWith('That did not work')`)
	g.reopen("/api/group-links/")
	g.reopen("/mqtt")
	call[bool](ben.tab, networkIsBack)
	ben.click("Join")
	ben.await("the group", `key => location.hash === '#/c/' + key && document.querySelector('.main h1').textContent === 'The team'`, key)
}
