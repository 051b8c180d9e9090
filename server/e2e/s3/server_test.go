package s3

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"parley/server/e2e/live"
)

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
	ada, err := server.Client().NewGuest(t.Context(), "Ada")
	if err != nil {
		t.Fatal(err)
	}
	ask := func(method, path, body string, header ...string) live.Answer {
		t.Helper()
		answer, err := server.Client().Transfer(t.Context(), method, path, ada.Token, []byte(body), header...)
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
	content := strings.Repeat("0123456789", 100_000)
	begun := ask("POST", "/api/uploads", content[:400_000], "Upload-Length", strconv.Itoa(len(content)))
	path := "/api/" + begun.Header.Get("Location")
	if begun.Status != http.StatusCreated || begun.Header.Get("Upload-Offset") != "400000" {
		t.Fatal(begun.Status, begun.Header)
	}

	bucket.Leave()
	if away := ask("PATCH", path, content[400_000:], "Upload-Offset", "400000"); away.Status != http.StatusServiceUnavailable || away.Header.Get("Retry-After") == "" || !strings.Contains(away.Body, "uploads-away") {
		t.Errorf("while the store is away: %d %v %s", away.Status, away.Header, away.Body)
	}
	bucket.Return()
	if stands := ask("HEAD", path, ""); stands.Header.Get("Upload-Offset") != "400000" {
		t.Errorf("it stands at %v", stands.Header)
	}
	if rest := ask("PATCH", path, content[400_000:], "Upload-Offset", "400000"); rest.Status != http.StatusNoContent {
		t.Fatal(rest.Status, rest.Body)
	}
	attachment := strings.Replace(path, "/uploads/", "/attachments/", 1)
	if whole := ask("GET", attachment, ""); whole.Status != http.StatusOK || whole.Body != content {
		t.Errorf("%d, %d bytes", whole.Status, len(whole.Body))
	}
	if some := ask("GET", attachment, "", "Range", "bytes=399995-400004"); some.Status != http.StatusPartialContent || some.Body != content[399_995:400_005] {
		t.Errorf("%d, %q", some.Status, some.Body)
	}
}
