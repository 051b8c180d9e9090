package store

import (
	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/server/chat"
)

// roll is who was in a group when, by what is kept of its log. Of whom that does not tell, nobody can
// say.
type roll struct {
	roles   proto.Roles
	reads   map[uint64]span // of whom the log tells
	name    *string         // nil if no entry says it
	changes uint64
}

// span is what a member reads of a log, as chat.Member has it; from is 0 where the log does not say when they came.
type span struct{ from, until uint64 }

func newRoll() *roll { return &roll{roles: make(proto.Roles), reads: make(map[uint64]span)} }

// add takes in the next entry.
func (r *roll) add(e *chat.Entry) {
	if !e.Type.OfGroup() {
		return
	}
	var m proto.Message
	_ = protobuf.Unmarshal(e.Body, &m) // unlike looked
	r.changes++
	r.roles.Add(&m)
	switch e.Type {
	case proto.MessageType_MESSAGE_TYPE_GROUP_CREATE, proto.MessageType_MESSAGE_TYPE_GROUP_RENAME:
		r.name = m.Content
	}
	for _, user := range m.Members {
		s := r.reads[user]
		switch e.Type {
		case proto.MessageType_MESSAGE_TYPE_GROUP_CREATE, proto.MessageType_MESSAGE_TYPE_GROUP_JOIN:
			s = span{from: e.Seq}
		case proto.MessageType_MESSAGE_TYPE_GROUP_LEAVE, proto.MessageType_MESSAGE_TYPE_GROUP_REMOVE:
			s.until = e.Seq
		}
		r.reads[user] = s
	}
}

// group holds what is kept of a group and its members against its log, as far as that is kept.
func (c *checker) group(one checkedConversation, l *ledger) error {
	if one.Key.Kind() != proto.Group {
		return nil
	}
	var g chat.Group
	found, err := c.Row([]any{&g.Name, &g.Whole, &g.Members, &g.Version}, "SELECT name, whole, members, version FROM user_groups WHERE conversation = ?", one.id)
	if err != nil {
		return err
	}
	if !found {
		c.find("conversation %s: there is no such group", one.name)
		return nil
	}
	there, r, all := uint64(0), l.roll, l.first == 1
	for _, m := range l.members {
		if m.Role != proto.GroupRole_GROUP_ROLE_NONE {
			there++
		}
		c.compareRole(one, r, m, g.Whole, all)
	}
	if g.Members != there {
		c.find("conversation %s: %d are in the group, and %d are noted", one.name, there, g.Members)
	}
	if r.name != nil && *r.name != g.Name {
		c.find("conversation %s: the group's name is %q, by its log %q", one.name, g.Name, *r.name)
	}
	if all && g.Version != r.changes {
		c.find("conversation %s: %d entries tell what happened to the group, and %d are noted", one.name, r.changes, g.Version)
	}
	return nil
}

// compareRole holds a member against the log; all says that this is kept from its beginning.
func (c *checker) compareRole(one checkedConversation, r *roll, m chat.Member, whole, all bool) {
	s, told := r.reads[m.User]
	if !told && !all {
		return
	}
	if m.Role != r.roles[m.User] {
		c.find("conversation %s: user %d is %q in the group, by its log %q", one.name, m.User, m.Role.Name(), r.roles[m.User].Name())
	}
	if s.from > 0 && whole {
		s.from = 1
	}
	if (s.from > 0 || all) && m.From != s.from || told && m.Until != s.until {
		c.find("conversation %s: user %d reads from %d through %d, by the log from %d through %d", one.name, m.User, m.From, m.Until, s.from, s.until)
	}
}

// groups finds what belongs to no group, or to no entry of one.
func (c *checker) groups() error {
	const ofNone = " WHERE NOT EXISTS (SELECT 1 FROM conversations c WHERE c.id = x.conversation AND c.key LIKE 'g:%')"
	for query, words := range map[string]string{
		"SELECT count(*) FROM user_groups x" + ofNone:                                                     "%d groups have no conversation",
		"SELECT count(*) FROM group_links x" + ofNone:                                                     "%d links lead to no group",
		"SELECT count(*) FROM mentions x" + ofNone:                                                        "%d mentions are in no group",
		"SELECT count(*) FROM members x" + ofNone + " AND (role != 0 OR from_seq != x'0000000000000000')": "%d members are in a group that is none",
		"SELECT count(*) FROM group_links WHERE expires != x'0000000000000000' AND expires < made":        "%d links to groups ended before they were made",
	} {
		var n uint64
		if _, err := c.Row([]any{&n}, query); err != nil {
			return err
		}
		if n > 0 {
			c.find(words, n)
		}
	}
	return nil
}

// mentioned returns how many each entry of a conversation mentions, by seq.
func (c *checker) mentioned(one checkedConversation) (map[uint64]int, error) {
	if one.Key.Kind() != proto.Group {
		return nil, nil
	}
	return c.counted("SELECT seq, count(*) FROM mentions WHERE conversation = ? GROUP BY seq", one.id)
}

// mentions returns how many an entry's body mentions.
func mentions(e *chat.Entry) int {
	if e.Key.Kind() != proto.Group {
		return 0
	}
	var m proto.Message
	_ = protobuf.Unmarshal(e.Body, &m) // unlike looked
	return len(m.Mentions)
}
