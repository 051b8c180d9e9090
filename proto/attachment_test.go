package proto_test

import (
	"strings"
	"testing"

	"parley/proto"
)

func TestFileNamesAreCleaned(t *testing.T) {
	for name, want := range map[string]string{
		"report.pdf":                        "report.pdf",
		"../../etc/passwd":                  "passwd",
		`C:\Users\me\photo.jpg`:             "photo.jpg",
		"a\x00b\nc\x1b.txt":                 "abc.txt",
		"invoice\u202efdp.exe":              "invoicefdp.exe",
		"two\u2066\u2069\u200f.txt":         "two.txt",
		" . ":                               "file",
		"":                                  "file",
		"/":                                 "file",
		"...hidden":                         "hidden",
		"\u3164\u200b":                      "file",
		"报告.docx":                           "报告.docx",
		"line\u2028end.txt":                 "lineend.txt",
		"con\u00a0name.txt":                 "con name.txt",
		`a<b>c:"d|e?f*.txt`:                 "abcdef.txt",
		strings.Repeat("é", 2000) + ".jpeg": strings.Repeat("é", 125) + ".jpeg",
		strings.Repeat("x", 4000):           strings.Repeat("x", 255),
		"x." + strings.Repeat("y", 4000):    "x." + strings.Repeat("y", 253),
		"👩\u200d🔬.png":                      "👩\u200d🔬.png",
		"bad\xffutf8.txt":                   "badutf8.txt",
	} {
		if got := proto.CleanFileName(name); got != want {
			t.Errorf("CleanFileName(%.40q) = %q, want %q", name, got, want)
		}
		if again := proto.CleanFileName(want); again != want {
			t.Errorf("CleanFileName(%q) = %q: a clean name changes", want, again)
		}
	}
}

func TestAttachmentsThatCannotBeAreRefused(t *testing.T) {
	one := func(change func(*proto.Attachment)) []*proto.Attachment {
		id := uint64(1)
		a := &proto.Attachment{AttachmentId: &id}
		change(a)
		return []*proto.Attachment{a}
	}
	many := func(n int) (all []*proto.Attachment) {
		for i := range n {
			id := uint64(i + 1)
			all = append(all, &proto.Attachment{AttachmentId: &id})
		}
		return all
	}
	const image, voice, text, note = proto.MessageType_MESSAGE_TYPE_IMAGE, proto.MessageType_MESSAGE_TYPE_VOICE, proto.MessageType_MESSAGE_TYPE_TEXT, proto.MessageType_MESSAGE_TYPE_NOTE
	long := uint32(proto.MaxDuration + 1)
	for _, test := range []struct {
		name string
		kind proto.MessageType
		all  []*proto.Attachment
		why  string // "": fine
	}{
		{"none", text, nil, ""},
		{"ten", image, many(10), ""},
		{"eleven", image, many(11), "too many"},
		{"with a text", text, many(1), "have none"},
		{"with a note", note, many(1), "have none"},
		{"two sounds", voice, many(2), "has one"},
		{"twice the same", image, append(many(1), many(1)...), "twice"},
		{"nothing's", image, one(func(a *proto.Attachment) { a.AttachmentId = new(uint64) }), "is 0"},
		{"a preview", image, one(func(a *proto.Attachment) { a.Preview = append([]byte{2, 1}, make([]byte, 6)...) }), ""},
		{"the largest preview", image, one(func(a *proto.Attachment) { a.Preview = append([]byte{18, 18}, make([]byte, 972)...) }), ""},
		{"a preview cut short", image, one(func(a *proto.Attachment) { a.Preview = []byte{2, 1, 0} }), "preview"},
		{"a preview of nothing", image, one(func(a *proto.Attachment) { a.Preview = []byte{0, 0} }), "preview"},
		{"a preview too large", image, one(func(a *proto.Attachment) { a.Preview = append([]byte{19, 1}, make([]byte, 57)...) }), "preview"},
		{"a long waveform", voice, one(func(a *proto.Attachment) { a.Waveform = make([]byte, 129) }), "waveform"},
		{"two hours", voice, one(func(a *proto.Attachment) { a.Duration = &long }), "duration"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := proto.CheckAttachments(test.kind, test.all)
			if test.why == "" && err != nil || test.why != "" && (err == nil || !strings.Contains(err.Error(), test.why)) {
				t.Errorf("refused with %v, want %q", err, test.why)
			}
		})
	}
}
