package httpapi

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"parley/proto"
	"parley/server/chat"
)

const brokerSecret = "a-secret-of-a-broker"

// newBrokerSite is a site that a broker may ask.
func newBrokerSite(t *testing.T, change func(*Config)) *site {
	var s *site
	s = newSite(t, func(c *Config) {
		c.Broker = Broker{Secret: brokerSecret, User: "parley", Password: "of the gateway"}
		c.Broker.Authenticate = func(ctx context.Context, user uint64, token string) error {
			who, err := s.authority.Verify(token)
			if err == nil && who.ID != user {
				err = proto.Refuse(proto.NotAuthorized, "of another user")
			}
			if err == nil {
				err = s.service.Seen(ctx, chat.User{ID: who.ID, Name: who.Name}, credentialOf(who))
			}
			return err
		}
		if change != nil {
			change(c)
		}
	})
	return s
}

// brokerAsks asks as a broker does and returns the status and the answer's first word.
func (s *site) brokerAsks(path string, form url.Values, header ...string) (int, string) {
	s.t.Helper()
	r, err := http.NewRequest(http.MethodPost, s.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if len(header) > 0 {
		r.Header.Set("Authorization", header[0])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	word := make([]byte, 5)
	n, _ := answer.Body.Read(word)
	return answer.StatusCode, strings.TrimSpace(string(word[:n]))
}

func form(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

func TestABrokerIsToldWhoMayConnect(t *testing.T) {
	s := newBrokerSite(t, nil)
	blocked := s.token(9)
	if _, got := s.brokerAsks("/auth/"+brokerSecret+"/user", form("username", "9", "password", blocked, "client_id", "9-x")); got != "allow" {
		t.Fatal(got)
	}
	if _, err := s.service.Block(t.Context(), 9); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ user, password, client, want string }{
		"a user":                       {"7", s.token(7), "7-x", "allow"},
		"with another's token":         {"7", s.token(8), "7-x", "deny"},
		"without a token":              {"7", "", "7-x", "deny"},
		"with another's client id":     {"7", s.token(7), "8-x", "deny"},
		"with the beginning of it":     {"7", s.token(7), "70-x", "deny"},
		"without a client id":          {"7", s.token(7), "", "deny"},
		"somebody who is blocked":      {"9", blocked, "9-x", "deny"},
		"a user in another spelling":   {"07", s.token(7), "07-x", "deny"},
		"the gateway":                  {"parley", "of the gateway", "parley-gateway", "allow"},
		"the gateway's name alone":     {"parley", "guess", "parley-gateway", "deny"},
		"the gateway's name elsewhere": {"parley", "of the gateway", "7-x", "deny"},
		"nobody":                       {"", "", "-", "deny"},
	} {
		t.Run(name, func(t *testing.T) {
			if status, got := s.brokerAsks("/auth/"+brokerSecret+"/user", form("username", test.user, "password", test.password, "client_id", test.client)); status != 200 || got != test.want {
				t.Errorf("%d %q, want %s", status, got, test.want)
			}
		})
	}
	if log := s.log.String(); strings.Contains(log, brokerSecret) || strings.Contains(log, s.token(7)[:20]) {
		t.Error("the log holds what is secret")
	}
}

func TestABrokerIsToldWhatAUserMayDo(t *testing.T) {
	s := newBrokerSite(t, nil)
	topic := func(user, permission, key string) url.Values {
		return form("username", user, "vhost", "/", "resource", "topic", "name", "amq.topic", "permission", permission, "routing_key", key)
	}
	resource := func(user, kind, name, permission string) url.Values {
		return form("username", user, "vhost", "/", "resource", kind, "name", name, "permission", permission)
	}
	for _, test := range []struct {
		about string
		form  url.Values
		want  string
	}{
		{"vhost", form("username", "7", "vhost", "/"), "allow"},
		{"vhost", form("username", "guest", "vhost", "/"), "deny"},
		{"vhost", form("username", "parley", "vhost", "/"), "allow"},
		{"resource", resource("7", "exchange", "amq.topic", "write"), "allow"},
		{"resource", resource("7", "exchange", "amq.topic", "read"), "allow"},
		{"resource", resource("7", "exchange", "amq.topic", "configure"), "deny"},
		{"resource", resource("7", "exchange", "amq.direct", "write"), "deny"},
		{"resource", resource("7", "exchange", "", "write"), "deny"},
		{"resource", resource("7", "queue", "mqtt-subscription-7-xqos1", "configure"), "allow"},
		{"resource", resource("7", "queue", "mqtt-subscription-70-xqos1", "read"), "deny"},
		{"resource", resource("7", "queue", "mqtt-subscription-parley-gatewayqos1", "read"), "deny"},
		{"resource", resource("7", "queue", "mqtt-will-7-x", "configure"), "deny"},
		{"resource", resource("x", "queue", "mqtt-subscription-x-y", "read"), "deny"},
		{"resource", resource("parley", "queue", "mqtt-subscription-parley-gatewayqos1", "read"), "allow"},
		{"topic", topic("7", "write", "chat.7.up.message"), "allow"},
		{"topic", topic("7", "write", "chat.7.up.typing"), "allow"},
		{"topic", topic("7", "write", "chat.8.up.message"), "deny"},
		{"topic", topic("7", "write", "chat.7.up.unread"), "deny"},
		{"topic", topic("7", "write", "chat.7.down.message"), "deny"},
		{"topic", topic("7", "write", "chat.7.up.message.more"), "deny"},
		{"topic", topic("7", "read", "chat.7.down.#"), "allow"},
		{"topic", topic("7", "read", "chat.7.down.message"), "allow"},
		{"topic", topic("7", "read", "chat.8.down.#"), "deny"},
		{"topic", topic("7", "read", "chat.*.down.#"), "deny"},
		{"topic", topic("7", "read", "chat.7.up.#"), "deny"},
		{"topic", topic("7", "read", "#"), "deny"},
		{"topic", topic("7", "read", "chat.#"), "deny"},
		{"topic", topic("7", "delete", "chat.7.down.#"), "deny"},
		{"topic", topic("0", "read", "chat.0.down.#"), "deny"},
		{"topic", topic("", "write", "chat..up.message"), "deny"},
		{"topic", topic("parley", "read", "chat.*.up.#"), "allow"},
		{"topic", topic("parley", "write", "chat.7.down.message"), "allow"},
		{"topic", topic("parley", "write", "chat.7.up.message"), "deny"},
	} {
		if status, got := s.brokerAsks("/auth/"+brokerSecret+"/"+test.about, test.form); status != 200 || got != test.want {
			t.Errorf("%s %v: %d %q, want %s", test.about, test.form, status, got, test.want)
		}
	}
}

func TestNobodyElseMayAskForABroker(t *testing.T) {
	question := form("username", "7", "vhost", "/")
	for name, test := range map[string]struct {
		change func(*Config)
		path   string
		header []string
		status int
	}{
		"with the secret in the address":    {nil, "/auth/" + brokerSecret + "/vhost", nil, 200},
		"with the secret in a header":       {nil, "/auth/vhost", []string{"Bearer " + brokerSecret}, 200},
		"without it":                        {nil, "/auth/vhost", nil, 404},
		"with another":                      {nil, "/auth/another-secret-of-it/vhost", nil, 404},
		"with another in a header":          {nil, "/auth/vhost", []string{"Bearer another"}, 404},
		"about something else":              {nil, "/auth/" + brokerSecret + "/else", nil, 404},
		"where there is none, with no word": {func(c *Config) { c.Broker.Secret = "" }, "/auth/vhost", []string{"Bearer "}, 404},
		"from an address that may": {func(c *Config) {
			c.Broker.Secret, c.Broker.Allow = "", []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		}, "/auth/vhost", nil, 200},
		"from one that may not": {func(c *Config) {
			c.Broker.Secret, c.Broker.Allow = "", []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
		}, "/auth/vhost", nil, 404},
	} {
		t.Run(name, func(t *testing.T) {
			s := newBrokerSite(t, test.change)
			if status, _ := s.brokerAsks(test.path, question, test.header...); status != test.status {
				t.Errorf("status %d, want %d", status, test.status)
			}
		})
	}
	s := newBrokerSite(t, nil)
	if status, _ := s.brokerAsks("/auth/"+brokerSecret+"/user", form("username", strings.Repeat("7", maxQuestion))); status != 400 {
		t.Errorf("a form that is too long: status %d", status)
	}
}

// While the history cannot be asked, nobody is let in, and the broker learns that it is no verdict.
func TestABrokerIsToldThatNobodyKnows(t *testing.T) {
	s := newBrokerSite(t, func(c *Config) {
		c.Broker.Authenticate = func(context.Context, uint64, string) error {
			return proto.Refuse(proto.UnspecifiedError, "try again")
		}
	})
	if status, got := s.brokerAsks("/auth/"+brokerSecret+"/user", form("username", "7", "password", "x", "client_id", "7-x")); status != 503 {
		t.Errorf("%d %q, want 503", status, got)
	}
}

// Guesses at a user's token are bounded, and nobody else's connections by them.
func TestABrokersUsersAreHeldToARate(t *testing.T) {
	s := newBrokerSite(t, func(c *Config) { c.Rate, c.Burst = 1e-9, 3 })
	for i, want := range []string{"allow", "allow", "allow", "deny"} {
		if _, got := s.brokerAsks("/auth/"+brokerSecret+"/user", form("username", "7", "password", s.token(7), "client_id", "7-x")); got != want {
			t.Errorf("question %d: %s, want %s", i+1, got, want)
		}
	}
	if _, got := s.brokerAsks("/auth/"+brokerSecret+"/user", form("username", "8", "password", s.token(8), "client_id", "8-x")); got != "allow" {
		t.Errorf("another user: %s", got)
	}
}
