package native_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"parley/proto/search"
	"parley/proto/search/native"
)

func TestWhatPeopleTypeDifferentlyIsTheSame(t *testing.T) {
	for text, want := range map[string]string{
		"Ünïcode ÉTÉ": "unicode ete", "ЁЛКА": "елка", "ΟΔΟΣ": "οδοσ", "Ｐａｒｌｅｙ１": "parley1", "ｶﾞｰﾀﾞ": "ガーダ",
		"ﬁn": "fin", "مَرْحَبًا": "مرحبا", "İstanbul": "istanbul", "สวัสดี": "สวัสดี", "가각": "가각", "が": "が", "1²": "12",
		"STRAẞE Straße": "strasse strasse", "Łódź": "lodz", "Đà Nẵng": "da nang", "København": "kobenhavn", "Œuvre Æsir": "oeuvre aesir",
		"Þór Iħe ıı": "thor ihe ii", "♥️ 👍🏽": "♥ 👍🏽",
	} {
		if got := native.Fold.Fold([]string{"plain", text}); got[1] != want || got[0] != "plain" {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

// What is folded without a Folder must be as a Folder would.
func TestTheShortcutOfFoldingChangesNothing(t *testing.T) {
	var texts []string
	for r := rune(1); r < 0xD800; r++ {
		texts = append(texts, "A"+string(r))
	}
	var hard []string
	for _, text := range texts {
		hard = append(hard, text+" é")
	}
	want := native.Fold.Fold(hard)
	for i := range want {
		want[i] = strings.TrimSuffix(want[i], " e")
	}
	if got := native.Fold.Fold(texts); !slices.Equal(got, want) {
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("%q: %q, want %q", texts[i], got[i], want[i])
			}
		}
	}
}

// What a pattern finds by comparing, the index finds as well: else a search would miss it.
func TestWhatMatchesIsInTheIndex(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	alphabet := []rune("aab bc1é é—жЖ中国人ひらカーガ한국สวัสดีمرحبا٣ .,\u0301ﬁＡßŁ😀👍🏽♥\ufe0f")
	text := func(n int) string {
		var b strings.Builder
		for range n {
			b.WriteRune(alphabet[random.IntN(len(alphabet))])
		}
		return b.String()
	}
	found := 0
	for range 20_000 {
		folded := native.Fold.Fold([]string{text(1 + random.IntN(4)), text(random.IntN(80))})
		p := search.PatternOf(folded[0])
		if p.Empty() || !p.In(folded[1]) {
			continue
		}
		found++
		f := search.NewFilters(search.AppendTerms(nil, folded[1]))
		for _, x := range p.Terms() {
			if !f.Has(x) {
				t.Fatalf("%q stands in %q, but the index does not say so", folded[0], folded[1])
			}
		}
	}
	if found < 1000 {
		t.Errorf("only %d matched", found)
	}
}
