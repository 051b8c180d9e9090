package store_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/proto"
	"parley/server/chat"
	"parley/server/store"
)

// gathered fills a folder with a history of a group: users 3, its owner, and 5 are there, 7 was removed, 9 left
// and came back, and there is a link to it. Something is taken back of before 7 went and after.
func gathered(t *testing.T, dir string) {
	t.Helper()
	f := newFilling(t, dir)
	err := f.db.Update(t.Context(), func(tx chat.Tx) error {
		for _, user := range []uint64{3, 5, 7, 9} {
			if err := tx.PutUser(chat.User{ID: user, Name: "U"}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var key proto.Key
	change := func(by uint64, kind proto.MessageType, content string, users ...uint64) {
		t.Helper()
		c := chat.GroupChange{Key: key, Type: kind, Content: content, Users: users}
		if key, _, err = f.ChangeGroup(t.Context(), chat.Sender{User: by}, c); err != nil {
			t.Fatal(err)
		}
	}
	say := func(by, target uint64, kind proto.MessageType, mentions ...uint64) {
		t.Helper()
		group, content := key.Group(), "words"
		m := &proto.Message{
			MessageId: new(uint64), SenderId: new(uint64), CreateTime: new(uint64), ReceiverId: &group, GroupId: &group, Content: &content,
			MessageType: &kind, Mentions: mentions,
		}
		if target > 0 {
			m.TargetSeq = &target
		}
		f.commit(chat.Sender{User: by}, proto.BranchMessage, m)
	}
	change(3, proto.MessageType_MESSAGE_TYPE_GROUP_CREATE, "team", 5, 7) // 1
	say(5, 0, 0, 3, 7)                                                   // 2
	say(7, 0, 0)                                                         // 3
	change(3, proto.MessageType_MESSAGE_TYPE_GROUP_JOIN, "", 9)          // 4
	say(5, 0, 0)                                                         // 5
	change(3, proto.MessageType_MESSAGE_TYPE_GROUP_REMOVE, "", 7)        // 6
	say(5, 0, 0, 9)                                                      // 7
	change(9, proto.MessageType_MESSAGE_TYPE_GROUP_LEAVE, "")            // 8
	say(5, 7, proto.MessageType_MESSAGE_TYPE_RECALL)                     // 9
	say(5, 5, proto.MessageType_MESSAGE_TYPE_RECALL)                     // 10
	change(3, proto.MessageType_MESSAGE_TYPE_GROUP_RENAME, "the team")   // 11
	change(3, proto.MessageType_MESSAGE_TYPE_GROUP_JOIN, "", 9)          // 12
	change(3, proto.MessageType_MESSAGE_TYPE_GROUP_ROLE, "admin", 5)     // 13
	say(9, 0, 0, 5)                                                      // 14
	if _, err := f.AddGroupLink(t.Context(), chat.Sender{User: 3}, key, time.Hour); err != nil {
		t.Fatal(err)
	}
	name := key.String()
	for user, seq := range map[uint64]uint64{5: 14, 3: 4} {
		f.commit(chat.Sender{User: user}, proto.BranchMark, &proto.Mark{Key: &name, ReadSeq: &seq})
	}
	f.close()
}

func TestCheckFindsWhatDoesNotFitInAGroup(t *testing.T) {
	sound := t.TempDir()
	gathered(t, sound)
	if all, checked := findings(t, sound); len(all) != 0 || checked.Members != 4 {
		t.Fatalf("%+v, findings %q", checked, all)
	}
	of := func(user string) string { return " WHERE user_id = x'000000000000000" + user + "'" }
	for name, test := range map[string]struct{ statement, finding string }{
		"a member who is not":        {"UPDATE members SET role = 1" + of("7"), `user 7 is "member" in the group, by its log ""`},
		"no member who is one":       {"UPDATE members SET role = 0" + of("9"), `user 9 is "" in the group, by its log "member"`},
		"another role":               {"UPDATE members SET role = 1" + of("5"), `user 5 is "member" in the group, by its log "admin"`},
		"a member who reads before":  {"UPDATE members SET from_seq = x'0000000000000001'" + of("9"), "user 9 reads from 1 through 0, by the log from 12 through 0"},
		"who went reads on":          {"UPDATE members SET until_seq = x'000000000000000e'" + of("7"), "user 7 reads from 1 through 14, by the log from 1 through 6"},
		"a member's row missing":     {"DELETE FROM members" + of("5"), "2 are in the group, and 3 are noted"},
		"a count of members":         {"UPDATE user_groups SET members = 4", "3 are in the group, and 4 are noted"},
		"a name":                     {"UPDATE user_groups SET name = 'team'", `the group's name is "team", by its log "the team"`},
		"a version":                  {"UPDATE user_groups SET version = 9", "7 entries tell what happened to the group, and 9 are noted"},
		"a group missing":            {"DELETE FROM user_groups", "there is no such group"},
		"a group of no conversation": {"INSERT INTO user_groups (conversation, name, whole, members, version) VALUES (99, '', 0, 0, 1)", "1 groups have no conversation"},
		"a link of no group":         {"UPDATE group_links SET conversation = 99", "1 links lead to no group"},
		"a link that never counted":  {"UPDATE group_links SET expires = x'0000000000000001'", "1 links to groups ended before they were made"},
		"a mention missing":          {"DELETE FROM mentions" + of("3"), "entry 2 mentions 2, and 1 are noted"},
		"a mention of what was taken back": {"INSERT INTO mentions SELECT conversation, x'0000000000000009', x'0000000000000007' FROM user_groups",
			"entry 7 mentions 0, and 1 are noted"},
		"a mention in no group": {"UPDATE mentions SET conversation = 99", "3 mentions are in no group"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			copyFile(t, filepath.Join(sound, store.FileName), filepath.Join(dir, store.FileName), nil)
			execute(t, filepath.Join(dir, store.FileName), test.statement)
			if all, _ := findings(t, dir); !slices.ContainsFunc(all, func(f string) bool { return strings.Contains(f, test.finding) }) {
				t.Errorf("findings %q, want one with %q", all, test.finding)
			}
		})
	}
	// Of what is not kept any more nobody can say who was there.
	for _, min := range []string{"02", "05", "07", "0b", "0d"} {
		dir := t.TempDir()
		copyFile(t, filepath.Join(sound, store.FileName), filepath.Join(dir, store.FileName), nil)
		oldest := "x'00000000000000" + min + "'"
		execute(t, filepath.Join(dir, store.FileName), "DELETE FROM messages WHERE seq < "+oldest+"; DELETE FROM mentions WHERE seq < "+oldest+"; UPDATE conversations SET min = "+oldest)
		if all, _ := findings(t, dir); len(all) != 0 {
			t.Errorf("from %s on: findings %q", min, all)
		}
	}
}
