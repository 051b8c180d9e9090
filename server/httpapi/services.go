package httpapi

import (
	"net/http"

	"parley/proto"
	"parley/server/auth"
	"parley/server/services"
)

// service is a service that customers can write to, as JSON.
type service struct {
	Number proto.ServiceType `json:"service_type"`
	// Name and Greeting are by language (BCP 47). Without a name the page has its own.
	Name     services.Texts `json:"name,omitempty"`
	Greeting services.Texts `json:"greeting,omitempty"`
	// Open is whether somebody answers now, and Changes when that changes, in Unix
	// milliseconds; "0" if never.
	Open    bool   `json:"open"`
	Changes string `json:"changes"`
}

// services lists the services, for everybody. Of one client there may be as many
// requests as without a token.
func (a *api) services(r *http.Request, _ auth.User) (any, error) {
	if wait := a.strangers.take(a.Clients.Of(r).String(), 1); wait > 0 {
		return nil, tooFast(wait)
	}
	now := a.Now()
	list := make([]service, 0, services.Max)
	for _, s := range a.Services.All() {
		told := service{Number: s.Number, Name: s.Name, Greeting: s.Greeting, Changes: "0"}
		open, changes := s.At(now)
		if told.Open = open; !changes.IsZero() {
			told.Changes = milliseconds(changes)
		}
		list = append(list, told)
	}
	return lasting{struct {
		Services []service `json:"services"`
	}{list}}, nil
}
