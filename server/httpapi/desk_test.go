package httpapi

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/server/chat"
)

const (
	agentAnn, agentBen, agentOther, customerCora = 101, 102, 103, 7
	sales                                        = proto.ServiceType_SERVICE_TYPE_SALES
	support                                      = proto.ServiceType_SERVICE_TYPE_SUPPORT
	billing                                      = proto.ServiceType_SERVICE_TYPE_BILLING
)

// desk is a site where a customer wrote to sales and support.
type desk struct {
	*site
	ann, ben, other, cora string // tokens; ann and ben answer for sales, the other for billing
}

func newDesk(t *testing.T) *desk {
	s := newSite(t, nil)
	d := &desk{s, s.token(agentAnn, sales), s.token(agentBen, sales), s.token(agentOther, billing), s.token(customerCora)}
	for id, name := range map[uint64]string{agentAnn: "Ann", agentBen: "Ben", customerCora: "Cora"} {
		u := chat.User{ID: id, Name: name}
		if id != customerCora {
			u.Services = chat.ServicesOf([]proto.ServiceType{sales})
		}
		if err := s.service.Seen(t.Context(), u, chat.Credential{}); err != nil {
			t.Fatal(err)
		}
	}
	d.write(sales, "", "hello?")
	d.write(sales, `{"order":17}`, "my order")
	d.write(support, `{"secret":1}`, "for support alone")
	return d
}

// write lets the customer write to a service.
func (d *desk) write(to proto.ServiceType, extend, text string) {
	d.t.Helper()
	m := &proto.ServiceMessage{
		MessageId: new(uint64), UserId: protobuf.Uint64(customerCora), ServiceType: &to, MessageType: proto.MessageType_MESSAGE_TYPE_TEXT.Enum(),
		Content: &text, CreateDate: new(uint64), Direction: proto.ServiceMessageDirection_CUSTOMER_TO_SERVICE.Enum(),
	}
	if extend != "" {
		m.Extend = &extend
	}
	payload, err := proto.Marshal(m)
	if err != nil {
		d.t.Fatal(err)
	}
	if _, err := d.service.Publish(d.t.Context(), chat.Sender{User: customerCora}, proto.BranchService, payload, nil); err != nil {
		d.t.Fatal(err)
	}
}

// as asks as a token's user, with a JSON body where there is one, and more headers.
func (d *desk) as(token, method, path, body string, more ...string) (*http.Response, string) {
	d.t.Helper()
	h := bearer(token)
	if body != "" {
		maps.Copy(h, jsonBody)
	}
	for i := 0; i+1 < len(more); i += 2 {
		h[more[i]] = more[i+1]
	}
	return d.do(method, path, h, body)
}

// refused is who is refused where, and why.
type refused struct {
	name, token, method, path, body string
	status                          int
	text                            string
}

func (d *desk) wantRefused(t *testing.T, all []refused) {
	for _, test := range all {
		t.Run(test.name, func(t *testing.T) {
			answer, body := d.as(test.token, test.method, test.path, test.body)
			wantProblem(t, answer, body, test.status, test.text)
		})
	}
}

func TestNotesOverHTTP(t *testing.T) {
	d := newDesk(t)
	const path = "/api/conversations/s:7:1/notes"
	var added note
	answer, body := d.as(d.ann, "POST", path, `{"content":"she called","after_seq":"1","ref":"000102030405060708090a0b0c0d0e0f"}`)
	if err := json.Unmarshal([]byte(body), &added); err != nil || answer.StatusCode != 201 || added.ID != "1" || added.After != "1" || added.Author != "101" || added.Text != "she called" {
		t.Fatalf("status %d: %s", answer.StatusCode, body)
	}
	if _, again := d.as(d.ann, "POST", path, `{"content":"she called","ref":"000102030405060708090a0b0c0d0e0f"}`); again != body {
		t.Errorf("a repeat is answered %s", again)
	}
	d.as(d.ben, "POST", path, `{"content":"yes"}`)
	_, body = d.as(d.ben, "GET", path, "")
	want := fmt.Sprintf(`{"notes":[{"id":"1","after_seq":"1","author_id":"101","author_name":"Ann","create_time":"%s","content":"she called"},{"id":"2","after_seq":"2","author_id":"102","author_name":"Ben",`, added.Time)
	if !strings.HasPrefix(body, want) {
		t.Errorf("got  %s\nwant %s", body, want)
	}
	long, most := strings.Repeat("x", 4001), `{"content":"`+strings.Repeat(`\ud835\udd4f`, 4000)+`"}`
	d.wantRefused(t, []refused{
		{"the customer reads", d.cora, "GET", path, "", 403, "no participant"},
		{"the customer writes", d.cora, "POST", path, `{"content":"x"}`, 403, "no participant"},
		{"the customer deletes", d.cora, "DELETE", path + "/1", "", 403, "no participant"},
		{"another service's agent reads", d.other, "GET", path, "", 403, "no participant"},
		{"another service's agent writes", d.other, "POST", path, `{"content":"x"}`, 403, "no participant"},
		{"another service's agent deletes", d.other, "DELETE", path + "/1", "", 403, "no participant"},
		{"nobody", "x", "GET", path, "", 401, ""},
		{"between two users", d.ann, "GET", "/api/conversations/d:7:101/notes", "", 403, "no participant"},
		{"no conversation", d.ann, "POST", "/api/conversations/s:8:1/notes", `{"content":"x"}`, 409, "nothing was said"},
		{"no key", d.ann, "GET", "/api/conversations/x/notes", "", 400, "key"},
		{"no JSON", d.ann, "POST", path, `{`, 400, "not a JSON object"},
		{"another type", d.ann, "POST", path, `{"content":5}`, 400, "content is of another type"},
		{"nothing", d.ann, "POST", path, `{"content":" \u200b"}`, 400, "content"},
		{"too long", d.ann, "POST", path, `{"content":"` + long + `"}`, 400, "4001 characters, at most 4000"},
		{"much too long", d.ann, "POST", path, `{"content":"` + strings.Repeat("x", maxTextBody) + `"}`, 413, "longer than 65536 bytes"},
		{"no seq", d.ann, "POST", path, `{"content":"x","after_seq":"-1"}`, 400, "after_seq"},
		{"no ref", d.ann, "POST", path, `{"content":"x","ref":"00"}`, 400, "32 hex digits"},
		{"a colleague's", d.ann, "DELETE", path + "/2", "", 403, "only who wrote it"},
		{"none there is", d.ann, "DELETE", path + "/77", "", 404, "no such note"},
		{"no id", d.ann, "DELETE", path + "/x", "", 400, "the id in the address"},
		{"another method", d.ann, "PUT", path, `{}`, 405, "GET, HEAD, POST, OPTIONS"},
	})
	if answer, body := d.as(d.ann, "POST", path, most); answer.StatusCode != 201 {
		t.Errorf("the longest: status %d: %.200s", answer.StatusCode, body)
	}
	if answer, body := d.as(d.ann, "DELETE", path+"/1", ""); answer.StatusCode != 204 || body != "" || answer.Header.Get("Content-Type") != "" {
		t.Errorf("status %d: %s, %v", answer.StatusCode, body, answer.Header)
	}
}

func TestCannedReplies(t *testing.T) {
	d := newDesk(t)
	const path = "/api/services/1/replies"
	if _, body := d.as(d.ann, "GET", path, ""); body != `{"replies":[],"placeholders":["customer","agent","service","date"]}`+"\n" {
		t.Errorf("none are %s", body)
	}
	read := func(body string) (r reply) {
		t.Helper()
		if err := json.Unmarshal([]byte(body), &r); err != nil {
			t.Fatal(body, err)
		}
		return r
	}
	answer, body := d.as(d.ann, "POST", path, `{"title":"Thanks","content":"Thank you, {customer}! {x y} {}"}`)
	first := read(body)
	if answer.StatusCode != 201 || first.ID == "" || first.Version == "" || answer.Header.Get("ETag") != `"`+first.Version+`"` {
		t.Fatalf("status %d: %s, ETag %s", answer.StatusCode, body, answer.Header.Get("ETag"))
	}
	d.as(d.ben, "POST", path, `{"title":"ÄRGER","content":"Sorry."}`)
	if _, body := d.as(d.ben, "GET", path, ""); strings.Index(body, "ÄRGER") > strings.Index(body, "Thanks") {
		t.Errorf("not by their titles: %s", body)
	}

	// Of two who change the same the second is told.
	one := path + "/" + first.ID
	answer, body = d.as(d.ben, "PUT", one, `{"title":"Thanks","content":"Thanks, {customer}."}`, "If-Match", `"`+first.Version+`"`)
	if changed := read(body); answer.StatusCode != 200 || changed.ID != first.ID || changed.Version == first.Version {
		t.Errorf("status %d: %s", answer.StatusCode, body)
	}
	stale := []string{"If-Match", `"` + first.Version + `"`}
	for method, body := range map[string]string{"PUT": `{"title":"Thanks","content":"mine"}`, "DELETE": ""} {
		answer, got := d.as(d.ann, method, one, body, stale...)
		wantProblem(t, answer, got, 412, "changed this canned reply meanwhile")
		answer, got = d.as(d.ann, method, one, body)
		wantProblem(t, answer, got, 428, "If-Match")
		answer, got = d.as(d.ann, method, one, body, "If-Match", "W/x")
		wantProblem(t, answer, got, 400, "quotation marks")
	}
	if _, body := d.as(d.ann, "GET", path, ""); !strings.Contains(body, "Thanks, {customer}.") || strings.Contains(body, "mine") {
		t.Errorf("what stands is %s", body)
	}
	fill := func(title, content string) string {
		body, _ := json.Marshal(map[string]string{"title": title, "content": content})
		return string(body)
	}
	d.wantRefused(t, []refused{
		{"a customer reads", d.cora, "GET", path, "", 403, "do not answer"},
		{"a customer writes", d.cora, "POST", path, fill("x", "x"), 403, "do not answer"},
		{"another service's agent reads", d.other, "GET", path, "", 403, "do not answer"},
		{"another service's agent writes", d.other, "POST", path, fill("x", "x"), 403, "do not answer"},
		{"a service that is not there", d.ann, "GET", "/api/services/99/replies", "", 403, "do not answer"},
		{"no service", d.ann, "GET", "/api/services/x/replies", "", 400, "service"},
		{"no title", d.ann, "POST", path, fill(" ", "x"), 400, "title"},
		{"a title of two lines", d.ann, "POST", path, fill("x\ny", "x"), 400, "one line"},
		{"a long title", d.ann, "POST", path, fill(strings.Repeat("ä", 81), "x"), 400, "81 characters, at most 80"},
		{"no content", d.ann, "POST", path, fill("x", ""), 400, "content is empty"},
		{"a long content", d.ann, "POST", path, fill("x", strings.Repeat("ä", 4001)), 400, "4001 characters, at most 4000"},
		{"an unknown placeholder", d.ann, "POST", path, fill("x", "Dear {custumer}"), 400, "{customer}, {agent}, {service}, {date}"},
		{"no JSON", d.ann, "POST", path, "[]", 400, "JSON"},
		{"no id", d.ann, "PUT", path + "/0", fill("x", "x"), 400, "the id in the address"},
	})
	for method, body := range map[string]string{"PUT": fill("x", "x"), "DELETE": ""} {
		answer, got := d.as(d.ann, method, path+"/5", body, "If-Match", "*")
		wantProblem(t, answer, got, 404, "no such canned reply")
		answer, got = d.as(d.other, method, one, body, "If-Match", "*")
		wantProblem(t, answer, got, 403, "do not answer")
	}
	if answer, body := d.as(d.ann, "DELETE", one, "", "If-Match", "*"); answer.StatusCode != 204 {
		t.Errorf("status %d: %s", answer.StatusCode, body)
	}
	for range chat.MaxReplies - 1 {
		if answer, body := d.as(d.ann, "POST", path, fill("x", "x")); answer.StatusCode != 201 {
			t.Fatal(body)
		}
	}
	answer, body = d.as(d.ann, "POST", path, fill("x", "x"))
	wantProblem(t, answer, body, 409, "200 canned replies")
}

func TestACustomerIsShownToTheAgentsOfTheirServices(t *testing.T) {
	d := newDesk(t)
	var c customer
	answer, body := d.as(d.ann, "GET", "/api/customers/7", "")
	if err := json.Unmarshal([]byte(body), &c); err != nil || answer.StatusCode != 200 {
		t.Fatalf("status %d: %s", answer.StatusCode, body)
	}
	if c.Name != "Cora" || c.FirstSeen == "0" || len(c.Conversations) != 1 || c.Extend != `{"order":17}` {
		t.Errorf("got %s", body)
	}
	if one := c.Conversations[0]; one.Key != "s:7:1" || one.Messages != "2" || one.Began == "0" || one.Time < one.Began || one.WaitingSince == "0" || one.Assignee != "0" {
		t.Errorf("got %s", body)
	}
	if strings.Contains(body, "secret") {
		t.Errorf("of a service that is not the agent's: %s", body)
	}
	both := d.token(105, sales, support)
	if _, body := d.as(both, "GET", "/api/customers/7", ""); !strings.Contains(body, `"s:7:2"`) || !strings.Contains(body, `{\"secret\":1}`) {
		t.Errorf("whoever answers for both gets %s", body)
	}
	payload, err := proto.Marshal(&proto.Settings{SharePresence: new(bool)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.service.Publish(t.Context(), chat.Sender{User: customerCora}, proto.BranchSettings, payload, nil); err != nil {
		t.Fatal(err)
	}
	if _, body := d.as(d.ann, "GET", "/api/customers/7", ""); !strings.Contains(body, `"last_seen":"0"`) {
		t.Errorf("who keeps to themselves when they are here is shown so: %s", body)
	}
	d.wantRefused(t, []refused{
		{"the customer", d.cora, "GET", "/api/customers/7", "", 403, "no customer"},
		{"another customer", d.token(8), "GET", "/api/customers/7", "", 403, "no customer"},
		{"another service's agent", d.other, "GET", "/api/customers/7", "", 403, "no customer"},
		{"who is no customer", d.ann, "GET", "/api/customers/102", "", 403, "no customer"},
		{"who does not exist", d.ann, "GET", "/api/customers/999", "", 403, "no customer"},
		{"oneself", d.ann, "GET", "/api/customers/101", "", 403, "no customer"},
		{"no id", d.ann, "GET", "/api/customers/x", "", 400, "the id in the address"},
		{"nobody", "", "GET", "/api/customers/7", "", 401, ""},
	})
}

func TestOnlyAgentsAreToldWhichAgentsAreAway(t *testing.T) {
	d := newDesk(t)
	payload, err := proto.Marshal(&proto.Settings{Away: protobuf.Bool(true)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.service.Publish(t.Context(), chat.Sender{User: agentAnn, Services: []proto.ServiceType{sales}}, proto.BranchSettings, payload, nil); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		token, path string
		away        bool
	}{
		"a colleague": {d.ben, "/api/users?q=ann&service=1", true}, "an agent of another service": {d.other, "/api/users?q=ann", true},
		"the customer": {d.cora, "/api/users?q=ann", false}, "of who is here": {d.ann, "/api/users?q=ben", false},
	} {
		_, body := d.as(test.token, "GET", test.path, "")
		if !strings.Contains(body, `"name":"`) || strings.Contains(body, `"away":true`) != test.away {
			t.Errorf("%s gets %s", name, body)
		}
	}
}
