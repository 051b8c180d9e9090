package idb

import (
	"strconv"
	"strings"
	"sync"
	"syscall/js"

	"parley/proto/search"
)

// Fold is the browser's search.Folder: tables of Unicode would add a tenth to the program.
var Fold search.Folder = fold

// fold asks the browser for all texts at once, joined by a character that none of them has.
func fold(texts []string) []string {
	const between = "\x00"
	for i, text := range texts {
		texts[i] = strings.ReplaceAll(text, between, " ")
	}
	text := js.Global().Get("String").Get("prototype")
	folded := js.ValueOf(strings.Join(texts, between))
	for _, step := range [][]any{{"normalize", "NFKD"}, {"replace", letterMarks(), ""}, {"toLowerCase"}, {"normalize", "NFC"}} {
		folded = text.Get(step[0].(string)).Call("call", append([]any{folded}, step[1:]...)...)
	}
	return strings.Split(folded.String(), between)
}

// letterMarks is a RegExp of what search.LetterMark says.
var letterMarks = sync.OnceValue(func() js.Value {
	var class strings.Builder
	for r := rune(0); r < 1<<16; r++ {
		if search.LetterMark(r) {
			class.WriteString(`\u` + strconv.FormatInt(0x10000+int64(r), 16)[1:])
		}
	}
	return js.Global().Get("RegExp").New("["+class.String()+"]", "g")
})
