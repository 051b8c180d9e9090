package httpapi

import (
	"net/http"
	"strconv"
	"strings"

	"parley/proto"
	"parley/server/auth"
	"parley/server/chat"
)

// reply is a canned reply, as JSON. Its ETag is its version.
type reply struct {
	ID      string `json:"id"`
	Version string `json:"version"`
	Title   string `json:"title"`
	Text    string `json:"content"`
}

func replyOf(r chat.Reply) reply { return reply{decimal(r.ID), decimal(r.Version), r.Title, r.Content} }

func (r reply) etag() string { return `"` + r.Version + `"` }

// replies are the canned replies of a service, by their titles, for its agents alone.
func (a *api) replies(r *http.Request, who auth.User) (any, error) {
	service, err := pathService(r)
	if err != nil {
		return nil, err
	}
	found, err := a.Service.Replies(r.Context(), senderOf(who), service)
	if err != nil {
		return nil, err
	}
	replies := make([]reply, 0, len(found))
	for _, one := range found {
		replies = append(replies, replyOf(one))
	}
	return struct {
		Replies      []reply  `json:"replies"`
		Placeholders []string `json:"placeholders"`
	}{replies, chat.Placeholders}, nil
}

// pathService is the service in a request's path, which need not be there.
func pathService(r *http.Request) (proto.ServiceType, error) {
	n, err := strconv.ParseUint(r.PathValue("service"), 10, 31)
	if err != nil {
		return 0, badRequest("the service in the address is not a number in decimal digits")
	}
	return proto.ServiceType(n), nil
}

func (a *api) addReply(r *http.Request, who auth.User) (any, error) {
	wish, err := readReply(r)
	if err != nil {
		return nil, err
	}
	added, err := a.Service.AddReply(r.Context(), senderOf(who), wish)
	return replyOf(added), err
}

// readReply is the canned reply that a request holds, without an id.
func readReply(r *http.Request) (chat.Reply, error) {
	service, err := pathService(r)
	if err != nil {
		return chat.Reply{}, err
	}
	var body struct {
		Title string `json:"title"`
		Text  string `json:"content"`
	}
	err = readJSON(r, maxTextBody, &body)
	return chat.Reply{Service: service, Title: body.Title, Content: body.Text}, err
}

func (a *api) changeReply(r *http.Request, who auth.User) (any, error) {
	wish, err := readReply(r)
	if err != nil {
		return nil, err
	}
	if wish.ID, err = pathID(r); err != nil {
		return nil, err
	}
	seen, err := ifMatch(r)
	if err != nil {
		return nil, err
	}
	changed, err := a.Service.ChangeReply(r.Context(), senderOf(who), wish, seen)
	return replyOf(changed), err
}

func (a *api) deleteReply(r *http.Request, who auth.User) (any, error) {
	service, err := pathService(r)
	if err != nil {
		return nil, err
	}
	id, err := pathID(r)
	if err != nil {
		return nil, err
	}
	seen, err := ifMatch(r)
	if err != nil {
		return nil, err
	}
	return nil, a.Service.DeleteReply(r.Context(), senderOf(who), service, id, seen)
}

// ifMatch is the version that a request is to change, 0 if that is any: without a word
// about it two who change the same would undo each other's work unseen (RFC 6585, section 3).
func ifMatch(r *http.Request) (uint64, error) {
	header := r.Header.Values("If-Match")
	if len(header) == 0 {
		return 0, &problem{Status: http.StatusPreconditionRequired, Detail: "there is no If-Match: send the ETag of what you change"}
	}
	if len(header) == 1 && header[0] == "*" {
		return 0, nil
	}
	inner, ok := strings.CutPrefix(header[0], `"`)
	inner, closed := strings.CutSuffix(inner, `"`)
	version, known := proto.ParseID(inner)
	if len(header) > 1 || !ok || !closed || !known {
		return 0, badRequest("If-Match is not one ETag as it was sent: send that, with its quotation marks")
	}
	return version, nil
}
