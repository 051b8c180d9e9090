package chat

// epoch is that which the numbers of entries count in, for what is sent; nil before
// the first answer.
func (e *Engine) epoch() *uint64 {
	if e.meta.Epoch == 0 {
		return nil
	}
	epoch := e.meta.Epoch
	return &epoch
}

// checkEpoch drops what is stored if the server's history is another one now, and
// reports whether it is. The outbox stays: what was not confirmed is sent to the
// new history, which knows by its epoch that what its author had seen is void.
func (e *Engine) checkEpoch(epoch uint64) (changed bool) {
	if epoch == e.meta.Epoch {
		return false
	}
	// What was heard before the first answer, or is stored and of nobody knows which, may be of a history before this one, too.
	known := e.meta.Epoch != 0
	for _, c := range e.conversations {
		known = known || len(c.stored) > 0 || c.head > 0 || c.mine.raise(c.peer) != (marks{})
	}
	e.meta.Epoch, e.meta.SyncToken = epoch, ""
	if known {
		for _, c := range e.conversations {
			e.fetch.forget(c)
			*c = conversation{
				name: c.name, key: c.key, names: names{peer: c.names.peer}, outbox: c.outbox,
				repair: repair{active: c.repair.active}, reads: c.reads,
				group:     group{asking: c.group.asking},
				revisions: revisions{round: c.revisions.round + 1, applying: c.revisions.applying},
			}
		}
		e.write.clear()
		e.marking = marking{engine: e}
		e.Observer.Reset()
	}
	e.write.meta(e.meta)
	return true
}
