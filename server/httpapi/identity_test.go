package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"parley/server/auth"
	"parley/server/chat"
)

// ask sends a request with a token, whose body may be JSON, and reads the answer.
func (s *site) ask(method, path, token, body string, answer any) (status int, text string) {
	s.t.Helper()
	h := header{}
	if token != "" {
		h = bearer(token)
	}
	if body != "" {
		h["Content-Type"] = "application/json"
	}
	response, text := s.do(method, path, h, body)
	if answer != nil && response.StatusCode < 300 {
		if err := json.Unmarshal([]byte(text), answer); err != nil {
			s.t.Fatalf("%s %s: %s: %v", method, path, text, err)
		}
	}
	return response.StatusCode, text
}

type listedDevice struct {
	ID           string `json:"device_id"`
	Label        string
	Created      string
	LastSeen     string `json:"last_seen"`
	Expires      string
	Online, This bool
}

// devicesOf lists the devices that a token's user has.
func (s *site) devicesOf(token string) (devices []listedDevice, recoveryMade string) {
	s.t.Helper()
	var answer struct {
		Devices  []listedDevice
		Recovery string `json:"recovery_code_made"`
	}
	if status, text := s.ask("GET", "/api/devices", token, "", &answer); status != 200 {
		s.t.Fatalf("status %d: %s", status, text)
	}
	return answer.Devices, answer.Recovery
}

// code makes a code of a kind.
func (s *site) code(token, kind string) string {
	s.t.Helper()
	var answer struct{ Code string }
	if status, text := s.ask("POST", "/api/"+kind+"-codes", token, "", &answer); status != 201 {
		s.t.Fatalf("status %d: %s", status, text)
	}
	return answer.Code
}

type signedInAs struct {
	ID        string `json:"user_id"`
	Name      string
	Services  []int
	Token     string
	Recovered bool
}

func (s *site) signIn(body string) (who signedInAs) {
	s.t.Helper()
	if status, text := s.ask("POST", "/api/sign-in", "", body, &who); status != 201 {
		s.t.Fatalf("status %d: %s", status, text)
	}
	return who
}

// wantRefused checks status and code of a refusal.
func (s *site) wantRefused(what, method, path, token, body string, status int, code string) {
	s.t.Helper()
	got, text := s.ask(method, path, token, body, nil)
	var p struct{ Code, Detail string }
	_ = json.Unmarshal([]byte(text), &p)
	if got != status || p.Code != code || code != "" && p.Detail == "" {
		s.t.Errorf("%s: status %d, %s, want %d, %s", what, got, text, status, code)
	}
}

func TestADeviceIsLinkedSeenAndEnded(t *testing.T) {
	s := newSite(t, nil)
	ada := s.guest(`{"name":"Ada","device":" Chrome\u202e on  Linux "}`)
	eve := s.guest(`{"name":"Eve","device":"` + strings.Repeat("é", 40) + `"}`)
	if d, _ := s.devicesOf(eve.Token); len(d) != 1 || d[0].Label != strings.Repeat("é", 32) {
		t.Errorf("a label that is too long: %+v", d)
	}
	code := s.code(ada.Token, "link")
	if len(code) != 11 || code[5] != '-' {
		t.Errorf("the code is %q", code)
	}
	typed := strings.ToLower(strings.NewReplacer("-", " ", "0", "o", "1", "l").Replace(code))
	phone := s.signIn(`{"code":"` + typed + `","device":"Safari on iPhone","name":"Mallory"}`)
	if phone.ID != ada.ID || phone.Name != "Ada" || phone.Recovered {
		t.Fatalf("the phone is %+v", phone)
	}
	user, _ := strconv.ParseUint(ada.ID, 10, 64)
	first, _ := s.devicesOf(ada.Token)
	id, _ := strconv.ParseUint(first[0].ID, 10, 64)
	s.service.Connected(t.Context(), chat.Sender{User: user, Device: id})
	devices, recovery := s.devicesOf(phone.Token)
	if len(devices) != 2 || devices[0].Label != "Chrome on Linux" || devices[1].Label != "Safari on iPhone" || devices[0].This || !devices[1].This || !devices[0].Online || devices[1].Online || recovery != "0" {
		t.Fatalf("devices %+v, recovery code %s", devices, recovery)
	}
	if created, err := strconv.ParseInt(devices[1].Created, 10, 64); err != nil || time.Since(time.UnixMilli(created)).Abs() > time.Minute {
		t.Errorf("created %s: %v", devices[1].Created, err)
	}
	s.wantRefused("a code that was used", "POST", "/api/sign-in", "", `{"code":"`+code+`"}`, 403, "code-used")
	s.wantRefused("a device of another user", "DELETE", "/api/devices/"+devices[0].ID, eve.Token, "", 404, "device-unknown")
	s.wantRefused("no device", "DELETE", "/api/devices/0", ada.Token, "", 400, "")
	s.wantRefused("neither yes nor no", "DELETE", "/api/devices?others=maybe", ada.Token, "", 400, "")

	// Renewed, it is the same device.
	var renewed signedInAs
	if status, text := s.ask("POST", "/api/guests", phone.Token, "{}", &renewed); status != 201 {
		t.Fatalf("status %d: %s", status, text)
	}
	again, _ := s.devicesOf(renewed.Token)
	for i := range min(len(again), len(devices)) { // which lives longer now, and was seen again
		again[i].Expires, again[i].LastSeen = devices[i].Expires, devices[i].LastSeen
	}
	if !slices.Equal(again, devices) {
		t.Errorf("after a renewal %+v, want %+v", again, devices)
	}
	if status, text := s.ask("DELETE", "/api/devices/"+devices[1].ID, ada.Token, "", nil); status != 204 || text != "" {
		t.Fatalf("status %d: %s", status, text)
	}
	for _, token := range []string{phone.Token, renewed.Token} {
		for _, request := range []struct{ method, path, body string }{
			{"GET", "/api/me", ""}, {"PATCH", "/api/me", `{"name":"X"}`}, {"GET", "/api/users?q=a", ""}, {"GET", "/api/conversations", ""},
			{"GET", "/api/conversations/s:7:2/messages", ""}, {"POST", "/api/guests", ""}, {"GET", "/api/devices", ""}, {"DELETE", "/api/devices", ""},
			{"DELETE", "/api/devices/" + devices[0].ID, ""}, {"POST", "/api/link-codes", ""}, {"POST", "/api/recovery-codes", ""},
		} {
			s.wantRefused(request.path, request.method, request.path, token, request.body, 401, "signed-out-elsewhere")
		}
	}
	if devices, _ := s.devicesOf(ada.Token); len(devices) != 1 || !devices[0].This {
		t.Errorf("devices %+v", devices)
	}
	s.wantRefused("a second time", "DELETE", "/api/devices/"+devices[1].ID, ada.Token, "", 404, "device-unknown")
	s.mu.Lock()
	defer s.mu.Unlock()
	if want := []string{ada.ID + " false signed-out-elsewhere"}; !slices.Equal(s.ended, want) {
		t.Errorf("ended %q, want %q", s.ended, want)
	}
}

func TestSigningOutEverywhereEndsAllTokensOrAllOthers(t *testing.T) {
	s := newSite(t, nil)
	ada := s.guest(`{"name":"Ada"}`)
	id, err := strconv.ParseUint(ada.ID, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	legacy := s.token(id) // of before there were devices, or a backend's
	s.wantRefused("which it does not say", "DELETE", "/api/devices?others=true", legacy, "", 409, "no-device")
	code := s.code(ada.Token, "link")
	if status, text := s.ask("DELETE", "/api/devices?others=true", ada.Token, "", nil); status != 204 {
		t.Fatalf("status %d: %s", status, text)
	}
	s.wantRefused("without a device", "POST", "/api/guests", legacy, "{}", 401, "signed-out-elsewhere")
	s.wantRefused("a link code of before", "POST", "/api/sign-in", "", `{"code":"`+code+`"}`, 403, "code-unknown")
	if status, text := s.ask("GET", "/api/me", ada.Token, "", nil); status != 200 {
		t.Errorf("this one: status %d: %s", status, text)
	}
	recovery := s.code(ada.Token, "recovery")
	if status, text := s.ask("DELETE", "/api/devices", ada.Token, "", nil); status != 204 {
		t.Fatalf("status %d: %s", status, text)
	}
	s.wantRefused("this one", "GET", "/api/me", ada.Token, "", 401, "signed-out-elsewhere")
	if back := s.signIn(`{"code":"` + recovery + `"}`); back.ID != ada.ID {
		t.Errorf("the recovery code signs %s in, want %s", back.ID, ada.ID)
	}

	// A token of before there were devices gets one when it is renewed.
	user := s.token(77)
	var renewed signedInAs
	if status, text := s.ask("POST", "/api/guests", user, `{"device":"old browser","name":"X"}`, &renewed); status != 201 || renewed.Name != "User 77" {
		t.Fatalf("status %d: %s", status, text)
	}
	if devices, _ := s.devicesOf(renewed.Token); len(devices) != 1 || devices[0].Label != "old browser" || !devices[0].This {
		t.Errorf("devices %+v", devices)
	}
}

func TestARecoveryCodeSignsInWhenAllElseIsLost(t *testing.T) {
	s := newSite(t, nil)
	ada := s.guest(`{"name":"Ada","invite":"` + s.invite + `"}`)
	older := s.code(ada.Token, "recovery")
	code := s.code(ada.Token, "recovery")
	if len(code) != 29 {
		t.Errorf("the code is %q", code)
	}
	if _, made := s.devicesOf(ada.Token); made == "0" {
		t.Error("the list does not say that there is a recovery code")
	}
	s.wantRefused("one that was replaced", "POST", "/api/sign-in", "", `{"code":"`+older+`"}`, 403, "code-unknown")
	back := s.signIn(`{"code":"` + code + `","device":"new","end_others":true}`)
	if back.ID != ada.ID || !back.Recovered || len(back.Services) != 7 {
		t.Errorf("back is %+v", back)
	}
	s.wantRefused("the lost one", "GET", "/api/me", ada.Token, "", 401, "signed-out-elsewhere")
	devices, made := s.devicesOf(back.Token)
	if len(devices) != 1 || devices[0].Label != "new" || made != "0" {
		t.Errorf("devices %+v, recovery code of %s", devices, made)
	}
	s.wantRefused("again", "POST", "/api/sign-in", "", `{"code":"`+code+`"}`, 403, "code-used")
	var found int
	if err := s.store.View(t.Context(), func(v chat.View) error {
		hash, _ := auth.HashCode(code)
		c, err := v.Code(hash)
		if c.Used {
			found++
		}
		return err
	}); err != nil || found != 1 {
		t.Errorf("found %d, %v", found, err)
	}
	if strings.Contains(s.log.String(), code) {
		t.Error("the code is in the log")
	}
}

func TestCodesAreNotGuessed(t *testing.T) {
	now := time.Unix(1_900_000_000, 0)
	s := newSite(t, func(c *Config) { c.Now = func() time.Time { return now } })
	for _, code := range []string{"", "ABCDE-1234", "ABCDE-12345", "ABCDE-1234U", "ABCDE-12345-ABCDE", "\u0130\u0130\u0130\u0130\u0130"} {
		s.wantRefused(code, "POST", "/api/sign-in", "", `{"code":"`+code+`"}`, 403, "code-unknown")
	}
	s.wantRefused("no text", "POST", "/api/sign-in", "", `{"code":7}`, 400, "")
	for i := range guessBurst - 6 {
		s.wantRefused(fmt.Sprint("guess ", i), "POST", "/api/sign-in", "", `{"code":"ABCDE-12345"}`, 403, "code-unknown")
	}
	answer, body := s.do("POST", "/api/sign-in", jsonBody, `{"code":"ABCDE-12345"}`)
	wantProblem(t, answer, body, 429, "too many codes")
	if retry := answer.Header.Get("Retry-After"); retry != "6" {
		t.Errorf("Retry-After is %q", retry)
	}
	now = now.Add(6 * time.Second)
	s.wantRefused("later", "POST", "/api/sign-in", "", `{"code":"ABCDE-12345"}`, 403, "code-unknown")
}

func TestAUserIsRenamedByTheRulesForNames(t *testing.T) {
	s := newSite(t, nil)
	ada, bob := s.guest(`{"name":"Ada"}`), s.guest(`{"name":"Bob"}`)
	phone := s.signIn(`{"code":"` + s.code(ada.Token, "link") + `"}`)
	for name, code := range map[string]string{"": "name-empty", "\u202ex": "name-invisible", strings.Repeat("x", 65): "name-too-long", "Supp0rt": "name-reserved"} {
		s.wantRefused(name, "PATCH", "/api/me", ada.Token, `{"name":"`+name+`"}`, 400, code)
	}
	var me signedInAs
	if status, text := s.ask("PATCH", "/api/me", ada.Token, `{"name":" Augusta  King "}`, &me); status != 200 || me.ID != ada.ID || me.Name != "Augusta King" {
		t.Fatalf("status %d: %s", status, text)
	}
	for _, token := range []string{ada.Token, phone.Token} {
		if _, text := s.ask("GET", "/api/me", token, "", &me); me.Name != "Augusta King" {
			t.Errorf("me: %s", text)
		}
		var renewed signedInAs
		s.ask("POST", "/api/guests", token, "{}", &renewed)
		who, err := s.authority.Verify(renewed.Token)
		if err != nil || who.Name != "Augusta King" {
			t.Errorf("the renewed token is of %+v, %v", who, err)
		}
	}
	if _, text := s.ask("GET", "/api/users?q=augusta", bob.Token, "", nil); !strings.Contains(text, `"Augusta King"`) {
		t.Errorf("Bob finds %s", text)
	}
	again := s.signIn(`{"code":"` + s.code(phone.Token, "link") + `"}`)
	if again.Name != "Augusta King" {
		t.Errorf("a new device is %+v", again)
	}
}

// A server that does not mint tokens can refuse them all the same.
func TestAServerWithAKeyOfItsOwnersMakesNoCodes(t *testing.T) {
	s := newSite(t, func(c *Config) { c.Guests = false })
	token := s.token(7)
	for _, request := range []struct{ method, path, body string }{
		{"POST", "/api/link-codes", ""}, {"POST", "/api/recovery-codes", ""}, {"PATCH", "/api/me", `{"name":"X"}`}, {"POST", "/api/sign-in", `{"code":"x"}`},
	} {
		s.wantRefused(request.path, request.method, request.path, token, request.body, http.StatusForbidden, "no-guests")
	}
	for mints, s := range map[bool]*site{false: s, true: newSite(t, func(c *Config) { c.Guests = true })} {
		var answer struct{ Mints *bool }
		if status, text := s.ask("GET", "/api/devices", s.token(7), "", &answer); status != 200 || answer.Mints == nil || *answer.Mints != mints {
			t.Errorf("a server that mints: %v, says %s", mints, text)
		}
	}
	if devices, _ := s.devicesOf(token); devices == nil || len(devices) != 0 {
		t.Errorf("devices %+v", devices)
	}
	if status, _ := s.ask("DELETE", "/api/devices", token, "", nil); status != 204 {
		t.Errorf("status %d", status)
	}
	s.wantRefused("after that", "GET", "/api/me", token, "", 401, "signed-out-elsewhere")
}
