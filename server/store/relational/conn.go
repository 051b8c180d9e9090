// Package relational keeps the history in a relational database: what it asks of one in
// SQL, and what that means. The databases differ in how they are connected to and in
// a few words of SQL; packages for each see to that (server/store for SQLite,
// server/store/postgres). It implements chat.View and chat.Tx and knows nothing of what
// the entries say.
//
// Numbers are 8 big-endian bytes (see Number), so that they sort unsigned.
// Conversations have a small row id, which keeps messages and their indexes short.
package relational

import (
	"encoding/binary"
	"fmt"

	"parley/proto"
	"parley/server/chat"
)

// Conn runs SQL within a transaction that its owner has begun. The SQL is SQLite's, of
// which a Conn of another database replaces what that does not understand. Values are nil,
// a bool, int, int64, Number, string or []byte; of the latter nil is NULL. One goroutine
// uses a Conn at a time.
type Conn interface {
	Exec(query string, args ...any) error
	// Row reads the first row into dest (see Row.Scan) and reports whether there was
	// one.
	Row(dest []any, query string, args ...any) (bool, error)
	// Rows calls each for each row, until it returns an error. It must not run SQL
	// itself.
	Rows(each func(row Row) error, query string, args ...any) error
	// IndexName adds a user to, and UnindexName removes them from, what is found by
	// other parts of a name than its beginning.
	IndexName(id uint64, folded string) error
	UnindexName(id uint64, folded string) error
	// Inner returns users in whose folded name a text of chat.MinInner characters or
	// more stands anywhere, by their ids, limit at most.
	Inner(text string, limit int) ([]uint64, error)
}

// Row is a row of what a query found.
type Row interface {
	// Scan reads the columns, each into a *bool, *int, *int32, *int64, *uint32, *uint64,
	// *chat.Services, *Number, *Ref, *string or *[]byte. A value of another kind than is
	// expected is an error: the history is damaged, or another program wrote to it.
	Scan(dest ...any) error
}

// Number is a uint64 in the database: 8 big-endian bytes, which sort as numbers do
// beyond 2^63 too, where SQL's integers are signed.
type Number uint64

// Bytes returns n as it is stored.
func (n Number) Bytes() []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

// Set sets n to what is stored as b, and reports whether it can be.
func (n *Number) Set(b []byte) bool {
	if len(b) != 8 {
		return false
	}
	*n = Number(binary.BigEndian.Uint64(b))
	return true
}

// Ref is a client_ref in the database.
type Ref [proto.RefSize]byte

// Set sets r to b, and reports whether it can be.
func (r *Ref) Set(b []byte) bool { return len(b) == len(r) && copy(r[:], b) == len(r) }

// SetInteger sets what dest points to, an integer or a bool, unless n is beyond it.
func SetInteger(dest any, n int64) bool {
	switch d := dest.(type) {
	case *bool:
		*d = n == 1
		return n == 0 || n == 1
	case *int:
		*d = int(n)
		return int64(*d) == n
	case *int32:
		*d = int32(n)
		return int64(*d) == n
	case *int64:
		*d = n
	case *uint32:
		*d = uint32(n)
		return int64(*d) == n
	case *chat.Services:
		*d = chat.Services(n) // 64 bits, of which the sign is one
	case *uint64:
		*d = uint64(n)
		return n >= 0
	default:
		panic(fmt.Sprintf("relational: a value of a type that Scan does not know: %T", dest))
	}
	return true
}
