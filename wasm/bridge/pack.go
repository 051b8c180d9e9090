package bridge

import (
	"errors"
	"time"

	"parley/proto"
	"parley/wasm/chat"
)

// The shapes of what pages get. Message, Conversation, Timeline and Connection
// are those of static/parley.d.ts. Each put function writes the fields of its
// shape, in order.
var (
	answerShape  = &shape{"id", "value"}
	refusalShape = &shape{"id", "error", "code"}
	eventShape   = &shape{"event", "detail"}
	failureShape = &shape{"message", "code"}

	messageShape = &shape{"key", "seq", "id", "sender", "receiver", "content", "time",
		"deliveredTime", "readTime", "seen", "ref", "number", "state", "reason", "gap", "type", "mine", "agent", "target", "extend"}
	conversationShape = &shape{"key", "peer", "peerName", "head", "min", "read", "delivered", "peerRead",
		"peerDelivered", "unread", "waitingSince", "awaitingSince", "last", "waitingSeq", "awaitingSeq",
		"service", "agent", "customer", "assignee", "assigneeName", "closed", "lastAnswer", "lastAnswerBy", "blocked"}
	timelineShape   = &shape{"key", "messages", "more", "incomplete"}
	connectionShape = &shape{"state", "since", "next", "reason", "serverOffset", "loading"}
	messagesShape   = &shape{"key", "messages", "gone"}
	typingShape     = &shape{"key", "user", "active"}
	presenceShape   = &shape{"user", "online", "lastSeen"}
	settingsShape   = &shape{"shareTyping", "sharePresence", "listed"}
)

func putMessage(e *encoder, m *chat.Message) {
	e.object(messageShape)
	e.string(m.Key)
	e.uint(m.Seq)
	e.uint(m.ID)
	e.uint(m.Sender)
	e.uint(m.Receiver)
	e.string(m.Content)
	e.float(float64(m.Time))
	e.float(float64(m.DeliveredTime))
	e.float(float64(m.ReadTime))
	e.uint(m.Seen)
	e.string(m.Ref)
	e.uint(m.Number)
	e.string(string(m.State))
	e.string(m.Reason)
	e.bool(m.Gap)
	e.string(entryTypes[m.Type])
	e.bool(m.Mine)
	e.uint(m.Agent)
	e.uint(m.Target)
	e.string(m.Extend)
}

func putMessages(e *encoder, list []chat.Message) {
	e.array(len(list))
	for i := range list {
		putMessage(e, &list[i])
	}
}

func putConversation(e *encoder, c *chat.Conversation) {
	e.object(conversationShape)
	e.string(c.Key)
	e.uint(c.Peer)
	e.string(c.PeerName)
	e.uint(c.Head)
	e.uint(c.Min)
	e.uint(c.Read)
	e.uint(c.Delivered)
	e.uint(c.PeerRead)
	e.uint(c.PeerDelivered)
	e.uint(c.Unread)
	e.float(float64(c.WaitingSince))
	e.float(float64(c.AwaitingSince))
	if c.Last == nil {
		e.null()
	} else {
		putMessage(e, c.Last)
	}
	e.uint(c.WaitingSeq)
	e.uint(c.AwaitingSeq)
	e.float(float64(c.Service))
	e.bool(c.Agent)
	e.uint(c.Customer)
	e.uint(c.Assignee)
	e.string(c.AssigneeName)
	e.string(closingState(c.PostProc))
	e.uint(c.LastAnswer)
	e.uint(c.LastAnswerBy)
	e.bool(c.Blocked)
}

func putConversations(e *encoder, list []chat.Conversation) {
	e.array(len(list))
	for i := range list {
		putConversation(e, &list[i])
	}
}

func putTimeline(e *encoder, t *chat.Timeline) {
	e.object(timelineShape)
	e.string(t.Key)
	putMessages(e, t.Messages)
	e.bool(t.More)
	e.string(t.Incomplete)
}

func putConnection(e *encoder, c chat.Connection) {
	e.object(connectionShape)
	e.string(string(c.State))
	e.float(milliseconds(c.Since))
	e.float(milliseconds(c.Next))
	e.string(c.Reason)
	e.float(float64(c.ServerOffset) / float64(time.Millisecond))
	e.float(float64(c.Loading))
}

func putEvent(e *encoder, name string, detail func(*encoder)) {
	e.object(eventShape)
	e.string(name)
	detail(e)
}

// putSettings writes a settings event.
func putSettings(e *encoder, s chat.Settings) {
	putEvent(e, "settings", func(e *encoder) {
		e.object(settingsShape)
		e.bool(s.ShareTyping)
		e.bool(s.SharePresence)
		e.bool(s.Listed)
	})
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
