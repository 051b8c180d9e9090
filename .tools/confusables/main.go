// Command confusables writes static/vendor/confusables.js: which letters and
// digits look like which (Unicode Technical Standard 39), for the page to tell
// names apart that look alike. The server asks the same data by the same package.
//
//	go run -C .tools ./confusables >static/vendor/confusables.js
package main

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"unicode"

	"github.com/mtibben/confusables"
	"golang.org/x/text/unicode/norm"
)

func main() {
	out := bufio.NewWriter(os.Stdout)
	write(out)
	if err := out.Flush(); err != nil {
		fmt.Fprintln(os.Stderr, "confusables:", err)
		os.Exit(1)
	}
}

const head = `// @ts-check
// Letters and digits that look like others, of those that compatibility
// normalisation (NFKC) leaves as they are: each line is what they look like, a
// space, and they.
//
// Data: Unicode confusables.txt 13.0.0 (UTS 39), © 2020 Unicode, Inc.,
// https://www.unicode.org/terms_of_use.html, as in the Go module
// github.com/mtibben/confusables v0.0.0-20210201002637-9d1b0723b659 (BSD-3-Clause).
// Made by make vendor; do not edit.
export const confusables = ` + "`"

func write(w io.Writer) {
	alike := make(map[string][]rune)
	for r := rune(1); r <= unicode.MaxRune; r++ {
		if text := string(r); unicode.In(r, unicode.L, unicode.N) && norm.NFD.String(norm.NFKC.String(text)) == text {
			if look := confusables.Skeleton(text); look != text {
				alike[look] = append(alike[look], r)
			}
		}
	}
	fmt.Fprint(w, head)
	for _, look := range slices.Sorted(maps.Keys(alike)) {
		fmt.Fprintf(w, "%s %s\n", escaped(look), escaped(string(alike[look])))
	}
	fmt.Fprintln(w, "`;")
}

// escaped is text as it may stand between backquotes, in ASCII alone, so that
// letters of all directions do not shuffle the file in front of its reader.
func escaped(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '`' || r == '\\' || r == '$':
			fmt.Fprintf(&b, `\%c`, r)
		case r < 0x7F:
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, `\u{%x}`, r)
		}
	}
	return b.String()
}
