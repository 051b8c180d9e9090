package proto

import "unicode/utf8"

// plain is an entry of a conversation. They come by the thousand, and to look at them by reflection takes as long as to decode them.
type plain interface {
	// plain reports whether there is nothing in the entry that check could refuse in an open message; false if that takes a closer look.
	plain() bool
}

func (m *Message) plain() bool {
	return len(m.Attachments)+len(m.Reactions)+len(m.MemberNames) == 0 && allUTF8(m.GetContent(), m.GetSenderName())
}

func (m *ServiceMessage) plain() bool {
	return len(m.Attachments)+len(m.Reactions) == 0 && allUTF8(m.GetContent(), m.GetExtend())
}

func allUTF8(texts ...string) bool {
	for _, text := range texts {
		if !utf8.ValidString(text) {
			return false
		}
	}
	return true
}
