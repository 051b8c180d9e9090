package e2e

import (
	"strings"
	"testing"
)

// zalgo is a word of which each letter has more marks than fit in its line.
func zalgo(word string) string {
	var b strings.Builder
	for _, r := range word {
		b.WriteRune(r)
		for i := range 24 {
			b.WriteRune(rune(0x300 + i*3%0x70))
		}
	}
	return b.String()
}

// hostileNames and hostileTexts are what others may be called and write, each to see what it does to what stands around.
var (
	hostileNames = []string{
		"Z\u0335\u0322\u031b\u0348\u0353\u034b\u0313\u0301a\u0337\u0321\u0329\u0330\u0343\u030c\u0344l\u0334\u0327\u0353\u030a\u0350",
		"שלום 12", strings.Repeat("W", 60), "\ufdfd\ufdfd", "a (you) claimed",
	}
	hostileTexts = []string{
		zalgo("the devil is in it") + "\n" + zalgo("and below"),
		strings.Repeat("W", 400),
		strings.Repeat("\ufdfd", 12),
		"photo\u202egpj.exe", "\u2067\u202babc \u2066(12)",
		"שלום, https://דוגמה.example/12 ועוד 3",
		"https://аррӏе.example/login https://pаypal.example",
		strings.Repeat("line\n", 300),
		strings.Repeat("🧑\u200d🧑\u200d🧒\u200d🧒", 40),
		"\u0301\u0302\u0303",
		"a" + strings.Repeat("\u202e", 90),
	}
)

func TestForeignTextDoesNotDecideTheLayout(t *testing.T) {
	t.Parallel()
	s := newServerWithKey(t)
	for i, name := range hostileNames {
		d := newDevice(t, s, uint64(30+i), name)
		if i == 0 {
			for _, text := range hostileTexts {
				d.tell(21, text)
			}
		}
		d.tell(21, hostileTexts[i])
	}
	ada := signInAs(newProfile(t), newGate(t, s), 21, "Ada", s.token(21, "Ada"))
	ada.await("everybody in the list", `n => document.querySelectorAll('[data-key]').length === n`, len(hostileNames))
	ada.openChat("30")
	ada.await("all messages", `n => document.querySelectorAll('[role=log] [data-seq]').length === n`, len(hostileTexts)+1)
	for _, on := range []screen{{1200, 800}, {390, 844}, lowScreens[0]} {
		ada.show(on)
		ada.fits("hostile text on " + on.String())
		loose := call[[]string](ada.tab, `() => {
			const keeps = e => { for (; e && e !== document.body; e = e.parentElement) if (/hidden|clip/.test(getComputedStyle(e).overflowY)) return e; };
			return ['.entry-name', '.entry-preview bdi', '.content', '.main h1'].flatMap(part => [...document.querySelectorAll(part)].filter(e => e.checkVisibility()).filter(e => {
				const row = keeps(e);
				return !row || row.matches('.log, .entries') || row.getBoundingClientRect().height > 1.5 * innerHeight + 800;
			}).map(e => part + ' ' + e.textContent.slice(0, 20)));
		}`)
		if len(loose) > 0 {
			t.Errorf("on %s nothing holds %+q", on, loose)
		}
	}
	if covered := call[[]string](ada.tab, `() => [...document.querySelectorAll('.bubble')].filter(bubble => {
		const time = bubble.querySelector('.meta').getBoundingClientRect();
		const said = document.createRange();
		said.selectNodeContents(bubble.querySelector('.content'));
		return [...said.getClientRects()].some(r => r.width && r.right > time.left + 1 && r.left < time.right - 1 && r.bottom > time.top + 6 && r.top < time.bottom - 6);
	}).map(bubble => bubble.textContent.slice(0, 40))`); len(covered) > 0 {
		t.Errorf("the time stands on %+q", covered)
	}
	ada.await("the Hebrew name told apart in a sentence", `() => {
		location.hash = '/to/31';
		return document.querySelector('message-composer textarea')?.placeholder === 'Write to \u2068שלום 12\u2069';
	}`)
	if shown := call[string](ada.tab, `() => document.querySelector('[data-key="d:21:30"] bdi').textContent`); strings.ContainsAny(shown, "\u202a\u202b\u202d\u202e\u2066\u2067") {
		t.Errorf("the list shows %+q", shown)
	}
	ada.wroteNoErrors()
}
