package chat

import (
	"testing"

	"parley/proto"
)

// onePeer is a history in which somebody has one conversation.
type onePeer struct{ View }

func (onePeer) Rev() (uint64, error)   { return 1, nil }
func (onePeer) Epoch() (uint64, error) { return 1, nil }

func (onePeer) Changed(user uint64, _ Services, after uint64, _ int) ([]Change, error) {
	if after > 0 {
		return nil, nil
	}
	return []Change{{Key: proto.DirectKey(user, 1), Rev: 1, Unread: 2}}, nil
}

func TestTotalsThatAreAskedForAgainTakeNoMoreRoom(t *testing.T) {
	var cache totalsCache
	for range 3 {
		for user := uint64(2); user < 6; user++ {
			sum, err := cache.totals(cache.of(user), onePeer{}, user, 0)
			if err != nil || *sum != (Totals{Unread: 2, UnreadConversations: 1}) {
				t.Fatalf("%+v, %v", sum, err)
			}
		}
	}
	if cache.size != 4+4 {
		t.Errorf("4 users and their 4 rows count as %d", cache.size)
	}
}
