package proto

import (
	"maps"
	"math"
	"testing"
)

const (
	noRole   = GroupRole_GROUP_ROLE_NONE
	aMember  = GroupRole_GROUP_ROLE_MEMBER
	anAdmin  = GroupRole_GROUP_ROLE_ADMIN
	theOwner = GroupRole_GROUP_ROLE_OWNER
)

func TestWhoBelongsToAGroupIsAFoldOverItsLog(t *testing.T) {
	const ann, ben, cem, dan = 1, 2, 3, math.MaxUint64
	by := func(sender uint64, does MessageType, content string, members ...uint64) *Message {
		return &Message{SenderId: &sender, MessageType: &does, Content: &content, Members: members}
	}
	roles := make(Roles)
	for _, step := range []struct {
		story string
		entry *Message
		want  Roles
	}{
		{"Ann makes it with Ben", by(ann, MessageType_MESSAGE_TYPE_GROUP_CREATE, "team", ann, ben), Roles{ann: theOwner, ben: aMember}},
		{"a message", by(ben, MessageType_MESSAGE_TYPE_TEXT, "owner", ben), Roles{ann: theOwner, ben: aMember}},
		{"Cem and Dan are added, and Ann again", by(ann, MessageType_MESSAGE_TYPE_GROUP_JOIN, "", cem, dan, ann), Roles{ann: theOwner, ben: aMember, cem: aMember, dan: aMember}},
		{"Ben is an admin", by(ann, MessageType_MESSAGE_TYPE_GROUP_ROLE, "admin", ben), Roles{ann: theOwner, ben: anAdmin, cem: aMember, dan: aMember}},
		{"an unknown role", by(ann, MessageType_MESSAGE_TYPE_GROUP_ROLE, "king", dan), Roles{ann: theOwner, ben: anAdmin, cem: aMember, dan: aMember}},
		{"Ben removes Cem", by(ben, MessageType_MESSAGE_TYPE_GROUP_REMOVE, "", cem), Roles{ann: theOwner, ben: anAdmin, dan: aMember}},
		{"Ben is the owner", by(ann, MessageType_MESSAGE_TYPE_GROUP_ROLE, "owner", ben), Roles{ann: anAdmin, ben: theOwner, dan: aMember}},
		{"Ann is a member", by(ben, MessageType_MESSAGE_TYPE_GROUP_ROLE, "member", ann), Roles{ann: aMember, ben: theOwner, dan: aMember}},
		{"a new name", by(ben, MessageType_MESSAGE_TYPE_GROUP_RENAME, "x"), Roles{ann: aMember, ben: theOwner, dan: aMember}},
		{"Dan leaves", by(dan, MessageType_MESSAGE_TYPE_GROUP_LEAVE, "", dan), Roles{ann: aMember, ben: theOwner}},
	} {
		if roles.Add(step.entry); !maps.Equal(roles, step.want) {
			t.Errorf("%s: %v, want %v", step.story, roles, step.want)
		}
	}
}

func TestRolesHaveNames(t *testing.T) {
	for _, role := range []GroupRole{aMember, anAdmin, theOwner} {
		if parsed, err := ParseRole(role.Name()); err != nil || parsed != role {
			t.Errorf("%v is %q, which is %v, %v", role, role.Name(), parsed, err)
		}
	}
	for _, text := range []string{"", "none", "Owner", "3"} {
		if role, err := ParseRole(text); err == nil {
			t.Errorf("%q is %v", text, role)
		}
	}
	if noRole.Name() != "" {
		t.Errorf("no role is %q", noRole.Name())
	}
}

func TestAMessageOfAGroupAsksWhomItMentions(t *testing.T) {
	group, ann, ben, cem := uint64(9), uint64(1), uint64(2), uint64(3)
	message := func(mentions ...uint64) *Message {
		return &Message{SenderId: &ann, ReceiverId: &group, GroupId: &group, Mentions: mentions}
	}
	for _, test := range []struct {
		m    *Message
		user uint64
		asks bool
	}{
		{message(), ben, false}, {message(ben), ben, true}, {message(ben), cem, false}, {message(Everyone), cem, true},
		{message(Everyone), ann, false}, {message(ann), ann, false},
	} {
		e := test.m.EventTo(test.user)
		if e.Asks(Group) != test.asks || e.Replies(Group) != (test.user == ann) || (e.Side == First) != (test.user == ann) {
			t.Errorf("mentions %v, to %d: %+v, asks %t, replies %t", test.m.Mentions, test.user, e, e.Asks(Group), e.Replies(Group))
		}
	}
	m := message(ben)
	m.MessageType = MessageType_MESSAGE_TYPE_GROUP_RENAME.Enum()
	if e := m.EventTo(ben); e.Asks(Group) {
		t.Error("what happens to the group asks")
	}
}
