package history

import (
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
)

// origin is where pages may come from that use the API.
type origin struct {
	scheme string // "" for any
	host   string // with port, as a pattern of path.Match
}

func parseOrigins(texts []string) ([]origin, error) {
	var origins []origin
	for _, text := range texts {
		scheme, host, ok := strings.Cut(strings.ToLower(text), "://")
		if !ok {
			scheme, host = "", strings.ToLower(text)
		}
		host = strings.TrimSuffix(host, "/")
		if _, err := path.Match(host, ""); err != nil || host == "" || strings.ContainsAny(host, "/?#@ ") {
			return nil, fmt.Errorf("origin %q: want scheme://host, with the port if it has one", text)
		}
		origins = append(origins, origin{scheme, host})
	}
	return origins, nil
}

// allowed reports whether a page of the Origin header's value may use the API
// from another site.
func (a *api) allowed(header string) bool {
	text := strings.ToLower(header)
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || text != u.Scheme+"://"+u.Host {
		return false
	}
	for _, o := range a.origins {
		if match, _ := path.Match(o.host, u.Host); match && (o.scheme == "" || o.scheme == u.Scheme) {
			return true
		}
	}
	return false
}

// share lets a page of an allowed origin read the answer. Others need nothing
// said: their browsers keep the answer from them.
func (a *api) share(w http.ResponseWriter, r *http.Request) bool {
	if len(a.origins) == 0 {
		return false
	}
	w.Header().Add("Vary", "Origin")
	from := r.Header.Get("Origin")
	if !a.allowed(from) {
		return false
	}
	w.Header().Set("Access-Control-Allow-Origin", from)
	w.Header().Set("Access-Control-Expose-Headers", "Retry-After")
	return true
}

// preflight tells a browser what a page may send. No cookies: they mean
// nothing here.
func (a *api) preflight(w http.ResponseWriter, r *http.Request, methods string) {
	h := w.Header()
	if a.share(w, r) {
		h.Set("Access-Control-Allow-Methods", methods)
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Accept")
		h.Set("Access-Control-Max-Age", "600")
	}
	h.Set("Allow", methods)
	w.WriteHeader(http.StatusNoContent)
}
