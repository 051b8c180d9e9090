package proto_test

import (
	"errors"
	"strings"
	"testing"

	"parley/proto"
)

func TestContentIsSomethingToSeeAndNotTooLong(t *testing.T) {
	for content, want := range map[string]proto.Reason{
		"":                                     proto.PayloadFormatInvalid,
		" \t\r\n":                              proto.PayloadFormatInvalid,
		"\u00a0\u2003\u3000\u2028\u0085":       proto.PayloadFormatInvalid,
		"\x00":                                 proto.PayloadFormatInvalid,
		"\x1b\x7f\u0080":                       proto.PayloadFormatInvalid,
		"\u2800":                               proto.PayloadFormatInvalid,
		"\u200b\u200c\u200d\u2060\ufeff":       proto.PayloadFormatInvalid,
		"\u3164\uffa0\u115f\u1160":             proto.PayloadFormatInvalid,
		"\u00ad\u034f\u180e\ufe0f\u202e":       proto.PayloadFormatInvalid,
		"\U000e0041\U0001d159":                 proto.PayloadFormatInvalid,
		strings.Repeat("\u2800", 5_461):        proto.PayloadFormatInvalid,
		strings.Repeat(" ", 16_385):            proto.PacketTooLarge,
		strings.Repeat("x", 16_385):            proto.PacketTooLarge,
		strings.Repeat("x", 16_384):            proto.Success,
		strings.Repeat(" ", 16_383) + ".":      proto.Success,
		".":                                    proto.Success,
		"\u200b.":                              proto.Success,
		"\x00a":                                proto.Success, // the page shows a sign for it
		"\u0301":                               proto.Success,
		"\u0600":                               proto.Success, // a sign for numbers, although a format character
		"\ue000\uf8ff":                         proto.Success, // some fonts have it
		"\U0001fae8\U0001f468\u200d\U0001f4bb": proto.Success,
	} {
		var got proto.Reason
		if err := proto.CheckContent(content); err != nil {
			var refusal *proto.Refusal
			if !errors.As(err, &refusal) {
				t.Fatalf("%v is no refusal", err)
			}
			got = refusal.Reason
			if !strings.HasPrefix(refusal.Text, "content ") {
				t.Errorf("%.40q: %q does not name content", content, refusal.Text)
			}
		}
		if got != want {
			t.Errorf("%.40q: reason %#x, want %#x", content, got, want)
		}
	}
}
