package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"strconv"
	"time"
)

// Folder returns a handler that serves the sources of the page from a folder as
// they are at that moment, uncompressed and under their own names, so that
// whoever works on them edits and reloads. Links cannot lead out of the folder.
// It fails if there is no index.html in it.
func Folder(path string) (http.Handler, error) {
	f := folder{path}
	if _, err := f.read(index); err != nil {
		return nil, fmt.Errorf("%s is not the page's folder: %w", path, err)
	}
	return f, nil
}

type folder struct{ path string }

func (f folder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	secure(w, r)
	name := nameOf(w, r)
	if name == "" {
		return
	}
	content, err := f.read(name)
	if err != nil {
		notFound(w)
		return
	}
	digest := sha256.Sum256(content)
	h := w.Header()
	h.Set("Cache-Control", ask)
	h.Set("Content-Type", mediaType(name))
	// Of the content, not of the time: somebody may save twice within a second.
	h.Set("ETag", strconv.Quote(hex.EncodeToString(digest[:])[:hashSize]))
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(content))
}

func (f folder) read(name string) ([]byte, error) {
	root, err := os.OpenRoot(f.path)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if info, err := root.Stat(name); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	return root.ReadFile(name)
}
