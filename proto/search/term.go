package search

// Version is the version of what terms a message has: it rises with each change of that, or of how texts are
// folded. What was indexed by another version is indexed again.
const Version = 2

// maxPrefix is how many characters of a word's beginning make terms: what is longer is found by these, and then
// compared.
const maxPrefix = 8

// termBits is how many bits a term has. A page of 64 messages has one to five thousand terms, so that one in a
// thousand to one in two hundred pages is read in vain for a term that is on none.
const termBits = 20

// A Term is what a search can look for, as a hash: a word's beginning, a character or two that follow one another, a
// sender, a kind.
type Term = uint32

// hash is FNV-1a over the characters of a term.
type hash uint32

const noHash hash = 2166136261

func (h hash) add(r rune) hash { return (h ^ hash(r)) * 16777619 }

// term spreads the hash over all bits before it takes some.
func (h hash) term() Term { return Term(uint32(h^h>>15) * 0x9E3779B1 >> (32 - termBits)) }

// Terms that are no text begin with what is no character.
const (
	senderMark rune = -1
	kindMark   rune = -2
	keyMark    rune = -3
)

// AppendTerms adds the terms of all but the text.
func (x Document) AppendTerms(terms []Term) []Term {
	terms = append(terms, SenderTerm(x.Sender))
	for _, k := range Kinds {
		if x.Is(k) {
			terms = append(terms, KindTerm(k))
		}
	}
	return terms
}

// SenderTerm is that of a message that a user wrote.
func SenderTerm(user uint64) Term {
	return noHash.add(senderMark).add(rune(user)).add(rune(user >> 32)).term()
}

// KindTerm is that of a message of a kind, one of Kinds.
func KindTerm(k Kind) Term { return noHash.add(kindMark).add(rune(k.index())).term() }

// AppendTerms adds the terms of a folded text: of scripts without spaces each character and each two that follow one
// another, else the beginnings of words.
func AppendTerms(terms []Term, folded string) []Term {
	var before rune // of the same run of unspaced characters; 0 if none
	word, length := noHash, 0
	for _, r := range folded {
		switch class := classOf(r); class {
		case unspaced:
			terms = append(terms, noHash.add(r).term())
			if before != 0 {
				terms = append(terms, noHash.add(before).add(r).term())
			}
			before, word, length = r, noHash, 0
		case spaced:
			if length++; length <= maxPrefix {
				word = word.add(r)
				terms = append(terms, word.term())
			}
			before = 0
		default:
			before, word, length = 0, noHash, 0
		}
	}
	return terms
}

// KeyTerm is that of a message of a conversation, for an index that holds several.
func KeyTerm(key string) Term {
	h := noHash.add(keyMark)
	for _, r := range key {
		h = h.add(r)
	}
	return h.term()
}
