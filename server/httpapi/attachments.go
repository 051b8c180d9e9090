package httpapi

import (
	"fmt"
	"mime"
	"net/http"
	"strings"
	"time"

	"parley/proto"
	"parley/server/chat"
)

// attachment serves GET /api/attachments/{id}: a finished upload, to whoever may read an entry
// that names it, and its uploader. An id stands for the same content for ever, so that it is the
// ETag; but whether it may be read is asked each time. Nothing is served that a browser runs:
// what is not known to be a picture or a sound is a download, of no type.
func (a *api) attachment(w http.ResponseWriter, r *http.Request) {
	leave, who, ok := a.letIn(w, r)
	if !ok {
		return
	}
	defer leave()
	id, err := pathID(r)
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	found, content, err := a.Attachments.Open(r.Context(), senderOf(who), id)
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	defer func() {
		if err := content.Close(); err != nil {
			a.Log.Error("an attachment could not be closed", "error", err)
		}
	}()
	if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(downloadTime)); err != nil {
		a.refuse(w, r, err)
		return
	}
	describe(w.Header(), found)
	http.ServeContent(w, r, "", time.Time{}, content)
}

// describe sets the headers of an attachment.
func describe(h http.Header, a chat.Attachment) {
	disposition := "inline"
	if !proto.IsPicture(a.MediaType) && !proto.IsSound(a.MediaType) {
		disposition = "attachment"
	}
	keep(h)
	h.Set("Cache-Control", "private, no-cache")
	h.Set("ETag", fmt.Sprintf(`"%d"`, a.ID))
	h.Set("Content-Type", a.MediaType)
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Content-Disposition", dispositionOf(disposition, a.Name))
}

// dispositionOf names a file (RFC 6266): in ASCII alone, or once more as it is (RFC 8187).
func dispositionOf(disposition, name string) string {
	plain := strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e || r == '"' || r == '\\' || r == '%' {
			return '_'
		}
		return r
	}, name)
	header := disposition + `; filename="` + plain + `"`
	if plain == name {
		return header
	}
	encoded := mime.FormatMediaType(disposition, map[string]string{"filename": name}) // filename*=utf-8''…
	if _, value, ok := strings.Cut(encoded, "filename*="); ok {
		header += "; filename*=" + value
	}
	return header
}
