package httpapi

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"parley/proto"
	"parley/server/attachment"
	"parley/server/chat"
)

// withAttachments are those of a site, in a folder.
func withAttachments(t *testing.T) func(*Config) {
	return func(c *Config) {
		c.Attachments = attachment.New(attachment.Config{Uploads: c.Service, Store: attachment.NewFolder(t.TempDir()), Log: c.Log})
	}
}

// tus are the headers of a request of the tus protocol, and some more in pairs.
func tus(token string, more ...string) header {
	h := header{"Authorization": "Bearer " + token, "Tus-Resumable": "1.0.0"}
	for i := 0; i < len(more); i += 2 {
		h[more[i]] = more[i+1]
	}
	return h
}

func patch(token string, offset int) header {
	return tus(token, "Upload-Offset", strconv.Itoa(offset), "Content-Type", "application/offset+octet-stream")
}

// upload uploads a content in one go, and returns its id.
func (s *site) upload(token, name, content string) uint64 {
	s.t.Helper()
	answer, body := s.do("POST", "/api/uploads", tus(token, "Upload-Length", strconv.Itoa(len(content)), "Content-Type", "application/offset+octet-stream",
		"Upload-Metadata", "filename "+base64.StdEncoding.EncodeToString([]byte(name))), content)
	id, ok := proto.ParseID(strings.TrimPrefix(answer.Header.Get("Location"), "uploads/"))
	if answer.StatusCode != http.StatusCreated || !ok || answer.Header.Get("Upload-Offset") != strconv.Itoa(len(content)) {
		s.t.Fatalf("%s: %v %s", answer.Status, answer.Header, body)
	}
	return id
}

func (s *site) attach(from, to uint64, kind proto.MessageType, id uint64) {
	s.t.Helper()
	message, empty := uint64(0), ""
	payload, err := proto.Marshal(&proto.Message{MessageId: &message, SenderId: &from, Content: &empty, CreateTime: &message, ReceiverId: &to,
		MessageType: &kind, Attachments: []*proto.Attachment{{AttachmentId: &id}}})
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.service.Publish(s.t.Context(), chat.Sender{User: from}, proto.BranchMessage, payload, nil); err != nil {
		s.t.Fatal(err)
	}
}

func pngContent(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewPaletted(image.Rect(0, 0, 30, 20), color.Palette{color.Black})); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestAnUploadIsResumedWhereItStands(t *testing.T) {
	s := newSite(t, withAttachments(t))
	token := s.token(3)
	answer, _ := s.do("POST", "/api/uploads", tus(token, "Upload-Length", "10"), "")
	path := "/api/" + answer.Header.Get("Location")
	if answer.StatusCode != http.StatusCreated || answer.Header.Get("Tus-Resumable") != "1.0.0" {
		t.Fatal(answer.Status, answer.Header)
	}
	for _, step := range []struct {
		name          string
		method        string
		header        header
		body          string
		status        int
		offset, words string
	}{
		{"how far it is", "HEAD", tus(token), "", 200, "0", ""},
		{"some of it", "PATCH", patch(token, 0), "0123", 204, "4", ""},
		{"how far it is then", "HEAD", tus(token), "", 200, "4", ""},
		{"the same again", "PATCH", patch(token, 0), "0123", 409, "", "mismatched offset"},
		{"too far", "PATCH", patch(token, 5), "5", 409, "", "mismatched offset"},
		{"too much", "PATCH", patch(token, 4), "4567890", 413, "", "exceeded"},
		{"of another type", "PATCH", tus(token, "Upload-Offset", "4", "Content-Type", "text/plain"), "4", 400, "", "Content-Type"},
		{"by somebody else", "PATCH", patch(s.token(5), 4), "4", 403, "", "no such attachment"},
		{"by nobody", "PATCH", header{"Tus-Resumable": "1.0.0", "Upload-Offset": "4"}, "4", 401, "", "no token"},
		{"in another version", "PATCH", header{"Authorization": "Bearer " + token, "Tus-Resumable": "0.2.0"}, "4", 412, "", "VERSION"},
		{"the rest", "PATCH", patch(token, 4), "456789", 204, "10", ""},
		{"all of it again", "PATCH", patch(token, 10), "", 204, "10", ""},
		{"cancelled by somebody else", "DELETE", tus(s.token(5)), "", 403, "", "no such attachment"},
		{"cancelled", "DELETE", tus(token), "", 204, "", ""},
		{"after that", "HEAD", tus(token), "", 403, "", ""},
	} {
		answer, body := s.do(step.method, path, step.header, step.body)
		if answer.StatusCode != step.status || answer.Header.Get("Upload-Offset") != step.offset {
			t.Errorf("%s: %s, at %q: %s", step.name, answer.Status, answer.Header.Get("Upload-Offset"), body)
		}
		if step.words != "" {
			wantProblem(t, answer, body, step.status, step.words)
		}
	}
	answer, _ = s.do("GET", path, tus(token), "")
	if answer.StatusCode != http.StatusMethodNotAllowed {
		t.Error("GET:", answer.Status)
	}
}

func TestWhatIsUploadedIsServedAsNothingThatABrowserRuns(t *testing.T) {
	s := newSite(t, withAttachments(t))
	ada, bob, eve := s.token(3), s.token(5), s.token(7)
	svg := `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`
	for _, test := range []struct {
		name, content          string
		kind                   proto.MessageType
		mediaType, disposition string
	}{
		{"a.png", pngContent(t), proto.MessageType_MESSAGE_TYPE_IMAGE, "image/png", `inline; filename="a.png"`},
		{"a.png", svg, proto.MessageType_MESSAGE_TYPE_FILE, "application/octet-stream", `attachment; filename="a.png"`},
		{"x/../报告 \"1\".html\n", "<script>alert(1)</script>", proto.MessageType_MESSAGE_TYPE_FILE, "application/octet-stream", `attachment; filename="__ 1.html"; filename*=utf-8''%E6%8A%A5%E5%91%8A%201.html`},
		{"a.ogg", "OggS" + strings.Repeat("\x00", 24) + "OpusHead", proto.MessageType_MESSAGE_TYPE_VOICE, "audio/ogg", `inline; filename="a.ogg"`},
	} {
		id := s.upload(ada, test.name, test.content)
		path := fmt.Sprint("/api/attachments/", id)
		if answer, body := s.do("GET", path, bearer(bob), ""); answer.StatusCode != http.StatusForbidden {
			t.Errorf("before it was sent: %s %s", answer.Status, body)
		}
		s.attach(3, 5, test.kind, id)
		for _, token := range []string{ada, bob} {
			answer, body := s.do("GET", path, bearer(token), "")
			h := answer.Header
			if answer.StatusCode != http.StatusOK || body != test.content || h.Get("Content-Type") != test.mediaType || h.Get("Content-Disposition") != test.disposition ||
				h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Content-Security-Policy") != "default-src 'none'; sandbox" || h.Get("Cache-Control") != "private, no-cache" {
				t.Errorf("%q: %s %v", test.name, answer.Status, h)
			}
		}
		wantStatus := func(h header, status int, content string) {
			t.Helper()
			h["Authorization"] = "Bearer " + bob
			if answer, body := s.do("GET", path, h, ""); answer.StatusCode != status || body != content {
				t.Errorf("%v: %s %q", h, answer.Status, body)
			}
		}
		wantStatus(header{"Range": "bytes=1-3"}, http.StatusPartialContent, test.content[1:4])
		wantStatus(header{"If-None-Match": fmt.Sprintf(`"%d"`, id)}, http.StatusNotModified, "")
		answer, body := s.do("GET", path, bearer(eve), "")
		wantProblem(t, answer, body, http.StatusForbidden, "no such attachment")
		answer, body = s.do("GET", path, nil, "")
		wantProblem(t, answer, body, http.StatusUnauthorized, "no token")
	}
	answer, body := s.do("GET", "/api/attachments/1", bearer(ada), "")
	wantProblem(t, answer, body, http.StatusForbidden, "no such attachment")
	answer, body = s.do("GET", "/api/attachments/x", bearer(ada), "")
	wantProblem(t, answer, body, http.StatusBadRequest, "the id in the address")
}

func TestTheLimitsOfUploadsAreToldAndKept(t *testing.T) {
	s := newSite(t, withAttachments(t))
	token := s.token(3)
	answer, body := s.do("GET", "/api/uploads", bearer(token), "")
	if answer.StatusCode != http.StatusOK || !strings.Contains(body, `"max_size":"0"`) || !strings.Contains(body, `"max_attachments":10`) {
		t.Error(answer.Status, body)
	}
	answer, _ = s.do("OPTIONS", "/api/uploads", nil, "")
	if answer.Header.Get("Tus-Version") != "1.0.0" || answer.Header.Get("Tus-Extension") != "creation,creation-with-upload,termination" {
		t.Error(answer.Header)
	}
	answer, body = s.do("POST", "/api/uploads", tus(token, "Upload-Length", "0"), "")
	wantProblem(t, answer, body, http.StatusBadRequest, "empty")
	answer, body = s.do("POST", "/api/uploads", tus(token, "Upload-Length", "-1"), "")
	wantProblem(t, answer, body, http.StatusBadRequest, "Upload-Length")
	answer, body = s.do("POST", "/api/uploads", tus(token, "Upload-Defer-Length", "1"), "")
	wantProblem(t, answer, body, http.StatusNotImplemented, "not implemented")
}
