package chat_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	pb "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/wasm/chat"
)

const team = 77

var teamKey = proto.GroupKey(team).String()

// teamOf is a server with a group of Alice, Bob and Carol, who is its owner.
func teamOf(s *server) {
	s.say2(carol, &proto.Message{MessageType: proto.MessageType_MESSAGE_TYPE_GROUP_CREATE.Enum(), Content: pb.String("team"), Members: []uint64{alice, bob, carol}})
	row := rowOf(teamKey)
	row.PeerName, row.Role, row.MemberCount, row.GroupVersion = pb.String("team"), proto.GroupRole_GROUP_ROLE_MEMBER.Enum(), pb.Uint32(3), pb.Uint64(1)
	row.Unread, row.WaitingSeq, row.WaitingSince, row.OwnAfterRead = new(uint64), nil, new(uint64), pb.Uint64(1)
	row.Last = s.logs[teamKey][0]
	row.WaitingSeq = new(uint64)
	row.ProtoReflect().SetUnknown(nil)
	s.foreign = []*proto.ConversationState{row}
	s.roster = &proto.GroupRoster{GroupId: pb.Uint64(team), Name: pb.String("team"), HeadSeq: pb.Uint64(1), GroupVersion: pb.Uint64(1), WholeHistory: pb.Bool(false)}
	for user, name := range map[uint64]string{alice: "Alice", bob: "Bob", carol: "Carol"} {
		role := proto.GroupRole_GROUP_ROLE_MEMBER
		if user == carol {
			role = proto.GroupRole_GROUP_ROLE_OWNER
		}
		s.roster.Members = append(s.roster.Members, &proto.GroupMember{
			UserId: pb.Uint64(user), Name: pb.String(name), Role: &role, FromSeq: pb.Uint64(1), DeliveredSeq: new(uint64), ReadSeq: new(uint64),
		})
	}
}

// say2 stores a message to the group, of whoever.
func (s *server) say2(from uint64, m *proto.Message) *proto.Message {
	m.MessageId, m.ReceiverId, m.GroupId, m.CreateTime = new(uint64), pb.Uint64(team), pb.Uint64(team), new(uint64)
	m.SenderName = pb.String(fmt.Sprint("user ", from))
	m.SenderId = &from
	if m.Content == nil {
		m.Content = new(string)
	}
	return s.store(from, m)
}

func (s *server) toTeam(from uint64, content string, mentions ...uint64) *proto.Message {
	return s.say2(from, &proto.Message{Content: &content, Mentions: mentions})
}

func (v *screen) showTeam() {
	v.engine.Timeline(teamKey, 0, 50, func(t chat.Timeline, err error) {
		if err != nil {
			v.t.Error(err)
		}
		v.shown = t.Messages
	})
}

func TestAGroupIsShownWithItsMembersAndWhoWroteWhat(t *testing.T) {
	clock, s := setup(t)
	teamOf(s)
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	if c := a.list[teamKey]; c.Group != team || c.PeerName != "team" || c.Role != "member" || c.MemberCount != 3 || c.Peer != 0 || c.Service != -1 {
		t.Errorf("the list has %+v", c)
	}
	a.showTeam()
	clock.Run(time.Second)
	if len(a.group.Members) != 3 || a.group.Members[2] != (chat.Member{User: alice, Name: "Alice", Role: "member", From: 1}) || s.rosterAsked != 1 {
		t.Errorf("the group is %+v, asked %d times", a.group, s.rosterAsked)
	}
	s.toTeam(bob, "hello")
	s.toTeam(bob, "Alice?", alice)
	s.toTeam(carol, "everybody?", proto.Everyone)
	clock.Run(time.Second)
	if len(a.shown) != 4 || a.shown[1].SenderName != "Bob" || a.shown[1].MentionsMe || !a.shown[2].MentionsMe || !a.shown[3].MentionsMe || a.shown[0].Type != proto.MessageType_MESSAGE_TYPE_GROUP_CREATE {
		t.Errorf("shown are %+v", a.shown)
	}
	c := a.list[teamKey]
	if c.Unread != 3 || c.Mentions != 2 || c.WaitingSeq != 3 || c.WaitingSince == 0 || c.AwaitingSeq != 0 {
		t.Errorf("the list has %+v", c)
	}
	if err := a.markRead(teamKey, 3); err != nil {
		t.Fatal(err)
	}
	clock.Run(time.Second)
	if c := a.list[teamKey]; c.Unread != 1 || c.Mentions != 1 {
		t.Errorf("after reading some the list has %+v", c)
	}
	a.engine.Send(teamKey, chat.Draft{Content: "here", Seen: 3, Mentions: []uint64{bob}}, func(err error) {
		if err != nil {
			t.Error(err)
		}
	})
	clock.Run(2 * time.Second)
	if c := a.list[teamKey]; c.WaitingSeq != 4 {
		t.Errorf("after an answer that had seen some the list has %+v", c)
	}
	sent := s.logs[teamKey][4]
	if sent.GetGroupId() != team || sent.GetReceiverId() != team || len(sent.GetMentions()) != 1 || sent.GetMentions()[0] != bob {
		t.Errorf("sent was %v", sent)
	}
	a.engine.Send(key, chat.Draft{Content: "x", Mentions: []uint64{bob}}, func(err error) {
		if err == nil {
			t.Error("a message between two users mentions somebody")
		}
	})
}

// teamMark tells that a member of the group has got and read so far.
func (s *server) teamMark(user, delivered, read uint64) {
	m := &proto.Mark{Key: &teamKey, UserId: &user, DeliveredSeq: &delivered, ReadSeq: &read, ReadTime: pb.Uint64(5)}
	for _, x := range s.sessions {
		x.down(proto.BranchMark, marshal(m))
	}
}

func TestAMessageToAGroupTellsHowManyHaveReadIt(t *testing.T) {
	clock, s := setup(t)
	teamOf(s)
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	a.showTeam()
	a.engine.Send(teamKey, chat.Draft{Content: "hello", Seen: 1}, func(error) {})
	clock.Run(2 * time.Second)
	state := func(what string, state chat.MessageState, readBy, of uint32) {
		t.Helper()
		clock.Run(2 * time.Second)
		if m := a.shown[len(a.shown)-1]; m.State != state || m.ReadBy != readBy || m.ReadOf != of {
			t.Errorf("%s it is %s, read by %d of %d; want %s, %d of %d", what, m.State, m.ReadBy, m.ReadOf, state, readBy, of)
		}
	}
	mark := s.teamMark
	state("at first", chat.Sent, 0, 2)
	mark(bob, 2, 1)
	mark(carol, 2, 0)
	state("delivered to both", chat.Delivered, 0, 2)
	mark(bob, 2, 2)
	mark(bob, 1, 1) // late
	state("read by one", chat.Delivered, 1, 2)
	mark(carol, 2, 2)
	state("read by both", chat.Read, 2, 2)

	// An answer may be older than what was told meanwhile: nothing falls.
	s.roster.HeadSeq = pb.Uint64(2)
	s.cut(errors.New("cut"))
	state("with an older answer", chat.Read, 2, 2)

	// What was told while there was no connection is asked for.
	for _, m := range s.roster.Members {
		m.DeliveredSeq, m.ReadSeq = pb.Uint64(2), pb.Uint64(2)
	}
	s.roster.HeadSeq = pb.Uint64(3)
	dave := uint64(dave)
	s.roster.Members = append(s.roster.Members, &proto.GroupMember{UserId: &dave, Name: pb.String("Dave"), Role: proto.GroupRole_GROUP_ROLE_MEMBER.Enum(), FromSeq: pb.Uint64(3)})
	s.cut(errors.New("cut"))
	s.say2(carol, &proto.Message{MessageType: proto.MessageType_MESSAGE_TYPE_GROUP_JOIN.Enum(), Members: []uint64{dave}, MemberNames: []string{"Dave"}})
	s.foreign[0].HeadSeq, s.foreign[0].OwnAfterRead, s.foreign[0].Last = pb.Uint64(3), pb.Uint64(3), s.logs[teamKey][2]
	s.rev++
	asked := s.rosterAsked
	clock.Run(time.Minute)
	if s.rosterAsked == asked || len(a.group.Members) != 4 {
		t.Errorf("the members were asked for %d times; they are %+v", s.rosterAsked-asked, a.group.Members)
	}
}

const dave = 1 << 62

func TestWhatHappensToAGroupIsFoldedInAsItComes(t *testing.T) {
	clock, s := setup(t)
	teamOf(s)
	store := chat.NewMemory()
	a := open(t, s, alice, store)
	clock.Run(time.Second)
	a.showTeam()
	clock.Run(time.Second)
	happen := func(kind proto.MessageType, content string, members ...uint64) {
		s.say2(carol, &proto.Message{MessageType: &kind, Content: &content, Members: members, MemberNames: []string{"Dave"}[:len(members)]})
		clock.Run(100 * time.Millisecond)
	}
	s.teamMark(dave, 2, 2) // which overtakes the entry that lets them in
	happen(proto.MessageType_MESSAGE_TYPE_GROUP_JOIN, "", dave)
	if n := len(a.group.Members); n != 4 || a.group.Members[2].Name != "Dave" || a.group.Members[2].Read != 2 || a.group.Members[2].From != 2 || a.list[teamKey].MemberCount != 4 {
		t.Errorf("after somebody came it is %+v", a.group)
	}
	happen(proto.MessageType_MESSAGE_TYPE_GROUP_RENAME, "the team")
	happen(proto.MessageType_MESSAGE_TYPE_GROUP_ROLE, "admin", alice)
	if c := a.list[teamKey]; c.PeerName != "the team" || c.Role != "admin" || a.group.Name != "the team" || a.group.Role != "admin" {
		t.Errorf("the list has %+v, the group is %+v", c, a.group)
	}
	picture := proto.MessageType_MESSAGE_TYPE_GROUP_PICTURE
	s.say2(carol, &proto.Message{MessageType: &picture, Content: pb.String("x.png"), Attachments: []*proto.Attachment{{AttachmentId: pb.Uint64(7)}}})
	clock.Run(100 * time.Millisecond)
	if c := a.list[teamKey]; c.Picture != 7 {
		t.Errorf("with a picture the list has %+v", c)
	}
	s.down = true
	later := open(t, s, alice, store)
	clock.Run(time.Second)
	if all := later.engine.Conversations(); len(all) != 1 || all[0].Picture != 7 {
		t.Errorf("without the server, later, the list has %+v", all)
	}
	later.engine.Close(func() {})
	s.down = false
	happen(picture, "")
	if c := a.list[teamKey]; c.Picture != 0 {
		t.Errorf("without a picture the list has %+v", c)
	}
	happen(proto.MessageType_MESSAGE_TYPE_GROUP_REMOVE, "", alice)
	if c := a.list[teamKey]; c.Role != "" || c.MemberCount != 0 {
		t.Errorf("after she was removed the list has %+v", c)
	}
}

func TestAMarkThatComesWhileTheMembersAreAskedForIsKept(t *testing.T) {
	clock, s := setup(t)
	teamOf(s)
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	for i, seq := range []uint64{1, 2} { // of nobody known yet, and of those who are
		s.toTeam(alice, fmt.Sprint(i))
		a.host.Latency = func() time.Duration { return 50 * time.Millisecond }
		a.engine.Group(teamKey, func(chat.Group, error) {})
		clock.Run(70 * time.Millisecond) // the server has answered
		s.teamMark(bob, seq, seq)
		clock.Run(30 * time.Second)
		if m := a.group.Members[0]; m.User != bob || m.Read != seq {
			t.Errorf("the server's answer came after Bob's mark of %d: %+v", seq, m)
		}
		s.cut(errors.New("gone")) // so that it is asked again
		a.host.Latency = nil
		clock.Run(5 * time.Second)
	}
}

func TestWhoComesToAGroupHasNothingOfBeforeToRead(t *testing.T) {
	for _, whole := range []bool{true, false} {
		clock, s := setup(t)
		teamOf(s)
		s.roster.WholeHistory = &whole
		a := open(t, s, alice, chat.NewMemory())
		clock.Run(time.Second)
		a.showTeam()
		a.engine.Send(teamKey, chat.Draft{Content: "hello", Seen: 1}, func(error) {})
		clock.Run(2 * time.Second)
		s.teamMark(bob, 2, 2)
		s.teamMark(carol, 2, 2)
		clock.Run(time.Second)
		s.say2(carol, &proto.Message{MessageType: proto.MessageType_MESSAGE_TYPE_GROUP_JOIN.Enum(), Members: []uint64{dave}, MemberNames: []string{"Dave"}})
		clock.Run(time.Second)
		if i := slices.IndexFunc(a.group.Members, func(m chat.Member) bool { return m.User == dave }); i < 0 || a.group.Members[i].Read != 2 {
			t.Errorf("the members are %+v", a.group.Members)
		}
		a.showTeam()
		clock.Run(time.Second)
		if m := a.shown[1]; m.State != chat.Read || m.ReadBy != m.ReadOf {
			t.Errorf("what all had read is %s now, by %d of %d", m.State, m.ReadBy, m.ReadOf)
		}
	}
}

func TestWhoIsToldOfNoMembersStillReadsWhatTheyMay(t *testing.T) {
	clock, s := setup(t)
	teamOf(s)
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	s.roster = nil // she was removed, which she does not know yet
	asked := len(s.asked)
	a.showTeam()
	clock.Run(500 * time.Millisecond)
	if c := a.list[teamKey]; c.Group != team || len(s.asked) == asked {
		t.Errorf("the list has %+v; the server was asked %d times what changed", c, len(s.asked)-asked)
	}
}

func TestWhatCameBeforeTheRowThatSaysWhereItGoesOnIsDelivered(t *testing.T) {
	clock, s := setup(t)
	teamOf(s)
	for i := range 100 {
		s.toTeam(bob, fmt.Sprint(i))
	}
	row := s.foreign[0]
	s.foreign = nil
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	s.toTeam(bob, "the first that she is told of") // as of somebody who was let in
	clock.Run(time.Minute)
	row.HeadSeq, row.DeliveredSeq, row.ReadSeq = pb.Uint64(102), pb.Uint64(100), pb.Uint64(100)
	s.foreign = []*proto.ConversationState{row}
	s.rev++
	s.cut(errors.New("gone"))
	clock.Run(time.Minute)
	if c := a.engine.Conversations()[0]; c.Key != teamKey || c.Delivered != 102 {
		t.Errorf("delivered is %+v, want all 102", c)
	}
}

func TestAMessageThatStandsBeforeItsAuthorCameBackHoldsUpNothing(t *testing.T) {
	clock, s := setup(t)
	teamOf(s)
	store := chat.NewMemory()
	a := open(t, s, alice, store)
	clock.Run(time.Second)
	s.dropAck, s.dropDeliver = func(int) bool { return true }, func(uint64) bool { return true }
	for _, content := range []string{"one", "two"} {
		a.engine.Send(teamKey, chat.Draft{Content: content}, func(error) {})
	}
	clock.Run(time.Second)
	a.engine.Close(func() {})
	clock.Run(time.Second)
	s.say2(carol, &proto.Message{MessageType: proto.MessageType_MESSAGE_TYPE_GROUP_JOIN.Enum(), Members: []uint64{alice}})
	row := s.foreign[0]
	row.HeadSeq, row.MinSeq, row.DeliveredSeq, row.ReadSeq = pb.Uint64(3), pb.Uint64(3), pb.Uint64(2), pb.Uint64(2)
	s.rev++
	s.min = map[string]uint64{teamKey: 3}
	s.dropAck, s.dropDeliver = nil, nil
	open(t, s, alice, store)
	clock.Run(time.Minute)
	if kept, err := store.Load(t.Context()); err != nil || len(kept.Outbox) != 0 || len(s.logs[teamKey]) != 4 {
		t.Errorf("%d messages wait to be sent (%v); the server has %v", len(kept.Outbox), err, s.logs[teamKey])
	}
}

func TestNobodyIsSaidToHaveReadBeforeItIsKnownWhoIsThere(t *testing.T) {
	clock, s := setup(t)
	teamOf(s)
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	a.showTeam()
	clock.Run(time.Second)
	s.dropDeliver = func(uint64) bool { return true }
	s.say2(carol, &proto.Message{MessageType: proto.MessageType_MESSAGE_TYPE_GROUP_JOIN.Enum(), Members: []uint64{dave}})
	s.dropDeliver = nil
	a.host.Latency = func() time.Duration { return 5 * time.Second }
	s.toTeam(alice, "hello") // on another device
	clock.Run(time.Second)
	s.teamMark(bob, 3, 3)
	s.teamMark(carol, 3, 3)
	clock.Run(time.Second)
	a.host.Latency = nil
	a.showTeam()
	clock.Run(time.Second)
	if m := a.shown[len(a.shown)-1]; m.Content != "hello" || m.State != chat.Sent || m.ReadOf != 0 {
		t.Errorf("it is %s, by %d of %d, although somebody came", m.State, m.ReadBy, m.ReadOf)
	}
	came, role := uint64(dave), proto.GroupRole_GROUP_ROLE_MEMBER
	s.roster.HeadSeq = pb.Uint64(3)
	s.roster.Members = append(s.roster.Members, &proto.GroupMember{UserId: &came, Name: pb.String("Dave"), Role: &role, FromSeq: pb.Uint64(2)})
	clock.Run(time.Minute)
	a.showTeam()
	clock.Run(time.Minute)
	if m := a.shown[len(a.shown)-1]; m.ReadBy != 2 || m.ReadOf != 3 {
		t.Errorf("it is %s, by %d of %d in the end", m.State, m.ReadBy, m.ReadOf)
	}
}

func TestWhoComesWhileTheMembersAreAskedForIsThere(t *testing.T) {
	clock, s := setup(t)
	teamOf(s)
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	a.host.Latency = func() time.Duration { return 50 * time.Millisecond }
	a.engine.Group(teamKey, func(chat.Group, error) {})
	clock.Run(70 * time.Millisecond) // the server has answered
	s.say2(carol, &proto.Message{MessageType: proto.MessageType_MESSAGE_TYPE_GROUP_JOIN.Enum(), Members: []uint64{dave}, MemberNames: []string{"Dave"}})
	clock.Run(time.Second)
	if len(a.group.Members) != 4 || a.group.Members[2].Name != "Dave" {
		t.Errorf("the members are %+v", a.group.Members)
	}
}
