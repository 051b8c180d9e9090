package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// declaration is what is read of .d.ts files: interfaces that hold nothing but
// fields, and the methods of Commands.
type declaration struct {
	interfaces []object
	commands   []object
	texts      map[string]bool // names of types that are strings
}

// object is an interface, or the fields of a command.
type object struct {
	name   string
	fields []field
}

type field struct {
	name, kind string
	optional   bool
}

var (
	comments   = regexp.MustCompile(`(?s)/\*.*?\*/`)
	interfaces = regexp.MustCompile(`(?ms)^export interface (\w+) \{(.*?)\}$`)
	commands   = regexp.MustCompile(`(?m)^  (\w+)\(fields: \{(.*?)\}\): `)
	texts      = regexp.MustCompile(`(?m)^export type (\w+) = ('|string;)`)
	fields     = regexp.MustCompile(`^(\w+)(\??): (.+)$`)
)

// read adds what a file declares.
func (d *declaration) read(text string) error {
	text = comments.ReplaceAllString(text, "")
	if d.texts == nil {
		d.texts = map[string]bool{"string": true}
	}
	for _, m := range texts.FindAllStringSubmatch(text, -1) {
		d.texts[m[1]] = true
	}
	for _, m := range interfaces.FindAllStringSubmatch(text, -1) {
		name, body := m[1], m[2]
		if name == "Commands" {
			for _, c := range commands.FindAllStringSubmatch(body, -1) {
				o, err := newObject(c[1], c[2])
				if err != nil {
					return err
				}
				d.commands = append(d.commands, o)
			}
			continue
		}
		// An interface with methods is one that code implements, no shape.
		if o, err := newObject(name, body); err == nil {
			d.interfaces = append(d.interfaces, o)
		} else if !errors.Is(err, errNoField) {
			return err
		}
	}
	return nil
}

var errNoField = errors.New("not a field")

func newObject(name, body string) (object, error) {
	o := object{name: name}
	for part := range strings.FieldsFuncSeq(body, func(r rune) bool { return r == ';' || r == '\n' }) {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		m := fields.FindStringSubmatch(part)
		if m == nil {
			return o, fmt.Errorf("%s: %q: %w", name, part, errNoField)
		}
		o.fields = append(o.fields, field{m[1], m[3], m[2] != ""})
	}
	return o, nil
}
