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
	return encodeArray(oidText, len(a), func(i int, to []byte) []byte { return append(to, a[i]...) })
}

func (a blobs) encode() []byte {
	return encodeArray(oidBytes, len(a), func(i int, to []byte) []byte { return append(to, a[i]...) })
}

// encodeArray writes a one-dimensional array without NULLs (PostgreSQL's array_recv).
func encodeArray(oid uint32, n int, element func(i int, to []byte) []byte) []byte {
	dimensions := uint32(1)
	if n == 0 {
		dimensions = 0
	}
	to := binary.BigEndian.AppendUint32(nil, dimensions)
	to = binary.BigEndian.AppendUint32(to, 0)
	to = binary.BigEndian.AppendUint32(to, oid)
	if n == 0 {
		return to
	}
	to = binary.BigEndian.AppendUint32(to, uint32(n))
	to = binary.BigEndian.AppendUint32(to, 1)
	for i := range n {
		at := len(to)
		to = element(i, append(to, 0, 0, 0, 0))
		binary.BigEndian.PutUint32(to[at:], uint32(len(to)-at-4))
	}
	return to
}
