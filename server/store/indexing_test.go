package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"parley/server/chat"
	"parley/server/chat/storetest"
	"parley/server/store"
)

// indexerDir names, in the environment of this test's own binary, the folder whose history it shall index, and
// indexerPuts at which page it is killed, as if from outside.
const indexerDir, indexerPuts = "PARLEY_TEST_INDEXER", "PARLEY_TEST_INDEXER_PUTS"

// indexAndDie indexes until it is killed in the middle of an update.
func indexAndDie(dir string) error {
	ctx := context.Background()
	puts, err := strconv.Atoi(os.Getenv(indexerPuts))
	if err != nil {
		return err
	}
	db, err := store.Open(ctx, dir)
	if err != nil {
		return err
	}
	x, err := db.OpenIndex(ctx)
	if err != nil {
		return err
	}
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		return err
	}
	die := func() {
		if err := self.Kill(); err != nil {
			panic(err)
		}
		select {} // until that has happened
	}
	s, err := chat.New(chat.Config{Store: db, Index: &storetest.Dying{Index: x, Puts: puts, Die: die}, Fanout: nobody{}})
	if err != nil {
		return err
	}
	for more := true; more; {
		if more, err = s.IndexMore(ctx); err != nil {
			return err
		}
	}
	return fmt.Errorf("all is indexed before %d pages were put", puts)
}

// A server that is killed while it indexes leaves nothing half done, and the next start completes the index: what was
// edited or taken back meanwhile is not in it, and all else once.
func TestAnIndexIsCompletedAfterTheServerWasKilledInTheMiddle(t *testing.T) {
	dir := t.TempDir()
	people := storetest.NewTalk()
	talk := func() {
		t.Helper()
		db := open(t, dir)
		s, err := newService(db)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		people.On(t, s, 40)
		stop()
		if err := errors.Join(<-ended, db.Close()); err != nil {
			t.Fatal(err)
		}
	}
	for round, puts := range []int{1, 7, 13, 20} {
		talk()
		if round > 1 { // more than one server may be killed
			kill(t, dir, 2)
		}
		kill(t, dir, puts)
		db, x := openIndex(t, dir)
		s, err := chat.New(chat.Config{Store: db, Index: x, Fanout: nobody{}})
		if err != nil {
			t.Fatal(err)
		}
		storetest.IndexAll(t, s)
		storetest.CheckIndex(t, db, x)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// kill lets a server index a history, which is killed as it puts a page.
func kill(t *testing.T, dir string, puts int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), indexerDir+"="+dir, fmt.Sprint(indexerPuts, "=", puts))
	if out, err := cmd.CombinedOutput(); err == nil || len(out) > 0 {
		t.Fatalf("the indexer ended by itself: %v, %s", err, out)
	}
}
