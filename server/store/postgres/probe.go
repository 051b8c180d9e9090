package postgres

import "context"

// Probe finds out whether the history can be read and written: unless something was since
// the last call, it renews the lease.
func (db *DB) Probe(ctx context.Context) error {
	if db.written.Swap(false) {
		return nil
	}
	return db.renew(ctx)
}

// Verify has nothing to do: PostgreSQL sees to its files itself.
func (db *DB) Verify(context.Context) error { return nil }

// Advice says what is wrong, see the function.
func (db *DB) Advice(err error) string { return Advice(err) }
