package postgres

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// bulk is one statement for many rows: what a batch writes row by row, with the same
// statement each time, takes half as long so.
type bulk struct {
	*pattern
	query string // of one row
	types []uint32
	rows  [][][]byte
	at    map[string]int // by the values that tell rows apart
}

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
	row, types := make([][]byte, len(args)), make([]uint32, len(args))
	for i, arg := range args {
		if row[i], types[i] = encode(arg); types[i] == 0 && arg != nil {
			return false
		}
	}
	for _, value := range row {
		c.queued += len(value)
	}
	key := p.keyOf(row)
	for _, b := range c.bulks {
		if _, there := b.at[key]; there && b.table == p.table && b.query != query { // one after the other
			c.scatter()
			break
		}
	}
	for _, b := range c.bulks {
		if b.query == query {
			b.add(row, types)
			return true
		}
	}
	b := &bulk{pattern: p, query: query, types: types, at: make(map[string]int)}
	b.add(row, types)
	c.bulks = append(c.bulks, b)
	return true
}

// keyOf tells a row from others of its table; "" if nothing does.
func (p *pattern) keyOf(row [][]byte) string {
	var key []byte
	for _, i := range p.key {
		key = append(append(key, byte(len(row[i]))), row[i]...)
	}
	return string(key)
}

// add adds a row, in the place of one that it would replace.
func (b *bulk) add(row [][]byte, types []uint32) {
	for i, t := range types {
		b.types[i] = max(b.types[i], t) // of NULL it is not known
	}
	if key := b.keyOf(row); key != "" {
		if at, there := b.at[key]; there {
			b.rows[at] = row
			return
		}
		b.at[key] = len(b.rows)
	}
	b.rows = append(b.rows, row)
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
	return encodeArray(t, len(v.bulk.rows), func(i int) []byte { return v.bulk.rows[i][v.at] }), arrayTypes[t].oid
}

// scatter queues what was gathered, a statement for each bulk.
func (c *connection) scatter() {
	bulks := c.bulks
	c.bulks = nil
	for _, b := range bulks {
		var arrays, names []string
		var args []any
		for i, t := range b.types {
			arrays = append(arrays, fmt.Sprintf("$%d::%s[]", i+1, arrayTypes[t].name))
			names = append(names, fmt.Sprintf("c%d", i+1))
			args = append(args, column{b, i})
		}
		c.add(b.before+"unnest("+strings.Join(arrays, ", ")+") AS v("+strings.Join(names, ", ")+") "+b.after, args, nil)
	}
}
