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
		e.object(failureShape)
		putReason(e, err)
	})
}

// putReason writes what the shapes of refusals and failures have in common: an
// error's sentence for the person, the reason code of a refusal, otherwise 0, and
// what names the sentence.
func putReason(e *encoder, err error) {
	why, code := chat.ReasonOf(err), 0.0
	if refusal, ok := errors.AsType[*proto.Refusal](err); ok && refusal.Text != "" {
		code = float64(refusal.Reason)
	}
	e.string(why.Text)
	e.float(code)
	e.string(why.Code)
	e.array(len(why.Args))
	for _, arg := range why.Args {
		e.string(arg)
	}
}

// milliseconds is t in Unix milliseconds, 0 for the zero Time.
func milliseconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli())
}
