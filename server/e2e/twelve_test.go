package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"parley/proto"
)

// typing says to a conversation that the device's user types.
func (d *device) typing(key string) {
	d.t.Helper()
	yes := true
	if _, err := d.send(proto.BranchTyping, &proto.Typing{Key: &key, Active: &yes}); err != nil {
		d.t.Fatal(err)
	}
}

func TestAGroupOfThirteenSaysWhoTypesAndWhoHasRead(t *testing.T) {
	t.Parallel()
	const annID, others = 31, 12
	s := newServerWithKey(t)
	g := newGate(t, s)
	var members []*device
	var ids []string
	for i := range uint64(others) {
		members = append(members, newDevice(t, s, 40+i, fmt.Sprintf("Member %d", i+1)))
		ids = append(ids, fmt.Sprint(40+i))
	}
	ann := signInAs(newProfile(t), g, annID, "Ann", s.token(annID, "Ann"))
	key := ann.makeGroup("The team", ids...)

	// Five type, of whom three are named.
	for _, d := range members[:5] {
		d.typing(key)
	}
	ann.await("three who type", `() => document.querySelector(".typing").textContent.replace(/[\u2066-\u2069]/g, "") === "Member 1, Member 2, and Member 3 are typing…"`)

	ann.say("who comes?")
	seq := ann.awaitMessage("who comes?", confirmed...).Seq
	ann.await("that nobody has read it", `() => document.querySelector('.message.own').textContent.includes('Read by 0 of 12')`)
	read, delivered := uint64(2), uint64(2)
	if seq != "2" {
		t.Fatalf("it is entry %s", seq)
	}
	for _, d := range members[3:5] {
		if _, err := d.send(proto.BranchMark, &proto.Mark{Key: &key, DeliveredSeq: &delivered}); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range members[:3] {
		d.marks(t, key, read)
	}
	ann.await("that three have", `() => document.querySelector('.message.own').textContent.includes('Read by 3 of 12')`)
	call[bool](ann.tab, `() => { document.querySelector('.own .state').click(); return true }`)
	ann.await("who", `() => document.querySelectorAll('dialog .members li').length === 12`)
	ann.shutsNobodyOut("who of twelve has read a message")
	type list struct {
		Title string
		Names []string
		Times int
	}
	lists := func() []list {
		return call[[]list](ann.tab, `() => [...document.querySelectorAll('dialog h3')].map(h => {
			const items = [...h.nextElementSibling.children];
			return {Title: h.textContent, Names: items.map(i => i.querySelector('.entry-name').textContent).sort(), Times: items.filter(i => /:\d\d/.test(i.querySelector('.entry-preview').textContent)).length};
		})`)
	}
	name := func(from, to int) (names []string) {
		for i := from; i <= to; i++ {
			names = append(names, fmt.Sprintf("Member %d", i))
		}
		slices.Sort(names)
		return names
	}
	want := []list{{"Read by 3", name(1, 3), 3}, {"Delivered to 2", name(4, 5), 2}, {"Not delivered yet to 7", name(6, 12), 0}}
	if got := lists(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("it says\n%v, want\n%v", got, want)
	}
	// It follows what comes while it is open.
	for _, d := range members[3:] {
		d.marks(t, key, read)
	}
	ann.await("all", `() => document.querySelector('dialog h3').textContent === 'Read by 12'`)
	ann.pressIn("Close")
	ann.await("that all have", `() => document.querySelector('.message.own').textContent.includes('Read by all')`)
	if typing := call[string](ann.tab, `() => document.querySelector('.typing').textContent`); strings.Contains(typing, "Member 4") {
		t.Errorf("it says %q", typing)
	}
	ann.wroteNoErrors()
}
