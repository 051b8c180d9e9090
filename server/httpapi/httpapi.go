// Package httpapi is the HTTP API: guests and their tokens, people, the history
// of conversations, for clients that catch up over HTTP, files that people send, and what only agents have:
// notes, canned replies and what is known of a customer. It decides
// nothing about chat; it checks tokens and what a request says, asks
// chat.Service, and words the answer.
//
// # What a client may rely on
//
//   - Answers are JSON under the names of the proto fields, every uint64 a
//     decimal string, lists never null. Where the answer is a message of
//     chat.proto, a client that accepts application/x-protobuf gets that.
//   - Errors under /api/ are problem documents (RFC 9457), which name the field that
//     is wrong and say what to do. 401 means no valid token, 403 that it is not for
//     this user, as for no participant, whether the conversation exists or not, 429 and
//     503 to try again after Retry-After seconds.
//   - Of one user's requests a few are in work at a time, and the others wait,
//     up to a bound; nobody waits for another's line.
//   - Uploads are tus 1.0, under /api/uploads. /api/attachments/{id} answers with what was
//     uploaded, and never with anything that a browser runs.
//   - Nothing is kept by caches, except that a client may keep /api/services and attachments and
//     ask by their ETag whether they still hold. Where another answer has an ETag, what it shows is
//     changed with that as If-Match, and 412 says that somebody else changed it meanwhile.
package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"parley/proto"
	"parley/server/attachment"
	"parley/server/auth"
	"parley/server/chat"
	"parley/server/clientip"
	"parley/server/origin"
	"parley/server/services"
)

// Config says what the API works with. Authority and Service are needed; a zero
// value elsewhere means the default.
type Config struct {
	Authority *auth.Authority
	Service   *chat.Service
	// Attachments are what users upload; nil: there are none.
	Attachments *attachment.Service
	// Guests lets anybody become a user. It needs an Authority that can mint.
	Guests bool
	// Invite makes a guest an agent; nil nobody.
	Invite *auth.Invite
	// Services are those that customers can write to; nil is services.Default.
	Services *services.Directory
	// Origins are those of pages of other sites that may use the API.
	Origins origin.Origins
	// Healthy returns an error while the server cannot do its work, at once; nil
	// is always healthy. A *proto.Refusal in its chain is told to whoever asks.
	Healthy func(context.Context) error
	// Ready is Healthy for whether new connections should come here; nil is Healthy.
	Ready func(context.Context) error
	// Clients says which client a request comes from; nil trusts no proxy.
	Clients *clientip.Resolver
	// Rate is how many requests per second one user may make, and Burst how
	// many at once: by default 50 and 1,000. A list, of conversations or people,
	// counts as 10.
	Rate  float64
	Burst int
	// StrangerRate is how many requests per second without a valid token one
	// client may make, and StrangerBurst how many at once: by default 50 and 1,000.
	StrangerRate  float64
	StrangerBurst int
	// GuestsPerHour is how many guests one client may make in an hour, all of
	// them at once if it likes; 0 is no bound. Who renews a token makes none.
	GuestsPerHour int
	// Timeout bounds the work on one request: 10 s.
	Timeout time.Duration
	// Broker lets an external broker ask who may do what; the zero Broker nobody.
	Broker Broker
	// Now is the server's clock; nil is time.Now.
	Now func() time.Time
	// Log gets a line per refusal and failure, however many there are: it must
	// bound them itself, as package logs does. nil is slog.Default.
	Log *slog.Logger
}

func (c *Config) setDefaults() {
	def(&c.Rate, 50)
	def(&c.Burst, 1000)
	def(&c.StrangerRate, 50)
	def(&c.StrangerBurst, 1000)
	def(&c.Timeout, 10*time.Second)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Services == nil {
		c.Services = services.Default()
	}
	if c.Clients == nil {
		c.Clients = clientip.New(nil, c.Log)
	}
	if c.Healthy == nil {
		c.Healthy = func(context.Context) error { return nil }
	}
	if c.Ready == nil {
		c.Ready = c.Healthy
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
		return errors.New("httpapi: Config needs an Authority and a Service")
	case c.Guests && !c.Authority.CanMint():
		return errors.New("httpapi: guests need an Authority that can mint their tokens")
	case c.Rate < 0 || c.Burst < 0 || c.StrangerRate < 0 || c.StrangerBurst < 0 || c.GuestsPerHour < 0 || c.Timeout < 0:
		return errors.New("httpapi: a limit is negative")
	}
	return nil
}

const (
	// userWidth is how many requests of one user are in work at a time, and
	// userLength how many wait: a page that starts asks for four at once, and a
	// user may have some devices that all lost the same server.
	userWidth, userLength = 2, 32
	// doorWidth and doorLength are those of one client who makes or renews guests:
	// many people may share an address.
	doorWidth, doorLength = 16, 256
	// listCost is how many requests one counts as that makes a list: it reads up to
	// proto.MaxStates rows, or looks at many more people than it finds.
	listCost = 10
	// heldTime is how long the answer to a request is held that was one too many, of
	// maxHeld at a time: whoever repeats it at once, whatever is answered, is slowed
	// down by that at no cost.
	heldTime, maxHeld = time.Second, 512
)

type api struct {
	Config
	ids       *guestIDs // of users and of devices
	requests  *limits   // by user
	strangers *limits   // of requests without a valid token, by client
	arrivals  *limits   // of new guests, by client; nil if they have no bound
	// Tries at codes, by client and of all.
	guesses, allGuesses *limits

	users     *lines[uint64]
	transfers *lines[uint64]
	door      *lines[netip.Addr]
	held      chan struct{} // one is in it for each answer that is held

	questions chan struct{} // one is in it for each of a broker's in work
}

// endpoint answers a request: with a message of chat.proto, or a value that
// encoding/json writes, or nil for success with nothing to say, or an error, of which a *problem or a *proto.Refusal is
// told to the client. who is zero where the endpoint is open to everybody.
type endpoint func(r *http.Request, who auth.User) (answer any, err error)

// New returns the handler of /api/, /auth/, /healthz and /readyz.
func New(c Config) (http.Handler, error) {
	c.setDefaults()
	if err := c.check(); err != nil {
		return nil, err
	}
	a := &api{
		Config:    c,
		ids:       newGuestIDs(c.Now),
		requests:  newLimits(rate.Limit(c.Rate), c.Burst, c.Now),
		strangers: newLimits(rate.Limit(c.StrangerRate), c.StrangerBurst, c.Now),
		users:     newLines[uint64](userWidth, userLength),
		transfers: newLines[uint64](transferWidth, transferLength),
		door:      newLines[netip.Addr](doorWidth, doorLength),
		held:      make(chan struct{}, maxHeld),
	}
	a.guesses, a.allGuesses = newGuesses(c.Now)
	if c.GuestsPerHour > 0 {
		a.arrivals = newLimits(rate.Limit(float64(c.GuestsPerHour)/time.Hour.Seconds()), c.GuestsPerHour, c.Now)
	}
	mux := http.NewServeMux()
	a.route(mux, "/api/guests", methods{http.MethodPost: a.guests})
	a.route(mux, "/api/me", methods{http.MethodGet: a.signedIn(1, a.me), http.MethodPatch: a.signedIn(renameCost, a.rename)})
	a.route(mux, "/api/sign-in", methods{http.MethodPost: a.signInByCode})
	a.route(mux, "/api/link-codes", methods{http.MethodPost: a.signedIn(codeCost, a.linkCode)})
	a.route(mux, "/api/recovery-codes", methods{http.MethodPost: a.signedIn(codeCost, a.recoveryCode)})
	a.route(mux, "/api/devices", methods{http.MethodGet: a.signedIn(1, a.devices), http.MethodDelete: a.signedIn(listCost, a.endDevices)})
	a.route(mux, "/api/devices/{id}", methods{http.MethodDelete: a.signedIn(1, a.endDevice)})
	a.route(mux, "/api/services", methods{http.MethodGet: a.services})
	a.route(mux, "/api/users", methods{http.MethodGet: a.signedIn(listCost, a.people)})
	a.route(mux, "/api/conversations", methods{http.MethodGet: a.signedIn(listCost, a.conversations)})
	a.route(mux, "/api/conversations/{key}/messages", methods{http.MethodGet: a.signedIn(1, a.messages)})
	a.route(mux, "/api/search", methods{http.MethodGet: a.signedIn(searchCost, a.search)})
	a.route(mux, "/api/conversations/{key}/notes", methods{http.MethodGet: a.signedIn(1, a.notes), http.MethodPost: a.signedIn(1, a.addNote)})
	a.route(mux, "/api/conversations/{key}/notes/{id}", methods{http.MethodDelete: a.signedIn(1, a.deleteNote)})
	a.route(mux, "/api/services/{service}/replies", methods{http.MethodGet: a.signedIn(1, a.replies), http.MethodPost: a.signedIn(1, a.addReply)})
	a.route(mux, "/api/services/{service}/replies/{id}", methods{http.MethodPut: a.signedIn(1, a.changeReply), http.MethodDelete: a.signedIn(1, a.deleteReply)})
	a.route(mux, "/api/customers/{id}", methods{http.MethodGet: a.signedIn(listCost, a.customer)})
	a.route(mux, "/api/conversations/{key}/receipts", methods{http.MethodGet: a.signedIn(listCost, a.receipts)})
	a.routeGroups(mux)
	if a.Attachments != nil {
		if err := a.routeUploads(mux); err != nil {
			return nil, err
		}
		a.handle(mux, "/api/attachments/{id}", map[string]http.Handler{http.MethodGet: http.HandlerFunc(a.attachment)})
	}
	a.routeBroker(mux)
	mux.HandleFunc("/api/", a.nothing)
	mux.HandleFunc("GET /healthz", a.state(a.Healthy, "not healthy"))
	mux.HandleFunc("GET /readyz", a.state(a.Ready, "not ready"))
	return mux, nil
}

// methods are the endpoints of one path, by their methods.
type methods map[string]endpoint

// success is the status of an answer that holds something.
var success = map[string]int{http.MethodGet: http.StatusOK, http.MethodPatch: http.StatusOK, http.MethodPut: http.StatusOK, http.MethodPost: http.StatusCreated}

// route serves the endpoints of a path, and says of other methods that they are not
// allowed.
func (a *api) route(mux *http.ServeMux, path string, endpoints methods) {
	handlers := make(map[string]http.Handler)
	for method, e := range endpoints {
		handlers[method] = a.answering(method, e)
	}
	a.handle(mux, path, handlers)
}

// handle is route for what writes its answers itself.
func (a *api) handle(mux *http.ServeMux, path string, handlers map[string]http.Handler) {
	var names []string
	for _, method := range slices.Sorted(maps.Keys(handlers)) {
		names = append(names, method)
		if method == http.MethodGet {
			names = append(names, http.MethodHead)
		}
		mux.Handle(method+" "+path, handlers[method])
	}
	if handlers[http.MethodOptions] == nil {
		names = append(names, http.MethodOptions)
		mux.HandleFunc("OPTIONS "+path, func(w http.ResponseWriter, r *http.Request) {
			a.preflight(w, r, strings.Join(names, ", "))
		})
	}
	allowed := strings.Join(names, ", ")
	mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		a.share(w, r)
		w.Header().Set("Allow", allowed)
		a.refuse(w, r, &problem{Status: http.StatusMethodNotAllowed, Detail: "only " + allowed + " are allowed here"})
	})
}

// answering serves one endpoint.
func (a *api) answering(method string, e endpoint) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a.share(w, r)
		ctx, cancel := context.WithTimeout(r.Context(), a.Timeout)
		defer cancel()
		answer, err := e(r.WithContext(ctx), auth.User{})
		switch {
		case err != nil:
		case answer == nil:
			sendNothing(w)
		default:
			err = write(w, r, success[method], answer)
		}
		if err != nil {
			a.hold(ctx, err)
			a.refuse(w, r, err)
		}
	}
}

// hold waits for a while if a request was one too many, unless as many are held as may be.
func (a *api) hold(ctx context.Context, err error) {
	if p, _ := problemOf(err); p.Status != http.StatusTooManyRequests {
		return
	}
	select {
	case a.held <- struct{}{}:
	default:
		return
	}
	defer func() { <-a.held }()
	timer := time.NewTimer(heldTime)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// signedIn finds out who asks, whether too often, and waits for their turn. The
// request counts as so many.
func (a *api) signedIn(cost int, e endpoint) endpoint {
	return func(r *http.Request, _ auth.User) (any, error) {
		who, err := a.bearer(r)
		if err != nil {
			return nil, err
		}
		if wait := a.requests.take(fmt.Sprint(who.ID), cost); wait > 0 {
			return nil, tooFast(wait)
		}
		if err := enter(r, a.users, who.ID); err != nil {
			return nil, err
		}
		return e(r, who)
	}
}

// enter waits in a line until the request's turn. Its place in work is kept until
// it is answered, or the time for that is over.
func enter[K comparable](r *http.Request, l *lines[K], who K) error {
	leave, err := l.enter(r.Context(), who)
	if err != nil {
		return &problem{Status: http.StatusTooManyRequests, Retry: time.Second,
			Detail: "too many of your requests at once: wait for the answers to earlier ones, then try again", Code: "too-fast"}
	}
	context.AfterFunc(r.Context(), leave)
	return nil
}

// state answers with ok, or with 503 and why not.
func (a *api) state(of func(context.Context) error, not string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), a.Timeout)
		defer cancel()
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		if err := of(ctx); err != nil {
			why := "the history cannot be read"
			if refusal := (*proto.Refusal)(nil); errors.As(err, &refusal) {
				why = refusal.Text
			}
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprintf(w, "%s: %s\n", not, why)
			return
		}
		fmt.Fprintln(w, "ok")
	}
}
