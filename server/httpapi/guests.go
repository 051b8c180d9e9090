package httpapi

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"parley/proto"
	"parley/server/auth"
	"parley/server/chat"
)

const (
	// guestTime is how long a guest's token is valid. Whoever comes back
	// within it renews it, and stays who they are.
	guestTime = 30 * 24 * time.Hour
	// maxBody bounds the body of a request, in bytes, and maxTextBody that of one
	// with a text of some 4,000 characters, however they are escaped.
	maxBody     = 4 << 10
	maxTextBody = 64 << 10
)

// newcomer is what POST /api/guests asks for.
type newcomer struct {
	Name   string `json:"name"`
	Invite string `json:"invite"`
	Device string `json:"device"` // a label for it
}

// guests makes a guest, an agent if the request holds the invite. With the
// token of a guest it renews that: the same user and device, whatever the body
// says, and the same services.
func (a *api) guests(r *http.Request, _ auth.User) (any, error) {
	if err := a.mints(); err != nil {
		return nil, err
	}
	if err := enter(r, a.door, a.Clients.Of(r)); err != nil {
		return nil, err
	}
	who, label, err := a.guest(r)
	if err != nil {
		return nil, err
	}
	return a.signIn(who, func(made auth.User) error {
		// What an operator decides, or the user on another device, between the two tokens
		// refuses the renewal.
		c := chat.Credential{Issued: who.Issued, Expires: made.Expires, Device: made.Device, Label: label}
		return a.Service.Seen(r.Context(), seenAs(made), c)
	})
}

// mints refuses what only a server does that mints its users' tokens.
func (a *api) mints() error {
	if !a.Guests {
		return &problem{Status: http.StatusForbidden,
			Detail: "this server takes no guests, since its key was given to it (-jwt-key): get a token from whoever runs it", Code: "no-guests"}
	}
	return nil
}

// bearerOf is a user with a token for them, as JSON.
type bearerOf struct {
	user
	Token  string `json:"token"`
	device uint64
}

// signIn makes a token for a user, on a new device unless they have one, and gives it
// out once it is noted: from there on, who ends the device ends the token.
func (a *api) signIn(who auth.User, note func(made auth.User) error) (answer bearerOf, err error) {
	if who.Device == 0 {
		who.Device = a.ids.next()
	}
	token, err := a.Authority.Mint(who, guestTime)
	if err != nil {
		return answer, err
	}
	who.Issued = a.Now().Truncate(time.Second)
	who.Expires = a.Now().Add(guestTime).Truncate(time.Second)
	if err := note(who); err != nil {
		return answer, err
	}
	return bearerOf{userOf(who), token, who.Device}, nil
}

// seenAs is what the service is told of a token's user.
func seenAs(who auth.User) chat.User {
	return chat.User{ID: who.ID, Name: who.Name, Services: chat.ServicesOf(who.Services), ServicesUntil: uint64(who.Expires.UnixMilli())}
}

// guest returns the user that the request is to be given a token for, and a label for
// the device.
func (a *api) guest(r *http.Request) (who auth.User, label string, err error) {
	var wish newcomer
	if len(r.Header.Values("Authorization")) > 0 {
		if who, err = a.renewing(r); err == nil && who.Device == 0 && r.ContentLength != 0 {
			err = readJSON(r, maxBody, &wish) // of before there were devices
		}
		return who, auth.CleanLabel(wish.Device), err
	}
	if err := readJSON(r, maxBody, &wish); err != nil {
		return who, "", err
	}
	who, err = a.newcomer(r, wish)
	return who, auth.CleanLabel(wish.Device), err
}

// newcomer returns a new user.
func (a *api) newcomer(r *http.Request, wish newcomer) (auth.User, error) {
	name, err := auth.CheckName(wish.Name)
	if err != nil {
		return auth.User{}, err
	}
	if err := a.arrive(r); err != nil {
		return auth.User{}, err
	}
	who := auth.User{ID: a.ids.next(), Name: name}
	if wish.Invite != "" {
		if a.Invite == nil {
			return auth.User{}, &problem{Status: http.StatusForbidden, Detail: "this server invites no agents: sign in without an invite", Code: "no-invites"}
		}
		if err := a.Invite.Use(wish.Invite); err != nil {
			return auth.User{}, err
		}
		who.Services = slices.Sorted(slices.Values(a.Services.Numbers()))
		return who, nil
	}
	return who, auth.CheckUnreserved(who.Name, a.Services.Names()...)
}

// renewing returns whose token is to be renewed, if not too often.
func (a *api) renewing(r *http.Request) (auth.User, error) {
	who, err := a.bearer(r)
	if err != nil {
		return auth.User{}, err
	}
	if wait := a.requests.take(strconv.FormatUint(who.ID, 10), 1); wait > 0 {
		return auth.User{}, tooFast(wait)
	}
	return who, nil
}

// arrive counts a new guest, and with it a guess at the invite, towards what
// their address may make. A trusted proxy that names no client stands for many.
func (a *api) arrive(r *http.Request) error {
	from := a.Clients.Of(r)
	if a.arrivals == nil || !from.IsValid() {
		return nil
	}
	if wait := a.arrivals.take(from.String(), 1); wait > 0 {
		return proto.Refuse(proto.QuotaExceeded, "%d guests came from your address within an hour, which is the most: wait %s and try again", a.GuestsPerHour, proto.InWords(wait)).
			Named("too-many-guests", a.GuestsPerHour, wait).In(wait)
	}
	return nil
}

// readJSON reads a body that is one JSON object of so many bytes at most. Members
// that v does not have are ignored.
func readJSON(r *http.Request, most int64, v any) error {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/json" {
		return &problem{Status: http.StatusUnsupportedMediaType, Detail: "the body must be JSON: send it with Content-Type: application/json"}
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, most+1))
	switch {
	case err != nil:
		return badRequest("the body breaks off: send it again")
	case int64(len(body)) > most:
		return &problem{Status: http.StatusRequestEntityTooLarge, Detail: "the body is longer than " + strconv.FormatInt(most, 10) + " bytes"}
	case !utf8.Valid(body):
		return badRequest("the body is not valid UTF-8")
	}
	err = json.Unmarshal(body, v)
	var wrongType *json.UnmarshalTypeError
	if errors.As(err, &wrongType) && wrongType.Field != "" {
		return badRequest(wrongType.Field + " is of another type: want a " + wrongType.Type.String())
	}
	if err != nil {
		return badRequest("the body is not a JSON object")
	}
	return nil
}

// guestIDs makes the ids of guests: milliseconds since proto.IDEpoch and 22
// random bits, from high to low, each above the one before. The random part
// keeps ids apart should the clock be set back between two runs: nothing else
// remembers which ids were given.
type guestIDs struct {
	now func() time.Time

	mu   sync.Mutex
	last uint64
}

const randomBits = 22

func newGuestIDs(now func() time.Time) *guestIDs { return &guestIDs{now: now} }

func (g *guestIDs) next() uint64 {
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails
	id := binary.BigEndian.Uint64(random[:]) >> (64 - randomBits)
	if ms := g.now().Sub(proto.IDEpoch).Milliseconds(); ms > 0 {
		id |= uint64(ms) << randomBits
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.last = max(g.last+1, id)
	return g.last
}
