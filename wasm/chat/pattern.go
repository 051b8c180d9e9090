package chat

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// maxProbes bounds how many terms of a text are looked up in the index: few pages have four by chance, and each may
// be in another part of the index. The text is compared with all of it.
const maxProbes = 4

// pattern is the text of a search, taken apart: a message has it if some word of it begins with each word, and each
// run stands somewhere in it.
type pattern struct {
	words []string // of spaced scripts
	runs  []string // of unspaced ones
}

func patternOf(folded string) (p pattern) {
	eachPart(folded, func(class class, from, to int) {
		if class == spaced {
			p.words = append(p.words, folded[from:to])
		} else {
			p.runs = append(p.runs, folded[from:to])
		}
	})
	return p
}

func (p pattern) empty() bool { return len(p.words)+len(p.runs) == 0 }

// terms are some of those which a page has that holds a message with the pattern: of the longest words, and the first
// characters of runs.
func (p pattern) terms() []term {
	var words, pairs []term
	for _, word := range slices.SortedStableFunc(slices.Values(p.words), func(a, b string) int { return len(b) - len(a) }) {
		last := appendTerms(nil, word)
		words = append(words, last[len(last)-1])
	}
	for _, run := range p.runs {
		of := appendTerms(nil, run)
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

// in reports whether a folded text has the pattern.
func (p pattern) in(folded string) bool {
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
func (p pattern) begins(folded, prefix string) (found bool) {
	if !strings.Contains(folded, prefix) {
		return false
	}
	eachPart(folded, func(class class, from, to int) {
		found = found || class == spaced && strings.HasPrefix(folded[from:to], prefix)
	})
	return found
}

// places calls mark with where the parts of the pattern stand in a folded text, in bytes.
func (p pattern) places(folded string, mark func(from, to int)) {
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

// eachPart calls f with each word and each run of unspaced characters.
func eachPart(folded string, f func(class class, from, to int)) {
	now, from := between, 0
	for i, r := range folded {
		if is := classOf(r); is != now {
			if now != between {
				f(now, from, i)
			}
			now, from = is, i
		}
	}
	if now != between {
		f(now, from, len(folded))
	}
}
