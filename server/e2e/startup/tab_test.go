package startup

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// BenchmarkSecondTab opens the conversation in a second tab while it stands in the first,
// with as much stored as BenchmarkReload has, and reports how long it takes from the
// navigation until its messages are painted and until they are the engine's; and, in turn, how
// long a page of one word takes, which tells of the machine as it is at the time.
func BenchmarkSecondTab(b *testing.B) {
	anna, bob := newReader(b, inOne, otherwise, (stored-inOne)/otherwise)
	anna.reload() // so that the page is one that the service worker keeps
	address := fmt.Sprintf("http://%s/#/to/%d", anna.address, bob.id)
	word := fmt.Sprintf("http://%s/healthz", anna.address)
	for range 3 {
		anna.beside(address)
		anna.besideWord(word)
	}
	var painted, live, words []float64
	marks := make(map[string][]float64)
	for b.Loop() {
		times := anna.beside(address)
		for name, time := range times {
			marks[name] = append(marks[name], time)
		}
		painted = append(painted, times[paintedMark])
		live = append(live, times[liveMark])
		words = append(words, anna.besideWord(word))
	}
	b.ReportMetric(median(painted), "ms/tab")
	b.ReportMetric(median(live), "ms/live")
	b.ReportMetric(median(words), "ms/word")
	b.Logf("second tabs %.0f\nuntil the engine's messages %.0f\nof one word %.0f", painted, live, words)
	b.Logf("ms until, medians:\n%s", table(marks))
}

// paintedMark is the name under which beside tells when the messages were painted.
const paintedMark = "painted"

// timesOfTab gives the page's own marks, and when the first was painted of what it put there at
// once with its messages.
const timesOfTab = `name => new Promise(tell => new PerformanceObserver(list => {
	const there = performance.getEntriesByName('parley messages painted')[0]?.startTime;
	const painted = list.getEntries().find(({ startTime }) => startTime >= there);
	if (painted) tell({
		...Object.fromEntries(performance.getEntriesByType('mark').map(({ name, startTime }) => [name, startTime])),
		'page: DOM content loaded': performance.getEntriesByType('navigation')[0].domContentLoadedEventStart,
		'page: last of its requests sent before': Math.max(...performance.getEntriesByType('resource').map(r => r.responseEnd).filter(end => end < there)),
		[name]: painted.startTime,
	});
}).observe({ type: 'largest-contentful-paint', buffered: true }))`

// beside opens an address in a new tab beside this one, lets it come to rest, returns its marks'
// times in milliseconds since its navigation began, and closes it. Nobody looks into the tab
// while it starts: a page that a debugger is attached to takes half as long again.
func (tb *tab) beside(address string) map[string]float64 {
	return inNewTab(tb, address, func(second *tab) map[string]float64 {
		second.await("the engine's messages", `mark => performance.getEntriesByName(mark).length`, liveMark)
		return call[map[string]float64](second, timesOfTab, paintedMark)
	})
}

// besideWord likewise opens a page without a program, and returns when it was painted.
func (tb *tab) besideWord(address string) float64 {
	return inNewTab(tb, address, func(second *tab) float64 {
		return call[float64](second, `() => performance.getEntriesByName('first-contentful-paint')[0].startTime`)
	})
}

func inNewTab[T any](tb *tab, address string, look func(*tab) T) T {
	tb.t.Helper()
	made, err := chromedp.CallBrowser(tb.ctx, target.CreateTarget, target.CreateTargetParams{URL: address})
	if err != nil {
		tb.t.Fatal(err)
	}
	time.Sleep(settle)
	ctx, end := chromedp.NewContext(tb.ctx, chromedp.WithTargetID(made.TargetID))
	if err := chromedp.Do(ctx); err != nil { // attaches to it, for longer than one step may take
		tb.t.Fatal(err)
	}
	seen := look(&tab{t: tb.t, ctx: ctx})
	if _, err := chromedp.CallBrowser(tb.ctx, target.CloseTarget, target.CloseTargetParams{TargetID: made.TargetID}); err != nil {
		tb.t.Fatal(err)
	}
	end()
	time.Sleep(settle)
	return seen
}
