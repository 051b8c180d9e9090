// Sizes prints how large files are as they are, with gzip -9 and with Brotli
// 11, in bytes:
//
//	sizes FILE ...
package main

import (
	"compress/gzip"
	"fmt"
	"io"
	"os"

	"github.com/andybalholm/brotli"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "sizes: want files")
		os.Exit(2)
	}
	fmt.Printf("%10s %10s %10s\n", "raw", "gzip", "brotli")
	for _, name := range os.Args[1:] {
		if err := show(name); err != nil {
			fmt.Fprintln(os.Stderr, "sizes:", err)
			os.Exit(1)
		}
	}
}

func show(name string) error {
	content, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	zipped, err := compressed(content, func(w io.Writer) (io.WriteCloser, error) {
		return gzip.NewWriterLevel(w, gzip.BestCompression)
	})
	if err != nil {
		return err
	}
	brotlied, err := compressed(content, func(w io.Writer) (io.WriteCloser, error) {
		return brotli.NewWriterLevel(w, brotli.BestCompression), nil
	})
	if err != nil {
		return err
	}
	fmt.Printf("%10d %10d %10d  %s\n", len(content), zipped, brotlied, name)
	return nil
}

// compressed returns how many bytes content is after compression.
func compressed(content []byte, by func(io.Writer) (io.WriteCloser, error)) (int64, error) {
	var size counter
	w, err := by(&size)
	if err != nil {
		return 0, err
	}
	if _, err := w.Write(content); err != nil {
		return 0, err
	}
	if err := w.Close(); err != nil {
		return 0, err
	}
	return int64(size), nil
}

// A counter counts what is written to it.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
