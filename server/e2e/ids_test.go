package e2e

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// TestIDsKeepAll64Bits chats between users whose ids a float64 cannot tell
// apart or a signed integer cannot hold.
func TestIDsKeepAll64Bits(t *testing.T) {
	t.Parallel()
	s := newServerWithKey(t)
	g := newGate(t, s)
	pairs := [][2]uint64{{1<<53 + 1, math.MaxUint64}} // the first that a Number cannot hold, and the last
	last := map[[2]uint64]string{}                    // message id of the last message
	for _, pair := range pairs {
		t.Run(fmt.Sprintf("%d and %d", pair[0], pair[1]), func(t *testing.T) {
			low := signInAs(newProfile(t), g, pair[0], "Low", s.token(pair[0], "Low"))
			high := signInAs(newProfile(t), g, pair[1], "High", s.token(pair[1], "High"))
			low.openChat(high.id)
			high.openChat(low.id)
			low.say("from the low id")
			high.awaitMessage("from the low id", "received")
			high.say("from the high id")
			answer := low.awaitMessage("from the high id", "received")
			last[pair] = answer.ID
			low.awaitMessage("from the low id", "read")

			key := fmt.Sprintf("d:%d:%d", pair[0], pair[1])
			inList(low, key)
			throughTheAPI(t, low, key, pair, answer.ID)
			low.reload()
			if again := low.awaitMessage("from the high id", "received"); again != answer {
				t.Errorf("stored %+v, before the reload %+v", again, answer)
			}
			inList(low, key)
			throughTheAPI(t, low, key, pair, answer.ID)
		})
	}
	s.stop()
	s.start()
	for _, pair := range pairs {
		overHTTP(t, s, fmt.Sprintf("d:%d:%d", pair[0], pair[1]), pair, last[pair])
	}
}

// inList waits for the conversation's entry in the list of conversations.
func inList(p *person, key string) {
	p.t.Helper()
	p.await("the entry of "+key, `key => document.querySelector('[data-key="' + key + '"]')`, key)
}

// throughTheAPI reads the conversation by static/parley.js, as any page does.
func throughTheAPI(t *testing.T, p *person, key string, pair [2]uint64, lastID string) {
	t.Helper()
	type message struct{ Sender, Receiver, ID, Seq string }
	messages := call[[]message](p.tab, `async key => {
		const parley = await (`+connect+`)();
		const {messages} = await parley.history(key);
		parley.close();
		for (const m of messages) for (const id of [m.sender, m.receiver, m.id, m.seq]) if (typeof id !== 'bigint') throw Error('no BigInt: ' + id);
		return messages.map(m => ({Sender: String(m.sender), Receiver: String(m.receiver), ID: String(m.id), Seq: String(m.seq)}));
	}`, key)
	low, high := strconv.FormatUint(pair[0], 10), strconv.FormatUint(pair[1], 10)
	if len(messages) != 2 || messages[0].Sender != low || messages[0].Receiver != high || messages[1].Sender != high ||
		messages[1].Receiver != low || messages[1].ID != lastID || messages[1].Seq != "2" {
		t.Errorf("JavaScript reads %+v, want %s to %s and back, the last %s", messages, low, high, lastID)
	}
}

// connect is JavaScript that connects by the public API as the page's user.
const connect = `async () => {
	const {connect} = await import('/parley.js');
	return connect({token: JSON.parse(localStorage.getItem('parley.session')).token});
}`

// overHTTP reads the conversation as JSON; a server that has just been started
// reads it from its disk.
func overHTTP(t *testing.T, s *server, key string, pair [2]uint64, lastID string) {
	t.Helper()
	status, body := s.get("/api/conversations/"+key+"/messages", s.token(pair[0], "Low"))
	if status != http.StatusOK {
		t.Fatalf("status %d: %s", status, body)
	}
	var page struct {
		Messages []struct {
			MessageID  string `json:"message_id"`
			SenderID   string `json:"sender_id"`
			ReceiverID string `json:"receiver_id"`
			Seq        string `json:"seq"`
			Content    string `json:"content"`
		} `json:"messages"`
		HeadSeq string `json:"head_seq"`
	}
	if err := json.Unmarshal(body, &page); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	low, high := strconv.FormatUint(pair[0], 10), strconv.FormatUint(pair[1], 10)
	if len(page.Messages) != 2 || page.HeadSeq != "2" || page.Messages[0].SenderID != low || page.Messages[0].ReceiverID != high ||
		page.Messages[1].SenderID != high || page.Messages[1].ReceiverID != low || page.Messages[1].MessageID != lastID {
		t.Errorf("HTTP says %s, want %s to %s and back, the last %s", body, low, high, lastID)
	}
	// A stranger sees nothing of it.
	if status, body := s.get("/api/conversations/"+key+"/messages", s.token(7, "Eve")); status != http.StatusForbidden || strings.Contains(string(body), "from the") {
		t.Errorf("a stranger gets %d: %s", status, body)
	}
}
