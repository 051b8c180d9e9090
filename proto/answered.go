package proto

// Waiting is one side of a conversation under the answered rule: what that
// side asked and what of it the other side answered. Feed it every entry of
// the conversation in seq order, and it tells who waits since when:
//
//	answered_through = max over the other side's replies r of min(r.seen_seq, r.seq − 1)
//	waiting          = some message of this side has seq > answered_through
//
// The zero Waiting has asked nothing. It is a value: copy it freely.
type Waiting struct {
	// AnsweredThrough only rises.
	AnsweredThrough uint64
	// Seq of the first message of this side that is not answered; 0 if none.
	Seq uint64
	// Since is that message's create time, Unix milliseconds; 0 if none.
	Since uint64
}

// Ask adds a message of this side.
func (w *Waiting) Ask(seq, createTime uint64) {
	if w.Seq == 0 && seq > w.AnsweredThrough {
		w.Seq, w.Since = seq, createTime
	}
}

// Reply adds a reply of the other side, which had seen up to seen; nil says an
// old client wrote it, which counts as having seen everything before it. next
// finds this side's first message after a seq and before the reply (0, 0 if
// there is none); it is called only when the reply answers the first waiting
// message.
func (w *Waiting) Reply(seq uint64, seen *uint64, next func(after uint64) (seq, createTime uint64, err error)) error {
	through := seq - 1
	if seen != nil {
		through = min(*seen, through)
	}
	w.AnsweredThrough = max(w.AnsweredThrough, through)
	if w.Seq == 0 || w.Seq > w.AnsweredThrough {
		return nil
	}
	first, since, err := next(w.AnsweredThrough)
	if err != nil {
		return err
	}
	w.Seq, w.Since = first, since
	return nil
}

// Unread is the number of entries of others after read, in a conversation
// whose newest entry is head and in which the reader wrote own entries after
// read.
func Unread(head, read, own uint64) uint64 {
	if read >= head || own >= head-read {
		return 0
	}
	return head - read - own
}
