package chat_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/server/chat"
	"parley/server/chat/chattest"
)

const (
	created  = proto.MessageType_MESSAGE_TYPE_GROUP_CREATE
	joined   = proto.MessageType_MESSAGE_TYPE_GROUP_JOIN
	left     = proto.MessageType_MESSAGE_TYPE_GROUP_LEAVE
	removed  = proto.MessageType_MESSAGE_TYPE_GROUP_REMOVE
	renamed  = proto.MessageType_MESSAGE_TYPE_GROUP_RENAME
	promoted = proto.MessageType_MESSAGE_TYPE_GROUP_ROLE
)

// grouped is a running service with a group of Ada, its owner, and Bob; Eve and Cora are there.
func grouped(t testing.TB, s chat.Store, whole bool) (*bench, proto.Key) {
	t.Helper()
	b := start(t, s)
	for user, name := range map[uint64]string{ada: "Ada", bob: "Bob", eve: "Eve", cora: "Cora"} {
		b.join(user, name)
	}
	key, _, err := b.ChangeGroup(t.Context(), chat.Sender{User: ada}, chat.GroupChange{Type: created, Users: []uint64{bob}, Content: "team", Whole: whole})
	if err != nil {
		t.Fatal(err)
	}
	return b, key
}

// change lets a member change the group; it must be accepted.
func (b *bench) change(by uint64, key proto.Key, does proto.MessageType, content string, users ...uint64) chat.Receipt {
	b.t.Helper()
	_, receipt, err := b.ChangeGroup(b.t.Context(), chat.Sender{User: by}, chat.GroupChange{Key: key, Type: does, Content: content, Users: users})
	if err != nil {
		b.t.Fatalf("change %v by %d: %v", does, by, err)
	}
	return receipt
}

// refusesChange lets a member try to change the group, and returns the code of the refusal.
func (b *bench) refusesChange(by uint64, key proto.Key, does proto.MessageType, content string, users ...uint64) string {
	b.t.Helper()
	_, _, err := b.ChangeGroup(b.t.Context(), chat.Sender{User: by}, chat.GroupChange{Key: key, Type: does, Content: content, Users: users})
	if err == nil {
		return "taken"
	}
	return refusalOf(b.t, err).Code
}

// toGroup is a message to a group.
func toGroup(key proto.Key, content string, mentions ...uint64) *proto.Message {
	m := text(key.Group(), content)
	m.GroupId, m.Mentions = protobuf.Uint64(key.Group()), mentions
	return m
}

// page returns what a user reads of a conversation, as type and content.
func (b *bench) reads(user uint64, key proto.Key) (lines []string) {
	b.t.Helper()
	page, err := b.Messages(b.t.Context(), chat.Sender{User: user}, key, chat.Window{Limit: 100})
	if err != nil {
		return []string{refusalOf(b.t, err).Code}
	}
	for _, m := range read[*proto.MessagePage](b.t, page).Messages {
		lines = append(lines, fmt.Sprintf("%d %s %s%v", m.GetSeq(), m.GetSenderName(), m.GetContent(), m.GetMembers()))
	}
	return lines
}

// rolesOf is who is what in a group.
func rolesOf(r *proto.GroupRoster) string {
	roles := make(proto.Roles)
	for _, m := range r.Members {
		roles[m.GetUserId()] = m.GetRole()
	}
	return fmt.Sprint(roles)
}

func receivers(out []delivered) (users []uint64) {
	for _, d := range out {
		users = append(users, d.user)
	}
	slices.Sort(users)
	return users
}

func TestAMessageToAGroupReachesItsMembersAndNobodyElse(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b, key := grouped(t, s, false)
		b.out.take()
		receipt := b.send(bob, with(toGroup(key, "hello", ada), ref(1), 1))
		stored := &proto.Message{
			MessageId: &receipt.MessageID, SenderId: protobuf.Uint64(bob), Content: protobuf.String("hello"), CreateTime: &receipt.CreateTime,
			ReceiverId: protobuf.Uint64(key.Group()), GroupId: protobuf.Uint64(key.Group()), Mentions: []uint64{ada}, SenderName: protobuf.String("Bob"),
			Seq: protobuf.Uint64(2), SeenSeq: protobuf.Uint64(1), ClientRef: ref(1),
		}
		same(t, "fan-out", b.out.take()[:2], []delivered{{ada, proto.BranchMessage, stored}, {bob, proto.BranchMessage, stored}})
		same(t, "a repeat", b.send(bob, with(toGroup(key, "hello", ada), ref(1), 1)), receipt)
		same(t, "Ada reads", b.reads(ada, key), []string{"1 Ada team[3 5]", "2 Bob hello[]"})
		same(t, "Eve reads", b.reads(eve, key), []string{"not-yours"})
		if _, err := b.publish(eve, proto.BranchMessage, toGroup(key, "and I?")); err == nil || refusalOf(t, err).Code != "not-in-group" {
			t.Errorf("Eve writes: %v", err)
		}
		if _, err := b.publish(eve, proto.BranchMessage, text(key.Group(), "as to a user?")); err == nil || refusalOf(t, err).Code != "not-in-group" {
			t.Errorf("Eve writes as to a user: %v", err)
		}
		b.send(bob, text(key.Group(), "a client that knows of no groups"))
		same(t, "Ada reads on", b.reads(ada, key)[2], "3 Bob a client that knows of no groups[]")
		same(t, "Ada's conversations", len(b.rows(ada)), 1)
	})
}

func TestRowsOfAGroupTellWhatIsUnreadAndWhoIsAsked(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b, key := grouped(t, s, false)
		b.change(ada, key, joined, "", eve)
		token := b.sync(eve, "")[0].GetToken()
		row := func(user uint64) *proto.ConversationState { return b.rows(user)[key.String()] }
		want := func(what string, user, unread, mentions, waiting uint64) {
			t.Helper()
			r := row(user)
			if r.GetUnread() != unread || uint64(r.GetUnreadMentions()) != mentions || r.GetWaitingSeq() != waiting || (r.GetWaitingSince() != 0) != (waiting != 0) ||
				r.GetOwnAfterRead() != r.GetHeadSeq()-r.GetReadSeq()-unread || r.GetAwaitingSeq() != 0 {
				t.Errorf("%s: the row of %d is %v", what, user, r)
			}
			answer, err := b.Conversations(t.Context(), chat.Sender{User: user}, "")
			if err != nil || answer.GetTotalUnread() != unread || (answer.GetWaitingConversations() != 0) != (waiting != 0) {
				t.Errorf("%s: the totals of %d are %v, %v", what, user, answer, err)
			}
		}
		first := row(bob)
		if first.GetRole() != proto.GroupRole_GROUP_ROLE_MEMBER || first.GetMemberCount() != 3 || first.GetPeerName() != "team" || row(ada).GetRole() != proto.GroupRole_GROUP_ROLE_OWNER {
			t.Errorf("Bob's row is %v", first)
		}
		b.send(ada, with(toGroup(key, "Bob?", bob), ref(1), 2))     // 3
		b.send(bob, with(toGroup(key, "a moment"), ref(2), 2))      // 4, who has not seen it
		b.send(ada, with(toGroup(key, "all of you", 0), ref(3), 4)) // 5
		want("Ada", ada, 0, 0, 0)
		want("Bob has seen nothing", bob, 2, 2, 3)
		want("Eve", eve, 3, 1, 5)
		b.send(bob, with(toGroup(key, "here"), ref(4), 3)) // 6, who has seen 3
		want("Bob has seen 3", bob, 1, 1, 5)
		b.send(bob, typed(with(toGroup(key, ""), ref(5), 6), proto.MessageType_MESSAGE_TYPE_NO_REPLY_NEEDED)) // 7
		want("Bob has seen all", bob, 0, 0, 0)
		want("Eve still", eve, 4, 1, 5)
		if changed := b.sync(eve, token); len(changed) != 1 || len(changed[0].GetConversations()) != 1 || changed[0].GetConversations()[0].GetLast().GetSeq() != 7 {
			t.Errorf("what changed for Eve is %v", changed)
		}
	})
}

func TestWhoComesReadsFromThenOnOrAllOfIt(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		for _, whole := range []bool{false, true} {
			b, key := grouped(t, s, whole)
			b.send(bob, toGroup(key, "before")) // 2
			b.change(ada, key, joined, "", eve) // 3
			b.send(bob, toGroup(key, "with"))   // 4
			b.out.take()
			b.change(ada, key, removed, "", eve) // 5
			same(t, "told of the removal", receivers(b.out.take())[:3], []uint64{ada, bob, eve})
			b.send(bob, toGroup(key, "after")) // 6
			eves, floor := []string{"3 Ada [" + fmt.Sprint(eve) + "]", "4 Bob with[]", "5 Ada [" + fmt.Sprint(eve) + "]"}, uint64(3)
			if whole {
				eves, floor = append([]string{"1 Ada team[3 5]", "2 Bob before[]"}, eves...), 0
			}
			same(t, "Eve reads", b.reads(eve, key), eves)
			row := b.rows(eve)[key.String()]
			if row.GetHeadSeq() != 5 || row.GetMinSeq() != floor || row.GetUnread() != 0 || row.Role != nil || row.GetLast().GetSeq() != 5 {
				t.Errorf("Eve's row is %v", row)
			}
			if _, err := b.publish(eve, proto.BranchMessage, toGroup(key, "still here")); err == nil || refusalOf(t, err).Code != "not-in-group" {
				t.Errorf("Eve writes: %v", err)
			}
			mark := &proto.Mark{Key: protobuf.String(key.String()), ReadSeq: protobuf.Uint64(6)}
			if _, err := b.publish(eve, proto.BranchMark, mark); err != nil {
				t.Error(err)
			}
			b.change(ada, key, joined, "", eve) // 7
			b.send(bob, toGroup(key, "again"))  // 8
			row = b.rows(eve)[key.String()]
			if row.GetHeadSeq() != 8 || row.GetUnread() != 1 || row.GetReadSeq() != 6 || row.GetRole() != proto.GroupRole_GROUP_ROLE_MEMBER {
				t.Errorf("Eve's row after coming back is %v", row)
			}
		}
	})
}

func TestWhoMayDoWhatToAGroup(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b, key := grouped(t, s, false)
		stranger := key.Group() + 1
		for _, test := range []struct {
			by      uint64
			does    proto.MessageType
			content string
			users   []uint64
			code    string
		}{
			{eve, joined, "", []uint64{eve}, "not-in-group"},
			{eve, removed, "", []uint64{bob}, "not-in-group"},
			{eve, renamed, "mine", nil, "not-in-group"},
			{eve, left, "", nil, "not-in-group"},
			{bob, joined, "", []uint64{eve}, "not-admin"},
			{bob, removed, "", []uint64{ada}, "not-admin"},
			{bob, renamed, "mine", nil, "not-admin"},
			{bob, promoted, "owner", []uint64{bob}, "not-owner"},
			{ada, promoted, "admin", []uint64{ada}, "last-owner"},
			{ada, promoted, "admin", []uint64{eve}, "not-a-member"},
			{ada, promoted, "king", []uint64{bob}, ""},
			{ada, removed, "", []uint64{ada}, ""},
			{ada, left, "", nil, "last-owner"},
			{ada, joined, "", []uint64{stranger}, "no-such-user"},
			{ada, joined, "", []uint64{0}, ""},
			{ada, joined, "", slices.Repeat([]uint64{1}, 1), "no-such-user"},
			{ada, renamed, string(make([]byte, 4000)), nil, "name-too-long"},
		} {
			if code := b.refusesChange(test.by, key, test.does, test.content, test.users...); code != test.code {
				t.Errorf("%d does %v %.9q to %v: %q, want %q", test.by, test.does, test.content, test.users, code, test.code)
			}
		}
		same(t, "the log", len(b.reads(ada, key)), 1)
		if _, err := b.publish(bob, proto.BranchMessage, typed(toGroup(key, "x"), promoted)); err == nil {
			t.Error("a client wrote an entry of the server's own")
		}

		b.change(ada, key, promoted, "admin", bob)
		b.change(bob, key, joined, "", eve, cora)
		same(t, "what is so already", b.change(bob, key, joined, "", eve), chat.Receipt{})
		same(t, "an admin removes the owner", b.refusesChange(bob, key, removed, "", ada), "not-owner")
		b.change(ada, key, promoted, "admin", eve)
		same(t, "an admin removes an admin", b.refusesChange(bob, key, removed, "", eve), "not-owner")
		b.change(ada, key, promoted, "owner", eve)
		b.change(eve, key, removed, "", ada, bob) // each of whom could remove nobody now
		same(t, "one who was removed removes", b.refusesChange(bob, key, removed, "", eve), "not-in-group")
		b.change(eve, key, renamed, "the rest")
		roster, err := b.Roster(t.Context(), chat.Sender{User: cora}, key)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "members", rolesOf(roster), fmt.Sprint(proto.Roles{eve: proto.GroupRole_GROUP_ROLE_OWNER, cora: proto.GroupRole_GROUP_ROLE_MEMBER}))
		same(t, "name", roster.GetName(), "the rest")
		if _, err := b.Roster(t.Context(), chat.Sender{User: ada}, key); err == nil || refusalOf(t, err).Code != "not-in-group" {
			t.Errorf("Ada sees the members: %v", err)
		}
		b.change(cora, key, left, "")
		b.change(eve, key, left, "")
	})
}

// The members are those that a fold over the log gives, whoever did what at the same time.
func TestMembersAreAFoldOverTheLog(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b, key := grouped(t, s, true)
		b.change(ada, key, promoted, "admin", bob)
		done := make(chan struct{})
		for i, by := range []uint64{ada, bob, eve} {
			go func() {
				defer func() { done <- struct{}{} }()
				for n := range 30 {
					if by == ada && (n+i)%4 == 2 {
						continue // she stays, to tell the tale
					}
					c := chat.GroupChange{Key: key, Type: []proto.MessageType{joined, removed, left, joined}[(n+i)%4], Users: []uint64{eve, cora}[n%2:]}
					_, _, _ = b.ChangeGroup(t.Context(), chat.Sender{User: by}, c) // many may not, or not any more
					_, _ = b.publish(by, proto.BranchMessage, toGroup(key, "x"))
				}
			}()
		}
		for range 3 {
			<-done
		}
		page, err := b.Messages(t.Context(), chat.Sender{User: ada}, key, chat.Window{Limit: 500})
		if err != nil {
			t.Fatal(err)
		}
		roles := make(proto.Roles)
		for _, m := range read[*proto.MessagePage](t, page).Messages {
			if _, there := roles[m.GetSenderId()]; !there && m.GetSeq() > 1 && m.GetMessageType() != joined {
				t.Errorf("entry %d is of %d, who was not there", m.GetSeq(), m.GetSenderId())
			}
			roles.Add(m)
		}
		roster, err := b.Roster(t.Context(), chat.Sender{User: ada}, key)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "members", rolesOf(roster), fmt.Sprint(roles))
		same(t, "how many", int(b.rows(ada)[key.String()].GetMemberCount()), len(roles))
	})
}

func TestAMarkInAGroupIsToldToTheAuthorsOfWhatItCovers(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b, key := grouped(t, s, false)
		b.change(ada, key, joined, "", eve, cora)
		b.send(bob, with(toGroup(key, "one"), ref(1)))  // 3
		b.send(cora, with(toGroup(key, "two"), ref(2))) // 4
		b.out.take()
		mark := func(user, here, seq uint64) []uint64 {
			t.Helper()
			if _, err := b.publish(user, proto.BranchMark, &proto.Mark{Key: protobuf.String(key.String()), DeliveredSeq: &here, ReadSeq: &seq}); err != nil {
				t.Fatal(err)
			}
			return receivers(slices.DeleteFunc(b.out.take(), func(d delivered) bool { return d.branch != proto.BranchMark }))
		}
		same(t, "delivered", mark(eve, 4, 0), []uint64{bob, eve, cora})
		same(t, "the first is read", mark(eve, 4, 3), []uint64{bob, eve})
		same(t, "the second is read", mark(eve, 4, 4), []uint64{eve, cora})
		same(t, "once more", mark(eve, 4, 4), []uint64(nil))
		if _, err := b.publish(huge, proto.BranchMark, &proto.Mark{Key: protobuf.String(key.String()), ReadSeq: protobuf.Uint64(3)}); err == nil || refusalOf(t, err).Code != "not-yours" {
			t.Errorf("a stranger's mark: %v", err)
		}
		receipts, err := b.Receipts(t.Context(), chat.Sender{User: bob}, key, 3)
		if err != nil {
			t.Fatal(err)
		}
		at := b.millis()
		lines := ""
		for _, m := range receipts {
			lines += fmt.Sprintf("%s %d %d %t|", m.GetName(), m.GetDeliveredSeq(), m.GetReadSeq(), m.GetReadTime() == at)
		}
		same(t, "receipts", lines, "Ada 0 0 false|Eve 4 4 true|Cora 1 1 false|")
		if _, err := b.Receipts(t.Context(), chat.Sender{User: eve}, key, 3); err == nil || refusalOf(t, err).Code != "not-author" {
			t.Errorf("Eve learns who has read Bob's message: %v", err)
		}
		if _, err := b.Receipts(t.Context(), chat.Sender{User: huge}, key, 0); err == nil || refusalOf(t, err).Code != "not-in-group" {
			t.Errorf("a stranger learns who has read: %v", err)
		}
	})
}

func TestALinkLetsInWhoeverHasIt(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b, key := grouped(t, s, false)
		link, err := b.AddGroupLink(t.Context(), chat.Sender{User: ada}, key, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		forEver, err := b.AddGroupLink(t.Context(), chat.Sender{User: ada}, key, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.AddGroupLink(t.Context(), chat.Sender{User: bob}, key, 0); err == nil || refusalOf(t, err).Code != "not-admin" {
			t.Errorf("a member made a link: %v", err)
		}
		if g, err := b.LinkedGroup(t.Context(), link.Secret); err != nil || g.Name != "team" || g.Members != 2 {
			t.Errorf("the link leads to %+v, %v", g, err)
		}
		join := func(user uint64, secret [chat.LinkSecret]byte) string {
			k, err := b.JoinGroup(t.Context(), chat.Sender{User: user}, secret)
			switch {
			case err != nil:
				return refusalOf(t, err).Code
			case k != key:
				return "elsewhere"
			}
			return ""
		}
		same(t, "Eve", join(eve, link.Secret), "")
		same(t, "Eve again", join(eve, link.Secret), "")
		same(t, "by no link", join(cora, [chat.LinkSecret]byte{1}), "link-invalid")
		same(t, "what Eve reads", b.reads(eve, key), []string{"2 Eve [" + fmt.Sprint(eve) + "]"})
		b.pass(time.Hour)
		same(t, "after its time", join(cora, link.Secret), "link-invalid")
		links, err := b.GroupLinks(t.Context(), chat.Sender{User: ada}, key)
		if err != nil || len(links) != 1 || links[0] != forEver {
			t.Errorf("links %v, %v", links, err)
		}
		if err := b.DeleteGroupLink(t.Context(), chat.Sender{User: eve}, key, forEver.ID); err == nil {
			t.Error("a member withdrew a link")
		}
		if err := b.DeleteGroupLink(t.Context(), chat.Sender{User: ada}, key, forEver.ID); err != nil {
			t.Error(err)
		}
		same(t, "one that was withdrawn", join(cora, forEver.Secret), "link-invalid")
	})
}

func TestALinkLetsNobodyInWhoWasRemoved(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b, key := grouped(t, s, false)
		link, err := b.AddGroupLink(t.Context(), chat.Sender{User: ada}, key, 0)
		if err != nil {
			t.Fatal(err)
		}
		join := func() string {
			if _, err := b.JoinGroup(t.Context(), chat.Sender{User: bob}, link.Secret); err != nil {
				return refusalOf(t, err).Code
			}
			return ""
		}
		b.change(bob, key, left, "")
		same(t, "who left", join(), "")
		b.change(ada, key, removed, "", bob)
		same(t, "who was removed", join(), "removed-from-group")
		b.change(ada, key, renamed, "the team")
		same(t, "later", join(), "removed-from-group")
		b.change(ada, key, joined, "", bob)
		b.change(bob, key, left, "")
		same(t, "who was added again, and left", join(), "")
	})
}

func TestAGroupHasAsManyMembersAsItMay(t *testing.T) {
	b, key := grouped(t, chattest.NewMemory(1), false)
	var users []uint64
	for user := range uint64(proto.MaxMembers) {
		users = append(users, 1_000_000+user)
		b.join(1_000_000+user, fmt.Sprint("u", user))
	}
	same(t, "one too many", b.refusesChange(ada, key, joined, "", users[:proto.MaxMembers-1]...), "group-full")
	b.change(ada, key, joined, "", users[:proto.MaxMembers-2]...)
	same(t, "another one", b.refusesChange(ada, key, joined, "", eve), "group-full")
	same(t, "a new one of too many", b.refusesChange(eve, proto.Key{}, created, "x", users...), "group-full")
	alone, _, err := b.ChangeGroup(t.Context(), chat.Sender{User: eve}, chat.GroupChange{Type: created, Content: "just me"})
	if err != nil {
		t.Fatal(err)
	}
	b.send(eve, toGroup(alone, "hello?"))
	b.out.take()
	b.send(ada, toGroup(key, "all"))
	same(t, "told", len(b.out.take()), proto.MaxMembers)
}

func TestMentionsAreOfMembers(t *testing.T) {
	b, key := grouped(t, chattest.NewMemory(1), false)
	var many []uint64
	for user := range uint64(proto.MaxMentions + 1) {
		many = append(many, user+1)
	}
	direct := text(bob, "x")
	direct.Mentions = []uint64{bob}
	for what, test := range map[string]struct {
		by   uint64
		m    *proto.Message
		code string
	}{
		"a stranger":          {ada, toGroup(key, "x", eve), "mention-not-in-group"},
		"everyone, of anyone": {bob, toGroup(key, "x", 0), "everyone-not-admin"},
		"too many":            {ada, toGroup(key, "x", many...), "too-many-mentions"},
		"between two users":   {ada, direct, ""},
	} {
		if _, err := b.publish(test.by, proto.BranchMessage, test.m); err == nil {
			t.Errorf("%s: taken", what)
		} else if r := refusalOf(t, err); r.Code != test.code || r.Reason.Temporary() {
			t.Errorf("%s: %v", what, r)
		}
	}
	b.send(ada, toGroup(key, "x", 0, bob, bob))
}

func TestAGroupIsToldOfThreeWhoType(t *testing.T) {
	b, key := grouped(t, chattest.NewMemory(1), false)
	var users []uint64
	for user := range uint64(6) {
		users = append(users, 100+user)
		b.join(100+user, fmt.Sprint("u", user))
	}
	b.change(ada, key, joined, "", users...)
	b.out.take()
	types := func(user uint64, active bool) int {
		t.Helper()
		if _, err := b.publish(user, proto.BranchTyping, &proto.Typing{Key: protobuf.String(key.String()), Active: &active}); err != nil {
			t.Fatal(err)
		}
		return len(slices.DeleteFunc(b.out.take(), func(d delivered) bool { return d.branch != proto.BranchTyping }))
	}
	const others = 7
	for i, want := range []int{others, others, others, 0} {
		same(t, fmt.Sprint("typist ", i), types(users[i], true), want)
	}
	same(t, "the fourth stops", types(users[3], false), 0)
	same(t, "the first goes on", types(users[0], true), others)
	same(t, "the first stops", types(users[0], false), others)
	same(t, "the fourth", types(users[3], true), others)
	b.pass(7 * time.Second)
	same(t, "when the others have stopped without a word", types(users[4], true), others)
	same(t, "a stranger", types(eve, true), 0)
}

func TestWhatIsEditedAndTakenBackInAGroup(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b, key := grouped(t, s, false)
		b.change(ada, key, joined, "", eve)                     // 2
		b.send(ada, with(toGroup(key, "Bob?", bob), ref(1), 2)) // 3
		b.send(eve, with(toGroup(key, "Bob!", bob), ref(2), 3)) // 4
		b.send(bob, with(toGroup(key, "here I am"), ref(3), 4)) // 5
		speak := func(user uint64, kind proto.MessageType, target uint64, content string) error {
			m := typed(toGroup(key, content), kind)
			m.TargetSeq = &target
			_, err := b.publish(user, proto.BranchMessage, m)
			return err
		}
		waiting := func() uint64 { return b.rows(bob)[key.String()].GetWaitingSeq() }
		same(t, "Bob has answered", waiting(), uint64(0))
		b.out.take()
		if err := speak(bob, proto.MessageType_MESSAGE_TYPE_RECALL, 5, ""); err != nil { // 6
			t.Fatal(err)
		}
		same(t, "told", receivers(b.out.take())[:3], []uint64{ada, bob, eve})
		same(t, "Bob has answered nothing any more", waiting(), uint64(3))
		if err := speak(ada, proto.MessageType_MESSAGE_TYPE_RECALL, 3, ""); err != nil { // 7
			t.Fatal(err)
		}
		row := b.rows(bob)[key.String()]
		if row.GetWaitingSeq() != 4 || row.GetUnread() != 0 || row.GetRevisedSeq() != 7 {
			t.Errorf("Bob's row is %v", row)
		}
		if err := speak(eve, proto.MessageType_MESSAGE_TYPE_EDIT, 4, "Bob, please"); err != nil { // 8
			t.Fatal(err)
		}
		if err := speak(ada, proto.MessageType_MESSAGE_TYPE_EDIT, 4, "mine"); err == nil || refusalOf(t, err).Code != "not-your-message" {
			t.Errorf("Ada edits Eve's message: %v", err)
		}
		if err := speak(eve, proto.MessageType_MESSAGE_TYPE_REACT, 1, "👍"); err == nil || refusalOf(t, err).Code != "message-gone" {
			t.Errorf("Eve speaks of what was before her: %v", err)
		}
		quote := toGroup(key, "as I said")
		quote.QuoteSeq = ptr(uint64(1))
		if _, err := b.publish(eve, proto.BranchMessage, quote); err == nil || refusalOf(t, err).Code != "message-gone" {
			t.Errorf("Eve quotes what was before her: %v", err)
		}
		if err := speak(bob, proto.MessageType_MESSAGE_TYPE_REACT, 4, "👍"); err != nil { // 9
			t.Fatal(err)
		}
		same(t, "the log", b.reads(eve, key)[1:], []string{"3 Ada []", "4 Eve Bob, please[]", "5 Bob []", "6 Bob []", "7 Ada []", "8 Eve []", "9 Bob []"})
		b.change(ada, key, removed, "", eve) // 10
		if err := speak(eve, proto.MessageType_MESSAGE_TYPE_RECALL, 4, ""); err == nil || refusalOf(t, err).Code != "not-in-group" {
			t.Errorf("Eve, who was removed, takes back: %v", err)
		}
	})
}

func TestWhoLeftAGroupIsToldOfWhatWasTakenBackThatTheyReadAndOfNothingElse(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b, key := grouped(t, s, false)
		b.change(ada, key, joined, "", eve)               // 2
		b.send(bob, with(toGroup(key, "one"), ref(1), 2)) // 3
		b.send(eve, with(toGroup(key, "two"), ref(2), 3)) // 4
		b.change(eve, key, left, "")                      // 5
		b.send(bob, toGroup(key, "three"))                // 6
		b.out.take()
		told := func() (all []string) {
			for _, d := range b.out.take() {
				if d.user == eve {
					all = append(all, string(d.branch))
				}
			}
			return all
		}
		since := func(token string) *proto.BaseUserUnreadStatics {
			t.Helper()
			answer, err := b.Conversations(t.Context(), chat.Sender{User: eve}, token)
			if err != nil {
				t.Fatal(err)
			}
			return answer
		}
		token := since("").GetToken()
		if _, err := b.publish(ada, proto.BranchMark, &proto.Mark{Key: protobuf.String(key.String()), ReadSeq: protobuf.Uint64(6)}); err != nil {
			t.Fatal(err)
		}
		back := func(seq uint64) {
			t.Helper()
			m := typed(toGroup(key, ""), proto.MessageType_MESSAGE_TYPE_RECALL)
			m.TargetSeq = &seq
			b.send(bob, m)
		}
		back(6) // 7
		same(t, "told of what is none of theirs", told(), []string(nil))
		same(t, "rows for it", len(since(token).GetConversations()), 0)
		back(3) // 8
		answer := since(token)
		if rows := answer.GetConversations(); len(rows) != 1 || rows[0].GetHeadSeq() != 5 || rows[0].GetRevisedSeq() != 8 {
			t.Errorf("rows for what they read: %v", rows)
		}
		page, err := b.Messages(t.Context(), chat.Sender{User: eve}, key, chat.Window{Revised: true, Limit: 1})
		if err != nil {
			t.Fatal(err)
		}
		if revised := read[*proto.MessagePage](t, page).Messages; len(revised) != 1 || revised[0].GetSeq() != 3 {
			t.Errorf("what was revised, behind what they may not read: %v", revised)
		}
	})
}

func TestWhoLeftAGroupKnowsItByTheNameThatItHadThen(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b, key := grouped(t, s, false)
		b.change(ada, key, joined, "", eve, cora)         // 2
		b.change(cora, key, left, "")                     // 3
		b.change(ada, key, renamed, "team of Eve")        // 4
		b.send(ada, with(toGroup(key, "one"), ref(1), 4)) // 5
		b.change(ada, key, removed, "", eve)              // 6
		same(t, "just now", b.rows(eve)[key.String()].GetPeerName(), "team of Eve")
		token := b.sync(eve, "")[0].GetToken()
		b.change(ada, key, renamed, "without Eve, at last") // 7
		m := typed(toGroup(key, ""), proto.MessageType_MESSAGE_TYPE_RECALL)
		m.TargetSeq = protobuf.Uint64(5)
		b.send(ada, m)
		for user, name := range map[uint64]string{bob: "without Eve, at last", eve: "team of Eve", cora: "team"} {
			same(t, fmt.Sprint("the name to ", user), b.rows(user)[key.String()].GetPeerName(), name)
		}
		if again := b.sync(eve, token)[0].GetConversations(); len(again) != 1 || again[0].GetPeerName() != "team of Eve" {
			t.Errorf("Eve is told again: %v", again)
		}
		b.change(ada, key, joined, "", eve)
		same(t, "the name to Eve, back", b.rows(eve)[key.String()].GetPeerName(), "without Eve, at last")
	})
}

func TestWhoseOnlyAnswerWasTakenBackIsAskedNothingFromBeforeTheyCame(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		for i, whole := range []bool{false, true} {
			b, key := grouped(t, s, whole)
			b.send(ada, toGroup(key, "all?", proto.Everyone))              // 2
			b.change(ada, key, joined, "", eve)                            // 3
			b.send(eve, with(toGroup(key, "I am new"), ref(uint64(i)), 3)) // 4
			m := typed(toGroup(key, ""), proto.MessageType_MESSAGE_TYPE_RECALL)
			m.TargetSeq = protobuf.Uint64(4)
			b.send(eve, m) // 5
			row := b.rows(eve)[key.String()]
			same(t, "Eve is asked", row.GetWaitingSeq(), uint64(0))
			same(t, "Bob is", b.rows(bob)[key.String()].GetWaitingSeq(), uint64(2))
		}
	})
}

func TestNoReplyNeededMentionsNobody(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b, key := grouped(t, s, false)
		b.send(ada, typed(toGroup(key, "", bob), proto.MessageType_MESSAGE_TYPE_NO_REPLY_NEEDED))
		row := b.rows(bob)[key.String()]
		same(t, "Bob is asked", row.GetWaitingSeq(), uint64(0))
		same(t, "mentions of Bob", row.GetUnreadMentions(), uint32(0))
	})
}
