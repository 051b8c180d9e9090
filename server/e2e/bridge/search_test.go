package bridge

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// keeperSays opens what outlives the program, and writes some messages.
const keeperSays = `
	globalThis.parley = await import('/parley.js');
	globalThis.p = await parley.connect({ token: T.token(7n, { name: 'Ada' }) });
	for (const content of ['Grüße aus ＢＥＲＬＩＮ', '我在中国北京', 'see https://berlin.example', 'nothing', '한국어 berliner']) {
		const confirmed = T.event(p, 'messages', d => d.messages.some(m => m.content === content && m.seq));
		await p.send(8n, content);
		await confirmed;
	}`

func TestASearchFindsWhatIsKeptInTheBrowser(t *testing.T) {
	t.Parallel()
	b := newSite(t).openTab(t, keeperSays)
	for _, test := range []struct {
		search string
		want   []any
	}{
		{`await p.search('berlin')`, []any{"한국어 [berlin]er", "see https://[berlin].example", "Grüße aus [ＢＥＲＬＩＮ]"}},
		{`await p.search('GRUSSE')`, []any{"[Grüße] aus ＢＥＲＬＩＮ"}},
		{`await p.search('grüß')`, []any{"[Grüß]e aus ＢＥＲＬＩＮ"}},
		{`await p.search('中国')`, []any{"我在[中国]北京"}},
		{`await p.search('berlin', { kind: 'link', key: 'd:7:8' })`, []any{"see https://[berlin].example"}},
		{`await p.search('', { sender: 8n })`, []any{}},
		{`await p.search('berlin', { to: 1 })`, []any{}},
		{`await (async () => {
			const first = await p.search('berlin', { limit: 1 });
			return p.search('berlin', { limit: 1, before: first.hits[0].message.id });
		})()`, []any{"see https://[berlin].example"}},
	} {
		got := b.eval(`
			const { hits, more, indexed } = ` + test.search + `;
			if (indexed !== 1) return { indexed };
			return hits.map(({ message: { content }, marks }) => marks.reduceRight(
				(text, { start, end }) => text.slice(0, start) + '[' + text.slice(start, end) + ']' + text.slice(end), content));`)
		if diff := cmp.Diff(any(test.want), got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", test.search, diff)
		}
	}
}

func TestASearchThatIsEndedOrMeansNothingIsRejected(t *testing.T) {
	t.Parallel()
	b := newSite(t).openTab(t, keeperSays)
	got := b.eval(`
		const end = new AbortController();
		const why = promise => promise.then(() => 'found', cause => cause.name + ': ' + cause.message);
		const ended = why(p.search('berlin', { signal: end.signal }));
		await p.conversations(); // by then the search is under way, or over
		end.abort();
		const late = why(p.search('berlin', { signal: AbortSignal.abort() }));
		return { ended: /^(found|AbortError: .*)$/.test(await ended), late: /^AbortError/.test(await late), after: (await p.search('berlin')).hits.length,
			nothing: await why(p.search('')), kind: await why(p.search('a', { kind: 'song' })), limit: await why(p.search('a', { limit: 1000 })) };`)
	want := map[string]any{
		"ended": true, "late": true, "after": 3.0,
		"nothing": "ParleyError: nothing is looked for: want text, a sender or a kind",
		"kind":    `ParleyError: kind is "song": want picture, file or link`,
		"limit":   "ParleyError: limit: want a whole number from 1 to 500",
	}
	if diff := cmp.Diff(any(want), got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
