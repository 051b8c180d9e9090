package bridge

import (
	"errors"
	"time"

	"parley/proto"
	"parley/wasm/chat"
)

// What protocol.go cannot tell from the types alone.

func messageType(m *chat.Message) string { return nameOf(m.Type) }

func conversationClosed(c *chat.Conversation) string { return closingState(c.PostProc) }

// userShape is that of User, which a token says more of than pages get.
var userShape = &shape{"id", "name", "services"}

func putConversations(e *encoder, list []chat.Conversation) {
	e.array(len(list))
	for i := range list {
		putConversation(e, &list[i])
	}
}

func putEvent(e *encoder, name string, detail func(*encoder)) {
	e.object(eventShape)
	e.string(name)
	detail(e)
}

// putFailure writes an error event.
func putFailure(e *encoder, err error) {
	putEvent(e, "error", func(e *encoder) {
		text, code := reasonOf(err)
		e.object(failureShape)
		e.string(text)
		e.float(code)
	})
}

// reasonOf gives an error's sentence for the person, and the reason code of a
// refusal, otherwise 0.
func reasonOf(err error) (text string, code float64) {
	var refusal *proto.Refusal
	if errors.As(err, &refusal) && refusal.Text != "" {
		return refusal.Text, float64(refusal.Reason)
	}
	return err.Error(), 0
}

// milliseconds is t in Unix milliseconds, 0 for the zero Time.
func milliseconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli())
}
