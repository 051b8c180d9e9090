package chat

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestAFilterHoldsWhatWasPutInAndNothingElse(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 2, 15, 100, 1500, 1 << 14} {
		for _, spread := range []uint32{1 << termBits, 1 << 12} {
			var terms []term
			for range n {
				terms = append(terms, random.Uint32N(spread))
			}
			f := &PageTerms{Terms: newFilters(slices.Clone(terms))}
			slices.Sort(terms)
			terms = slices.Compact(terms)
			if got := f.terms(); !slices.Equal(got, terms) {
				t.Fatalf("%d terms below %d: %d came out", len(terms), spread, len(got))
			}
			for range 2000 {
				x := random.Uint32N(spread)
				if _, want := slices.BinarySearch(terms, x); f.has(x) != want {
					t.Fatalf("%d terms below %d: has(%d) is %v", len(terms), spread, x, !want)
				}
			}
			for _, x := range terms[:min(len(terms), 500)] {
				if !f.has(x) {
					t.Fatalf("%d terms below %d: %d is missing", len(terms), spread, x)
				}
			}
		}
	}
}

func TestADamagedFilterIsReadWithoutHarm(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		b := make(Filter, random.IntN(200))
		p := &PageTerms{Terms: [Shards]Filter{3: b}}
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		p.has(random.Uint32N(1 << termBits))
		p.terms()
	}
}

func TestAPatternFinds(t *testing.T) {
	tests := []struct {
		pattern, text string
		want          bool
	}{
		{"hel", "Well, HELLO there", true},
		{"ello", "hello", false},
		{"lo hel", "hello, London", true},
		{"internationalisation", "Internationalisations", true},
		{"internationalise", "internationalisation", false},
		{"中国", "我在中国。", true},
		{"国中", "我在中国。", false},
		{"中", "我在中国", true},
		{"用iphone拍", "我用iPhone拍照", true},
		{"東京", "東 京", false},
		{"サーバー", "新しいサーバーです", true},
		{"한국", "대한민국", false},
		{"민국", "대한민국", true},
		{"42", "room 421b", true},
		{"!?", "!?", false},
	}
	for _, test := range tests {
		folded := Folder(nil).Fold([]string{test.pattern, test.text})
		p := patternOf(folded[0])
		if got := !p.empty() && p.in(folded[1]); got != test.want {
			t.Errorf("%q in %q: %v", test.pattern, test.text, got)
		}
	}
}

// What a pattern finds by comparing, the index finds as well: else a search would miss it.
func TestWhatMatchesIsInTheIndex(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	alphabet := []rune("aab bc1é é—жЖ中国人ひらカーガ한국สวัสดีمرحبا٣ .,\u0301ﬁＡ")
	text := func(n int) string {
		var b strings.Builder
		for range n {
			b.WriteRune(alphabet[random.IntN(len(alphabet))])
		}
		return b.String()
	}
	found := 0
	for range 20_000 {
		folded := FoldNatively.Fold([]string{text(1 + random.IntN(4)), text(random.IntN(80))})
		p := patternOf(folded[0])
		if p.empty() || !p.in(folded[1]) {
			continue
		}
		found++
		f := &PageTerms{Terms: newFilters(appendTerms(nil, folded[1]))}
		for _, x := range p.terms() {
			if !f.has(x) {
				t.Fatalf("%q stands in %q, but the index does not say so", folded[0], folded[1])
			}
		}
	}
	if found < 1000 {
		t.Errorf("only %d matched", found)
	}
}

// Sizes: for whoever changes how many bits a term has.
func TestAnIndexIsSmallerThanWhatItIsOf(t *testing.T) {
	for _, language := range []string{"中", "e"} {
		random := rand.New(rand.NewPCG(7, 8))
		bytes, index, terms := 0, 0, 0
		for range 100 {
			var all []term
			for range 64 {
				text := written(random, language)
				bytes += len(text) + 60 // the other fields
				all = appendTerms(all, text)
			}
			f := &PageTerms{Terms: newFilters(all)}
			terms += len(f.terms())
			for _, shard := range f.Terms {
				index += len(shard)
			}
		}
		ratio := float64(index) / float64(bytes)
		t.Log(fmt.Sprintf("%s: %d terms a page in %d bytes, %.2f of the messages", language, terms/100, index/100, ratio))
		if ratio > 0.6 {
			t.Errorf("%s: the index has %.2f of the messages' bytes", language, ratio)
		}
	}
}

// written makes a text of words, or characters, a few of which are frequent, as in languages.
func written(random *rand.Rand, language string) string {
	zipf := rand.NewZipf(random, 1.1, 3, 3000)
	var b strings.Builder
	for range 2 + random.IntN(30) {
		n := zipf.Uint64()
		if language == "中" {
			b.WriteRune(rune(0x4E00 + n*7%20000))
			continue
		}
		for x := n*2654435761%1_000_000 + 30; x > 0; x /= 26 {
			b.WriteByte(byte('a' + x%26))
		}
		b.WriteByte(' ')
	}
	return b.String()
}
