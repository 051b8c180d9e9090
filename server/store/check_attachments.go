package store

import (
	"parley/server/chat"
	"parley/server/store/relational"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
)

// attachments holds which entries name attachments against what these carry, and what is due
// against what is named.
func (c *checker) attachments() error {
	for query, words := range map[string]string{
		"SELECT attachment FROM attachment_names n WHERE NOT EXISTS (SELECT 1 FROM attachments a WHERE a.id = n.attachment)":                                                                                                            "attachment %d: an entry names it, and it is not there",
		"SELECT attachment FROM attachment_names n WHERE n.seq != x'0000000000000000' AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.conversation = n.conversation AND m.seq = n.seq)":                                                "attachment %d: an entry names it that is not there",
		"SELECT attachment FROM attachment_names n WHERE n.seq = x'0000000000000000' AND NOT EXISTS (SELECT 1 FROM user_groups g WHERE g.conversation = n.conversation AND g.picture = n.attachment)":                                   "attachment %d: it is named as the picture of a group, which has another",
		"SELECT picture FROM user_groups g WHERE g.picture != x'0000000000000000' AND NOT EXISTS (SELECT 1 FROM attachment_names n WHERE n.attachment = g.picture AND n.conversation = g.conversation AND n.seq = x'0000000000000000')": "attachment %d: it is the picture of a group, which does not name it",
		"SELECT id FROM attachments a WHERE due = x'0000000000000000' AND NOT EXISTS (SELECT 1 FROM attachment_names n WHERE n.attachment = a.id)":                                                                                      "attachment %d: no entry names it, and it is kept for ever",
		"SELECT id FROM attachments a WHERE due != x'0000000000000000' AND EXISTS (SELECT 1 FROM attachment_names n WHERE n.attachment = a.id)":                                                                                         "attachment %d: an entry names it, and it is to be deleted",
	} {
		if err := c.Rows(func(row relational.Row) error {
			var id relational.Number
			err := row.Scan(&id)
			c.find(words, uint64(id))
			return err
		}, query); err != nil {
			return err
		}
	}
	return nil
}

// carried returns how many attachments an entry's body carries.
func carried(e *chat.Entry) int {
	switch {
	case !e.Type.Carries():
		return 0
	case e.Key.Kind() != proto.Service:
		var m proto.Message
		_ = protobuf.Unmarshal(e.Body, &m) // unlike looked
		return len(m.Attachments)
	}
	var m proto.ServiceMessage
	_ = protobuf.Unmarshal(e.Body, &m) // likewise
	return len(m.Attachments)
}

// named returns how many attachments each entry of a conversation names, by seq.
func (c *checker) named(conversation int64) (map[uint64]int, error) {
	return c.counted("SELECT seq, count(*) FROM attachment_names WHERE conversation = ? GROUP BY seq", conversation)
}

// counted returns what a query counts of each entry of a conversation, by seq.
func (c *checker) counted(query string, conversation int64) (counts map[uint64]int, err error) {
	counts = make(map[uint64]int)
	err = c.Rows(func(row relational.Row) error {
		var seq relational.Number
		var n int
		err := row.Scan(&seq, &n)
		counts[uint64(seq)] = n
		return err
	}, query, conversation)
	return counts, err
}
