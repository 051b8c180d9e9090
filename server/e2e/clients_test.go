package e2e

import (
	"fmt"
	"math"
	"strconv"
	"testing"
	"time"
)

// received is what a stock client got from the server.
type received struct {
	Arrived []struct {
		Topic   string            `json:"topic"`
		Message map[string]string `json:"message"`
	} `json:"arrived"`
	Acknowledged []struct {
		Reason     int               `json:"reason"`
		Text       string            `json:"text"`
		Properties map[string]string `json:"properties"`
	} `json:"acknowledged"`
}

// TestStockClientsChatWithThePage lets JavaScript libraries that know nothing
// of Parley send to a person on the page, and hear from them.
func TestStockClientsChatWithThePage(t *testing.T) {
	t.Parallel()
	s := newServerWithKey(t)
	g := newGate(t, s)
	const person, stranger uint64 = 1<<63 + 1, math.MaxUint64
	for i, library := range []string{"mqtt", "paho"} {
		user := stranger - uint64(i)
		t.Run(library, func(t *testing.T) {
			ada := signInAs(newProfile(t), g, person, "Ada", s.token(person, "Ada"))
			page := newProfile(t).open(library, g.url+"/e2e/clients.html", "")
			page.await("the libraries", `() => globalThis.e2e`)
			id := strconv.FormatUint(user, 10)
			call[bool](page, `(...args) => e2e.connect(...args)`, library, id, s.token(user, "Stock "+library))

			hello := "hello from " + library
			began := uint64(time.Now().Add(-time.Minute).UnixMilli())
			call[bool](page, `(...args) => e2e.send(...args)`, library, ada.id, hello)
			page.await("the acknowledgement and the delivery", `library => { const {arrived, acknowledged} = e2e.seen(library); return arrived.length && acknowledged.length }`, library)
			ada.openChat(id)
			onPage := ada.awaitMessage(hello, "received")

			got := call[received](page, `library => e2e.seen(library)`, library)
			sent := got.Arrived[0]
			if sent.Topic != "chat/"+id+"/down/message" || sent.Message["content"] != hello || sent.Message["sender_id"] != id ||
				sent.Message["receiver_id"] != ada.id || sent.Message["seq"] != "1" || sent.Message["message_id"] != onPage.ID {
				t.Errorf("delivered %+v, on the page %+v", sent, onPage)
			}
			if created, err := strconv.ParseUint(sent.Message["create_time"], 10, 64); err != nil || created < began {
				t.Errorf("created at %q", sent.Message["create_time"])
			}
			ack := got.Acknowledged[0]
			if ack.Reason != 0 {
				t.Errorf("acknowledged with 0x%02X: %s", ack.Reason, ack.Text)
			}
			if library == "mqtt" {
				want := map[string]string{"message-id": onPage.ID, "seq": "1", "create-time": sent.Message["create_time"]}
				if fmt.Sprint(ack.Properties) != fmt.Sprint(want) {
					t.Errorf("the acknowledgement says %v, want %v", ack.Properties, want)
				}
			}

			ada.say("hello " + library)
			page.await("the answer", `(library, content) => e2e.seen(library).arrived.some(({message}) => message.content === content)`, library, "hello "+library)
			call[bool](page, `library => e2e.end(library)`, library)
			page.wroteNoErrors()
		})
	}
}

// TestStockClientsChatWithEachOther lets MQTT 5 and MQTT 3.1.1 meet, on both
// sides of what a signed integer holds.
func TestStockClientsChatWithEachOther(t *testing.T) {
	t.Parallel()
	s := newServerWithKey(t)
	g := newGate(t, s)
	page := newProfile(t).open("page", g.url+"/e2e/clients.html", "")
	page.await("the libraries", `() => globalThis.e2e`)
	users := map[string]uint64{"mqtt": math.MaxUint64, "paho": 1<<53 + 1}
	ids := map[string]string{}
	for library, user := range users {
		ids[library] = strconv.FormatUint(user, 10)
		call[bool](page, `(...args) => e2e.connect(...args)`, library, ids[library], s.token(user, library))
	}
	call[bool](page, `(...args) => e2e.send(...args)`, "mqtt", ids["paho"], "ping")
	page.await("ping", `() => e2e.seen('paho').arrived.length`)
	call[bool](page, `(...args) => e2e.send(...args)`, "paho", ids["mqtt"], "pong")
	for library := range users {
		page.await("both messages and the acknowledgement", `l => e2e.seen(l).arrived.length === 2 && e2e.seen(l).acknowledged.length === 1`, library)
		got := call[received](page, `l => e2e.seen(l)`, library).Arrived
		ping, pong := got[0].Message, got[1].Message
		if ping["content"] != "ping" || ping["sender_id"] != ids["mqtt"] || ping["receiver_id"] != ids["paho"] || ping["seq"] != "1" ||
			pong["content"] != "pong" || pong["sender_id"] != ids["paho"] || pong["receiver_id"] != ids["mqtt"] || pong["seq"] != "2" {
			t.Errorf("%s got %+v", library, got)
		}
		call[bool](page, `library => e2e.end(library)`, library)
	}
	eventually(t, "the connections to end", func() bool { return g.connections() == 0 })
	page.wroteNoErrors()
}
