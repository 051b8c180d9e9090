package broker

// queue is packets to be written, in order. The zero value is empty.
type queue struct {
	packets [][]byte // whole ones, shared with other queues: read only
	size    int      // in bytes, with overhead
}

func (q *queue) add(packet []byte) {
	q.packets = append(q.packets, packet)
	q.size += len(packet) + overhead
}

// take takes the first packets, to be written as one message. There must be one.
func (q *queue) take() []byte {
	n, size := 1, len(q.packets[0])
	for n < len(q.packets) && size+len(q.packets[n]) <= batch {
		size += len(q.packets[n])
		n++
	}
	message := q.packets[0]
	if n > 1 {
		message = make([]byte, 0, size)
		for _, packet := range q.packets[:n] {
			message = append(message, packet...)
		}
	}
	q.size -= size + n*overhead
	clear(q.packets[:n])
	q.packets = q.packets[n:]
	if len(q.packets) == 0 {
		q.packets = nil
	}
	return message
}
