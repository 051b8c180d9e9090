// Package origin says which pages of other sites may use this server: the HTTP
// API and the WebSocket ask the same list. It imports nothing of Parley.
package origin

import (
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
)

// Origins are those whose pages may use the server although another site
// serves them. The zero Origins are none.
type Origins []pattern

// pattern is what an origin (RFC 6454, section 4) may look like.
type pattern struct {
	scheme string // "" for any
	host   string // with port, as a pattern of path.Match
}

// Parse reads origins: "https://chat.example.com", with the port if it has one,
// or a host of any scheme; * stands for any characters but a slash (path.Match).
func Parse(texts []string) (Origins, error) {
	var origins Origins
	for _, text := range texts {
		scheme, host, ok := strings.Cut(strings.ToLower(text), "://")
		if !ok {
			scheme, host = "", strings.ToLower(text)
		}
		host = strings.TrimSuffix(host, "/")
		if _, err := path.Match(host, ""); err != nil || host == "" || strings.ContainsAny(host, "/?#@% ") {
			return nil, fmt.Errorf("origin %q: want scheme://host, with the port if it has one", text)
		}
		origins = append(origins, pattern{scheme, host})
	}
	return origins, nil
}

// Allow reports whether the value of an Origin header is one of them.
func (o Origins) Allow(header string) bool {
	u, ok := parse(header)
	if !ok {
		return false
	}
	for _, p := range o {
		if match, _ := path.Match(p.host, u.Host); match && (p.scheme == "" || p.scheme == u.Scheme) {
			return true
		}
	}
	return false
}

// AllowRequest reports whether a request comes from no page, from a page of the
// host that it is made to, or from one of the origins. Browsers check nothing
// before they open a WebSocket: the server must (RFC 6455, section 10.2).
func (o Origins) AllowRequest(r *http.Request) bool {
	header := r.Header.Get("Origin")
	if header == "" || o.Allow(header) {
		return true
	}
	u, ok := parse(header)
	return ok && strings.EqualFold(u.Host, r.Host)
}

// parse reads a header that is an origin and nothing more.
func parse(header string) (*url.URL, bool) {
	text := strings.ToLower(header)
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || text != u.Scheme+"://"+u.Host {
		return nil, false
	}
	return u, true
}
