// Command pack makes of the page's sources what the server embeds: its modules
// bundled and minified, every file under a name that carries its content's hash,
// so that browsers keep it for ever, with the references between files rewritten,
// and beside each file its Brotli and gzip variants. The same sources give the
// same bytes. Run it from the repository's root:
//
//	go run ./server/web/pack -in static -out server/web/dist
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

func main() {
	in := flag.String("in", "static", "folder of the page's sources")
	out := flag.String("out", "server/web/dist", "folder to fill; what else is in it is removed, but for .gitkeep")
	cache := flag.String("cache", filepath.Join(".bin", "pack"), "folder that keeps compressed files, so that unchanged ones are not compressed again")
	flag.Parse()
	if err := pack(*in, *out, *cache); err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

func pack(in, out, cache string) error {
	start := time.Now()
	sources, err := readSources(os.DirFS(in))
	if err != nil {
		return err
	}
	bundled, err := bundle(sources)
	if err != nil {
		return err
	}
	assets, err := rename(bundled)
	if err != nil {
		return err
	}
	if err := writeVersion(assets); err != nil {
		return err
	}
	c, err := newCompressor(cache)
	if err != nil {
		return err
	}
	files, err := c.variants(assets)
	if err != nil {
		return err
	}
	if err := write(out, files); err != nil {
		return err
	}
	var size int
	for _, content := range files {
		size += len(content)
	}
	fmt.Printf("packed %d files of %s as %d with their variants, %d kB, in %v\n",
		len(sources), in, len(files), size/1000, time.Since(start).Round(time.Millisecond))
	return nil
}
