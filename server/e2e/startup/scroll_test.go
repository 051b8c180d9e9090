package startup

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/memory"
	"github.com/chromedp/cdproto/systeminfo"
	"github.com/chromedp/chromedp"
)

// What the message list may hold of a conversation of any length.
const (
	mostRows     = 120
	mostElements = 1_500 // each row with what is in it, separators, and the rest of the page
)

// TestADeepScrollHoldsABoundedWindowOfTheConversation scrolls a long
// conversation up to its beginning and down again.
func TestADeepScrollHoldsABoundedWindowOfTheConversation(t *testing.T) {
	const messages = 3 * mostRows
	anna, bob := newReader(t, messages, 0, 0)
	anna.do(chromedp.Reload())
	anna.await("the messages", `() => document.querySelector('message-list:not([data-kept]) [data-seq]')`)
	up := call[walk](anna.tab, walkUp, 1)
	down := call[walk](anna.tab, walkDown, messages)
	for name, way := range map[string]walk{"up": up, "down": down} {
		if way.Rows > mostRows {
			t.Errorf("%s: the list held %d messages, want at most %d", name, way.Rows, mostRows)
		}
		if way.Elements > mostElements {
			t.Errorf("%s: the page held %d elements, want at most %d", name, way.Elements, mostElements)
		}
		if way.Jumped > 2 {
			t.Errorf("%s: what was read moved by %.0f px", name, way.Jumped)
		}
		if way.Disorder != "" {
			t.Errorf("%s: the list held the messages %s", name, way.Disorder)
		}
		if way.Seen != messages {
			t.Errorf("%s: %d messages were on the screen, want all %d", name, way.Seen, messages)
		}
	}

	// From far above, what comes new is announced, and the way to it is short.
	call[walk](anna.tab, walkUp, mostRows)
	bob.write(t, anna.address, anna.guest, 1)
	anna.await("the button that tells of it", `() => document.querySelector('message-list .down.missed:not([hidden])')`)
	call[bool](anna.tab, `() => { document.querySelector('message-list .down').click(); return true }`)
	anna.await("the newest message at the end", atEnd, messages+1)
	call[walk](anna.tab, walkUp, mostRows)
	call[bool](anna.tab, say, "Here I am.")
	anna.await("one's own message at the end", atEnd, messages+2)
}

// walk is what was seen while scrolling.
type walk struct {
	Rows     int     // the most messages that the list held
	Elements int     // the most elements that the page held
	Seen     int     // how many messages were on the screen
	Jumped   float64 // px by which a message on the screen moved by itself, at most
	Disorder string  // seqs that did not follow one another
}

// Both scroll by less than a screen, and wait for what comes, until a message is there.
const (
	walker = `async (goal, step) => {
		const log = document.querySelector('[role=log]');
		const frame = () => new Promise(resolve => requestAnimationFrame(() => setTimeout(resolve)));
		const rows = () => [...log.querySelectorAll('[data-seq]')];
		const seen = new Set();
		const result = { Rows: 0, Elements: 0, Seen: 0, Jumped: 0, Disorder: '' };
		const look = () => {
			const seqs = rows().map(e => Number(e.dataset.seq));
			result.Rows = Math.max(result.Rows, seqs.length);
			result.Elements = Math.max(result.Elements, document.querySelectorAll('*').length);
			seqs.forEach((seq, i) => { if (i && seq !== seqs[i - 1] + 1) result.Disorder ||= seqs[i - 1] + ' and ' + seq; });
			const { top, bottom } = log.getBoundingClientRect();
			for (const e of rows()) {
				const box = e.getBoundingClientRect();
				if (box.bottom > top && box.top < bottom) seen.add(e.dataset.seq);
			}
			return seqs;
		};
		const middle = () => {
			const { top, height } = log.getBoundingClientRect();
			const e = rows().find(e => e.getBoundingClientRect().bottom > top + height / 2);
			return { e, top: e.getBoundingClientRect().top };
		};
		look();
		for (const end = performance.now() + 110_000; performance.now() < end;) {
			log.scrollTop += step * log.clientHeight * 0.9;
			await frame();
			const before = middle();
			for (let still = 0; still < 2; ) { // frames in a row without anything on its way
				still = log.getAttribute('aria-busy') === 'true' ? 0 : still + 1;
				await frame();
			}
			if (before.e.isConnected) result.Jumped = Math.max(result.Jumped, Math.abs(before.e.getBoundingClientRect().top - before.top));
			const seqs = look();
			const ended = step < 0 ? log.scrollTop === 0 : log.scrollTop + log.clientHeight >= log.scrollHeight - 1;
			if (ended && (step < 0 ? seqs[0] <= goal : seqs.at(-1) >= goal) || step < 0 && goal > 1 && seqs[0] <= goal) break;
		}
		result.Seen = seen.size;
		return result;
	}`
	walkUp   = `goal => (` + walker + `)(goal, -1)`
	walkDown = `goal => (` + walker + `)(goal, 1)`
	// atEnd says whether the last message is this one, and on the screen.
	atEnd = `seq => {
		const log = document.querySelector('[role=log]');
		const last = [...log.querySelectorAll('[data-seq]')].at(-1);
		return Number(last?.dataset.seq) === seq && last.getBoundingClientRect().bottom <= log.getBoundingClientRect().bottom + 1;
	}`
	say = `content => {
		const box = document.querySelector('message-composer textarea');
		box.focus();
		document.execCommand('insertText', false, content);
		document.querySelector('message-composer button[type=submit]').click();
		return true;
	}`
)

// BenchmarkDeepScroll scrolls up by 2,500 messages and reports by how much the
// memory grew that the page's process, in which the engine's worker runs too,
// has for itself, and how many nodes the page has then.
func BenchmarkDeepScroll(b *testing.B) {
	const far = 2_500
	anna, _ := newReader(b, far+500, 0, 0)
	var grown []float64
	var nodes int64
	for b.Loop() {
		anna.reload()
		before := anna.privateMemory()
		call[walk](anna.tab, walkUp, 500)
		grown = append(grown, anna.privateMemory()-before)
		counters, err := chromedp.Call(anna.ctx, memory.GetDOMCounters, cdp.Empty{})
		if err != nil {
			b.Fatal(err)
		}
		nodes = counters.Nodes
	}
	b.ReportMetric(median(grown), "MB-grown/scroll")
	b.ReportMetric(float64(nodes), "nodes")
}

var privateDirty = regexp.MustCompile(`Private_Dirty: +(\d+) kB`)

// privateMemory is what the largest of the browser's renderers has for itself
// once its garbage is collected, in MB.
func (tb *tab) privateMemory() (largest float64) {
	tb.t.Helper()
	tb.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, heapprofiler.CollectGarbage, cdp.Empty{})
		return err
	}))
	processes, err := chromedp.CallBrowser(tb.ctx, systeminfo.GetProcessInfo, cdp.Empty{})
	if err != nil {
		tb.t.Fatal(err)
	}
	for _, process := range processes.ProcessInfo {
		if process.Type != "renderer" {
			continue
		}
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", process.ID))
		if err != nil {
			tb.t.Skipf("the memory of a process is known on Linux alone: %v", err)
		}
		if found := privateDirty.FindSubmatch(text); found != nil {
			kB, err := strconv.ParseFloat(string(found[1]), 64)
			if err != nil {
				tb.t.Fatal(err)
			}
			largest = max(largest, kB/1024)
		}
	}
	return largest
}
