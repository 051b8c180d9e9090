package auth

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"parley/proto"
)

// An Invite is the code that makes guests agents, until it expires and so many
// times. It stands in a file that one Invite at a time may use: the code, and
// on the next line, as JSON, how far it goes; an invite without such a line, as
// earlier versions made, goes on for ever. Agents who used it stay agents when
// it is replaced. Safe for concurrent use.
type Invite struct {
	file string
	now  func() time.Time
	mu   sync.Mutex // of the file
}

// Terms are how far an invite goes.
type Terms struct {
	Expires time.Time `json:"expires,omitzero"` // zero: never
	Left    *int      `json:"left,omitempty"`   // how many agents it still makes; nil: any number
}

// NewInvite returns the invite that stands in a file, if there is one.
func NewInvite(file string, now func() time.Time) *Invite {
	return &Invite{file: file, now: now}
}

// Exists reports whether there is an invite, used up or not. An error says what
// is wrong with it.
func (i *Invite) Exists() (bool, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	_, _, err := i.read()
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Make puts a new invite for count agents in the place of the one there is,
// which stops working, and returns its code. It is on disk then, readable by its
// owner alone.
func (i *Invite) Make(expires time.Time, count int) (code string, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	code = newSecret()
	return code, i.write(code, Terms{expires.UTC().Truncate(time.Second), &count})
}

// Use counts one agent more. When it returns nil, that is on disk: of two who
// use an invite for the last time, one is refused. Errors are a *proto.Refusal
// with NotAuthorized if the code is not the invite's, or the invite's time or
// number is over; others say that the invite cannot be read or written.
func (i *Invite) Use(code string) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	own, terms, err := i.read()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return notThisServers()
	case err != nil:
		return err
	case subtle.ConstantTimeCompare([]byte(own), []byte(code)) != 1:
		return notThisServers()
	case !terms.Expires.IsZero() && !i.now().Before(terms.Expires):
		return proto.Refuse(proto.NotAuthorized, "the invite has expired: ask whoever runs the server for a new one (parley invite)").Named("invite-expired")
	case terms.Left == nil:
		return nil
	case *terms.Left < 1:
		return proto.Refuse(proto.NotAuthorized, "the invite is used up: ask whoever runs the server for a new one (parley invite)").Named("invite-used-up")
	}
	*terms.Left--
	return i.write(own, terms)
}

func notThisServers() error {
	return proto.Refuse(proto.NotAuthorized, "the invite is not this server's: take the newest, which it printed at its first start or when it was asked for a new one (parley invite)").Named("invite-unknown")
}

func (i *Invite) read() (code string, terms Terms, err error) {
	content, err := readBounded(i.file)
	if err != nil {
		return "", terms, err
	}
	code, rest, _ := strings.Cut(strings.TrimSpace(string(content)), "\n")
	if code = strings.TrimSpace(code); len(code) < minSecret/2 {
		return "", terms, fmt.Errorf("invite file %s: too short to be secret: make a new one with parley invite", i.file)
	}
	if rest != "" {
		if err := json.Unmarshal([]byte(rest), &terms); err != nil {
			return "", terms, fmt.Errorf("invite file %s: its second line is damaged: make a new one with parley invite", i.file)
		}
	}
	return code, terms, nil
}

func (i *Invite) write(code string, terms Terms) error {
	line, err := json.Marshal(terms)
	if err != nil {
		return fmt.Errorf("write the invite's terms: %w", err)
	}
	temp, err := writeBeside(i.file, code+"\n"+string(line)+"\n")
	if err == nil {
		err = errors.Join(os.Rename(temp, i.file), syncFolder(filepath.Dir(i.file)))
	}
	if err != nil {
		return fmt.Errorf("cannot keep the invite in %s: %w", i.file, err)
	}
	return nil
}
