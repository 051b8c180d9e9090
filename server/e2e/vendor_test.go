package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheVendoredLibrariesAreUnchanged(t *testing.T) {
	t.Parallel()
	const folder = "testdata/vendor"
	readme, err := os.ReadFile(filepath.Join(folder, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(folder, "*", "*.js"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no vendored file: %v", err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		digest := sha256.Sum256(content)
		if !strings.Contains(string(readme), hex.EncodeToString(digest[:])) {
			t.Errorf("%s is not the file that its README names", file)
		}
	}
}
