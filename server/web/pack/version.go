package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// serviceWorker keeps the page in the browser, version by version.
const serviceWorker = "sw.js"

// noVersion is what stands in the service worker's source in the place of a version.
const noVersion = `{"version":"","files":{}}`

// version is what the service worker is told of the files that are served with it.
type version struct {
	// Version changes with the service worker and with any of the files.
	Version string `json:"version"`
	// Files are all that a page may load, by address, and their contents' hashes. The index is ./
	Files map[string]string `json:"files"`
}

// writeVersion writes into the service worker, if there is one, what the page
// consists of.
func writeVersion(assets map[string][]byte) error {
	script := assets[serviceWorker]
	if script == nil {
		return nil
	}
	if n := bytes.Count(script, []byte(noVersion)); n != 1 {
		return fmt.Errorf("%s holds %s %d times, want once", serviceWorker, noVersion, n)
	}
	v := version{Files: make(map[string]string)}
	all := sha256.New()
	all.Write(script)
	for _, name := range slices.Sorted(maps.Keys(assets)) {
		if name == serviceWorker || name == "robots.txt" || path.Ext(name) == ".ts" {
			continue
		}
		if strings.ContainsAny(name, `'\"`) {
			return fmt.Errorf("%s: quotes and backslashes cannot stand in a name", name)
		}
		digest := sha256.Sum256(assets[name])
		address := name
		if name == index {
			address = "./"
		}
		v.Files[address] = hex.EncodeToString(digest[:])[:hashSize]
		fmt.Fprintln(all, address, v.Files[address])
	}
	v.Version = hex.EncodeToString(all.Sum(nil))[:hashSize]
	list, err := json.Marshal(v)
	if err != nil {
		return err
	}
	assets[serviceWorker] = bytes.Replace(script, []byte(noVersion), list, 1)
	return nil
}
