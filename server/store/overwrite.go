package store

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"parley/server/store/relational"
)

// maxOverwrites bounds the rows that wait.
const maxOverwrites = 10_000

// overwrites are rows that wait to be overwritten, each by the last statement that does so
// (relational.Overwrites): while it waits, others for the same row take its place.
type overwrites map[relational.Overwritten]overwrite

type overwrite struct {
	query string
	args  []any
}

// add lets a statement wait, unless there are too many or another one waits for that row, which
// may set other columns.
func (o overwrites) add(row relational.Overwritten, query string, args []any) bool {
	before, waits := o[row]
	if waits && before.query != query || !waits && len(o) >= maxOverwrites {
		return false
	}
	o[row] = overwrite{query, args}
	return true
}

// write writes the rows, in the order in which they lie.
func (o overwrites) write(c *connection) error {
	for _, row := range slices.SortedFunc(maps.Keys(o), func(x, y relational.Overwritten) int {
		return cmp.Or(cmp.Compare(x.Conversation, y.Conversation), cmp.Compare(x.User, y.User))
	}) {
		if err := c.Exec(o[row].query, o[row].args...); err != nil {
			return fmt.Errorf("write a row that changed: %w", err)
		}
	}
	clear(o)
	return nil
}
