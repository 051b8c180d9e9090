package startup

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// BenchmarkList reloads the page with nothing but its list, in turn with few and with many conversations stored in
// the browser, and reports the medians until the engine's list is painted, and their ratio; and likewise until all
// conversations are told of.
func BenchmarkList(b *testing.B) {
	few, many := newList(b, 100), newList(b, 10_000)
	for range 3 {
		few.reload()
		many.reload()
	}
	var ofFew, ofMany, allFew, allMany []float64
	for b.Loop() {
		painted, all := few.reload()
		ofFew, allFew = append(ofFew, painted), append(allFew, all)
		painted, all = many.reload()
		ofMany, allMany = append(ofMany, painted), append(allMany, all)
	}
	b.ReportMetric(median(ofFew), "ms/list-of-100")
	b.ReportMetric(median(ofMany), "ms/list-of-10000")
	b.ReportMetric(median(ofMany)/median(ofFew), "ratio")
	b.ReportMetric(median(allFew), "ms/all-100")
	b.ReportMetric(median(allMany), "ms/all-10000")
	b.Logf("lists of few %.0f\nof many %.0f\nall of few %.0f\nof many %.0f", ofFew, ofMany, allFew, allMany)
}

// list is a page of somebody with conversations, of which none is open.
type list struct {
	*tab
	conversations int
}

// newList signs in somebody who has written to so many people.
func newList(t testing.TB, conversations int) *list {
	t.Helper()
	address := newServer(t)
	anna := newGuest(t, address, "Anna")
	people := make([]guest, conversations)
	for i := range people {
		people[i] = guest{id: 1<<40 + uint64(i)}
	}
	anna.writeEach(t, address, people, 0)
	l := &list{newTab(t, fmt.Sprintf(watchPaint, "chat-panes:not([data-kept]) conversation-list [data-key]")), conversations}
	l.do(chromedp.Navigate("http://" + address + "/app.webmanifest")) // of the origin, and no page of Parley's
	call[bool](l.tab, signIn, fmt.Sprint(anna.id), anna.name, anna.token)
	l.do(chromedp.Navigate("http://" + address + "/"))
	l.await("the conversations to be there", hasAll, anna.token, conversations)
	return l
}

// hasAll reports whether the engine knows so many conversations, and is in nobody's way any more.
const hasAll = `async (token, n) => {
	const { connect } = await import('/parley.js');
	const parley = await connect({ token });
	const all = await parley.conversations();
	parley.close();
	return all.length === n && document.querySelector('[data-connection=live]');
}`

// reload reloads the page, lets it come to rest, and returns after how many milliseconds its list was painted, and
// all conversations were there.
func (l *list) reload() (painted, all float64) {
	l.t.Helper()
	l.do(chromedp.Reload())
	l.await("the list to be painted", `() => window.e2ePaint`)
	l.await("the connection", `() => document.querySelector('[data-connection=live]')`)
	l.await("all conversations", `mark => performance.getEntriesByName(mark).length`, listedMark)
	time.Sleep(settle)
	return call[float64](l.tab, `() => window.e2ePaint`), call[float64](l.tab, `mark => performance.getEntriesByName(mark)[0].startTime`, listedMark)
}

// listedMark is the page's own mark of when all conversations that the browser has stored had been told of.
const listedMark = "parley conversations live"
