package auth

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"parley/proto"
)

// CheckName returns the name that a person chose, composed (NFC) and with single
// spaces within it alone. The error is a *proto.Refusal that says what to change.
// Characters that are not to be seen, or that turn the direction of what stands
// after the name, are refused: a name is shown among other text, and must
// neither disguise that nor look like nothing.
func CheckName(name string) (string, error) {
	name = strings.TrimSpace(name)
	if !utf8.ValidString(name) {
		return "", proto.Refuse(proto.PayloadFormatInvalid, "name is not valid UTF-8")
	}
	if strings.ContainsFunc(name, disguises) {
		return "", proto.Refuse(proto.PayloadFormatInvalid, "name has a control character: leave it out").Named("name-invisible")
	}
	switch name = composed(name); {
	case !strings.ContainsFunc(name, shows):
		return "", proto.Refuse(proto.PayloadFormatInvalid, "name is empty: give one of 1 to %d bytes", proto.MaxName).Named("name-empty")
	case visible(name) != name:
		return "", proto.Refuse(proto.PayloadFormatInvalid, "name has a character that cannot be seen: leave it out").Named("name-invisible")
	case len(name) > proto.MaxName:
		return "", proto.Refuse(proto.PayloadFormatInvalid, "name is longer than %d bytes: choose a shorter one", proto.MaxName).Named("name-too-long", proto.MaxName)
	}
	return name, nil
}

// CleanLabel makes a label of a device fit, which a program gave: as a name, at most
// maxLabel bytes. It may be empty.
func CleanLabel(label string) string {
	if label = cleanName(label); len(label) <= maxLabel {
		return label
	}
	return cleanName(strings.ToValidUTF8(label[:maxLabel], ""))
}

const maxLabel = 64 // chat.MaxLabel

// cleanName makes a name from a token fit: its bearer could not change it.
// It may be empty.
func cleanName(name string) string {
	name = strings.Map(func(r rune) rune {
		if disguises(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, ""))
	// To leave something out may bring together what composes, or what a joiner
	// may not stand between: until nothing changes any more.
	for before := ""; before != name; {
		before = name
		name = composed(visible(name))
		for len(name) > proto.MaxName {
			_, size := utf8.DecodeLastRuneInString(name)
			name = name[:len(name)-size]
		}
	}
	if !strings.ContainsFunc(name, shows) {
		return ""
	}
	return name
}

// composed is name in NFC, in which spaces of all kinds are single plain ones
// within it.
func composed(name string) string { return strings.Join(strings.Fields(norm.NFC.String(name)), " ") }

// disguises reports control characters, line and paragraph separators, and the
// characters that embed, override or isolate direction (UAX 9, section 2).
func disguises(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp) ||
		r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069 || r == 0xFEFF
}

// visible is name without the characters that show nothing, or look like a
// space. Joiners stay where scripts and emoji need them.
func visible(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		switch {
		case isJoiner(r):
			if i == 0 || i == len(runes)-1 || !joins(runes[i-1]) || !joins(runes[i+1]) {
				continue
			}
		case r == emojiStyle:
			if i == 0 || !unicode.In(runes[i-1], unicode.S, unicode.P, unicode.N) {
				continue
			}
		case blank(r):
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// emojiStyle asks for the coloured form of the character before it (UTS 51).
const emojiStyle = 0xFE0F

func isJoiner(r rune) bool { return r == 0x200C || r == 0x200D }

// joins reports whether a joiner beside r can make a difference: in emoji and in
// scripts whose letters take another form beside others.
func joins(r rune) bool {
	if r == emojiStyle || unicode.In(r, unicode.So, unicode.Sk, unicode.M) {
		return true
	}
	return unicode.Is(unicode.L, r) && !unicode.In(r, unicode.Latin, unicode.Greek, unicode.Cyrillic, unicode.Armenian,
		unicode.Georgian, unicode.Hebrew, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana) && !blank(r)
}

// blank reports characters that show nothing although some count as letters or
// symbols, or that do not show the same everywhere: format characters, private
// ones, and those that stand for a missing one.
func blank(r rune) bool {
	return proto.Invisible(r) || r == 0xFFFC || r == 0xFFFD ||
		unicode.In(r, unicode.Cf, unicode.Co, unicode.Noncharacter_Code_Point)
}

func shows(r rune) bool {
	return unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S) && !blank(r)
}
