package postgres

import (
	"context"

	"parley/server/chat"
	"parley/server/store/relational"
)

// Kept is a secret of the cluster's own, which all nodes share (auth.Place).
type Kept struct {
	db   *DB
	name string
}

// Kept returns the one of a name, whether there is something or not.
func (db *DB) Kept(name string) *Kept { return &Kept{db, name} }

// Change puts what change makes of what is kept, nil if nothing is, in its place, and returns
// what is kept then. If change returns nil, that stays as it is. It may be called again.
func (k *Kept) Change(change func(kept []byte) (fresh []byte, err error)) (kept []byte, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), readTime)
	defer cancel()
	err = k.db.Update(ctx, func(tx chat.Tx) error {
		t := tx.(*relational.Transaction)
		kept = nil
		if err := t.Meta(keptPrefix+k.name, &kept); err != nil {
			return err
		}
		fresh, err := change(kept)
		if err != nil || fresh == nil {
			return err
		}
		kept = fresh
		return t.Set(keptPrefix+k.name, fresh)
	})
	return kept, err
}

// keptPrefix is in front of their names in the table meta.
const keptPrefix = "kept "
