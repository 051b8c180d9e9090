package search

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// maxProbes bounds how many terms of a text are looked up in the index: few pages have four by chance, and each may
// be in another part of the index. The text is compared with all of it.
const maxProbes = 4

// A Pattern is the text of a search, taken apart: a message has it if some word of it begins with each word, and each
// run stands somewhere in it.
type Pattern struct {
	words []string // of spaced scripts
	runs  []string // of unspaced ones
}

// PatternOf takes a folded text apart.
func PatternOf(folded string) (p Pattern) {
	eachPart(folded, func(class class, from, to int) {
		if class == spaced {
			p.words = append(p.words, folded[from:to])
		} else {
			p.runs = append(p.runs, folded[from:to])
		}
	})
	return p
}

// Empty reports whether nothing is looked for.
func (p Pattern) Empty() bool { return len(p.words)+len(p.runs) == 0 }

// Terms are some of those which a page has that holds a message with the pattern: of the longest words, and the first
// characters of runs.
func (p Pattern) Terms() []Term {
	var words, pairs []Term
	for _, word := range slices.SortedStableFunc(slices.Values(p.words), func(a, b string) int { return len(b) - len(a) }) {
		last := AppendTerms(nil, word)
		words = append(words, last[len(last)-1])
	}
	for _, run := range p.runs {
		of := AppendTerms(nil, run)
		if len(of) == 1 {
			pairs = append(pairs, of[0])
		}
		for i := 2; i < len(of); i += 2 { // between them are the characters
			pairs = append(pairs, of[i])
		}
	}
	words = words[:min(len(words), max(maxProbes/2, maxProbes-len(pairs)))]
	return append(words, pairs[:min(len(pairs), maxProbes-len(words))]...)
}

// In reports whether a folded text has the pattern.
func (p Pattern) In(folded string) bool {
	for _, run := range p.runs {
		if !strings.Contains(folded, run) {
			return false
		}
	}
	for _, word := range p.words {
		if !p.begins(folded, word) {
			return false
		}
	}
	return true
}

// begins reports whether a word of a folded text begins with prefix.
func (p Pattern) begins(folded, prefix string) (found bool) {
	if !strings.Contains(folded, prefix) {
		return false
	}
	eachPart(folded, func(class class, from, to int) {
		found = found || class == spaced && strings.HasPrefix(folded[from:to], prefix)
	})
	return found
}

// Places calls mark with where the parts of the pattern stand in a folded text, in bytes.
func (p Pattern) Places(folded string, mark func(from, to int)) {
	for _, run := range p.runs {
		_, first := utf8.DecodeRuneInString(run)
		for at := 0; ; at += first {
			i := strings.Index(folded[at:], run)
			if i < 0 {
				break
			}
			at += i
			mark(at, at+len(run))
		}
	}
	if len(p.words) == 0 {
		return
	}
	eachPart(folded, func(class class, from, to int) {
		for _, word := range p.words {
			if class == spaced && strings.HasPrefix(folded[from:to], word) {
				mark(from, from+len(word))
			}
		}
	})
}
