package proto

import (
	"strings"
	"unicode"
)

// CheckContent refuses, for good, what cannot be the content of a message that
// somebody writes: nothing, nothing that is to be seen, or more than MaxContent
// bytes. The error is a *Refusal.
func CheckContent(content string) error {
	switch size := len(content); {
	case size == 0:
		return Refuse(PayloadFormatInvalid, "content is empty: write something").Named("content-empty")
	case size > MaxContent:
		return Refuse(PacketTooLarge, "content has %d bytes, at most %d are allowed: split the message", size, MaxContent).Named("content-too-long", size, MaxContent)
	case IsBlank(content):
		return Refuse(PayloadFormatInvalid, "content shows nothing, only spaces and characters that cannot be seen: write something").Named("content-invisible")
	}
	return nil
}

// IsBlank reports whether nothing of a text is to be seen. static/texts/foreign-text.js
// has the same rule.
func IsBlank(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool {
		return !unicode.In(r, unicode.White_Space, unicode.Cc) && !Invisible(r)
	})
}

// Invisible reports characters that show nothing by themselves although they are
// no white space: what is ignored where it cannot be displayed (UAX 44,
// Default_Ignorable_Code_Point), such as joiners and the Hangul fillers, and
// symbols that are empty. A character that this version of Unicode does not know
// is none of them: the reader's may show it.
func Invisible(r rune) bool {
	switch {
	case r == 0x2800 || r == 0x1D159: // Braille pattern blank, musical null note head
		return true
	case r >= 0x13430 && r <= 0x13455 || unicode.Is(unicode.Prepended_Concatenation_Mark, r): // format characters that show
		return false
	}
	return unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}
