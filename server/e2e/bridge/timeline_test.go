package bridge

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// timelineTools makes messages, and words lists of them: confirmed ones by seq
// and content, others by number and content.
const timelineTools = `
	const { mergeMessages, directKey } = await import('/parley.js');
	const sent = (seq, ref, content = 'x', sender = 1n) => ({ seq: BigInt(seq), ref, content, sender, number: 0n });
	const pending = (number, ref, content = 'x', sender = 1n) => ({ seq: 0n, ref, content, sender, number: BigInt(number) });
	const words = list => list.map(m => (m.gap ? '… ' : '') + (m.seq ? m.seq : '(' + m.number + ')') + ' ' + m.content).join(', ');
`

func TestMergeMessages(t *testing.T) {
	t.Parallel()
	b := newSite(t).openTab(t)
	for _, c := range []struct{ name, merge, want string }{
		{"nothing with nothing", `mergeMessages([], [])`, ""},
		{"new ones stand by seq", `mergeMessages([sent(2, 'b')], [sent(3, 'c'), sent(1, 'a')])`, "1 x, 2 x, 3 x"},
		{"a changed one takes its own place", `mergeMessages([sent(1, 'a'), sent(2, 'b')], [sent(1, 'a', 'changed')])`, "1 changed, 2 x"},
		{"of two states the later one counts", `mergeMessages([], [sent(1, 'a', 'early'), sent(1, 'a', 'late')])`, "1 late"},
		{"pending ones stand last by number", `mergeMessages([pending(9, 'z')], [pending(8, 'y'), sent(1, 'a')])`, "1 x, (8) x, (9) x"},
		{"a confirmed one replaces its pending twin", `mergeMessages([sent(1, 'a'), pending(7, 'p')], [sent(2, 'p', 'stored')])`, "1 x, 2 stored"},
		{"also if the pending one comes late", `mergeMessages([sent(2, 'p', 'stored')], [pending(7, 'p')])`, "2 stored"},
		{"also if both come at once", `mergeMessages([], [pending(7, 'p'), sent(2, 'p', 'stored')])`, "2 stored"},
		{"another's message with the same ref replaces nothing", `mergeMessages([pending(7, 'p', 'mine')], [sent(2, 'p', 'theirs', 5n)])`, "2 theirs, (7) mine"},
		{"messages of old clients have no ref", `mergeMessages([sent(1, '')], [sent(2, ''), pending(1, 'p')])`, "1 x, 2 x, (1) x"},
		{"deleted ones go", `mergeMessages([sent(1, 'a'), pending(7, 'p'), pending(8, 'q')], [], ['p'])`, "1 x, (8) x"},
		{"confirmed ones cannot be deleted", `mergeMessages([sent(1, 'a')], [], ['a'])`, "1 x"},
		{"past 2^63 and 2^53 the order is exact",
			`mergeMessages([sent(2n ** 53n, 'a'), sent(2n ** 64n - 1n, 'd')], [sent(2n ** 63n, 'c'), sent(2n ** 53n + 1n, 'b')])`,
			"9007199254740992 x, 9007199254740993 x, … 9223372036854775808 x, … 18446744073709551615 x"},
		{"a hole is shown", `mergeMessages([sent(1, 'a')], [sent(4, 'd'), pending(7, 'p')])`, "1 x, … 4 x, (7) x"},
		{"until what was missing is there",
			`mergeMessages(mergeMessages([sent(1, 'a')], [{ ...sent(4, 'd'), gap: true }]), [{ ...sent(3, 'c'), gap: true }, sent(2, 'b')])`,
			"1 x, 2 x, 3 x, 4 x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b.t = t
			if diff := cmp.Diff(c.want, b.eval(timelineTools+`return words(`+c.merge+`);`)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestMergeMessagesInAnyOrderAndPiecesGivesTheSameList(t *testing.T) {
	t.Parallel()
	b := newSite(t).openTab(t)
	got := b.eval(timelineTools + `
		let state = 1;
		const random = n => (state = state * 48271 % 2147483647) % n;
		const shuffled = list => list.map(m => [random(1e9), m]).sort((a, b) => a[0] - b[0]).map(([, m]) => m);
		for (let round = 0; round < 300; round++) {
			const all = [], want = [];
			for (let i = 1; i <= random(30); i++) {
				all.push(sent(i, 'r' + i), sent(i, 'r' + i));
				if (random(2)) all.push(pending(i, 'r' + i));
				want.push(sent(i, 'r' + i));
			}
			for (let i = 100; i < 100 + random(4); i++) {
				all.push(pending(i, 'r' + i));
				want.push(pending(i, 'r' + i));
			}
			const pieces = shuffled(all);
			let list = [];
			while (pieces.length) {
				const before = words(list);
				const next = mergeMessages(list, pieces.splice(0, 1 + random(7)));
				if (words(list) !== before) return 'the list given was changed';
				list = next;
			}
			if (words(list) !== words(want)) return words(list) + ' / ' + words(want);
		}
		return 'same';`)
	if got != "same" {
		t.Errorf("got / want: %v", got)
	}
}

func TestDirectKeyIsTheSameFromBothSides(t *testing.T) {
	t.Parallel()
	got := newSite(t).openTab(t).eval(timelineTools + `return [directKey(10n, 9n), directKey(9n, 10n), directKey(2n ** 64n - 1n, 2n ** 53n + 1n)];`)
	want := []any{"d:9:10", "d:9:10", "d:9007199254740993:18446744073709551615"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// Without the server, of what is stored, whatever is missing between.
func TestWhereATimeIsIsFoundOverHoles(t *testing.T) {
	t.Parallel()
	got := newSite(t).openTab(t).eval(`
		const { seqAt } = await import('/client/seq-at.js');
		let state = 1;
		const random = n => (state = state * 48271 % 2147483647) % n;
		const away = () => Promise.reject(new TypeError('away'));
		for (let round = 0; round < 500; round++) {
			const stored = [];
			for (let seq = 1, there = random(2); seq <= 60; seq++) {
				if (!random(7)) there = !there;
				if (there) stored.push({ seq: BigInt(seq), time: Math.floor(seq / 3) * 10 });
			}
			const history = async before => ({ messages: stored.filter(({ seq }) => !before || seq < before).slice(-1) });
			const time = random(22) * 10 - 5;
			const got = await seqAt(away, history, 'd:1:2', time), want = stored.find(m => m.time >= time)?.seq ?? 0n;
			if (got !== want) return 'of ' + stored.map(({ seq }) => seq) + ' at ' + time + ': ' + got + ', want ' + want;
		}
		return 'right';`)
	if got != "right" {
		t.Error(got)
	}
}
