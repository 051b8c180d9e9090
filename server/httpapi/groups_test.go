package httpapi

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/server/chat"
)

const owner, friend, outsider = 11, 12, 13

// clique is a site where an owner has a group with a friend.
type clique struct {
	*desk
	owner, friend, outsider string // tokens
	group                   string // its id
}

func newClique(t *testing.T) *clique {
	d := newDesk(t)
	c := &clique{d, d.token(owner), d.token(friend), d.token(outsider), ""}
	for id, name := range map[uint64]string{owner: "Olga", friend: "Fay", outsider: "Otto"} {
		if err := d.service.Seen(t.Context(), chat.User{ID: id, Name: name}, chat.Credential{}); err != nil {
			t.Fatal(err)
		}
	}
	c.group = c.field(c.owner, http.MethodPost, "/api/groups", `{"name":" the  team ","members":["12"],"ref":"00112233445566778899aabbccddeeff"}`, http.StatusCreated, "group_id")
	return c
}

// field asks, wants a status, and returns a field of the answer.
func (c *clique) field(token, method, path, body string, status int, name string) string {
	c.t.Helper()
	response, text := c.as(token, method, path, body)
	if response.StatusCode != status {
		c.t.Fatalf("%s %s: %d %s, want %d", method, path, response.StatusCode, text, status)
	}
	var answer map[string]any
	if err := json.Unmarshal([]byte(text), &answer); err != nil && text != "" {
		c.t.Fatal(err)
	}
	value, _ := answer[name].(string)
	return value
}

func TestAGroupOverHTTP(t *testing.T) {
	c := newClique(t)
	path := "/api/groups/" + c.group
	if again := c.field(c.owner, http.MethodPost, "/api/groups", `{"name":"the team","ref":"00112233445566778899aabbccddeeff"}`, http.StatusCreated, "group_id"); again != c.group {
		t.Errorf("a repeat made group %s beside %s", again, c.group)
	}
	_, text := c.as(c.friend, http.MethodGet, path, "")
	want := `{"group_id":"` + c.group + `","name":"the team","head_seq":"1","group_version":"1","whole_history":false,"members":[` +
		`{"user_id":"11","name":"Olga","role":3,"delivered_seq":"0","read_seq":"0","from_seq":"1"},` +
		`{"user_id":"12","name":"Fay","role":1,"delivered_seq":"0","read_seq":"0","from_seq":"1"}]}`
	if strings.TrimSpace(text) != want {
		t.Errorf("the group is %s\nwant %s", text, want)
	}
	link := c.field(c.owner, http.MethodPost, path+"/links", `{"expires_in":3600}`, http.StatusCreated, "code")
	if name := c.field(c.outsider, http.MethodGet, "/api/group-links/"+link, "", http.StatusOK, "name"); name != "the team" {
		t.Errorf("the link leads to %q", name)
	}
	if key := c.field(c.outsider, http.MethodPost, "/api/group-links/"+link, "", http.StatusCreated, "key"); key != "g:"+c.group {
		t.Errorf("joined %s", key)
	}
	c.field(c.owner, http.MethodPatch, path+"/members/12", `{"role":"admin"}`, http.StatusOK, "seq")
	c.field(c.friend, http.MethodPatch, path, `{"name":"Fay's"}`, http.StatusOK, "seq")
	if seq := c.field(c.friend, http.MethodPatch, path, `{"name":"Fay's"}`, http.StatusOK, "seq"); seq != "0" {
		t.Errorf("the same name again is entry %s", seq)
	}
	c.field(c.friend, http.MethodDelete, path+"/members/13", "", http.StatusNoContent, "")
	c.field(c.owner, http.MethodPost, path+"/members", `{"members":["13","7"]}`, http.StatusCreated, "seq")
	c.field(c.outsider, http.MethodDelete, path+"/members/13", "", http.StatusNoContent, "")
	_, text = c.as(c.owner, http.MethodGet, path+"/links", "")
	if !strings.Contains(text, link) {
		t.Errorf("links %s", text)
	}
	began, err := c.service.BeginUpload(t.Context(), chat.Sender{User: owner}, "team.png", 1)
	if err != nil {
		t.Fatal(err)
	}
	finished := began
	finished.Offset, finished.State, finished.MediaType = 1, chat.AttachmentFinished, "image/png"
	if err := c.service.ContinueUpload(t.Context(), began, finished); err != nil {
		t.Fatal(err)
	}
	c.field(c.owner, http.MethodPut, path+"/picture", `{"attachment_id":"`+decimal(began.ID)+`"}`, http.StatusOK, "seq")
	if _, text := c.as(c.owner, http.MethodGet, "/api/conversations", ""); !strings.Contains(text, `"group_picture":"`+decimal(began.ID)+`"`) {
		t.Errorf("the list says %s", text)
	}
	c.field(c.owner, http.MethodDelete, path+"/picture", "", http.StatusNoContent, "")
	var kinds []proto.MessageType
	page := new(proto.MessagePage)
	response, body := c.do(http.MethodGet, "/api/conversations/g:"+c.group+"/messages", map[string]string{"Authorization": "Bearer " + c.owner, "Accept": proto.ContentType}, "")
	if err := protobuf.Unmarshal([]byte(body), page); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("the log: %d %v", response.StatusCode, err)
	}
	for _, m := range page.Messages {
		kinds = append(kinds, m.GetMessageType())
	}
	if got, want := kinds, []proto.MessageType{32, 33, 37, 36, 35, 33, 34, 38, 38}; !slices.Equal(got, want) {
		t.Errorf("the log is %v, want %v", got, want)
	}
}

func TestWhatIsRefusedOfGroupsOverHTTP(t *testing.T) {
	c := newClique(t)
	path := "/api/groups/" + c.group
	for _, test := range []struct {
		token, method, path, body string
		status                    int
		code                      string
	}{
		{"", http.MethodPost, "/api/groups", `{"name":"x"}`, 401, "token-invalid"},
		{c.owner, http.MethodPost, "/api/groups", `{"name":"  "}`, 400, "name-empty"},
		{c.owner, http.MethodPost, "/api/groups", `{"name":"a\u202eb"}`, 400, "name-invisible"},
		{c.owner, http.MethodPost, "/api/groups", `{"name":"` + strings.Repeat("x", 4000) + `"}`, 400, "name-too-long"},
		{c.owner, http.MethodPost, "/api/groups", `{"name":"x","members":["0"]}`, 400, ""},
		{c.owner, http.MethodPost, "/api/groups", `{"name":"x","members":[12]}`, 400, ""},
		{c.owner, http.MethodPost, "/api/groups", `{"name":"x","members":["999"]}`, 400, "no-such-user"},
		{c.owner, http.MethodPost, "/api/groups", `{"name":"x","history":"some"}`, 400, ""},
		{c.owner, http.MethodPost, "/api/groups", `{"name":"x","ref":"1"}`, 400, ""},
		{c.outsider, http.MethodGet, path, "", 403, "not-in-group"},
		{c.outsider, http.MethodGet, "/api/groups/999", "", 403, "not-in-group"},
		{c.outsider, http.MethodGet, path + "/links", "", 403, "not-in-group"},
		{c.friend, http.MethodGet, path + "/links", "", 403, "not-admin"},
		{c.friend, http.MethodPost, path + "/links", `{}`, 403, "not-admin"},
		{c.owner, http.MethodPost, path + "/links", `{"expires_in":-1}`, 400, ""},
		{c.friend, http.MethodPatch, path, `{"name":"y"}`, 403, "not-admin"},
		{c.owner, http.MethodPut, path + "/picture", `{"attachment_id":"0"}`, 400, ""},
		{c.owner, http.MethodPut, path + "/picture", `{"attachment_id":"999"}`, 403, "attachment-gone"},
		{c.friend, http.MethodPut, path + "/picture", `{"attachment_id":"999"}`, 403, "not-admin"},
		{c.friend, http.MethodDelete, path + "/picture", "", 403, "not-admin"},
		{c.friend, http.MethodPatch, path + "/members/12", `{"role":"owner"}`, 403, "not-owner"},
		{c.owner, http.MethodPatch, path + "/members/12", `{"role":"king"}`, 400, ""},
		{c.outsider, http.MethodGet, "/api/group-links/AAAAAAAAAAAAAAAAAAAAAA", "", 403, "link-invalid"},
		{c.outsider, http.MethodPost, "/api/group-links/x", "", 403, "link-invalid"},
		{c.outsider, http.MethodGet, "/api/conversations/g:" + c.group + "/messages", "", 403, "not-yours"},
		{c.outsider, http.MethodGet, "/api/conversations/g:" + c.group + "/receipts", "", 403, "not-in-group"},
		{c.friend, http.MethodGet, "/api/conversations/g:" + c.group + "/receipts?seq=1", "", 403, "not-author"},
		{c.friend, http.MethodGet, "/api/conversations/d:11:12/receipts?seq=1", "", 400, ""},
	} {
		response, text := c.as(test.token, test.method, test.path, test.body)
		var p struct{ Code string }
		if err := json.Unmarshal([]byte(text), &p); err != nil || response.StatusCode != test.status || p.Code != test.code {
			t.Errorf("%s %s %.60s: %d %s", test.method, test.path, test.body, response.StatusCode, text)
		}
	}
}
