package chat

import (
	"encoding/binary"
	"errors"

	"parley/proto"
)

// What the store keeps of a conversation, in Row.State: the watermarks that
// the server is known to have (two uvarints, delivered and read), then an
// encoded proto.ConversationState as of unread.head.

// row encodes a conversation for the store.
func (c *conversation) row() (Row, error) {
	count, exact := c.unread.total(c.mine.read)
	read := c.mine.read
	if !exact {
		read = c.unread.read
	}
	state, err := proto.Marshal(&proto.ConversationState{
		Key:              &c.name,
		HeadSeq:          &c.head,
		ReadSeq:          &c.mine.read,
		DeliveredSeq:     &c.mine.delivered,
		PeerReadSeq:      &c.peer.read,
		PeerDeliveredSeq: &c.peer.delivered,
		Unread:           &count,
		WaitingSince:     &c.waiting.since,
		AwaitingSince:    &c.waiting.awaiting,
		Last:             c.last,
		PeerName:         &c.peerName,
	})
	if err != nil {
		return Row{}, err
	}
	var b []byte
	for _, n := range []uint64{c.acked.delivered, c.acked.read, c.min, read} {
		b = binary.AppendUvarint(b, n)
	}
	return Row{Key: c.name, State: append(b, state...), Ranges: c.stored}, nil
}

var errRow = errors.New("a conversation's record in this browser is damaged")

// restore makes a conversation from what row encoded.
func restore(r Row) (*conversation, error) {
	key, err := proto.ParseKey(r.Key)
	if err != nil {
		return nil, errRow
	}
	b := r.State
	var numbers [4]uint64
	for i := range numbers {
		n, size := binary.Uvarint(b)
		if size <= 0 {
			return nil, errRow
		}
		numbers[i], b = n, b[size:]
	}
	s := new(proto.ConversationState)
	if err := proto.Unmarshal(b, s); err != nil {
		return nil, errRow
	}
	c := &conversation{
		name: r.Key, key: key, head: s.GetHeadSeq(), min: numbers[2],
		stored:   r.Ranges,
		mine:     marks{s.GetDeliveredSeq(), s.GetReadSeq()},
		acked:    marks{numbers[0], numbers[1]},
		peer:     marks{s.GetPeerDeliveredSeq(), s.GetPeerReadSeq()},
		unread:   unread{head: s.GetHeadSeq(), read: numbers[3], count: s.GetUnread()},
		waiting:  waitingTimes{s.GetWaitingSince(), s.GetAwaitingSince()},
		peerName: s.GetPeerName(), introduced: s.GetPeerName() != "", last: s.GetLast(),
	}
	return c, nil
}
