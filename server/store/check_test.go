package store_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/server/chat"
	"parley/server/store"
)

// findings runs a check.
func findings(t *testing.T, dir string) (all []string, checked store.Checked) {
	t.Helper()
	checked, err := store.Check(t.Context(), dir, func(finding string) { all = append(all, finding) })
	if err != nil {
		t.Fatal(err)
	}
	return all, checked
}

const (
	checkedCustomer, checkedAgent, otherAgent = 3, 1<<63 + 50, 1<<63 + 51
)

// lived fills a folder with a history of everything: two users and a service,
// entries of people and control entries, marks, and an agent who wrote nothing.
func lived(t *testing.T, dir string) {
	t.Helper()
	f := newFilling(t, dir)
	support := proto.ServiceType_SERVICE_TYPE_SUPPORT
	service := proto.ServiceKey(checkedCustomer, support).String()
	commit := func(user uint64, branch proto.Branch, m protobuf.Message) {
		t.Helper()
		from := chat.Sender{User: user}
		if user > 1<<63 {
			from.Services = []proto.ServiceType{support}
		}
		f.commit(from, branch, m)
	}
	serve := func(user uint64, kind proto.MessageType, content string) {
		commit(user, proto.BranchService, &proto.ServiceMessage{
			MessageId: new(uint64), UserId: protobuf.Uint64(checkedCustomer), ServiceType: &support, MessageType: &kind, Content: &content,
			CreateDate: new(uint64), Direction: new(proto.ServiceMessageDirection),
		})
	}
	err := f.db.Update(t.Context(), func(tx chat.Tx) error {
		for _, agent := range []uint64{checkedAgent, otherAgent} {
			if err := tx.PutUser(chat.User{ID: agent, Name: "Agent", Services: chat.ServicesOf([]proto.ServiceType{support})}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint64(40) {
		from, to := 3+2*(i%2), 5-2*(i%2)
		content := strings.Repeat("x", int(i*i%1000*10)+1) // some need overflow pages
		commit(from, proto.BranchMessage, &proto.Message{
			MessageId: new(uint64), SenderId: new(uint64), CreateTime: new(uint64), ReceiverId: &to, Content: &content,
		})
		serve(checkedCustomer, proto.MessageType_MESSAGE_TYPE_TEXT, "help")
	}
	// Who is told of nothing before it is answered has nothing to be kept.
	commit(otherAgent, proto.BranchMark, &proto.Mark{Key: &service, DeliveredSeq: protobuf.Uint64(40)})
	serve(checkedAgent, proto.MessageType_MESSAGE_TYPE_CLAIM, "")
	serve(checkedAgent, proto.MessageType_MESSAGE_TYPE_NOTE, "a note")
	serve(checkedAgent, proto.MessageType_MESSAGE_TYPE_TEXT, "yes?")
	speak := func(target uint64, kind proto.MessageType, content string) {
		commit(3, proto.BranchMessage, &proto.Message{
			MessageId: new(uint64), SenderId: new(uint64), CreateTime: new(uint64), ReceiverId: protobuf.Uint64(5), Content: &content,
			MessageType: &kind, TargetSeq: &target,
		})
	}
	speak(39, proto.MessageType_MESSAGE_TYPE_EDIT, "edited")
	speak(39, proto.MessageType_MESSAGE_TYPE_REACT, "👍")
	speak(1, proto.MessageType_MESSAGE_TYPE_RECALL, "")
	direct := proto.DirectKey(3, 5).String()
	for _, m := range []struct {
		user            uint64
		key             string
		delivered, read uint64
	}{{3, direct, 30, 20}, {5, direct, 40, 40}, {otherAgent, service, 43, 42}, {checkedCustomer, service, 43, 43}} {
		commit(m.user, proto.BranchMark, &proto.Mark{Key: &m.key, DeliveredSeq: &m.delivered, ReadSeq: &m.read})
	}
	f.close()
}

func TestAHistoryOfEverythingIsSoundAlsoWhileItIsInUse(t *testing.T) {
	dir := t.TempDir()
	lived(t, dir)
	want := store.Checked{Conversations: 2, Members: 5, Entries: 86, Users: 2}
	if all, checked := findings(t, dir); len(all) != 0 || checked != want {
		t.Errorf("%+v, want %+v, findings %q", checked, want, all)
	}
	db := open(t, dir)
	if err := db.Update(t.Context(), func(tx chat.Tx) error { return tx.PutUser(chat.User{ID: 9, Name: "Ada"}) }); err != nil {
		t.Fatal(err)
	}
	want.Users = 3
	if all, checked := findings(t, dir); len(all) != 0 || checked != want {
		t.Errorf("beside a server: %+v, want %+v, findings %q", checked, want, all)
	}
	if err := db.Verify(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestHistoriesOfEarlierVersionsAreSound(t *testing.T) {
	for version := 1; version <= 2; version++ {
		dir := t.TempDir()
		script, err := os.ReadFile(filepath.Join("testdata", fmt.Sprintf("version%d.sql", version)))
		if err != nil {
			t.Fatal(err)
		}
		execute(t, filepath.Join(dir, store.FileName), string(script))
		if _, err := store.Check(t.Context(), dir, func(string) {}); err == nil || !strings.Contains(err.Error(), "start the server once") {
			t.Errorf("version %d before it is brought up to date: %v", version, err)
		}
		db, err := store.Open(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if all, checked := findings(t, dir); len(all) != 0 || checked.Entries == 0 {
			t.Errorf("version %d: %+v, findings %q", version, checked, all)
		}
	}
}

func TestCheckFindsWhatDoesNotFit(t *testing.T) {
	sound := t.TempDir()
	lived(t, sound)
	const direct, service = "(SELECT id FROM conversations WHERE key LIKE 'd:%')", "(SELECT id FROM conversations WHERE key LIKE 's:%')"
	seq := func(n int) string { return fmt.Sprintf("x'%016x'", n) }
	for name, test := range map[string]struct{ statement, finding string }{
		"an entry missing":             {"DELETE FROM messages WHERE seq = " + seq(7) + " AND conversation = " + direct, "d:3:5: entries 7 to 7 are missing"},
		"the first entry missing":      {"DELETE FROM messages WHERE seq = " + seq(1) + " AND conversation = " + direct, "d:3:5: its first entry is 2 and should be 1"},
		"the last entries missing":     {"DELETE FROM messages WHERE seq > " + seq(38) + " AND conversation = " + direct, "d:3:5: its last entry is 38 and should be 43"},
		"all entries missing":          {"DELETE FROM messages WHERE conversation = " + direct, "d:3:5: entries 1 to 43 are missing"},
		"a conversation missing":       {"DELETE FROM conversations WHERE key LIKE 's:%'", "there are 86 entries, and 43 of conversations"},
		"a conversation's key damaged": {"UPDATE conversations SET key = 'd:5:3' WHERE key LIKE 'd:%'", `"d:5:3": its key is damaged`},
		"a head too high":              {"UPDATE conversations SET head = " + seq(44) + " WHERE key LIKE 'd:%'", "its last entry is 43 and should be 44"},
		"a count of a conversation":    {"UPDATE conversations SET b_counted = b_counted + 1 WHERE key LIKE 'd:%'", "40 and 40 of its entries count as unread, and 40 and 41 are noted"},
		"a count of what is past":      {"UPDATE conversations SET gone = gone + 1 WHERE key LIKE 's:%'", "42 of its entries are past for an agent who comes, and 43 are noted"},
		"a count of own entries":       {"UPDATE members SET own = own - 1 WHERE user_id = " + seq(5), "user 5 wrote 20 entries that count, and 19 are noted"},
		"a count of read entries":      {"UPDATE members SET seen = seen + 1 WHERE user_id = x'8000000000000033'", "user 9223372036854775859 read 41 entries of others, and 42 are noted"},
		"a watermark beyond the end":   {"UPDATE members SET delivered_seq = " + seq(99) + " WHERE conversation = " + direct + " AND user_id = " + seq(5), "user 5 read up to 40 and was delivered up to 99, of 43"},
		"read, but never delivered":    {"UPDATE members SET delivered_seq = " + seq(1) + " WHERE conversation = " + direct + " AND user_id = " + seq(5), "user 5 read up to 40 and was delivered up to 1"},
		"change numbers beyond":        {"UPDATE meta SET value = " + seq(1) + " WHERE name = 'rev'", "and the highest is 1"},
		"ids that fall":                {"UPDATE messages SET id = " + seq(1) + " WHERE seq = " + seq(9) + " AND conversation = " + direct, "entry 9 has message id 1, which is not above"},
		"a body that is none":          {"UPDATE messages SET body = x'ff' WHERE seq = " + seq(9) + " AND conversation = " + direct, "is damaged: its body cannot be read"},
		"the body of another entry": {"UPDATE messages SET body = (SELECT body FROM messages WHERE seq = " + seq(8) + " AND conversation = " + service +
			") WHERE seq = " + seq(9) + " AND conversation = " + service, "its body has another message id"},
		"a sender changed":                {"UPDATE messages SET sender = " + seq(77) + " WHERE seq = " + seq(9) + " AND conversation = " + direct, "its body has another sender"},
		"a time changed":                  {"UPDATE messages SET create_time = " + seq(77) + " WHERE seq = " + seq(9) + " AND conversation = " + direct, "its body has another time"},
		"a count with an entry":           {"UPDATE messages SET a_counted = a_counted + 1 WHERE seq = " + seq(9) + " AND conversation = " + direct, "with entry 9, 9 and 9 count as unread and 5 are its author's, and 10, 9 and 5 are noted"},
		"an author's count with an entry": {"UPDATE messages SET own = own + 1 WHERE seq = " + seq(9) + " AND conversation = " + direct, "with entry 9, 9 and 9 count as unread and 5 are its author's, and 9, 9 and 6 are noted"},
		"the newest time":                 {"UPDATE conversations SET newest_time = x'0000000000000001' WHERE key LIKE 'd:%'", ", and 1 is noted (Unix milliseconds)"},
		"a type changed":                  {"UPDATE messages SET type = 22 WHERE seq = " + seq(9) + " AND conversation = " + direct, "its body has another type"},
		"a newest edit changed":           {"UPDATE conversations SET revised = 42 WHERE key LIKE 'd:%'", "the newest entry that speaks of another is 43, and 42 is noted"},
		"a newest recall changed":         {"UPDATE conversations SET recalled = 2 WHERE key LIKE 'd:%'", "the newest entry that was taken back is 1, and 2 is noted"},
		"a last edit changed":             {"UPDATE messages SET revised = 9 WHERE revised = 42", "its body was revised by another entry"},
		"what was taken back":             {"UPDATE messages SET body = body || x'1A0178' WHERE type = 27", "although nothing should be left"},
		"a number damaged":                {"UPDATE messages SET create_time = x'00' WHERE seq = " + seq(9) + " AND conversation = " + direct, "an entry after 8 is damaged"},
		"a user damaged":                  {"UPDATE users SET last_seen = x'00'", "user number 1 by id is damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			copyFile(t, filepath.Join(sound, store.FileName), filepath.Join(dir, store.FileName), nil)
			execute(t, filepath.Join(dir, store.FileName), test.statement)
			all, checked := findings(t, dir)
			if !slices.ContainsFunc(all, func(f string) bool { return strings.Contains(f, test.finding) }) || checked.Findings == 0 {
				t.Errorf("%d findings %q, want one with %q", checked.Findings, all, test.finding)
			}
		})
	}
}

// What is not kept any more is missed by nobody.
func TestAHistoryWithoutItsOldestEntriesIsSound(t *testing.T) {
	for from := range 5 {
		dir := t.TempDir()
		lived(t, dir)
		min := []string{"0000000000000002", "0000000000000009", "000000000000001f", "0000000000000028", "0000000000000029"}[from]
		execute(t, filepath.Join(dir, store.FileName), "DELETE FROM messages WHERE seq < x'"+min+"'; UPDATE conversations SET min = x'"+min+"'")
		if all, _ := findings(t, dir); len(all) != 0 {
			t.Errorf("from %s on: findings %q", min, all)
		}
	}
}

// copyFile copies a file, and lets change have the content in between.
func copyFile(t *testing.T, from, to string, change func([]byte)) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(content)
	}
	if err := os.WriteFile(to, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// flip inverts 4 KiB from an offset on.
func flip(offset int) func([]byte) {
	return func(content []byte) {
		for i := offset; i < min(len(content), offset+4096); i++ {
			content[i] = ^content[i]
		}
	}
}

func TestFlippedBytesAreFoundWhereverTheyAre(t *testing.T) {
	sound := t.TempDir()
	lived(t, sound)
	file := filepath.Join(sound, store.FileName)
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for page := 0; page < int(info.Size()); page += 4096 {
		for _, offset := range []int{page, min(page+random.IntN(4096), int(info.Size())-4096)} {
			dir := t.TempDir()
			copyFile(t, file, filepath.Join(dir, store.FileName), flip(offset))
			var all []string
			checked, err := store.Check(t.Context(), dir, func(f string) { all = append(all, f) })
			if err == nil && (checked.Findings == 0 || len(all) == 0) {
				t.Errorf("4 KiB flipped from %d of %d on were not found", offset, info.Size())
			}
		}
	}
}

// A server that goes on with a damaged file finds out by reading it.
func TestADamagedFileIsNotVerified(t *testing.T) {
	dir := t.TempDir()
	lived(t, dir)
	db := open(t, dir)
	if err := db.Verify(t.Context()); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, store.FileName)
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	change := flip(int(info.Size()) / 2)
	copyFile(t, file, file, change)
	if err := db.Verify(t.Context()); err == nil || !strings.Contains(store.Advice(err), "it is damaged") {
		t.Errorf("%v", err)
	}
	copyFile(t, file, file, change) // as it was
	if err := db.Verify(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestFindingsBeyondALimitAreOnlyCounted(t *testing.T) {
	dir := t.TempDir()
	lived(t, dir)
	execute(t, filepath.Join(dir, store.FileName), "WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 1249)"+
		" INSERT INTO users (id, name, folded, last_seen) SELECT unhex(printf('%016x', i)), '', '', x'00' FROM n")
	all, checked := findings(t, dir)
	if len(all) != store.MaxFindings || checked.Findings != 250 {
		t.Errorf("%d told of %d", len(all), checked.Findings)
	}
}

func TestWhatIsNoHistoryIsNotChecked(t *testing.T) {
	for name, test := range map[string]struct {
		statement, text string
	}{
		"a newer version":           {"PRAGMA user_version = 1000", "newer version"},
		"another program's":         {"PRAGMA application_id = 1", "another program"},
		"nothing where there is no": {"", "a server that has run"},
	} {
		dir := t.TempDir()
		if test.statement != "" {
			lived(t, dir)
			execute(t, filepath.Join(dir, store.FileName), test.statement)
		}
		if _, err := store.Check(t.Context(), dir, func(string) {}); err == nil || !strings.Contains(err.Error(), test.text) {
			t.Errorf("%s: %v, want %q", name, err, test.text)
		}
	}
}
