package e2e

import (
	"slices"
	"strings"
	"testing"

	"parley/server/e2e/live"
)

// slowLine is how many bytes come a second: 400 kbit/s.
const slowLine = 50_000

// watching is JavaScript that notes when the form is there and what of the page has come
// by then, what is said to the newcomer, and how the progress goes.
const watching = `
	window.e2eForm = null;
	window.e2eSaid = '';
	window.e2eProgress = [];
	new MutationObserver(() => {
		if (!window.e2eForm && document.querySelector('sign-in button')) window.e2eForm = {Ms: Math.round(performance.now()),
			Bytes: performance.getEntriesByType('resource').reduce((sum, {transferSize}) => sum + transferSize, performance.getEntriesByType('navigation')[0].transferSize)};
		window.e2eSaid += /signed out/i.test(document.body?.textContent) ? 'signed out ' : '';
		const value = document.querySelector('[role=progressbar]')?.getAttribute('aria-valuenow');
		if (value && value !== String(window.e2eProgress.at(-1))) window.e2eProgress.push(Number(value));
	}).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });`

func TestANewcomerOnASlowLineTypesWhileTheEngineComesAndSeesHowFarItIs(t *testing.T) {
	t.Parallel()
	g := newGate(t, newServer(t))
	line, err := live.NewSlowLine(strings.TrimPrefix(g.url, "http://"), slowLine)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(line.Close)
	tb := newProfile(t).open("Ada", "http://"+line.Address+"/", watching)
	tb.find("textbox", "Your name")
	form := call[struct{ Ms, Bytes int }](tb, `() => window.e2eForm`)
	if t.Logf("the form is there after %d ms and %d bytes", form.Ms, form.Bytes); form.Bytes == 0 || form.Bytes > slowLine*225/100 {
		t.Errorf("the form takes %d bytes, want what the line carries in 2.25 of the 2.5 s that it may take", form.Bytes)
	}
	eventually(t, "the program to be asked for before Start is pressed", func() bool { return len(g.since(0, ".wasm")) == 1 })
	for hash, hint := range map[string]string{"/to/7": "write to the person who sent it", "/service/3": "write to customer service", "/": "Nothing gets lost"} {
		tb.await("what the link "+hash+" is for", `(hash, hint) => { location.hash = hash; return document.querySelector('sign-in .hint').textContent.includes(hint) }`, hash, hint)
	}
	call[bool](tb, `() => { location.hash = '/'; return true }`)
	if gap := call[float64](tb, `() => {
		const at = () => { const [form] = [...document.querySelectorAll('sign-in form')].filter(e => e.checkVisibility()); return form.querySelector('[type=submit]').getBoundingClientRect().bottom };
		const turn = document.querySelector('sign-in .link-button'), gaps = [];
		for (let i = 0; i < 2; i++, turn.click()) gaps.push(turn.getBoundingClientRect().top - at());
		return Math.min(...gaps);
	}`); gap < 8 {
		t.Errorf("%v px lie between the buttons of a form", gap)
	}
	tb.fill("Your name", "Ada")
	tb.click("Start")
	tb.await("progress", `() => window.e2eProgress.length >= 3`)
	if bars, err := tb.named("progressbar", "Loading Parley…"); err != nil || len(bars) != 1 {
		t.Errorf("%d bars of progress, %v", len(bars), err)
	}
	tb.shutsNobodyOut("the program on its way")
	if state := call[string](tb, `() => document.querySelector('[data-connection]').dataset.connection`); state != "connecting" {
		t.Errorf("meanwhile the connection is said to be %s", state)
	}
	line.Widen()
	tb.awaitConnection("live")
	if call[bool](tb, `() => document.querySelector('[role=progressbar]') !== null`) {
		t.Error("progress is shown though the engine is there")
	}
	progress := call[[]int](tb, `() => window.e2eProgress`)
	if t.Logf("progress: %v", progress); !slices.IsSorted(progress) || progress[len(progress)-1] > 100 || progress[0] > 60 {
		t.Errorf("progress went %v", progress)
	}
	if said := call[string](tb, `() => window.e2eSaid`); said != "" {
		t.Errorf("a newcomer reads %q", said)
	}
	if n := len(g.since(0, ".wasm")); n != 1 {
		t.Errorf("the program was asked for %d times", n)
	}
	tb.wroteNoErrors()
}
