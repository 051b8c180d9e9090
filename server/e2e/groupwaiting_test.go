package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"testing"

	"parley/proto"
	"parley/proto/answeredtest"
)

// groupStage is a server on which the scenarios of groups are played, and their people.
type groupStage struct {
	t       *testing.T
	server  *server
	devices map[answeredtest.Person]*device
}

func newGroupStage(t *testing.T, s *server) *groupStage {
	return &groupStage{t, s, map[answeredtest.Person]*device{
		answeredtest.Ann: newDevice(t, s, ann, "Ann"), answeredtest.Ben: newDevice(t, s, ben, "Ben"), answeredtest.Cleo: newDevice(t, s, cleo, "Cleo"),
	}}
}

// id is a person's, as it stands in JSON.
func (st *groupStage) id(p answeredtest.Person) string {
	return strconv.FormatUint(st.devices[p].user, 10)
}

func (st *groupStage) ids(people []answeredtest.Person) (ids []string) {
	for _, p := range people {
		ids = append(ids, st.id(p))
	}
	return ids
}

// asks asks the server as somebody over HTTP, and reads the answer.
func (st *groupStage) asks(by answeredtest.Person, method, path string, question any) (answer struct {
	GroupID string `json:"group_id"`
}) {
	st.t.Helper()
	status, body, err := st.server.Client().Fetch(st.t.Context(), method, path, st.devices[by].token, question)
	if err != nil || status >= http.StatusBadRequest {
		st.t.Fatalf("%s %s: status %d, %v: %s", method, path, status, err, body)
	}
	if len(body) > 0 {
		if err := json.Unmarshal(body, &answer); err != nil {
			st.t.Fatal(err)
		}
	}
	return answer
}

// groupOutcome is a scenario that was played, and since when who is asked.
type groupOutcome struct {
	answeredtest.GroupScenario
	key   string
	since map[answeredtest.Person]string // "0": nothing asks them
	of    map[answeredtest.Person]bool   // who ever was in the group
}

// play plays a scenario, each entry once the one before is stored.
func (st *groupStage) play(sc answeredtest.GroupScenario) groupOutcome {
	st.t.Helper()
	history := map[bool]string{true: "all", false: "joined"}[sc.Whole]
	made := st.asks(answeredtest.Ann, http.MethodPost, "/api/groups", map[string]any{"name": sc.Story[:min(len(sc.Story), proto.MaxName)], "history": history, "members": st.ids(sc.Log[0].Members)})
	group, err := strconv.ParseUint(made.GroupID, 10, 64)
	if err != nil {
		st.t.Fatalf("%s: the group is %q", sc.Story, made.GroupID)
	}
	out := groupOutcome{GroupScenario: sc, key: proto.GroupKey(group).String(), since: map[answeredtest.Person]string{}, of: map[answeredtest.Person]bool{}}
	times := []string{"0", ""} // by seq
	var last uint64
	for i, e := range sc.Log {
		for _, p := range e.Members {
			out.of[p] = true
		}
		if i == 0 {
			continue
		}
		awaitClock(last)
		members := "/api/groups/" + made.GroupID + "/members"
		switch e.Does {
		case proto.MessageType_MESSAGE_TYPE_GROUP_JOIN:
			st.asks(e.By, http.MethodPost, members, map[string]any{"members": st.ids(e.Members)})
		case proto.MessageType_MESSAGE_TYPE_GROUP_LEAVE, proto.MessageType_MESSAGE_TYPE_GROUP_REMOVE:
			st.asks(e.By, http.MethodDelete, members+"/"+st.id(e.Members[0]), nil)
		default:
			var seq uint64
			if seq, last = st.devices[e.By].must(proto.BranchMessage, st.message(group, e, fmt.Sprint(sc.Story, " ", i+1))); seq != uint64(i+1) {
				st.t.Fatalf("%s: entry %d got seq %d", sc.Story, i+1, seq)
			}
		}
		times = append(times, strconv.FormatUint(last, 10))
	}
	for p := range st.devices {
		out.since[p] = times[sc.Asks[p]]
	}
	return out
}

// message is an entry that somebody writes, as their device sends it.
func (st *groupStage) message(group uint64, e answeredtest.GroupEntry, content string) *proto.Message {
	if e.Does.Control() && e.Does != proto.MessageType_MESSAGE_TYPE_EDIT {
		content = ""
	}
	if e.Does == proto.MessageType_MESSAGE_TYPE_REACT {
		content = "👍"
	}
	m := &proto.Message{
		MessageId: new(uint64), SenderId: new(uint64), Content: &content, CreateTime: new(uint64), ReceiverId: &group, GroupId: &group,
		SeenSeq: e.Seen, MessageType: &e.Does,
	}
	if e.Of != 0 {
		m.TargetSeq = &e.Of
	}
	for _, p := range e.Mentions {
		if p == answeredtest.Everyone {
			m.Mentions = append(m.Mentions, proto.Everyone)
		} else {
			m.Mentions = append(m.Mentions, st.devices[p].user)
		}
	}
	return m
}

// TestWhoIsAskedInAGroupIsAsThePlainScenariosSay plays what a product owner can read in
// proto/answeredtest on the real server, over MQTT and HTTP, and asks each of the people, and before
// pages that are open meanwhile.
func TestWhoIsAskedInAGroupIsAsThePlainScenariosSay(t *testing.T) {
	t.Parallel()
	s := newServerWithKey(t, "-new-conversations", "0")
	g := newGate(t, s)
	st := newGroupStage(t, s)
	pages := map[answeredtest.Person]*person{}
	for _, p := range []answeredtest.Person{answeredtest.Ben, answeredtest.Cleo} {
		pages[p] = signInAs(newProfile(t), g, st.devices[p].user, string(p), st.devices[p].token)
	}
	var played []groupOutcome
	for _, sc := range answeredtest.GroupScenarios() {
		played = append(played, st.play(sc))
	}
	lists := map[answeredtest.Person]map[string]standing{}
	for p, device := range st.devices {
		rows := s.rows(device.token)
		lists[p] = map[string]standing{}
		for _, o := range played {
			if !o.of[p] {
				continue
			}
			if got := rows[o.key]; got.WaitingSince != o.since[p] || got.AwaitingSince != "0" {
				t.Errorf("%s: %s is told %+v, want to be asked since %s", o.Story, p, got, o.since[p])
			}
			lists[p][o.key] = standing{Waiting: o.since[p], Awaiting: "0", Assignee: "0"}
		}
	}
	for p, page := range pages {
		page.shows(lists[p])
	}
	pages[answeredtest.Ben].reload() // from this browser's store
	pages[answeredtest.Ben].shows(lists[answeredtest.Ben])
	for _, page := range pages {
		page.wroteNoErrors()
	}
}
