package bridge

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// printing prints conversations of an engine in the page's head, and keeps of each paper how many lines it has, the first and
// the last, and whether it says that there are others.
const printing = `
	const { PrintDialog } = await import('/components/print-dialog.js');
	const { PageContext } = await import('/model/page-context.js');
	const context = new PageContext(1n);
	const papers = [];
	const until = async is => { while (!is()) await new Promise(done => setTimeout(done, 5)); };
	globalThis.print = () => {
		const paper = document.querySelector('printed-conversation');
		const lines = [...paper.querySelectorAll('.content')].map(e => e.textContent.trim());
		papers.push(lines.length + ': ' + lines[0] + ' to ' + lines.at(-1) + (paper.textContent.includes('Earlier messages') ? ', not all' : ''));
		setTimeout(() => dispatchEvent(new Event('afterprint')));
	};
	const message = n => ({ key: 'd:1:2', seq: BigInt(n), id: BigInt(n), sender: 2n, receiver: 1n, content: 'line ' + n, time: 1e12 + n, seen: 0n, ref: '',
		number: 0n, state: 'received', reason: '', reasonCode: '', reasonArgs: [], type: 'text', mine: false, agent: 0n, target: 0n, extend: '', gap: false,
		deliveredTime: 0, readTime: 0, quote: 0n, of: 0n, edited: 0, reactions: [], recalledBy: 0n, changeableUntil: 0, changing: false,
		senderName: '', mentions: [], mentionsMe: false, members: [], memberNames: [], readBy: 0, readOf: 0, attachments: [], paused: false });
	const open = (length, { from = 1, history } = {}) => {
		const asked = [];
		const parley = { history: async (key, { before, limit }) => {
			await new Promise(done => setTimeout(done)); // as through a port
			asked.push(limit);
			const end = before ? Number(before) - 1 : length;
			const first = Math.max(from, end - limit + 1);
			const page = { messages: Array.from({ length: Math.max(0, end - first + 1) }, (_, i) => message(first + i)), more: first > from, incomplete: '', incompleteCode: '', incompleteArgs: [] };
			return history ? history(page, asked.length) : page;
		} };
		const dialog = new PrintDialog(parley, context.participants('d:1:2'), { head: BigInt(length), min: BigInt(from) }, context.clock);
		document.body.append(dialog);
		return { dialog, asked };
	};
	const settled = (dialog, words) => until(() => !dialog.isConnected || words && dialog.textContent.includes(words));
	const press = (dialog, name) => [...dialog.querySelectorAll('button')].find(b => b.textContent === name && !b.hidden).click();
`

func TestALongConversationIsPrintedInPartsThatAPageCanHold(t *testing.T) {
	t.Parallel()
	b := newSite(t).openTab(t)
	for _, c := range []struct {
		name, script string
		want         []any
	}{
		{"one page", `const { dialog } = open(3); await settled(dialog);`, []any{"3: line 1 to line 3"}},
		{"what stands before was deleted", `const { dialog } = open(900, { from: 101 }); await settled(dialog);`, []any{"800: line 101 to line 900"}},
		{"as much as fits", `const { dialog, asked } = open(5000); await settled(dialog); papers.push(asked.join());`,
			[]any{"5000: line 1 to line 5000", "500,500,500,500,500,500,500,500,500,500"}},
		{"more than fits, part after part", `
			const { dialog } = open(11000);
			for (const end of ['too long', 'too long', '']) {
				await settled(dialog, end);
				if (end) press(dialog, 'Print those before');
				await until(() => !dialog.textContent.includes('too long'));
			}`, []any{"5000: line 6001 to line 11000, not all", "5000: line 1001 to line 6000, not all", "1000: line 1 to line 1000"}},
		{"given up on the way", `
			const { dialog, asked } = open(5000, { history: (page, n) => { if (n === 3) press(dialog, 'Cancel'); return page; } });
			await settled(dialog);
			await until(() => asked.length >= 3);
			await new Promise(done => setTimeout(done));
			papers.push(asked.length + ' pages');`, []any{"3 pages"}},
		{"some cannot be had", `
			const { dialog } = open(900, { history: (page, n) => (n < 2 ? page : { ...page, messages: [], more: true, incomplete: 'there is no connection' }) });
			await settled(dialog, 'there is no connection');
			press(dialog, 'Print what is here');
			await settled(dialog);`, []any{"500: line 401 to line 900, not all"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b.t = t
			got := b.eval(printing + c.script + `
				return [...papers, ...document.querySelectorAll('printed-conversation, print-dialog')].map(String);`)
			if diff := cmp.Diff(any(c.want), got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
