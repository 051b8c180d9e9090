package e2e

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A phrasebook says how what the page says in English, as tests name it, reads in the page's language. A nil one is
// of English.
type phrasebook struct {
	tag      string              // as in BCP 47
	Texts    map[string][]string // by the English; one that stands in several places may read differently in each
	Patterns []phrase            // with somebody's name or the like in them
}

// A phrase has slot where the name stands.
type phrase struct{ English, Other string }

const slot = "\ue000"

// in returns how English words may read: what is no text of the page, such as a name, is itself.
func (b *phrasebook) in(english string) []string {
	if b == nil || english == "" {
		return []string{english}
	}
	if found := b.Texts[english]; found != nil {
		return found
	}
	for _, p := range b.Patterns {
		whole := "^" + strings.ReplaceAll(regexp.QuoteMeta(p.English), slot, "(.+)") + "$"
		if parts := regexp.MustCompile(whole).FindStringSubmatch(english); parts != nil {
			return []string{strings.ReplaceAll(p.Other, slot, b.in(parts[1])[0])}
		}
	}
	return []string{english}
}

// browserIn is JavaScript that makes a browser ask for the language.
func (b *phrasebook) browserIn() string {
	if b == nil {
		return ""
	}
	return `Object.defineProperty(Navigator.prototype, 'languages', { get: () => ['` + b.tag + `'] });`
}

// readChinese makes the phrasebook of Chinese, in a browser, of the page's own files of texts.
func readChinese(t *testing.T) *phrasebook {
	t.Helper()
	var sources []any
	for _, path := range []string{"formats.js", "languages/en.js", "languages/zh-Hans.js"} {
		source, err := os.ReadFile(filepath.Join("..", "..", "static", "texts", path))
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, "data:text/javascript;charset=utf-8;base64,"+base64.StdEncoding.EncodeToString(source))
	}
	book := call[*phrasebook](newProfile(t).open("phrasebook", "about:blank", ""), `async (formats, en, zh, slot) => {
		const [{formatsOf}, from, to] = [await import(formats), (await import(en)).en, (await import(zh)).zhHans];
		const book = {Texts: {}, Patterns: []};
		const keep = (english, other) => (book.Texts[english] ??= []).includes(other) || book.Texts[english].push(other);
		const of = (text, ...args) => { try { return String(text(...args)) } catch { return '' } };
		const walk = (english, other) => {
			for (const [name, text] of Object.entries(english)) {
				if (typeof text === 'string') keep(text, other[name]);
				else if (typeof text === 'object') walk(text, other[name]);
				else {
					for (let n = 0; n < 20; n++) keep(of(text, n), of(other[name], n));
					const [one, another] = [of(text, slot), of(other[name], slot)];
					if (one.includes(slot) && one.length > 3 * slot.length) book.Patterns.push({English: one, Other: another});
				}
			}
		};
		const texts = ({texts, locale}) => texts(formatsOf(locale));
		walk(texts(from), texts(to));
		return book;
	}`, append(sources, slot)...)
	book.tag = "zh-Hans"
	return book
}
