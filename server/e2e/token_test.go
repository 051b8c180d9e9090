package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"parley/proto"
)

const day = 24 * time.Hour

// newServerForGuests starts a server that makes guests, and whose tokens the test
// can make too: with the key that the server keeps.
func newServerForGuests(t *testing.T) *server {
	t.Helper()
	s := newServer(t)
	s.secret = s.keptSecret()
	return s
}

// keptSecret is the key that a server keeps which was told of none.
func (s *server) keptSecret() []byte {
	s.t.Helper()
	secret, err := os.ReadFile(filepath.Join(s.Data, "jwt.key"))
	if err != nil {
		s.t.Fatal(err)
	}
	return bytes.TrimSpace(secret)
}

// tokenOfAge is a token of 30 days, of which some are over.
func (s *server) tokenOfAge(user uint64, name string, over time.Duration) string {
	s.t.Helper()
	issued := time.Now().Add(-over)
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"sub": strconv.FormatUint(user, 10), "name": name, "iat": issued.Unix(), "exp": issued.Add(30 * day).Unix(),
	}).SignedString(s.secret)
	if err != nil {
		s.t.Fatal(err)
	}
	return token
}

// keptToken is the token that the browser keeps.
func (tb *tab) keptToken() string {
	tb.t.Helper()
	return call[string](tb, `() => JSON.parse(localStorage.getItem('parley.session'))?.token ?? ''`)
}

func TestAGuestsTokenIsRenewedByTheServersClockWhateverTheDeviceSays(t *testing.T) {
	t.Parallel()
	s := newServerForGuests(t)
	// The page kept since when it had the token, which a clock that was ahead put into the future.
	const since = `; localStorage.setItem('parley.session', JSON.stringify({...JSON.parse(localStorage.getItem('parley.session')), since: 4102444800000}));`
	for i, ahead := range []time.Duration{40 * day, -3650 * day} {
		t.Run(fmt.Sprint(ahead), func(t *testing.T) {
			user := uint64(21 + i)
			old := s.tokenOfAge(user, "Ada", 16*day)
			l := newDeviceLine(t, s, ahead)
			first := `if (!localStorage.getItem('parley.session')) { ` + sessionOf(user, "Ada", old) + since + ` }`
			tb := newProfile(t).open("Ada", l.url+"/", l.clock()+first)
			tb.awaitConnection("live")
			tb.await("a fresh token", `old => JSON.parse(localStorage.getItem('parley.session')).token !== old`, old)
			tb.awaitConnection("live")
			kept := tb.keptToken()
			claims := jwt.MapClaims{}
			if _, _, err := jwt.NewParser().ParseUnverified(kept, claims); err != nil || claims["sub"] != strconv.FormatUint(user, 10) {
				t.Fatalf("the browser keeps %v: %v", claims, err)
			}
			if issued, err := claims.GetIssuedAt(); err != nil || time.Since(issued.Time).Abs() > time.Hour {
				t.Errorf("the fresh token was issued at %v: %v", issued, err)
			}
			tb.reload()
			tb.awaitConnection("live")
			if again := tb.keptToken(); again != kept {
				t.Error("a token that is fresh was renewed again")
			}
			tb.wroteNoErrors()
		})
	}
}

func TestAGuestWhoseTokenHasEndedIsToldAndBecomesNobodyElse(t *testing.T) {
	t.Parallel()
	s := newServerForGuests(t)
	l := newDeviceLine(t, s, -3650*day)
	old := s.tokenOfAge(21, "Ada", 31*day)
	tb := newProfile(t).open("Ada", l.url+"/", l.clock()+`if (!sessionStorage.seen) { sessionStorage.seen = 1; `+sessionOf(21, "Ada", old)+` }`)
	tb.awaitConnection("signed-out")
	tb.await("words about it", `() => {
		const words = document.querySelector('[role=alert].banner')?.textContent ?? '';
		return words.includes('expired') && words.includes('new person');
	}`)
	tb.reload()
	tb.awaitConnection("signed-out")
	if kept := tb.keptToken(); kept != old {
		t.Errorf("the browser keeps another token by itself")
	}
	if said := call[string](tb, `() => document.querySelector('notice-list').textContent`); said != "" {
		t.Errorf("beside that a notice says %q", said)
	}
	tb.shutsNobodyOut("signed out by the server")
	tb.click("Start as somebody new")
	// What is asked of a page's accessibility while it goes is never answered.
	tb.await("the page to be loaded again", `() => !document.querySelector('chat-panes') && document.querySelector('sign-in')`)
	tb.find("textbox", "Your name")
}

func TestTheServicesOfAFreshTokenAreShownOnEveryPageAtOnce(t *testing.T) {
	t.Parallel()
	const sales, support = proto.ServiceType_SERVICE_TYPE_SALES, proto.ServiceType_SERVICE_TYPE_SUPPORT
	s := newServerWithKey(t)
	g := newGate(t, s)
	customer := newDevice(t, s, 31, "Customer")
	for _, service := range []proto.ServiceType{sales, support} {
		var zero, user uint64 = 0, 31
		content := fmt.Sprint("question to ", service)
		customer.must(proto.BranchService, &proto.ServiceMessage{
			MessageId: &zero, UserId: &user, ServiceType: &service, MessageType: proto.MessageType_MESSAGE_TYPE_TEXT.Enum(), Content: &content,
			CreateDate: &zero, Direction: proto.ServiceMessageDirection_CUSTOMER_TO_SERVICE.Enum(),
		})
	}
	p := newProfile(t)
	open := func(name string, services ...proto.ServiceType) *tab {
		tb := p.open(name, g.url+"/", fmt.Sprintf(`if (!sessionStorage.seen) { sessionStorage.seen = 1; %s }`, sessionOf(11, name, s.tokenFor(11, name, services))))
		tb.awaitConnection("live")
		return tb
	}
	shows := func(tb *tab, keys ...string) {
		t.Helper()
		tb.await(fmt.Sprint("the queue to be ", keys), `(...keys) => {
			const shown = [...document.querySelectorAll('[data-key]')].map(e => e.dataset.key).sort();
			return JSON.stringify(shown) === JSON.stringify(keys.sort());
		}`, toAny(keys)...)
	}
	first := open("Ann", support)
	shows(first, "s:31:2")
	call[bool](first, `() => { location.hash = '/c/s:31:2'; return true }`)
	first.await("the question", `() => document.querySelector('[role=log]')?.textContent.includes('question')`)

	second := open("Ann Two", sales, support) // the same user, by a token with one more
	shows(second, "s:31:1", "s:31:2")
	shows(first, "s:31:1", "s:31:2")
	first.await("the other name", `() => document.querySelector('h1')?.textContent === 'Ann Two'`)

	third := open("Ann Three", sales)
	shows(third, "s:31:1")
	shows(second, "s:31:1")
	shows(first, "s:31:1")
	first.await("the conversation that was taken away to close", `() => !document.querySelector('[role=log]')`)

	fourth := open("Ann Four", support, sales)
	shows(fourth, "s:31:1", "s:31:2")
	shows(first, "s:31:1", "s:31:2")
	first.wroteNoErrors()
}

func TestADeviceClockThatJumpsByYearsMovesNothingThatIsShown(t *testing.T) {
	t.Parallel()
	s := newServerWithKey(t)
	l := newDeviceLine(t, s, 0)
	ada := signInOver(t, l, "#/to/22", 21, "Ada")
	bob := newDevice(t, s, 22, "Bob")
	write := func(content string) {
		var zero, from, to uint64 = 0, 22, 21
		bob.must(proto.BranchMessage, &proto.Message{MessageId: &zero, SenderId: &from, ReceiverId: &to, Content: &content, CreateTime: &zero})
		ada.awaitMessage(content, "received")
	}
	write("before")
	for i, jump := range []time.Duration{400 * day, -3650 * day} {
		l.jump(ada.tab, jump)
		ada.await("the engine to know", `async want => {
			const parley = await (`+connect+`)();
			const {serverOffset} = parley.connection;
			parley.close();
			return Math.abs(serverOffset - want) < 60_000;
		}`, -jump.Milliseconds())
		write(fmt.Sprint("after jump ", i))
		shown := call[struct{ Waits, Days string }](ada.tab, `() => ({
			Waits: document.querySelector('conversation-status [role=img]').ariaLabel,
			Days: [...document.querySelectorAll('.separator.day')].map(e => e.textContent).join()})`)
		if shown.Days != "Today" || !strings.HasSuffix(shown.Waits, "less than a minute") && !strings.HasSuffix(shown.Waits, " min") {
			t.Errorf("after a jump by %v the page shows %+v", jump, shown)
		}
	}
}
