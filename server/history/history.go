// Package history is the HTTP API: guests and their tokens, people, and the
// history of conversations, for clients that catch up over HTTP. It decides
// nothing about chat; it checks tokens and what a request says, asks
// chat.Service, and words the answer.
//
// # What a client may rely on
//
//   - Answers are JSON under the names of the proto fields, every uint64 a
//     decimal string, lists never null. Where the answer is a message of
//     chat.proto, a client that accepts application/x-protobuf gets that.
//   - Errors are problem documents (RFC 9457), which name the field that is wrong
//     and say what to do. 401 means no valid token, 403 not a participant,
//     whether the conversation exists or not, 429 and 503 to try again after
//     Retry-After seconds.
//   - Nothing is kept by caches.
package history

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/time/rate"

	"parley/server/auth"
	"parley/server/chat"
	"parley/server/clientip"
	"parley/server/origin"
)

// Config says what the API works with. Authority and Service are needed; a zero
// value elsewhere means the default.
type Config struct {
	Authority *auth.Authority
	Service   *chat.Service
	// Guests lets anybody become a user. It needs an Authority that can mint.
	Guests bool
	// Invite makes a guest an agent; the zero Invite nobody.
	Invite auth.Invite
	// Origins are those of pages of other sites that may use the API.
	Origins origin.Origins
	// Healthy returns an error while the server cannot do its work; nil is
	// always healthy.
	Healthy func(context.Context) error
	// Clients says which client a request comes from; nil trusts no proxy.
	Clients *clientip.Resolver
	// Rate is how many requests per second one user may make, and Burst how
	// many at once: by default 200 and 5,000.
	Rate  float64
	Burst int
	// GuestsPerHour is how many guests one client may make in an hour, all of
	// them at once if it likes; 0 is no bound. Who renews a token makes none.
	GuestsPerHour int
	// Timeout bounds the work on one request: 10 s.
	Timeout time.Duration
	// Now is the server's clock; nil is time.Now.
	Now func() time.Time
	// Log gets a line per refusal and failure, however many there are: it must
	// bound them itself, as package logs does. nil is slog.Default.
	Log *slog.Logger
}

func (c *Config) setDefaults() {
	def(&c.Rate, 200)
	def(&c.Burst, 5000)
	def(&c.Timeout, 10*time.Second)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Clients == nil {
		c.Clients = clientip.New(nil, c.Log)
	}
	if c.Healthy == nil {
		c.Healthy = func(context.Context) error { return nil }
	}
}

func def[T comparable](value *T, otherwise T) {
	var zero T
	if *value == zero {
		*value = otherwise
	}
}

func (c *Config) check() error {
	switch {
	case c.Authority == nil || c.Service == nil:
		return errors.New("history: Config needs an Authority and a Service")
	case c.Guests && !c.Authority.CanMint():
		return errors.New("history: guests need an Authority that can mint their tokens")
	case c.Rate < 0 || c.Burst < 0 || c.GuestsPerHour < 0 || c.Timeout < 0:
		return errors.New("history: a limit is negative")
	}
	return nil
}

type api struct {
	Config
	ids      *guestIDs
	requests *limits // by user
	arrivals *limits // of new guests, by client; nil if they have no bound
}

// endpoint answers a request: with a message of chat.proto, or a value that
// encoding/json writes, or an error, of which a *problem or a *proto.Refusal is
// told to the client. who is zero where the endpoint is open to everybody.
type endpoint func(r *http.Request, who auth.User) (answer any, err error)

// New returns the handler of /api/ and /healthz.
func New(c Config) (http.Handler, error) {
	c.setDefaults()
	if err := c.check(); err != nil {
		return nil, err
	}
	a := &api{
		Config:   c,
		ids:      newGuestIDs(c.Now),
		requests: newLimits(rate.Limit(c.Rate), c.Burst, c.Now),
	}
	if c.GuestsPerHour > 0 {
		a.arrivals = newLimits(rate.Limit(float64(c.GuestsPerHour)/time.Hour.Seconds()), c.GuestsPerHour, c.Now)
	}
	mux := http.NewServeMux()
	get := func(path string, e endpoint) { a.route(mux, http.MethodGet, path, http.StatusOK, a.signedIn(e)) }
	a.route(mux, http.MethodPost, "/api/guests", http.StatusCreated, a.guests)
	get("/api/me", a.me)
	get("/api/users", a.users)
	get("/api/conversations", a.conversations)
	get("/api/conversations/{key}/messages", a.messages)
	mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
		a.refuse(w, r, &problem{Status: http.StatusNotFound, Detail: "there is nothing under this address"})
	})
	mux.HandleFunc("GET /healthz", a.healthz)
	return mux, nil
}

// route serves an endpoint under one method, and says of the others that they
// are not allowed.
func (a *api) route(mux *http.ServeMux, method, path string, status int, e endpoint) {
	allowed := method + ", OPTIONS"
	if method == http.MethodGet {
		allowed = "GET, HEAD, OPTIONS"
	}
	mux.HandleFunc(method+" "+path, func(w http.ResponseWriter, r *http.Request) {
		a.share(w, r)
		ctx, cancel := context.WithTimeout(r.Context(), a.Timeout)
		defer cancel()
		answer, err := e(r.WithContext(ctx), auth.User{})
		if err == nil {
			err = write(w, r, status, answer)
		}
		if err != nil {
			a.refuse(w, r, err)
		}
	})
	mux.HandleFunc("OPTIONS "+path, func(w http.ResponseWriter, r *http.Request) {
		a.preflight(w, r, allowed)
	})
	mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		a.share(w, r)
		w.Header().Set("Allow", allowed)
		a.refuse(w, r, &problem{Status: http.StatusMethodNotAllowed, Detail: "only " + allowed + " are allowed here"})
	})
}

// signedIn finds out who asks, and whether too often.
func (a *api) signedIn(e endpoint) endpoint {
	return func(r *http.Request, _ auth.User) (any, error) {
		who, err := a.bearer(r)
		if err != nil {
			return nil, err
		}
		if wait := a.requests.take(fmt.Sprint(who.ID)); wait > 0 {
			return nil, tooFast(wait)
		}
		return e(r, who)
	}
}

func (a *api) healthz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), a.Timeout)
	defer cancel()
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if err := a.Healthy(ctx); err != nil {
		a.Log.Error("not healthy", "error", err)
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintln(w, "not healthy: the history cannot be read")
		return
	}
	fmt.Fprintln(w, "ok")
}
