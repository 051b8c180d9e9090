package chat

import (
	"cmp"
	"slices"
)

// topRows is how many conversations of each list of a page are loaded first: more than a screen shows.
const topRows = 50

// top is which conversations stand first in the lists of a page, and those on screens: what the store is to load first.
type top struct {
	engine *Engine
	first  []*conversation
	whole  bool     // first is of all that are stored
	stored []string // what the store was given last, or had
}

// changed takes note of conversations that changed, and returns the keys of all on top, in their own order, if these
// are others now; else nil.
func (t *top) changed(those dirtySet) []string {
	e := t.engine
	candidates := slices.DeleteFunc(slices.Clone(t.first), func(c *conversation) bool { return those.known[c.name] })
	for _, name := range those.names {
		if c := e.conversations[name]; c != nil {
			candidates = append(candidates, c)
		}
	}
	if !t.whole || slices.ContainsFunc(t.first, func(c *conversation) bool { return !t.lists(c) }) { // another takes its place
		candidates = e.sorted()
	}
	t.first = slices.Concat(t.best(candidates, false, compareActivity), t.best(candidates, true, t.compareWaiting))
	t.whole = e.started
	keys := make([]string, 0, len(t.first)+len(e.screens))
	for _, c := range t.first {
		keys = append(keys, c.name)
	}
	for _, name := range e.screens {
		keys = append(keys, name)
	}
	slices.Sort(keys)
	keys = slices.Compact(keys)
	if slices.Equal(keys, t.stored) {
		return nil
	}
	t.stored = keys
	return keys
}

// lists reports whether a conversation is in a list that a page shows at first.
func (t *top) lists(c *conversation) bool { return t.engine.listed(c) && !c.archived() }

// best are the first of those in the queue of an agent, or of the others.
func (t *top) best(candidates []*conversation, queue bool, order func(a, b *conversation) int) (best []*conversation) {
	for _, c := range candidates {
		if !t.lists(c) || c.queued(t.engine.User) != queue {
			continue
		}
		if i, _ := slices.BinarySearchFunc(best, c, order); i < topRows {
			best = slices.Insert(best, i, c)
			best = best[:min(len(best), topRows)]
		}
	}
	return best
}

// compareActivity puts pinned conversations first, then those with unconfirmed sends, then those
// whose newest message has the highest id: ids rise with time by the server's clock.
func compareActivity(a, b *conversation) int {
	if a.choices.pinned != b.choices.pinned {
		return map[bool]int{true: -1, false: 1}[a.choices.pinned]
	}
	return cmp.Or(compare(b.pending(), a.pending()), compare(b.last.id(), a.last.id()), compare(a.name, b.name))
}

// compareWaiting puts first who has waited longest, and those of whom nobody waits last.
func (t *top) compareWaiting(a, b *conversation) int {
	since := func(c *conversation) uint64 { return c.status.Sides[c.key.Side(t.engine.User).Other()].Since - 1 } // 0 is the highest
	return cmp.Or(compare(since(a), since(b)), compareActivity(a, b))
}

// pending is the number of the newest unconfirmed message; 0 if there is none.
func (c *conversation) pending() uint64 {
	if o := c.lastSent(); o != nil {
		return o.Number
	}
	return 0
}
