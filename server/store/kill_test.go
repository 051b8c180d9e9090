package store_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"parley/proto"
	"parley/server/chat"
	"parley/server/store"
)

// writerDir names, in the environment of this test's own binary, the folder
// that it shall write messages to until it is killed.
const writerDir = "PARLEY_TEST_WRITER"

func TestMain(m *testing.M) {
	for name, work := range map[string]func(string) error{writerDir: write, indexerDir: indexAndDie} {
		if dir := os.Getenv(name); dir != "" {
			if err := work(dir); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			return
		}
	}
	os.Exit(m.Run())
}

type nobody struct{}

func (nobody) Publish(uint64, proto.Branch, []byte) {}

func (nobody) PublishTo(context.Context, uint64, string, proto.Branch, []byte) error { return nil }

func newService(s chat.Store) (*chat.Service, error) {
	return chat.New(chat.Config{Store: s, Fanout: nobody{}})
}

func message(to uint64, content string) ([]byte, error) {
	return proto.Marshal(&proto.Message{
		MessageId: new(uint64), SenderId: new(uint64), CreateTime: new(uint64), ReceiverId: &to, Content: &content,
	})
}

// write sends messages through a service from many goroutines, for ever, and
// prints a line "sender seq id" for each that was acknowledged.
func write(dir string) error {
	db, err := store.Open(context.Background(), dir)
	if err != nil {
		return err
	}
	service, err := newService(db)
	if err != nil {
		return err
	}
	ctx := context.Background()
	failed := make(chan error, 17)
	go func() { failed <- service.Run(ctx) }()
	lines := make(chan string)
	for sender := range uint64(16) {
		payload, err := message(1000, "hello")
		if err != nil {
			return err
		}
		go func() {
			for {
				r, err := service.Publish(ctx, chat.Sender{User: 1 + sender}, proto.BranchMessage, payload, nil)
				if err != nil {
					failed <- err
					return
				}
				lines <- fmt.Sprintln(1+sender, r.Seq, r.MessageID)
			}
		}()
	}
	for {
		select {
		case line := <-lines:
			if _, err := os.Stdout.WriteString(line); err != nil {
				return err
			}
		case err := <-failed:
			return err
		}
	}
}

func TestNoAcknowledgedMessageIsLostWhenTheServerIsKilled(t *testing.T) {
	dir := t.TempDir()
	for round := range 3 { // the second server begins with what a killed one left
		acknowledged := killWriter(t, dir, 500)
		if all, _ := findings(t, dir); len(all) != 0 {
			t.Errorf("round %d: a check finds %q", round, all)
		}
		db := open(t, dir)
		service, err := newService(db)
		if err != nil {
			t.Fatal(err)
		}
		for sender, ids := range acknowledged {
			for seq, id := range ids {
				page, err := service.Messages(t.Context(), chat.Sender{User: sender}, proto.DirectKey(sender, 1000), chat.Window{After: seq - 1, Before: seq + 1, Limit: 1})
				if err != nil {
					t.Fatal(err)
				}
				if len(page.Entries) != 1 || page.Entries[0].ID != id {
					t.Errorf("round %d: message %d, acknowledged as seq %d, is lost: %v", round, id, seq, page.Entries)
				}
			}
			dense(t, db, sender)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// killWriter starts a writer, kills it once it has acknowledged that many, and
// returns message ids by sender and seq.
func killWriter(t *testing.T, dir string, many int) map[uint64]map[uint64]uint64 {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), writerDir+"="+dir)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ids := make(map[uint64]map[uint64]uint64)
	for lines := bufio.NewScanner(stdout); lines.Scan(); many-- {
		var sender, seq, id uint64
		if _, err := fmt.Sscan(lines.Text(), &sender, &seq, &id); err != nil {
			break // cut off by the kill
		}
		if ids[sender] == nil {
			ids[sender] = make(map[uint64]uint64)
		}
		ids[sender][seq] = id
		if many == 0 {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || many > 0 {
		t.Fatalf("the writer ended by itself: %v", err)
	}
	return ids
}

// dense checks that a conversation has every seq up to its head.
func dense(t *testing.T, db chat.Store, sender uint64) {
	t.Helper()
	key := proto.DirectKey(sender, 1000)
	err := db.View(t.Context(), func(v chat.View) error {
		c, err := v.Conversation(key)
		if err != nil {
			return err
		}
		for next := uint64(1); next <= c.Head; {
			entries, err := v.Entries(key, next-1, 0, proto.MaxPage, false)
			if err != nil {
				return err
			}
			if len(entries) == 0 {
				return fmt.Errorf("seq %d is missing, the head is %d", next, c.Head)
			}
			for _, e := range entries {
				if e.Seq != next {
					return fmt.Errorf("seq %d stands where %d should", e.Seq, next)
				}
				next++
			}
		}
		return nil
	})
	if err != nil {
		t.Errorf("sender %d: %v", sender, err)
	}
}
