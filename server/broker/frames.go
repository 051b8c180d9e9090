package broker

import "encoding/binary"

// frames follows the frames of a WebSocket's client through its bytes (RFC 6455,
// section 5.2). The library answers control frames, and passes over empty ones,
// without anybody else getting to know.
type frames struct {
	header  [14]byte
	have    int    // bytes of header
	payload uint64 // bytes that are left of it
}

// count returns how many frames began in the next bytes, and how many of those were
// idle: ping, pong, close or empty.
func (f *frames) count(p []byte) (began, idle int) {
	for len(p) > 0 {
		if f.payload > 0 {
			n := min(f.payload, uint64(len(p)))
			f.payload -= n
			p = p[n:]
			continue
		}
		f.header[f.have] = p[0]
		f.have++
		p = p[1:]
		if f.have < f.size() {
			continue
		}
		f.have, f.payload = 0, f.length()
		began++
		if f.payload == 0 || f.header[0]&8 != 0 { // of the opcode: a control frame
			idle++
		}
	}
	return began, idle
}

// size is how many bytes header has in all, as far as that is known.
func (f *frames) size() int {
	size := 2
	if f.have < size {
		return size
	}
	switch f.header[1] & 0x7F {
	case 126:
		size += 2
	case 127:
		size += 8
	}
	if f.header[1]&0x80 != 0 { // masked
		size += 4
	}
	return size
}

// length is how many bytes follow the header.
func (f *frames) length() uint64 {
	switch n := f.header[1] & 0x7F; n {
	case 126:
		return uint64(binary.BigEndian.Uint16(f.header[2:]))
	case 127:
		return binary.BigEndian.Uint64(f.header[2:])
	default:
		return uint64(n)
	}
}
