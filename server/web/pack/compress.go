package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/andybalholm/brotli"
)

// keepUnused is how long the cache keeps what no run used.
const keepUnused = 30 * 24 * time.Hour

// compressible are the extensions of files that are not compressed in themselves.
var compressible = map[string]bool{
	".css": true, ".html": true, ".ico": true, ".js": true, ".json": true, ".svg": true,
	".ts": true, ".txt": true, ".wasm": true, ".webmanifest": true,
}

// encoders make the variants, by the suffix of their files. version names the
// encoder and its settings in the cache: change it with them.
var encoders = []struct {
	suffix, version string
	new             func(io.Writer) io.WriteCloser
}{
	{".br", "brotli-1.2.8-11-24", func(w io.Writer) io.WriteCloser {
		return brotli.NewWriterOptions(w, brotli.WriterOptions{Quality: brotli.BestCompression, LGWin: 24})
	}},
	{".gz", "gzip-" + runtime.Version() + "-9", func(w io.Writer) io.WriteCloser {
		g, _ := gzip.NewWriterLevel(w, gzip.BestCompression) // fails only for other levels
		return g
	}},
}

// compressor makes variants of files, and keeps them in a folder by the hash of
// what they were made of: Brotli takes half a minute for the program.
type compressor struct{ cache string }

func newCompressor(cache string) (*compressor, error) {
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return nil, fmt.Errorf("make the cache: %w", err)
	}
	c := &compressor{cache}
	return c, c.prune()
}

// variants returns the files with the variants that are smaller than the file itself.
func (c *compressor) variants(assets map[string][]byte) (map[string][]byte, error) {
	files := maps.Clone(assets)
	var (
		mu     sync.Mutex
		failed error
		work   sync.WaitGroup
		slots  = make(chan struct{}, runtime.GOMAXPROCS(0))
	)
	names := slices.Collect(maps.Keys(assets))
	// The largest first, so that none of them is left for the end.
	slices.SortFunc(names, func(a, b string) int { return len(assets[b]) - len(assets[a]) })
	for _, name := range names {
		if !compressible[path.Ext(name)] {
			continue
		}
		for i := range encoders {
			slots <- struct{}{}
			work.Go(func() {
				defer func() { <-slots }()
				small, err := c.encode(i, assets[name])
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					failed = errors.Join(failed, fmt.Errorf("compress %s: %w", name, err))
				} else if len(small) < len(assets[name]) {
					files[name+encoders[i].suffix] = small
				}
			})
		}
	}
	work.Wait()
	return files, failed
}

func (c *compressor) encode(encoder int, content []byte) ([]byte, error) {
	e := encoders[encoder]
	digest := sha256.Sum256(content)
	kept := filepath.Join(c.cache, hex.EncodeToString(digest[:])+"-"+e.version+e.suffix)
	if small, err := os.ReadFile(kept); err == nil {
		now := time.Now()
		return small, os.Chtimes(kept, now, now)
	}
	var buffer bytes.Buffer
	w := e.new(&buffer)
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return buffer.Bytes(), writeFile(kept, buffer.Bytes())
}

// prune removes what was not used for long.
func (c *compressor) prune() error {
	entries, err := os.ReadDir(c.cache)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // another run pruned it
		}
		if err != nil {
			return err
		}
		if time.Since(info.ModTime()) < keepUnused {
			continue
		}
		if err := os.Remove(filepath.Join(c.cache, entry.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
