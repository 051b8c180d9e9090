package bridge

import (
	"slices"
	"time"
)

// tokenTimeout is how long one page has to give a token before the next is asked.
const tokenTimeout = 20 * time.Second

// tokenRequest asks pages for a fresh token, one after the other, until one
// gives it. The zero value asks nobody.
type tokenRequest struct {
	asked  []int  // ports, the last is the one that has to answer
	cancel func() // ends the wait for it; nil if nobody is asked
}

// of reports whether it is this port's turn.
func (r *tokenRequest) of(port int) bool {
	return r.cancel != nil && r.asked[len(r.asked)-1] == port
}

func (r *tokenRequest) stop() {
	if r.cancel != nil {
		r.cancel()
	}
	*r = tokenRequest{}
}

// askToken asks the page that came last among those that were not asked yet.
// If none is left the request is over: each page has told its person why, and
// the engine hears that there is no other token.
func (s *userEngine) askToken() {
	r := &s.asking
	if r.cancel != nil {
		r.cancel()
	}
	for _, port := range slices.Backward(s.attached) {
		if slices.Contains(r.asked, port) {
			continue
		}
		r.asked = append(r.asked, port)
		r.cancel = s.hub.host.After(tokenTimeout, s.askToken)
		s.hub.tell(port, func(e *encoder) { putEvent(e, "token", func(e *encoder) { e.string(s.engine.Token.Text) }) })
		return
	}
	r.cancel = nil
	r.stop()
	s.hub.host.Post(s.engine.NoToken)
}
