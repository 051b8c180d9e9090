package auth

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"parley/proto"
)

// CheckName returns the name that a person chose, without space around it. The
// error is a *proto.Refusal that says what to change. Characters that are not
// to be seen, or that turn the direction of what stands after the name, are
// refused: a name is shown among other text, and must not disguise it.
func CheckName(name string) (string, error) {
	switch name = strings.TrimSpace(name); {
	case !utf8.ValidString(name):
		return "", proto.Refuse(proto.PayloadFormatInvalid, "name is not valid UTF-8")
	case len(name) > proto.MaxName:
		return "", proto.Refuse(proto.PayloadFormatInvalid, "name is longer than %d bytes: choose a shorter one", proto.MaxName)
	case strings.ContainsFunc(name, disguises):
		return "", proto.Refuse(proto.PayloadFormatInvalid, "name has a control character: leave it out")
	case !strings.ContainsFunc(name, shows):
		return "", proto.Refuse(proto.PayloadFormatInvalid, "name is empty: give one of 1 to %d bytes", proto.MaxName)
	}
	return name, nil
}

// cleanName makes a name from a token fit: its bearer could not change it.
// It may be empty.
func cleanName(name string) string {
	name = strings.Map(func(r rune) rune {
		if disguises(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, ""))
	name = strings.TrimSpace(name)
	for len(name) > proto.MaxName {
		_, size := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-size]
	}
	if !strings.ContainsFunc(name, shows) {
		return ""
	}
	return strings.TrimSpace(name)
}

// disguises reports control characters, line and paragraph separators, and the
// characters that embed, override or isolate direction (UAX 9, section 2). Marks
// and joiners stay: some scripts and emoji need them.
func disguises(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp) ||
		r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069 || r == 0xFEFF
}

func shows(r rune) bool {
	return unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S)
}
