package chat_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"parley/server/chat"
)

// nfd takes a text apart into letters and marks, as some keyboards and file
// systems do.
func nfd(s string) string { return norm.NFD.String(s) }

func TestNamesThatPeopleTakeForTheSameFoldAlike(t *testing.T) {
	for want, names := range map[string][]string{
		"jose":                {"José", nfd("José"), "jose", "JOSÉ", "Ｊｏｓé", "  Jose\t", "Jo\u200bse", "jose\ufe0f"},
		"감":                   {"감", nfd("감")},
		"irem":                {"İrem", nfd("İrem"), "irem", "IREM", "ırem"},
		"strasse 1":           {"Straße 1", "STRASSE\u00a0 1", "STRAẞE \u2460"},
		"σισυφοσ":             {"ΣΊΣΥΦΟΣ", "Σίσυφος", nfd("σίσυφος")},
		"lukasz soren":        {"Łukasz Søren", "lukasz SØREN"},
		"nguyen":              {"Nguyễn", nfd("Nguyễn")},
		"がき":                  {"がき", nfd("がき"), nfd("が") + "き"},
		"ガキ":                  {"ｶﾞｷ", "ガキ", nfd("ガキ")},
		"कि":                  {"कि"},
		"ελενη ωιδη":          {"Ελένη ᾨδή"},
		"office":              {"oﬃce", "OFFICE"},
		"محمد":                {"مُحَمَّد", "محمد"},
		"👩🏽🚀":                 {"👩🏽‍🚀"},
		"ꮳꮃꭹ":                 {"ᏣᎳᎩ", "ꮳꮃꭹ"},
		"":                    {"", " ", "\u3164", "\u200b\u00ad", "\U000e0041", "\u0301", "\x00\x1f"},
		`"100%" _\ -- it's *`: {`"100%" _\  -- IT'S *`},
	} {
		for _, name := range names {
			if got := chat.Fold(name); got != want {
				t.Errorf("%q folds to %q, want %q", name, got, want)
			}
		}
	}
}

func TestNamesThatSayAnotherThingFoldApart(t *testing.T) {
	for _, pair := range [][2]string{{"か", "が"}, {"कि", "कु"}, {"क", "क़"}, {"ada", "adá b"}, {"a b", "ab"}, {"감", "갑"}} {
		if x, y := chat.Fold(pair[0]), chat.Fold(pair[1]); x == y {
			t.Errorf("%q and %q both fold to %q", pair[0], pair[1], x)
		}
	}
}

func TestNamesAreFoundFromEachWordOn(t *testing.T) {
	for name, want := range map[string][]string{
		"Ada King Lovelace": {"king lovelace", "lovelace"},
		"李小龙":               {"小龙", "龙"},
		"under_score":       {"_score", "score"},
		"100% Bob":          {"% bob", "bob"},
		"r2d2":              nil,
		"किरण":              nil,
		"김철수 Kim":           {"철수 kim", "수 kim", "kim"},
		"":                  nil,
	} {
		if got := chat.Words(chat.Fold(name)); !slices.Equal(got, want) {
			t.Errorf("%q is found from %q on, want %q", name, got, want)
		}
	}
}

// Whatever the name: its forms fold alike, folding again changes nothing, and
// what comes out is short, and text.
func FuzzFold(f *testing.F) {
	f.Add("José İrem ß Ǆ ﷺ Ꮸ")
	f.Add("\u1100\u3164\u1161\u11a8 \u0345\u034f\u0301")
	f.Add(strings.Repeat("ﷺ", 21))
	f.Fuzz(func(t *testing.T, name string) {
		if !utf8.ValidString(name) || len(name) > 64 {
			return
		}
		folded := chat.Fold(name)
		if again := chat.Fold(folded); again != folded {
			t.Errorf("%q folds to %q, and that to %q", name, folded, again)
		}
		if len(folded) > 128 || !utf8.ValidString(folded) || strings.ContainsRune(folded, 0) || folded != strings.TrimSpace(folded) {
			t.Errorf("%q folds to %q", name, folded)
		}
		for form, other := range map[string]string{"NFD": nfd(name), "NFC": norm.NFC.String(name)} {
			if got := chat.Fold(other); got != folded {
				t.Errorf("%q folds to %q, its %s to %q", name, folded, form, got)
			}
		}
	})
}
