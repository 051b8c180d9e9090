package bridge

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"parley/wasm/chat"
)

// told runs f on the loop as one turn of it and returns the events that a page gets.
func told(t *testing.T, f func(v *events)) (names []string, byName map[string]any) {
	t.Helper()
	byName = make(map[string]any)
	inProfile(t, func(p *profile) {
		p.do(1, attachCommand(nil))
		clear(p.posts)
		p.loop.Post(func() { f(&p.hub.engines[me].events) })
		synctest.Wait()
		if len(p.posts[1]) != 1 {
			t.Fatalf("%d posts for one turn: %v", len(p.posts[1]), p.posts[1])
		}
		for _, item := range p.posts[1][0].([]any) {
			r := item.(record)
			names = append(names, r["event"].(string))
			byName[r["event"].(string)] = r["detail"]
		}
	})
	return names, byName
}

func TestWhatChangesTwiceInATurnIsToldOnce(t *testing.T) {
	names, byName := told(t, func(v *events) {
		v.Conversations([]chat.Conversation{{Key: "a", Head: 1}, {Key: "b", Head: 1}})
		v.Conversations([]chat.Conversation{{Key: "a", Head: 2}})
		v.Connection(chat.Connection{State: chat.Connecting})
		v.Connection(chat.Connection{State: chat.Live})
		v.Messages("a", []chat.Message{{Key: "a", Seq: 1}}, nil)
		v.Messages("a", []chat.Message{{Key: "a", Seq: 2}}, nil)
		v.Typing("a", 5, true)
		v.Typing("a", 5, false)
	})
	if diff := cmp.Diff([]string{"conversations", "connection", "messages", "typing"}, names); diff != "" {
		t.Fatalf("events (-want +got)\n%s", diff)
	}
	list := byName["conversations"].([]any)
	if len(list) != 2 || list[0].(record)["head"] != uint64(2) {
		t.Errorf("conversations = %v, want a with head 2, and b", list)
	}
	if got := byName["connection"].(record)["state"]; got != "live" {
		t.Errorf("connection = %v, want live", got)
	}
	if got := byName["messages"].(record)["messages"].([]any); len(got) != 2 {
		t.Errorf("messages = %v, want both", got)
	}
	if got := byName["typing"].(record)["active"]; got != false {
		t.Errorf("typing = %v, want the last word", got)
	}
}

func TestAMessageDeletedInTheTurnOfItsMakingIsOnlyGone(t *testing.T) {
	_, byName := told(t, func(v *events) {
		v.Messages("a", []chat.Message{{Key: "a", Ref: "01"}, {Key: "a", Ref: "02"}}, nil)
		v.Messages("a", nil, []string{"01"})
	})
	detail := byName["messages"].(record)
	if got := detail["messages"].([]any); len(got) != 1 || got[0].(record)["ref"] != "02" {
		t.Errorf("messages = %v, want the one that is left", got)
	}
	if diff := cmp.Diff([]any{"01"}, detail["gone"]); diff != "" {
		t.Errorf("gone (-want +got)\n%s", diff)
	}
}

func TestAResetVoidsWhatWasToldBeforeIt(t *testing.T) {
	names, byName := told(t, func(v *events) {
		v.Messages("a", []chat.Message{{Key: "a", Seq: 1}}, nil)
		v.Conversations([]chat.Conversation{{Key: "a"}})
		v.Reset()
		v.Messages("b", []chat.Message{{Key: "b", Seq: 1}}, nil)
		v.Failed(errors.New("the disk is full"))
	})
	if diff := cmp.Diff([]string{"reset", "messages", "error"}, names); diff != "" {
		t.Fatalf("events (-want +got)\n%s", diff)
	}
	if got := byName["messages"].(record)["key"]; got != "b" {
		t.Errorf("messages are of %v, want those after the reset", got)
	}
	if got := byName["error"].(record)["message"]; got != "the disk is full" {
		t.Errorf("error = %v", got)
	}
}
