package auth

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/proto"
)

// used checks what becomes of using a code: text is of the refusal, "" for none.
func used(t *testing.T, i *Invite, code, text string) {
	t.Helper()
	err := i.Use(code)
	var refusal *proto.Refusal
	switch {
	case text == "" && err != nil:
		t.Errorf("%q: %v", code, err)
	case text != "" && (!errors.As(err, &refusal) || refusal.Reason != proto.NotAuthorized || !strings.Contains(refusal.Text, text)):
		t.Errorf("%q: %v, want a refusal with %q", code, err, text)
	}
}

func invited(t *testing.T, i *Invite, expires time.Time, count int) string {
	t.Helper()
	code, err := i.Make(expires, count)
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^[a-z2-7]{52}$`).MatchString(code) {
		t.Errorf("the code is %q", code)
	}
	return code
}

func TestAnInviteMakesSoManyAgentsAlsoAfterARestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "invite")
	i := NewInvite(File(file), clock)
	if exists, err := i.Exists(); exists || err != nil {
		t.Errorf("there is one: %t, %v", exists, err)
	}
	used(t, i, "", "not this server's")
	code := invited(t, i, now.Add(time.Hour), 3)
	used(t, i, code, "")
	i = NewInvite(File(file), clock)
	if exists, err := i.Exists(); !exists || err != nil {
		t.Errorf("there is one: %t, %v", exists, err)
	}
	for _, wrong := range []string{"", "x", code + "x", code[1:], strings.ToUpper(code)} {
		used(t, i, wrong, "not this server's") // and does not count
	}
	used(t, i, code, "")
	used(t, i, code, "")
	used(t, i, code, "used up")
	used(t, NewInvite(File(file), clock), code, "used up")
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("%v, %v: others can read it", info, err)
	}
	if left, err := os.ReadDir(filepath.Dir(file)); err != nil || len(left) != 1 {
		t.Errorf("%d files are left, error %v", len(left), err)
	}
}

func TestOfTwoWhoUseAnInviteForTheLastTimeOneWins(t *testing.T) {
	i := NewInvite(File(filepath.Join(t.TempDir(), "invite")), clock)
	code := invited(t, i, now.Add(time.Hour), 5)
	var all sync.WaitGroup
	var agents atomic.Int32
	for range 20 {
		all.Go(func() {
			if i.Use(code) == nil {
				agents.Add(1)
			}
		})
	}
	all.Wait()
	if n := agents.Load(); n != 5 {
		t.Errorf("%d agents, want 5", n)
	}
}

func TestAnInviteExpires(t *testing.T) {
	at := now
	i := NewInvite(File(filepath.Join(t.TempDir(), "invite")), func() time.Time { return at })
	code := invited(t, i, now.Add(time.Hour), 9)
	at = now.Add(time.Hour - time.Second)
	used(t, i, code, "")
	at = now.Add(time.Hour)
	used(t, i, code, "expired")
	used(t, i, "x", "not this server's")
}

func TestANewInviteReplacesTheOldOne(t *testing.T) {
	i := NewInvite(File(filepath.Join(t.TempDir(), "invite")), clock)
	first := invited(t, i, now.Add(time.Hour), 9)
	second := invited(t, i, now.Add(time.Hour), 9)
	used(t, i, first, "not this server's")
	used(t, i, second, "")
}

func TestAnInviteOfAnEarlierVersionGoesOn(t *testing.T) {
	file := filepath.Join(t.TempDir(), "invite")
	code := strings.Repeat("a", 52)
	if err := os.WriteFile(file, []byte(code+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	i := NewInvite(File(file), clock)
	for range 3 {
		used(t, i, code, "")
	}
	used(t, i, "", "not this server's")
	used(t, i, code+"\n", "not this server's")
}

func TestADamagedInviteIsSaidSoAndReplaced(t *testing.T) {
	file := filepath.Join(t.TempDir(), "invite")
	for name, content := range map[string]string{
		"one that can be guessed": "short\n",
		"an empty one":            "",
		"terms that are none":     strings.Repeat("a", 52) + "\nfor ever\n",
	} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		i := NewInvite(File(file), clock)
		if exists, err := i.Exists(); exists || err == nil || !strings.Contains(err.Error(), "parley invite") {
			t.Errorf("%s: exists %t, %v", name, exists, err)
		}
		if err := i.Use(strings.TrimSpace(content)); err == nil || errors.As(err, new(*proto.Refusal)) {
			t.Errorf("%s: used with %v", name, err)
		}
		used(t, i, invited(t, i, now.Add(time.Hour), 1), "")
	}
	if _, err := NewInvite(File(filepath.Join(file, "x")), clock).Make(now, 1); err == nil {
		t.Error("an invite is kept where there is no folder")
	}
}
