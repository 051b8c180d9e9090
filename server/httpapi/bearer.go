package httpapi

import (
	"errors"
	"net/http"
	"strings"

	"parley/proto"
	"parley/server/auth"
)

// bearer returns the user of the request's token. A client who sends none that
// is valid again and again is told to wait.
func (a *api) bearer(r *http.Request) (auth.User, error) {
	who, err := a.verify(r)
	var refused *problem
	if errors.As(err, &refused) {
		if wait := a.strangers.take(a.Clients.Of(r).String(), 1); wait > 0 {
			return auth.User{}, tooFast(wait)
		}
	}
	return who, err
}

// verify reads the token (RFC 6750, section 2.1), and sees that no operator
// withdrew it.
func (a *api) verify(r *http.Request) (auth.User, error) {
	header := r.Header.Values("Authorization")
	if len(header) == 0 {
		return auth.User{}, &problem{Status: http.StatusUnauthorized, Challenge: `Bearer realm="parley"`,
			Detail: "there is no token: send it as Authorization: Bearer TOKEN", Code: "token-invalid"}
	}
	scheme, token, ok := strings.Cut(strings.TrimSpace(header[0]), " ")
	if len(header) > 1 || !ok || !strings.EqualFold(scheme, "Bearer") {
		return auth.User{}, invalidToken("the Authorization header is not one Bearer TOKEN")
	}
	who, err := a.Authority.Verify(strings.TrimLeft(token, " "))
	if err == nil {
		err = a.Service.Admit(r.Context(), who.ID, who.Issued)
	}
	var refusal *proto.Refusal
	switch {
	case errors.As(err, &refusal) && refusal.Reason == proto.NotAuthorized:
		why := invalidToken(refusal.Text)
		why.Code, why.Args = refusal.Code, refusal.Args
		return auth.User{}, why
	case err != nil:
		return auth.User{}, err
	}
	return who, nil
}

func invalidToken(detail string) *problem {
	return &problem{Status: http.StatusUnauthorized, Challenge: `Bearer realm="parley", error="invalid_token"`, Detail: detail, Code: "token-invalid"}
}
