package auth

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

const (
	// minSecret is the shortest HMAC secret, in bytes (RFC 7518, section 3.2:
	// at least as long as the hash of HS256).
	minSecret = 32
	// minRSA is the smallest RSA key, in bits (RFC 7518, section 3.3).
	minRSA = 2048
	// maxKeyFile bounds what is read of a file that should hold a key, in bytes.
	maxKeyFile = 64 << 10
)

// key is what tokens are verified with. The signature methods that it allows
// follow from its type alone, never from what a token says, so that no token
// can have a public key taken for a secret (RFC 8725, section 3.1).
type key struct {
	verify  any      // of the type that the methods want
	secret  []byte   // only for HMAC
	methods []string // alg values that fit, the only ones accepted
	kind    string
}

func (k key) String() string {
	return k.kind + ": " + strings.Join(k.methods, ", ")
}

// Open returns the authority whose key stands in a file: an HMAC secret of at
// least 32 bytes, without its last newline, or an Ed25519, RSA or EC public key
// in PEM. The error says what to do.
func Open(file string, now func() time.Time) (*Authority, error) {
	content, err := readBounded(file)
	if err != nil {
		return nil, err
	}
	k, err := parseKey(content)
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", file, err)
	}
	return newAuthority(k, now), nil
}

// OpenOrMake is Open for a secret that the server keeps itself: if there is none in
// the place, a new one is made.
func OpenOrMake(in Place, now func() time.Time) (*Authority, error) {
	content, err := in.Change(func(kept []byte) ([]byte, error) {
		if kept != nil {
			return nil, nil
		}
		return []byte(newSecret() + "\n"), nil
	})
	if err != nil {
		return nil, err
	}
	k, err := parseKey(content)
	if err != nil {
		return nil, fmt.Errorf("the server's own key (jwt.key): %w", err)
	}
	return newAuthority(k, now), nil
}

func readBounded(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err == nil && info.Size() > maxKeyFile {
		return nil, fmt.Errorf("file %s: longer than %d bytes, which is no key", file, maxKeyFile)
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("cannot read a key: %w", err)
	}
	return content, nil
}

func parseKey(content []byte) (key, error) {
	if bytes.Contains(content, []byte("-----BEGIN")) {
		return parsePEM(content)
	}
	if what := publicKeyIn(content); what != "" {
		return key{}, fmt.Errorf("holds a public key as %s: convert it to PEM", what)
	}
	secret := bytes.TrimRight(content, "\r\n")
	if len(secret) < minSecret {
		return key{}, fmt.Errorf("the secret has %d bytes: want at least %d random ones", len(secret), minSecret)
	}
	return key{verify: secret, secret: secret, methods: []string{"HS256", "HS384", "HS512"}, kind: "HMAC"}, nil
}

// withoutNewline takes one byte of a newline off the end, if there is one.
func withoutNewline(content []byte) (_ []byte, taken bool) {
	rest := bytes.TrimRight(content, "\r\n")
	if len(rest) == len(content) {
		return content, false
	}
	return content[:len(content)-1], true
}

// publicKeyIn recognises public keys that are not PEM. Taken for an HMAC
// secret, a public key would let everybody who knows it mint tokens.
func publicKeyIn(content []byte) string {
	// A DER key may end in bytes that are those of a newline, or have a newline after it.
	for der, more := content, true; more; der, more = withoutNewline(der) {
		if _, err := x509.ParsePKIXPublicKey(der); err == nil {
			return "DER"
		}
		if _, err := x509.ParsePKCS1PublicKey(der); err == nil {
			return "DER"
		}
	}
	text := bytes.TrimSpace(content)
	if bytes.HasPrefix(text, []byte("{")) && bytes.Contains(text, []byte(`"kty"`)) {
		return "JWK"
	}
	for _, prefix := range []string{"ssh-", "ecdsa-sha2-", "sk-"} {
		if bytes.HasPrefix(text, []byte(prefix)) && bytes.Contains(text, []byte(" AAAA")) {
			return "an SSH key"
		}
	}
	return ""
}

func parsePEM(content []byte) (key, error) {
	block, rest := pem.Decode(content)
	if block == nil {
		return key{}, errors.New("the PEM block is damaged: copy the whole file, from BEGIN to END")
	}
	if more, _ := pem.Decode(rest); more != nil {
		return key{}, errors.New("holds more than one PEM block: leave the one public key")
	}
	switch {
	case strings.Contains(block.Type, "PRIVATE KEY"):
		return key{}, errors.New("holds a private key, which this server must not have: give it the public key (openssl pkey -pubout)")
	case block.Type == "CERTIFICATE":
		return key{}, errors.New("holds a certificate: give the public key alone (openssl x509 -pubkey -noout)")
	case block.Type == "RSA PUBLIC KEY":
		public, err := x509.ParsePKCS1PublicKey(block.Bytes)
		if err != nil {
			return key{}, fmt.Errorf("the RSA public key cannot be read: %w", err)
		}
		return publicKey(public)
	case block.Type == "PUBLIC KEY":
		public, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return key{}, fmt.Errorf("the public key cannot be read: %w", err)
		}
		return publicKey(public)
	}
	return key{}, errors.New("the PEM block is no PUBLIC KEY: want an Ed25519, RSA or EC public key")
}

func publicKey(public any) (key, error) {
	switch public := public.(type) {
	case ed25519.PublicKey:
		return key{verify: public, methods: []string{"EdDSA"}, kind: "Ed25519"}, nil
	case *rsa.PublicKey:
		if public.N.BitLen() < minRSA {
			return key{}, fmt.Errorf("the RSA key has %d bits: want at least %d", public.N.BitLen(), minRSA)
		}
		return key{verify: public, kind: "RSA",
			methods: []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}}, nil
	case *ecdsa.PublicKey:
		// Each method belongs to one curve (RFC 7518, section 3.4).
		name := public.Curve.Params().Name
		if method := map[string]string{"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}[name]; method != "" {
			return key{verify: public, methods: []string{method}, kind: "EC " + name}, nil
		}
		return key{}, fmt.Errorf("the EC key is on curve %s: want P-256, P-384 or P-521", name)
	}
	return key{}, fmt.Errorf("the public key is a %T: want Ed25519, RSA or EC", public)
}
