package chaos

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"
)

// A fate is what became of a press on Send, as the page told it.
type fate int

const (
	unknown  fate = iota // the page died or was cut short before it told
	stood                // it stood in the list: from now on it must not be lost
	declined             // the person was told that it is not sent
)

// A press is one on Send.
type press struct {
	sender  *person
	key     string // of the conversation
	content string // like that of no other press
	number  int    // of the sender's presses
	fate    fate
	// recalled says that the sender may have taken it back.
	recalled bool
}

// recorder knows what each person pressed Send on.
type recorder struct {
	t        *testing.T
	mu       sync.Mutex
	presses  map[string]*press // by content
	declines map[string]int    // by reason
	last     time.Time         // when the newest one stood
}

func newRecorder(t *testing.T) *recorder {
	return &recorder{t: t, presses: map[string]*press{}, declines: map[string]int{}}
}

// compose makes up a message. It is pressed when it is given to press.
func (r *recorder) compose(p *person, key string, size int) *press {
	p.written++
	content := fmt.Sprintf("%s-%06d.", p.name, p.written)
	if more := size - len(content); more > 0 {
		content += " " + strings.Repeat("lorem ipsum ", more/12+1)[:more-1]
	}
	return &press{sender: p, key: key, content: strings.TrimSpace(content), number: p.written}
}

// press records that a person presses Send, now.
func (r *recorder) press(all ...*press) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, x := range all {
		r.presses[x.content] = x
	}
}

// told takes what the driver tells.
func (r *recorder) told(payload string) {
	var news struct {
		Stood, Declined, Recalled string
		Code                      int
		Reason                    string
	}
	if err := json.Unmarshal([]byte(payload), &news); err != nil {
		panic(fmt.Sprintf("the driver told %q: %v", payload, err))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if x := r.presses[news.Stood]; x != nil {
		x.fate, r.last = stood, time.Now()
	}
	if x := r.presses[original(news.Recalled)]; x != nil {
		x.recalled = true
	}
	if x := r.presses[news.Declined]; x != nil {
		r.declines[fmt.Sprintf("%d %s", news.Code, news.Reason)]++
		// Only a reason of the engine's own says for sure that it is not sent.
		if x.fate == unknown && news.Code != 0 {
			x.fate = declined
		}
	}
}

// stands notes that a message was acknowledged.
func (r *recorder) stands(x *press) {
	r.mu.Lock()
	defer r.mu.Unlock()
	x.fate, r.last = stood, time.Now()
}

// original is what a message said before it was edited.
func original(content string) string {
	for strings.HasPrefix(content, "edited ") {
		content = strings.TrimPrefix(content, "edited ")
	}
	return content
}

// count returns how many presses met a fate.
func (r *recorder) count(f fate) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, x := range r.presses {
		if x.fate == f {
			n++
		}
	}
	return n
}

// size is the length of a message: mostly a line, sometimes a page.
func size(chance *rand.Rand) int {
	if chance.IntN(50) == 0 {
		return 2000 + chance.IntN(10_000)
	}
	return 12 + chance.IntN(160)
}
