// Package web serves the page: static files that .../web/pack compressed and
// named by their content, embedded in the program, or a folder of sources while
// developing. It knows nothing of chat. Conditional and range requests are
// http.ServeContent's; this package chooses only which bytes it is given.
package web

import (
	"embed"
	"errors"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

// dist is what pack made; in a checkout that was not built it is empty.
//
//go:embed all:dist
var dist embed.FS

// ErrNotBuilt says that the program was built without the page.
var ErrNotBuilt = errors.New("this program was built without the page: run make build, or serve a folder with -static static")

// index is what / shows. There are no other pages: routes are in the fragment.
const index = "index.html"

// Embedded returns the handler of the page that is built in, or ErrNotBuilt.
func Embedded() (http.Handler, error) {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		return nil, err
	}
	return newSite(files)
}

// NotBuilt answers every request by saying that the page is not built in.
func NotBuilt() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, ErrNotBuilt.Error(), http.StatusServiceUnavailable)
	})
}

// nameOf returns the file that a request asks for. Where there can be none it
// answers the request itself and returns "".
func nameOf(w http.ResponseWriter, r *http.Request) string {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD are allowed here", http.StatusMethodNotAllowed)
		return ""
	}
	name := strings.TrimPrefix(r.URL.Path, "/")
	switch {
	case name == "":
		return index
	case name == index: // one address per resource
		// http.Redirect would make the path absolute, and a proxy may have taken a part of it away.
		w.Header().Set("Location", "./")
		w.WriteHeader(http.StatusMovedPermanently)
		return ""
	case !fs.ValidPath(name) || name == "." || hidden(name):
		notFound(w)
		return ""
	}
	return name
}

// hidden reports whether part of a path begins with a dot or an underscore:
// such files are for whoever works on the page.
func hidden(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(part, ".") || strings.HasPrefix(part, "_") {
			return true
		}
	}
	return false
}

func notFound(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", ask)
	http.Error(w, "there is no such file here", http.StatusNotFound)
}

// mediaTypes are set here, since the system's own table differs between
// machines, and browsers run no module and stream no program of another type.
var mediaTypes = map[string]string{
	".css":         "text/css; charset=utf-8",
	".gif":         "image/gif",
	".html":        "text/html; charset=utf-8",
	".ico":         "image/vnd.microsoft.icon",
	".jpg":         "image/jpeg",
	".js":          "text/javascript; charset=utf-8",
	".json":        "application/json",
	".png":         "image/png",
	".svg":         "image/svg+xml",
	".ts":          "text/plain; charset=utf-8",
	".txt":         "text/plain; charset=utf-8",
	".wasm":        "application/wasm",
	".webmanifest": "application/manifest+json",
	".webp":        "image/webp",
	".woff2":       "font/woff2",
}

func mediaType(name string) string {
	if t, ok := mediaTypes[path.Ext(name)]; ok {
		return t
	}
	return "application/octet-stream"
}
