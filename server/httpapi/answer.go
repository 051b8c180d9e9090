package httpapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/server/chat"
	"parley/server/web/accept"
)

// write sends an answer in the form that the client prefers. An error means
// that nothing was sent.
func write(w http.ResponseWriter, r *http.Request, status int, answer any) error {
	if v, ok := answer.(versioned); ok {
		w.Header().Set("ETag", v.etag())
	}
	body, mediaType, err := encode(w, r, answer)
	if err != nil {
		return fmt.Errorf("encode an answer: %w", err)
	}
	if _, lasting := answer.(lasting); lasting && revalidated(w, r, body) {
		return nil
	}
	send(w, mediaType, status, body)
	return nil
}

// versioned is an answer that has an ETag.
type versioned interface{ etag() string }

// lasting is an answer that is the same for everybody and changes seldom: clients may
// keep it, and ask each time whether it still holds.
type lasting struct{ answer any }

// MarshalJSON implements json.Marshaler.
func (l lasting) MarshalJSON() ([]byte, error) { return plainJSON(l.answer) }

// revalidated names a lasting answer (RFC 9110, section 8.8.3), and answers a client
// who has it already.
func revalidated(w http.ResponseWriter, r *http.Request, body []byte) bool {
	tag := fmt.Sprintf(`"%x"`, sha256.Sum256(body))
	w.Header().Set("ETag", tag)
	w.Header().Set("Cache-Control", "no-cache")
	for _, known := range strings.Split(r.Header.Get("If-None-Match"), ",") {
		if known = strings.TrimSpace(known); strings.TrimPrefix(known, "W/") == tag || known == "*" {
			w.WriteHeader(http.StatusNotModified)
			return true
		}
	}
	return false
}

func encode(w http.ResponseWriter, r *http.Request, answer any) (body []byte, mediaType string, err error) {
	page, isPage := answer.(*chat.Page)
	m, isMessage := answer.(protobuf.Message)
	if !isPage && !isMessage {
		body, err = plainJSON(answer)
		return body, "application/json", err
	}
	w.Header().Add("Vary", "Accept")
	switch binary := wantsProtobuf(r); {
	case binary && isPage:
		return page.Marshal(), proto.ContentType, nil
	case binary:
		body, err = proto.Marshal(m)
		return body, proto.ContentType, err
	case isPage:
		if m, err = page.Message(); err != nil {
			return nil, "", err
		}
	}
	body, err = messageJSON(m)
	return body, "application/json", err
}

func plainJSON(answer any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(answer)
	return b.Bytes(), err
}

// messageJSON writes a message under its fields' names in the .proto file,
// 64-bit integers as strings, and empty lists as such. protojson puts spaces
// where it likes, so that nobody relies on its form; Compact takes them out.
func messageJSON(m protobuf.Message) ([]byte, error) {
	loose, err := protojson.MarshalOptions{UseProtoNames: true, UseEnumNumbers: true, EmitDefaultValues: true}.Marshal(m)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := json.Compact(&b, loose); err != nil {
		return nil, err
	}
	b.WriteByte('\n')
	body := emptyLists.ReplaceAll(b.Bytes(), nil)
	if answer, ok := m.(*proto.BaseUserUnreadStatics); ok {
		return withLast(answer, body)
	}
	return body, nil
}

// emptyLists matches the lists of an entry that hold nothing, which most entries do not
// have: they are left out as other fields are that are not set. Within a string no quotation
// mark stands without a backslash.
var emptyLists = func() *regexp.Regexp {
	var names []string
	for _, m := range []protobuf.Message{(*proto.Message)(nil), (*proto.ServiceMessage)(nil)} {
		fields := m.ProtoReflect().Descriptor().Fields()
		for i := range fields.Len() {
			if f := fields.Get(i); f.IsList() {
				names = append(names, string(f.Name()))
			}
		}
	}
	return regexp.MustCompile(`,"(?:` + strings.Join(names, "|") + `)":\[\]`)
}()

// withLast gives the newest entry one name in rows of both kinds, as a client
// that reads JSON can tell them apart by their fields.
func withLast(answer *proto.BaseUserUnreadStatics, body []byte) ([]byte, error) {
	if !slices.ContainsFunc(answer.GetConversations(), func(c *proto.ConversationState) bool { return c.LastService != nil }) {
		return body, nil
	}
	var whole map[string]json.RawMessage
	if err := json.Unmarshal(body, &whole); err != nil {
		return nil, err
	}
	var rows []map[string]json.RawMessage
	if err := json.Unmarshal(whole["conversations"], &rows); err != nil {
		return nil, err
	}
	for _, row := range rows {
		if last, ok := row["last_service"]; ok {
			row["last"] = last
			delete(row, "last_service")
		}
	}
	renamed, err := plainJSON(rows)
	if err != nil {
		return nil, err
	}
	whole["conversations"] = renamed
	return plainJSON(whole)
}

// wantsProtobuf reports whether the client asks for protobuf by name and likes
// it no less than JSON.
func wantsProtobuf(r *http.Request) bool {
	header := r.Header.Values("Accept")
	q, _ := accept.Quality(header, proto.ContentType)
	other, _ := accept.Quality(header, "application/json", "application/*", "*/*")
	return q > 0 && q >= other
}

// send sends an answer that is for this client now and, unless its header says
// otherwise, for no cache.
func send(w http.ResponseWriter, mediaType string, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	keep(h)
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that went away needs no answer
}

// sendNothing says that it is done.
func sendNothing(w http.ResponseWriter) {
	keep(w.Header())
	w.WriteHeader(http.StatusNoContent)
}

// keep sets what holds for all answers.
func keep(h http.Header) {
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
}
