package chat_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/proto"
	"parley/wasm/chat"
)

// statuses are what an HTTP answer may be, and what the engine then does. own:
// it is the server's, and not a proxy's.
var statuses = []struct {
	status int
	own    bool
	does   string
}{
	{401, true, "renews"}, {401, false, "renews"},
	{403, true, "hides"}, {403, false, "repeats"},
	{400, true, "gives up"}, {400, false, "repeats"},
	{404, true, "gives up"}, {404, false, "repeats"},
	{405, true, "gives up"}, {410, true, "gives up"}, {451, true, "gives up"},
	{408, true, "repeats"}, {408, false, "repeats"}, {425, true, "repeats"},
	{413, true, "gives up"}, {413, false, "repeats"},
	{429, true, "waits"}, {429, false, "waits"},
	{503, true, "waits"}, {503, false, "waits"},
	{500, true, "repeats"}, {500, false, "repeats"}, {501, true, "gives up"}, {502, false, "repeats"}, {504, false, "repeats"}, {599, false, "repeats"},
	{304, false, "repeats"}, {511, false, "repeats"},
}

func TestWhatTheEngineDoesAboutAnAnswerOfTheHistory(t *testing.T) {
	for _, test := range statuses {
		t.Run(fmt.Sprint(test.status, test.own), func(t *testing.T) {
			refusal := proto.Refuse(chat.ReasonOfStatus(test.status, test.own), "these words")
			if got := reads(t, refusal); got != test.does {
				t.Errorf("it %s, want %s", got, test.does)
			}
		})
	}
	t.Run("no answer", func(t *testing.T) {
		if got := reads(t, errors.New("network error")); got != "repeats" {
			t.Errorf("it %s, want repeats", got)
		}
	})
}

// reads lets an engine meet an answer of the history, and tells what it does
// about it.
func reads(t *testing.T, answer error) string {
	t.Helper()
	clock, s := setup(t)
	for _, from := range []uint64{bob, carol} {
		s.say(from, alice, "x")
	}
	s.refuseHistory = answer
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(100 * time.Millisecond)
	first, listed := len(s.requests), len(a.engine.Conversations())
	clock.Run(2 * time.Minute)
	byItself := len(s.requests) > first
	does := "gives up"
	switch {
	case a.tokens > 0:
		does = "renews"
	case listed == 0:
		does = "hides"
	case byItself:
		does = waitsOrRepeats(t, answer)
	}
	s.refuseHistory = nil
	a.engine.SetToken(chat.Token{Text: "fresh"})
	s.rev++ // so that the server tells everything again
	clock.Run(5 * time.Minute)
	want(t, "once the server answers as it should", a.text(), "x x")
	return does
}

// waitsOrRepeats tells whether an answer about one conversation keeps the
// engine from asking about another.
func waitsOrRepeats(t *testing.T, answer error) string {
	t.Helper()
	clock, s := setup(t)
	s.say(bob, alice, "x")
	s.refuseHistory = answer
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(50 * time.Millisecond)
	s.dropDeliver = func(uint64) bool { return true }
	s.say(carol, alice, "y")
	a.engine.Wake()
	clock.Run(300 * time.Millisecond)
	if slices.Contains(s.requests, proto.DirectKey(carol, alice).String()) {
		return "repeats"
	}
	return "waits"
}

const carol uint64 = 1<<60 + 7

func TestRetryAfterOfTheHistoryIsHonoured(t *testing.T) {
	for _, reason := range []proto.Reason{proto.QuotaExceeded, proto.ServerBusy} {
		clock, s := setup(t)
		s.say(bob, alice, "x")
		s.say(carol, alice, "y")
		s.refuseHistory = proto.Refuse(reason, "too many requests").In(40 * time.Second)
		a := open(t, s, alice, chat.NewMemory())
		clock.Run(2 * time.Second)
		asked := len(s.requests)
		page := a.timeline(0, 50)
		clock.Run(38 * time.Second)
		if n := len(s.requests); n != asked {
			t.Errorf("%d requests in the 40 s that the server asked for", n-asked)
		}
		if !strings.Contains(page.Incomplete, "too many requests") {
			t.Errorf("who opens the conversation meanwhile is told %q", page.Incomplete)
		}
		s.refuseHistory = nil
		clock.Run(20 * time.Second)
		want(t, "afterwards", a.text(), "y x")
	}
}

func TestWhoOpensAConversationWaitsForAPauseThatIsSoonOver(t *testing.T) {
	clock, s := setup(t)
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	s.dropDeliver = func(uint64) bool { return true }
	s.say(bob, alice, "x")
	s.crowded = 1
	a.engine.Wake()
	clock.Run(100 * time.Millisecond)
	page := a.timeline(0, 50)
	clock.Run(5 * time.Second)
	if page.Incomplete != "" || text(page.Messages) != "x" {
		t.Errorf("the answer is %q, incomplete %q", text(page.Messages), page.Incomplete)
	}
}

func TestA401OfTheHistoryIsFollowedByAFreshTokenAndNoHoleStays(t *testing.T) {
	clock, s := setup(t)
	for i := range 120 {
		s.say(bob, alice, fmt.Sprint(i))
	}
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	s.refuseHistory = proto.Refuse(chat.ReasonOfStatus(401, true), "the token has expired: sign in again")
	before := len(s.requests)
	page := a.timeline(71, 50)
	clock.Run(10 * time.Second)
	if n := len(s.requests) - before; n != 1 || a.tokens != 1 || page.Key != "" {
		t.Fatalf("%d requests, %d fresh tokens asked for, answer %+v: want 1, 1 and none yet", n, a.tokens, page)
	}
	s.refuseHistory = nil
	a.engine.SetToken(chat.Token{Text: "fresh"})
	clock.Run(time.Second)
	if len(page.Messages) != 50 || page.Incomplete != "" {
		t.Errorf("with the fresh token %d messages came, incomplete %q", len(page.Messages), page.Incomplete)
	}
	if last := s.tokens[len(s.tokens)-1]; last != "fresh" {
		t.Errorf("asked with the token %q", last)
	}
}

func TestA401WhileATokenIsAskedForAsksForNoSecondOne(t *testing.T) {
	clock, s := setup(t)
	for _, from := range []uint64{bob, carol} {
		s.say(from, alice, "x")
	}
	s.refuseHistory = proto.Refuse(chat.ReasonOfStatus(401, true), "the token has expired")
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(25 * time.Second)
	if a.tokens != 1 || len(s.requests) != 2 {
		t.Errorf("%d tokens were asked for, with %d requests of two conversations at once", a.tokens, len(s.requests))
	}
	clock.Run(5 * time.Minute) // nobody answers
	if a.tokens < 2 || a.tokens > 12 || len(s.requests) > 24 {
		t.Errorf("in 5 minutes without an answer %d tokens were asked for, with %d requests", a.tokens, len(s.requests))
	}
	s.refuseHistory = nil
	clock.Run(time.Minute)
	want(t, "when the server takes the old token again", a.text(), "x x")
}

// codes are what a PUBACK may refuse with, and CONNACK and DISCONNECT end with.
func TestWhatTheEngineDoesAboutAReasonCode(t *testing.T) {
	for code := 0x80; code <= 0xFF; code++ {
		reason := proto.Reason(code)
		publish, connect := "gives up", "repeats"
		switch code {
		case 0x80, 0x91:
			publish = "waits"
		case 0x86, 0x87:
			connect = "renews"
		case 0x88, 0x89, 0x8B, 0x96, 0x97, 0x9F:
			publish, connect = "waits", "waits"
		case 0x8E:
			connect = "yields"
		}
		if got := sends(t, reason); got != publish {
			t.Errorf("PUBACK 0x%X: it %s, want %s", code, got, publish)
		}
		for _, early := range []bool{true, false} {
			if got := connects(t, reason, early); got != connect {
				t.Errorf("CONNACK or DISCONNECT 0x%X (%t): it %s, want %s", code, early, got, connect)
			}
		}
		if reason.Temporary() && publish != "waits" {
			t.Errorf("0x%X is temporary to the server, and the engine %s", code, publish)
		}
	}
}

// sends lets an engine meet a PUBACK.
func sends(t *testing.T, reason proto.Reason) string {
	t.Helper()
	clock, s := setup(t)
	s.refuse = proto.Refuse(reason, "these words").In(20 * time.Second)
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	a.send("x")
	clock.Run(19 * time.Second)
	if len(a.shown) != 1 || a.shown[0].Reason != "these words" || s.refused != 1 {
		t.Errorf("0x%X: shown is %+v after %d attempts in the time that the server asked for", byte(reason), a.shown, s.refused)
	}
	s.refuse = nil
	clock.Run(20 * time.Second)
	return map[string]string{"x/refused": "gives up", "x/sent": "waits"}[a.text()]
}

// connects lets an engine meet a refusal of CONNECT, or a DISCONNECT.
func connects(t *testing.T, reason proto.Reason, early bool) string {
	t.Helper()
	clock, s := setup(t)
	a := open(t, s, alice, chat.NewMemory())
	meet := func(why error) {
		s.refuseOpen = why
		if !early {
			s.refuseOpen = nil
			clock.Run(time.Minute)
			s.refuseOpen = why
			s.cut(why)
		}
		clock.Run(5 * time.Millisecond)
	}
	meet(proto.Refuse(reason, "these words"))
	attempts := s.opened
	clock.Run(300 * time.Millisecond)
	switch {
	case a.tokens > 0:
		return "renews"
	case a.connection.State != chat.Offline:
		t.Errorf("0x%X: the state is %s", byte(reason), a.connection.State)
	case a.connection.Next.IsZero():
		return "yields"
	case a.connection.Reason != "these words":
		t.Errorf("0x%X: the person reads %q", byte(reason), a.connection.Reason)
	}
	does := "waits"
	if attempts > 1 {
		does = "repeats" // at once, after the first failure
	}
	s.refuseOpen = nil
	clock.Run(time.Minute)
	if a.connection.State != chat.Live {
		t.Errorf("0x%X: the state is %s a minute later", byte(reason), a.connection.State)
	}
	return does
}

func TestTheTimeThatAServerAsksForBeforeTheNextConnectIsHonoured(t *testing.T) {
	for _, reason := range []proto.Reason{proto.QuotaExceeded, proto.UnspecifiedError, 0x9F, 0x93} {
		clock, s := setup(t)
		s.refuseOpen = proto.Refuse(reason, "these words").In(40 * time.Second)
		a := open(t, s, alice, chat.NewMemory())
		clock.Run(39 * time.Second)
		if s.opened != 1 {
			t.Errorf("0x%X: %d attempts in the time that the server asked for", byte(reason), s.opened)
		}
		s.refuseOpen = nil
		clock.Run(5 * time.Second)
		if a.connection.State != chat.Live {
			t.Errorf("0x%X: afterwards the state is %s", byte(reason), a.connection.State)
		}
	}
}

func TestAMarkThatIsRefusedForNowIsSentAgainWhenTheServerSays(t *testing.T) {
	clock, s := setup(t)
	s.say(bob, alice, "x")
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	s.refuseMark = proto.Refuse(proto.MessageRateTooHigh, "too many").In(20 * time.Second)
	if err := a.markRead(key, 1); err != nil {
		t.Fatal(err)
	}
	clock.Run(19 * time.Second)
	if s.refusedMarks != 1 {
		t.Errorf("%d attempts in the time that the server asked for", s.refusedMarks)
	}
	s.refuseMark = nil
	clock.Run(5 * time.Second)
	if at := key + "/" + proto.Up(alice, ""); s.read[at] != 1 {
		t.Errorf("the server knows that %d was read", s.read[at])
	}
}
