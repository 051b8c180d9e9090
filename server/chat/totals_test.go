package chat_test

import (
	"context"
	"testing"

	"parley/proto"
	"parley/server/chat"
)

// measured is a Store that notes the most rows that a Scan asks for, and how
// many scans there are.
type measured struct {
	chat.Store
	scans, most int
}

func (m *measured) Scan(ctx context.Context, read func(chat.View) error) error {
	m.scans++
	return m.Store.Scan(ctx, func(v chat.View) error {
		asked := 0
		err := read(measuredView{v, &asked})
		m.most = max(m.most, asked)
		return err
	})
}

type measuredView struct {
	chat.View
	asked *int
}

func (v measuredView) Changed(user uint64, services chat.Services, after uint64, limit int) ([]chat.Change, error) {
	*v.asked += limit
	return v.View.Changed(user, services, after, limit)
}

// Whoever has many conversations holds no scan for long: what their totals are
// made of is read in parts, and only once.
func TestTotalsOfManyConversationsAreReadInParts(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		const peers = 2500
		m := &measured{Store: s}
		b := prepared(t, m)
		receive := func(from, to uint64) {
			var batch []chat.Request
			for peer := from; peer < to; peer++ {
				request, err := b.Prepare(chat.Sender{User: 1000 + peer}, proto.BranchMessage, encode(t, text(ada, "x")), nil)
				if err != nil {
					t.Fatal(err)
				}
				batch = append(batch, request)
			}
			for _, r := range b.Commit(t.Context(), batch) {
				if r.Err != nil {
					t.Fatal(r.Err)
				}
			}
		}
		receive(0, peers)
		token, total := "", uint64(0)
		catchUp := func() {
			for more := true; more; {
				page, err := b.Conversations(t.Context(), chat.Sender{User: ada}, token)
				if err != nil {
					t.Fatal(err)
				}
				if page.GetMore() && page.TotalUnread != nil {
					t.Error("totals stand in a page that others follow")
				}
				token, more, total = page.GetToken(), page.GetMore(), page.GetTotalUnread()
			}
		}
		catchUp()
		same(t, "unread", total, uint64(peers))
		const most = 4 * proto.MaxStates
		if m.most > most {
			t.Errorf("one scan asks for %d rows, want %d at most", m.most, most)
		}
		receive(peers-2, peers+1)
		m.scans = 0
		catchUp()
		same(t, "unread, two more in conversations that there were and one in a new one", total, uint64(peers+3))
		same(t, "scans for what is new", m.scans, 1)
	})
}
