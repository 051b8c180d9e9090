package s3

import (
	"bytes"
	"strings"
	"testing"

	"parley/server/attachment"
	"parley/server/attachment/attachmenttest"
)

func getenv(name string) string {
	for _, line := range Environment {
		if value, ok := strings.CutPrefix(line, name+"="); ok {
			return value
		}
	}
	return ""
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
		return open(t, NewBucket(t).Address)
	})
}

func TestWhereTheStoreIsAwayEverythingFailsAndNothingIsLost(t *testing.T) {
	bucket := NewBucket(t)
	s := open(t, bucket.Address)
	if n, err := s.Append(t.Context(), 7, 0, strings.NewReader("before")); n != 6 || err != nil {
		t.Fatal(n, err)
	}
	bucket.Leave()
	if n, err := s.Append(t.Context(), 7, 6, bytes.NewReader([]byte("!"))); n != 0 || err == nil {
		t.Errorf("%d bytes were kept: %v", n, err)
	}
	if _, err := s.Open(t.Context(), 7, 6); err == nil {
		t.Error("something was opened")
	}
	if err := s.Delete(t.Context(), 7); err == nil {
		t.Error("something was deleted")
	}
	bucket.Return()
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
