package chat

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
)

// FoldNatively is a Folder for tests, which have no browser.
var FoldNatively Folder = func(texts []string) []string {
	folded := make([]string, len(texts))
	for i, text := range texts {
		bare := strings.Map(func(r rune) rune {
			if LetterMark(r) {
				return -1
			}
			return r
		}, norm.NFKD.String(text))
		folded[i] = norm.NFC.String(strings.ReplaceAll(strings.ToLower(bare), "ς", "σ"))
	}
	return folded
}

func TestWhatPeopleTypeDifferentlyIsTheSame(t *testing.T) {
	for text, want := range map[string]string{
		"Ünïcode ÉTÉ": "unicode ete", "ЁЛКА": "елка", "ΟΔΟΣ": "οδοσ", "Ｐａｒｌｅｙ１": "parley1", "ｶﾞｰﾀﾞ": "ガーダ",
		"ﬁn": "fin", "مَرْحَبًا": "مرحبا", "İstanbul": "istanbul", "สวัสดี": "สวัสดี", "가각": "가각", "が": "が", "1²": "12",
	} {
		if got := FoldNatively.Fold([]string{"plain", text}); got[1] != want || got[0] != "plain" {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

// What is folded without a Folder must be as a Folder would.
func TestTheShortcutOfFoldingChangesNothing(t *testing.T) {
	var texts []string
	for r := rune(1); r < 0x10000; r++ {
		if easy(string(r)) {
			texts = append(texts, "A"+string(r))
		}
	}
	if got, want := FoldNatively.Fold(texts), FoldNatively(texts); !slices.Equal(got, want) {
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("%q: %q, want %q", texts[i], got[i], want[i])
			}
		}
	}
}
