package startup

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// BenchmarkSecondTab opens the conversation in a second tab while it stands in the first,
// with as much stored as BenchmarkReload has, and reports how long it takes from the
// navigation until its messages are painted and until they are the engine's.
func BenchmarkSecondTab(b *testing.B) {
	anna, bob := newReader(b, inOne, otherwise, (stored-inOne)/otherwise)
	anna.reload() // so that the page is one that the service worker keeps
	address := fmt.Sprintf("http://%s/#/to/%d", anna.address, bob.id)
	for range 3 {
		anna.beside(address)
	}
	var painted, live []float64
	marks := make(map[string][]float64)
	for b.Loop() {
		times := anna.beside(address)
		for name, time := range times {
			marks[name] = append(marks[name], time)
		}
		painted = append(painted, times[paintedMark])
		live = append(live, times[liveMark])
	}
	b.ReportMetric(median(painted), "ms/tab")
	b.ReportMetric(median(live), "ms/live")
	b.Logf("second tabs %.0f\nuntil the engine's messages %.0f", painted, live)
	b.Logf("ms until, medians:\n%s", table(marks))
}

// paintedMark is the name under which beside tells of watchPaint's time.
const paintedMark = "painted"

// beside opens an address in a new tab beside this one, lets it come to rest, returns its marks'
// times in milliseconds since its navigation began, and closes it.
func (tb *tab) beside(address string) map[string]float64 {
	tb.t.Helper()
	ctx, end := chromedp.NewContext(tb.ctx)
	if err := chromedp.Do(ctx); err != nil { // opens it, for longer than one step may take
		tb.t.Fatal(err)
	}
	second := &tab{t: tb.t, ctx: ctx}
	second.prepare(fmt.Sprintf(watchPaint, "[role=log] [data-seq]"))
	second.do(chromedp.Navigate(address))
	second.await("the page to be painted", `() => window.e2ePaint`)
	second.await("the engine's messages", `mark => performance.getEntriesByName(mark).length`, liveMark)
	times := call[map[string]float64](second, strings.Replace(timesOfMarks, "...performance", fmt.Sprintf("[%q, window.e2ePaint], ...performance", paintedMark), 1))
	id := chromedp.FromContext(ctx).Target.TargetID
	if _, err := chromedp.CallBrowser(tb.ctx, target.CloseTarget, target.CloseTargetParams{TargetID: id}); err != nil {
		tb.t.Fatal(err)
	}
	end()
	time.Sleep(settle)
	return times
}
