package postgres

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// translated holds what translate returned: there are as many statements as the program
// has, a hundred or so.
var translated sync.Map

// translate puts a statement of SQLite's SQL into PostgreSQL's, as far as package
// relational and this one differ in them: parameters, blobs, hints for the planner and
// the names of functions.
func translate(query string) string {
	if known, ok := translated.Load(query); ok {
		return known.(string)
	}
	words := replacer.Replace(query)
	words = indexedBy.ReplaceAllString(words, "")
	words = blob.ReplaceAllString(words, `'\x$1'::bytea`)
	n := 0
	words = parameter.ReplaceAllStringFunc(words, func(p string) string {
		if p != "?" {
			return "$" + p[1:]
		}
		n++
		return "$" + strconv.Itoa(n)
	})
	words = afterRev.ReplaceAllString(words, "m.block >= "+blockOf("$1")+" AND m.rev > $1")
	words = byRev.ReplaceAllString(words, "ORDER BY m.block$1, m.rev$1")
	translated.Store(query, words)
	return words
}

var (
	replacer = strings.NewReplacer(
		"LIMIT ? + 0", "LIMIT ?", // see relational
		"CROSS JOIN", "JOIN", // which fixes SQLite's order
		"instr(", "strpos(",
		"blocks != 0", "blocks", // a bool
	)
	indexedBy = regexp.MustCompile(` INDEXED BY \w+`)
	blob      = regexp.MustCompile(`x'([0-9a-f]*)'`)
	parameter = regexp.MustCompile(`\?\d*`)
	// Rows of members are found and sorted by blocks of change numbers first, see the schema.
	afterRev = regexp.MustCompile(`m\.rev > (\$\d+)`)
	byRev    = regexp.MustCompile(`ORDER BY m\.rev( DESC)?`)
)
