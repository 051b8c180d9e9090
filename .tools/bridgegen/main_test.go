package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var (
	goFiles      = []string{"../../wasm/chat/types.go", "../../wasm/bridge/events.go"}
	declarations = []string{"../../static/parley.d.ts", "../../static/bridge.d.ts"}
)

// The program and the description say the same: nobody forgot make bridge.
func TestTheGeneratedFileIsThatOfTheDescription(t *testing.T) {
	var want bytes.Buffer
	if err := run(&want, goFiles, declarations); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../wasm/bridge/protocol.go")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Error("wasm/bridge/protocol.go is not what static/bridge.d.ts and static/parley.d.ts describe: run make bridge")
	}
}

func TestWhatCannotBeGeneratedIsNamed(t *testing.T) {
	for name, test := range map[string]struct{ file, from, to, want string }{
		"a shape that is gone":          {"parley.d.ts", "interface Timeline ", "interface Timetable ", "no interface Timeline"},
		"a field of an unknown type":    {"parley.d.ts", "unknown. */\n  lastSeen: number", "unknown. */\n  lastSeen: Date", "Presence.lastSeen: a Date cannot be written"},
		"a number that is none in Go":   {"parley.d.ts", "  receiver: ID;\n  content: string;\n", "  receiver: ID;\n  content: number;\n", "v.Content: a string is no number"},
		"a command's unknown type":      {"bridge.d.ts", "retry(fields: { ref: string", "retry(fields: { ref: Date", "retry: ref: a Date cannot be read"},
		"a command's line that is none": {"bridge.d.ts", "discard(fields: { ref: string }", "discard(fields: { ref }", `discard: "ref"`},
	} {
		t.Run(name, func(t *testing.T) {
			var changed []string
			for _, path := range declarations {
				text, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if filepath.Base(path) == test.file {
					if strings.Count(string(text), test.from) != 1 {
						t.Fatalf("%q is not there once", test.from)
					}
					text = []byte(strings.Replace(string(text), test.from, test.to, 1))
				}
				path = filepath.Join(t.TempDir(), filepath.Base(path))
				if err := os.WriteFile(path, text, 0o600); err != nil {
					t.Fatal(err)
				}
				changed = append(changed, path)
			}
			err := run(new(bytes.Buffer), goFiles, changed)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q in it", err, test.want)
			}
		})
	}
}
