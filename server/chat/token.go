package chat

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

// maxToken is the longest token there is, in bytes, with room for later versions.
const maxToken = 160

// position is what a sync token holds: whose history, the change number up to
// which the client knows it, the services that it knows the conversations of, and
// under which start of the server it was told (Store.Start, or Shared.LastStart); 0 in tokens of
// versions that did not say.
type position struct {
	epoch, rev uint64
	services   Services
	start      uint64
}

// tokens makes sync tokens, and reads those that it made or earlier versions did.
//
// They are signed with the history's secret. So one that tells of changes which
// the history does not have proves that it had them once, and a backup was put
// back since; nobody can make one up.
type tokens struct{ secret []byte }

// of returns the token of a position.
func (t tokens) of(p position) string {
	text := fmt.Sprintf("v3.%d.%d.%d.%d", p.epoch, p.rev, uint64(p.services), p.start)
	return text + "." + t.sign(text)
}

func (t tokens) sign(text string) string {
	mac := hmac.New(sha256.New, t.secret)
	mac.Write([]byte("sync token " + text)) // never fails
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}

// read returns the zero position for what no server of this history made: that
// asks for everything. Those of earlier versions, v1 and v2, are not signed.
func (t tokens) read(token string) (p position) {
	if len(token) > maxToken {
		return position{}
	}
	parts := strings.Split(token, ".")
	numbers := []*uint64{&p.epoch, &p.rev, (*uint64)(&p.services), &p.start}
	switch {
	case len(parts) == 3 && parts[0] == "v1", len(parts) == 4 && parts[0] == "v2":
		parts = parts[1:]
	case len(parts) == 6 && parts[0] == "v3":
		text, signature := token[:strings.LastIndexByte(token, '.')], parts[5]
		if !hmac.Equal([]byte(signature), []byte(t.sign(text))) {
			return position{}
		}
		parts = parts[1:5]
	default:
		return position{}
	}
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 64)
		if err != nil {
			return position{}
		}
		*numbers[i] = n
	}
	return p
}
