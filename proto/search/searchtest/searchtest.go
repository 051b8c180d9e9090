// Package searchtest makes texts as people write them, for tests and benchmarks of searches: a few words, or characters,
// are frequent, and most are rare.
package searchtest

import (
	"math/rand/v2"
	"strings"
)

// NewWords returns how frequent words are, of so many.
func NewWords(random *rand.Rand, n uint64) *rand.Zipf { return rand.NewZipf(random, 1.1, 3, n) }

// Text is of so many words, or, in Chinese, characters.
func Text(words *rand.Zipf, n int, chinese bool) string {
	var b strings.Builder
	for range n {
		x := words.Uint64()
		if chinese {
			b.WriteRune(rune(0x4E00 + x*7%20000))
			continue
		}
		for x = x*2654435761%1_000_000 + 30; x > 0; x /= 26 {
			b.WriteByte(byte('a' + x%26))
		}
		b.WriteByte(' ')
	}
	return b.String()
}
