package chat

import (
	"errors"
	"slices"

	"parley/proto"
)

// Reason is why something is not as a person would have it: a sentence, and what
// names it for pages that say it in another language, as in a proto.Refusal. It is
// the error of what no server refused.
type Reason struct {
	Text string
	Code string // "" if nobody named it
	Args []string
}

func (r *Reason) Error() string { return r.Text }

// ReasonOf is what an error says to a person.
func ReasonOf(err error) *Reason {
	if refusal, ok := errors.AsType[*proto.Refusal](err); ok && refusal.Text != "" {
		return &Reason{refusal.Text, refusal.Code, refusal.Args}
	}
	if r, ok := errors.AsType[*Reason](err); ok {
		return &Reason{err.Error(), r.Code, r.Args}
	}
	return &Reason{Text: err.Error()}
}

// same reports whether two say the same; nil says nothing.
func (r *Reason) same(o *Reason) bool {
	if r == nil || o == nil {
		return r == o
	}
	return r.Text == o.Text && r.Code == o.Code && slices.Equal(r.Args, o.Args)
}
