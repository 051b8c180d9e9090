package postgres

import (
	"parley/server/chat"
	"parley/server/store/relational"
)

// maxTrigrams bounds those that a search compares before it looks at the names
// themselves.
const maxTrigrams = 6

// trigrams are the three characters that begin at each place of a text, each once.
func trigrams(text string) (all []string) {
	known := make(map[string]bool)
	runes := []rune(text)
	for i := 0; i+chat.MinInner <= len(runes); i++ {
		if t := string(runes[i : i+chat.MinInner]); !known[t] {
			known[t] = true
			all = append(all, t)
		}
	}
	return all
}

// IndexName implements relational.Conn.
func (c *connection) IndexName(id uint64, folded string) error {
	if err := c.Exec("INSERT INTO user_words (rest, user_id) SELECT unnest(?::text[]), ? ON CONFLICT DO NOTHING", texts(chat.Words(folded)), relational.Number(id)); err != nil {
		return err
	}
	return c.Exec("INSERT INTO user_trigrams (trigram, user_id) SELECT unnest(?::text[]), ? ON CONFLICT DO NOTHING", texts(trigrams(folded)), relational.Number(id))
}

// UnindexName implements relational.Conn.
func (c *connection) UnindexName(id uint64, folded string) error {
	if err := c.Exec("DELETE FROM user_words WHERE rest = ANY(?) AND user_id = ?", texts(chat.Words(folded)), relational.Number(id)); err != nil {
		return err
	}
	return c.Exec("DELETE FROM user_trigrams WHERE trigram = ANY(?) AND user_id = ?", texts(trigrams(folded)), relational.Number(id))
}

// Inner implements relational.Conn. The users of one trigram are read by their ids, and
// of each it is looked up whether they are among those of the others.
func (c *connection) Inner(text string, limit int) (ids []uint64, err error) {
	all := trigrams(text)
	query, args := "SELECT t.user_id FROM user_trigrams t JOIN users ON users.id = t.user_id WHERE t.trigram = ?", []any{all[0]}
	for _, other := range all[1:min(len(all), maxTrigrams)] {
		query += " AND EXISTS (SELECT 1 FROM user_trigrams WHERE trigram = ? AND user_id = t.user_id)"
		args = append(args, other)
	}
	err = c.Rows(func(row relational.Row) error {
		var id uint64
		err := row.Scan((*relational.Number)(&id))
		ids = append(ids, id)
		return err
	}, query+" AND strpos(users.folded, ?) > 0 ORDER BY t.user_id LIMIT ?", append(args, text, limit)...)
	return ids, err
}

// named is a user's name.
type named struct {
	id   relational.Number
	name string
}

// names returns those of some users after one, by id.
func (c *connection) names(after relational.Number) (page []named, err error) {
	err = c.Rows(func(row relational.Row) error {
		var n named
		err := row.Scan(&n.id, &n.name)
		page = append(page, n)
		return err
	}, "SELECT id, name FROM users WHERE id > ? ORDER BY id LIMIT 1000", after)
	return page, err
}
