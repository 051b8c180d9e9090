package store

import (
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"

	"parley/server/store/relational"
)

// statement is a prepared one (https://sqlite.org/c3ref/stmt.html), of the connection
// that it belongs to. It calls SQLite itself, as database/sql and its driver took a
// third of what a message costs: a value that is bound is some allocations there, and
// none here.
type statement struct {
	*connection
	handle     uintptr
	parameters int
	memory     uintptr // SQLite's, size bytes, for what is bound and has no fixed length
	size       int
}

func newStatement(s *connection, query string) (*statement, error) {
	text, err := libc.CString(query)
	if err != nil {
		return nil, err
	}
	defer libc.Xfree(s.tls, text)
	out := s.tls.Alloc(int(unsafe.Sizeof(uintptr(0))))
	defer s.tls.Free(int(unsafe.Sizeof(uintptr(0))))
	if err := s.check(sqlite3.Xsqlite3_prepare_v3(s.tls, s.db, text, -1, sqlite3.SQLITE_PREPARE_PERSISTENT, out, 0)); err != nil {
		return nil, err
	}
	handle := *at[uintptr](out)
	return &statement{connection: s, handle: handle, parameters: int(sqlite3.Xsqlite3_bind_parameter_count(s.tls, handle))}, nil
}

func (st *statement) finalize() {
	sqlite3.Xsqlite3_finalize(st.tls, st.handle) // its error is of the last step
	sqlite3.Xsqlite3_free(st.tls, st.memory)
}

// run binds args and calls each, which may be nil, for each row.
func (st *statement) run(args []any, each func() error) error {
	defer st.reset()
	if err := st.bind(args); err != nil {
		return err
	}
	for {
		more, err := st.step()
		if err != nil || !more {
			return err
		}
		if each != nil {
			if err := each(); err != nil {
				return err
			}
		}
	}
}

// first binds args, reads the first row into dest and reports whether there was one.
func (st *statement) first(dest, args []any) (bool, error) {
	defer st.reset()
	if err := st.bind(args); err != nil {
		return false, err
	}
	found, err := st.step()
	if err != nil || !found {
		return false, err
	}
	return true, st.Scan(dest...)
}

func (st *statement) step() (row bool, err error) {
	switch code := sqlite3.Xsqlite3_step(st.tls, st.handle); code {
	case sqlite3.SQLITE_ROW:
		return true, nil
	case sqlite3.SQLITE_DONE:
		return false, nil
	default:
		return false, st.check(code)
	}
}

// reset ends what run and first began. What is bound stays so, which the next bind
// replaces: taking it back could make SQLite plan the statement anew.
func (st *statement) reset() { sqlite3.Xsqlite3_reset(st.tls, st.handle) } // as with finalize

// bind gives the parameters their values, each nil, a bool, int, int64, Number, string
// or []byte, of which nil is NULL.
func (st *statement) bind(args []any) error {
	if len(args) != st.parameters {
		return fmt.Errorf("%d values for %d parameters", len(args), st.parameters)
	}
	if err := st.reserve(args); err != nil {
		return err
	}
	next := st.memory
	for i, arg := range args {
		n, code := int32(i+1), int32(sqlite3.SQLITE_OK)
		switch v := arg.(type) {
		case nil:
			code = sqlite3.Xsqlite3_bind_null(st.tls, st.handle, n)
		case bool:
			code = sqlite3.Xsqlite3_bind_int64(st.tls, st.handle, n, int64(libc.Bool32(v)))
		case int:
			code = sqlite3.Xsqlite3_bind_int64(st.tls, st.handle, n, int64(v))
		case int64:
			code = sqlite3.Xsqlite3_bind_int64(st.tls, st.handle, n, v)
		case relational.Number:
			binary.BigEndian.PutUint64(memory(next, 8), uint64(v))
			code = sqlite3.Xsqlite3_bind_blob(st.tls, st.handle, n, next, 8, static)
			next += 8
		case string:
			copy(memory(next, len(v)), v)
			code = sqlite3.Xsqlite3_bind_text(st.tls, st.handle, n, next, int32(len(v)), static)
			next += uintptr(len(v))
		case []byte:
			if v == nil {
				code = sqlite3.Xsqlite3_bind_null(st.tls, st.handle, n)
				break
			}
			copy(memory(next, len(v)), v)
			code = sqlite3.Xsqlite3_bind_blob(st.tls, st.handle, n, next, int32(len(v)), static)
			next += uintptr(len(v))
		default:
			panic("store: a value of a type that bind does not know")
		}
		if code != sqlite3.SQLITE_OK {
			return st.check(code)
		}
	}
	return nil
}

// static says of a bound value that it stays where it is until the next is bound.
const static = 0 // SQLITE_STATIC

// reserve makes room for args.
func (st *statement) reserve(args []any) error {
	need := 1 // an empty value has an address, too
	for _, arg := range args {
		switch v := arg.(type) {
		case relational.Number:
			need += 8
		case string:
			need += len(v)
		case []byte:
			need += len(v)
		}
	}
	if need <= st.size {
		return nil
	}
	if need > math.MaxInt32/2 {
		return st.check(sqlite3.SQLITE_TOOBIG)
	}
	sqlite3.Xsqlite3_free(st.tls, st.memory) // what is bound is replaced before the next step
	st.size = 2 * need
	if st.memory = sqlite3.Xsqlite3_malloc(st.tls, int32(st.size)); st.memory == 0 {
		st.size = 0
		return st.check(sqlite3.SQLITE_NOMEM)
	}
	return nil
}

// Scan implements relational.Row.
func (st *statement) Scan(dest ...any) error {
	if n := int(sqlite3.Xsqlite3_column_count(st.tls, st.handle)); n != len(dest) {
		return fmt.Errorf("%d columns for %d values", n, len(dest))
	}
	for i, d := range dest {
		if column := int32(i); !st.scanColumn(column, d) {
			name := libc.GoString(sqlite3.Xsqlite3_column_name(st.tls, st.handle, column))
			return fmt.Errorf("the column %s is damaged: it is not of its type", name)
		}
	}
	return nil
}

func (st *statement) scanColumn(i int32, dest any) bool {
	kind := sqlite3.Xsqlite3_column_type(st.tls, st.handle, i)
	switch d := dest.(type) {
	case *relational.Number:
		return kind == sqlite3.SQLITE_BLOB && d.Set(st.bytes(i))
	case *relational.Ref:
		return kind == sqlite3.SQLITE_BLOB && d.Set(st.bytes(i))
	case *string:
		*d = string(st.bytes(i)) // of a number as SQLite writes it
		return kind != sqlite3.SQLITE_NULL
	case *[]byte:
		*d = append([]byte(nil), st.bytes(i)...)
		return kind == sqlite3.SQLITE_TEXT || kind == sqlite3.SQLITE_BLOB
	default:
		return kind == sqlite3.SQLITE_INTEGER && relational.SetInteger(dest, sqlite3.Xsqlite3_column_int64(st.tls, st.handle, i))
	}
}

// bytes is a column's text or blob, until the next step.
func (st *statement) bytes(i int32) []byte {
	p := sqlite3.Xsqlite3_column_blob(st.tls, st.handle, i)
	if p == 0 {
		return nil
	}
	return memory(p, int(sqlite3.Xsqlite3_column_bytes(st.tls, st.handle, i)))
}

// memory is n bytes of SQLite's memory.
func memory(address uintptr, n int) []byte { return unsafe.Slice(at[byte](address), n) }
