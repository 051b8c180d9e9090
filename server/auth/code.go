package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"strings"
)

// Codes are for people to read and type: groups of five of these letters and digits,
// none of which looks like another (Crockford's base 32), each 5 bits.
const codeLetters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

const (
	// linkGroups are 50 bits: nobody guesses them in the minutes for which they count
	// and at the rate at which guesses are answered.
	linkGroups = 2
	// recoveryGroups are 125 bits: nobody finds them by their hash either, ever.
	recoveryGroups = 5
	groupSize      = 5
)

// NewLinkCode returns a code to sign another device in with, as ABCDE-12345.
func NewLinkCode() string { return newCode(linkGroups) }

// NewRecoveryCode returns a code to sign in with when everything else is lost.
func NewRecoveryCode() string { return newCode(recoveryGroups) }

func newCode(groups int) string {
	random := make([]byte, groups*groupSize)
	_, _ = rand.Read(random) // never fails
	var b strings.Builder
	for i, r := range random {
		if i > 0 && i%groupSize == 0 {
			b.WriteByte('-')
		}
		b.WriteByte(codeLetters[int(r)%len(codeLetters)])
	}
	return b.String()
}

// HashCode returns the hash by which a code is known, as somebody typed it: in whatever
// case, with the groups apart or not, and with letters that look like digits. ok is
// false if it cannot be a code.
func HashCode(typed string) (hash [sha256.Size]byte, ok bool) {
	code := strings.Map(func(r rune) rune {
		switch r {
		case ' ', '-', '\u2010', '\u2011', '\u2012', '\u2013', '\u2014', '\u2212', '\u00a0', '\t':
			return -1
		case 'O':
			return '0'
		case 'I', 'L':
			return '1'
		}
		return r
	}, strings.ToUpper(typed))
	if n := len(code); n != linkGroups*groupSize && n != recoveryGroups*groupSize || strings.Trim(code, codeLetters) != "" {
		return hash, false
	}
	return sha256.Sum256([]byte(code)), true
}
