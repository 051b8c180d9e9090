package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/andybalholm/brotli"
)

func TestTheSizeIsThatOfTheWholeCompressedStream(t *testing.T) {
	content := make([]byte, 100_000)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range content {
		content[i] = byte(random.IntN(16))
	}
	compressors := map[string]func(io.Writer) (io.WriteCloser, error){
		"gzip": func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriterLevel(w, gzip.BestCompression) },
		"brotli": func(w io.Writer) (io.WriteCloser, error) {
			return brotli.NewWriterLevel(w, brotli.BestCompression), nil
		},
	}
	for name, by := range compressors {
		var out bytes.Buffer
		w, err := by(&out)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		size, err := compressed(content, by)
		if err != nil {
			t.Fatal(err)
		}
		if size != int64(out.Len()) {
			t.Errorf("%s: %d bytes, want %d", name, size, out.Len())
		}
	}
}
