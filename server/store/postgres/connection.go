package postgres

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"parley/server/chat"
	"parley/server/store/relational"
)

// connection is one to the database, with its prepared statements. One goroutine uses
// it at a time. It keeps what is to be executed until something is read, and sends it
// with that: however many statements these are, they take one round trip.
type connection struct {
	pg       *pgconn.PgConn
	ctx      context.Context   // of the transaction
	prepared map[string]string // names of statements
	named    int               // how many names there are
	pipeline *pgconn.Pipeline  // while sent is not empty
	sent     []sending
	queue    []operation
	queued   int     // bytes
	bulks    []*bulk // what is written behind the queue
	inside   bool    // a transaction
	broken   error   // the first of run within the transaction
	unread   error   // of a reader
	guessing bool    // nothing more can be read: what it is made of is not known to hold yet
	// fetcher takes the place of Fetch, if it is not nil.
	fetcher func(*relational.Fetched, chat.Reads) error
	// cache has rows of the one that writes, as they were when writes, the sequence, stood so, and
	// newest was the number of the newest record in the change log.
	cache          relational.Cache
	writes, newest int64
	// Bulks that are queued, and those that were sent, by their statements: their memory is used again.
	scattered []*bulk
	spares    map[string]*bulk
}

// maxQueued bounds what is kept before it is sent, in bytes.
const maxQueued = 4 << 20

// operation is a statement on its way, in PostgreSQL's words.
type operation struct {
	query string
	args  [][]byte
	types []uint32                      // of args
	each  func(relational.Row) error    // nil: nothing is read
	tag   func(pgconn.CommandTag) error // nil: no matter
}

// Exec implements relational.Conn. Its errors may come from a later call.
func (c *connection) Exec(query string, args ...any) error {
	words := translate(query)
	if !c.gather(words, args) {
		c.scatter()
		c.add(words, args, nil)
	}
	if c.queued > maxQueued {
		return c.run()
	}
	return nil
}

// Row implements relational.Conn.
func (c *connection) Row(dest []any, query string, args ...any) (found bool, err error) {
	c.scatter()
	c.add(translate(query), args, func(row relational.Row) error {
		if found { // of more rows than one the first counts
			return nil
		}
		found = true
		return row.Scan(dest...)
	})
	err = c.run()
	return found, err
}

// Rows implements relational.Conn.
func (c *connection) Rows(each func(relational.Row) error, query string, args ...any) error {
	c.scatter()
	c.add(translate(query), args, each)
	return c.run()
}

// add queues a statement.
func (c *connection) add(query string, args []any, each func(relational.Row) error) *operation {
	op := operation{query: query, args: make([][]byte, len(args)), types: make([]uint32, len(args)), each: each}
	for i, arg := range args {
		op.args[i], op.types[i] = encode(arg)
		c.queued += len(op.args[i])
	}
	c.queued += 64
	c.queue = append(c.queue, op)
	return &c.queue[len(c.queue)-1]
}

// sending is what was sent together, and of which nothing was received yet.
type sending struct {
	queue []operation
	fresh map[string]string // names of statements that are prepared with it
}

// run sends what is queued, in one round trip, and reads what comes of it. The first
// error ends what is behind it, and the transaction; one of a reader ends the reading alone.
func (c *connection) run() error {
	if c.guessing {
		c.broken = errGuess
		return errGuess
	}
	err := c.send()
	for err == nil && len(c.sent) > 0 {
		err = c.receive(c.ctx)
	}
	if err != nil && c.broken == nil {
		c.broken = err
	}
	if err == nil {
		err = c.unread
	}
	c.unread = nil
	return err
}

// send sends what is queued, behind what was sent before. What comes of it receive reads.
func (c *connection) send() error {
	c.scatter()
	s := sending{c.queue, make(map[string]string)}
	c.queue, c.queued = nil, 0
	if len(s.queue) == 0 {
		return nil
	}
	if err := c.ctx.Err(); err != nil {
		return err
	}
	defer c.bound(c.ctx)()
	if len(c.sent) == 0 {
		c.pipeline = c.pg.StartPipeline(context.Background()) // it outlives the transaction that begins it
	}
	if !c.pg.IsClosed() { // where what was sent before failed, pgx takes leave of the server meanwhile
		c.pg.Frontend().Send(roomFor(s.queue))
	}
	for _, op := range s.queue {
		c.pipeline.SendQueryPrepared(c.name(op, s.fresh), op.args, binaryFormat, binaryFormat)
	}
	err := c.pipeline.Sync()
	if c.sent = append(c.sent, s); err != nil {
		c.abandon()
	}
	c.spare()
	return err
}

// name is that of a statement, which is prepared if it is not yet.
func (c *connection) name(op operation, fresh map[string]string) string {
	name, known := c.prepared[op.query]
	for _, s := range c.sent {
		if !known {
			name, known = s.fresh[op.query]
		}
	}
	if !known {
		name, known = fresh[op.query]
	}
	if !known {
		name = "s" + strconv.Itoa(c.named)
		c.named++
		fresh[op.query] = name
		c.pipeline.SendPrepare(name, op.query, op.types)
	}
	return name
}

// bound lets what is done over the connection end with ctx, and the connection with it, until free.
func (c *connection) bound(ctx context.Context) (free func()) {
	stop := context.AfterFunc(ctx, func() {
		_ = c.pg.Conn().SetDeadline(time.Unix(1, 0)) // which is over; if it fails the connection has ended
	})
	return func() {
		if !stop() {
			c.close()
		}
	}
}

// receive reads what comes of what was sent first, until ctx ends. Behind an error nothing of that was done.
func (c *connection) receive(ctx context.Context) (err error) {
	if len(c.sent) == 0 {
		return io.ErrUnexpectedEOF // it was abandoned
	}
	defer c.bound(ctx)()
	s := c.sent[0]
	for i := 0; ; {
		results, failed := c.pipeline.GetResults()
		switch r := results.(type) {
		case *pgconn.StatementDescription:
			c.prepared[s.queue[i].query] = s.fresh[s.queue[i].query] // it is
		case *pgconn.ResultReader:
			failed = c.read(r, s.queue[i])
			i++
		case *pgconn.PipelineSync:
			if c.sent = c.sent[1:]; len(c.sent) == 0 {
				err = errors.Join(err, c.pipeline.Close())
			}
			return err
		case nil:
			if failed == nil {
				failed = io.ErrUnexpectedEOF // it was ended
			}
		}
		if err == nil {
			err = failed
		}
		if e := (*pgconn.PgError)(nil); failed != nil && !errors.As(failed, &e) {
			c.abandon()
			return errors.Join(ctx.Err(), err)
		}
	}
}

// abandon gives up what was sent over a connection that broke.
func (c *connection) abandon() {
	_ = c.pipeline.Close() // it has said why
	c.sent = nil
}

// room is a message of nothing that makes room for those behind it, in bytes: they would make it
// bit by bit.
type room int

func roomFor(queue []operation) (size room) {
	for _, op := range queue {
		size += 64
		for _, arg := range op.args {
			size += 4 + room(len(arg))
		}
	}
	return size
}

// Encode implements pgproto3.FrontendMessage.
func (r room) Encode(to []byte) ([]byte, error) { return slices.Grow(to, int(r)), nil }

// Decode implements pgproto3.FrontendMessage.
func (room) Decode([]byte) error { return nil }

// Frontend implements pgproto3.FrontendMessage.
func (room) Frontend() {}

// read reads what came of one statement. What its caller did not want to read any
// further is dropped.
func (c *connection) read(r *pgconn.ResultReader, op operation) error {
	rows := row{reader: r}
	for r.NextRow() {
		if op.each != nil && c.unread == nil {
			c.unread = op.each(&rows)
		}
	}
	tag, err := r.Close()
	if err == nil && op.tag != nil {
		err = op.tag(tag)
	}
	return err
}

// The types of values, by their OIDs (PostgreSQL's pg_type.dat), and the format in which
// all of them are sent both ways.
const (
	oidBool  = 16
	oidBytes = 17
	oidInt8  = 20
	oidInt4  = 23
	oidText  = 25
)

var binaryFormat = []int16{1}

// encode is a value as it is sent.
func encode(arg any) (value []byte, oid uint32) {
	switch v := arg.(type) {
	case nil:
		return nil, 0
	case string:
		return []byte(v), 0 // what its column is: a few hold bytes, as text may have no NUL
	case []byte:
		return v, oidBytes
	case column:
		return v.encode()
	case texts:
		return v.encode(), oidTexts
	case blobs:
		return v.encode(), oidBlobs
	}
	return appendValue(nil, arg)
}

// appendValue adds a value, as it is sent, that says its type.
func appendValue(to []byte, arg any) (_ []byte, oid uint32) {
	switch v := arg.(type) {
	case bool:
		if v {
			return append(to, 1), oidBool
		}
		return append(to, 0), oidBool
	case int:
		return binary.BigEndian.AppendUint64(to, uint64(v)), oidInt8
	case int64:
		return binary.BigEndian.AppendUint64(to, uint64(v)), oidInt8
	case relational.Number:
		return binary.BigEndian.AppendUint64(to, uint64(v)), oidBytes
	case []byte:
		return append(to, v...), oidBytes
	}
	panic(fmt.Sprintf("postgres: a value of a type that it does not know: %T", arg))
}

// row is the one that its reader is at.
type row struct{ reader *pgconn.ResultReader }

// Scan implements relational.Row.
func (r *row) Scan(dest ...any) error {
	values, fields := r.reader.Values(), r.reader.FieldDescriptions()
	if len(values) != len(dest) {
		return fmt.Errorf("%d columns for %d values", len(values), len(dest))
	}
	for i, d := range dest {
		if !scan(values[i], fields[i].DataTypeOID, d) {
			return fmt.Errorf("the column %s is damaged: it is not of its type", fields[i].Name)
		}
	}
	return nil
}

func scan(value []byte, oid uint32, dest any) bool {
	if value == nil {
		return false
	}
	switch d := dest.(type) {
	case *relational.Number:
		return oid == oidBytes && d.Set(value)
	case *relational.Ref:
		return oid == oidBytes && d.Set(value)
	case *[]byte:
		*d = append([]byte(nil), value...)
		return oid == oidBytes || oid == oidText
	case *string:
		*d = string(value)
		return oid == oidBytes || oid == oidText
	}
	switch {
	case oid == oidInt8 && len(value) == 8:
		return relational.SetInteger(dest, int64(binary.BigEndian.Uint64(value)))
	case oid == oidInt4 && len(value) == 4:
		return relational.SetInteger(dest, int64(int32(binary.BigEndian.Uint32(value))))
	case oid == oidBool && len(value) == 1:
		return relational.SetInteger(dest, int64(value[0]))
	}
	return false
}
