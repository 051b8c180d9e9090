package chat_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"parley/proto"
	"parley/wasm/chat"
	"parley/wasm/chat/chattest"
)

const day = 24 * time.Hour

// openAs is open with a token.
func openAs(t *testing.T, s *server, user uint64, store chat.Store, token chat.Token, skew time.Duration) *screen {
	t.Helper()
	v := &screen{t: t, list: map[string]chat.Conversation{}, host: &chattest.Host{Clock: s.clock, Skew: skew}}
	v.host.Latency = func() time.Duration { return time.Millisecond }
	v.engine = chat.New(chat.Config{User: user, Token: token, Store: store, Network: s, History: history{s, v.host}, Host: v.host, Observer: v})
	v.engine.Start(func(err error) {
		if err != nil {
			t.Error(err)
		}
	})
	return v
}

// life is a token of 30 days by the server's clock, of which some are over.
func life(over time.Duration) chat.Token {
	issued := chattest.Start.Add(-over)
	return chat.Token{Text: "token", Issued: issued, Expires: issued.Add(30 * day)}
}

func TestATokenIsRenewedWhenHalfItsLifeIsOverByTheServersClock(t *testing.T) {
	for _, skew := range []time.Duration{0, 15 * day, 40 * day, -3650 * day} {
		t.Run(fmt.Sprint(skew), func(t *testing.T) {
			clock, s := setup(t)
			a := openAs(t, s, alice, chat.NewMemory(), life(14*day+23*time.Hour), skew)
			clock.Run(30 * time.Minute)
			if a.tokens != 0 {
				t.Fatal("a fresh token was asked for before half the life was over")
			}
			clock.Run(40 * time.Minute)
			if a.tokens != 1 || a.stale != "token" {
				t.Fatalf("%d fresh tokens were asked for, in the place of %q, want 1", a.tokens, a.stale)
			}
			fresh := life(0)
			fresh.Text, fresh.Issued, fresh.Expires = "fresh", clock.Now(), clock.Now().Add(30*day)
			a.engine.SetToken(fresh)
			clock.Run(14 * day)
			if a.tokens != 1 || a.connection.State != chat.Live {
				t.Errorf("with the fresh one %d more were asked for, and it is %s", a.tokens-1, a.connection.State)
			}
		})
	}
}

func TestARenewalThatFailsIsTriedAgainUntilTheEnd(t *testing.T) {
	clock, s := setup(t)
	a := openAs(t, s, alice, chat.NewMemory(), life(16*day), 0)
	clock.Run(time.Minute)
	if a.tokens != 1 {
		t.Fatalf("%d fresh tokens were asked for at the first connection, want 1", a.tokens)
	}
	a.engine.SetToken(life(16 * day)) // there is none
	clock.Run(day)
	if a.tokens < 20 || a.tokens > 30 {
		t.Errorf("asked %d times in a day", a.tokens)
	}
	clock.Run(13*day - 2*time.Minute)
	before := a.tokens
	clock.Run(90 * time.Second)
	if a.tokens == before {
		t.Error("not asked in the last minutes of its life")
	}
}

// The device's clock is set while the program runs, and does not decide anything.
func TestAClockThatIsSetDoesNotRenewAToken(t *testing.T) {
	clock, s := setup(t)
	a := openAs(t, s, alice, chat.NewMemory(), life(day), 0)
	clock.Run(time.Hour)
	for _, skew := range []time.Duration{20 * day, -400 * day, 4000 * day} {
		a.host.Skew = skew
		clock.Run(time.Hour)
	}
	if a.tokens != 0 || a.connection.State != chat.Live {
		t.Errorf("%d fresh tokens were asked for, and it is %s", a.tokens, a.connection.State)
	}
}

func TestATokenOfWhichTheBeginningIsNotKnownIsRenewedAMinuteBeforeItsEnd(t *testing.T) {
	clock, s := setup(t)
	a := openAs(t, s, alice, chat.NewMemory(), chat.Token{Text: "token", Expires: chattest.Start.Add(time.Hour)}, 40*day)
	clock.Run(58 * time.Minute)
	if a.tokens != 0 {
		t.Error("a fresh token was asked for too early")
	}
	clock.Run(90 * time.Second)
	if a.tokens != 1 {
		t.Errorf("%d fresh tokens were asked for, want 1", a.tokens)
	}
}

func TestAnExpiredTokenThatNobodyRenewsSignsOutAndNothingElse(t *testing.T) {
	clock, s := setup(t)
	s.say(bob, alice, "kept")
	store := chat.NewMemory()
	a := openAs(t, s, alice, store, life(day), 0)
	clock.Run(time.Second)
	a.engine.Close(func() {})
	clock.Run(time.Second)
	s.refuseOpen = proto.Refuse(proto.NotAuthorized, "the token has expired: sign in again")
	a = openAs(t, s, alice, store, life(31*day), -3650*day)
	clock.Run(time.Second)
	a.send("waits")
	a.timeline(0, 50)
	clock.Run(time.Second)
	a.engine.SetToken(life(31 * day)) // nobody has another
	clock.Run(time.Second)
	if a.connection.State != chat.SignedOut || a.connection.Reason != "the token has expired: sign in again" {
		t.Errorf("the connection is %+v", a.connection)
	}
	want(t, "what there is", a.text(), "kept waits/pending")
}

const sales = proto.ServiceType_SERVICE_TYPE_SALES

var (
	inSupport = proto.ServiceKey(carol, support).String()
	inSales   = proto.ServiceKey(carol, sales).String()
)

// serves lets the server tell an agent of the conversations of services, as far
// as the sync token that the agent's browser sends does not know them yet.
func (s *server) serves(services ...proto.ServiceType) {
	s.rev++
	s.foreign = nil
	for _, service := range services {
		s.foreign = append(s.foreign, rowOf(proto.ServiceKey(carol, service).String()))
	}
}

func answersFor(text string, services ...proto.ServiceType) chat.Token {
	return chat.Token{Text: text, Name: "Agent", Services: services, Issued: chattest.Start, Expires: chattest.Start.Add(30 * day)}
}

func (v *screen) keys() (keys []string) {
	for _, c := range v.engine.Conversations() {
		keys = append(keys, c.Key)
	}
	slices.Sort(keys)
	return keys
}

func TestTheServicesOfAFreshTokenAreShownAtOnceForwardsAndBack(t *testing.T) {
	clock, s := setup(t)
	store := chat.NewMemory()
	s.serves(support)
	a := openAs(t, s, bob, store, answersFor("one", support), 0)
	clock.Run(time.Second)
	is := func(what string, keys ...string) {
		t.Helper()
		if got := a.keys(); !slices.Equal(got, keys) {
			t.Errorf("%s: the list is %q, want %q", what, got, keys)
		}
		for _, key := range []string{inSupport, inSales} {
			if shown := a.list[key].Head > 0; shown != slices.Contains(keys, key) {
				t.Errorf("%s: the screen shows %s: %t", what, key, shown)
			}
		}
	}
	is("with one", inSupport)

	s.serves(sales, support)
	a.engine.SetToken(answersFor("both", support, sales))
	clock.Run(time.Second)
	is("with both", inSales, inSupport)
	if n := len(a.users); n != 1 || !slices.Equal(a.users[0].Services, []proto.ServiceType{support, sales}) {
		t.Errorf("the pages were told of %+v", a.users)
	}

	s.serves(support)
	a.engine.SetToken(answersFor("one again", support))
	is("with one again, before the server says anything", inSupport)
	clock.Run(time.Second)
	is("with one again", inSupport)
	a.engine.Timeline(inSales, 0, 50, func(_ chat.Timeline, err error) {
		var refusal *proto.Refusal
		if !errors.As(err, &refusal) || refusal.Reason != proto.NotAuthorized {
			t.Errorf("its timeline is answered with %v", err)
		}
	})

	a.engine.SetToken(answersFor("both again", support, sales))
	is("with both again, before the server says anything", inSales, inSupport)

	// A browser that was offline meanwhile.
	a.host.Kill()
	s.down = true
	a = openAs(t, s, bob, store, answersFor("none"), 0)
	clock.Run(time.Second)
	is("stored, with none")
	a.host.Kill()
	a = openAs(t, s, bob, store, answersFor("both", sales, support), 0)
	clock.Run(time.Second)
	if got := a.keys(); len(got) != 2 {
		t.Errorf("stored, with both: the list is %q", got)
	}
}

func TestRowsThatCameBeforeTheFreshTokenAreNotLost(t *testing.T) {
	clock, s := setup(t)
	a := openAs(t, s, bob, chat.NewMemory(), answersFor("none"), 0)
	clock.Run(time.Second)
	s.serves(sales) // the connection is of a token that this engine does not know yet
	s.answer(bob, "")
	clock.Run(time.Second)
	if got := a.keys(); len(got) != 0 {
		t.Errorf("without the token the list is %q", got)
	}
	s.foreign = nil // and its rows are not told again
	a.engine.SetToken(answersFor("one", sales))
	if got := a.keys(); !slices.Equal(got, []string{inSales}) {
		t.Errorf("with the token the list is %q", got)
	}
}

func TestAConnectionThatWasOpenedWithAnOlderTokenIsReplaced(t *testing.T) {
	clock, s := setup(t)
	a := openAs(t, s, bob, chat.NewMemory(), answersFor("none"), 0)
	clock.Run(time.Millisecond + time.Millisecond/2) // it is being opened
	if s.opened != 1 {
		clock.Run(time.Millisecond)
	}
	a.engine.SetToken(answersFor("one", sales))
	clock.Run(time.Second)
	if last := s.credentials[len(s.credentials)-1]; last.Token != "one" || len(s.sessions) != 1 || a.connection.State != chat.Live {
		t.Errorf("connected with %+v, %d sessions, %s", last, len(s.sessions), a.connection.State)
	}
}

func TestTheNameOfAFreshTokenIsTold(t *testing.T) {
	clock, s := setup(t)
	a := openAs(t, s, bob, chat.NewMemory(), answersFor("one", support), 0)
	clock.Run(time.Second)
	renamed := answersFor("two", support)
	renamed.Name = "Another"
	a.engine.SetToken(renamed)
	if len(a.users) != 1 || a.users[0].Name != "Another" {
		t.Errorf("the pages were told of %+v", a.users)
	}
}

func TestATokenWithANameOfBeforeIsRenewedWhenTheServerTellsTheNewOne(t *testing.T) {
	clock, s := setup(t)
	token := life(day)
	token.Name = "Alice"
	a := openAs(t, s, alice, chat.NewMemory(), token, 0)
	clock.Run(time.Second)
	tell := func(name string) {
		yes := true
		for _, x := range s.sessions {
			x.down(proto.BranchSettings, marshal(&proto.Settings{ShareTyping: &yes, SharePresence: &yes, Name: &name}))
		}
		clock.Run(time.Second)
	}
	tell("Alice")
	if a.tokens != 0 {
		t.Fatal("a fresh token was asked for although the name is the same")
	}
	tell("Alicia")
	tell("Alicia") // as after each sync
	if a.tokens != 1 || a.stale != "token" {
		t.Fatalf("%d fresh tokens were asked for, in the place of %q, want 1", a.tokens, a.stale)
	}
	token.Text, token.Name = "fresh", "Alicia"
	a.engine.SetToken(token)
	clock.Run(time.Second)
	tell("Alicia")
	if a.tokens != 1 || a.connection.State != chat.Live {
		t.Errorf("with the fresh one %d more were asked for, and it is %s", a.tokens-1, a.connection.State)
	}
}

func TestATokenThatIsOfferedIsTakenUnlessItIsOlder(t *testing.T) {
	clock, s := setup(t)
	at := func(text string, issued time.Duration) chat.Token {
		return chat.Token{Text: text, Issued: chattest.Start.Add(issued), Expires: chattest.Start.Add(issued + 30*day)}
	}
	a := openAs(t, s, alice, chat.NewMemory(), at("first", time.Hour), 0)
	clock.Run(time.Second)
	for _, offer := range []struct {
		token chat.Token
		want  string
	}{
		{at("older", 0), "first"}, {at("first", time.Hour), "first"}, {at("same age", time.Hour), "same age"}, {at("newer", 2*time.Hour), "newer"},
	} {
		a.engine.Offer(offer.token)
		clock.Run(time.Second)
		if last := s.credentials[len(s.credentials)-1]; last.Token != offer.want {
			t.Errorf("offered %q: connected with %q, want %q", offer.token.Text, last.Token, offer.want)
		}
	}
	s.refuseOpen = proto.Refuse(proto.NotAuthorized, "no")
	s.cut(errors.New("gone"))
	clock.Run(time.Minute)
	s.refuseOpen = nil
	a.engine.Offer(at("older", 0))
	clock.Run(time.Second)
	if a.connection.State != chat.Live {
		t.Errorf("signed out and offered a token: it is %s", a.connection.State)
	}
}
