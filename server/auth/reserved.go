package auth

import (
	"slices"
	"strings"
	"unicode"

	"github.com/mtibben/confusables"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"parley/proto"
)

// reservedNames are what people take for the service itself, or for those who run
// it: the names of services as the page shows them, and the usual titles.
var reservedNames = []string{
	"General", "Sales", "Support", "Billing", "Delivery", "Returns", "Complaints",
	"Customer service", "Customer support", "Support team", "Help desk", "Service",
	"Parley", "Administrator", "Admin", "Moderator", "System", "Staff",
}

// CheckUnreserved refuses a name that looks like one that only the service may
// have, or one of more names. It is for people who choose their own name and answer for nothing: the
// names of agents, and of those whose tokens another program mints, are that
// program's business.
func CheckUnreserved(name string, more ...string) error {
	looks := looksOf(name)
	if slices.ContainsFunc(slices.Concat(reservedNames, more), func(reserved string) bool {
		own := looksOf(reserved)
		return own[0] == looks[0] || own[1] == looks[1]
	}) {
		return proto.Refuse(proto.PayloadFormatInvalid, "name is one that only the service itself has here: choose another").Named("name-reserved")
	}
	return nil
}

// looksOf are two ways to look at a name, each the same for all names that look
// alike: letters and digits alone, compatible forms (NFKC) and case as one, and
// characters that are easily confused (UTS 39, section 4) as one. The first
// ignores case before, and finds "SUPPORT"; the second after, and finds a capital
// i that stands for an l.
func looksOf(name string) [2]string {
	fold := func(s string) string { return cases.Fold().String(norm.NFKC.String(s)) }
	look := func(s string) string {
		return strings.Map(func(r rune) rune {
			if unicode.In(r, unicode.L, unicode.N) {
				return r
			}
			return -1
		}, fold(confusables.Skeleton(s)))
	}
	return [2]string{look(fold(name)), look(norm.NFKC.String(name))}
}
