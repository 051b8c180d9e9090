package origin

import (
	"net/http/httptest"
	"strings"
	"testing"
)

var listed = []string{"https://chat.example", "http://127.0.0.1:*", "*.example.org"}

func TestOnlyListedOriginsAreAllowed(t *testing.T) {
	origins, err := Parse(listed)
	if err != nil {
		t.Fatal(err)
	}
	for header, allowed := range map[string]bool{
		"https://chat.example":      true,
		"HTTPS://Chat.Example":      true,
		"http://chat.example":       false, // whoever sits on the line could have made that page
		"wss://chat.example":        false,
		"https://chat.example:8443": false,
		"https://xchat.example":     false,
		"https://me@chat.example":   false,
		"https://chat.example/x":    false,
		"https://chat.example?x":    false,
		"http://127.0.0.1:41234":    true,
		"https://127.0.0.1:41234":   false,
		"http://127.0.0.1":          false,
		"https://a.example.org":     true,
		"http://a.example.org":      true, // listed without a scheme
		"https://example.org":       false,
		"null":                      false,
		"":                          false,
		"https://[":                 false,
	} {
		if got := origins.Allow(header); got != allowed {
			t.Errorf("%q: %v, want %v", header, got, allowed)
		}
	}
}

func TestARequestNeedsNoListForThePagesOfItsOwnHost(t *testing.T) {
	origins, err := Parse(listed)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		host, header string
		allowed      bool
	}{
		{"chat.test:8080", "", true},
		{"chat.test:8080", "http://chat.test:8080", true},
		{"chat.test:8080", "https://CHAT.test:8080", true}, // a proxy in front speaks TLS
		{"chat.test:8080", "http://chat.test", false},
		{"chat.test:8080", "http://chat.test:8080/x", false},
		{"chat.test:8080", "null", false},
		{"chat.test:8080", "https://chat.example", true},
		{"chat.test:8080", "http://chat.example", false},
	} {
		r := httptest.NewRequest("GET", "/mqtt", nil)
		r.Host = test.host
		if test.header != "" {
			r.Header.Set("Origin", test.header)
		}
		if got := origins.AllowRequest(r); got != test.allowed {
			t.Errorf("%q asks %q: %v, want %v", test.header, test.host, got, test.allowed)
		}
	}
}

func TestWhatIsNoOriginIsAnError(t *testing.T) {
	for _, text := range []string{"", "https://", "https://a.example/x", "https://[a", "[", "a b", "http://%zz", "https://me@a.example"} {
		if _, err := Parse([]string{text}); err == nil {
			t.Errorf("%q is taken for an origin", text)
		}
	}
}

func FuzzOrigin(f *testing.F) {
	origins, err := Parse([]string{"https://chat.example", "http://127.0.0.1:*"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("https://chat.example")
	f.Add("http://127.0.0.1:1@evil.example")
	f.Fuzz(func(t *testing.T, text string) {
		if !origins.Allow(text) {
			return
		}
		lower := strings.ToLower(text)
		if port, ok := strings.CutPrefix(lower, "http://127.0.0.1:"); lower != "https://chat.example" && (!ok || strings.Trim(port, "0123456789") != "") {
			t.Fatalf("%q is allowed", text)
		}
	})
}
