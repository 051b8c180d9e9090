package proto

import (
	"unicode"
	"unicode/utf8"
)

// maxEmoji bounds one emoji, in bytes: a family of four with skin tones has 41.
const maxEmoji = 64

// IsEmoji reports whether a text is exactly one emoji, by the syntax of Unicode Technical
// Standard 51, section 1.4.9: a flag, a keycap, or pictographs that joiners make one of.
func IsEmoji(text string) bool {
	if len(text) > maxEmoji || !utf8.ValidString(text) {
		return false
	}
	rest := []rune(text)
	switch {
	case len(rest) == 2 && regional(rest[0]):
		return regional(rest[1])
	case len(rest) > 1 && rest[len(rest)-1] == keycap && (rest[0] >= '0' && rest[0] <= '9' || rest[0] == '#' || rest[0] == '*'):
		return len(rest) == 2 || len(rest) == 3 && rest[1] == emojiStyle
	}
	for {
		n := pictograph(rest)
		if n == 0 {
			return false
		}
		if rest = rest[n:]; len(rest) == 0 {
			return true
		}
		if rest[0] != zeroWidthJoiner {
			return false
		}
		rest = rest[1:]
	}
}

const (
	zeroWidthJoiner = 0x200D
	keycap          = 0x20E3
	emojiStyle      = 0xFE0F
	cancelTag       = 0xE007F
)

func regional(r rune) bool { return r >= 0x1F1E6 && r <= 0x1F1FF }

// pictograph returns how many runes at the beginning are one pictograph with its skin tone,
// presentation or tags; 0 if there is none.
func pictograph(text []rune) int {
	if len(text) == 0 || !unicode.Is(pictographic, text[0]) {
		return 0
	}
	n := 1
	switch {
	case n == len(text):
	case text[n] >= 0x1F3FB && text[n] <= 0x1F3FF, text[n] == emojiStyle:
		n++
	case text[n] >= 0xE0020 && text[n] < cancelTag:
		for n < len(text) && text[n] >= 0xE0020 && text[n] < cancelTag {
			n++
		}
		if n == len(text) || text[n] != cancelTag {
			return 0
		}
		n++
	}
	return n
}

// pictographic is Extended_Pictographic (Unicode emoji-data.txt), which has what later
// versions may fill as well.
var pictographic = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0xA9, 0xA9, 1}, {0xAE, 0xAE, 1}, {0x203C, 0x203C, 1}, {0x2049, 0x2049, 1}, {0x2122, 0x2122, 1}, {0x2139, 0x2139, 1},
		{0x2194, 0x2199, 1}, {0x21A9, 0x21AA, 1}, {0x231A, 0x231B, 1}, {0x2328, 0x2328, 1}, {0x2388, 0x2388, 1}, {0x23CF, 0x23CF, 1},
		{0x23E9, 0x23F3, 1}, {0x23F8, 0x23FA, 1}, {0x24C2, 0x24C2, 1}, {0x25AA, 0x25AB, 1}, {0x25B6, 0x25B6, 1}, {0x25C0, 0x25C0, 1},
		{0x25FB, 0x25FE, 1}, {0x2600, 0x2605, 1}, {0x2607, 0x2612, 1}, {0x2614, 0x2685, 1}, {0x2690, 0x2705, 1}, {0x2708, 0x2712, 1},
		{0x2714, 0x2714, 1}, {0x2716, 0x2716, 1}, {0x271D, 0x271D, 1}, {0x2721, 0x2721, 1}, {0x2728, 0x2728, 1}, {0x2733, 0x2734, 1},
		{0x2744, 0x2744, 1}, {0x2747, 0x2747, 1}, {0x274C, 0x274C, 1}, {0x274E, 0x274E, 1}, {0x2753, 0x2755, 1}, {0x2757, 0x2757, 1},
		{0x2763, 0x2767, 1}, {0x2795, 0x2797, 1}, {0x27A1, 0x27A1, 1}, {0x27B0, 0x27B0, 1}, {0x27BF, 0x27BF, 1}, {0x2934, 0x2935, 1},
		{0x2B05, 0x2B07, 1}, {0x2B1B, 0x2B1C, 1}, {0x2B50, 0x2B50, 1}, {0x2B55, 0x2B55, 1}, {0x3030, 0x3030, 1}, {0x303D, 0x303D, 1},
		{0x3297, 0x3297, 1}, {0x3299, 0x3299, 1},
	},
	R32: []unicode.Range32{
		{0x1F000, 0x1F0FF, 1}, {0x1F10D, 0x1F10F, 1}, {0x1F12F, 0x1F12F, 1}, {0x1F16C, 0x1F171, 1}, {0x1F17E, 0x1F17F, 1}, {0x1F18E, 0x1F18E, 1},
		{0x1F191, 0x1F19A, 1}, {0x1F1AD, 0x1F1E5, 1}, {0x1F201, 0x1F20F, 1}, {0x1F21A, 0x1F21A, 1}, {0x1F22F, 0x1F22F, 1}, {0x1F232, 0x1F23A, 1},
		{0x1F23C, 0x1F23F, 1}, {0x1F249, 0x1F3FA, 1}, {0x1F400, 0x1F53D, 1}, {0x1F546, 0x1F64F, 1}, {0x1F680, 0x1F6FF, 1}, {0x1F774, 0x1F77F, 1},
		{0x1F7D5, 0x1F7FF, 1}, {0x1F80C, 0x1F80F, 1}, {0x1F848, 0x1F84F, 1}, {0x1F85A, 0x1F85F, 1}, {0x1F888, 0x1F88F, 1}, {0x1F8AE, 0x1F8FF, 1},
		{0x1F90C, 0x1F93A, 1}, {0x1F93C, 0x1F945, 1}, {0x1F947, 0x1FAFF, 1}, {0x1FC00, 0x1FFFD, 1},
	},
	LatinOffset: 2,
}
