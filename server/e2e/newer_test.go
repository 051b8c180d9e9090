package e2e

import (
	"database/sql"
	"encoding/binary"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	_ "modernc.org/sqlite"

	"parley/proto"
)

// An entry of a type that a newer version stores: the real one, of which the
// history on disk is altered while the server is away.
func (s *server) makeOfType(seq uint64, kind proto.MessageType) {
	s.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(s.Data, "parley.db"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	field := protowire.AppendVarint(protowire.AppendTag(nil, 19, protowire.VarintType), uint64(kind))
	field = protowire.AppendString(protowire.AppendTag(field, 99, protowire.BytesType), "of a newer version")
	// The last of a field counts.
	result, err := db.Exec(`UPDATE messages SET body = CAST(body || ? AS BLOB) WHERE seq = ?`, field, binary.BigEndian.AppendUint64(nil, seq))
	if err != nil {
		s.t.Fatal(err)
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		s.t.Fatalf("%d entries are altered, %v", n, err)
	}
}

func TestEntriesOfTypesToComeKeepTheirPlaceAndAreShownAsSuch(t *testing.T) {
	t.Parallel()
	s := newServerWithKey(t)
	g := newGate(t, s)
	bob := newDevice(t, s, 22, "Bob")
	for _, content := range []string{"one", "two", "three", "four"} {
		var zero, from, to uint64 = 0, 22, 21
		bob.must(proto.BranchMessage, &proto.Message{MessageId: &zero, SenderId: &from, ReceiverId: &to, Content: &content, CreateTime: &zero})
	}
	s.stop()
	s.makeOfType(2, 9)
	s.makeOfType(3, 40)
	s.makeOfType(4, 10)
	s.start()
	ada := signInAs(newProfile(t), g, 21, "Ada", s.token(21, "Ada"))
	ada.await("the list", `() => document.querySelector('[data-key="d:21:22"]')?.textContent.includes('four')`)
	ada.openChat("22")
	check := func(what string) {
		ada.awaitMessage("one", "received")
		ada.awaitMessage("four", "received")
		shown := ada.messages()
		want := []struct{ seq, text string }{
			{"1", "one"}, {"2", "two" + "This cannot be shown by this version"}, {"3", "This cannot be shown by this version: three"}, {"4", "four" + "This cannot be shown by this version"},
		}
		if len(shown) != len(want) {
			t.Fatalf("%s the page shows %+v", what, shown)
		}
		for i, w := range want {
			if shown[i].Seq != w.seq || !strings.Contains(shown[i].Text, w.text) {
				t.Errorf("%s the page shows %+v, want %+v", what, shown[i], w)
			}
		}
	}
	check("from the server")
	ada.reload()
	check("from its store")
	ada.wroteNoErrors()
}

func TestAConversationOfAKindToComeIsListedAndSaysThatItCannotBeShown(t *testing.T) {
	t.Parallel()
	s := newServerWithKey(t, "-static", filepath.Join("..", "..", "static")) // where each module has its own name
	g := newGate(t, s)
	ada := signInAs(newProfile(t), g, 21, "Ada", s.token(21, "Ada"))
	entry := call[struct{ Text, Href, Unread string }](ada.tab, `async () => {
		const [{ConversationEntry}, {PageContext}] = await Promise.all([import('/components/conversation-entry.js'), import('/model/page-context.js')]);
		const key = 'x:some/thing';
		const entry = new ConversationEntry(key, new PageContext(21n));
		entry.paint({key, peer: 0n, peerName: '', head: 3n, min: 0n, read: 0n, delivered: 0n, peerRead: 0n, peerDelivered: 0n, unread: 3n,
			waitingSince: 0, awaitingSince: 0, last: null, unsent: 0, waitingSeq: 0n, awaitingSeq: 0n, service: -1, agent: false, customer: 0n,
			assignee: 0n, assigneeName: '', closed: 'open', lastAnswer: 0n, lastAnswerBy: 0n, blocked: false, pinned: false, muted: false, archived: false, markedUnread: false}, false);
		return {Text: entry.item.textContent, Href: entry.item.querySelector('a').getAttribute('href'), Unread: entry.item.dataset.unread};
	}`)
	if !strings.Contains(entry.Text, "Something new") || !strings.Contains(entry.Text, "This cannot be shown by this version") || entry.Unread != "3" {
		t.Errorf("the list shows %+v", entry)
	}
	call[bool](ada.tab, `hash => { location.hash = hash; return true }`, entry.Href)
	ada.await("words in its place", `() => document.querySelector('h1.empty-title')?.textContent === 'This conversation cannot be shown by this version'`)
	ada.wroteNoErrors()
}
