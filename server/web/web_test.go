package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/andybalholm/brotli"
)

const script = "export const greeting = 'hello, hello, hello, hello, hello, hello, hello'\n"

func hashOf(content string) string {
	digest := sha256.Sum256([]byte(content))
	return hex.EncodeToString(digest[:])[:hashSize]
}

func brotliOf(t testing.TB, content string) string {
	t.Helper()
	var b bytes.Buffer
	w := brotli.NewWriter(&b)
	if _, err := io.WriteString(w, content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func gzipOf(t testing.TB, content string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// built is a page as pack makes it, and the address of its script.
func built(t testing.TB) (fs.FS, string) {
	t.Helper()
	name := "app." + hashOf(script) + ".js"
	file := func(content string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(content)} }
	return fstest.MapFS{
		".gitkeep":      file(""),
		"index.html":    file("<!doctype html>"),
		"index.html.br": file(brotliOf(t, "<!doctype html>")),
		"engine.js":     file("// engine"),
		"sw.js":         file("// worker"),
		name:            file(script),
		name + ".br":    file(brotliOf(t, script)),
		name + ".gz":    file(gzipOf(t, script)),
		// Looks like a hashed name, but is none.
		"old.0123456789abcdef.js": file("// old"),
		"parley.wasm":             file("\x00asm"),
		"vendor/x.woff2":          file("font"),
		"archive.gz":              file("an asset of its own"),
		"app.webmanifest":         file("{}"),
	}, "/" + name
}

// serve starts a real server, so that what net/http does with the answer counts.
func serve(t testing.TB, h http.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server
}

func request(t testing.TB, server *httptest.Server, method, path string, header map[string]string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(method, server.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept-Encoding", "") // else the client asks for gzip and unpacks it
	for name, value := range header {
		r.Header.Set(name, value)
	}
	client := &http.Client{
		Transport:     &http.Transport{DisableCompression: true, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatalf("the answer breaks off: %v", err)
	}
	return answer, string(body)
}

func TestTheClientsPreferenceDecidesTheEncoding(t *testing.T) {
	files, path := built(t)
	s, err := newSite(files)
	if err != nil {
		t.Fatal(err)
	}
	server := serve(t, s)
	bodies := map[string]string{"": script, "br": brotliOf(t, script), "gzip": gzipOf(t, script)}
	for header, want := range map[string]string{
		"":                             "",
		"br":                           "br",
		"gzip":                         "gzip",
		"gzip, deflate, br, zstd":      "br",
		"GZIP":                         "gzip",
		"x-gzip":                       "gzip",
		"br;q=0, gzip":                 "gzip",
		"gzip;q=0, br;q=0":             "",
		"gzip;q=0":                     "",
		"*":                            "br",
		"*;q=0, gzip":                  "gzip",
		"br;q=0, *":                    "gzip",
		"*, gzip;q=0, br;q=0":          "",
		"br;q=0.1, gzip;q=0.9":         "gzip",
		"br;q=0.5, identity":           "",
		"br;q=0.001":                   "br",
		"identity":                     "",
		"identity;q=0":                 "",
		"identity;q=0, *;q=0":          "",
		"identity;q=0.5, gzip;q=0.4":   "",
		"deflate, zstd":                "",
		"br;q=1.0;x=y":                 "br",
		"not, a;;valid=header, \"br\"": "",
	} {
		t.Run(header, func(t *testing.T) {
			answer, body := request(t, server, "GET", path, map[string]string{"Accept-Encoding": header})
			h := answer.Header
			if answer.StatusCode != 200 || h.Get("Content-Encoding") != want || body != bodies[want] {
				t.Fatalf("status %d, encoding %q, %d bytes, want %q", answer.StatusCode, h.Get("Content-Encoding"), len(body), want)
			}
			if h.Get("Vary") != "Accept-Encoding" {
				t.Errorf("Vary is %q", h.Get("Vary"))
			}
			if h.Get("Content-Type") != "text/javascript; charset=utf-8" {
				t.Errorf("Content-Type is %q", h.Get("Content-Type"))
			}
			if want := strconv.Quote(hashOf(body)); h.Get("ETag") != want {
				t.Errorf("ETag is %s, want %s, of this representation alone", h.Get("ETag"), want)
			}
			if answer.ContentLength != int64(len(body)) {
				t.Errorf("Content-Length is %d, want %d", answer.ContentLength, len(body))
			}
		})
	}
}

func TestConditionsRangesAndMethods(t *testing.T) {
	files, path := built(t)
	s, err := newSite(files)
	if err != nil {
		t.Fatal(err)
	}
	server := serve(t, s)
	plain, packed := strconv.Quote(hashOf(script)), strconv.Quote(hashOf(brotliOf(t, script)))
	small := brotliOf(t, script)
	type header = map[string]string
	for name, test := range map[string]struct {
		method, path string
		send         header
		status       int
		want         header
		body         string
	}{
		"HEAD":                     {"HEAD", path, nil, 200, header{"Content-Length": strconv.Itoa(len(script)), "ETag": plain}, ""},
		"HEAD, br":                 {"HEAD", path, header{"Accept-Encoding": "br"}, 200, header{"Content-Length": strconv.Itoa(len(small)), "Content-Encoding": "br", "ETag": packed}, ""},
		"known":                    {"GET", path, header{"If-None-Match": plain}, 304, header{"ETag": plain, "Content-Encoding": "", "Cache-Control": forever, "Vary": "Accept-Encoding"}, ""},
		"known, one of many":       {"GET", path, header{"If-None-Match": `"x", W/` + plain}, 304, header{"ETag": plain}, ""},
		"known, br":                {"GET", path, header{"If-None-Match": packed, "Accept-Encoding": "br"}, 304, header{"ETag": packed}, ""},
		"known in another variant": {"GET", path, header{"If-None-Match": packed}, 200, header{"ETag": plain}, script},
		"any":                      {"GET", path, header{"If-None-Match": "*"}, 304, nil, ""},
		"HEAD, known":              {"HEAD", path, header{"If-None-Match": plain}, 304, nil, ""},
		"must match, does not":     {"GET", path, header{"If-Match": `"x"`, "Accept-Encoding": "br"}, 412, nil, ""},
		"a range":                  {"GET", path, header{"Range": "bytes=7-11"}, 206, header{"Content-Range": "bytes 7-11/" + strconv.Itoa(len(script)), "Content-Length": "5"}, script[7:12]},
		"the end":                  {"GET", path, header{"Range": "bytes=-3"}, 206, header{"Content-Length": "3"}, script[len(script)-3:]},
		"a range of br":            {"GET", path, header{"Range": "bytes=0-3", "Accept-Encoding": "br"}, 206, header{"Content-Encoding": "br", "Content-Length": "4", "ETag": packed}, small[:4]},
		"a range past the end":     {"GET", path, header{"Range": "bytes=99999-"}, 416, header{"Content-Range": "bytes */" + strconv.Itoa(len(script)), "Cache-Control": ""}, "invalid range: failed to overlap\n"},
		"a range, if unchanged":    {"GET", path, header{"Range": "bytes=0-0", "If-Range": plain}, 206, nil, script[:1]},
		"a range, but changed":     {"GET", path, header{"Range": "bytes=0-0", "If-Range": packed}, 200, nil, script},
		"POST":                     {"POST", path, nil, 405, header{"Allow": "GET, HEAD"}, "only GET and HEAD are allowed here\n"},
		"OPTIONS":                  {"OPTIONS", "/", nil, 405, header{"Allow": "GET, HEAD"}, "only GET and HEAD are allowed here\n"},
		"the page":                 {"GET", "/", nil, 200, header{"Content-Type": "text/html; charset=utf-8", "Cache-Control": ask}, "<!doctype html>"},
		"the page, with a query":   {"GET", "/?x=1", nil, 200, nil, "<!doctype html>"},
		"the page by its name":     {"GET", "/index.html", nil, 301, header{"Location": "./"}, ""},
		"hashed":                   {"GET", path, nil, 200, header{"Cache-Control": forever}, script},
		"the worker":               {"GET", "/engine.js", nil, 200, header{"Cache-Control": ask}, "// engine"},
		"the service worker":       {"GET", "/sw.js", nil, 200, header{"Cache-Control": ask, "Content-Type": "text/javascript; charset=utf-8"}, "// worker"},
		"the unpacked size":        {"GET", path, header{"Accept-Encoding": "br"}, 200, header{"X-Uncompressed-Content-Length": strconv.Itoa(len(script))}, small},
		"a hash of something else": {"GET", "/old.0123456789abcdef.js", nil, 200, header{"Cache-Control": ask}, "// old"},
		"the program":              {"GET", "/parley.wasm", nil, 200, header{"Content-Type": "application/wasm"}, "\x00asm"},
		"no variant there":         {"GET", "/parley.wasm", header{"Accept-Encoding": "br, gzip"}, 200, header{"Content-Encoding": "", "Vary": "Accept-Encoding"}, "\x00asm"},
		"a manifest":               {"GET", "/app.webmanifest", nil, 200, header{"Content-Type": "application/manifest+json"}, "{}"},
		"a font":                   {"GET", "/vendor/x.woff2", nil, 200, header{"Content-Type": "font/woff2"}, "font"},
		"an archive":               {"GET", "/archive.gz", nil, 200, header{"Content-Type": "application/octet-stream", "Content-Encoding": ""}, "an asset of its own"},
		"a variant by its name":    {"GET", path + ".br", nil, 404, nil, "there is no such file here\n"},
		"a folder":                 {"GET", "/vendor/", nil, 404, nil, "there is no such file here\n"},
		"a folder without slash":   {"GET", "/vendor", nil, 404, nil, "there is no such file here\n"},
		"a file with a slash":      {"GET", "/engine.js/", nil, 404, nil, "there is no such file here\n"},
		"unknown":                  {"GET", "/to/7", nil, 404, header{"Cache-Control": ask}, "there is no such file here\n"},
		"hidden":                   {"GET", "/.gitkeep", nil, 404, nil, "there is no such file here\n"},
		"up":                       {"GET", "/../web.go", nil, 404, nil, "there is no such file here\n"},
		"up, encoded":              {"GET", "/%2e%2e%2fweb.go", nil, 404, nil, "there is no such file here\n"},
		"up, on the way":           {"GET", "/vendor/../engine.js", nil, 404, nil, "there is no such file here\n"},
		"a backslash":              {"GET", `/..%5cweb.go`, nil, 404, nil, "there is no such file here\n"},
		"NUL":                      {"GET", "/engine.js%00", nil, 404, nil, "there is no such file here\n"},
	} {
		t.Run(name, func(t *testing.T) {
			answer, body := request(t, server, test.method, test.path, test.send)
			if answer.StatusCode != test.status || body != test.body {
				t.Errorf("status %d, body %q, want %d, %q", answer.StatusCode, body, test.status, test.body)
			}
			for name, want := range test.want {
				if got := answer.Header.Get(name); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
			for _, name := range []string{"Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy"} {
				if answer.Header.Get(name) == "" {
					t.Errorf("no %s", name)
				}
			}
		})
	}
}

func TestThePolicyNamesTheHostOnlyIfItIsOne(t *testing.T) {
	for name, want := range map[string]string{
		"chat.example":              "connect-src 'self' ws://chat.example wss://chat.example",
		"127.0.0.1:8080":            "connect-src 'self' ws://127.0.0.1:8080 wss://127.0.0.1:8080",
		"[::1]:8080":                "connect-src 'self' ws://[::1]:8080 wss://[::1]:8080",
		"":                          "connect-src 'self'",
		"x; script-src *":           "connect-src 'self'",
		"x,default-src *":           "connect-src 'self'",
		"a b":                       "connect-src 'self'",
		"*":                         "connect-src 'self'",
		"x\r\nSet-Cookie: a=b":      "connect-src 'self'",
		"chat.example:8080:foreign": "connect-src 'self'",
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = name
		w := httptest.NewRecorder()
		secure(w, r)
		if got := w.Header().Get("Content-Security-Policy"); !strings.HasSuffix(got, "; "+want) || strings.Contains(got, "script-src *") {
			t.Errorf("host %q: policy %q, want it to end in %q", name, got, want)
		}
	}
}

func TestAProgramBuiltWithoutThePageSaysSo(t *testing.T) {
	if _, err := newSite(fstest.MapFS{".gitkeep": {}}); err != ErrNotBuilt {
		t.Errorf("error %v, want ErrNotBuilt", err)
	}
	answer, body := request(t, serve(t, NotBuilt()), "GET", "/", nil)
	if answer.StatusCode != 503 || !strings.Contains(body, "make build") {
		t.Errorf("status %d, body %q", answer.StatusCode, body)
	}
}

func TestAFolderIsServedAsItIsNow(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "secret.txt")
	folder := t.TempDir()
	put := func(file, content string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Folder(folder); err == nil || !strings.Contains(err.Error(), folder) {
		t.Errorf("a folder without a page: %v", err)
	}
	put(outside, "secret")
	put(filepath.Join(folder, "index.html"), "one")
	put(filepath.Join(folder, "_notes.txt"), "notes")
	if err := os.Symlink(outside, filepath.Join(folder, "out.txt")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(folder, "vendor"), 0o700); err != nil {
		t.Fatal(err)
	}
	h, err := Folder(folder)
	if err != nil {
		t.Fatal(err)
	}
	server := serve(t, h)
	answer, body := request(t, server, "GET", "/", map[string]string{"Accept-Encoding": "br"})
	if body != "one" || answer.Header.Get("Cache-Control") != ask || answer.Header.Get("Content-Encoding") != "" {
		t.Errorf("body %q, header %v", body, answer.Header)
	}
	etag := answer.Header.Get("ETag")
	if answer, _ := request(t, server, "GET", "/", map[string]string{"If-None-Match": etag}); answer.StatusCode != 304 {
		t.Errorf("unchanged, but status %d", answer.StatusCode)
	}
	put(filepath.Join(folder, "index.html"), "two")
	if answer, body := request(t, server, "GET", "/", map[string]string{"If-None-Match": etag}); answer.StatusCode != 200 || body != "two" {
		t.Errorf("changed, but status %d, body %q", answer.StatusCode, body)
	}
	for _, path := range []string{"/out.txt", "/_notes.txt", "/vendor", "/vendor/", "/missing.js", "/%2e%2e/secret.txt"} {
		if answer, body := request(t, server, "GET", path, nil); answer.StatusCode != 404 {
			t.Errorf("%s: status %d, body %q", path, answer.StatusCode, body)
		}
	}
}
