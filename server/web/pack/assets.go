package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// index is the page's one document.
const index = "index.html"

// hashSize is how many hexadecimal digits of the SHA-256 of a file's content
// stand in its name. The server recognises such names by the hash itself.
const hashSize = 16

// plain are files that keep their name and are asked for again each time:
// addresses that people, browsers and other sites know. The worker's script is
// among them so that tabs with different versions of the page share one worker.
var plain = map[string]bool{
	index: true, "engine.js": true, "sw.js": true, "parley.js": true,
	"favicon.ico": true, "robots.txt": true,
}

func keepsName(name string) bool {
	return plain[name] || strings.HasSuffix(name, ".d.ts") || path.Ext(name) == ".webmanifest"
}

// isText reports whether references in a file are rewritten.
func isText(name string) bool {
	switch path.Ext(name) {
	case ".js", ".css", ".html", ".webmanifest":
		return !strings.HasSuffix(name, ".d.ts")
	}
	return false
}

// readSources reads all files of the page by their slash-separated path. Left
// out are those whose name, or whose folder's name, begins with a dot or an
// underscore, source maps and tests.
func readSources(folder fs.FS) (map[string][]byte, error) {
	sources := make(map[string][]byte)
	err := fs.WalkDir(folder, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := path.Base(name)
		if name != "." && (strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_")) {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if entry.IsDir() || strings.HasSuffix(base, ".map") || strings.HasSuffix(base, ".test.js") {
			return nil
		}
		sources[name], err = fs.ReadFile(folder, name)
		return err
	})
	if err == nil && sources[index] == nil {
		err = errors.New("there is no index.html: -in must be the folder of the page's sources")
	}
	return sources, err
}

// rename gives every source the name that it is served by, and rewrites what
// refers to it. Files are done after those they refer to, since their hash
// depends on the names in them; so files with hashed names must not refer to
// each other in a circle.
func rename(sources map[string][]byte) (map[string][]byte, error) {
	r := renamer{sources: sources, names: make(map[string]string), assets: make(map[string][]byte)}
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		if err := r.add(name, nil); err != nil {
			return nil, err
		}
	}
	// Plain files are rewritten last: they may refer to each other freely.
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		if keepsName(name) {
			content, err := r.rewrite(name, nil)
			if err != nil {
				return nil, err
			}
			r.assets[name] = content
		}
	}
	return r.assets, nil
}

type renamer struct {
	sources map[string][]byte
	names   map[string]string // of a source → as it is referred to
	assets  map[string][]byte
}

// add decides the name under which the page refers to a source. within are the
// files that are being added and refer, one to the next, to it.
func (r *renamer) add(name string, within []string) error {
	if r.names[name] != "" {
		return nil
	}
	if keepsName(name) {
		r.names[name] = name
		return nil
	}
	if i := slices.Index(within, name); i >= 0 {
		return fmt.Errorf("files refer to each other in a circle, so none can be named by its content: %s: break it",
			strings.Join(append(within[i:], name), " → "))
	}
	content, err := r.rewrite(name, append(within, name))
	if err != nil {
		return err
	}
	digest := sha256.Sum256(content)
	extension := path.Ext(name)
	hashed := strings.TrimSuffix(name, extension) + "." + hex.EncodeToString(digest[:])[:hashSize] + extension
	r.names[name], r.assets[hashed] = hashed, content
	return nil
}

// reference matches a quoted path that begins with ./ or ../ and has an extension.
var reference = regexp.MustCompile(`'\.\.?/[^'"\s?#]*\.\w+'|"\.\.?/[^'"\s?#]*\.\w+"`)

// types matches documentation comments of JavaScript, whose imports are of types
// and never loaded.
var types = regexp.MustCompile(`(?s)/\*\*.*?\*/`)

// rewrite returns a source with its references replaced. One to a file that does
// not exist is an error, except in vendored files.
func (r *renamer) rewrite(name string, within []string) ([]byte, error) {
	content := r.sources[name]
	if !isText(name) {
		return content, nil
	}
	comments := types.FindAllIndex(content, -1)
	var rewritten []byte
	done := 0
	for _, at := range reference.FindAllIndex(content, -1) {
		if slices.ContainsFunc(comments, func(c []int) bool { return c[0] <= at[0] && at[1] <= c[1] }) {
			continue
		}
		relative := string(content[at[0]+1 : at[1]-1])
		target := path.Join(path.Dir(name), relative)
		if r.sources[target] == nil {
			if strings.HasPrefix(name, "vendor/") {
				continue
			}
			return nil, fmt.Errorf("%s refers to %s, which does not exist", name, relative)
		}
		if err := r.add(target, within); err != nil {
			return nil, err
		}
		folder, _ := path.Split(relative)
		rewritten = append(rewritten, content[done:at[0]+1]...)
		rewritten = append(rewritten, folder+path.Base(r.names[target])...)
		done = at[1] - 1
	}
	return append(rewritten, content[done:]...), nil
}
