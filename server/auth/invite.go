package auth

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"parley/proto"
)

// An Invite is the code that makes guests agents, until it expires and so many
// times. It is kept in a place, such as a file that one Invite at a time may use: the
// code, and on the next line, as JSON, how far it goes; an invite without such a line, as
// earlier versions made, goes on for ever. Agents who used it stay agents when
// it is replaced. Safe for concurrent use.
type Invite struct {
	in  Place
	now func() time.Time
}

// Terms are how far an invite goes.
type Terms struct {
	Expires time.Time `json:"expires,omitzero"` // zero: never
	Left    *int      `json:"left,omitempty"`   // how many agents it still makes; nil: any number
}

// NewInvite returns the invite that is kept in a place, if there is one.
func NewInvite(in Place, now func() time.Time) *Invite {
	return &Invite{in: in, now: now}
}

// Exists reports whether there is an invite, used up or not. An error says what
// is wrong with it.
func (i *Invite) Exists() (exists bool, err error) {
	_, err = i.in.Change(func(kept []byte) ([]byte, error) {
		exists = kept != nil
		if !exists {
			return nil, nil
		}
		_, _, err := readInvite(kept)
		return nil, err
	})
	return exists && err == nil, err
}

// Make puts a new invite for count agents in the place of the one there is,
// which stops working, and returns its code. It is on disk then.
func (i *Invite) Make(expires time.Time, count int) (code string, err error) {
	return i.make(expires, count, true)
}

// MakeFirst is Make where there is no invite yet; where there is one, the code is "".
func (i *Invite) MakeFirst(expires time.Time, count int) (code string, err error) {
	return i.make(expires, count, false)
}

func (i *Invite) make(expires time.Time, count int, replace bool) (code string, err error) {
	_, err = i.in.Change(func(kept []byte) ([]byte, error) {
		if code = ""; kept != nil && !replace {
			_, _, err := readInvite(kept)
			return nil, err
		}
		code = newSecret()
		return writeInvite(code, Terms{expires.UTC().Truncate(time.Second), &count})
	})
	if err != nil {
		return "", err
	}
	return code, nil
}

// Use counts one agent more. When it returns nil, that is on disk: of two who
// use an invite for the last time, one is refused. Errors are a *proto.Refusal
// with NotAuthorized if the code is not the invite's, or the invite's time or
// number is over; others say that the invite cannot be read or written.
func (i *Invite) Use(code string) error {
	_, err := i.in.Change(func(kept []byte) ([]byte, error) {
		if kept == nil {
			return nil, notThisServers()
		}
		own, terms, err := readInvite(kept)
		switch {
		case err != nil:
			return nil, err
		case subtle.ConstantTimeCompare([]byte(own), []byte(code)) != 1:
			return nil, notThisServers()
		case !terms.Expires.IsZero() && !i.now().Before(terms.Expires):
			return nil, proto.Refuse(proto.NotAuthorized, "the invite has expired: ask whoever runs the server for a new one (parley invite)").Named("invite-expired")
		case terms.Left == nil:
			return nil, nil
		case *terms.Left < 1:
			return nil, proto.Refuse(proto.NotAuthorized, "the invite is used up: ask whoever runs the server for a new one (parley invite)").Named("invite-used-up")
		}
		*terms.Left--
		return writeInvite(own, terms)
	})
	return err
}

func notThisServers() error {
	return proto.Refuse(proto.NotAuthorized, "the invite is not this server's: take the newest, which it printed at its first start or when it was asked for a new one (parley invite)").Named("invite-unknown")
}

// readInvite reads what is kept of an invite.
func readInvite(kept []byte) (code string, terms Terms, err error) {
	code, rest, _ := strings.Cut(strings.TrimSpace(string(kept)), "\n")
	if code = strings.TrimSpace(code); len(code) < minSecret/2 {
		return "", terms, errors.New("the invite (agent.invite) is too short to be secret: make a new one with parley invite")
	}
	if rest != "" {
		if err := json.Unmarshal([]byte(rest), &terms); err != nil {
			return "", terms, errors.New("the invite's (agent.invite) second line is damaged: make a new one with parley invite")
		}
	}
	return code, terms, nil
}

func writeInvite(code string, terms Terms) ([]byte, error) {
	line, err := json.Marshal(terms)
	if err != nil {
		return nil, fmt.Errorf("write the invite's terms: %w", err)
	}
	return []byte(code + "\n" + string(line) + "\n"), nil
}
