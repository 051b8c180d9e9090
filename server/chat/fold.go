package chat

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// FoldVersion names what Fold and Words do. A store that keeps what they
// returned makes it anew when the version is another one.
const FoldVersion = "1 Unicode " + norm.Version

// maxFolded bounds a folded text, in bytes: a name of proto.MaxName bytes may
// fold to ten times its length.
const maxFolded = 128

// caseFolding is full: ß and ss are the same (Unicode, section 3.13).
var caseFolding = cases.Fold()

// Fold returns name as people are looked for: without differences of case,
// width, form (NFKC), accents and space, and without what cannot be seen. What
// folds alike is the same to a search. At most maxFolded bytes; folding again
// changes nothing.
func Fold(name string) string {
	apart := norm.NFKD.String(caseFolding.String(norm.NFKC.String(name)))
	words := strings.Fields(strings.Map(plain, apart))
	folded := norm.NFC.String(strings.Join(words, " "))
	if len(folded) > maxFolded {
		end := maxFolded
		for !utf8.RuneStart(folded[end]) {
			end--
		}
		folded = strings.TrimSpace(folded[:end])
	}
	return folded
}

// stroked are letters that Unicode does not take apart, and many keyboards lack.
var stroked = map[rune]rune{'ı': 'i', 'ł': 'l', 'ø': 'o', 'đ': 'd', 'ħ': 'h', 'ŧ': 't'}

// plain returns what a rune of decomposed text is folded to, -1 for nothing.
func plain(r rune) rune {
	switch {
	case r < utf8.RuneSelf && r >= ' ' && r != 0x7f:
		return r
	case unicode.IsSpace(r):
		return ' '
	case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point), accent(r):
		return -1
	case stroked[r] != 0:
		return stroked[r]
	}
	return unicode.ToLower(r) // caseFolding turns Cherokee's small and capital letters round
}

// accent reports marks that make no other letter of the one before. Those of
// the classes 0 and 7 to 9 do: vowel signs, nuktas, the voicing of kana, viramas.
func accent(r rune) bool {
	if !unicode.Is(unicode.Mn, r) {
		return false
	}
	switch norm.NFD.PropertiesString(string(r)).CCC() {
	case 0, 7, 8, 9:
		return false
	}
	return true
}

// Words returns the rest of a folded name from each of its words on, but for
// the first: what a name is found by, besides its beginning. A sign is a word
// of its own, and so is each character of scripts that put no space between words.
func Words(folded string) (rests []string) {
	var before rune
	for i, r := range folded {
		if i > 0 && r != ' ' && (!inWord(r) || !inWord(before) || unicode.In(r, unspaced...)) {
			rests = append(rests, folded[i:])
		}
		before = r
	}
	return rests
}

func inWord(r rune) bool { return unicode.In(r, unicode.L, unicode.N, unicode.M) }

var unspaced = []*unicode.RangeTable{
	unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar,
}
