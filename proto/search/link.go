package search

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// longestMailbox is how long what stands before the @ may be (RFC 5321, section 4.5.3.1.1).
const longestMailbox = 64

// hasLink reports whether a text has what the page makes a link of: an address of the web, with or without a scheme,
// or one of mail.
func hasLink(text string) bool {
	for i := range len(text) {
		switch text[i] | 0x20 {
		case 'h':
			if rest, ok := cutFolded(text[i:], "http"); ok && (i == 0 || classOf(rune(text[i-1])) != spaced || text[i-1] >= utf8.RuneSelf) {
				rest, _ = cutFolded(rest, "s")
				if host, ok := strings.CutPrefix(rest, "://"); ok && named(host) {
					return true
				}
			}
		case 'w':
			if rest, ok := cutFolded(text[i:], "www."); ok && begins(text[:i]) {
				if name, more, ok := strings.Cut(rest, "."); ok && named(name) && !strings.ContainsFunc(name, unicode.IsSpace) && named(more) {
					return true
				}
			}
		case 'm':
			if rest, ok := cutFolded(text[i:], "mailto:"); ok && begins(text[:i]) {
				if name, host, ok := strings.Cut(rest[:min(len(rest), longestMailbox+2)], "@"); ok && named(name) && !strings.ContainsFunc(name, unicode.IsSpace) && named(host) {
					return true
				}
			}
		}
	}
	return false
}

// cutFolded is strings.CutPrefix of ASCII, whatever the case.
func cutFolded(text, prefix string) (rest string, ok bool) {
	if len(text) < len(prefix) || !strings.EqualFold(text[:len(prefix)], prefix) {
		return text, false
	}
	return text[len(prefix):], true
}

// begins reports whether an address without a scheme may stand behind a text: not within a word, or an address.
func begins(before string) bool {
	last, n := utf8.DecodeLastRuneInString(before)
	return n == 0 || !unicode.In(last, unicode.Letter, unicode.Mark, unicode.Number) && !strings.ContainsRune("_.@/-", last)
}

// named reports whether a name stands at the beginning of a text.
func named(text string) bool {
	first, n := utf8.DecodeRuneInString(text)
	return n > 0 && (unicode.IsLetter(first) || unicode.IsNumber(first) || strings.ContainsRune("[_+-", first))
}
