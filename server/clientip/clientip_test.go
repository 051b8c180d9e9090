package clientip_test

import (
	"bytes"
	"log/slog"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"parley/server/clientip"
)

const proxies = "127.0.0.1, 10.0.0.0/8, ::1, 2001:db8:ff::/48"

// resolver trusts the proxies, and logs into the buffer.
func resolver(t testing.TB, proxies string) (*clientip.Resolver, *bytes.Buffer) {
	t.Helper()
	trusted, err := clientip.ParseProxies(proxies)
	if err != nil {
		t.Fatal(err)
	}
	log := &bytes.Buffer{}
	return clientip.New(trusted, slog.New(slog.NewTextHandler(log, nil))), log
}

func ask(r *clientip.Resolver, remote string, header ...string) string {
	request := httptest.NewRequest("GET", "/", nil)
	request.RemoteAddr = remote
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Add(header[i], header[i+1])
	}
	if from := r.Of(request); from.IsValid() {
		return from.String()
	}
	return "nobody"
}

func TestAClientIsThePeerWhateverItsHeadersSay(t *testing.T) {
	r, _ := resolver(t, proxies)
	for remote, want := range map[string]string{
		"192.0.2.1:1234":            "192.0.2.1",
		"127.0.0.2:1234":            "127.0.0.2",
		"127.0.0.3:1234":            "127.0.0.3",
		"[::ffff:192.0.2.1]:1":      "192.0.2.1",
		"[2001:db8:1:2:3:4:5:6]:1":  "2001:db8:1:2::",
		"[2001:db8:1:2:ff::]:1":     "2001:db8:1:2::",
		"[2001:db8:1:3:3:4:5:6]:1":  "2001:db8:1:3::",
		"[fe80::1%eth0]:1":          "fe80::",
		"[2001:db8:fe:2:3:4:5:6]:1": "2001:db8:fe:2::",
	} {
		for _, header := range [][]string{
			nil,
			{"X-Forwarded-For", "198.51.100.1"},
			{"Forwarded", "for=198.51.100.1"},
		} {
			if got := ask(r, remote, header...); got != want {
				t.Errorf("%s with %q: %s, want %s", remote, header, got, want)
			}
		}
		if got := r.Peer(remote).String(); got != want {
			t.Errorf("the peer %s is %s, want %s", remote, got, want)
		}
	}
}

func TestATrustedProxyNamesTheClient(t *testing.T) {
	r, _ := resolver(t, proxies)
	const x, f = "X-Forwarded-For", "Forwarded"
	for _, test := range []struct {
		remote string
		header []string
		want   string
	}{
		{"127.0.0.1:1", []string{x, "198.51.100.1"}, "198.51.100.1"},
		{"10.200.3.4:1", []string{x, "198.51.100.1"}, "198.51.100.1"},
		{"[::1]:1", []string{x, "198.51.100.1"}, "198.51.100.1"},
		{"[::ffff:10.0.0.1]:1", []string{x, "198.51.100.1"}, "198.51.100.1"},
		{"[2001:db8:ff:1::1%eth0]:1", []string{x, "198.51.100.1"}, "198.51.100.1"},
		// From the right, skipping trusted proxies: what a client wrote stands left.
		{"127.0.0.1:1", []string{x, "203.0.113.9, 198.51.100.1"}, "198.51.100.1"},
		{"127.0.0.1:1", []string{x, "203.0.113.9, 198.51.100.1, 10.0.0.2,10.0.0.3"}, "198.51.100.1"},
		{"127.0.0.1:1", []string{x, "203.0.113.9", x, "198.51.100.1", x, "10.0.0.2"}, "198.51.100.1"},
		{"127.0.0.1:1", []string{x, "rubbish, 198.51.100.1"}, "198.51.100.1"},
		// Addresses in all their forms.
		{"127.0.0.1:1", []string{x, "2001:db8:1:2:3:4:5:6"}, "2001:db8:1:2::"},
		{"127.0.0.1:1", []string{x, "[2001:db8:1:2:3:4:5:6]"}, "2001:db8:1:2::"},
		{"127.0.0.1:1", []string{x, "[2001:db8:1:2:3:4:5:6]:443"}, "2001:db8:1:2::"},
		{"127.0.0.1:1", []string{x, "::ffff:198.51.100.1"}, "198.51.100.1"},
		{"127.0.0.1:1", []string{x, "198.51.100.1:4711"}, "198.51.100.1"},
		// RFC 7239, where there is no X-Forwarded-For.
		{"127.0.0.1:1", []string{f, "for=198.51.100.1"}, "198.51.100.1"},
		{"127.0.0.1:1", []string{f, `by=10.0.0.1; For="[2001:db8:1:2:3:4:5:6]:4711";proto=https`}, "2001:db8:1:2::"},
		{"127.0.0.1:1", []string{f, `for=203.0.113.9, for=198.51.100.1;proto=http, for=10.0.0.2`}, "198.51.100.1"},
		{"127.0.0.1:1", []string{f, `for="203.0.113.9`, f, `for=198.51.100.1`}, "198.51.100.1"},
		{"127.0.0.1:1", []string{f, `for="203.0.113.9, for=198.51.100.1`}, "198.51.100.1"},
		{"127.0.0.1:1", []string{f, "for=203.0.113.9", x, "198.51.100.1"}, "198.51.100.1"},
		// Who names nobody but itself, or no address, stands for many.
		{"127.0.0.1:1", nil, "nobody"},
		{"127.0.0.1:1", []string{x, ""}, "nobody"},
		{"127.0.0.1:1", []string{x, "unknown"}, "nobody"},
		{"127.0.0.1:1", []string{x, "203.0.113.9, unknown"}, "nobody"},
		{"127.0.0.1:1", []string{x, "10.0.0.2, 10.0.0.3"}, "nobody"},
		{"127.0.0.1:1", []string{f, "for=_hidden"}, "nobody"},
		{"127.0.0.1:1", []string{f, "proto=https"}, "nobody"},
	} {
		if got := ask(r, test.remote, test.header...); got != test.want {
			t.Errorf("%s with %q: %s, want %s", test.remote, test.header, got, test.want)
		}
		if got := r.Peer(test.remote); got.IsValid() {
			t.Errorf("the connection of the proxy %s is counted for %v", test.remote, got)
		}
	}
}

func TestAForgottenProxyIsToldOnce(t *testing.T) {
	r, log := resolver(t, "")
	ask(r, "127.0.0.1:1")
	if log.Len() > 0 {
		t.Errorf("a request without forwarded headers is warned of: %s", log)
	}
	for range 3 {
		ask(r, "127.0.0.1:1", "X-Forwarded-For", "198.51.100.1")
		ask(r, "127.0.0.1:1", "Forwarded", "for=198.51.100.1")
	}
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "-trusted-proxies") || !strings.Contains(got, "address=127.0.0.1") {
		t.Errorf("the log is %q, want one line that names the option and the address", got)
	}
}

func TestAProxyThatNamesNobodyIsToldOnce(t *testing.T) {
	r, log := resolver(t, proxies)
	ask(r, "127.0.0.1:1", "X-Forwarded-For", "198.51.100.1")
	if log.Len() > 0 {
		t.Errorf("a proxy that does what it should is warned of: %s", log)
	}
	ask(r, "127.0.0.1:1")
	ask(r, "10.0.0.1:1")
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "let the proxy set X-Forwarded-For") {
		t.Errorf("the log is %q, want one line that says what to set", got)
	}
}

func TestProxiesThatAreNoneAreAnError(t *testing.T) {
	for _, list := range []string{"proxy.example", "10.0.0.0/33", "10.0.0.1/", "10.0.0.1:80", "127.0.0.1 ::1", "fe80::1%eth0", "0.0.0.0/0", "::/0", "::ffff:0.0.0.0/96", "::ffff:0.0.0.0/8"} {
		if got, err := clientip.ParseProxies(list); err == nil {
			t.Errorf("%q was read as %v", list, got)
		} else if quoted := strings.Split(list, ",")[0]; !strings.Contains(err.Error(), quoted) {
			t.Errorf("%q: the error does not name it: %v", list, err)
		}
	}
	got, err := clientip.ParseProxies(" 10.1.2.3/8,,::ffff:192.0.2.0/120 , 2001:DB8::1")
	want := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::1/128")}
	if err != nil || len(got) != 3 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Errorf("read as %v, %v; want %v", got, err, want)
	}
}

// Whatever stands in the headers: from elsewhere it changes nothing, and what a
// stranger puts left of the proxy's own word neither.
func FuzzForwarded(f *testing.F) {
	f.Add("203.0.113.9, unknown")
	f.Add(`for="[2001:db8::1]:4711";proto=https, for="`)
	trusting, _ := resolver(f, proxies)
	f.Fuzz(func(t *testing.T, text string) {
		for _, name := range []string{"X-Forwarded-For", "Forwarded"} {
			if got := ask(trusting, "192.0.2.1:1", name, text); got != "192.0.2.1" {
				t.Errorf("%s: %q from a stranger: %s", name, text, got)
			}
			ask(trusting, "127.0.0.1:1", name, text)
		}
		if got := ask(trusting, "127.0.0.1:1", "X-Forwarded-For", text+", 198.51.100.1"); got != "198.51.100.1" {
			t.Errorf("X-Forwarded-For: %q before the proxy's word: %s", text, got)
		}
		if got := ask(trusting, "127.0.0.1:1", "Forwarded", text+", for=198.51.100.1"); got != "198.51.100.1" {
			t.Errorf("Forwarded: %q before the proxy's word: %s", text, got)
		}
	})
}
