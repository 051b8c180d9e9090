package web

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// A catalogue is what a file of texts holds, by where it stands, as in acts.claim: "text",
// "function of n", or the number of a list's texts.
type catalogue map[string]string

// readCatalogue reads the object of texts of a language's file, which is all that is
// known here of JavaScript: objects, lists, texts, and functions whose body is a text.
func readCatalogue(t *testing.T, path string) catalogue {
	t.Helper()
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, body, found := strings.Cut(withoutComments(string(source)), "const texts = (")
	if _, body, found = strings.Cut(body, "=> ("); !found {
		t.Fatalf("%s: there is no const texts = (…) => ({…})", path)
	}
	r := &textReader{left: body, found: catalogue{}}
	r.object("")
	if r.err != nil {
		t.Fatalf("%s: %v before %.60q", path, r.err, r.left)
	}
	return r.found
}

// textReader reads what is left of a file.
type textReader struct {
	left  string
	found catalogue
	err   error
}

// word takes what a pattern matches next, white space aside; "" if it does not.
func (r *textReader) word(pattern *regexp.Regexp) string {
	r.left = strings.TrimLeft(r.left, " \n\t")
	word := pattern.FindString(r.left)
	r.left = r.left[len(word):]
	return word
}

func (r *textReader) sign(sign string) bool {
	r.left = strings.TrimLeft(r.left, " \n\t")
	rest, found := strings.CutPrefix(r.left, sign)
	r.left = rest
	return found
}

func (r *textReader) fail(want string) {
	if r.err == nil {
		r.err = fmt.Errorf("no %s", want)
	}
}

var (
	nameOfText = regexp.MustCompile(`^(?:[A-Za-z]\w*|'[\w-]+')`)
	parameters = regexp.MustCompile(`^(?:\w+|\([\w, ]*\)) =>`)
)

func (r *textReader) object(at string) {
	if !r.sign("{") {
		r.fail("{")
	}
	for r.err == nil && !r.sign("}") {
		name := strings.Trim(r.word(nameOfText), "'")
		if name == "" || !r.sign(":") {
			r.fail("name")
			return
		}
		r.value(at + name)
		r.sign(",")
	}
}

// value reads what a name stands for.
func (r *textReader) value(at string) {
	switch r.left = strings.TrimLeft(r.left, " \n\t"); {
	case strings.HasPrefix(r.left, "{"):
		r.object(at + ".")
	case strings.HasPrefix(r.left, "["):
		n := strings.Count(r.expression(), "'") / 2
		r.found[at] = fmt.Sprintf("%d texts", n)
	default:
		if head := r.word(parameters); head != "" {
			n := len(strings.FieldsFunc(strings.TrimSuffix(head, "=>"), func(c rune) bool { return strings.ContainsRune("(), ", c) }))
			r.found[at] = fmt.Sprintf("function of %d", n)
		} else {
			r.found[at] = "text"
		}
		if r.expression() == "" {
			r.fail("text")
		}
	}
}

// expression takes all up to the comma or bracket that ends it.
func (r *textReader) expression() string {
	depth, quote, whole := 0, byte(0), r.left
	var templates []int // at which depth ${ stands in a template
	for i := 0; i < len(whole); i++ {
		c := whole[i]
		switch {
		case quote != 0 && c == '\\':
			i++
		case quote == '`' && strings.HasPrefix(whole[i:], "${"):
			templates, quote = append(templates, depth), 0
			depth++
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '}' && len(templates) > 0 && templates[len(templates)-1] == depth-1:
			templates, quote = templates[:len(templates)-1], '`'
			depth--
		case strings.IndexByte("'\"`", c) >= 0:
			quote = c
		case strings.IndexByte("([{", c) >= 0:
			depth++
		case depth == 0 && strings.IndexByte(",)}]", c) >= 0:
			r.left = whole[i:]
			return whole[:i]
		case strings.IndexByte(")}]", c) >= 0:
			depth--
		}
	}
	r.fail("end")
	return ""
}

var comments = regexp.MustCompile(`(?ms)/\*.*?\*/|^\s*//[^\n]*$| // [^\n]*$`)

func withoutComments(source string) string { return comments.ReplaceAllString(source, "") }
