package startup

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// What the browser of BenchmarkReload has stored before it is reloaded.
const (
	stored    = 10_000
	inOne     = 4_000 // of them in the conversation that is open
	otherwise = 20    // conversations, for the rest
)

// watchPaint notes, as e2ePaint, when a selector first found something that was
// painted, in milliseconds since the navigation began.
const watchPaint = `(() => {
	const look = () => document.querySelector(%q)
		? requestAnimationFrame(() => { const { port1, port2 } = new MessageChannel();
			port1.onmessage = () => { window.e2ePaint = performance.now(); }; port2.postMessage(0); })
		: requestAnimationFrame(look);
	requestAnimationFrame(look);
})()`

// BenchmarkReload reloads Parley's page and the bare program's in turn, one pair
// an iteration, and reports the medians and their ratios, for Parley's both until its
// messages are painted and until they are the engine's, and what its time went into by
// the marks that the page keeps.
func BenchmarkReload(b *testing.B) {
	parley, _ := newReader(b, inOne, otherwise, (stored-inOne)/otherwise)
	bare := newTab(b, fmt.Sprintf(watchPaint, "#line:not(:empty)"))
	bare.do(chromedp.Navigate(newBare(b)))
	for range 5 { // until the browser has compiled and kept what it will
		parley.reload()
		bare.reload()
	}
	var of, live, ofBare []float64
	marks := make(map[string][]float64)
	for b.Loop() {
		of = append(of, parley.reload())
		for name, time := range call[map[string]float64](parley.tab, timesOfMarks) {
			marks[name] = append(marks[name], time)
			if name == liveMark {
				live = append(live, time)
			}
		}
		ofBare = append(ofBare, bare.reload())
	}
	b.ReportMetric(median(of), "ms/reload")
	b.ReportMetric(median(live), "ms/live")
	b.ReportMetric(median(ofBare), "ms/bare")
	b.ReportMetric(median(of)/median(ofBare), "ratio")
	b.ReportMetric(median(live)/median(ofBare), "ratio-live")
	b.Logf("reloads of Parley %.0f\nuntil the engine's messages %.0f\nof the bare program %.0f", of, live, ofBare)
	b.Logf("ms until, medians:\n%s", table(marks))
}

// liveMark is the page's own mark of when the engine's messages had taken the place of those that the
// page kept over the reload and painted first.
const liveMark = "parley messages live"

// settle is how long a page is left alone after it was painted: what goes on
// then is not to slow down the next reload.
const settle = 1500 * time.Millisecond

// reload reloads the page as the one tab of its site, lets it come to rest, and returns
// after how many milliseconds what is waited for was painted.
func (tb *tab) reload() float64 {
	tb.t.Helper()
	tb.do(chromedp.Reload())
	tb.await("the page to be painted", `() => window.e2ePaint`)
	tb.await("what goes on behind it", `mark => !document.querySelector('parley-app') || performance.getEntriesByName(mark).length`, liveMark)
	time.Sleep(settle)
	return call[float64](tb, `() => window.e2ePaint`)
}

const timesOfMarks = `() => Object.fromEntries([
	...performance.getEntriesByType('mark').map(({ name, startTime }) => [name, startTime]),
	['page: DOM content loaded', performance.getEntriesByType('navigation')[0].domContentLoadedEventStart],
	['page: last of its requests answered', Math.max(...performance.getEntriesByType('resource').map(r => r.responseEnd).filter(end => end < window.e2ePaint))],
	...performance.getEntriesByType('paint').map(({ name, startTime }) => ['page: ' + name, startTime]),
])`

// table lists what marks measured, in the order of their medians.
func table(marks map[string][]float64) string {
	names := slices.SortedFunc(maps.Keys(marks), func(x, y string) int { return cmp.Compare(median(marks[x]), median(marks[y])) })
	var text strings.Builder
	for _, name := range names {
		fmt.Fprintf(&text, "%8.1f  %s\n", median(marks[name]), name)
	}
	return text.String()
}

func median(of []float64) float64 { return percentile(of, 50) }

// percentile is the value that so many of 100 do not exceed.
func percentile(of []float64, hundredths int) float64 {
	sorted := slices.Sorted(slices.Values(of))
	return sorted[min(len(sorted)*hundredths/100, len(sorted)-1)]
}
