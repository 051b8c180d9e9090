// Package planted holds the simulation to its purpose. Each fault of the table
// is planted into a copy of the product's source, which the compiler takes
// through an overlay: the product itself has no seam for it. The simulation
// must pass without a fault, and catch each of them, within 1,000 seeds.
package planted

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// seeds are many times what it took to catch the last of them, 34 of these; make
// sim plays more.
const seeds = "1000"

// edit replaces one piece of source, which must be there exactly once.
type edit struct{ file, old, new string }

var faults = []struct {
	name  string
	edits []edit
}{
	{"an acknowledgement before the commit", []edit{{"server/chat/commit.go",
		"c.results[i] = Result{Err: refusal}", "_ = refusal"}}},
	{"half of a transaction that failed not tried again", []edit{{"server/chat/commit.go",
		"return c.store(ctx, from, half) && c.store(ctx, half, to)", "return c.store(ctx, half, to)"}}},
	{"a request that was stored taken out", []edit{{"server/chat/commit.go",
		"c.refuse(at, err)", "c.refuse(max(at, 1)-1, err)"}}},
	{"no dedupe on the server", []edit{
		{"server/chat/message.go", "if first.Seq != 0 {", "if false {"},
		{"server/chat/chattest/memory.go", "s.refs }, ref); taken {", "s.refs }, ref); taken && false {"}}},
	{"no dedupe on the client", []edit{{"wasm/chat/conversation.go",
		"if x.seq < c.floor() || c.stored.has(x.seq) {", "if x.seq < c.floor() {"}}},
	{"a cursor taken from the newest stored message", []edit{
		{"wasm/chat/fetch.go", "missing := c.stored.missing(c.wantedFrom(), c.head)",
			"missing := c.stored.missing(c.stored.highest(c.head)+1, c.head)"},
		{"wasm/chat/timeline.go", "missing := t.c.stored.missing(from, to)",
			"missing := t.c.stored.missing(max(from, t.c.stored.highest(to)+1), to)"}}},
	{"a hole hidden by a live message", []edit{{"wasm/chat/conversation.go",
		"c.stored = c.stored.add(x.seq, x.seq)",
		"c.stored = c.stored.add(min(x.seq, c.stored.highest(x.seq)+1), x.seq)"}}},
	{"an outbox entry removed when written and not when confirmed", []edit{{"wasm/chat/outbox.go",
		"o.session = number", "o.session = number; e.write.confirmed(o.Number)"}}},
	{"a fan-out that is not in order", []edit{{"server/chat/commit.go",
		"for _, d := range out {", "for i := range out {\n\t\td := out[len(out)-1-i]"}}},
	{"a lost PUBACK and an echo that is not matched", []edit{{"wasm/chat/outgoing.go",
		"return o.ref == r }", "return false }"}}},
	{"tail loss never looked for", []edit{{"wasm/chat/sync.go",
		"s.after(syncEvery)", "s.after(1000 * syncEvery)"}}},
	{"the epoch ignored", []edit{{"wasm/chat/epoch.go",
		"if epoch == e.meta.Epoch {", "if epoch == e.meta.Epoch || e.meta.Epoch != 0 {"}}},
	{"a token of what was undone taken for one of what is there", []edit{{"server/chat/epoch.go",
		"return p.rev > reached, err", "return p.rev > reached && false, err"}}},
	{"a sync token taken from another device's answer", []edit{{"wasm/chat/sync.go",
		"asked := s.open && answer.GetSince() == s.expect", "asked := s.open"}}},
	{"a send numbered before the store is loaded", []edit{{"wasm/chat/engine.go",
		"if e.started || e.unusable != nil {", "if true {"}}},
	{"a mark that falls", []edit{{"wasm/chat/conversation.go",
		"read := max(m.read, o.read)", "read := o.read"}}},
	{"a seen_seq taken from arrival and not from the screen", []edit{{"wasm/chat/outbox.go",
		"o.entry.see(d.Seen, e.epoch())", "o.entry.see(c.head, e.epoch())"}}},
	{"a claim without a winner", []edit{{"server/chat/servicemessage.go",
		"holder != 0 && holder != r.author &&", "false &&"}}},
	{"unread counted with each delivery and not computed", []edit{{"wasm/chat/conversation.go",
		"if x.seq < c.floor() || c.stored.has(x.seq) {",
		"if c.counts(x, self) && c.unread.own > 0 {\n\t\t\tc.unread.own--\n\t\t}\n\t\tif x.seq < c.floor() || c.stored.has(x.seq) {"}}},
	{"the time of a mark kept when it rises again", []edit{{"server/chat/mark.go",
		"if m.Read != was.Read {", "if m.Read != was.Read && m.ReadTime == 0 {"}}},
	{"the time of a mark taken from the device's clock", []edit{{"wasm/chat/receipts.go",
		"read: m.GetReadTime()}", "read: uint64(e.Host.Now().UnixMilli())}"}}},
	{"two sends of one conversation on the way at once", []edit{{"wasm/chat/outbox.go",
		"func(o *outgoing) bool { return o.Refused == \"\" })",
		"func(o *outgoing) bool { return o.Refused == \"\" && o.session != e.connection.number })"}}},
}

func TestTheProductKeepsEveryPromise(t *testing.T) {
	t.Parallel()
	out, err := simulate(t, nil)
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

var caught = regexp.MustCompile(`seed (\d+): .*`)

func TestEveryPlantedFaultIsCaught(t *testing.T) {
	for _, fault := range faults {
		t.Run(fault.name, func(t *testing.T) {
			t.Parallel() // to link takes one core, and few seeds catch most of them
			out, err := simulate(t, fault.edits)
			found := caught.Find(out)
			if err == nil || found == nil {
				t.Fatalf("%s seeds passed with the fault in the code\n%s", seeds, out)
			}
			t.Logf("%s", found)
		})
	}
}

// simulate builds the simulation with the edits and runs it.
func simulate(t *testing.T, edits []edit) ([]byte, error) {
	t.Helper()
	root := moduleRoot(t)
	dir := t.TempDir()
	binary := filepath.Join(dir, "sim.test")
	args := []string{"test", "-c", "-ldflags=-s -w", "-o", binary} // a debugger does not look at it
	if len(edits) > 0 {
		args = append(args, "-overlay", overlay(t, root, dir, edits))
	}
	build := exec.CommandContext(t.Context(), "go", append(args, "parley/server/e2e/sim")...)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	run := exec.CommandContext(t.Context(), binary, "-test.run", "^TestEveryPromiseHoldsUnderFaults$", "-seeds", seeds)
	run.Env = append(os.Environ(), "GOGC=1000") // a world is small and short-lived: collecting it takes a third of the time
	return run.CombinedOutput()
}

// overlay writes the edited files and what tells the compiler to take them.
func overlay(t *testing.T, root, dir string, edits []edit) string {
	t.Helper()
	replace := map[string]string{}
	for _, e := range edits {
		path := filepath.Join(root, e.file)
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(source, []byte(e.old)); n != 1 {
			t.Fatalf("%s has %q %d times, want it once: bring the table up to date", e.file, e.old, n)
		}
		edited := filepath.Join(dir, strings.ReplaceAll(e.file, "/", "_"))
		if err := os.WriteFile(edited, bytes.Replace(source, []byte(e.old), []byte(e.new), 1), 0o600); err != nil {
			t.Fatal(err)
		}
		replace[path] = edited
	}
	spec, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, spec, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// moduleRoot is the folder of the product's module, which these tests' one
// takes from beside it.
func moduleRoot(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "parley").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
