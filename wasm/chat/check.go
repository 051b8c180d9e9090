package chat

import (
	"errors"
	"fmt"

	"parley/proto"
)

// Check tells what of b breaks the rules above; every Store refuses such a
// batch, and none of it is stored.
func (b *Batch) Check() error {
	for _, e := range b.Entries {
		if err := checkKey(e.Key); err != nil {
			return fmt.Errorf("entry %d: %w", e.Seq, err)
		}
		if e.Seq == 0 {
			return fmt.Errorf("an entry of %s has no seq", e.Key)
		}
	}
	for _, d := range b.Deleted {
		if err := checkKey(d.Key); err != nil {
			return fmt.Errorf("deleting before %d: %w", d.Before, err)
		}
	}
	for _, s := range b.Dropped {
		if err := checkKey(s.Key); err != nil {
			return fmt.Errorf("dropping pages from %d on: %w", s.From, err)
		}
	}
	for _, r := range b.Conversations {
		if err := checkKey(r.Key); err != nil {
			return err
		}
		if err := checkRanges(r.Ranges); err != nil {
			return fmt.Errorf("%s: %w", r.Key, err)
		}
	}
	for _, o := range b.Outbox {
		if o.Number == 0 {
			return errors.New("an outgoing message has no number")
		}
	}
	return nil
}

func checkKey(key string) error {
	if key == "" || len(key) > proto.MaxKey {
		return fmt.Errorf("a conversation key of %d bytes: want 1 to %d", len(key), proto.MaxKey)
	}
	return nil
}

func checkRanges(ranges []Range) error {
	var last uint64
	for i, r := range ranges {
		if r.From == 0 || r.From > r.To || i > 0 && (r.From <= last || r.From-last < 2) {
			return fmt.Errorf("stored ranges %v: want them ascending, neither touching nor overlapping", ranges)
		}
		last = r.To
	}
	return nil
}
