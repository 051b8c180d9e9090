package s3

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"parley/server/e2e/live"
)

// ask makes a request of a server.
func ask(t *testing.T, method, url, body string, header map[string]string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range header {
		r.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.Body.Close() != nil {
		t.Fatal(err)
	}
	return answer, string(text)
}

func TestTheServerKeepsFilesInABucketAndWaitsForIt(t *testing.T) {
	bucket := NewBucket(t)
	server := &live.Server{Data: t.TempDir(), Flags: []string{"-attachments", bucket.Address}, Env: Environment}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Errorf("%v\n%s", err, server.Log())
		}
	})
	base := "http://" + server.Address
	_, body := ask(t, "POST", base+"/api/guests", `{"name":"Ada"}`, map[string]string{"Content-Type": "application/json"})
	var guest struct{ Token string }
	if err := json.Unmarshal([]byte(body), &guest); err != nil {
		t.Fatal(body, err)
	}
	content := strings.Repeat("0123456789", 100_000)
	tus := func(more ...string) map[string]string {
		h := map[string]string{"Authorization": "Bearer " + guest.Token, "Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}
		for i := 0; i < len(more); i += 2 {
			h[more[i]] = more[i+1]
		}
		return h
	}
	answer, _ := ask(t, "POST", base+"/api/uploads", content[:400_000], tus("Upload-Length", strconv.Itoa(len(content))))
	path := base + "/api/" + answer.Header.Get("Location")
	if answer.StatusCode != http.StatusCreated || answer.Header.Get("Upload-Offset") != "400000" {
		t.Fatal(answer.Status, answer.Header)
	}

	bucket.Leave()
	answer, body = ask(t, "PATCH", path, content[400_000:], tus("Upload-Offset", "400000"))
	if answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") == "" || !strings.Contains(body, "uploads-away") {
		t.Errorf("while the store is away: %s %v %s", answer.Status, answer.Header, body)
	}
	bucket.Return()
	if answer, _ := ask(t, "HEAD", path, "", tus()); answer.Header.Get("Upload-Offset") != "400000" {
		t.Errorf("it stands at %v", answer.Header)
	}
	if answer, body := ask(t, "PATCH", path, content[400_000:], tus("Upload-Offset", "400000")); answer.StatusCode != http.StatusNoContent {
		t.Fatal(answer.Status, body)
	}
	attachment := strings.Replace(path, "/uploads/", "/attachments/", 1)
	if answer, body := ask(t, "GET", attachment, "", tus()); answer.StatusCode != http.StatusOK || body != content {
		t.Errorf("%s, %d bytes", answer.Status, len(body))
	}
	if answer, body := ask(t, "GET", attachment, "", tus("Range", "bytes=399995-400004")); answer.StatusCode != http.StatusPartialContent || body != content[399_995:400_005] {
		t.Errorf("%s, %q", answer.Status, body)
	}
}
