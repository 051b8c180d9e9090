package relational

import (
	"errors"
	"fmt"
)

// maxStarts bounds the starts that are kept: of those before them a token cannot
// tell that they are of another history.
const maxStarts = 10_000

// AddStart adds a start, of which it keeps the newest maxStarts.
func (t *Transaction) AddStart(id uint64) error {
	rev, err := t.Rev()
	if err != nil {
		return err
	}
	if err := t.Exec("INSERT INTO starts (id, rev) VALUES (?, ?)", Number(id), Number(rev)); err != nil {
		return err
	}
	return t.Exec("DELETE FROM starts WHERE number <= (SELECT max(number) FROM starts) - ?", maxStarts)
}

// Started reports whether the history was opened before.
func (v *View) Started() (bool, error) {
	var one int64
	return v.Row([]any{&one}, "SELECT number FROM starts WHERE number > 0 LIMIT 1")
}

// KnowsStart reports whether a start is among those that are kept.
func (v *View) KnowsStart(id uint64) (bool, error) {
	var one int64
	return v.Row([]any{&one}, "SELECT number FROM starts WHERE id = ?", Number(id))
}

// Once sets a value of the table meta that is made with the history and not changed.
func (t *Transaction) Once(name string, value any) error {
	return t.Exec("INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING", name, value)
}

// Set sets a value of the table meta.
func (t *Transaction) Set(name string, value any) error {
	return t.Exec("INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name, value)
}

// Meta reads one value of the table meta; dest stays as it is if there is none.
func (v *View) Meta(name string, dest any) error {
	if _, err := v.Row([]any{dest}, "SELECT value FROM meta WHERE name = ?", name); err != nil {
		return fmt.Errorf("read meta.%s: %w", name, err)
	}
	return nil
}

// ErrDamaged is that something is not there which always is.
var ErrDamaged = errors.New("the file is damaged")

// Epoch implements chat.View.
func (v *View) Epoch() (uint64, error) {
	if v.known != nil {
		return v.known.Epoch, nil
	}
	var epoch Number
	if err := v.Meta("epoch", &epoch); err != nil {
		return 0, err
	}
	if epoch == 0 {
		return 0, fmt.Errorf("%w: it has no epoch", ErrDamaged)
	}
	return uint64(epoch), nil
}

// PutEpoch implements chat.Tx.
func (t *Transaction) PutEpoch(epoch uint64) error {
	if err := t.Set("epoch", Number(epoch)); err != nil {
		return fmt.Errorf("write the epoch: %w", err)
	}
	if t.known != nil {
		t.known.Epoch = epoch
	}
	return nil
}

// Reached implements chat.View.
func (v *View) Reached(start uint64) (uint64, error) {
	var at int64
	known, err := v.Row([]any{&at}, "SELECT number FROM starts WHERE id = ?", Number(start))
	if err != nil {
		return 0, fmt.Errorf("find a start: %w", err)
	}
	if !known {
		at = 0
	}
	var rev Number
	found, err := v.Row([]any{&rev}, "SELECT rev FROM starts WHERE number > ? ORDER BY number LIMIT 1", at)
	if err != nil {
		return 0, fmt.Errorf("find the start after another: %w", err)
	}
	if !found {
		return v.Rev()
	}
	return uint64(rev), nil
}
