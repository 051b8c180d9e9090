package services

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/language"

	"parley/proto"
)

const (
	maxFile     = 256 << 10 // bytes
	maxGreeting = 2000      // bytes
)

// Read returns the services that a file names, in its order: a JSON array of objects
//
//	{"number": 7, "name": {"en": "Billing"}, "greeting": {"en": "Hello!"},
//	 "hours": {"zone": "Europe/Berlin", "mon": ["09:00-12:00", "13:00-17:00"]}}
//
// of which number, 0 to 63, and a name in some language must be there. The error is
// one line that names the place, and what to write there.
func Read(file string) (*Directory, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	content, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(content) > maxFile {
		err = fmt.Errorf("longer than %d bytes", maxFile)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	d, err := parse(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return d, nil
}

// entry is a service as it stands in the file.
type entry struct {
	Number   *int            `json:"number"`
	Name     Texts           `json:"name"`
	Greeting Texts           `json:"greeting"`
	Hours    json.RawMessage `json:"hours"`
}

func parse(content []byte) (*Directory, error) {
	var entries []json.RawMessage
	err := json.Unmarshal(content, &entries)
	if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
		line := 1 + bytes.Count(content[:min(int(syntax.Offset), len(content))], []byte("\n"))
		return nil, fmt.Errorf("line %d: not JSON: %w", line, err)
	}
	switch {
	case err != nil:
		return nil, errors.New("not a JSON array: write the services as [{…}, {…}]")
	case len(entries) == 0:
		return nil, errors.New("no service: name one, or leave the option out")
	}
	d := new(Directory)
	for i, raw := range entries {
		s, err := parseEntry(raw)
		if err == nil && slices.Contains(d.Numbers(), s.Number) {
			err = fmt.Errorf(".number: %d is another's: give each service a number of its own", s.Number)
		}
		if err != nil {
			return nil, fmt.Errorf("[%d]%w", i, err)
		}
		d.list = append(d.list, s)
	}
	return d, nil
}

func parseEntry(raw json.RawMessage) (s Service, err error) {
	var e entry
	if err := strictly(raw, &e); err != nil {
		return s, err
	}
	switch {
	case e.Number == nil:
		return s, errors.New(".number: missing: give a number from 0 to 63")
	case *e.Number < 0 || *e.Number >= Max:
		return s, fmt.Errorf(".number: %d is out of range: give a number from 0 to 63", *e.Number)
	case len(e.Name) == 0:
		return s, errors.New(`.name: missing: write it as {"en": "Billing"}`)
	}
	if err := e.Name.check(proto.MaxName, false); err != nil {
		return s, fmt.Errorf(".name.%w", err)
	}
	if err := e.Greeting.check(maxGreeting, true); err != nil {
		return s, fmt.Errorf(".greeting.%w", err)
	}
	s = Service{Number: proto.ServiceType(*e.Number), Name: e.Name, Greeting: e.Greeting}
	if e.Hours == nil {
		return s, nil
	}
	if s.Hours, err = readHours(e.Hours); err != nil {
		return s, fmt.Errorf(".hours%w", err)
	}
	return s, nil
}

func readHours(raw json.RawMessage) (*Hours, error) {
	var members map[string]json.RawMessage
	if err := strictly(raw, &members); err != nil {
		return nil, err
	}
	var zone string
	if err := strictly(members["zone"], &zone); err != nil {
		return nil, errors.New(`.zone: missing: write it as "Europe/Berlin"`)
	}
	days := make(map[string][]string)
	for name, raw := range members {
		var spans []string
		if name == "zone" {
			continue
		}
		if err := strictly(raw, &spans); err != nil {
			return nil, fmt.Errorf(`.%.20s: write the hours of a day as ["09:00-17:00"]`, name)
		}
		days[name] = spans
	}
	return parseHours(zone, days)
}

// check refuses tags that are none, and texts that are empty, too long or not to be
// shown.
func (t Texts) check(longest int, lines bool) error {
	for tag, text := range t {
		parsed, err := language.Parse(tag)
		switch {
		case err != nil || parsed == language.Und:
			return fmt.Errorf(`%.20s: no language: write it as "en" or "zh-Hans"`, tag)
		case parsed.String() != tag:
			return fmt.Errorf("%.20s: write the language as %q", tag, parsed)
		case strings.TrimSpace(text) == "":
			return fmt.Errorf("%s: empty: write a text, or leave it out", tag)
		case len(text) > longest:
			return fmt.Errorf("%s: longer than %d bytes: write a shorter one", tag, longest)
		case strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsGraphic(r) && !(lines && r == '\n') }):
			return fmt.Errorf("%s: holds a character that cannot be seen: leave it out", tag)
		}
	}
	return nil
}

// strictly decodes a value whose members must all be known.
func strictly(raw json.RawMessage, v any) error {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(v)
	var wrongType *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrongType) && wrongType.Field != "":
		return fmt.Errorf(".%s: a %s stands there, which is of another type", wrongType.Field, wrongType.Value)
	case errors.As(err, &wrongType):
		return fmt.Errorf(": a %s stands there, which is of another type", wrongType.Value)
	case err != nil:
		return fmt.Errorf(": %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}
