package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/server/auth"
	"parley/server/chat"
	"parley/server/clientip"
	"parley/server/origin"
	"parley/server/services"
	"parley/server/store"
)

// nobody is a fan-out in which nobody is connected.
type nobody struct{}

func (nobody) Publish(uint64, proto.Branch, []byte) {}

func (nobody) PublishTo(context.Context, uint64, string, proto.Branch, []byte) error { return nil }

// site is the API on a real service and a history on disk.
type site struct {
	*httptest.Server
	t         testing.TB
	authority *auth.Authority
	service   *chat.Service
	store     *store.DB
	invite    string
	log       *journal
	mu        sync.Mutex
	ended     []string // whose connections were, guarded by mu
}

// journal gathers a log.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// end notes whose connections were ended.
func (s *site) end(user uint64, of func(device uint64) bool, why *proto.Refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = append(s.ended, fmt.Sprint(user, " ", of(0), " ", why.Code))
}

func newSite(t testing.TB, change func(*Config)) *site {
	t.Helper()
	folder := t.TempDir()
	s := &site{t: t, log: new(journal)}
	log := slog.New(slog.NewTextHandler(s.log, nil))
	var err error
	if s.store, err = store.Open(t.Context(), folder); err != nil {
		t.Fatal(err)
	}
	if s.service, err = chat.New(chat.Config{Store: s.store, Fanout: nobody{}, End: s.end, Log: log}); err != nil {
		t.Fatal(err)
	}
	if s.authority, err = auth.OpenOrMake(auth.File(filepath.Join(folder, "jwt.key")), time.Now); err != nil {
		t.Fatal(err)
	}
	invite := auth.NewInvite(auth.File(filepath.Join(folder, "invite")), time.Now)
	if s.invite, err = invite.Make(time.Now().Add(time.Hour), 3); err != nil {
		t.Fatal(err)
	}
	c := Config{Authority: s.authority, Service: s.service, Guests: true, Invite: invite, Log: log}
	if change != nil {
		change(&c)
	}
	h, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := s.service.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	s.Server = httptest.NewServer(h)
	t.Cleanup(func() {
		s.Server.Close()
		cancel()
		running.Wait()
		if err := s.store.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// token is a token for a user of any id.
func (s *site) token(id uint64, services ...proto.ServiceType) string {
	s.t.Helper()
	token, err := s.authority.Mint(auth.User{ID: id, Name: fmt.Sprint("User ", id), Services: services}, time.Hour)
	if err != nil {
		s.t.Fatal(err)
	}
	return token
}

// say stores messages from one user to another.
func (s *site) say(from, to uint64, texts ...string) {
	s.t.Helper()
	for _, text := range texts {
		payload, err := proto.Marshal(&proto.Message{
			MessageId: new(uint64), SenderId: &from, CreateTime: new(uint64), ReceiverId: &to, Content: &text,
		})
		if err != nil {
			s.t.Fatal(err)
		}
		if _, err := s.service.Publish(s.t.Context(), chat.Sender{User: from, Client: "test"}, proto.BranchMessage, payload, nil); err != nil {
			s.t.Fatal(err)
		}
	}
}

type header = map[string]string

func (s *site) do(method, path string, h header, body string) (*http.Response, string) {
	s.t.Helper()
	r, err := http.NewRequest(method, s.URL+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for name, value := range h {
		r.Header.Set(name, value)
	}
	answer, err := s.Client().Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	got, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer, string(got)
}

func bearer(token string) header { return header{"Authorization": "Bearer " + token} }

var jsonBody = header{"Content-Type": "application/json"}

// guest makes a guest.
func (s *site) guest(body string) (user struct {
	ID       string `json:"user_id"`
	Name     string
	Services []int
	Expires  string
	Token    string
}) {
	s.t.Helper()
	answer, text := s.do("POST", "/api/guests", jsonBody, body)
	if answer.StatusCode != 201 {
		s.t.Fatalf("status %d: %s", answer.StatusCode, text)
	}
	if err := json.Unmarshal([]byte(text), &user); err != nil {
		s.t.Fatal(err)
	}
	return user
}

// wantProblem checks a problem document, which holds text in its detail.
func wantProblem(t *testing.T, answer *http.Response, body string, status int, text string) {
	t.Helper()
	var p struct {
		Type, Title, Detail, Code string
		Status                    int
	}
	if err := json.Unmarshal([]byte(body), &p); err != nil {
		t.Fatalf("status %d, body %q: %v", answer.StatusCode, body, err)
	}
	if status >= 401 && status <= 403 && p.Code == "" || status == 429 && p.Code == "" {
		t.Errorf("status %d, %s: no code", status, body)
	}
	if answer.StatusCode != status || p.Status != status || p.Title != http.StatusText(status) || p.Type != "about:blank" ||
		answer.Header.Get("Content-Type") != "application/problem+json" || answer.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("status %d, %s, header %v, want %d", answer.StatusCode, body, answer.Header, status)
	}
	if !strings.Contains(p.Detail, text) {
		t.Errorf("detail %q, want something with %q", p.Detail, text)
	}
}

const highest = 1<<64 - 1

// The exact text of answers: nothing rounded, no list null, nothing in another order.
func TestAnswers(t *testing.T) {
	s := newSite(t, nil)
	s.say(7, highest, "one", "two <&> \"three\"")
	s.say(1<<53, 1<<53+1, "x")
	numbers := regexp.MustCompile(`"(message_id|create_time|epoch|expires|server_time)":"[1-9]\d*"`)
	refs := regexp.MustCompile(`"client_ref":"[A-Za-z0-9+/]{22}=="`)
	tokens := regexp.MustCompile(`"token":"[^"]+"`)
	const (
		one = `{"message_id":N,"sender_id":"7","content":"one","create_time":N,"receiver_id":"18446744073709551615","seq":"1","client_ref":R}`
		two = `{"message_id":N,"sender_id":"7","content":"two <&> \"three\"","create_time":N,"receiver_id":"18446744073709551615","seq":"2","client_ref":R}`
	)
	for name, test := range map[string]struct {
		user       uint64
		path, want string
	}{
		"me": {highest, "/api/me",
			`{"user_id":"18446744073709551615","name":"User 18446744073709551615","services":[],"expires":N}`},
		"all": {7, "/api/conversations/d:7:18446744073709551615/messages",
			`{"epoch":N,"head_seq":"2","min_seq":"1","messages":[` + one + "," + two + `]}`},
		"the other side": {highest, "/api/conversations/d:7:18446744073709551615/messages?limit=1",
			`{"epoch":N,"head_seq":"2","min_seq":"1","messages":[` + two + `]}`},
		"the colons encoded": {7, "/api/conversations/d%3A7%3A18446744073709551615/messages?after=1&limit=500",
			`{"epoch":N,"head_seq":"2","min_seq":"1","messages":[` + two + `]}`},
		"from the beginning on": {7, "/api/conversations/d:7:18446744073709551615/messages?after=0&limit=1",
			`{"epoch":N,"head_seq":"2","min_seq":"1","messages":[` + one + `]}`},
		"before": {7, "/api/conversations/d:7:18446744073709551615/messages?before=2&after=0",
			`{"epoch":N,"head_seq":"2","min_seq":"1","messages":[` + one + `]}`},
		"bounds of 64 bits": {7, "/api/conversations/d:7:18446744073709551615/messages?after=18446744073709551615&before=18446744073709551615",
			`{"epoch":N,"head_seq":"2","min_seq":"1","messages":[]}`},
		"from a time on": {7, "/api/conversations/d:7:18446744073709551615/messages?at=1&limit=1",
			`{"epoch":N,"head_seq":"2","min_seq":"1","messages":[` + one + `]}`},
		"from the beginning of time on": {7, "/api/conversations/d:7:18446744073709551615/messages?at=0&limit=1",
			`{"epoch":N,"head_seq":"2","min_seq":"1","messages":[` + one + `]}`},
		"from a time to come on": {7, "/api/conversations/d:7:18446744073709551615/messages?at=9223372036854775807",
			`{"epoch":N,"head_seq":"2","min_seq":"1","messages":[]}`},
		"what was revised": {7, "/api/conversations/d:7:18446744073709551615/messages?revised_after=0&limit=1",
			`{"epoch":N,"head_seq":"2","min_seq":"1","messages":[]}`},
		"a search": {7, "/api/search?q=TWO",
			`{"found":[{"key":"d:7:18446744073709551615","message":` + two + `}],"before":"0"}`},
		"a search that finds nothing": {7, "/api/search?q=%E4%BD%A0%E5%A5%BD&key=d:7:18446744073709551615&kind=&from=0&to=9",
			`{"found":[],"before":"0"}`},
		"a search of what others wrote": {6, "/api/search?q=TWO", `{"found":[],"before":"0"}`},
		"nothing said yet": {7, "/api/conversations/d:6:7/messages",
			`{"epoch":N,"head_seq":"0","min_seq":"0","messages":[]}`},
		"a service, nothing said yet": {7, "/api/conversations/s:7:2/messages",
			`{"epoch":N,"head_seq":"0","min_seq":"0","messages":[]}`},
		"neighbours at 2^53": {1<<53 + 1, "/api/conversations/d:9007199254740992:9007199254740993/messages",
			`{"epoch":N,"head_seq":"1","min_seq":"1","messages":[{"message_id":N,"sender_id":"9007199254740992","content":"x","create_time":N,"receiver_id":"9007199254740993","seq":"1","client_ref":R}]}`},
		"no conversations": {99, "/api/conversations",
			`{"epoch":N,"token":T,"conversations":[], …`},
	} {
		t.Run(name, func(t *testing.T) {
			answer, body := s.do("GET", test.path, bearer(s.token(test.user)), "")
			body = numbers.ReplaceAllString(body, `"$1":N`)
			body = tokens.ReplaceAllString(refs.ReplaceAllString(body, `"client_ref":R`), `"token":T`)
			if before, _, found := strings.Cut(body, `"conversations":[],`); found { // optional fields follow
				body = before + `"conversations":[], …` + "\n"
			}
			if answer.StatusCode != 200 || body != test.want+"\n" {
				t.Errorf("status %d\n%s\nwant\n%s", answer.StatusCode, body, test.want)
			}
			if h := answer.Header; h.Get("Content-Type") != "application/json" || h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("header %v", h)
			}
		})
	}
}

func TestAGuestIsNotTakenForTheService(t *testing.T) {
	s := newSite(t, nil)
	answer, body := s.do("POST", "/api/guests", jsonBody, `{"name":"Ѕuррort"}`) // Cyrillic
	wantProblem(t, answer, body, 400, "only the service itself")
	if answer, body := s.do("POST", "/api/guests", jsonBody, `{"name":"Sue Port"}`); answer.StatusCode != 201 {
		t.Errorf("status %d: %s", answer.StatusCode, body)
	}
}

// Nobody can write to a service yet, but its entries have the same form.
func TestEnumsAreNumbers(t *testing.T) {
	id, empty := uint64(highest), ""
	body, err := messageJSON(&proto.ServiceMessagePage{Epoch: &id, HeadSeq: &id, MinSeq: &id, Messages: []*proto.ServiceMessage{{
		MessageId: &id, UserId: &id, ServiceType: proto.ServiceType_SERVICE_TYPE_SUPPORT.Enum(), MessageType: proto.MessageType_MESSAGE_TYPE_TEXT.Enum(),
		Content: &empty, CreateDate: &id, Direction: proto.ServiceMessageDirection_SERVICE_TO_CUSTOMER.Enum(),
	}}})
	const want = `{"epoch":"18446744073709551615","head_seq":"18446744073709551615","min_seq":"18446744073709551615","messages":[{` +
		`"message_id":"18446744073709551615","user_id":"18446744073709551615","service_type":2,"message_type":0,"content":"",` +
		`"create_date":"18446744073709551615","direction":1}]}` + "\n"
	if err != nil || string(body) != want {
		t.Errorf("%v\n%s\nwant\n%s", err, body, want)
	}
}

func TestASearchFindsFiftyOthers(t *testing.T) {
	s := newSite(t, nil)
	for i := range uint64(60) {
		if err := s.service.Seen(t.Context(), chat.User{ID: i + 1, Name: fmt.Sprintf("User %02d", i+1)}, chat.Credential{}); err != nil {
			t.Fatal(err)
		}
	}
	for id, first := range map[uint64]string{1: "User 02", 60: "User 01"} {
		_, body := s.do("GET", "/api/users?q=", bearer(s.token(id)), "")
		var found struct{ Users []person }
		if err := json.Unmarshal([]byte(body), &found); err != nil {
			t.Fatal(err)
		}
		if len(found.Users) != maxUsers || found.Users[0].Name != first {
			t.Errorf("user %d finds %d: %s", id, len(found.Users), body)
		}
	}
}

func TestASearchAmongAgentsMissesNoneForOthersNames(t *testing.T) {
	s := newSite(t, nil)
	for i := range uint64(60) {
		if err := s.service.Seen(t.Context(), chat.User{ID: i + 1, Name: fmt.Sprintf("User %02d", i+1)}, chat.Credential{}); err != nil {
			t.Fatal(err)
		}
	}
	support := chat.ServicesOf([]proto.ServiceType{proto.ServiceType_SERVICE_TYPE_SUPPORT})
	for id, name := range map[uint64]string{71: "User X", 72: "User Y", 73: "Zoe"} {
		if err := s.service.Seen(t.Context(), chat.User{ID: id, Name: name, Services: support}, chat.Credential{}); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]string{
		"/api/users?service=2":        `{"users":[{"user_id":"72","name":"User Y","services":[2]},{"user_id":"73","name":"Zoe","services":[2]}]}`,
		"/api/users?q=user&service=2": `{"users":[{"user_id":"72","name":"User Y","services":[2]}]}`,
		"/api/users?q=73&service=2":   `{"users":[{"user_id":"73","name":"Zoe","services":[2]}]}`,
		"/api/users?q=&service=1":     `{"users":[]}`,
	} {
		if answer, body := s.do("GET", path, bearer(s.token(71, 2)), ""); answer.StatusCode != 200 || body != want+"\n" {
			t.Errorf("%s: status %d, %s, want %s", path, answer.StatusCode, body, want)
		}
	}
}

func TestConversationsTellWhatChanged(t *testing.T) {
	s := newSite(t, nil)
	s.say(1, 2, "one")
	ask := func(path string) (answer struct {
		Epoch, Token  string
		Conversations []struct {
			Key      string
			HeadSeq  string `json:"head_seq"`
			ReadSeq  string `json:"read_seq"`
			Unread   string
			Waiting  string `json:"waiting_since"`
			Awaiting string `json:"awaiting_since"`
			Last     struct{ Content string }
		}
	}) {
		t.Helper()
		response, body := s.do("GET", path, bearer(s.token(2)), "")
		if err := json.Unmarshal([]byte(body), &answer); err != nil || response.StatusCode != 200 {
			t.Fatalf("status %d, %s: %v", response.StatusCode, body, err)
		}
		return answer
	}
	first := ask("/api/conversations")
	if len(first.Conversations) != 1 {
		t.Fatalf("%+v, want one conversation", first)
	}
	c := first.Conversations[0]
	if c.Key != "d:1:2" || c.HeadSeq != "1" || c.ReadSeq != "0" || c.Unread != "1" || c.Last.Content != "one" || c.Waiting == "0" || c.Awaiting != "0" {
		t.Errorf("%+v", c)
	}
	if again := ask("/api/conversations?token=" + first.Token); len(again.Conversations) != 0 || again.Epoch != first.Epoch {
		t.Errorf("nothing changed, but %+v", again)
	}
	s.say(1, 2, "two")
	if again := ask("/api/conversations?token=" + first.Token); len(again.Conversations) != 1 || again.Conversations[0].HeadSeq != "2" {
		t.Errorf("a message came, but %+v", again)
	}
}

func TestAServiceConversationsLastEntryIsItsLast(t *testing.T) {
	s := newSite(t, nil)
	agent, customer := s.guest(`{"name":"Eve","invite":"`+s.invite+`"}`), s.guest(`{"name":"Ann"}`)
	id, _ := proto.ParseID(customer.ID)
	m := &proto.ServiceMessage{
		MessageId: new(uint64), UserId: &id, ServiceType: proto.ServiceType_SERVICE_TYPE_SALES.Enum(), MessageType: new(proto.MessageType),
		Content: protobuf.String("<b> & \u2028"), CreateDate: new(uint64), Direction: new(proto.ServiceMessageDirection),
	}
	payload, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.service.Publish(t.Context(), chat.Sender{User: id}, proto.BranchService, payload, nil); err != nil {
		t.Fatal(err)
	}
	s.say(id, 9, "to a user")
	_, body := s.do("GET", "/api/conversations", bearer(customer.Token), "")
	var answer struct {
		Conversations []map[string]json.RawMessage
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || len(answer.Conversations) != 2 {
		t.Fatalf("%s: %v", body, err)
	}
	for i, want := range []string{`"service_type":1`, `"receiver_id":"9"`} {
		if last := string(answer.Conversations[i]["last"]); !strings.Contains(last, want) || answer.Conversations[i]["last_service"] != nil {
			t.Errorf("row %d: %v", i, answer.Conversations[i])
		}
	}
	if !strings.Contains(body, `"content":"<b> & `) {
		t.Errorf("content is written otherwise than elsewhere: %s", body)
	}
	key := "s:" + customer.ID + ":1"
	_, body = s.do("GET", "/api/conversations", bearer(agent.Token), "")
	if !strings.Contains(body, `"key":"`+key+`"`) || !strings.Contains(body, `"peer_name":"Ann"`) || !strings.Contains(body, `"waiting_conversations":"1"`) {
		t.Errorf("the agent is told %s", body)
	}
	if answer, body := s.do("GET", "/api/conversations/"+key+"/messages", bearer(agent.Token), ""); answer.StatusCode != 200 || !strings.Contains(body, `"to_reply":1`) {
		t.Errorf("the agent reads %s", body)
	}
}

func TestTheClientsPreferenceDecidesTheForm(t *testing.T) {
	s := newSite(t, nil)
	s.say(7, 8, "one")
	for header, binary := range map[string]bool{
		"":                            false,
		"*/*":                         false,
		"application/*":               false,
		"application/json":            false,
		"text/html":                   false,
		"application/x-protobuf":      true,
		"Application/X-Protobuf":      true,
		"application/x-protobuf;q=0":  false,
		"application/x-protobuf, */*": true,
		"application/json, application/x-protobuf;q=0.9": false,
		"application/json;q=0.5, application/x-protobuf": true,
	} {
		t.Run(header, func(t *testing.T) {
			h := bearer(s.token(7))
			h["Accept"] = header
			answer, body := s.do("GET", "/api/conversations/d:7:8/messages", h, "")
			want := "application/json"
			if binary {
				want = "application/x-protobuf"
				var page proto.MessagePage
				if err := protobuf.Unmarshal([]byte(body), &page); err != nil || page.GetHeadSeq() != 1 || page.Messages[0].GetContent() != "one" {
					t.Errorf("page %v: %v", &page, err)
				}
			}
			if got := answer.Header; got.Get("Content-Type") != want || got.Get("Vary") != "Accept" {
				t.Errorf("header %v, want %s", got, want)
			}
		})
	}
}

func TestServicesAreToldToEverybody(t *testing.T) {
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC) // a Monday
	file := filepath.Join(t.TempDir(), "services.json")
	if err := os.WriteFile(file, []byte(`[
		{"number": 9, "name": {"en": "Repairs", "zh-Hans": "维修"}, "greeting": {"en": "<b>Hi</b>"}, "hours": {"zone": "UTC", "mon": ["09:00-17:00"]}},
		{"number": 1, "name": {"en": "Sales"}}
	]`), 0o600); err != nil {
		t.Fatal(err)
	}
	offered, err := services.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t, func(c *Config) {
		c.Services, c.Now = offered, func() time.Time { return now }
		c.StrangerRate, c.StrangerBurst = 1, 6
	})
	answer, body := s.do("GET", "/api/services", nil, "")
	want := `{"services":[{"service_type":9,"name":{"en":"Repairs","zh-Hans":"维修"},"greeting":{"en":"<b>Hi</b>"},"open":false,"changes":"1772442000000"},` +
		`{"service_type":1,"name":{"en":"Sales"},"open":true,"changes":"0"}]}` + "\n"
	if answer.StatusCode != 200 || body != want {
		t.Fatalf("status %d, %s, want %s", answer.StatusCode, body, want)
	}
	if got := answer.Header.Get("Cache-Control"); got != "no-cache" {
		t.Errorf("Cache-Control is %q", got)
	}
	tag := answer.Header.Get("ETag")
	if answer, body := s.do("GET", "/api/services", header{"If-None-Match": `"x", W/` + tag}, ""); answer.StatusCode != 304 || body != "" {
		t.Errorf("what is known already: status %d, %q", answer.StatusCode, body)
	}
	now = now.Add(time.Hour)
	if answer, body := s.do("GET", "/api/services", header{"If-None-Match": tag}, ""); answer.StatusCode != 200 || !strings.Contains(body, `"open":true,"changes":"1772470800000"`) {
		t.Errorf("once it opened: status %d, %s", answer.StatusCode, body)
	}
	if answer, body := s.do("POST", "/api/guests", jsonBody, `{"name":"REPAIRS"}`); answer.StatusCode != 400 || !strings.Contains(body, "name-reserved") {
		t.Errorf("a guest called as a service is: status %d, %s", answer.StatusCode, body)
	}
	agent := s.guest(`{"name":"Ann","invite":"` + s.invite + `"}`)
	if fmt.Sprint(agent.Services) != "[1 9]" {
		t.Errorf("who was invited answers for %v", agent.Services)
	}
	if answer, body := s.do("GET", "/api/users?service=2", bearer(agent.Token), ""); answer.StatusCode != 400 || !strings.Contains(body, "/api/services") {
		t.Errorf("those of a service that there is not: status %d, %s", answer.StatusCode, body)
	}
	for range 6 {
		answer, _ = s.do("GET", "/api/services", nil, "")
	}
	if answer, body = s.do("GET", "/api/services", nil, ""); answer.StatusCode != 429 {
		t.Errorf("one request too many: status %d, %s", answer.StatusCode, body)
	}
}

func TestWhatIsWrongIsNamed(t *testing.T) {
	s := newSite(t, func(c *Config) { c.Burst = 1000 })
	s.say(7, 8, "one")
	messages, search := "/api/conversations/d:7:8/messages", "/api/search"
	long := strings.Repeat("x", maxBody)
	mine := bearer(s.token(7))
	for name, test := range map[string]struct {
		method, path string
		header       header
		body         string
		status       int
		text         string
	}{
		"limit below":                {"GET", messages + "?limit=-1", mine, "", 400, "limit"},
		"limit zero":                 {"GET", messages + "?limit=0", mine, "", 400, "limit"},
		"limit above":                {"GET", messages + "?limit=501", mine, "", 400, "limit"},
		"limit no number":            {"GET", messages + "?limit=abc", mine, "", 400, "limit"},
		"limit empty":                {"GET", messages + "?limit=", mine, "", 400, "limit"},
		"limit twice":                {"GET", messages + "?limit=1&limit=2", mine, "", 400, "limit"},
		"limit past 64 bits":         {"GET", messages + "?limit=18446744073709551617", mine, "", 400, "limit"},
		"after negative":             {"GET", messages + "?after=-1", mine, "", 400, "after"},
		"after fractional":           {"GET", messages + "?after=1.5", mine, "", 400, "after"},
		"after in hexadecimal":       {"GET", messages + "?after=0x10", mine, "", 400, "after"},
		"after past 64 bits":         {"GET", messages + "?after=18446744073709551616", mine, "", 400, "after"},
		"after signed":               {"GET", messages + "?after=%2B1", mine, "", 400, "after"},
		"revised_after a word":       {"GET", messages + "?revised_after=now", mine, "", 400, "revised_after"},
		"revised_after with a bound": {"GET", messages + "?revised_after=1&after=1", mine, "", 400, "revised_after"},
		"at a day":                   {"GET", messages + "?at=2026-01-01", mine, "", 400, "at"},
		"at with a bound":            {"GET", messages + "?at=1&before=1", mine, "", 400, "at"},
		"before a word":              {"GET", messages + "?before=now", mine, "", 400, "before"},
		"a query in pieces":          {"GET", messages + "?after=%zz", mine, "", 400, "query"},
		"a semicolon":                {"GET", messages + "?after=1;limit=2", mine, "", 400, "query"},
		"no key":                     {"GET", "/api/conversations/x/messages", mine, "", 400, "key"},
		"a key out of order":         {"GET", "/api/conversations/d:8:7/messages", mine, "", 400, "key"},
		"a key with zeros":           {"GET", "/api/conversations/d:07:8/messages", mine, "", 400, "key"},
		"a key with a slash":         {"GET", "/api/conversations/d:7%2F8/messages", mine, "", 400, "key"},
		"an unknown service":         {"GET", "/api/conversations/s:7:99/messages", mine, "", 400, "key"},
		"a kind to come":             {"GET", "/api/conversations/x:7/messages", mine, "", 400, "key"},
		"a group of others":          {"GET", "/api/conversations/g:7/messages", mine, "", 403, "no participant"},
		"q twice":                    {"GET", "/api/users?q=a&q=b", mine, "", 400, "q stands"},
		"service not a number":       {"GET", "/api/users?service=sales", bearer(s.token(7, 2)), "", 400, "service is not a whole number"},
		"service empty":              {"GET", "/api/users?service=", bearer(s.token(7, 2)), "", 400, "service is not a whole number"},
		"service unknown":            {"GET", "/api/users?service=64", bearer(s.token(7, 2)), "", 400, "service is the number of none there is"},
		"service twice":              {"GET", "/api/users?service=1&service=2", bearer(s.token(7, 2)), "", 400, "service stands more than once"},
		"service of customers":       {"GET", "/api/users?service=2", mine, "", 403, "service: only agents"},
		"q not UTF-8":                {"GET", "/api/users?q=%ff", mine, "", 400, "q is not valid UTF-8"},
		"token twice":                {"GET", "/api/conversations?token=a&token=b", mine, "", 400, "token"},
		"a search for nothing":       {"GET", search, mine, "", 400, "q is missing"},
		"a search for too much":      {"GET", search + "?q=" + long[:257], mine, "", 400, "q has 257 bytes"},
		"a search not in UTF-8":      {"GET", search + "?q=%ff", mine, "", 400, "q is not valid UTF-8"},
		"a search's q twice":         {"GET", search + "?q=a&q=b", mine, "", 400, "q stands"},
		"a search's kind":            {"GET", search + "?kind=video", mine, "", 400, "kind"},
		"a search's key":             {"GET", search + "?q=a&key=x", mine, "", 400, "key"},
		"a search's sender":          {"GET", search + "?sender=0", mine, "", 400, "sender"},
		"a search's from":            {"GET", search + "?q=a&from=yesterday", mine, "", 400, "from"},
		"a search to before from":    {"GET", search + "?q=a&from=5&to=4", mine, "", 400, "to is before from"},
		"a search's limit":           {"GET", search + "?q=a&limit=51", mine, "", 400, "limit"},
		"a search's before":          {"GET", search + "?q=a&before=x", mine, "", 400, "before"},
		"a search of others":         {"GET", search + "?q=a&key=d:8:9", mine, "", 403, "no participant"},

		"another's":            {"GET", "/api/conversations/d:8:9/messages", mine, "", 403, "no participant"},
		"another's, existing":  {"GET", messages, bearer(s.token(9)), "", 403, "no participant"},
		"another's service":    {"GET", "/api/conversations/s:8:2/messages", mine, "", 403, "no participant"},
		"of another service":   {"GET", "/api/conversations/s:8:2/messages", bearer(s.token(7, 1)), "", 403, "no participant"},
		"a wrong invite":       {"POST", "/api/guests", jsonBody, `{"name":"Ann","invite":"x"}`, 403, "invite"},
		"an unknown path":      {"GET", "/api/nothing", mine, "", 404, "nothing"},
		"the root":             {"GET", "/api/", mine, "", 404, "nothing"},
		"a slash too many":     {"GET", "/api/me/", mine, "", 404, "nothing"},
		"a method too many":    {"POST", "/api/me", mine, "", 405, "GET, HEAD, PATCH, OPTIONS"},
		"guests are not read":  {"GET", "/api/guests", mine, "", 405, "POST, OPTIONS"},
		"messages not deleted": {"DELETE", messages, mine, "", 405, "GET, HEAD, OPTIONS"},

		"no name":          {"POST", "/api/guests", jsonBody, `{}`, 400, "name is empty"},
		"name null":        {"POST", "/api/guests", jsonBody, `{"name":null}`, 400, "name is empty"},
		"null":             {"POST", "/api/guests", jsonBody, `null`, 400, "name is empty"},
		"name of space":    {"POST", "/api/guests", jsonBody, `{"name":" \t"}`, 400, "name is empty"},
		"name too long":    {"POST", "/api/guests", jsonBody, `{"name":"` + long[:65] + `"}`, 400, "name is longer"},
		"name in disguise": {"POST", "/api/guests", jsonBody, `{"name":"\u202eAnn"}`, 400, "name has a control"},
		"name a number":    {"POST", "/api/guests", jsonBody, `{"name":7}`, 400, "name is of another type"},
		"no JSON":          {"POST", "/api/guests", jsonBody, `name=Ann`, 400, "not a JSON object"},
		"a list":           {"POST", "/api/guests", jsonBody, `["Ann"]`, 400, "not a JSON object"},
		"two objects":      {"POST", "/api/guests", jsonBody, `{"name":"Ann"}{}`, 400, "not a JSON object"},
		"nothing":          {"POST", "/api/guests", jsonBody, ``, 400, "not a JSON object"},
		"not UTF-8":        {"POST", "/api/guests", jsonBody, "{\"name\":\"\xff\"}", 400, "UTF-8"},
		"too long":         {"POST", "/api/guests", jsonBody, `{"name":"` + long + `"}`, 413, "longer than 4096 bytes"},
		"a form":           {"POST", "/api/guests", header{"Content-Type": "application/x-www-form-urlencoded"}, "name=Ann", 415, "JSON"},
		"plain text":       {"POST", "/api/guests", header{"Content-Type": "text/plain"}, `{"name":"Ann"}`, 415, "JSON"},
		"no type":          {"POST", "/api/guests", nil, `{"name":"Ann"}`, 415, "JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			answer, body := s.do(test.method, test.path, test.header, test.body)
			wantProblem(t, answer, body, test.status, test.text)
			if test.status == 405 && answer.Header.Get("Allow") == "" {
				t.Error("no Allow")
			}
		})
	}
}

func TestWithoutAValidTokenNothingIsTold(t *testing.T) {
	s := newSite(t, nil)
	elsewhere, err := auth.OpenOrMake(auth.File(filepath.Join(t.TempDir(), "key")), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := elsewhere.Mint(auth.User{ID: 7, Name: "Ann"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	expired, err := s.authority.Mint(auth.User{ID: 7, Name: "Ann"}, -time.Second)
	if err != nil {
		t.Fatal(err)
	}
	valid := s.token(7)
	parts := strings.Split(valid, ".")
	const none = "eyJhbGciOiJub25lIn0" // {"alg":"none"}
	for name, test := range map[string]struct {
		header          header
		text, challenge string
	}{
		"none":             {nil, "no token", `Bearer realm="parley"`},
		"a foreign key":    {bearer(foreign), "not signed with this server's key", `Bearer realm="parley", error="invalid_token"`},
		"expired":          {bearer(expired), "expired", `Bearer realm="parley", error="invalid_token"`},
		"alg none":         {bearer(none + "." + parts[1] + "."), "alg", `Bearer realm="parley", error="invalid_token"`},
		"garbage":          {bearer("x"), "not a JWT", `Bearer realm="parley", error="invalid_token"`},
		"empty":            {header{"Authorization": "Bearer "}, "Bearer TOKEN", `Bearer realm="parley", error="invalid_token"`},
		"another scheme":   {header{"Authorization": "Basic " + valid}, "Bearer TOKEN", `Bearer realm="parley", error="invalid_token"`},
		"no scheme":        {header{"Authorization": valid}, "Bearer TOKEN", `Bearer realm="parley", error="invalid_token"`},
		"words after":      {bearer(valid + " x"), "not a JWT", `Bearer realm="parley", error="invalid_token"`},
		"longer than ever": {bearer(strings.Repeat("x", auth.MaxToken+1)), "longer", `Bearer realm="parley", error="invalid_token"`},
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{"/api/me", "/api/users", "/api/conversations", "/api/conversations/d:7:8/messages", "/api/conversations/x/messages?limit=x"} {
				answer, body := s.do("GET", path, test.header, "")
				wantProblem(t, answer, body, 401, test.text)
				if got := answer.Header.Get("WWW-Authenticate"); got != test.challenge {
					t.Errorf("WWW-Authenticate is %q, want %q", got, test.challenge)
				}
			}
			if test.header != nil { // a renewal
				answer, body := s.do("POST", "/api/guests", test.header, "")
				wantProblem(t, answer, body, 401, test.text)
			}
		})
	}
	r, err := http.NewRequest("GET", s.URL+"/api/me", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header["Authorization"] = []string{"Bearer " + valid, "Bearer " + valid}
	if answer, err := s.Client().Do(r); err != nil || answer.StatusCode != 401 {
		t.Errorf("two tokens: %v, %v", answer, err)
	} else if err := answer.Body.Close(); err != nil {
		t.Error(err)
	}
	for _, scheme := range []string{"bearer ", "BEARER  "} {
		if answer, body := s.do("GET", "/api/me", header{"Authorization": scheme + valid}, ""); answer.StatusCode != 200 {
			t.Errorf("scheme %q: status %d: %s", scheme, answer.StatusCode, body)
		}
	}
}

func TestAGuestIsAUserAtOnce(t *testing.T) {
	s := newSite(t, nil)
	ann, bob := s.guest(`{"name":" Ann <3 ","color":"red"}`), s.guest(`{"name":"Bob"}`)
	if ann.Name != "Ann <3" || ann.ID == bob.ID || len(ann.Services) != 0 {
		t.Fatalf("guests %+v, %+v", ann, bob)
	}
	who, err := s.authority.Verify(ann.Token)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(who.ID) != ann.ID || who.ID <= 1<<53 || who.Name != ann.Name || fmt.Sprint(who.Expires.UnixMilli()) != ann.Expires {
		t.Errorf("the token is of %+v, want %+v", who, ann)
	}
	if left := time.Until(who.Expires); left < 29*24*time.Hour || left > 30*24*time.Hour {
		t.Errorf("the token lasts %v", left)
	}
	_, found := s.do("GET", "/api/users?q=ann", bearer(bob.Token), "")
	if want := `{"users":[{"user_id":"` + ann.ID + `","name":"Ann <3"}]}` + "\n"; found != want {
		t.Errorf("Bob finds %s, want %s", found, want)
	}
	if _, found := s.do("GET", "/api/users?q=ann", bearer(ann.Token), ""); found != `{"users":[]}`+"\n" {
		t.Errorf("Ann finds herself: %s", found)
	}
	_, found = s.do("GET", "/api/users?q="+ann.ID, bearer(bob.Token), "")
	if !strings.Contains(found, ann.ID) {
		t.Errorf("Bob does not find her by id: %s", found)
	}
}

func TestATokenThatAnOperatorWithdrewIsRefusedEverywhere(t *testing.T) {
	s := newSite(t, nil)
	agent, plain, other := s.guest(`{"name":"Eve","invite":"`+s.invite+`"}`), s.guest(`{"name":"Bob"}`), s.guest(`{"name":"Ann"}`)
	refused := func(token, text string) {
		t.Helper()
		for _, request := range []struct{ method, path string }{
			{"GET", "/api/me"}, {"GET", "/api/users?q=a"}, {"GET", "/api/conversations"},
			{"GET", "/api/conversations/s:7:2/messages"}, {"POST", "/api/guests"},
		} {
			answer, body := s.do(request.method, request.path, bearer(token), "")
			wantProblem(t, answer, body, 401, text)
			if challenge := answer.Header.Get("WWW-Authenticate"); !strings.Contains(challenge, "invalid_token") {
				t.Errorf("%s: challenge %q", request.path, challenge)
			}
		}
	}
	id, err := strconv.ParseUint(agent.ID, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.service.RemoveAgent(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	refused(agent.Token, "withdrew the token")
	if id, err = strconv.ParseUint(plain.ID, 10, 64); err != nil {
		t.Fatal(err)
	}
	if _, err := s.service.Block(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	refused(plain.Token, "you are blocked")
	if _, err := s.service.Unblock(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	for name, token := range map[string]string{"unblocked": plain.Token, "somebody else": other.Token} {
		if answer, body := s.do("GET", "/api/me", bearer(token), ""); answer.StatusCode != 200 {
			t.Errorf("%s: status %d: %s", name, answer.StatusCode, body)
		}
		s.renew(token)
	}
}

// An agent's renewal says until when they are one.
func TestAnAgentIsOneUntilTheNewestTokenExpires(t *testing.T) {
	s := newSite(t, nil)
	agent := s.guest(`{"name":"Eve","invite":"` + s.invite + `"}`)
	s.guest(`{"name":"Bob"}`)
	team, err := s.service.Team(t.Context())
	if err != nil || len(team) != 1 || fmt.Sprint(team[0].ID) != agent.ID || fmt.Sprint(team[0].ServicesUntil) != agent.Expires {
		t.Errorf("team %+v, %v, want the agent until %s", team, err, agent.Expires)
	}
}

func TestTheInviteMakesAnAgent(t *testing.T) {
	s := newSite(t, nil)
	agent := s.guest(`{"name":"Eve","invite":"` + s.invite + `"}`)
	if want := []int{0, 1, 2, 3, 4, 5, 6}; !slices.Equal(agent.Services, want) {
		t.Errorf("services %v, want %v", agent.Services, want)
	}
	if answer, body := s.do("GET", "/api/conversations/s:7:2/messages", bearer(agent.Token), ""); answer.StatusCode != 200 {
		t.Errorf("an agent may not read: %s", body)
	}
	renewed := s.renew(agent.Token)
	if !strings.Contains(renewed, `"services":[0,1,2,3,4,5,6]`) {
		t.Errorf("renewed: %s", renewed)
	}
	none := newSite(t, func(c *Config) { c.Invite = nil })
	answer, body := none.do("POST", "/api/guests", jsonBody, `{"name":"Eve","invite":"x"}`)
	wantProblem(t, answer, body, 403, "invite")
}

func (s *site) renew(token string) string {
	s.t.Helper()
	answer, body := s.do("POST", "/api/guests", bearer(token), "")
	if answer.StatusCode != 201 {
		s.t.Fatalf("status %d: %s", answer.StatusCode, body)
	}
	return body
}

func TestAGuestStaysWhoTheyAre(t *testing.T) {
	s := newSite(t, nil)
	ann := s.guest(`{"name":"Ann"}`)
	h := bearer(ann.Token)
	h["Content-Type"] = "application/json"
	for _, body := range []string{"", "{}", `{"name":"Mallory","invite":"` + s.invite + `"}`} {
		answer, text := s.do("POST", "/api/guests", h, body)
		if answer.StatusCode != 201 || !strings.Contains(text, `"user_id":"`+ann.ID+`","name":"Ann","services":[]`) {
			t.Errorf("status %d: %s", answer.StatusCode, text)
		}
	}
}

func TestAServerWithAKeyOfItsOwnersTakesNoGuests(t *testing.T) {
	s := newSite(t, func(c *Config) { c.Guests = false })
	for _, h := range []header{jsonBody, bearer(s.token(7))} {
		answer, body := s.do("POST", "/api/guests", h, `{"name":"Ann"}`)
		wantProblem(t, answer, body, 403, "-jwt-key")
	}
}

func TestWhoIsTooFastIsToldWhenToComeBack(t *testing.T) {
	s := newSite(t, func(c *Config) {
		c.Rate, c.Burst = 0.001, 3
	})
	first := s.guest(`{"name":"Ann"}`)
	for range 2 {
		if answer, body := s.do("GET", "/api/me", bearer(first.Token), ""); answer.StatusCode != 200 {
			t.Fatal(body)
		}
	}
	h := bearer(first.Token)
	h["Content-Type"] = "application/json"
	if answer, body := s.do("POST", "/api/guests", h, ""); answer.StatusCode != 201 { // renewed
		t.Fatal(body)
	}
	answer, body := s.do("GET", "/api/me", h, "")
	wantProblem(t, answer, body, 429, "too many")
	if answer.Header.Get("Retry-After") != "1000" {
		t.Errorf("Retry-After is %q", answer.Header.Get("Retry-After"))
	}
	answer, body = s.do("POST", "/api/guests", h, "")
	wantProblem(t, answer, body, 429, "too many")
	if answer, body := s.do("GET", "/api/me", bearer(s.token(7)), ""); answer.StatusCode != 200 {
		t.Errorf("another user has to wait: %s", body)
	}
}

func TestASearchCountsAs25Requests(t *testing.T) {
	s := newSite(t, func(c *Config) { c.Rate, c.Burst = 0.001, 51 })
	mine := bearer(s.token(7))
	for range 2 {
		if answer, body := s.do("GET", "/api/search?q=a", mine, ""); answer.StatusCode != 200 {
			t.Fatal(body)
		}
	}
	answer, body := s.do("GET", "/api/search?q=a", mine, "")
	wantProblem(t, answer, body, 429, "too many requests")
	if answer, body := s.do("GET", "/api/me", mine, ""); answer.StatusCode != 200 {
		t.Error("what costs less:", body)
	}
}

func TestGuestsAreCountedByClientBehindATrustedProxyAlone(t *testing.T) {
	few := func(c *Config) { c.GuestsPerHour = 1 }
	behind := newSite(t, func(c *Config) {
		few(c)
		c.Clients = clientip.New([]netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, c.Log)
	})
	inFront := newSite(t, few)
	for _, test := range []struct {
		site      *site
		forwarded string
		status    int
	}{
		{behind, "192.0.2.1", 201},
		{behind, "192.0.2.2", 201},
		{behind, "192.0.2.1", 429},
		{behind, "198.51.100.1, 192.0.2.1", 429},
		{behind, "", 201}, // the proxy itself stands for many
		{behind, "", 201},
		{inFront, "192.0.2.1", 201},
		{inFront, "192.0.2.2", 429},
		{inFront, "", 429},
	} {
		h := header{"Content-Type": "application/json"}
		if test.forwarded != "" {
			h["X-Forwarded-For"] = test.forwarded
		}
		if answer, body := test.site.do("POST", "/api/guests", h, `{"name":"Eve"}`); answer.StatusCode != test.status {
			t.Errorf("%q: status %d, want %d: %s", test.forwarded, answer.StatusCode, test.status, body)
		}
	}
}

func TestAnAddressMakesSoManyGuestsInAnHour(t *testing.T) {
	var passed atomic.Int64 // of time
	began := time.Now()
	s := newSite(t, func(c *Config) {
		c.GuestsPerHour = 3
		c.Now = func() time.Time { return began.Add(time.Duration(passed.Load())) }
	})
	first := s.guest(`{"name":"Ann"}`)
	for _, body := range []string{"", "{}", `{"name":" "}`} { // make none
		if answer, text := s.do("POST", "/api/guests", jsonBody, body); answer.StatusCode != 400 {
			t.Errorf("status %d: %s", answer.StatusCode, text)
		}
	}
	s.guest(`{"name":"Bob"}`)
	s.guest(`{"name":"Cyd"}`)
	refused := func() {
		t.Helper()
		answer, body := s.do("POST", "/api/guests", jsonBody, `{"name":"Eve"}`)
		wantProblem(t, answer, body, 429, "3 guests came from your address within an hour, which is the most: wait 20 minutes and try again")
		if answer.Header.Get("Retry-After") != "1200" {
			t.Errorf("Retry-After is %q", answer.Header.Get("Retry-After"))
		}
	}
	refused()
	answer, body := s.do("POST", "/api/guests", jsonBody, `{"name":"Eve","invite":"a guess"}`)
	wantProblem(t, answer, body, 429, "3 guests")
	if _, text := s.do("GET", "/api/users?q=Eve", bearer(first.Token), ""); strings.Contains(text, "Eve") {
		t.Errorf("who was refused is there: %s", text)
	}
	// Who is a guest already goes on.
	h := bearer(first.Token)
	h["Content-Type"] = "application/json"
	for range 5 {
		if answer, body := s.do("POST", "/api/guests", h, ""); answer.StatusCode != 201 {
			t.Errorf("a token is not renewed: %s", body)
		}
	}
	passed.Store(int64(20 * time.Minute))
	s.guest(`{"name":"Eve"}`)
	refused()
}

func TestPagesOfAllowedOriginsMayReadAnswers(t *testing.T) {
	origins, err := origin.Parse([]string{"https://chat.example"})
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t, func(c *Config) { c.Origins = origins })
	for from, allowed := range map[string]bool{
		"https://chat.example": true,
		"HTTPS://Chat.Example": true,
		"http://chat.example":  false,
		"null":                 false,
		"":                     false,
	} {
		t.Run(from, func(t *testing.T) {
			want := ""
			if allowed {
				want = from
			}
			h := bearer(s.token(7))
			h["Origin"] = from
			for _, path := range []string{"/api/me", "/api/users?q=a&q=b"} {
				answer, _ := s.do("GET", path, h, "")
				if got := answer.Header.Get("Access-Control-Allow-Origin"); got != want || !slices.Contains(answer.Header.Values("Vary"), "Origin") {
					t.Errorf("%s: shared with %q, want %q", path, got, want)
				}
			}
			answer, body := s.do("OPTIONS", "/api/guests", header{"Origin": from,
				"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}, "")
			if answer.StatusCode != 204 || body != "" || answer.Header.Get("Access-Control-Allow-Origin") != want {
				t.Errorf("preflight: status %d, header %v", answer.StatusCode, answer.Header)
			}
			if got := answer.Header.Get("Access-Control-Allow-Headers"); allowed != (got == "Authorization, Content-Type, Accept, If-Match, Range, Tus-Resumable, Upload-Length, Upload-Metadata, Upload-Offset") {
				t.Errorf("may send %q", got)
			}
			if got := answer.Header.Get("Access-Control-Allow-Methods"); allowed != (got == "POST, OPTIONS") {
				t.Errorf("may use %q", got)
			}
			if answer.Header.Get("Access-Control-Allow-Credentials") != "" {
				t.Error("cookies are asked for")
			}
		})
	}
	alone := newSite(t, nil)
	answer, _ := alone.do("GET", "/api/me", header{"Origin": alone.URL, "Authorization": "Bearer " + alone.token(7)}, "")
	if answer.StatusCode != 200 || answer.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("without origins: status %d, header %v", answer.StatusCode, answer.Header)
	}
}

func TestARefusalIsLoggedOnceWithoutWhatWasSent(t *testing.T) {
	s := newSite(t, nil)
	token := s.token(7)
	s.do("POST", "/api/guests", jsonBody, `{"name":"geheim\u202e","invite":"geheim"}`)
	s.do("GET", "/api/users?q=geheim&q=2", bearer(token), "")
	s.do("GET", "/api/me", bearer(token+"geheim"), "")
	log := s.log.String()
	if lines := strings.Count(log, "request refused"); lines != 3 {
		t.Errorf("%d lines, want 3:\n%s", lines, log)
	}
	if strings.Contains(log, "geheim") || strings.Contains(log, token[:20]) {
		t.Errorf("the log holds what was sent:\n%s", log)
	}
}

func TestHEADAnswersAsGETWithoutABody(t *testing.T) {
	s := newSite(t, nil)
	answer, body := s.do("HEAD", "/api/me", bearer(s.token(7)), "")
	if answer.StatusCode != 200 || body != "" || answer.ContentLength <= 0 {
		t.Errorf("status %d, length %d, body %q", answer.StatusCode, answer.ContentLength, body)
	}
}

func TestHealth(t *testing.T) {
	sick := make(chan error, 1)
	s := newSite(t, func(c *Config) {
		c.Healthy = func(context.Context) error {
			select {
			case err := <-sick:
				return err
			default:
				return nil
			}
		}
		c.Ready = func(context.Context) error { return proto.Refuse(proto.ServerShuttingDown, "the server is stopping") }
	})
	if answer, body := s.do("GET", "/readyz", nil, ""); answer.StatusCode != 503 || body != "not ready: the server is stopping\n" {
		t.Errorf("status %d, %q", answer.StatusCode, body)
	}
	if answer, body := s.do("GET", "/healthz", nil, ""); answer.StatusCode != 200 || body != "ok\n" {
		t.Errorf("status %d, %q", answer.StatusCode, body)
	}
	sick <- fmt.Errorf("in /secret: %w", proto.Refuse(proto.UnspecifiedError, "the disk is full"))
	if answer, body := s.do("GET", "/healthz", nil, ""); answer.StatusCode != 503 || body != "not healthy: the disk is full\n" {
		t.Errorf("status %d, %q", answer.StatusCode, body)
	}
	sick <- io.ErrUnexpectedEOF
	if answer, body := s.do("GET", "/healthz", nil, ""); answer.StatusCode != 503 || strings.Contains(body, "EOF") {
		t.Errorf("status %d, %q", answer.StatusCode, body)
	}
}

func TestAFailingHistoryIsNoLie(t *testing.T) {
	s := newSite(t, nil)
	token := s.token(7)
	if err := s.store.Close(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/api/users", "/api/conversations", "/api/conversations/d:7:8/messages"} {
		answer, body := s.do("GET", path, bearer(token), "")
		wantProblem(t, answer, body, 503, "try again")
		if answer.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	}
	answer, body := s.do("POST", "/api/guests", jsonBody, `{"name":"Ann"}`)
	wantProblem(t, answer, body, 503, "try again")
}

func TestAConfigThatCannotWorkIsRefused(t *testing.T) {
	s := newSite(t, nil)
	good := Config{Authority: s.authority, Service: s.service}
	for name, change := range map[string]func(*Config){
		"no authority":    func(c *Config) { c.Authority = nil },
		"no service":      func(c *Config) { c.Service = nil },
		"a negative rate": func(c *Config) { c.Rate = -1 },
	} {
		t.Run(name, func(t *testing.T) {
			c := good
			change(&c)
			if _, err := New(c); err == nil {
				t.Error("accepted")
			}
		})
	}
}

func TestAgentsAreToldToWhichOfTheirServicesSomebodyWrote(t *testing.T) {
	s := newSite(t, nil)
	for _, service := range []proto.ServiceType{1, 2} {
		payload, err := proto.Marshal(&proto.ServiceMessage{
			MessageId: new(uint64), UserId: new(uint64(7)), ServiceType: &service, MessageType: new(proto.MessageType), Content: new("hello?"),
			CreateDate: new(uint64), Direction: new(proto.ServiceMessageDirection),
		})
		if err != nil {
			t.Fatal(err)
		}
		carl := chat.Sender{User: 7, Name: "Carl", Client: "test"}
		if err := s.service.Seen(t.Context(), chat.User{ID: 7, Name: "Carl"}, chat.Credential{}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.service.Publish(t.Context(), carl, proto.BranchService, payload, nil); err != nil {
			t.Fatal(err)
		}
	}
	for token, want := range map[string]string{
		s.token(8, 2):    `{"users":[{"user_id":"7","name":"Carl","customer_of":[2]}]}`,
		s.token(9, 1, 2): `{"users":[{"user_id":"7","name":"Carl","customer_of":[1,2]}]}`,
		s.token(10):      `{"users":[]}`,
	} {
		if _, body := s.do("GET", "/api/users?q=carl", bearer(token), ""); body != want+"\n" {
			t.Errorf("%s, want %s", body, want)
		}
	}
}
