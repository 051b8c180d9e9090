package httpapi

import (
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"parley/proto"
	"parley/server/auth"
	"parley/server/chat"
)

// query is a request's query, of which each parameter may stand once.
type query url.Values

// parseQuery is strict where url.Values are lenient: a pair that cannot be read
// might have been a bound.
func parseQuery(r *http.Request) (query, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, badRequest("the query cannot be read: write it as name=value&name=value, percent-encoded")
	}
	return query(values), nil
}

// text returns a parameter, "" if it is not there.
func (q query) text(name string) (string, error) {
	switch values := q[name]; len(values) {
	case 0:
		return "", nil
	case 1:
		return values[0], nil
	}
	return "", badRequest(name + " stands more than once: send it once")
}

// has reports whether a parameter is there.
func (q query) has(name string) bool {
	_, ok := q[name]
	return ok
}

// number returns a parameter from low to high, otherwise if it is not there.
func (q query) number(name string, low, high, otherwise uint64) (uint64, error) {
	if !q.has(name) {
		return otherwise, nil
	}
	text, err := q.text(name)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n < low || n > high {
		return 0, badRequest(fmt.Sprintf("%s is not a whole number from %d to %d", name, low, high))
	}
	return n, nil
}

// service returns the set that holds the service asked for, empty if none is.
// Who answers for one is for agents to know.
func (a *api) service(q query, who auth.User) (chat.Services, error) {
	if _, ok := q["service"]; !ok {
		return 0, nil
	}
	n, err := q.number("service", 0, math.MaxInt32, 0)
	known := slices.Contains(a.Services.Numbers(), proto.ServiceType(n))
	switch {
	case err != nil:
		return 0, err
	case !known:
		return 0, badRequest("service is the number of none there is: send one of /api/services")
	case len(who.Services) == 0:
		return 0, &problem{Status: http.StatusForbidden, Detail: "service: only agents are told who answers for one; leave it out", Code: "not-agent"}
	}
	return chat.ServicesOf([]proto.ServiceType{proto.ServiceType(n)}), nil
}

// window says which entries of a conversation are asked for. Whoever gives
// after alone, be it 0, reads on from there: of more than limit entries they get
// the oldest, everybody else the newest. revised_after asks for what was revised since,
// wherever it stands (chat.Window.Revised), at for the oldest from a time on (chat.Window.At).
func (q query) window() (w chat.Window, err error) {
	const anySeq = 1<<64 - 1
	if w.After, err = q.number("after", 0, anySeq, 0); err != nil {
		return w, err
	}
	if w.Before, err = q.number("before", 0, anySeq, 0); err != nil {
		return w, err
	}
	if w.RevisedAfter, err = q.number("revised_after", 0, math.MaxInt64, 0); err != nil {
		return w, err
	}
	if w.Revised = q.has("revised_after"); w.Revised && (q.has("after") || q.has("before")) {
		return w, badRequest("revised_after is asked for alone: leave after and before out")
	}
	if w.At, err = q.number("at", 0, math.MaxInt64, 0); err != nil {
		return w, err
	}
	if q.has("at") && (q.has("after") || q.has("before") || w.Revised) {
		return w, badRequest("at is asked for alone: leave after, before and revised_after out")
	}
	w.Oldest = (q.has("after") || q.has("at")) && w.Before == 0
	limit, err := q.number("limit", 1, proto.MaxPage, defaultLimit)
	w.Limit = int(limit)
	return w, err
}
