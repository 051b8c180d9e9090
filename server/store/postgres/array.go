package postgres

import "encoding/binary"

// texts and blobs are arrays of text and of bytes.
type (
	texts []string
	blobs [][]byte
)

const (
	oidBlobs = 1001
	oidTexts = 1009
)

func (a texts) encode() []byte { return encodeArray(oidText, a) }

func (a blobs) encode() []byte { return encodeArray(oidBytes, a) }

func encodeArray[T string | []byte](oid uint32, elements []T) []byte {
	size := arrayHeader
	for _, e := range elements {
		size += 4 + len(e)
	}
	a := array{bytes: make([]byte, 0, size)}
	for _, e := range elements {
		a.begin()
		a.bytes = append(a.bytes, e...)
		a.end()
	}
	return a.encoded(oid)
}

// arrayHeader is how many bytes stand in front of an array's elements.
const arrayHeader = 20

// array is a one-dimensional array as it is sent (PostgreSQL's array_recv), to which elements are added.
type array struct {
	bytes []byte // the header and the elements, each behind its length
	from  int    // where the last element begins
	n     int
	nulls bool
}

// begin begins an element: what is added to bytes from here to end.
func (a *array) begin() {
	if len(a.bytes) == 0 {
		a.bytes = append(a.bytes, make([]byte, arrayHeader)...)
	}
	a.bytes = append(a.bytes, 0, 0, 0, 0)
	a.from = len(a.bytes)
	a.n++
}

func (a *array) end() { binary.BigEndian.PutUint32(a.bytes[a.from-4:], uint32(len(a.bytes)-a.from)) }

// null is the length of an element that is NULL.
const null = 1<<32 - 1

func isNull(value any) bool {
	b, bytes := value.([]byte)
	return value == nil || bytes && b == nil
}

// add adds a value and returns its type; nil is NULL, of which that is not known.
func (a *array) add(value any) (oid uint32) {
	a.begin()
	if isNull(value) {
		a.nulls = true
		binary.BigEndian.PutUint32(a.bytes[a.from-4:], null)
		return 0
	}
	a.bytes, oid = appendValue(a.bytes, value)
	a.end()
	return oid
}

// replace puts a value in the place of the one that begins there, and reports whether it could: if
// both are as long.
func (a *array) replace(from int, value any) bool {
	length := binary.BigEndian.Uint32(a.bytes[from-4:])
	if isNull(value) || length == null {
		return isNull(value) && length == null
	}
	var buffer [64]byte
	b, _ := appendValue(buffer[:0], value)
	return len(b) == int(length) && copy(a.bytes[from:], b) == len(b)
}

// encoded is the array of elements of a type.
func (a *array) encoded(oid uint32) []byte {
	if a.n == 0 {
		return binary.BigEndian.AppendUint32(make([]byte, 8, 12), oid) // no dimension
	}
	header := binary.BigEndian.AppendUint32(a.bytes[:0], 1) // dimension
	if header = append(header, 0, 0, 0, 0); a.nulls {
		header[7] = 1
	}
	header = binary.BigEndian.AppendUint32(header, oid)
	header = binary.BigEndian.AppendUint32(header, uint32(a.n))
	binary.BigEndian.AppendUint32(header, 1) // where it begins
	return a.bytes
}

// reset makes the array empty.
func (a *array) reset() { *a = array{bytes: a.bytes[:0]} }
