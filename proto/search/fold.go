package search

import (
	"strings"
	"unicode/utf8"
)

// A Folder makes texts comparable for a search, all of a batch at once: lower case, compatibility forms (NFKD)
// without the marks of letters, composed again (NFC). It returns as many texts, in the same order. What it makes
// of a text does not depend on the others, and made of its own answer is that answer.
type Folder func(texts []string) []string

// Fold folds texts, and spells letters out as spelled says. Those of ASCII, Han, kana and Hangul alone, which is most of what people write, cost no call
// of a Folder; nil stands for one that knows the case of letters alone.
func (f Folder) Fold(texts []string) []string {
	folded := make([]string, len(texts))
	var hard []string
	var at []int
	for i, text := range texts {
		if easy(text) {
			folded[i] = lowerASCII(text)
			continue
		}
		hard, at = append(hard, text), append(at, i)
	}
	if len(hard) == 0 {
		return folded
	}
	if f == nil {
		f = lowerAll
	}
	for i, text := range f(hard) {
		folded[at[i]] = spellOut(text)
	}
	return folded
}

func lowerAll(texts []string) []string {
	folded := make([]string, len(texts))
	for i, text := range texts {
		folded[i] = strings.ToLower(text)
	}
	return folded
}

// easy reports whether folding changes nothing in a text but the case of ASCII.
func easy(text string) bool {
	for _, r := range text {
		switch {
		case r < 0x80:
		case r >= 0x4E00 && r <= 0x9FFF: // Han
		case r >= 0x3041 && r <= 0x3096, r >= 0x30A1 && r <= 0x30FE: // kana, composed
		case r >= 0xAC00 && r <= 0xD7A3: // Hangul syllables
		case r == 0x3001, r == 0x3002, r >= 0x300C && r <= 0x300F: // 、 。 and brackets
		default:
			return false
		}
	}
	return true
}

// lowerASCII puts the ASCII letters of a text into lower case.
func lowerASCII(text string) string {
	for i := range len(text) {
		if c := text[i]; 'A' <= c && c <= 'Z' {
			b := []byte(text)
			for ; i < len(b); i++ {
				if 'A' <= b[i] && b[i] <= 'Z' {
					b[i] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return text
}

// spelled is how people without a key for a letter, or in capitals, write what no normalization takes apart: as
// Unicode's full case folding has it (CaseFolding.txt), and CLDR's transliteration Latin-ASCII; "" for all others.
func spelled(r rune) string {
	switch r {
	case 'ß':
		return "ss"
	case 'ς':
		return "σ"
	case 'æ':
		return "ae"
	case 'œ':
		return "oe"
	case 'þ':
		return "th"
	case 'đ', 'ð':
		return "d"
	case 'ħ':
		return "h"
	case 'ı':
		return "i"
	case 'ł':
		return "l"
	case 'ø':
		return "o"
	case 'ŧ':
		return "t"
	}
	return ""
}

// spellOut spells the letters of a text out, which is in lower case.
func spellOut(text string) string {
	var b strings.Builder
	done := 0
	for i, r := range text {
		if letters := spelled(r); letters != "" {
			b.WriteString(text[done:i])
			b.WriteString(letters)
			done = i + utf8.RuneLen(r)
		}
	}
	return b.String() + text[done:]
}

// LetterMark reports what a Folder takes out of a text in NFKD: the marks of Latin, Greek, Cyrillic, Hebrew and Arabic
// letters, which people leave out, and what is not to be seen within words. Those of Thai and Japanese make other
// words. wasm/idb says the same to the browser.
func LetterMark(r rune) bool {
	switch {
	case r >= 0x300 && r <= 0x36F, r >= 0x591 && r <= 0x5C7 && r != 0x5BE && r != 0x5C0 && r != 0x5C3 && r != 0x5C6,
		r >= 0x610 && r <= 0x61A, r >= 0x64B && r <= 0x65F, r == 0x670, r == 0xAD, r == 0x200B, r == 0xFE0E, r == 0xFE0F:
		return true
	}
	return false
}
