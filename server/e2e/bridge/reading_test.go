package bridge

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Whoever stays at the end has read what they passed by, up to the last message that is
// there to be read: their own, and what is still unsent, are not among those.
func TestStayingAtTheEndReadsUpToTheLastMessageOfOthers(t *testing.T) {
	b := newSite(t).openTab(t, `
		const { ReadTracker } = await import('/components/read-tracker.js');
		globalThis.marks = messages => new Promise(resolve => {
			const tracker = new ReadTracker(document.body, 1n, ({ mine }) => !mine, seq => {
				tracker.close();
				resolve(seq);
			});
			tracker.update(messages, false, 1n);
			tracker.stay(true);
		});`)
	for name, c := range map[string]struct{ messages, want string }{
		"others' last":  {`[{ seq: 5n }, { seq: 6n }]`, "6n"},
		"one's own":     {`[{ seq: 5n }, { seq: 6n, mine: true }, { seq: 0n, mine: true }]`, "5n"},
		"all one's own": {`[{ seq: 5n, mine: true }, { seq: 6n, mine: true }]`, "6n"}, // what is not here is passed by, too
	} {
		if diff := cmp.Diff(any(c.want), b.eval(`return marks(`+c.messages+`);`)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}
