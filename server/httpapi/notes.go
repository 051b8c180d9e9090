package httpapi

import (
	"encoding/hex"
	"net/http"
	"strconv"

	"parley/proto"
	"parley/server/auth"
	"parley/server/chat"
)

// note is a note on a conversation, as JSON.
type note struct {
	ID     string `json:"id"`
	After  string `json:"after_seq"`
	Author string `json:"author_id"`
	Name   string `json:"author_name"`
	Time   string `json:"create_time"`
	Text   string `json:"content"`
}

func noteOf(n chat.Note, name string) note {
	return note{decimal(n.ID), decimal(n.After), decimal(n.Author), name, decimal(n.Time), n.Content}
}

func decimal(n uint64) string { return strconv.FormatUint(n, 10) }

// notes are those on a service's conversation, the oldest first, for its agents alone.
func (a *api) notes(r *http.Request, who auth.User) (any, error) {
	key, err := proto.ParseKey(r.PathValue("key"))
	if err != nil {
		return nil, err
	}
	found, names, err := a.Service.Notes(r.Context(), senderOf(who), key)
	if err != nil {
		return nil, err
	}
	notes := make([]note, 0, len(found))
	for _, n := range found {
		notes = append(notes, noteOf(n, names[n.Author]))
	}
	return struct {
		Notes []note `json:"notes"`
	}{notes}, nil
}

// newNote is what POST …/notes asks for.
type newNote struct {
	Text string `json:"content"`
	// After is the newest seq that the author had seen; "" is the newest there is.
	After string `json:"after_seq"`
	// Ref is a client_ref, 32 hex digits: what is sent again with it is one note.
	Ref string `json:"ref"`
}

func (n newNote) wish() (wish chat.NewNote, err error) {
	wish.Content, wish.After = n.Text, 1<<64-1
	if n.After != "" {
		if wish.After, err = strconv.ParseUint(n.After, 10, 64); err != nil {
			return wish, badRequest("after_seq is no seq in decimal digits")
		}
	}
	wish.Ref, err = parseRef(n.Ref)
	return wish, err
}

// parseRef reads a client_ref in hex; the zero one from "".
func parseRef(text string) (ref [proto.RefSize]byte, err error) {
	if text == "" {
		return ref, nil
	}
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != proto.RefSize {
		return ref, badRequest("ref is not 32 hex digits: send some, or none")
	}
	copy(ref[:], b)
	return ref, nil
}

func (a *api) addNote(r *http.Request, who auth.User) (any, error) {
	key, err := proto.ParseKey(r.PathValue("key"))
	if err != nil {
		return nil, err
	}
	var body newNote
	if err := readJSON(r, maxTextBody, &body); err != nil {
		return nil, err
	}
	wish, err := body.wish()
	if err != nil {
		return nil, err
	}
	added, err := a.Service.AddNote(r.Context(), senderOf(who), key, wish)
	if err != nil {
		return nil, err
	}
	return noteOf(added, who.Name), nil
}

// deleteNote deletes a note of one's own.
func (a *api) deleteNote(r *http.Request, who auth.User) (any, error) {
	key, err := proto.ParseKey(r.PathValue("key"))
	if err != nil {
		return nil, err
	}
	id, err := pathID(r)
	if err != nil {
		return nil, err
	}
	return nil, a.Service.DeleteNote(r.Context(), senderOf(who), key, id)
}

// pathID is the id in a request's path.
func pathID(r *http.Request) (uint64, error) {
	id, ok := proto.ParseID(r.PathValue("id"))
	if !ok {
		return 0, badRequest("the id in the address is not a number above 0 in decimal digits")
	}
	return id, nil
}
