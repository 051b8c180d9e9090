package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"parley/proto"
)

// seqsAt asks the public API where in a conversation times are.
func (p *person) seqsAt(key string, times ...uint64) []string {
	p.t.Helper()
	return call[[]string](p.tab, `async (key, times) => {
		const parley = await (`+connect+`)();
		const seqs = [];
		for (const time of times) seqs.push(String(await parley.seqAt(key, time)));
		parley.close();
		return seqs;
	}`, key, times)
}

func TestADayLeadsToItsFirstMessage(t *testing.T) {
	t.Parallel()
	s := newServerWithKey(t)
	g := newGate(t, s)
	bob := newDevice(t, s, 12, "Bob")
	var created []uint64
	var zero, annID uint64 = 0, 11
	for i := range 120 {
		content := fmt.Sprintf("line %d.", i+1)
		_, at := bob.must(proto.BranchMessage, &proto.Message{MessageId: &zero, SenderId: &zero, Content: &content, CreateTime: &zero, ReceiverId: &annID})
		created = append(created, at)
	}
	key := proto.DirectKey(11, 12).String()
	tb := newProfile(t).open("Ann", g.url+"/#/to/12", sessionOf(11, "Ann", s.token(11, "Ann")))
	tb.awaitConnection("live")
	ann := &person{tab: tb, id: "11"}
	ann.awaitMessage("line 1.", "received")

	// Of a time the first message then or later is told, by the server or by what is stored.
	first := func(at uint64) string {
		return fmt.Sprint(1 + slices.IndexFunc(created, func(c uint64) bool { return c >= at }))
	}
	times := []uint64{0, created[0], created[40], created[40] + 1, created[119], created[119] + 1}
	want := []string{"1", "1", first(created[40]), first(created[40] + 1), first(created[119]), "0"}
	if got := ann.seqsAt(key, times...); !slices.Equal(got, want) {
		t.Errorf("the server finds %q, want %q", got, want)
	}
	ann.goTo("/c/" + key + "/60") // so that what is around is stored
	ann.jumpedTo("line 60.")
	ann.wroteNoErrors()
	g.cut("/api/")
	stored := []uint64{created[80], created[110], created[119] + 1}
	if got, want := ann.seqsAt(key, stored...), []string{first(created[80]), first(created[110]), "0"}; !slices.Equal(got, want) {
		t.Errorf("without the server %q are found, want %q", got, want)
	}
	g.reopen("/api/")

	// By the conversation's menu, and by the divider of a day.
	yesterday := time.Now().Add(-36 * time.Hour).Format(time.DateOnly)
	goes := func() {
		t.Helper()
		ann.find("dialog", "Go to a day")
		ann.shutsNobodyOut("choosing a day")
		ann.fits("choosing a day")
		call[bool](tb, `day => { const input = document.querySelector('#day'); input.value = day; input.focus(); return true }`, yesterday)
		ann.press(kb.Enter)
		ann.jumpedTo("line 1.")
	}
	ann.click("More")
	ann.click("Go to a day…")
	goes()
	if hash := call[string](tb, `() => location.hash`); hash != "#/c/"+key+"/1" {
		t.Errorf("the address is %s", hash)
	}
	ann.show(screen{320, 640})
	call[bool](tb, `() => { window.jumpedTo = null; document.querySelector('.separator.day span').click(); return true }`)
	goes()
}
