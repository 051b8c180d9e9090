package web

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/server/web/accept"
)

const (
	// hashSize is how many hexadecimal digits of its content's SHA-256 a
	// file's name or ETag carries.
	hashSize = 16
	forever  = "public, max-age=31536000, immutable"
	ask      = "no-cache" // kept, but asked for again each time
)

// encodings that pack makes, the best first.
var encodings = []struct {
	name   string
	suffix string
	accept []string // what stands for it in Accept-Encoding
}{
	{"br", ".br", []string{"br", "*"}},
	{"gzip", ".gz", []string{"gzip", "x-gzip", "*"}},
}

// site serves a tree of files that pack made.
type site struct {
	files  fs.FS
	assets map[string]asset
}

// asset is a file under the name it is asked for.
type asset struct {
	variants []variant // in order of preference, identity last
	// immutable: the name carries the content's hash, so it never changes.
	immutable bool
}

// variant is one representation of an asset.
type variant struct {
	encoding string // Content-Encoding; "" for identity
	accept   []string
	file     string
	etag     string // strong, quoted
	size     int64
}

func newSite(files fs.FS) (*site, error) {
	s := &site{files: files, assets: make(map[string]asset)}
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || hidden(name) || encoded(files, name) {
			return err
		}
		s.assets[name], err = newAsset(files, name)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the page: %w", err)
	}
	if _, ok := s.assets[index]; !ok {
		return nil, ErrNotBuilt
	}
	return s, nil
}

// encoded reports whether a file is another's compressed variant.
func encoded(files fs.FS, name string) bool {
	for _, e := range encodings {
		if original, ok := strings.CutSuffix(name, e.suffix); ok {
			if _, err := fs.Stat(files, original); err == nil {
				return true
			}
		}
	}
	return false
}

func newAsset(files fs.FS, name string) (asset, error) {
	identity, hash, err := newVariant(files, name)
	if err != nil {
		return asset{}, err
	}
	identity.accept = []string{"identity", "*"}
	var a asset
	for _, e := range encodings {
		v, _, err := newVariant(files, name+e.suffix)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return asset{}, err
		}
		v.encoding, v.accept = e.name, e.accept
		a.variants = append(a.variants, v)
	}
	a.variants = append(a.variants, identity)
	a.immutable = strings.Contains(path.Base(name), "."+hash+".")
	return a, nil
}

func newVariant(files fs.FS, name string) (variant, string, error) {
	f, err := files.Open(name)
	if err != nil {
		return variant{}, "", err
	}
	defer f.Close()
	digest := sha256.New()
	size, err := io.Copy(digest, f)
	if err != nil {
		return variant{}, "", fmt.Errorf("%s: %w", name, err)
	}
	hash := hex.EncodeToString(digest.Sum(nil))[:hashSize]
	return variant{file: name, etag: strconv.Quote(hash), size: size}, hash, nil
}

// choose returns the variant that the client prefers, the first of those that it
// likes equally, and identity if it names none of them.
func (a asset) choose(header []string) variant {
	identity := a.variants[len(a.variants)-1]
	quality := func(v variant) float64 {
		q, _ := accept.Quality(header, v.accept...)
		return q
	}
	best := slices.MaxFunc(a.variants, func(x, y variant) int { return cmp.Compare(quality(x), quality(y)) })
	if quality(best) == 0 {
		return identity
	}
	return best
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	secure(w, r)
	name := nameOf(w, r)
	if name == "" {
		return
	}
	a, ok := s.assets[name]
	if !ok {
		notFound(w)
		return
	}
	v := a.choose(r.Header.Values("Accept-Encoding"))
	f, err := s.files.Open(v.file)
	if err != nil {
		http.Error(w, "the file cannot be read", http.StatusInternalServerError)
		return
	}
	defer f.Close()
	content, ok := f.(io.ReadSeeker)
	if !ok {
		http.Error(w, "the file cannot be read", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Cache-Control", ask)
	if a.immutable {
		h.Set("Cache-Control", forever)
	}
	h.Set("Vary", "Accept-Encoding")
	h.Set("Content-Type", mediaType(name))
	h.Set("ETag", v.etag)
	if v.encoding != "" {
		h.Set("Content-Encoding", v.encoding)
		// Who counts what comes has it unpacked.
		h.Set("X-Uncompressed-Content-Length", strconv.FormatInt(a.variants[len(a.variants)-1].size, 10))
		w = &sized{w, v.size}
	}
	http.ServeContent(w, r, name, time.Time{}, content)
}

// sized adds the Content-Length that ServeContent leaves out of complete
// answers with a Content-Encoding.
type sized struct {
	http.ResponseWriter
	size int64
}

func (w *sized) WriteHeader(status int) {
	if status == http.StatusOK {
		w.Header().Set("Content-Length", strconv.FormatInt(w.size, 10))
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (w *sized) Unwrap() http.ResponseWriter { return w.ResponseWriter }
