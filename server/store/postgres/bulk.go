package postgres

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// bulk is one statement for many rows: what a batch writes row by row, with the same
// statement each time, takes half as long so.
type bulk struct {
	*pattern
	query   string // of one row
	types   []uint32
	columns []array
	starts  []int          // where in their columns the values of each row begin, if rows are told apart
	at      map[string]int // which row, by the values that tell them apart
	words   string         // for many rows, of typed
	typed   []uint32
}

// maxSpare bounds how much of a bulk is kept for the next one, in bytes of a column.
const maxSpare = 1 << 18

// pattern is how a statement of one row becomes one of many.
type pattern struct {
	table         string
	before, after string // around the parameters' arrays
	key           []int  // which parameters tell rows apart
}

var (
	insertion = regexp.MustCompile(`^(INSERT INTO (\w+) \(([\w, ]+)\)) VALUES \([$\d, ]+\)(?: (ON CONFLICT \(([\w, ]+)\) DO UPDATE .*))?$`)
	update    = regexp.MustCompile(`^UPDATE (\w+) SET ([\w, =$]+) WHERE ([\w =$]+)$`)
	patterns  sync.Map // by statement; nil where it has none
)

// patternOf returns nil for a statement that is for one row.
func patternOf(query string) *pattern {
	if known, ok := patterns.Load(query); ok {
		return known.(*pattern)
	}
	var p *pattern
	if m := insertion.FindStringSubmatch(query); m != nil {
		p = &pattern{table: m[2], before: m[1] + " SELECT * FROM ", after: m[4]}
		columns := strings.Split(m[3], ", ")
		for _, key := range strings.Split(m[5], ", ") {
			for i, column := range columns {
				if column == key {
					p.key = append(p.key, i)
				}
			}
		}
	} else if m := update.FindStringSubmatch(query); m != nil {
		var sets []string
		for i, set := range strings.Split(m[2], ", ") {
			column, _, _ := strings.Cut(set, " = ")
			sets = append(sets, fmt.Sprintf("%s = v.c%d", column, i+1))
		}
		p = &pattern{table: m[1], before: "UPDATE " + m[1] + " SET " + strings.Join(sets, ", ") + " FROM "}
		for i, condition := range strings.Split(m[3], " AND ") {
			column, _, _ := strings.Cut(condition, " = ")
			p.after += fmt.Sprintf("%s %s.%s = v.c%d", [...]string{"WHERE", " AND"}[min(i, 1)], m[1], column, len(sets)+i+1)
			p.key = append(p.key, len(sets)+i)
		}
	}
	patterns.Store(query, p)
	return p
}

// gather keeps a row for a bulk, and reports whether it can: of a statement that has a
// pattern and whose parameters say their types.
func (c *connection) gather(query string, args []any) bool {
	p := patternOf(query)
	if p == nil {
		return false
	}
	for _, arg := range args {
		if _, untyped := arg.(string); untyped {
			return false
		}
	}
	var buffer [64]byte
	key := p.appendKey(buffer[:0], args)
	for _, b := range c.bulks {
		if _, there := b.at[string(key)]; there && b.table == p.table && b.query != query { // one after the other
			c.scatter()
			break
		}
	}
	b := c.bulkOf(p, query, len(args))
	if at, there := b.at[string(key)]; there {
		if b.replace(at, args) {
			return true
		}
		c.scatter()
		b = c.bulkOf(p, query, len(args))
	}
	c.queued += b.add(key, args)
	return true
}

// bulkOf returns the bulk of a statement, to which rows are added.
func (c *connection) bulkOf(p *pattern, query string, columns int) *bulk {
	for _, b := range c.bulks {
		if b.query == query {
			return b
		}
	}
	b := c.spares[query]
	if delete(c.spares, query); b == nil {
		b = &bulk{pattern: p, query: query, types: make([]uint32, columns), columns: make([]array, columns), at: make(map[string]int)}
	}
	c.bulks = append(c.bulks, b)
	return b
}

// appendKey tells a row from others of its table; it adds nothing if nothing does.
func (p *pattern) appendKey(key []byte, args []any) []byte {
	for _, i := range p.key {
		at := len(key)
		if key = append(key, 0); isNull(args[i]) {
			continue
		}
		key, _ = appendValue(key, args[i])
		key[at] = byte(len(key) - at - 1)
	}
	return key
}

// add adds a row, and returns how many bytes it has.
func (b *bulk) add(key []byte, args []any) (size int) {
	if len(key) > 0 {
		b.at[string(key)] = b.columns[0].n
	}
	for i, arg := range args {
		column := &b.columns[i]
		before := len(column.bytes)
		b.types[i] = max(b.types[i], column.add(arg)) // of NULL it is not known
		size += len(column.bytes) - before
		if len(key) > 0 {
			b.starts = append(b.starts, column.from)
		}
	}
	return size
}

// replace puts a row in the place of one that it would replace, and reports whether it could.
func (b *bulk) replace(row int, args []any) bool {
	for i, arg := range args {
		if !b.columns[i].replace(b.starts[row*len(args)+i], arg) {
			return false // what it has put, the next row puts as well
		}
	}
	return true
}

// column is one parameter of all rows.
type column struct {
	bulk *bulk
	at   int
}

var arrayTypes = map[uint32]struct {
	oid  uint32
	name string
}{oidBool: {1000, "boolean"}, oidBytes: {oidBlobs, "bytea"}, oidInt8: {1016, "bigint"}, 0: {oidBlobs, "bytea"}}

func (v column) encode() ([]byte, uint32) {
	t := v.bulk.types[v.at]
	if t == 0 {
		t = oidBytes
	}
	return v.bulk.columns[v.at].encoded(t), arrayTypes[t].oid
}

// scatter queues what was gathered, a statement for each bulk.
func (c *connection) scatter() {
	bulks := c.bulks
	c.bulks = c.bulks[:0]
	for _, b := range bulks {
		args := make([]any, len(b.columns))
		for i := range b.columns {
			args[i] = column{b, i}
		}
		c.add(b.statement(), args, nil)
		c.scattered = append(c.scattered, b)
	}
}

// statement is the one for all rows.
func (b *bulk) statement() string {
	if slices.Equal(b.typed, b.types) {
		return b.words
	}
	var arrays, names []string
	for i, t := range b.types {
		arrays = append(arrays, fmt.Sprintf("$%d::%s[]", i+1, arrayTypes[t].name))
		names = append(names, fmt.Sprintf("c%d", i+1))
	}
	b.words = b.before + "unnest(" + strings.Join(arrays, ", ") + ") AS v(" + strings.Join(names, ", ") + ") " + b.after
	b.typed = slices.Clone(b.types)
	return b.words
}

// spare keeps bulks that were sent for the rows that come next.
func (c *connection) spare() {
	for _, b := range c.scattered {
		most := 0
		for i := range b.columns {
			most = max(most, cap(b.columns[i].bytes))
			b.columns[i].reset()
		}
		clear(b.types)
		clear(b.at)
		if b.starts = b.starts[:0]; most <= maxSpare {
			c.spares[b.query] = b
		}
	}
	c.scattered = c.scattered[:0]
}
