package chat

import (
	"testing"

	"parley/proto"
)

func TestAnOlderRowDoesNotBringBackWhoHadTheConversation(t *testing.T) {
	row := func(agent uint64, name string) *proto.ConversationState {
		return &proto.ConversationState{AssigneeId: &agent, AssigneeName: &name}
	}
	var n names
	n = n.row(7, row(1, "Ann"))
	n = n.row(9, row(2, "Ben"))
	n = n.row(7, row(1, "Ann")) // comes late
	if n.of(2) != "Ben" || n.of(1) != "" {
		t.Errorf("the conversation is %q's, want Ben's", n.assignee)
	}
	n = n.row(9, row(2, "Benjamin")) // a new name is no new entry
	if n.of(2) != "Benjamin" {
		t.Errorf("the agent is called %q, want Benjamin", n.of(2))
	}
}
