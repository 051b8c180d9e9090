package chat_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	pb "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/wasm/chat"
)

// part tells the newest session of a user a part of an answer with n rows.
func (s *server) part(user uint64, since, token string, from, n uint64, more bool) {
	a := &proto.BaseUserUnreadStatics{Epoch: &s.epoch, Token: &token, Since: &since, More: &more}
	for i := range n {
		key := proto.DirectKey(user, 1000+from+i)
		log := []*proto.Message{{
			MessageId: pb.Uint64(from + i + 1), SenderId: pb.Uint64(1000 + from + i), ReceiverId: &user, Content: pb.String("x"),
			CreateTime: pb.Uint64(1), Seq: pb.Uint64(1),
		}}
		a.Conversations = append(a.Conversations, s.state(user, key, log))
	}
	s.sessions[len(s.sessions)-1].down(proto.BranchUnread, marshal(a))
}

// A part comes every 9 s, so that the whole takes longer than any one time-out;
// the connection breaks once in between.
func TestALongAnswerIsNeverStartedOverAndItsProgressIsTold(t *testing.T) {
	clock, s := setup(t)
	s.dropSync = true
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	var progress []int
	const parts = 24
	for i := range uint64(parts) {
		if i == 12 {
			s.cut(nil)
			clock.Run(8 * time.Second)
		}
		since := ""
		if i > 0 {
			since = fmt.Sprint("part ", i-1)
		}
		s.part(alice, since, fmt.Sprint("part ", i), 100*i, 100, i < parts-1)
		clock.Run(time.Second)
		if at := a.connection.Loading; len(progress) == 0 || at != progress[len(progress)-1] {
			progress = append(progress, at)
		}
		clock.Run(8 * time.Second)
	}
	if want := []int{0, 500, 1000, 1500, 2000, 0}; !slices.Equal(progress, want) {
		t.Errorf("told %v, want %v", progress, want)
	}
	// One request at the beginning, and one in the second session, from where the first ended.
	if want := []string{"", "part 11"}; !slices.Equal(s.asked, want) {
		t.Errorf("asked from %q, want %q", s.asked, want)
	}
	if n := len(a.list); n != 100*parts {
		t.Errorf("%d conversations are known", n)
	}
}

func TestALongAnswerThatStopsIsAskedForFromWhereItStopped(t *testing.T) {
	clock, s := setup(t)
	s.dropSync = true
	open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	s.part(alice, "", "part 0", 0, 100, true)
	clock.Run(9 * time.Second)
	if len(s.asked) != 1 {
		t.Errorf("asked from %q while parts still come", s.asked)
	}
	clock.Run(3 * time.Second)
	if want := []string{"", "part 0"}; !slices.Equal(s.asked, want) {
		t.Errorf("asked from %q, want %q", s.asked, want)
	}
}

// Who comes back waits for what is stored, and that is not to wait for the work
// that connecting takes.
func TestWhatIsStoredIsGivenBeforeTheEngineConnects(t *testing.T) {
	clock, s := setup(t)
	store := chat.NewMemory()
	first := openWithGrace(t, s, store)
	clock.Run(20 * time.Millisecond)
	if len(s.sessions) != 1 {
		t.Errorf("%d sessions where nothing is stored, want one at once", len(s.sessions))
	}
	clock.Run(time.Second)
	first.send("hello")
	clock.Run(time.Second)
	first.engine.Close(func() {})
	clock.Run(time.Second)

	for name, test := range map[string]struct {
		asks      bool
		connected time.Duration // after the start at the latest
	}{
		"a page that asks for a timeline": {true, 150 * time.Millisecond},
		"a page that asks for none":       {false, grace + 20*time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			a := openWithGrace(t, s, store)
			clock.Run(10 * time.Millisecond)
			if len(s.sessions) != 0 {
				t.Fatal("it connected at once")
			}
			if test.asks {
				given := false
				a.engine.Timeline(proto.DirectKey(alice, bob).String(), 0, 50, func(timeline chat.Timeline, err error) {
					given = err == nil && len(timeline.Messages) == 1
					if len(s.sessions) != 0 {
						t.Error("it connected before it gave the timeline")
					}
				})
				clock.Run(10 * time.Millisecond)
				if !given {
					t.Error("what is stored was not given")
				}
				clock.Run(50 * time.Millisecond)
				if len(s.sessions) != 0 {
					t.Error("it connected while the page paints")
				}
			}
			clock.Run(test.connected - 20*time.Millisecond)
			if len(s.sessions) != 1 {
				t.Errorf("%d sessions after %v, want 1", len(s.sessions), test.connected)
			}
			a.engine.Close(func() {})
			clock.Run(time.Second)
		})
	}
}

const grace = 300 * time.Millisecond

func openWithGrace(t *testing.T, s *server, store chat.Store) *screen {
	return openWith(t, s, chat.Config{User: alice, Store: store, Grace: grace})
}
