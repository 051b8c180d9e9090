package s3

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"parley/server/attachment"
	"parley/server/attachment/attachmenttest"
)

// bucket starts an S3-compatible store with one bucket, and returns its address.
func bucket(t *testing.T) (server *httptest.Server, address string) {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket("parley"); err != nil {
		t.Fatal(err)
	}
	server = httptest.NewServer(gofakes3.New(backend).Server())
	t.Cleanup(server.Close)
	return server, "s3://" + strings.TrimPrefix(server.URL, "http://") + "/parley/deep/down?region=here&insecure"
}

func getenv(name string) string {
	return map[string]string{"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret"}[name]
}

func open(t *testing.T, address string) *attachment.S3 {
	t.Helper()
	s, err := attachment.OpenS3(address, t.TempDir(), getenv)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAnS3CompatibleStoreKeepsWhatAStoreMust(t *testing.T) {
	attachmenttest.Run(t, func(t *testing.T) attachment.Store {
		_, address := bucket(t)
		return open(t, address)
	})
}

func TestWhereTheStoreIsAwayEverythingFailsAndNothingIsLost(t *testing.T) {
	server, address := bucket(t)
	s := open(t, address)
	if n, err := s.Append(t.Context(), 7, 0, strings.NewReader("before")); n != 6 || err != nil {
		t.Fatal(n, err)
	}
	handler := server.Config.Handler
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "away", http.StatusServiceUnavailable)
	})
	if n, err := s.Append(t.Context(), 7, 6, bytes.NewReader([]byte("!"))); n != 0 || err == nil {
		t.Errorf("%d bytes were kept: %v", n, err)
	}
	if _, err := s.Open(t.Context(), 7, 6); err == nil {
		t.Error("something was opened")
	}
	if err := s.Delete(t.Context(), 7); err == nil {
		t.Error("something was deleted")
	}
	server.Config.Handler = handler
	if n, err := s.Append(t.Context(), 7, 6, bytes.NewReader([]byte("!"))); n != 1 || err != nil {
		t.Error(n, err)
	}
	c, err := s.Open(t.Context(), 7, 7)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

func TestAnAddressThatCannotBeIsRefused(t *testing.T) {
	for address, why := range map[string]string{
		"s3://":                       "give s3://HOST/BUCKET",
		"s3://example.com":            "names no bucket",
		"http://example.com/b":        "give s3://HOST/BUCKET",
		"s3://key:word@example.com/b": "environment",
	} {
		if _, err := attachment.OpenS3(address, t.TempDir(), getenv); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", address, err)
		}
	}
	if _, err := attachment.OpenS3("s3://example.com/b", t.TempDir(), func(string) string { return "" }); err == nil || !strings.Contains(err.Error(), "AWS_ACCESS_KEY_ID") {
		t.Error("without keys:", err)
	}
}
