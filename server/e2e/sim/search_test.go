package sim_test

import (
	"context"
	"fmt"
	"strings"

	"parley/proto"
	"parley/server/chat"
	client "parley/wasm/chat"
)

// Search implements chat.History.
func (d *device) Search(ctx context.Context, _ string, q client.Query, limit int) ([]byte, error) {
	s := d.w.anyServer()
	if s == nil || d.w.Now().Before(s.frozen) || d.w.chance(15) {
		return nil, errDown
	}
	answer, err := s.service.Search(ctx, d.sender(), chat.SearchQuery{Text: q.Text, Before: q.Before, Limit: min(limit, chat.MaxFound)})
	if err != nil {
		return nil, err
	}
	for _, found := range answer.GetFound() {
		key, err := proto.ParseKey(found.GetKey())
		if err != nil {
			return nil, err
		}
		if reads, ok := d.w.roll(key).reads(d.user); key.Kind() == proto.Group && !(ok && reads.has(found.GetMessage().GetSeq())) {
			d.w.fail("%s: a search gives them %s %d, and they may read %+v", d, key, found.GetMessage().GetSeq(), reads)
		}
	}
	return proto.Marshal(answer)
}

// search looks for what somebody wrote, in this browser or on the server, too, as far as there is more.
func (d *device) search() {
	word := fmt.Sprintf("user%d", d.w.Rand.IntN(len(userIDs)))
	if d.w.chance(3) {
		word = fmt.Sprintf("agent%d", d.w.Rand.IntN(len(agentIDs)))
	}
	d.lookFor(client.Query{Text: word, Server: !d.w.chance(3)}, ^uint64(0))
}

// lookFor searches, and then goes on below before.
func (d *device) lookFor(q client.Query, before uint64) {
	host := d.host
	d.engine.Search(q, 1+d.w.Rand.IntN(20), func(f client.Found, err error) {
		if err != nil || host != d.host {
			return
		}
		for _, hit := range f.Hits {
			d.checkHit(q.Text, hit.Message, before)
			before = hit.Message.ID
		}
		if f.Next > before {
			d.w.fail("%s: a search goes on with %d, and had %d", d, f.Next, before)
		}
		if q.Before = f.Next; f.More {
			d.lookFor(q, f.Next)
		}
	})
}

// checkHit holds that what was found is what was looked for, once, and the person's to read.
func (d *device) checkHit(word string, m client.Message, before uint64) {
	key, err := proto.ParseKey(m.Key)
	if err != nil {
		d.w.fail("%s: found %+v: %v", d, m, err)
		return
	}
	if m.ID >= before || !strings.Contains(m.Content, word) && len(m.Attachments) == 0 {
		d.w.fail("%s: found %s %d, %q with id %d, for %q before %d", d, m.Key, m.Seq, m.Content, m.ID, word, before)
	}
	readable := d.of(key)
	if key.Kind() == proto.Group {
		// What they read before they left is here until they are told, and so may be that of another history.
		readable = d.w.roll(key).knows(d.user, m.Seq) || d.w.wipes > 0
	}
	if !readable {
		d.w.fail("%s: found %s %d, which is not theirs to read", d, m.Key, m.Seq)
	}
}

// keep has all history kept, or no more, or less than was seen.
func (d *device) keep() {
	state := []client.KeepingState{client.KeepingOn, client.KeepingPaused, client.KeepingOff, client.KeepingOff}[d.w.Rand.IntN(4)]
	var limits client.Limits
	if state == client.KeepingOff && !d.w.chance(4) {
		limits = client.Limits{Days: d.w.Rand.Uint64N(2), Bytes: d.w.Rand.Uint64N(2) * d.w.Rand.Uint64N(1<<16)}
	}
	d.engine.Keep(state, limits, func(err error) {
		if err != nil {
			d.w.note("%s: kept is not %s, %+v: %v", d, state, limits, err)
		}
	})
}

// evict takes a conversation out of the browser.
func (d *device) evict() {
	key := d.anybody()
	d.leaves[key]++
	host := d.host
	d.engine.Evict(key, func(err error) {
		if host == d.host {
			d.leaves[key]--
		}
		if err != nil {
			d.w.note("%s: %s stays: %v", d, key, err)
		}
	})
}
