package search

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// longestMailbox is how long what stands before the @ may be (RFC 5321, section 4.5.3.1.1).
const longestMailbox = 64

// hasLink reports whether a text has what the page makes a link of: an address of the web, with or without a scheme,
// or one of mail. It looks where there is a colon or a full stop, since all messages are indexed.
func hasLink(text string) bool {
	return anyBehind(text, ':', func(before, after string) bool {
		if host, ok := strings.CutPrefix(after, "//"); ok {
			before, ok = cutFolded(before, "https")
			if !ok {
				before, ok = cutFolded(before, "http")
			}
			last := len(before) - 1
			return ok && (last < 0 || before[last] >= utf8.RuneSelf || classOf(rune(before[last])) != spaced) && named(host)
		}
		before, ok := cutFolded(before, "mailto")
		if !ok || !stands(before) {
			return false
		}
		name, host, ok := strings.Cut(after[:min(len(after), longestMailbox+2)], "@")
		return ok && word(name) && named(host)
	}) || anyBehind(text, '.', func(before, after string) bool {
		before, ok := cutFolded(before, "www")
		if !ok || !stands(before) {
			return false
		}
		name, more, ok := strings.Cut(after, ".")
		return ok && word(name) && named(more)
	})
}

// anyBehind reports whether f is true of what stands before and after a character, wherever that is.
func anyBehind(text string, c byte, f func(before, after string) bool) bool {
	for at := 0; ; {
		i := strings.IndexByte(text[at:], c)
		if i < 0 {
			return false
		}
		at += i + 1
		if f(text[:at-1], text[at:]) {
			return true
		}
	}
}

// cutFolded is strings.CutSuffix of ASCII, whatever the case.
func cutFolded(text, suffix string) (before string, ok bool) {
	at := len(text) - len(suffix)
	if at < 0 || !strings.EqualFold(text[at:], suffix) {
		return text, false
	}
	return text[:at], true
}

// stands reports whether an address without a scheme may stand behind a text: not within a word, or an address.
func stands(before string) bool {
	last, n := utf8.DecodeLastRuneInString(before)
	return n == 0 || !unicode.In(last, unicode.Letter, unicode.Mark, unicode.Number) && !strings.ContainsRune("_.@/-", last)
}

// word reports whether a text begins with a name, and has no space in it.
func word(text string) bool { return named(text) && !strings.ContainsFunc(text, unicode.IsSpace) }

// named reports whether a name stands at the beginning of a text.
func named(text string) bool {
	first, n := utf8.DecodeRuneInString(text)
	return n > 0 && (unicode.IsLetter(first) || unicode.IsNumber(first) || strings.ContainsRune("[_+-", first))
}
