package httpapi

import (
	"net/http"

	"parley/proto"
	"parley/server/auth"
	"parley/server/chat"
)

// defaultLimit is how many entries a request gets that names no limit.
const defaultLimit = 50

// conversations says what changed since the answer that token came with;
// without token, all. At most proto.MaxStates rows: more says that others
// follow under the new token.
func (a *api) conversations(r *http.Request, who auth.User) (any, error) {
	q, err := parseQuery(r)
	if err != nil {
		return nil, err
	}
	token, err := q.text("token")
	if err != nil {
		return nil, err
	}
	return a.Service.Conversations(r.Context(), senderOf(who), token)
}

// messages returns entries with after < seq < before, in seq order: of more than
// limit the newest, or the oldest if only after is given. With revised_after they are those
// that were revised since, in the order of revised_seq; with at the oldest that were created then or later.
func (a *api) messages(r *http.Request, who auth.User) (any, error) {
	key, err := proto.ParseKey(r.PathValue("key"))
	if err != nil {
		return nil, err
	}
	q, err := parseQuery(r)
	if err != nil {
		return nil, err
	}
	w, err := q.window()
	if err != nil {
		return nil, err
	}
	return a.Service.Messages(r.Context(), senderOf(who), key, w)
}

func senderOf(who auth.User) chat.Sender {
	return chat.Sender{User: who.ID, Name: who.Name, Services: who.Services}
}
