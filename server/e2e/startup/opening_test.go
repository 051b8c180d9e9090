package startup

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"

	"parley/proto"
)

// TestAConversationThatIsNotAmongTheFirstOpensWhereOneHadRead opens one whose row is loaded after those that the list
// shows first: it waits for that, and does not take its reader for one who has read nothing.
func TestAConversationThatIsNotAmongTheFirstOpensWhereOneHadRead(t *testing.T) {
	const messages, read, others = 90, 60, 2_000 // many slices
	address := newServer(t)
	anna, bob := newGuest(t, address, "Anna"), newGuest(t, address, "Bob")
	bob.write(t, address, anna, messages)
	people := make([]guest, others)
	for i := range people {
		people[i] = guest{id: 1 + uint64(i)}
	}
	anna.writeEach(t, address, people, 0)
	tb := newTab(t, "")
	tb.do(chromedp.Navigate("http://" + address + "/app.webmanifest"))
	call[bool](tb, signIn, fmt.Sprint(anna.id), anna.name, anna.token)
	tb.do(chromedp.Navigate("http://" + address + "/"))
	tb.await("the conversations to be there", hasAll, anna.token, others+1)
	call[bool](tb, `async (token, key, seq) => {
		const { connect } = await import('/parley.js');
		const parley = await connect({ token });
		await parley.markRead(key, BigInt(seq));
		parley.close();
		return true;
	}`, anna.token, proto.DirectKey(anna.id, bob.id).String(), read)
	tb.await("what is left unread", `n => document.title.includes('(' + n + ')')`, messages-read)
	tb.do(chromedp.Navigate("about:blank"))
	tb.do(chromedp.Navigate(fmt.Sprintf("http://%s/#/to/%d", address, bob.id)))
	tb.await("the first unread message on the screen", `seq => {
		const row = document.querySelector('message-list.loaded [data-seq="' + seq + '"]')?.getBoundingClientRect();
		return row && row.top >= 0 && row.bottom <= innerHeight;
	}`, read+1)
}
