package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"parley/proto"
)

var (
	now    = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	clock  = func() time.Time { return now }
	secret = []byte("a secret of this test, 32 bytes+")
)

type object = map[string]any

// good are claims that every authority accepts.
func good(change object) jwt.MapClaims {
	c := jwt.MapClaims{"sub": "7", "name": "Ann", "exp": now.Add(time.Hour).Unix()}
	for name, value := range change {
		if value == nil {
			delete(c, name)
		} else {
			c[name] = value
		}
	}
	return c
}

func sign(t testing.TB, method jwt.SigningMethod, key any, c jwt.Claims) string {
	t.Helper()
	token, err := jwt.NewWithClaims(method, c).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func open(t testing.TB, content []byte) *Authority {
	t.Helper()
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := Open(file, clock)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func publicPEM(t testing.TB, public crypto.PublicKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// wantRefusal checks that err refuses with a sentence that holds text and
// nothing of the token.
func wantRefusal(t *testing.T, token string, err error, text string) {
	t.Helper()
	var refusal *proto.Refusal
	if !errors.As(err, &refusal) || refusal.Reason != proto.NotAuthorized {
		t.Fatalf("error %v, want a refusal with NotAuthorized", err)
	}
	if !strings.Contains(refusal.Text, text) {
		t.Errorf("refused with %q, want something with %q", refusal.Text, text)
	}
	for part := range strings.SplitSeq(token, ".") {
		if len(part) > 8 && strings.Contains(err.Error(), part) {
			t.Errorf("the error %q holds a part of the token", err)
		}
	}
}

func TestATokenOfTheKeyNamesItsUser(t *testing.T) {
	a := open(t, append(slices.Clone(secret), '\n'))
	for name, test := range map[string]struct {
		claims object
		want   User
	}{
		"the least":          {object{"name": nil}, User{ID: 7}},
		"with a name":        {nil, User{ID: 7, Name: "Ann"}},
		"2^53+1":             {object{"sub": "9007199254740993"}, User{ID: 1<<53 + 1, Name: "Ann"}},
		"the highest id":     {object{"sub": "18446744073709551615"}, User{ID: 1<<64 - 1, Name: "Ann"}},
		"an agent":           {object{"services": []int{2, 0, 2}}, User{ID: 7, Name: "Ann", Services: []proto.ServiceType{0, 2}}},
		"an unknown service": {object{"services": []int{99, 1, -1}}, User{ID: 7, Name: "Ann", Services: []proto.ServiceType{1}}},
		"a name too long":    {object{"name": strings.Repeat("é", 40)}, User{ID: 7, Name: strings.Repeat("é", 32)}},
		"a name in disguise": {object{"name": " \u202eA\nnn "}, User{ID: 7, Name: "Ann"}},
		"unknown claims":     {object{"role": []int{1}, "aud": "x", "iss": "y"}, User{ID: 7, Name: "Ann"}},
		"with when":          {object{"iat": now.Add(-time.Minute).Unix()}, User{ID: 7, Name: "Ann", Issued: now.Add(-time.Minute)}},
		"in a second":        {object{"iat": float64(now.Unix()) + 0.9}, User{ID: 7, Name: "Ann", Issued: now}},
		"a clock 4 s ahead":  {object{"nbf": now.Add(4 * time.Second).Unix()}, User{ID: 7, Name: "Ann"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := a.Verify(sign(t, jwt.SigningMethodHS256, secret, good(test.claims)))
			if err != nil {
				t.Fatal(err)
			}
			test.want.Expires = now.Add(time.Hour)
			if got.ID != test.want.ID || got.Name != test.want.Name || !slices.Equal(got.Services, test.want.Services) || !got.Expires.Equal(test.want.Expires) || !got.Issued.Equal(test.want.Issued) {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestAClaimThatIsWrongIsNamed(t *testing.T) {
	a := open(t, secret)
	for name, test := range map[string]struct {
		claims object
		text   string
	}{
		"no sub":               {object{"sub": nil}, "sub"},
		"sub 0":                {object{"sub": "0"}, "sub"},
		"sub with a zero":      {object{"sub": "07"}, "sub"},
		"sub with a sign":      {object{"sub": "+7"}, "sub"},
		"sub negative":         {object{"sub": "-7"}, "sub"},
		"sub past 2^64":        {object{"sub": "18446744073709551616"}, "sub"},
		"sub a number":         {object{"sub": 7}, "sub"},
		"name a number":        {object{"name": 7}, "name"},
		"services a string":    {object{"services": "all"}, "services"},
		"services of strings":  {object{"services": []string{"1"}}, "services"},
		"services fractional":  {object{"services": []float64{1.5}}, "services"},
		"no exp":               {object{"exp": nil}, "no exp"},
		"exp a string":         {object{"exp": "tomorrow"}, "exp"},
		"iat a string":         {object{"iat": "today"}, "not a JWT"},
		"exp past year 9999":   {object{"exp": 1e15}, "exp"},
		"expired long ago":     {object{"exp": 1000}, "expired"},
		"expires now":          {object{"exp": now.Unix()}, "expired"},
		"expired 1 s ago":      {object{"exp": now.Add(-time.Second).Unix()}, "expired"},
		"not valid for 6 s":    {object{"nbf": now.Add(6 * time.Second).Unix()}, "not valid yet"},
		"exp beyond all range": {object{"exp": 1e300}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			token := sign(t, jwt.SigningMethodHS256, secret, good(test.claims))
			_, err := a.Verify(token)
			wantRefusal(t, token, err, test.text)
		})
	}
}

// signers are one key pair of every kind, and the methods it may sign with.
func signers(t testing.TB) map[string]struct {
	private, public any
	methods         []string
} {
	edPublic, edPrivate, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	table := map[string]struct {
		private, public any
		methods         []string
	}{
		"Ed25519": {edPrivate, edPublic, []string{"EdDSA"}},
		"RSA":     {rsaKey, &rsaKey.PublicKey, []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}},
	}
	for method, curve := range map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()} {
		k, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		table["EC "+method] = struct {
			private, public any
			methods         []string
		}{k, &k.PublicKey, []string{method}}
	}
	return table
}

func TestThePublicKeysTypeDecidesTheAlgorithm(t *testing.T) {
	table := signers(t)
	for name, mine := range table {
		t.Run(name, func(t *testing.T) {
			file := publicPEM(t, mine.public)
			a := open(t, file)
			for _, method := range mine.methods {
				if _, err := a.Verify(sign(t, jwt.GetSigningMethod(method), mine.private, good(nil))); err != nil {
					t.Errorf("%s: %v", method, err)
				}
			}
			if a.CanMint() {
				t.Error("a public key can mint")
			}
			if _, err := a.Mint(User{ID: 1, Name: "x"}, time.Hour); err == nil {
				t.Error("a public key minted")
			}
			for other, foreign := range table {
				if other == name {
					continue
				}
				token := sign(t, jwt.GetSigningMethod(foreign.methods[0]), foreign.private, good(nil))
				_, err := a.Verify(token)
				wantRefusal(t, token, err, "alg does not fit")
			}
			// The public key's bytes, in every form they come in, as an HMAC secret.
			der, _ := pem.Decode(file)
			for _, known := range [][]byte{file, []byte(strings.TrimSpace(string(file))), der.Bytes} {
				for _, method := range []string{"HS256", "HS384", "HS512"} {
					token := sign(t, jwt.GetSigningMethod(method), known, good(nil))
					_, err := a.Verify(token)
					wantRefusal(t, token, err, "alg does not fit")
				}
			}
		})
	}
}

func TestATokenOfAnotherKeyIsRefused(t *testing.T) {
	_, foreign, _ := ed25519.GenerateKey(rand.Reader)
	public, _, _ := ed25519.GenerateKey(rand.Reader)
	for name, test := range map[string]struct {
		authority *Authority
		token     string
	}{
		"HMAC":    {open(t, secret), sign(t, jwt.SigningMethodHS256, []byte("another secret of 32 bytes......"), good(nil))},
		"Ed25519": {open(t, publicPEM(t, public)), sign(t, jwt.SigningMethodEdDSA, foreign, good(nil))},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := test.authority.Verify(test.token)
			wantRefusal(t, test.token, err, "not signed with this server's key")
		})
	}
}

func TestWhatIsNoTokenIsRefused(t *testing.T) {
	a := open(t, secret)
	segment := base64.RawURLEncoding.EncodeToString
	valid := sign(t, jwt.SigningMethodHS256, secret, good(nil))
	parts := strings.Split(valid, ".")
	unsigned := sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, good(nil))
	critical := jwt.NewWithClaims(jwt.SigningMethodHS256, good(nil))
	critical.Header["crit"] = []string{"exp"}
	withCritical, err := critical.SignedString(secret)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ token, text string }{
		"nothing":               {"", "sign in"},
		"a word":                {"token", "not a JWT"},
		"two dots":              {"..", "not a JWT"},
		"four parts":            {valid + ".x", "not a JWT"},
		"too long":              {strings.Repeat("a", MaxToken+1), "longer"},
		"with padding":          {valid + "=", "not a JWT"},
		"a bit of padding set":  {valid[:len(valid)-1] + nextLetter(valid[len(valid)-1]), "not a JWT"},
		"claims changed":        {parts[0] + "." + segment([]byte(`{"sub":"1","name":"x","exp":99999999999}`)) + "." + parts[2], "not signed"},
		"signature cut":         {valid[:len(valid)-3], ""},
		"no signature":          {parts[0] + "." + parts[1] + ".", "not signed"},
		"alg none":              {unsigned, "alg does not fit"},
		"alg none with HMAC":    {segment([]byte(`{"alg":"none"}`)) + "." + parts[1] + "." + parts[2], "alg does not fit"},
		"alg in capitals":       {segment([]byte(`{"alg":"NONE"}`)) + "." + parts[1] + ".", "alg does not fit"},
		"alg of another family": {segment([]byte(`{"alg":"RS256"}`)) + "." + parts[1] + "." + parts[2], "alg does not fit"},
		"no alg":                {segment([]byte(`{}`)) + "." + parts[1] + "." + parts[2], "alg does not fit"},
		"alg a number":          {segment([]byte(`{"alg":1}`)) + "." + parts[1] + "." + parts[2], "alg does not fit"},
		"header null":           {segment([]byte(`null`)) + "." + parts[1] + "." + parts[2], "alg does not fit"},
		"claims null":           {parts[0] + "." + segment([]byte(`null`)) + "." + parts[2], "not signed"},
		"extensions":            {withCritical, "crit"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := a.Verify(test.token)
			wantRefusal(t, test.token, err, test.text)
		})
	}
}

// nextLetter is the next of the base64url alphabet. At the end of a signature of
// 32 bytes it differs in a bit that does not count.
func nextLetter(c byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[strings.IndexByte(alphabet, c)+1])
}

// A curve's key must not be used with another curve's method, even by its owner.
func TestAnECMethodBelongsToOneCurve(t *testing.T) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := open(t, publicPEM(t, &k.PublicKey))
	text, err := jwt.NewWithClaims(jwt.SigningMethodES384, good(nil)).SigningString()
	if err != nil {
		t.Fatal(err)
	}
	digest := sha512.Sum384([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, k, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	token := text + "." + base64.RawURLEncoding.EncodeToString(append(r.FillBytes(make([]byte, 48)), s.FillBytes(make([]byte, 48))...))
	_, err = a.Verify(token)
	wantRefusal(t, token, err, "alg does not fit")
}

func TestAMintedTokenVerifies(t *testing.T) {
	a := open(t, secret)
	want := User{ID: 1<<64 - 1, Name: "Zoë \"<&> 猫", Services: []proto.ServiceType{0, 6, 63}, Expires: now.Add(time.Hour)}
	token, err := a.Mint(want, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	got, err := a.Verify(token)
	if err != nil {
		t.Fatal(err)
	}
	if got.ID != want.ID || got.Name != want.Name || !slices.Equal(got.Services, want.Services) || !got.Expires.Equal(want.Expires) || !got.Issued.Equal(now) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	later := newAuthority(a.key, func() time.Time { return now.Add(time.Hour) })
	_, err = later.Verify(token)
	wantRefusal(t, token, err, "expired")
}

// Whatever the bytes, Verify neither panics nor lets in what the key did not sign.
func FuzzVerify(f *testing.F) {
	a := open(f, secret)
	valid := sign(f, jwt.SigningMethodHS256, secret, good(nil))
	f.Add(valid)
	f.Add(sign(f, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, good(nil)))
	f.Add(sign(f, jwt.SigningMethodHS256, []byte("x"), good(nil)))
	f.Add("..")
	f.Fuzz(func(t *testing.T, token string) {
		u, err := a.Verify(token)
		if err == nil && token != valid {
			t.Fatalf("a token that nobody signed makes user %d", u.ID)
		}
		var refusal *proto.Refusal
		if err != nil && (!errors.As(err, &refusal) || refusal.Text == "") {
			t.Fatalf("error %v is no refusal", err)
		}
	})
}

// Whatever a holder of the key signs, the user that comes out is sound.
func FuzzClaims(f *testing.F) {
	a := open(f, secret)
	f.Add(`{"sub":"7","name":"Ann","exp":4102444800,"services":[1]}`)
	f.Add(`{"sub":7,"name":null,"exp":1e400,"services":[-1,99999999999999999999]}`)
	f.Fuzz(func(t *testing.T, body string) {
		segment := base64.RawURLEncoding.EncodeToString
		text := segment([]byte(`{"alg":"HS256"}`)) + "." + segment([]byte(body))
		signature, err := jwt.SigningMethodHS256.Sign(text, secret)
		if err != nil {
			t.Fatal(err)
		}
		u, err := a.Verify(text + "." + segment(signature))
		if err != nil {
			return
		}
		if u.ID == 0 || u.Name != cleanName(u.Name) || !now.Before(u.Expires) {
			t.Fatalf("user %+v", u)
		}
	})
}

func TestServicesThatThereAreNotSayNothingAndAreToldOnce(t *testing.T) {
	var log strings.Builder
	a := open(t, slices.Clone(secret))
	a.Offer([]proto.ServiceType{40, 1}, slog.New(slog.NewTextHandler(&log, nil)))
	token, err := a.Mint(User{ID: 7, Services: []proto.ServiceType{40, 2, 1, 40}}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if u, err := a.Verify(token); err != nil || !slices.Equal(u.Services, []proto.ServiceType{1, 40}) {
			t.Errorf("the token is of %v, %v", u, err)
		}
	}
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "service=2") {
		t.Errorf("the log says %q, want one line on service 2", got)
	}
}
