package chat_test

import (
	"strings"
	"testing"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/server/chat"
	"parley/server/chat/chattest"
)

// withoutExtend is what a row shows of a short message.
func withoutExtend(m *proto.ServiceMessage) *proto.ServiceMessage {
	shown := protobuf.CloneOf(m)
	shown.Extend = nil
	return shown
}

func TestARowShowsThe200CharactersAtMostThatALastMessageBeginsWith(t *testing.T) {
	const (
		family = "👩‍👩‍👧‍👦"            // 25 bytes
		accent = "e\u0301"            // two runes
		flag   = "🇩🇪"                 // two runes
		jamo   = "\u1112\u1161\u11ab" // one syllable
		thumb  = "👍🏽"
	)
	zalgo := "a" + strings.Repeat("\u0301", 5000)
	for _, test := range []struct{ name, content, want string }{
		{"a short one, as it is", "hello, " + family, "hello, " + family},
		{"200 letters", strings.Repeat("x", 200), strings.Repeat("x", 200)},
		{"a letter more", strings.Repeat("x", 201), strings.Repeat("x", 200)},
		{"the longest", strings.Repeat("x", proto.MaxContent), strings.Repeat("x", 200)},
		{"letters of three bytes", strings.Repeat("語", 500), strings.Repeat("語", 200)},
		{"accents are not cut off", strings.Repeat("x", 199) + accent + accent, strings.Repeat("x", 199) + accent},
		{"nor half a flag", strings.Repeat("x", 199) + flag + flag, strings.Repeat("x", 199) + flag},
		{"nor a part of a syllable", strings.Repeat("x", 199) + jamo + jamo, strings.Repeat("x", 199) + jamo},
		{"nor the colour of a thumb", strings.Repeat("x", 199) + thumb + "x", strings.Repeat("x", 199) + thumb},
		{"at most 1,024 bytes of families", strings.Repeat(family, 200), strings.Repeat(family, 1024/len(family))},
		{"a character without end is left out", "well: " + zalgo, "well: "},
		{"also at the beginning", zalgo, ""},
		{"line breaks count", "x" + strings.Repeat("\r\n", 300), "x" + strings.Repeat("\r\n", 199)},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := prepared(t, chattest.NewMemory(1))
			commit := func(branch proto.Branch, from chat.Sender, m protobuf.Message) {
				t.Helper()
				request, err := b.Prepare(from, branch, encode(t, m), nil)
				if err != nil {
					t.Fatal(err)
				}
				if result := b.Commit(t.Context(), []chat.Request{request})[0]; result.Err != nil {
					t.Fatal(result.Err)
				}
			}
			commit(proto.BranchMessage, chat.Sender{User: ada}, with(text(bob, test.content), ref(1), 0))
			stored := b.out.take()[0].body.(*proto.Message)
			same(t, "what is stored", stored.GetContent(), test.content)
			stored.Content = &test.want
			same(t, "the row's last", b.rows(bob)["d:3:5"].GetLast(), stored)

			m := word(cora, test.content)
			m.Extend, m.ClientRef = protobuf.String(`{"form":7}`), ref(2)
			commit(proto.BranchService, chat.Sender{User: cora}, m)
			entry := b.out.take()[0].body.(*proto.ServiceMessage)
			same(t, "what is stored", []string{entry.GetContent(), entry.GetExtend()}, []string{test.content, `{"form":7}`})
			entry.Content, entry.Extend = &test.want, nil
			same(t, "the row's last", b.rows(cora)[salesKey.String()].GetLastService(), entry)
		})
	}
}
