package chat

import (
	"errors"
	"slices"
	"sort"
)

// What a person does not want kept here goes as what makes room does, a little at a time, in nobody's way: first what is
// older than they want, and then, from what was opened longest ago, what is more. The newest page of each conversation
// stays, and what is on a screen.

const (
	// trimPages is how many pages of a conversation go at once, at most.
	trimPages = 64
	// usualSize is how many bytes the body of a message has, where that is not known.
	usualSize = 200
	// maxStored is of how many conversations it is told what they take.
	maxStored = 20
	maxDays   = 36_500
	day       = 24 * 60 * 60 * 1000 // milliseconds
)

// Limits are how much of what was seen is kept in this browser profile.
type Limits struct {
	Days  uint64 // how old it may be; 0: whatever age it has
	Bytes uint64 // how many it may take, about; 0: however many
}

// known is what is known of a stored entry.
type known struct{ seq, time uint64 }

// Stored tells of the conversations which take most, the largest first, of those of which something can be evicted.
func (e *Engine) Stored() []Stored {
	list := e.sorted()
	slices.SortStableFunc(list, func(a, b *conversation) int { return compare(b.size, a.size) })
	var all []Stored
	for _, c := range list {
		if e.visible(c) && c.trimmable() && len(all) < maxStored {
			all = append(all, Stored{c.name, c.entries(), c.room()})
		}
	}
	return all
}

// Evict takes what is stored of a conversation out of this browser, but for its newest page. To fetch all history would
// bring it back, and rests.
func (e *Engine) Evict(name string, done func(error)) {
	e.loaded(func() {
		c, err := e.conversation(name)
		if err != nil {
			done(err)
			return
		}
		e.write.discard(func() []eviction { return c.oldest(^uint64(0)) }, func(err error) {
			e.Observer.Kept(e.Kept())
			done(err)
		})
	})
}

// room is how many bytes a conversation takes, about: terms and what is around bodies have half as many as these.
func (c *conversation) room() uint64 { return c.size + c.size/2 }

// trimmable reports whether something is stored before the newest page.
func (c *conversation) trimmable() bool { return len(c.oldest(1)) > 0 }

// oldest is the eviction of the oldest stored pages, so many, and not the newest; none if there are none.
func (c *conversation) oldest(pages uint64) []eviction {
	newest := c.stored.newestPage()
	if len(c.stored) == 0 || c.stored[0].From >= newest {
		return nil
	}
	first := PageOf(c.stored[0].From)
	return []eviction{{c, (min(PageOf(newest)-first, pages) + first) * PageSize}}
}

// trim evicts a little of what is too old or too much, and goes on with the rest.
func (k *keeping) trim() {
	e, limits := k.engine, k.engine.meta.Limits
	k.active = true
	e.write.flush(func() {
		now, measured := e.clock.now(e.Host) // by a clock that is wrong, much would be too old
		oldest := uint64(max(0, now.UnixMilli()-int64(limits.Days)*day))
		if c := k.first(func(c *conversation) bool { return limits.Days > 0 && measured && c.mayBeOlder(oldest) }); c != nil {
			k.old(c, oldest)
			return
		}
		if limits.Bytes > 0 && len(k.surplus()) > 0 {
			k.evict(k.surplus)
			return
		}
		k.trimmed(nil, false)
	})
}

// trimmed goes on, soon if there was something to do.
func (k *keeping) trimmed(err error, more bool) {
	k.active = false
	switch {
	case err != nil:
		k.after(k.retry.busy(k.engine.Host))
	case more:
		k.retry.reset()
		k.after(keepEvery)
	default:
		k.after(keepAgain)
	}
}

func (k *keeping) evict(which func() []eviction) {
	limits := k.engine.meta.Limits
	k.engine.write.discard(func() []eviction {
		if k.engine.meta.Limits != limits || k.busy() {
			return nil
		}
		return which()
	}, func(err error) { k.trimmed(err, true) })
}

// first is the conversation that goes first of those that may go and are wanted; nil if there is none.
func (k *keeping) first(wanted func(*conversation) bool) (first *conversation) {
	for _, c := range k.engine.conversations {
		if c.trimmable() && !k.engine.OnScreen(c.name) && wanted(c) && (first == nil || goesBefore(c, first) < 0) {
			first = c
		}
	}
	return first
}

// surplus is what goes next of what takes more than is wanted.
func (k *keeping) surplus() []eviction {
	var all uint64
	for _, c := range k.engine.conversations {
		all += c.room()
	}
	c := k.first(func(*conversation) bool { return true })
	limit := k.engine.meta.Limits.Bytes
	if c == nil || all <= limit {
		return nil
	}
	perPage := max(c.room()*PageSize/c.entries(), 1)
	return c.oldest(min((all-limit)/perPage+1, trimPages))
}

// mayBeOlder reports whether something on the oldest page may be from before a time.
func (c *conversation) mayBeOlder(than uint64) bool {
	return c.stored.highest(c.oldest(1)[0].before-1) != c.aged.seq || c.aged.time < than
}

// old finds how many of a conversation's oldest pages are from before a time, and evicts these.
func (k *keeping) old(c *conversation, than uint64) {
	e, store, epoch, stored := k.engine, k.engine.Store, k.engine.meta.Epoch, c.stored
	first, end := PageOf(stored[0].From), PageOf(c.oldest(trimPages)[0].before)
	var aged known
	var failed error
	e.Host.Go(func() func() {
		pages := sort.Search(int(end-first), func(i int) bool {
			last := known{stored.highest((first+uint64(i)+1)*PageSize - 1), ^uint64(0)}
			found, err := store.Messages(e.ctx, c.name, last.seq, last.seq)
			for _, x := range found {
				if x, err := decode(c.key.Kind(), x.Body); err == nil {
					last.time = x.event().Time
				}
			}
			if i == 0 {
				aged = last
			}
			if err != nil {
				failed = err
			}
			return err != nil || last.time >= than
		})
		return func() {
			d, damaged := errors.AsType[*Damage](failed)
			switch {
			case damaged:
				e.mend(d)
				k.trimmed(nil, true)
			case failed != nil:
				k.trimmed(failed, false)
			case pages == 0:
				c.aged = aged
				k.trimmed(nil, true)
			default:
				k.evict(func() []eviction {
					all := c.oldest(uint64(pages))
					if e.meta.Epoch != epoch || e.OnScreen(c.name) || len(all) > 0 && PageOf(all[0].before) > first+uint64(pages) {
						return nil // it is not what was looked at
					}
					return all
				})
			}
		}
	})
}
