// Package search is what a text search is to both sides: how texts are made comparable, what a query is and which
// messages have it, and by which terms an index finds these. It does no I/O, keeps nothing and knows no tables of
// Unicode but Go's: a Folder of the browser's, or package native's, sees to what these lack.
//
// Scripts that put spaces between words are found by the beginnings of words; Chinese, Japanese, Korean, Thai, Lao,
// Khmer, Burmese and emoji by any run of characters. An index holds hashes of terms and nothing else of what was written.
package search

import "unicode"

// class is how a search takes a character.
type class uint8

const (
	between  class = iota // no part of anything
	spaced                // of a word, in a script that has spaces between them
	unspaced              // of a script that has none, or whose words one looks for by parts
)

func classOf(r rune) class {
	switch {
	case r < 0x80:
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || r == '_' {
			return spaced
		}
		return between
	case r >= 0x4E00 && r <= 0x9FFF, r == 'ー':
		return unspaced
	case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar):
		return unspaced
	case r >= 0x2300 && r <= 0x23FF, r >= 0x2600 && r <= 0x27BF, r >= 0x2B00 && r <= 0x2BFF, isEmoji(r):
		return unspaced
	case unicode.In(r, unicode.Letter, unicode.Number, unicode.Mark):
		return spaced
	}
	return between
}

// isEmoji reports whether a character is of the blocks of emoji beyond the first plane: not their skin tones, which
// people do not look for.
func isEmoji(r rune) bool { return r >= 0x1F000 && r <= 0x1FAFF && (r < 0x1F3FB || r > 0x1F3FF) }

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
