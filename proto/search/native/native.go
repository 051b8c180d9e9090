// Package native makes texts comparable by the tables of golang.org/x/text, for programs that no browser does it for.
// The browser's program must not import it: tables of Unicode would add a tenth to that.
package native

import (
	"strings"

	"golang.org/x/text/unicode/norm"

	"parley/proto/search"
)

// Fold is a search.Folder that agrees with browsers.
var Fold search.Folder = fold

func fold(texts []string) []string {
	folded := make([]string, len(texts))
	for i, text := range texts {
		bare := strings.Map(withoutMarks, norm.NFKD.String(text))
		folded[i] = norm.NFC.String(strings.ToLower(bare))
	}
	return folded
}

func withoutMarks(r rune) rune {
	if search.LetterMark(r) {
		return -1
	}
	return r
}
