package httpapi

import (
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	"parley/proto"
	"parley/server/auth"
	"parley/server/chat"
)

// maxUsers is the most people that one search finds.
const maxUsers = 50

// user is the token's user, as JSON.
type user struct {
	ID       string              `json:"user_id"`
	Name     string              `json:"name"`
	Services []proto.ServiceType `json:"services"`
	// Expires is when the token does, in Unix milliseconds; "0" if never.
	Expires string `json:"expires"`
}

func userOf(who auth.User) user {
	u := user{ID: strconv.FormatUint(who.ID, 10), Name: who.Name, Services: who.Services, Expires: "0"}
	if u.Services == nil {
		u.Services = []proto.ServiceType{}
	}
	if !who.Expires.IsZero() {
		u.Expires = milliseconds(who.Expires)
	}
	return u
}

func milliseconds(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

func millis(ms uint64) string { return strconv.FormatUint(ms, 10) }

func (a *api) me(_ *http.Request, who auth.User) (any, error) { return userOf(who), nil }

// renameCost is how many requests one counts as that tells all of the user's
// conversations another name.
const renameCost = 100

// rename lets the user be called otherwise: by the rules for guests, and on all of
// their devices, which renew their tokens.
func (a *api) rename(r *http.Request, who auth.User) (any, error) {
	if err := a.mints(); err != nil {
		return nil, err
	}
	var wish struct {
		Name string `json:"name"`
	}
	if err := readJSON(r, maxBody, &wish); err != nil {
		return nil, err
	}
	name, err := auth.CheckName(wish.Name)
	if err == nil && len(who.Services) == 0 {
		err = auth.CheckUnreserved(name)
	}
	if err != nil {
		return nil, err
	}
	if err := a.Service.Rename(r.Context(), who.ID, credentialOf(who), name); err != nil {
		return nil, err
	}
	who.Name = name
	return userOf(who), nil
}

// person is somebody else, as JSON.
type person struct {
	ID   string `json:"user_id"`
	Name string `json:"name"`
	// Services are those that the person answers for: told to agents alone, since
	// customers see one voice.
	Services []proto.ServiceType `json:"services,omitempty"`
	// Away says of an agent, to agents, that they want no further conversations.
	Away bool `json:"away,omitempty"`
	// CustomerOf are those that the person wrote to, of those that who asks answers for.
	CustomerOf []proto.ServiceType `json:"customer_of,omitempty"`
}

// people finds people, other than who asks, by part of their name or by id, as far
// as chat.Config.People and they themselves let them be found; all of these where
// q is empty, and of them those who answer for a service where there is one;
// maxUsers at most, in the order of chat.UserQuery.
func (a *api) people(r *http.Request, who auth.User) (any, error) {
	q, err := parseQuery(r)
	if err != nil {
		return nil, err
	}
	text, err := q.text("q")
	if err != nil {
		return nil, err
	}
	if !utf8.ValidString(text) {
		return nil, badRequest("q is not valid UTF-8")
	}
	services, err := a.service(q, who)
	if err != nil {
		return nil, err
	}
	found, err := a.Service.Users(r.Context(), chat.UserQuery{Text: text, Services: services, Viewer: who.ID, Answers: chat.ServicesOf(who.Services), Limit: maxUsers})
	if err != nil {
		return nil, err
	}
	persons := make([]person, 0, len(found))
	for _, u := range found {
		p := person{ID: strconv.FormatUint(u.ID, 10), Name: u.Name}
		if len(who.Services) > 0 {
			p.Services = u.Services.All()
			p.Away = u.Away && u.Services != 0
			p.CustomerOf = (u.Customer & chat.ServicesOf(who.Services)).All()
		}
		persons = append(persons, p)
	}
	return struct {
		Users []person `json:"users"`
	}{persons}, nil
}
