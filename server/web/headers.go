package web

import (
	"net/http"
	"regexp"
)

// policy is the page's Content Security Policy, whose last part, connect-src, goes on
// with hosts. Workers take theirs from their own script's answer, so every file
// carries it.
const policy = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; " +
	"img-src 'self' data: blob:; media-src 'self' blob:; worker-src 'self'; object-src 'none'; base-uri 'none'; " +
	"form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; " +
	// Two of Parley's modules in one page, as when it imports parley.js too, make the policy twice.
	"trusted-types parley 'allow-duplicates'; connect-src 'self'"

// host is what may stand in a policy of the Host header, which anybody can send.
var host = regexp.MustCompile(`^([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$`)

// secure sets what every answer carries. Not among it is Cross-Origin-Opener-Policy: a
// browser then starts a second process for each new tab once the answer is there, which
// takes a quarter of what its start takes, and whoever opened the page could do no more
// with it than with any link, since it has no frames and listens to no other window.
func secure(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	connect := ""
	if host.MatchString(r.Host) {
		// 'self' covers WebSockets of the same origin only in browsers that
		// follow CSP 3; Safari learned it late.
		connect = " ws://" + r.Host + " wss://" + r.Host
	}
	h.Set("Content-Security-Policy", policy+connect)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	// The files are public: pages of other sites import parley.js. What users
	// may do from there is up to the API's own check of origins.
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
}
