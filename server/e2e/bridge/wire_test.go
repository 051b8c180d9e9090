package bridge

import "testing"

func TestJavaScriptPacksMessagesOfEveryLength(t *testing.T) {
	t.Parallel()
	b := newSite(t).openTab(t)
	got := b.eval(`
		const { encode, decode } = await import('/client/wire.js');
		const wrong = [];
		for (let length = 0; length < 2100; length++) {
			const text = 'x'.repeat(length);
			try {
				const back = decode(encode([text, 5n, 1.5]));
				if (back[0] !== text || back[1] !== 5n || back[2] !== 1.5) wrong.push(length + ' changed');
			} catch (cause) {
				wrong.push(length + ': ' + cause.message);
			}
		}
		return wrong.slice(0, 5);`)
	if list := got.([]any); len(list) > 0 {
		t.Errorf("texts of these lengths, then two numbers, did not come back: %v", list)
	}
}
