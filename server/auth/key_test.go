package auth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/proto"
)

func TestAKeyFileThatDoesNotFitSaysWhatToDo(t *testing.T) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	public := publicPEM(t, private.Public())
	block, _ := pem.Decode(public)
	for name, test := range map[string]struct {
		content []byte
		text    string
	}{
		"empty":                      {nil, "0 bytes"},
		"31 bytes":                   {[]byte(strings.Repeat("x", 31) + "\n\n"), "31 bytes"},
		"a private key":              {pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), "private key"},
		"a certificate":              {pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte{1}}), "certificate"},
		"another PEM":                {pem.EncodeToMemory(&pem.Block{Type: "DH PARAMETERS", Bytes: []byte{1}}), "no PUBLIC KEY"},
		"a damaged PEM":              {public[:len(public)-10], "damaged"},
		"PEM of garbage":             {pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte{1, 2}}), "cannot be read"},
		"PKCS 1 garbage":             {pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: []byte{1, 2}}), "cannot be read"},
		"two keys":                   {append(append([]byte{}, public...), public...), "more than one"},
		"a small RSA key":            {publicPEM(t, &small.PublicKey), "1024 bits"},
		"another curve":              {publicPEM(t, &p224.PublicKey), "P-224"},
		"a public key, DER":          {block.Bytes, "DER"},
		"DER and newlines":           {append(slices.Clone(block.Bytes), "\r\n\n"...), "DER"},
		"DER that ends in a newline": {endingIn(t, '\n'), "DER"},
		"a public key, PKCS":         {x509.MarshalPKCS1PublicKey(&small.PublicKey), "DER"},
		"a public key, JWK":          {[]byte(`{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`), "JWK"},
		"a public key, SSH":          {[]byte("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0000000000000000000000000000000000000000 me\n"), "SSH"},
		"too long":                   {make([]byte, maxKeyFile+1), "longer"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "key")
			if err := os.WriteFile(file, test.content, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Open(file, clock)
			if err == nil || !strings.Contains(err.Error(), test.text) || !strings.Contains(err.Error(), file) {
				t.Errorf("error %v, want one with the file and %q", err, test.text)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q is more than a line", err)
			}
		})
	}
	if _, err := Open(filepath.Join(t.TempDir(), "missing"), clock); err == nil {
		t.Error("a file that is not there makes an authority")
	}
}

func TestAnRSAKeyInPKCS1Fits(t *testing.T) {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	open(t, pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(&k.PublicKey)}))
}

func TestTheServersOwnKeyIsMadeOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "jwt.key")
	authorities := make([]*Authority, 8)
	var starts sync.WaitGroup
	for i := range authorities {
		starts.Go(func() {
			var err error
			if authorities[i], err = OpenOrMake(File(file), clock); err != nil {
				t.Error(err)
			}
		})
	}
	starts.Wait()
	if t.Failed() {
		t.FailNow()
	}
	token, err := authorities[0].Mint(User{ID: 1, Name: "x"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range authorities {
		if _, err := a.Verify(token); err != nil {
			t.Errorf("servers that started together have different keys: %v", err)
		}
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the key's mode is %v, want readable by its owner alone", info.Mode())
	}
	entries, err := os.ReadDir(filepath.Dir(file))
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 {
		t.Errorf("%d files in the folder, want the key alone", len(entries))
	}
}

func TestNames(t *testing.T) {
	for name, test := range map[string]struct{ in, out, text string }{
		"plain":              {"Ann", "Ann", ""},
		"space around":       {" \tAnn B. \n", "Ann B.", ""},
		"64 bytes":           {strings.Repeat("x", 64), strings.Repeat("x", 64), ""},
		"65 bytes":           {strings.Repeat("x", 65), "", "longer than 64 bytes"},
		"an emoji family":    {"👩‍👩‍👧", "👩‍👩‍👧", ""},
		"right to left":      {"דנה", "דנה", ""},
		"empty":              {"", "", "empty"},
		"space alone":        {" \u00a0", "", "empty"},
		"invisible":          {"\u200b\u200d", "", "empty"},
		"Braille blank":      {"\u2800\u2800", "", "empty"},
		"a Hangul filler":    {"\u3164", "", "empty"},
		"fillers":            {"\u115f\u1160\uffa0", "", "empty"},
		"tags alone":         {"\U000e0041\U000e007f", "", "empty"},
		"variations alone":   {"\ufe0f\ufe0e", "", "empty"},
		"a blank at the end": {"Ann\u2800", "", "cannot be seen"},
		"a filler within":    {"A\u3164n", "", "cannot be seen"},
		"zero width space":   {"A\u200bnn", "", "cannot be seen"},
		"a word joiner":      {"A\u2060nn", "", "cannot be seen"},
		"a soft hyphen":      {"A\u00adnn", "", "cannot be seen"},
		"tags":               {"Ann\U000e0041", "", "cannot be seen"},
		"a joiner in Latin":  {"A\u200dnn", "", "cannot be seen"},
		"a joiner at an end": {"دنا\u200c", "", "cannot be seen"},
		"a mark of order":    {"a\u200fb", "", "cannot be seen"},
		"a heart":            {"Ann \u2764\ufe0f", "Ann \u2764\ufe0f", ""},
		"a joiner in Farsi":  {"می\u200cخواهم", "می\u200cخواهم", ""},
		"a joiner in Hindi":  {"क्\u200dष", "क्\u200dष", ""},
		"spaces within":      {"Ann\u00a0 \u3000B.", "Ann B.", ""},
		"decomposed":         {"Jose\u0301", "José", ""},
		"64 bytes composed":  {strings.Repeat("e\u0301", 32), strings.Repeat("é", 32), ""},
		"invalid UTF-8":      {"a\xff", "", "UTF-8"},
		"a line break":       {"a\nb", "", "control"},
		"NUL":                {"a\x00", "", "control"},
		"a C1 control":       {"a\u0085b", "", "control"},
		"an override":        {"a\u202eb", "", "control"},
		"an isolate":         {"a\u2066b", "", "control"},
		"a line separator":   {"a\u2028b", "", "control"},
		"a byte order mark":  {"\ufeffa", "", "control"},
		"punctuation":        {"...", "...", ""},
		"markup stays as is": {"<b>", "<b>", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := CheckName(test.in)
			if test.text == "" && (err != nil || got != test.out) {
				t.Errorf("got %q, %v, want %q", got, err, test.out)
			}
			if test.text != "" && (err == nil || !strings.Contains(err.Error(), test.text)) {
				t.Errorf("error %v, want one with %q", err, test.text)
			}
		})
	}
}

func TestNamesOfTheServiceAreItsOwn(t *testing.T) {
	for name, free := range map[string]bool{
		"Support":          false,
		"SUPPORT":          false,
		"S u p p o r t":    false,
		"Support.":         false,
		"Ｓｕｐｐｏｒｔ":          false, // fullwidth: NFKC
		"𝐒𝐮𝐩𝐩𝐨𝐫𝐭":          false, // mathematical: NFKC
		"Ѕuрроrt":          false, // Cyrillic
		"Supp\u03bfrt":     false, // Greek
		"5ales":            true,
		"SaIes":            false, // a capital I for an l
		"BiIIing":          false,
		"Customer-Service": false,
		"Admin":            false,
		"Рarley":           false, // Cyrillic
		"Ann":              true,
		"Supporter":        true,
		"Ann (Support)":    true,
		"Generale":         true,
		"支持":               true,
		"👩‍👩‍👧":            true,
	} {
		if err := CheckUnreserved(name); (err == nil) != free {
			t.Errorf("%q: %v, want free %v", name, err, free)
		}
	}
}

func FuzzNames(f *testing.F) {
	f.Add("Ann")
	f.Add(" \u202e\xff")
	f.Fuzz(func(t *testing.T, text string) {
		if name, err := CheckName(text); err == nil && (name == "" || len(name) > proto.MaxName) {
			t.Fatalf("%q is taken for a name", name)
		}
		if name := cleanName(text); name != "" {
			if again, err := CheckName(name); err != nil || again != name {
				t.Fatalf("cleaned name %q: %v", name, err)
			}
		}
	})
}

func FuzzKeyFile(f *testing.F) {
	f.Add([]byte("-----BEGIN PUBLIC KEY-----\nMCow\n-----END PUBLIC KEY-----\n"))
	f.Add(secret)
	f.Fuzz(func(t *testing.T, content []byte) {
		if k, err := parseKey(content); err == nil && (len(k.methods) == 0 || k.secret != nil && len(k.secret) < minSecret) {
			t.Fatalf("key %v", k)
		}
	})
}

// endingIn makes a public key whose DER ends in a byte.
func endingIn(t *testing.T, last byte) []byte {
	t.Helper()
	for seed := range uint64(100_000) {
		var s [ed25519.SeedSize]byte
		binary.LittleEndian.PutUint64(s[:], seed)
		der, err := x509.MarshalPKIXPublicKey(ed25519.NewKeyFromSeed(s[:]).Public())
		if err != nil {
			t.Fatal(err)
		}
		if der[len(der)-1] == last {
			return der
		}
	}
	t.Fatalf("no key ends in %#x", last)
	return nil
}
