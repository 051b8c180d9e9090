package chat_test

import (
	"errors"
	"testing"

	"parley/proto"
	"parley/server/chat"
)

func TestAServiceThatThereIsNoMoreIsReadAndTakesNothing(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		before := staffed(t, s)
		question := word(cora, "hello?")
		question.ClientRef = []byte("sixteen bytes!!!")
		stored := before.say(cora, question)
		b := start(t, s, func(c *chat.Config) { c.Services = chat.ServicesOf([]proto.ServiceType{support}) })
		var refusal *proto.Refusal
		for _, from := range []uint64{cora, ann} {
			if _, err := b.tell(from, word(cora, "and now?")); !errors.As(err, &refusal) || refusal.Code != "no-such-service" {
				t.Errorf("%d writes to it: %v", from, err)
			}
		}
		if again := b.say(cora, question); again != stored {
			t.Errorf("what was stored before is answered with %v, want %v", again, stored)
		}
		if log := b.log(cora); len(log) != 1 || log[0].GetContent() != "hello?" {
			t.Errorf("the customer reads %v", log)
		}
		if row := b.row(cora); row.GetHeadSeq() != 1 {
			t.Errorf("the customer's row is %v", row)
		}
	})
}
