package search

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"parley/proto/search/searchtest"
)

func TestAFilterHoldsWhatWasPutInAndNothingElse(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 2, 15, 100, 1500, 1 << 14} {
		for _, spread := range []uint32{1 << termBits, 1 << 12} {
			var terms []Term
			for range n {
				terms = append(terms, random.Uint32N(spread))
			}
			f := NewFilters(slices.Clone(terms))
			slices.Sort(terms)
			terms = slices.Compact(terms)
			if got := f.Terms(); !slices.Equal(got, terms) {
				t.Fatalf("%d terms below %d: %d came out", len(terms), spread, len(got))
			}
			for range 2000 {
				x := random.Uint32N(spread)
				if _, want := slices.BinarySearch(terms, x); f.Has(x) != want {
					t.Fatalf("%d terms below %d: has(%d) is %v", len(terms), spread, x, !want)
				}
			}
			for _, x := range terms[:min(len(terms), 500)] {
				if !f.Has(x) {
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
		p := Filters{3: b}
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		p.Has(random.Uint32N(1 << termBits))
		p.Terms()
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
		{"STRASSE", "Die Straße", true},
		{"straß", "STRASSE", true},
		{"lodge", "in Łodge", true},
		{"😀", "well 😀", true},
		{"👍", "👍🏽", true},
		{"😀👍", "👍😀", false},
		{"❤", "I ❤️ you", true},
		{"ភាសា", "រៀនភាសាខ្មែរ", true},
		{"!?", "!?", false},
	}
	for _, test := range tests {
		folded := Folder(nil).Fold([]string{test.pattern, test.text})
		p := PatternOf(folded[0])
		if got := !p.Empty() && p.In(folded[1]); got != test.want {
			t.Errorf("%q in %q: %v", test.pattern, test.text, got)
		}
	}
}

func TestWhatThePageMakesALinkOfIsOne(t *testing.T) {
	for text, want := range map[string]bool{
		"see https://parley.example/a": true, "HTTP://PARLEY.EXAMPLE": true, "（http://例え.テスト）": true, "请看https://parley.example": true, "http://[::1]/": true,
		"www.parley.example": true, "(Www.parley.example)": true, "mailto:anna@parley.example": true,
		"https://": false, "xhttp://parley.example": false, "http:/parley.example": false, "www.": false, "www.parley": false, "www. parley.example": false,
		"awww.parley.example": false, "mailto:anna": false, "mailto: anna@parley.example": false, "anna@parley.example": false, "": false,
	} {
		if hasLink(text) != want {
			t.Errorf("%q is a link: %v", text, !want)
		}
	}
}

// Sizes: for whoever changes how many bits a term has.
func TestAnIndexIsSmallerThanWhatItIsOf(t *testing.T) {
	for _, chinese := range []bool{true, false} {
		random := rand.New(rand.NewPCG(7, 8))
		words := searchtest.NewWords(random, 3000)
		bytes, index, terms := 0, 0, 0
		for range 100 {
			var all []Term
			for range 64 {
				text := searchtest.Text(words, 2+random.IntN(30), chinese)
				bytes += len(text) + 60 // the other fields
				all = AppendTerms(all, text)
			}
			f := NewFilters(all)
			terms += len(f.Terms())
			for _, shard := range f {
				index += len(shard)
			}
		}
		ratio := float64(index) / float64(bytes)
		t.Log(fmt.Sprintf("Chinese %v: %d terms a page in %d bytes, %.2f of the messages", chinese, terms/100, index/100, ratio))
		if ratio > 0.6 {
			t.Errorf("Chinese %v: the index has %.2f of the messages' bytes", chinese, ratio)
		}
	}
}
