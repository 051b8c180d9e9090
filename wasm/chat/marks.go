package chat

import (
	"cmp"
	"slices"
	"unicode"
	"unicode/utf16"

	"parley/proto/search"
)

// hitMarks says where what a search looks for stands in texts, as they were written.
func hitMarks(p search.Pattern, f search.Folder, texts []string) [][]Mark {
	all := make([][]Mark, len(texts))
	letters, counts := []string(nil), make([]int, len(texts))
	for i, text := range texts {
		of := lettersOf(text)
		letters, counts[i] = append(letters, of...), len(of)
	}
	folded := f.Fold(letters)
	for i, n := range counts {
		all[i] = marksIn(p, letters[:n], folded[:n])
		letters, folded = letters[n:], folded[n:]
	}
	return all
}

// marksIn says where it stands in a text of letters, each folded.
func marksIn(p search.Pattern, letters, folded []string) []Mark {
	var text []byte
	var at []uint32 // of each byte of text: in which letter it is
	for i, letter := range folded {
		text = append(text, letter...)
		for range len(letter) {
			at = append(at, uint32(i))
		}
	}
	starts := make([]uint32, len(letters)+1)
	for i, letter := range letters {
		starts[i+1] = starts[i]
		for _, r := range letter {
			starts[i+1] += uint32(max(1, utf16.RuneLen(r)))
		}
	}
	var marks []Mark
	p.Places(string(text), func(from, to int) { marks = append(marks, Mark{starts[at[from]], starts[at[to-1]+1]}) })
	return joinedMarks(marks)
}

// joinedMarks puts marks in order, and those together that overlap or touch.
func joinedMarks(marks []Mark) (joined []Mark) {
	slices.SortFunc(marks, func(a, b Mark) int { return cmp.Compare(a.Start, b.Start) })
	for _, m := range marks {
		if n := len(joined); n > 0 && m.Start <= joined[n-1].End {
			joined[n-1].End = max(joined[n-1].End, m.End)
			continue
		}
		joined = append(joined, m)
	}
	return joined
}

// lettersOf takes a text apart into characters with the marks that belong to them, each of which folds by itself.
func lettersOf(text string) (letters []string) {
	from := 0
	for i, r := range text {
		if i > from && !joins(r) {
			letters = append(letters, text[from:i])
			from = i
		}
	}
	if from < len(text) {
		letters = append(letters, text[from:])
	}
	return letters
}

// joins reports whether a character belongs to the one before: marks, the later parts of a Hangul syllable, and the
// voiced marks of halfwidth kana.
func joins(r rune) bool {
	return r >= 0x300 && (search.LetterMark(r) || unicode.Is(unicode.Mark, r) || r >= 0x1160 && r <= 0x11FF || r == 0xFF9E || r == 0xFF9F)
}
