package httpapi

import (
	"crypto/sha256"
	"net/http"
	"time"

	"golang.org/x/time/rate"

	"parley/proto"
	"parley/server/auth"
	"parley/server/chat"
)

const (
	// guessRate is how many tries at a code one client has in a second, and guessBurst
	// how many at once; allGuessRate and allGuessBurst are those of everybody together.
	guessRate, guessBurst       = 1.0 / 6, 10
	allGuessRate, allGuessBurst = 20, 200
	// codeCost is how many requests one counts as that makes a code.
	codeCost = 20
)

// linkCode makes the code that signs another device of the user in.
func (a *api) linkCode(r *http.Request, who auth.User) (any, error) {
	return a.newCode(r, who, chat.LinkCode, auth.NewLinkCode())
}

// recoveryCode makes the code that signs the user in when everything else is lost.
func (a *api) recoveryCode(r *http.Request, who auth.User) (any, error) {
	return a.newCode(r, who, chat.RecoveryCode, auth.NewRecoveryCode())
}

func (a *api) newCode(r *http.Request, who auth.User, kind chat.CodeKind, code string) (any, error) {
	if err := a.mints(); err != nil {
		return nil, err
	}
	hash, _ := auth.HashCode(code)
	c, err := a.Service.PutCode(r.Context(), chat.Credential{Issued: who.Issued, Device: who.Device}, chat.Code{User: who.ID, Kind: kind, Hash: hash})
	if err != nil {
		return nil, err
	}
	answer := struct {
		Code    string `json:"code"`
		Made    string `json:"made"`    // Unix milliseconds, as
		Expires string `json:"expires"` // "0" if never
	}{code, millis(c.Made), millis(c.Expires)}
	return answer, nil
}

// arrival is what POST /api/sign-in asks for.
type arrival struct {
	Code   string `json:"code"`
	Device string `json:"device"`     // a label for it
	Others bool   `json:"end_others"` // whether all other devices are signed out
}

// signInByCode signs a device in, by a code of either kind, as whose it is.
func (a *api) signInByCode(r *http.Request, _ auth.User) (any, error) {
	if err := a.mints(); err != nil {
		return nil, err
	}
	if err := enter(r, a.door, a.Clients.Of(r)); err != nil {
		return nil, err
	}
	var wish arrival
	if err := readJSON(r, maxBody, &wish); err != nil {
		return nil, err
	}
	if wait := a.guess(r); wait > 0 {
		return nil, proto.Refuse(proto.QuotaExceeded, "too many codes were tried: wait %s and try again", proto.InWords(wait)).Named("too-many-guesses", wait).In(wait)
	}
	hash, ok := auth.HashCode(wish.Code)
	if !ok {
		hash = [sha256.Size]byte{} // nobody's
	}
	known, kind, err := a.Service.CodeUser(r.Context(), hash)
	if err != nil {
		return nil, err
	}
	who := auth.User{ID: known.ID, Name: known.Name, Services: known.Services.All()}
	answer, err := a.signIn(who, func(made auth.User) error {
		c := credentialOf(made)
		c.Label = auth.CleanLabel(wish.Device)
		return a.Service.SignIn(r.Context(), seenAs(made), hash, c, wish.Others)
	})
	if err != nil {
		return nil, err
	}
	return struct {
		bearerOf
		Recovered bool `json:"recovered"` // by a recovery code, which is used up
	}{answer, kind == chat.RecoveryCode}, nil
}

// guess counts a try at a code, or says how long to wait before one. A trusted proxy
// that names no client stands for many.
func (a *api) guess(r *http.Request) (wait time.Duration) {
	if from := a.Clients.Of(r); from.IsValid() {
		if wait = a.guesses.take(from.String(), 1); wait > 0 {
			return wait
		}
	}
	return a.allGuesses.take("", 1)
}

func newGuesses(now func() time.Time) (each, all *limits) {
	return newLimits(rate.Limit(guessRate), guessBurst, now), newLimits(rate.Limit(allGuessRate), allGuessBurst, now)
}
