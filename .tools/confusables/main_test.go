package main

import (
	"bytes"
	"os"
	"testing"
)

func TestTheVendoredTableIsWhatTheCommandWrites(t *testing.T) {
	vendored, err := os.ReadFile("../../static/vendor/confusables.js")
	if err != nil {
		t.Fatal(err)
	}
	var made bytes.Buffer
	write(&made)
	if !bytes.Equal(vendored, made.Bytes()) {
		t.Error("static/vendor/confusables.js is stale: run make vendor")
	}
}
