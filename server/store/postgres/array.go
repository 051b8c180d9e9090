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

func (a texts) encode() []byte {
	return encodeArray(oidText, len(a), func(i int) []byte { return []byte(a[i]) })
}

func (a blobs) encode() []byte {
	return encodeArray(oidBytes, len(a), func(i int) []byte { return a[i] })
}

// encodeArray writes a one-dimensional array, of which a nil element is NULL (PostgreSQL's
// array_recv).
func encodeArray(oid uint32, n int, element func(i int) []byte) []byte {
	dimensions, nulls, size := uint32(1), uint32(0), 20
	if n == 0 {
		dimensions = 0
	}
	for i := range n {
		e := element(i)
		size += 4 + len(e)
		if e == nil {
			nulls = 1
		}
	}
	to := binary.BigEndian.AppendUint32(make([]byte, 0, size), dimensions)
	to = binary.BigEndian.AppendUint32(to, nulls)
	to = binary.BigEndian.AppendUint32(to, oid)
	if n == 0 {
		return to
	}
	to = binary.BigEndian.AppendUint32(to, uint32(n))
	to = binary.BigEndian.AppendUint32(to, 1)
	for i := range n {
		e := element(i)
		if e == nil {
			to = binary.BigEndian.AppendUint32(to, 1<<32-1)
			continue
		}
		to = append(binary.BigEndian.AppendUint32(to, uint32(len(e))), e...)
	}
	return to
}
