package store_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/proto"
	"parley/server/chat"
)

// earlier opens a history that an earlier version of the schema kept.
func earlier(t *testing.T, version int) chat.Store {
	t.Helper()
	script, err := os.ReadFile(filepath.Join("testdata", fmt.Sprintf("version%d.sql", version)))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	execute(t, filepath.Join(dir, "parley.db"), string(script))
	return open(t, dir)
}

// What version 1 kept is there, and what it did not keep follows from the log
// as if it had been kept all along.
func TestAHistoryOfVersion1IsCarriedOver(t *testing.T) {
	db := earlier(t, 1)
	err := db.View(t.Context(), func(v chat.View) error {
		for key, heads := range map[proto.Key]uint64{
			proto.DirectKey(3, 5): 4, proto.DirectKey(1<<63, 1<<64-1): 3, proto.DirectKey(3, 1<<64-1): 2,
		} {
			c, err := v.Conversation(key)
			if err != nil {
				return err
			}
			entries, err := v.Entries(key, 0, 0, 100, false)
			if err != nil {
				return err
			}
			if uint64(len(entries)) != heads {
				t.Errorf("%s has %d entries, want %d", key, len(entries), heads)
			}
			want := chat.Conversation{Key: key, Head: heads, Min: 1, Time: entries[len(entries)-1].CreateTime, Counted: [2]uint64{heads, heads}, Status: standing(t, entries)}
			if diff := cmp.Diff(want, c, cmp.Comparer(func(x, y proto.Key) bool { return x == y })); diff != "" {
				t.Errorf("%s (-want +got):\n%s", key, diff)
			}
			for _, user := range []uint64{key.User(proto.First), key.User(proto.Second)} {
				m, err := v.Member(key, user)
				if err != nil {
					return err
				}
				own, seen := counts(entries, user, m.Read)
				if m.Own != own || m.Seen != seen || m.Rev == 0 || m.Delivered < m.Read {
					t.Errorf("%s: %+v, want own %d, seen %d", key, m, own, seen)
				}
			}
		}
		zoe, err := v.User(1<<64 - 1)
		if zoe != (chat.User{ID: 1<<64 - 1, Name: "Zoë", Wrote: true}) {
			t.Errorf("user %+v", zoe)
		}
		if rev, err := v.Rev(); rev != 24 || err != nil {
			t.Errorf("rev %d, error %v", rev, err)
		}
		if epoch, err := v.Epoch(); epoch != 0x201e552b93e32586 || err != nil {
			t.Errorf("the epoch is %x, error %v", epoch, err)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Names were folded in another way once, and found by no index.
func TestPeopleOfEarlierVersionsAreFound(t *testing.T) {
	for version, wanted := range map[int]map[string]string{
		1: {"zoe": "Zoë", "ZO": "Zoë", "": " Ada Zoë", "18446744073709551615": "Zoë"},
		2: {"ann": "Ann", "": "Ada Ann Bob"},
	} {
		db := earlier(t, version)
		for text, want := range wanted {
			var names []string
			err := db.View(t.Context(), func(v chat.View) error {
				users, err := v.Users(chat.UserQuery{Text: text, Limit: 100})
				for _, u := range users {
					names = append(names, u.Name)
				}
				return err
			})
			if got := strings.Join(names, " "); got != want || err != nil {
				t.Errorf("in version %d %q finds %q, want %q, error %v", version, text, got, want, err)
			}
		}
	}
}

// standing folds a whole log.
func standing(t *testing.T, entries []chat.Entry) (s proto.ConversationStatus) {
	t.Helper()
	var events []proto.Event
	for _, e := range entries {
		m := new(proto.Message)
		if err := proto.Unmarshal(e.Body, m); err != nil {
			t.Fatal(err)
		}
		err := s.Add(proto.Direct, m.Event(), func(of proto.Side, after uint64) (uint64, uint64, error) {
			for _, x := range events {
				if x.Side == of && x.Seq > after {
					return x.Seq, x.Time, nil
				}
			}
			return 0, 0, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, m.Event())
	}
	return s
}

func counts(entries []chat.Entry, user, read uint64) (own, seen uint64) {
	for _, e := range entries {
		if e.Sender == user {
			own++
		} else if e.Seq <= read {
			seen++
		}
	}
	return own, seen
}

func TestAHistoryOfVersion1GoesOn(t *testing.T) {
	db := earlier(t, 1)
	service, err := newService(db)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := message(3, "go on")
	if err != nil {
		t.Fatal(err)
	}
	request, err := service.Prepare(chat.Sender{User: 5}, proto.BranchMessage, payload, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r := service.Commit(context.Background(), []chat.Request{request})[0]; r.Err != nil || r.Receipt.Seq != 5 {
		t.Errorf("%+v", r)
	}
	answer, err := service.Conversations(t.Context(), chat.Sender{User: 3}, "v1.2314380904168105350.24") // of version 1
	if err != nil {
		t.Fatal(err)
	}
	if rows := answer.GetConversations(); len(rows) != 1 || rows[0].GetUnread() != 1 || rows[0].GetAwaitingSeq() != 0 {
		t.Errorf("rows %v", rows)
	}
}

// Version 2 kept watermarks without when they rose, which stays unknown until
// they rise again; all else is as it was.
func TestWhenWatermarksOfVersion2RoseIsUnknown(t *testing.T) {
	db := earlier(t, 2)
	const customer, agent = 3, 1<<63 + 50
	direct, service := proto.DirectKey(3, 5), proto.ServiceKey(customer, proto.ServiceType_SERVICE_TYPE_SUPPORT)
	err := db.View(t.Context(), func(v chat.View) error {
		for _, want := range []chat.Member{
			{Key: direct, User: 3, Rev: 6, Own: 2},
			{Key: direct, User: 5, Rev: 5, Read: 1, Delivered: 2, Seen: 1},
			{Key: service, User: customer, Rev: 15, Read: 2, Delivered: 2, Own: 1, Seen: 1},
			{Key: service, User: agent, Rev: 12, Read: 1, Delivered: 1, Own: 1, Seen: 1},
		} {
			if m, err := v.Member(want.Key, want.User); m != want || err != nil {
				t.Errorf("%+v, error %v, want %+v", m, err, want)
			}
		}
		c, err := v.Conversation(service)
		// Of what was answered nothing is unread to an agent who comes.
		if c.Head != 2 || c.ServiceRead != 1 || c.ServiceDelivered != 1 || c.ServiceReadTime != 0 || c.ServiceDeliveredTime != 0 || c.Past != 2 {
			t.Errorf("%+v", c)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	row := risen(t, db, chat.Sender{User: agent, Services: []proto.ServiceType{proto.ServiceType_SERVICE_TYPE_SUPPORT}}, service, chat.Sender{User: customer})
	if row.GetPeerReadSeq() != 2 || row.GetPeerReadTime() == 0 || row.GetPeerDeliveredTime() != row.GetPeerReadTime() {
		t.Errorf("the customer is told %v", row)
	}
	row = risen(t, db, chat.Sender{User: 5}, direct, chat.Sender{User: 3})
	if row.GetPeerReadSeq() != 2 || row.GetPeerReadTime() == 0 || row.PeerDeliveredTime != nil {
		t.Errorf("user 3 is told %v, but only the read watermark rose", row)
	}
}

// Who knows whom, and who came only as a customer, follows from the log.
func TestWhomPeopleOfVersion2Find(t *testing.T) {
	db := earlier(t, 2)
	err := db.View(t.Context(), func(v chat.View) error {
		for user, known := range map[uint64][]uint64{3: {5}, 5: {3}, 1<<63 + 50: nil} {
			found, err := v.Users(chat.UserQuery{Viewer: user, Known: true, Limit: 10})
			if err != nil {
				return err
			}
			var ids []uint64
			for _, u := range found {
				ids = append(ids, u.ID)
			}
			if !slices.Equal(ids, known) {
				t.Errorf("user %d knows %v, want %v", user, ids, known)
			}
		}
		for id, want := range map[uint64]chat.User{3: {Wrote: true, Customer: 1 << proto.ServiceType_SERVICE_TYPE_SUPPORT}, 5: {}} {
			if u, err := v.User(id); err != nil || u.Wrote != want.Wrote || u.Customer != want.Customer {
				t.Errorf("%+v, error %v, want %+v", u, err, want)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Until version 4 nobody noted when an agent's token expires: as long as this
// server's own live, they stay.
func TestAgentsOfVersion2StayUntilTheirTokensMustHaveExpired(t *testing.T) {
	db := earlier(t, 2)
	err := db.View(t.Context(), func(v chat.View) error {
		ending, err := v.Ending(9)
		if len(ending) != 1 || ending[0].Name != "Ann" || ending[0].ServicesSince != 0 || ending[0].Revoked != 0 || ending[0].Blocked {
			t.Errorf("agents %+v", ending)
			return err
		}
		left := time.Until(time.UnixMilli(int64(ending[0].ServicesUntil)))
		if left < 29*24*time.Hour || left > 30*24*time.Hour {
			t.Errorf("Ann stays for %v", left)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// risen lets somebody read up to 2, and returns what the other side is told.
func risen(t *testing.T, db chat.Store, reader chat.Sender, key proto.Key, other chat.Sender) *proto.ConversationState {
	t.Helper()
	s, err := newService(db)
	if err != nil {
		t.Fatal(err)
	}
	name, two := key.String(), uint64(2)
	payload, err := proto.Marshal(&proto.Mark{Key: &name, ReadSeq: &two})
	if err != nil {
		t.Fatal(err)
	}
	request, err := s.Prepare(reader, proto.BranchMark, payload, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r := s.Commit(t.Context(), []chat.Request{request})[0]; r.Err != nil {
		t.Fatal(r.Err)
	}
	answer, err := s.Conversations(t.Context(), other, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range answer.GetConversations() {
		if row.GetKey() == name {
			return row
		}
	}
	t.Fatalf("user %d is told nothing of %s", other.User, name)
	return nil
}

// Version 3 kept counts with conversations and members alone. Those that stand
// with each message since are what they would be had they always been kept.
func TestTheMessagesOfVersion3GetTheirCounts(t *testing.T) {
	db := earlier(t, 3)
	direct, service := proto.DirectKey(3, 5), proto.ServiceKey(3, proto.ServiceType_SERVICE_TYPE_SUPPORT)
	err := db.View(t.Context(), func(v chat.View) error {
		for key, head := range map[proto.Key]int{direct: 5, service: 8} {
			entries, err := v.Entries(key, 0, 0, 100, false)
			if err != nil {
				return err
			}
			if len(entries) != head {
				t.Errorf("%s has %d entries, want %d", key, len(entries), head)
			}
			var counted [2]uint64
			own := make(map[uint64]uint64)
			for _, e := range entries {
				for side := range counted {
					if key.Counts(e.Type, key.User(proto.Side(side))) {
						counted[side]++
					}
				}
				if key.Counts(e.Type, e.Sender) {
					own[e.Sender]++
				}
				if e.Counted != counted || e.Own != own[e.Sender] {
					t.Errorf("%s %d: counted %v, own %d, want %v, %d", key, e.Seq, e.Counted, e.Own, counted, own[e.Sender])
				}
			}
			c, err := v.Conversation(key)
			if newest := entries[head-1].CreateTime; c.Counted != counted || c.Time != newest || err != nil {
				t.Errorf("%s: %+v, error %v, its messages have counted %v until %d", key, c, err, counted, newest)
			}
			for user, n := range own {
				if m, err := v.Member(key, user); m.Own != n || err != nil {
					t.Errorf("%s: user %d has %d own, the messages %d, error %v", key, user, m.Own, n, err)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := newService(db)
	if err != nil {
		t.Fatal(err)
	}
	const ann, ben = 1<<63 + 50, 60
	for user, want := range map[uint64]map[proto.Key]uint64{
		3: {direct: 2, service: 1}, 5: {direct: 1}, ann: {service: 4}, ben: {service: 3},
	} {
		who := chat.Sender{User: user}
		if user == ann || user == ben {
			who.Services = []proto.ServiceType{proto.ServiceType_SERVICE_TYPE_SUPPORT}
		}
		answer, err := s.Conversations(t.Context(), who, "")
		if err != nil {
			t.Fatal(err)
		}
		got := make(map[proto.Key]uint64)
		for _, row := range answer.GetConversations() {
			key, err := proto.ParseKey(row.GetKey())
			if err != nil {
				t.Fatal(err)
			}
			got[key] = row.GetUnread()
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("unread to %d (-want +got):\n%s", user, diff)
		}
	}
}
