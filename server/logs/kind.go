package logs

import (
	"log/slog"
	"strings"
	"unicode"
)

// others is the message about lines of kinds that there was no room for.
const others = "other lines were left out"

// maxClass is how many bytes of a text count, apart from numbers and quotations.
const maxClass = 100

// kind is what lines that are alike have in common.
type kind struct {
	level   slog.Level
	message string // its class: what net/http logs has addresses in it
	why     string // the classes of what tells why
}

func kindOf(r slog.Record) kind {
	k := kind{level: r.Level, message: class(r.Message)}
	r.Attrs(func(a slog.Attr) bool {
		switch value := a.Value.String(); {
		case a.Key == "code", a.Key == "at":
			k.why += value[:min(len(value), maxClass)] + "\n"
		case tells(a.Key):
			k.why += class(value) + "\n"
		}
		return true
	})
	return k
}

// tells says whether an attribute tells why a line was written.
func tells(key string) bool {
	return key == "error" || key == "reason" || key == "code" || key == "at"
}

// class is a text without what may be different each time: numbers, what is quoted
// and what is in brackets.
func class(text string) string {
	var b strings.Builder
	var end, before rune // end of a quotation, or 0
	for _, r := range text {
		switch {
		case b.Len() >= maxClass:
			return b.String()
		case end != 0:
			if r == end {
				end = 0
			}
			continue
		case r == '"', r == '`':
			end = r
		case r == '[':
			end = ']'
		case unicode.IsDigit(r):
			r = '#'
			if before == r {
				continue
			}
		}
		b.WriteRune(r)
		before = r
	}
	return b.String()
}
