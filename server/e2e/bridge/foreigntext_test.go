package bridge

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"parley/proto"
)

// foreignText opens a page that shows foreign text as Parley's does.
func foreignText(t *testing.T) *tab {
	t.Helper()
	s := newSite(t)
	file := func(path, name string) {
		s.handle(path, func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, name) })
	}
	file("/foreign-text-test.js", "testdata/foreign-text.js")
	file("/vendor/confusables.js", static+"/vendor/confusables.js")
	b := s.openTab(t, `
		const style = document.createElement('link');
		style.rel = 'stylesheet';
		style.href = '/styles/app.css';
		const styled = new Promise(resolve => style.onload = resolve);
		document.head.append(style);
		await styled;
		globalThis.F = await import('/foreign-text-test.js');
		globalThis.show = async content => {
			const { MessageContent } = await import('/components/message-content.js');
			const shown = new MessageContent();
			document.body.replaceChildren(shown.element);
			shown.show(content);
			return { element: shown.element, more: shown.element.nextElementSibling };
		};`)
	return b
}

// Four times as much text may take four times as long, and noise: quadratic
// work takes sixteen times as long.
func TestNoTextOfOthersTakesMoreThanLinearTime(t *testing.T) {
	const most = 9
	b := foreignText(t)
	for _, renderer := range b.eval(`return Object.keys(F.renderers)`).([]any) {
		t.Run(strings.ReplaceAll(renderer.(string), " ", "-"), func(t *testing.T) {
			b.t = t
			got := b.eval(fmt.Sprintf(`
				const times = [];
				for (const text of Object.keys(F.generators)) {
					times.push({ text, ...await F.growthOf(%q, text) });
					await new Promise(resolve => setTimeout(resolve)); // the browser cleans up
				}
				return {
					count: times.length,
					superlinear: times.filter(({ growth }) => growth > %d),
					longest: times.sort((a, b) => b.time - a.time)[0],
				};`, renderer, most)).(map[string]any)
			if got["count"].(float64) < 100 {
				t.Fatalf("only %v texts", got["count"])
			}
			t.Logf("the longest of 16 Ki, in ms: %v", got["longest"])
			for _, slow := range got["superlinear"].([]any) {
				t.Errorf("16 Ki of text take more than %d times as long as 4 Ki: %v", most, slow)
			}
		})
	}
}

func TestAddressesInATextAreLinks(t *testing.T) {
	b := foreignText(t)
	long := "https://a.example/" + strings.Repeat("x", 2048-18)
	for content, want := range map[string]string{
		"see https://a.example/b?c#d, then":          "see [https://a.example/b?c#d], then",
		"(see https://a.example/a_(b)).":             "(see [https://a.example/a_(b)]).",
		"https://a.example))))":                      "[https://a.example]))))",
		"https://a.example/(()":                      "[https://a.example/(()]",
		"https://a.example/)(":                       "[https://a.example/)(]",
		"https://a.example/[x](y){z}!?":              "[https://a.example/[x](y){z}]!?",
		"https://a.example/x.)]}…»":                  "[https://a.example/x].)]}…»",
		"http://u:p@a.example https://b.example":     "http://u:p@a.example [https://b.example]",
		"ahttps://a.example":                         "ahttps://a.example",
		"https://a.example\x00b":                     "[https://a.example]␀b",
		long:                                         "[" + long + "]",
		long + "x":                                   long + "x",
		"https://" + strings.Repeat("a.", 150) + "b": "https://" + strings.Repeat("a.", 150) + "b",
		strings.Repeat("http://a ", 51):              strings.Repeat("[http://a] ", 50) + "http://a ",

		"at www.example.org, or WWW.a.example/b?c":      "at [www.example.org], or [WWW.a.example/b?c]",
		"(www.example.org/a_(b)).":                      "([www.example.org/a_(b)]).",
		"http://www.a.example www.b.example":            "[http://www.a.example] [www.b.example]",
		"www. www.. www.a www.a. www.a/b.c www.a:b.c":   "www. www.. www.a www.a. www.a/b.c www.a:b.c",
		"awww.a.b éwww.a.b x.www.a.b /www.a.b -www.a.b": "awww.a.b éwww.a.b x.www.a.b /www.a.b -www.a.b",
		"www.good.example@evil.example":                 "www.good.example@evil.example",
		"me@www.example.org ftp://www.example.org":      "me@www.example.org ftp://www.example.org",
		"www.a.example\u202e/b www.a.example\x00b":      "[www.a.example]‹U+202E›/b [www.a.example]␀b",
		"www.1.2":                                        "www.1.2",
		"www." + strings.Repeat("a.", 150) + "b":         "www." + strings.Repeat("a.", 150) + "b",
		"to mailto:a.b+c@d.example. Yes":                 "to [mailto:a.b+c@d.example]. Yes",
		"<mailto:a@b.example>, MAILTO:A@B.EXAMPLE?":      "<[mailto:a@b.example]>, [MAILTO:A@B.EXAMPLE]?",
		"mailto:a@b.example?bcc=x@y.example":             "mailto:a@b.example?bcc=x@y.example",
		"mailto:a@b.example,c@d.example":                 "mailto:a@b.example,c@d.example",
		"mailto:a@b.example%0abcc:x@y.example":           "mailto:a@b.example%0abcc:x@y.example",
		"mailto:a@b mailto:@b.example mailto:a@.example": "mailto:a@b mailto:@b.example mailto:a@.example",
		"mailto:a@b.example@c.example xmailto:a@b.c":     "mailto:a@b.example@c.example xmailto:a@b.c",
	} {
		got := b.eval(fmt.Sprintf(`
			const { element, more } = await show(%s);
			more?.click();
			const worded = node => node.nodeType === Node.TEXT_NODE ? node.data : node.localName === 'a' ? '[' + node.textContent + ']' : [...node.childNodes].map(worded).join('');
			return worded(element);`, inJS(content)))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%.80q (-want +got)\n%s", content, diff)
		}
	}
}

func TestLinksLeadWhereTheySayAndTellNobodyWhoCame(t *testing.T) {
	b := foreignText(t)
	got := b.eval(`
		const { element } = await show('https://a.example/b www.c.example mailto:d@e.example');
		return [...element.querySelectorAll('a')].map(({ href, rel, target }) => [href, rel, target].join(' '));`)
	const alone = " noopener noreferrer _blank"
	if diff := cmp.Diff([]any{"https://a.example/b" + alone, "https://www.c.example/" + alone, "mailto:d@e.example" + alone}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// Where a host could be taken for another's, its link shows the name that computers have for it.
func TestALinkShowsItsRealHost(t *testing.T) {
	b := foreignText(t)
	for content, want := range map[string]string{
		"https://a.example/é":             "https://a.example/é",
		"HTTP://A.Example:8080/b":         "HTTP://A.Example:8080/b",
		"https://münchen.example/ä":       "https://münchen.example/ä",
		"www.żółw.example":                "www.żółw.example",
		"https://пример.example":          "https://пример.example",
		"https://例え.テスト":                  "https://例え.テスト",
		"https://도메인.example":             "https://도메인.example",
		"https://ελλάδα.example:81/a":     "https://ελλάδα.example:81/a",
		"https://аррӏе.example/a?b#c":     "https://xn--80ak6aa92e.example/a?b#c", // all Cyrillic
		"https://раураӏ.example":          "https://xn--80aa0cbo65f.example",
		"https://pаypal.example/x":        "https://xn--pypal-4ve.example/x", // one letter of it is
		"https://αβγa.example":            "https://xn--a-ylbde.example",
		"https://ｇｏｏｇｌｅ.example":          "https://google.example", // full width
		"https://a.example／@evil.example": "https://a.example／@evil.example",
		"www.exampłe.com":                 "www.exampłe.com",
		"https://exаmple.com@evil.test":   "https://exаmple.com@evil.test", // would mislead: no link
		"https://a。example/b":             "https://a.example/b",
		"https://ﾃｽﾄ.example":             "https://xn--zckzah.example", // half width
		"https://0x7f.1/":                 "https://127.0.0.1/",
		"https://%65vil.example/":         "https://evil.example/",
		"https://דוגמה.example/12":        "https://xn--6dbbec0c.example/12", // would put its parts in another order
		"https://goo\u0131e.example":      "https://xn--gooe-nza.example",
		"https://comノevil.example":        "https://xn--comevil-v04f.example",
		"https://xn--80ak6aa92e.example":  "https://xn--80ak6aa92e.example",
	} {
		got := b.eval(fmt.Sprintf(`
			const { element } = await show(%s);
			const a = element.querySelector('a');
			if (!a) return [element.textContent, ''];
			return [element.textContent, new URL(a.href).host === new URL(/^www/i.test(a.textContent) ? 'https://' + a.textContent : a.textContent).host ? '' : 'leads to ' + a.href];`, inJS(content)))
		if diff := cmp.Diff([]any{want, ""}, got); diff != "" {
			t.Errorf("%q (-want +got)\n%s", content, diff)
		}
	}

	// What is shown is another length than what was written, and all of it is there.
	got := b.eval(`
		const { element, more } = await show('https://pаypal.example/ '.repeat(40) + 'the end');
		const before = element.textContent;
		more.click();
		return [element.textContent.replaceAll('https://xn--pypal-4ve.example/ ', '').replace('…', ''), String(before.includes('the end'))];`)
	if diff := cmp.Diff([]any{"the end", "true"}, got); diff != "" {
		t.Errorf("a long message of such links (-want +got)\n%s", diff)
	}
}

// What others write turns nothing round that stands beside it, and nothing unseen turns what they write round.
func TestTextOfOthersKeepsItsDirectionToItself(t *testing.T) {
	b := foreignText(t)
	for content, want := range map[string][2]string{ // in a message, within a sentence
		"photo\u202egpj.exe":   {"photo‹U+202E›gpj.exe", "photo\u202egpj.exe"},
		"\u202dabc\u202c":      {"‹U+202D›abc\u202c", "\u202dabc\u202c"},
		"שלום":                 {"שלום", "\u2068שלום\u2069"},
		"a\u2069\u2067ב\u202b": {"a\u2069\u2067ב\u202b\u202c\u2069", "\u2068aב\u2069"},
		"plain":                {"plain", "plain"},
		"مرحبا\u200f 12":       {"مرحبا\u200f 12", "\u2068مرحبا\u200f 12\u2069"},
	} {
		got := b.eval(fmt.Sprintf(`
			const { isolated } = await import('/texts/foreign-text.js');
			const { element } = await show(%[1]s);
			return [element.textContent, isolated(%[1]s)];`, inJS(content)))
		if diff := cmp.Diff([]any{want[0], want[1]}, got); diff != "" {
			t.Errorf("%+q (-want +got)\n%s", content, diff)
		}
	}
	if got := b.eval(`return (await import('/texts/foreign-text.js')).previewOf('a\u202ab\u2067c\u202ed', 50)`); got != "abc‹U+202E›d" {
		t.Errorf("the preview is %+q", got)
	}
}

func TestUpToFourEmojiAloneAreShownBig(t *testing.T) {
	b := foreignText(t)
	for content, want := range map[string]bool{
		"😀": true, "👍🏽👍🏽👍🏽👍🏽": true, "☝🏽❤\ufe0f1\ufe0f\u20e3": true, "🇩🇪🇩🇪🇩🇪🇩🇪": true,
		strings.Repeat("👨🏽\u200d👩🏽\u200d👧🏽\u200d👦🏽", 4): true, strings.Repeat("🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", 4): true,
		"😀😀😀😀😀": false, strings.Repeat("👨\u200d👩\u200d👧\u200d👦", 5): false, "1": false, "12": false, "😀a": false, "😀 😀": false, "❤": false,
	} {
		if got := b.eval(fmt.Sprintf(`return (await show(%s)).element.classList.contains('emoji');`, inJS(content))); got != want {
			t.Errorf("%q is shown big: %v, want %v", content, got, want)
		}
	}
}

func TestATextThatShowsNothingIsShownAsEmpty(t *testing.T) {
	b := foreignText(t)
	for content, want := range map[string]string{
		"\u2800": "Empty message", "\u200b": "Empty message", "\u3164": "Empty message", "\x00": "Empty message",
		" \t\r\n\u00a0\u2028": "Empty message", "\u2800\u200b\x07 \u3164\ufe0f\u202e": "Empty message", "\U000e0001\U0001d159": "Empty message",
		"a\x00b\x1b\x7f": "a␀b␛␡", "a\tb\nc\r\nd\re": "a\tb\nc\nd\ne", ".": ".", "\u200ba": "\u200ba", "\u0301": "\u0301", "\ue000": "\ue000", "👩\u200d💻": "👩\u200d💻",
	} {
		got := b.eval(fmt.Sprintf(`
			const { previewOf } = await import('/texts/foreign-text.js');
			const { element } = await show(%[1]s);
			return [element.textContent, previewOf(%[1]s, 100), String(element.classList.contains('blank'))];`, inJS(content)))
		blank := fmt.Sprint(want == "Empty message")
		if diff := cmp.Diff([]any{want, want, blank}, got); diff != "" {
			t.Errorf("%+q, in the message, in the list, and marked (-want +got)\n%s", content, diff)
		}
	}
}

// The server, the engine and the page refuse what shows nothing by the same rule.
func TestThePageCallsTheSameCharactersBlankAsTheServer(t *testing.T) {
	b := foreignText(t)
	got := b.eval(`
		const { isBlank } = await import('/texts/foreign-text.js');
		const blank = [];
		for (let c = 0; c < 0x110000; c++) if (!(c >= 0xd800 && c < 0xe000) && isBlank(String.fromCodePoint(c))) blank.push(c);
		return blank;`)
	var want []any
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if utf8.ValidRune(r) && proto.IsBlank(string(r)) {
			want = append(want, float64(r))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-server +page)\n%s", diff)
	}
}

func TestAPreviewEndsBetweenTwoCharactersAsPeopleSeeThem(t *testing.T) {
	b := foreignText(t)
	got := b.eval(`
		const { previewOf } = await import('/texts/foreign-text.js');
		const wrong = [];
		for (const unit of ['👨‍👩‍👧‍👦', '🏴󠁧󠁢󠁥󠁮󠁧󠁿', '🇩🇪', '👍🏽', 'e\u0301\u0323', '각', '\r\n', '😀', 'x']) {
			for (let before = 1; before < 20; before++) { // line ends alone show nothing
				const content = 'a'.repeat(before) + unit.repeat(200);
				const shown = previewOf(content, 160).replaceAll('\n', '\r\n');
				const rest = (shown.length - before) % unit.length;
				if (rest !== 0 || !content.startsWith(shown) || shown.length > 160 || shown.length <= 160 - 2 * unit.length) wrong.push([unit, before, shown.length]);
			}
		}
		for (let limit = 1; limit < 200; limit++) { // of what no person writes at least no character is cut
			const shown = previewOf('😀' + '🏻'.repeat(300), limit);
			if (!shown.isWellFormed()) wrong.push(['tones', limit]);
		}
		return wrong.map(x => x.join(' '));`)
	if list := got.([]any); len(list) > 0 {
		t.Errorf("cut in the middle, or too early: %v", list)
	}
}

func TestStacksOfMarksEnd(t *testing.T) {
	b := foreignText(t)
	got := b.eval(`
		const { presentable } = await import('/texts/foreign-text.js');
		return ['e' + '\u0301'.repeat(100) + 'x', '😀' + '🏻'.repeat(100), 'e' + '\u0301'.repeat(30), 'लक्ष्मी 👩🏽‍💻 Việt'].map(text => [...presentable(text)].length);`)
	if diff := cmp.Diff([]any{32.0, 31.0, 31.0, 17.0}, got); diff != "" {
		t.Errorf("characters (-want +got)\n%s", diff)
	}
}

func TestALongTextIsFoldedAndUnfoldedAgain(t *testing.T) {
	b := foreignText(t)
	for name, c := range map[string]struct {
		content string // JavaScript
		folded  bool
	}{
		"one line":                   {`'hello'`, false},
		"40 lines":                   {`'line\n'.repeat(39) + 'line'`, false},
		"41 lines":                   {`'line\n'.repeat(40) + 'line'`, true},
		"16,384 line ends":           {`'a' + '\n'.repeat(16383)`, true},
		"lines that other signs end": {`'a' + '\u2028\v\f\u0085\u2029\r'.repeat(100) + 'b'`, true},
		"700 characters":             {`'x'.repeat(700)`, false},
		"701 characters":             {`'x'.repeat(701)`, true},
		"16,384 characters":          {`'x'.repeat(16384)`, true},
		"16,384 wide characters":     {`'\ufdfd'.repeat(16384)`, true},
		"words":                      {`'Lorem ipsum dolor sit amet. '.repeat(500)`, true},
		"many emoji":                 {`'👨‍👩‍👧‍👦'.repeat(700)`, true},
		"a long address alone":       {`'https://a.example/' + 'x'.repeat(2000)`, false},
		"a long address":             {`'https://a.example/' + 'x'.repeat(2000) + ' and ' + 'more '.repeat(500)`, true},
	} {
		t.Run(name, func(t *testing.T) {
			b.t = t
			got := b.eval(`
				const content = ` + c.content + `;
				const { element, more } = await show(content);
				const size = () => element.getBoundingClientRect().height / parseFloat(getComputedStyle(element).lineHeight);
				const whole = () => element.textContent === content.replaceAll('\r', '\n');
				if (!more) return { folded: false, whole: whole(), bounded: size() <= 61 };
				const beginning = whole() && element.firstElementChild.textContent;
				const before = { lines: size(), expanded: more.ariaExpanded, words: more.textContent, role: more.localName };
				more.click();
				const after = { lines: size(), expanded: more.ariaExpanded, words: more.textContent };
				const unfolded = whole() && element.firstElementChild.textContent === beginning;
				more.click();
				return { folded: true, whole: unfolded, bounded: before.lines <= 61 && after.lines <= 201, grows: after.lines > before.lines, back: size() === before.lines,
					words: [before.words, before.expanded, after.words, after.expanded, before.role].join() };`)
			want := map[string]any{"folded": c.folded, "whole": true, "bounded": true}
			if c.folded {
				want["grows"], want["back"], want["words"] = true, true, "Show more,false,Show less,true,button"
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// inJS is a string as JavaScript.
func inJS(s string) string {
	encoded, err := json.Marshal(s)
	if err != nil { // a string always encodes
		panic(err)
	}
	return string(encoded)
}
