package httpapi

import (
	"errors"
	"net/http"
	"strings"

	"parley/proto"
	"parley/server/auth"
	"parley/server/chat"
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
// withdrew it and its user did not sign out. The name is the one of now.
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
		var known chat.User
		known, err = a.Service.Admit(r.Context(), who.ID, credentialOf(who))
		who.Name = known.NameIn(who.Name, credentialOf(who))
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

// credentialOf is what the service is told of a token beside its user.
func credentialOf(who auth.User) chat.Credential {
	return chat.Credential{Issued: who.Issued, Expires: who.Expires, Device: who.Device}
}
