package proto

import (
	"math"
	"testing"
)

func TestTopicsAreThoseOfTheContract(t *testing.T) {
	tests := []struct{ got, want string }{
		{Up(42, BranchMessage), "chat/42/up/message"},
		{Up(42, BranchService), "chat/42/up/service"},
		{Up(42, BranchMark), "chat/42/up/mark"},
		{Up(42, BranchSync), "chat/42/up/sync"},
		{Up(42, BranchTyping), "chat/42/up/typing"},
		{Up(42, BranchSettings), "chat/42/up/settings"},
		{Up(42, BranchBlock), "chat/42/up/block"},
		{Up(42, BranchChoice), "chat/42/up/choice"},
		{Down(math.MaxUint64, BranchMessage), "chat/18446744073709551615/down/message"},
		{Down(42, BranchService), "chat/42/down/service"},
		{Down(42, BranchMark), "chat/42/down/mark"},
		{Down(42, BranchUnread), "chat/42/down/unread"},
		{Down(42, BranchTyping), "chat/42/down/typing"},
		{Down(42, BranchPresence), "chat/42/down/presence"},
		{Down(42, BranchSettings), "chat/42/down/settings"},
		{DownFilter(1<<53 + 1), "chat/9007199254740993/down/#"},
	}
	for _, test := range tests {
		if test.got != test.want {
			t.Errorf("%s, want %s", test.got, test.want)
		}
	}
}

func TestAUserSendsOnTheUpBranchAlone(t *testing.T) {
	for _, b := range []Branch{BranchMessage, BranchService, BranchMark, BranchSync, BranchTyping, BranchSettings, BranchBlock, BranchChoice} {
		user, branch, ok := ParseUp(Up(math.MaxUint64, b))
		if user != math.MaxUint64 || branch != b || !ok {
			t.Errorf("ParseUp(%s) = %d, %s, %t", Up(math.MaxUint64, b), user, branch, ok)
		}
		if _, _, ok := ParseUp(Down(7, b)); ok {
			t.Errorf("ParseUp accepts %s", Down(7, b))
		}
	}
	for _, b := range []Branch{BranchUnread, BranchPresence} {
		if _, _, ok := ParseUp(Up(7, b)); ok {
			t.Errorf("a client may send %s", b)
		}
	}
}

func TestAUserListensOnTheDownBranchAlone(t *testing.T) {
	for _, b := range []Branch{BranchMessage, BranchService, BranchMark, BranchUnread, BranchTyping, BranchPresence, BranchSettings, "#"} {
		user, branch, ok := ParseDown(Down(1<<63, b))
		if user != 1<<63 || branch != b || !ok {
			t.Errorf("ParseDown(%s) = %d, %s, %t", Down(1<<63, b), user, branch, ok)
		}
		if _, _, ok := ParseDown(Up(7, b)); ok {
			t.Errorf("ParseDown accepts %s", Up(7, b))
		}
	}
	if _, _, ok := ParseDown(Down(7, BranchSync)); ok {
		t.Errorf("the server may send %s", BranchSync)
	}
}

func TestEveryOtherTopicIsRefused(t *testing.T) {
	for _, name := range []string{
		"", "/", "#", "+", "chat", "chat/#", "chat/+/up/message", "chat/+/down/#", "chat/1/#", "chat/1/+/message",
		"chat/1/up/#", "chat/1/up/+", "chat/1/down/+", "chat/1/up", "chat/1/up/", "chat/1/up/message/", "/chat/1/up/message",
		"chat/1/up/message/x", "chat//up/message", "chat/0/up/message", "chat/01/up/message", "chat/+1/up/message",
		"chat/-1/up/message", "chat/1 /up/message", "chat/18446744073709551616/up/message", "chat/1/UP/message",
		"Chat/1/up/message", "chat/1/up/Message", "chat/1/up/other", "chat/1/down/other", "$SYS/#", "$SYS/1/up/message",
		"$share/parley/chat/1/down/#", "chat/1/down/message/#", "chat/1/down/##", "chat/1/up/message\x00",
	} {
		if user, b, ok := ParseUp(name); ok || b != "" && user != 0 {
			t.Errorf("ParseUp(%q) = %d, %q, %t", name, user, b, ok)
		}
		if user, b, ok := ParseDown(name); ok || b != "" && user != 0 {
			t.Errorf("ParseDown(%q) = %d, %q, %t", name, user, b, ok)
		}
	}
}

func TestAnIDIsReadInCanonicalDecimalOnly(t *testing.T) {
	for s, want := range map[string]uint64{
		"1": 1, "10": 10, "9007199254740993": 1<<53 + 1, "9223372036854775808": 1 << 63, "18446744073709551615": math.MaxUint64,
	} {
		if got, ok := ParseID(s); got != want || !ok {
			t.Errorf("ParseID(%q) = %d, %t", s, got, ok)
		}
	}
	for _, s := range []string{"", "0", "00", "01", "+1", "-1", " 1", "1 ", "1.0", "1e3", "0x1", "1_0", "18446744073709551616", "१"} {
		if got, ok := ParseID(s); got != 0 || ok {
			t.Errorf("ParseID(%q) = %d, %t", s, got, ok)
		}
	}
}

func FuzzParseUp(f *testing.F) {
	fuzzTopic(f, ParseUp, Up)
}

func FuzzParseDown(f *testing.F) {
	fuzzTopic(f, ParseDown, Down)
}

// fuzzTopic sees that there is one way to write each topic that is accepted.
func fuzzTopic(f *testing.F, parse func(string) (uint64, Branch, bool), format func(uint64, Branch) string) {
	for _, s := range []string{"chat/1/up/message", "chat/1/down/#", "chat/18446744073709551615/down/unread", "chat/01/up/sync", "$share/x/chat/1/down/#", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		user, b, ok := parse(name)
		if ok && (user == 0 || format(user, b) != name) {
			t.Errorf("%q passes for %q", name, format(user, b))
		}
	})
}
