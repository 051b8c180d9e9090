//go:build !js

package bridge

import (
	"os"
	"regexp"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What pages get is what parley.d.ts says they get.
func TestShapesAreThoseOfTheDeclaredInterfaces(t *testing.T) {
	declared, err := os.ReadFile("../../static/parley.d.ts")
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]*shape{
		"Message": messageShape, "Conversation": conversationShape,
		"Timeline": timelineShape, "Connection": connectionShape, "Settings": settingsShape,
	} {
		body := regexp.MustCompile(`(?s)interface ` + name + ` \{(.*?)\n\}`).FindSubmatch(declared)
		if body == nil {
			t.Fatalf("parley.d.ts declares no %s", name)
		}
		var fields []string
		for _, m := range regexp.MustCompile(`(?m)^  (\w+): `).FindAllSubmatch(body[1], -1) {
			fields = append(fields, string(m[1]))
		}
		if diff := cmp.Diff(fields, []string(*s)); diff != "" {
			t.Errorf("%s (-parley.d.ts +pack.go)\n%s", name, diff)
		}
	}
}

func TestPageWorkerAndProgramSpeakTheSameProtocol(t *testing.T) {
	for _, file := range []string{"parley.js", "engine.js"} {
		text, err := os.ReadFile("../../static/" + file)
		if err != nil {
			t.Fatal(err)
		}
		m := regexp.MustCompile(`(?m)^const PROTOCOL = (\d+);$`).FindSubmatch(text)
		if m == nil || string(m[1]) != strconv.Itoa(protocol) {
			t.Errorf("%s: PROTOCOL is %s, hub.go's protocol %d", file, m, protocol)
		}
	}
}
