package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"nhooyr.io/websocket"

	"parley/server/origin"
)

// binary is the program under test, built once.
var binary string

func TestMain(m *testing.M) {
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	folder, err := os.MkdirTemp("", "parley")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	binary = filepath.Join(folder, "parley")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the server: %v\n%s", err, out)
		return 1
	}
	return runTests(m)
}

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

// program is a running server.
type program struct {
	t      *testing.T
	cmd    *exec.Cmd
	url    string
	client *http.Client
	stdout *bufio.Scanner
	stderr bytes.Buffer // to be read once it has ended
	ended  bool
}

// start runs the server and waits until it says where it is.
func start(t *testing.T, args ...string) *program {
	t.Helper()
	return started(t, exec.Command(binary, append([]string{"-listen", "127.0.0.1:0"}, args...)...))
}

// started is start for a command that becomes the server.
func started(t *testing.T, cmd *exec.Cmd) *program {
	t.Helper()
	p := &program{t: t, cmd: cmd, client: http.DefaultClient}
	p.cmd.Env = environ()
	p.cmd.Stderr = &p.stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !p.ended {
			_ = p.cmd.Process.Kill() // the test failed
			_ = p.cmd.Wait()
		}
	})
	p.stdout = bufio.NewScanner(out)
	line := p.line()
	url := regexp.MustCompile(`^Parley is running at (http://127\.0\.0\.1:[1-9]\d*)$`).FindStringSubmatch(line)
	if url == nil {
		t.Fatalf("the first line is %q", line)
	}
	p.url = url[1]
	return p
}

// environ is ours without options for the server.
func environ(more ...string) []string {
	return append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "PARLEY_") }), more...)
}

func (p *program) line() string {
	p.t.Helper()
	if !p.stdout.Scan() {
		p.ended = true
		p.t.Fatalf("the server ended: %v\n%s", p.cmd.Wait(), &p.stderr)
	}
	return p.stdout.Text()
}

// stop ends the program and returns what it logged.
func (p *program) stop(s syscall.Signal) string {
	p.t.Helper()
	began := time.Now()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
	p.ended = true
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("it stopped with %v, want exit 0\n%s", err, &p.stderr)
	}
	if took := time.Since(began); took > 5*time.Second {
		p.t.Errorf("it took %v to stop, want 5s at most", took)
	}
	return p.stderr.String()
}

func (p *program) get(path string, header ...string) (int, string) {
	p.t.Helper()
	return p.ask("GET", path, "", header...)
}

func (p *program) ask(method, path, body string, header ...string) (int, string) {
	p.t.Helper()
	r, err := http.NewRequest(method, p.url+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := p.client.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// pageFolder is a folder with the sources of a page.
func pageFolder(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "index.html"), []byte("<!doctype html>the page"), 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}

func TestItServesEverythingOnOneAddress(t *testing.T) {
	p := start(t, "-data", filepath.Join(t.TempDir(), "made", "here"), "-static", pageFolder(t))
	if line := p.line(); !regexp.MustCompile(`^Agent invite: [a-z2-7]{52}$`).MatchString(line) {
		t.Errorf("the second line is %q", line)
	}
	for _, test := range []struct {
		path   string
		status int
		text   string
	}{
		{"/", 200, "the page"},
		{"/healthz", 200, "ok"},
		{"/api/me", 401, "no token"},
		{"/api/nothing", 404, "nothing"},
		{"/nothing", 404, "no such file"},
		{"/auth/user", 404, "nothing"}, // see -broker
		{"/mqtt", 426, "WebSocket"},
		{"/metrics", 404, "no such file"}, // see -metrics
	} {
		if status, body := p.get(test.path); status != test.status || !strings.Contains(body, test.text) {
			t.Errorf("%s: status %d, %s, want %d with %q", test.path, status, body, test.status, test.text)
		}
	}
	if status, body := p.ask("POST", "/api/guests", `{"name":"Ann"}`, "Content-Type", "application/json"); status != 201 {
		t.Errorf("no guest: %s", body)
	}
	if log := p.stop(syscall.SIGTERM); strings.Contains(log, "level=ERROR") {
		t.Errorf("log:\n%s", log)
	}
}

var token = regexp.MustCompile(`"token":"([^"]+)"`)

func TestAGuestOutlivesARestart(t *testing.T) {
	data, page := t.TempDir(), pageFolder(t)
	first := start(t, "-data", data, "-static", page)
	_, body := first.ask("POST", "/api/guests", `{"name":"Ann"}`, "Content-Type", "application/json")
	found := token.FindStringSubmatch(body)
	if found == nil {
		t.Fatal(body)
	}
	first.stop(os.Interrupt.(syscall.Signal))
	second := start(t, "-data", data, "-static", page)
	if status, body := second.get("/api/me", "Authorization", "Bearer "+found[1]); status != 200 || !strings.Contains(body, `"name":"Ann"`) {
		t.Errorf("after the restart: status %d, %s", status, body)
	}
	second.stop(syscall.SIGTERM)
}

func TestANewInviteCountsAtOnce(t *testing.T) {
	data := t.TempDir()
	p := start(t, "-data", data, "-static", pageFolder(t))
	old := strings.TrimPrefix(p.line(), "Agent invite: ")
	becomes := func(invite string, status int) {
		t.Helper()
		if got, body := p.ask("POST", "/api/guests", `{"name":"Ann","invite":"`+invite+`"}`, "Content-Type", "application/json"); got != status {
			t.Errorf("status %d, want %d: %s", got, status, body)
		}
	}
	becomes(old, 201)
	exit, stdout, stderr := runs(t, nil, "invite", "-data", data)
	renewed, found := strings.CutPrefix(strings.TrimSuffix(stdout, "\n"), "Agent invite: ")
	if exit != 0 || !found || stderr != "" || renewed == old {
		t.Fatalf("exit %d, out %q, err %q", exit, stdout, stderr)
	}
	becomes(old, 403)
	becomes(renewed, 201)
	if exit, stdout, _ := runs(t, []string{"PARLEY_DATA=" + data}, "invite"); exit != 0 || strings.Contains(stdout, renewed) {
		t.Errorf("exit %d, out %q", exit, stdout)
	}
	becomes(renewed, 403)
	p.stop(syscall.SIGTERM)
}

func TestAKeyOfItsOwnersMeansNoGuests(t *testing.T) {
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte(strings.Repeat("k", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	data := t.TempDir()
	p := start(t, "-data", data, "-static", pageFolder(t), "-jwt-key", key)
	if status, body := p.ask("POST", "/api/guests", `{"name":"Ann"}`, "Content-Type", "application/json"); status != 403 || !strings.Contains(body, "-jwt-key") {
		t.Errorf("a guest: status %d, %s", status, body)
	}
	if _, err := os.Stat(filepath.Join(data, "jwt.key")); err == nil {
		t.Error("a key was made that nobody needs")
	}
	p.stop(syscall.SIGTERM)
}

func TestMetricsHaveAnAddressOfTheirOwn(t *testing.T) {
	own := freeAddress(t)
	p := start(t, "-data", t.TempDir(), "-static", pageFolder(t), "-metrics", own)
	if status, _ := p.get("/metrics"); status != 404 {
		t.Errorf("beside the rest: status %d, want 404", status)
	}
	answer, err := http.Get("http://" + own + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if body, err := io.ReadAll(answer.Body); err != nil || !strings.Contains(string(body), "parley_mqtt_connections 0") || !strings.Contains(string(body), "go_goroutines") {
		t.Errorf("%s, %v", body, err)
	}
	p.stop(syscall.SIGTERM)
}

// freeAddress is one that nobody listens on, most likely.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// What stops in order: idle and silent connections of every kind are open.
func TestItStopsInTimeWhoeverIsConnected(t *testing.T) {
	p := start(t, "-data", t.TempDir(), "-static", pageFolder(t))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for range 5 {
		ws, _, err := websocket.Dial(ctx, strings.Replace(p.url, "http", "ws", 1)+"/mqtt", &websocket.DialOptions{Subprotocols: []string{"mqtt"}})
		if err != nil {
			t.Fatal(err)
		}
		defer ws.CloseNow()
		raw, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer raw.Close()
		if _, err := io.WriteString(raw, "GET / HTTP/1.1\r\nHost: half"); err != nil {
			t.Fatal(err)
		}
	}
	p.stop(syscall.SIGTERM)
	if _, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://")); err == nil {
		t.Error("somebody still listens")
	}
}

func TestOnlyPagesOfAllowedOriginsConnect(t *testing.T) {
	p := start(t, "-data", t.TempDir(), "-static", pageFolder(t), "-origins", "https://chat.example, http://127.0.0.1:*")
	for origin, status := range map[string]int{
		p.url:                   101,
		"":                      101,
		"https://chat.example":  101,
		"http://127.0.0.1:1":    101,
		"http://chat.example":   403, // not the scheme that was named
		"https://evil.example":  403,
		"https://xchat.example": 403,
	} {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		header := http.Header{}
		if origin != "" {
			header.Set("Origin", origin)
		}
		ws, answer, err := websocket.Dial(ctx, strings.Replace(p.url, "http", "ws", 1)+"/mqtt",
			&websocket.DialOptions{Subprotocols: []string{"mqtt"}, HTTPHeader: header})
		if answer == nil {
			t.Fatal(err)
		}
		if answer.StatusCode != status {
			t.Errorf("origin %q: status %d, want %d", origin, answer.StatusCode, status)
		}
		if err == nil {
			ws.CloseNow()
		}
		cancel()
	}
	p.stop(syscall.SIGTERM)
}

// runs runs the program until it ends by itself.
func runs(t *testing.T, env []string, args ...string) (exit int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env = environ(env...)
	cmd.Dir = t.TempDir()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if ctx.Err() != nil {
		t.Fatalf("it does not end\n%s%s", &out, &errs)
	}
	var exited *exec.ExitError
	if err != nil && !errors.As(err, &exited) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

func TestWhatKeepsItFromStartingIsOneLineThatSaysWhatToDo(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	folder := t.TempDir()
	file := filepath.Join(folder, "file")
	if err := os.WriteFile(file, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	keyless := filepath.Join(folder, "keyless")
	if err := os.Mkdir(keyless, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(keyless, "jwt.key"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	free := []string{"-listen", "127.0.0.1:0"}
	for name, test := range map[string]struct {
		env  []string
		args []string
		exit int
		text string
	}{
		"a taken port":             {nil, []string{"-listen", taken.Addr().String()}, 1, "in use by another program"},
		"a taken port for metrics": {nil, append(free, "-metrics", taken.Addr().String()), 1, "-metrics: "},
		"no port":                  {nil, []string{"-listen", "8080"}, 1, "host:port"},
		"a strange address":        {nil, []string{"-listen", "192.0.2.1:8080"}, 1, "of this machine"},
		"an address of nothing":    {nil, []string{"-listen", ""}, 1, "-listen is empty"},
		"a file for a folder":      {nil, append(free, "-data", file), 1, "-data " + file},
		"a folder below a file":    {nil, append(free, "-data", filepath.Join(file, "x")), 1, "-data "},
		"no folder":                {nil, append(free, "-data", ""), 1, "-data is empty"},
		"a missing key":            {nil, append(free, "-jwt-key", filepath.Join(folder, "missing")), 1, "-jwt-key: cannot read"},
		"a short key":              {nil, append(free, "-jwt-key", file), 1, "at least 32"},
		"a key lost":               {nil, append(free, "-data", keyless), 1, "jwt.key"},
		"no page there":            {nil, append(free, "-static", folder), 1, "-static: " + folder},
		"a strange origin":         {nil, append(free, "-origins", "https://a/b c"), 1, "origin"},
		"no file of services":      {nil, append(free, "-services", filepath.Join(folder, "missing")), 1, "-services: open "},
		"strange services":         {nil, append(free, "-services", file), 1, "-services: " + file + ": line 1: not JSON"},
		"a strange rate":           {nil, append(free, "-rate", "-1"), 1, "-rate"},
		"an endless rate":          {nil, append(free, "-rate", "NaN"), 1, "-rate"},
		"too few bytes":            {nil, append(free, "-guest-bytes", "1KiB"), 1, "-guest-bytes"},
		"too few bytes a day":      {nil, append(free, "-daily-bytes", "1"), 1, "-daily-bytes"},
		"no bytes":                 {nil, append(free, "-daily-bytes", "4MB"), 2, "4MiB"},
		"a bucket without keys":    {nil, append(free, "-attachments", "s3://example.com/b"), 1, "-attachments: AWS_ACCESS_KEY_ID"},
		"a strange place of files": {nil, append(free, "-attachments", "http://example.com/b"), 1, "-attachments: give s3://"},
		"less a day than one file": {nil, append(free, "-guest-uploads", "1MiB"), 1, "-guest-uploads is less"},
		"too short a retention":    {nil, append(free, "-retention", "1ms"), 1, "-retention"},
		"a strange retention":      {nil, append(free, "-retention", "3 months"), 2, "90d"},
		"guests kept too short":    {nil, append(free, "-retention-guests", "29d"), 1, "-retention-guests is 29d: a guest's token lives 30d"},
		"guests kept strangely":    {nil, append(free, "-retention-guests", "a year"), 2, "90d"},
		"guests of another":        {nil, append(free, "-retention-guests", "90d", "-jwt-key", file), 1, "-retention-guests is 90d: with -jwt-key"},
		"a strange number":         {nil, append(free, "-new-conversations", "-1"), 2, "-new-conversations"},
		"a strange burst":          {nil, append(free, "-burst", "0"), 1, "-burst"},
		"no connections":           {nil, append(free, "-max-connections", "0"), 1, "-max-connections"},
		"less than nothing":        {nil, append(free, "-max-per-address", "-1"), 1, "-max-per-address"},
		"a broker without -db":     {nil, append(free, "-broker", "mqtt://parley:s3cret@localhost"), 1, "-broker needs -db: "},
		"no broker":                {nil, append(free, "-db", "postgres://x", "-broker", "http://parley:s3cret@localhost"), 1, "-broker: give mqtt://"},
		"a broker's number":        {nil, append(free, "-db", "postgres://x", "-broker", "mqtt://12:s3cret@localhost"), 1, "-broker: the user name is a number"},
		"a short secret":           {nil, append(free, "-db", "postgres://x", "-broker", "mqtt://localhost", "-broker-secret", "s3cret"), 1, "-broker-secret stands in an address"},
		"a secret for nobody":      {nil, append(free, "-broker-secret", "0123456789abcdef"), 1, "give -broker, too"},
		"a strange broker":         {nil, append(free, "-broker-allow", "broker.example"), 2, "broker.example"},
		"a strange proxy":          {nil, append(free, "-trusted-proxies", "proxy.example"), 2, "proxy.example"},
		"everybody a proxy":        {nil, append(free, "-trusted-proxies", "0.0.0.0/0"), 2, "name the proxies alone"},
		"a word for a number":      {nil, append(free, "-burst", "many"), 2, "-burst"},
		"an unknown option":        {nil, append(free, "-nonsense"), 2, "-nonsense"},
		"a word too many":          {nil, append(free, "serve"), 2, `unexpected argument "serve"`},
		"an invite to nowhere":     {nil, []string{"invite", "-data", filepath.Join(folder, "missing")}, 1, "missing: give the folder"},
		"an invite too many":       {nil, []string{"invite", "twice"}, 2, `unexpected argument "twice"`},
		"an invite, otherwise":     {nil, []string{"invite", "-listen", "x"}, 2, "-listen"},
		"a variable, wrong":        {[]string{"PARLEY_BURST=many"}, free, 2, "PARLEY_BURST"},
		"a variable for the port":  {[]string{"PARLEY_LISTEN=" + taken.Addr().String()}, nil, 1, "in use"},
		"a variable for the data":  {[]string{"PARLEY_DATA=" + file}, free, 1, "-data " + file},
		"a variable for the key":   {[]string{"PARLEY_JWT_KEY=" + file}, free, 1, "at least 32"},
		"a variable for the page":  {[]string{"PARLEY_STATIC=" + folder}, free, 1, "-static"},
		"a variable for origins":   {[]string{"PARLEY_ORIGINS=https://a/b c"}, free, 1, "origin"},
	} {
		t.Run(name, func(t *testing.T) {
			exit, stdout, stderr := runs(t, test.env, test.args...)
			last := strings.Split(strings.TrimSuffix(stderr, "\n"), "\n")
			if exit != test.exit || stdout != "" || !strings.HasPrefix(last[len(last)-1], "parley: ") || !strings.Contains(last[len(last)-1], test.text) || strings.Contains(stderr, "s3cret") {
				t.Errorf("exit %d, out %q, err %q, want %d with %q", exit, stdout, stderr, test.exit, test.text)
			}
			for _, line := range last[:len(last)-1] {
				if !strings.Contains(line, "level=WARN") {
					t.Errorf("more than one line: %q", line)
				}
			}
		})
	}
}

func TestASecondServerOnTheSameDataIsRefused(t *testing.T) {
	data := t.TempDir()
	p := start(t, "-data", data, "-static", pageFolder(t))
	exit, _, stderr := runs(t, nil, "-listen", "127.0.0.1:0", "-data", data)
	if exit != 1 || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "-data") {
		t.Errorf("exit %d, %q", exit, stderr)
	}
	p.stop(syscall.SIGTERM)
}

func TestHelpListsTheOptions(t *testing.T) {
	exit, stdout, stderr := runs(t, nil, "-h")
	if exit != 0 || stderr != "" {
		t.Errorf("exit %d, err %q", exit, stderr)
	}
	for _, option := range []string{"-listen", "-data", "-jwt-key", "-origins", "-trusted-proxies", "-max-connections", "-max-per-address", "-static", "-metrics", "-hsts", "-rate", "-burst", "-daily-bytes", "-guest-bytes", "-new-conversations", "-guests-per-hour", "-attachments", "-max-upload", "-daily-uploads", "-guest-uploads", "-kept-uploads", "-retention", "-retention-guests", "PARLEY_LISTEN", "parley invite"} {
		if !strings.Contains(stdout, option) {
			t.Errorf("%s is missing", option)
		}
	}
}

func TestOptionsBeatTheEnvironment(t *testing.T) {
	env := map[string]string{"PARLEY_LISTEN": "a:1", "PARLEY_DATA": "b", "PARLEY_ORIGINS": "https://a, ,https://b ", "PARLEY_RATE": "7.5"}
	o, err := parseOptions([]string{"-listen", "c:2", "-burst", "9"}, func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	want, err := origin.Parse([]string{"https://a", "https://b"})
	if err != nil {
		t.Fatal(err)
	}
	if o.listen != "c:2" || o.data != "b" || !slices.Equal(o.origins, want) || o.rate != 7.5 || o.burst != 9 {
		t.Errorf("%+v", o)
	}
	none := func(string) string { return "" }
	if o, err = parseOptions(nil, none); err != nil || o.listen != "127.0.0.1:8080" || o.data != "./data" || o.rate != 50 || o.burst != 1000 || o.origins != nil {
		t.Errorf("defaults %+v, %v", o, err)
	}
}

func TestEveryAnswerIsHardened(t *testing.T) {
	own := freeAddress(t)
	p := start(t, "-data", t.TempDir(), "-static", pageFolder(t), "-metrics", own, "-hsts", "24h")
	for _, path := range []string{"/", "/nothing", "/index.html", "/api/me", "/api/nothing", "/healthz", "/mqtt", "/a//b"} {
		answer, err := http.DefaultTransport.RoundTrip(httptest.NewRequest("GET", p.url+path, nil))
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"Permissions-Policy": features, "Strict-Transport-Security": "max-age=86400",
		} {
			if got := answer.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
	}
	answer, err := http.Get("http://" + own + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if h := answer.Header; h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Strict-Transport-Security") != "" {
		t.Errorf("metrics: %v", h)
	}
	p.stop(syscall.SIGTERM)
}

func TestBrowsersAreToldOfTLSOnlyIfTheServerIs(t *testing.T) {
	p := start(t, "-data", t.TempDir(), "-static", pageFolder(t))
	answer, err := http.Get(p.url)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if got := answer.Header.Values("Strict-Transport-Security"); got != nil {
		t.Errorf("Strict-Transport-Security %q", got)
	}
	p.stop(syscall.SIGTERM)
}

func TestItWarnsOfWhatOthersMayRead(t *testing.T) {
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte(strings.Repeat("k", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(t.TempDir(), "data")
	flags := []string{"-data", data, "-static", pageFolder(t), "-jwt-key", key}
	p := start(t, flags...)
	if log := p.stop(syscall.SIGTERM); strings.Contains(log, "may read it") {
		t.Errorf("all is the owner's, and:\n%s", log)
	}
	for _, open := range []struct {
		path string
		mode os.FileMode
	}{{key, 0o640}, {data, 0o755}, {filepath.Join(data, "parley.db"), 0o604}} {
		if err := os.Chmod(open.path, open.mode); err != nil {
			t.Fatal(err)
		}
	}
	p = start(t, flags...)
	log := p.stop(syscall.SIGTERM)
	for _, want := range []string{"chmod 600\" path=" + key, "chmod 700\" path=" + data + " ", "chmod 600\" path=" + filepath.Join(data, "parley.db")} {
		if !strings.Contains(log, want) {
			t.Errorf("no warning with %q:\n%s", want, log)
		}
	}
}
