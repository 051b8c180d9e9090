//go:build !js

package bridge

import (
	"os"
	"regexp"
	"strconv"
	"testing"
)

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
