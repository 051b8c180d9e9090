// Package auth says who somebody is: it verifies the JSON Web Tokens (RFC 7519)
// that users show on MQTT CONNECT and over HTTP, and mints those of guests. It
// knows neither MQTT nor HTTP. A token is the identity; nothing about it is
// stored here, and no token or part of one ever stands in an error or a log line.
// Whether an operator withdrew it since is for chat.Service to say.
package auth

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"parley/proto"
)

const (
	// MaxToken is the longest token accepted, in bytes.
	MaxToken = 8 << 10
	// leeway is how far the clock of the program that minted a token may be
	// ahead of ours: nbf counts from that much earlier. exp has none, because
	// a connection ends at exp exactly.
	leeway = 5 * time.Second
)

// maxExpiry bounds exp: later times overflow in places where they are used.
var maxExpiry = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

// A User is what a valid token says of its bearer.
type User struct {
	ID uint64 // never 0
	// Name is a label and no identity: at most proto.MaxName bytes, printable.
	// Empty if the token has none.
	Name string
	// Services are those the user answers for as an agent, rising, none twice.
	Services []proto.ServiceType
	Expires  time.Time // zero: never
	Issued   time.Time // in whole seconds; zero: the token does not say
	// Device is the one that the token was given to; 0: it names none.
	Device uint64
}

// Authority verifies tokens with one key and, if the key is a secret, mints
// them. Safe for concurrent use.
type Authority struct {
	key    key
	parser *jwt.Parser
	now    func() time.Time
	offer  offer
}

func newAuthority(k key, now func() time.Time) *Authority {
	return &Authority{key: k, now: now, parser: jwt.NewParser(
		jwt.WithValidMethods(k.methods),
		jwt.WithExpirationRequired(),
		jwt.WithLeeway(leeway),
		jwt.WithTimeFunc(now),
		jwt.WithStrictDecoding(),
	)}
}

// claims are the claims that Parley knows. nbf and exp are checked by the JWT
// library, others are ignored.
type claims struct {
	jwt.RegisteredClaims
	Name     string  `json:"name,omitempty"`
	Services []int64 `json:"services,omitempty"`
	// Device is an id in decimal; what others may mean by it is no reason to refuse a token.
	Device any `json:"device,omitempty"`
}

// errCritical refuses the crit header (RFC 7515, section 4.1.11), which lists
// extensions that must be understood: none is understood here.
var errCritical = errors.New("crit")

// Verify returns the user of a token. sub must be a user id in canonical
// decimal, exp must lie ahead; a name that is too long is cut, and services that
// there are not (Offer) are ignored. The error wraps a *proto.Refusal with reason NotAuthorized and a sentence for the
// person, in which nothing of the token stands.
func (a *Authority) Verify(token string) (User, error) {
	if token == "" {
		return User{}, refuse("there is no token: sign in first")
	}
	if len(token) > MaxToken {
		return User{}, refuse("the token is longer than %d bytes: sign in again", MaxToken)
	}
	var c claims
	parsed, err := a.parser.ParseWithClaims(token, &c, func(t *jwt.Token) (any, error) {
		if _, ok := t.Header["crit"]; ok {
			return nil, errCritical
		}
		return a.key.verify, nil
	})
	if err != nil {
		return User{}, a.refusal(parsed, err)
	}
	return a.user(&c)
}

func (a *Authority) user(c *claims) (User, error) {
	id, ok := proto.ParseID(c.Subject)
	if !ok {
		return User{}, refuse("the token's sub is not a user id: want a decimal from 1 to 18446744073709551615, as a string")
	}
	if c.ExpiresAt.After(maxExpiry) {
		return User{}, refuse("the token's exp is out of range: want Unix seconds before the year 9999")
	}
	if !a.now().Before(c.ExpiresAt.Time) {
		return User{}, expired()
	}
	u := User{ID: id, Name: cleanName(c.Name), Services: a.offer.known(c.Services), Expires: c.ExpiresAt.Time}
	if c.IssuedAt != nil {
		u.Issued = c.IssuedAt.Time
	}
	if device, ok := c.Device.(string); ok {
		u.Device, _ = proto.ParseID(device)
	}
	return u, nil
}

// refusal words the reason for a person. parsed may be nil.
func (a *Authority) refusal(parsed *jwt.Token, err error) error {
	method := parsed != nil && parsed.Method != nil && slices.Contains(a.key.methods, parsed.Method.Alg())
	switch {
	case errors.Is(err, jwt.ErrTokenMalformed):
		return refuse("the token is not a JWT with sub and name as strings, exp as a number and services as numbers: sign in again")
	case errors.Is(err, errCritical):
		return refuse("the token has a crit header, and this server knows no extensions: sign in again")
	case !method:
		return refuse("the token's alg does not fit this server's key (%s): sign in again", a.key)
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return refuse("the token was not signed with this server's key: sign in again")
	case errors.Is(err, jwt.ErrTokenExpired):
		return expired()
	case errors.Is(err, jwt.ErrTokenRequiredClaimMissing):
		return refuse("the token has no exp: mint it with an end")
	case errors.Is(err, jwt.ErrTokenNotValidYet):
		return refuse("the token is not valid yet: check the clock of the machine that made it")
	}
	return refuse("the token is not valid: sign in again")
}

func expired() error {
	return fmt.Errorf("token: %w", proto.Refuse(proto.NotAuthorized, "the token has expired: sign in again").Named("token-expired"))
}

func refuse(format string, args ...any) error {
	return fmt.Errorf("token: %w", proto.Refuse(proto.NotAuthorized, format, args...).Named("token-invalid"))
}

// CanMint reports whether the key is a secret. Public keys only verify.
func (a *Authority) CanMint() bool { return a.key.secret != nil }

// Mint makes a token for u that is valid for ttl, rounded down to seconds;
// u.Expires and u.Issued are not looked at. It fails if the key is a public one.
func (a *Authority) Mint(u User, ttl time.Duration) (string, error) {
	if !a.CanMint() {
		return "", errors.New("mint a token: the key is a public key, which only verifies")
	}
	c := claims{Name: u.Name, RegisteredClaims: jwt.RegisteredClaims{
		Subject:   strconv.FormatUint(u.ID, 10),
		IssuedAt:  jwt.NewNumericDate(a.now()),
		ExpiresAt: jwt.NewNumericDate(a.now().Add(ttl)),
	}}
	if u.Device != 0 {
		c.Device = strconv.FormatUint(u.Device, 10)
	}
	for _, s := range u.Services {
		c.Services = append(c.Services, int64(s))
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, c).SignedString(a.key.secret)
	if err != nil {
		return "", fmt.Errorf("mint a token: %w", err)
	}
	return token, nil
}
