package relational

import (
	"fmt"

	"parley/proto"
	"parley/server/chat"
)

const groupColumns = "name, whole, members, version, picture"

// Group implements chat.View.
func (v *View) Group(key proto.Key) (chat.Group, error) {
	id, err := v.rowID(key)
	if err != nil || id == 0 {
		return chat.Group{}, err
	}
	g := chat.Group{Key: key}
	found, err := v.Row([]any{&g.Name, &g.Whole, &g.Members, &g.Version, (*Number)(&g.Picture)}, "SELECT "+groupColumns+" FROM user_groups WHERE conversation = ?", id)
	if err != nil {
		return chat.Group{}, fmt.Errorf("read a group: %w", err)
	}
	if !found {
		return chat.Group{}, nil
	}
	return g, nil
}

// Named implements chat.View. GROUP_CREATE and GROUP_RENAME, by their numbers, have an index.
func (v *View) Named(key proto.Key, through uint64) (chat.Entry, error) {
	return v.first(key, "SELECT "+EntryColumns+" FROM messages INDEXED BY messages_naming WHERE conversation = ?1 AND seq <= ?2 AND type IN (32, 36) ORDER BY seq DESC LIMIT 1", Number(through))
}

// Present implements chat.View.
func (v *View) Present(key proto.Key) (users []uint64, err error) {
	id, err := v.rowID(key)
	if err != nil || id == 0 {
		return nil, err
	}
	users, err = v.userIDs("SELECT user_id FROM members WHERE conversation = ? AND role != 0 ORDER BY user_id", id)
	if err != nil {
		return nil, fmt.Errorf("read who is in a group: %w", err)
	}
	return users, nil
}

// userIDs reads rows of a user's id.
func (v *View) userIDs(query string, args ...any) (users []uint64, err error) {
	err = v.Rows(func(row Row) error {
		var user Number
		err := row.Scan(&user)
		users = append(users, uint64(user))
		return err
	}, query, args...)
	return users, err
}

// mentions selects from the entries of a conversation, ?1, which a user, ?2, did not write, those after
// a seq, ?3, that mention the user or everyone.
const mentions = " FROM mentions x CROSS JOIN messages m ON m.conversation = x.conversation AND m.seq = x.seq" +
	" WHERE x.conversation = ?1 AND x.user_id IN (?2, x'0000000000000000') AND x.seq > ?3 AND m.sender != ?2"

// FirstMention implements chat.View.
func (v *View) FirstMention(key proto.Key, user, after uint64) (chat.Entry, error) {
	return v.first(key, "SELECT m.seq, m.id, m.sender, m.client_ref, m.create_time, m.type, m.a_counted, m.b_counted, m.own, m.revised"+mentions+" ORDER BY x.seq LIMIT 1", Number(user), Number(after))
}

// CountMentions implements chat.View.
func (v *View) CountMentions(key proto.Key, user, after uint64, limit int) (n int, err error) {
	id, err := v.rowID(key)
	if err != nil || id == 0 {
		return 0, err
	}
	if _, err := v.Row([]any{&n}, "SELECT count(DISTINCT seq) FROM (SELECT x.seq AS seq"+mentions+" ORDER BY x.seq LIMIT ?4 + 0) AS those", id, Number(user), Number(after), max(0, limit)); err != nil {
		return 0, fmt.Errorf("count mentions: %w", err)
	}
	return n, nil
}

// authors selects who wrote those of ?4 messages of a conversation, ?1, that are the newest
// after a seq, ?2, through another, ?3. The plus keeps SQLite from an index of another order.
const authors = "SELECT DISTINCT sender FROM (SELECT sender FROM messages WHERE conversation = ?1 AND seq > ?2 AND seq <= ?3 AND +type < 16 ORDER BY seq DESC LIMIT ?4 + 0) AS newest ORDER BY sender"

// Authors implements chat.View.
func (v *View) Authors(key proto.Key, after, through uint64, limit int) (users []uint64, err error) {
	id, err := v.rowID(key)
	if err != nil || id == 0 {
		return nil, err
	}
	users, err = v.userIDs(authors, id, Number(after), Number(through), max(0, limit))
	if err != nil {
		return nil, fmt.Errorf("find who wrote: %w", err)
	}
	return users, nil
}

// GroupLink implements chat.View.
func (v *View) GroupLink(secret [chat.LinkSecret]byte) (l chat.GroupLink, err error) {
	if err := v.ctx.Err(); err != nil {
		return l, err
	}
	err = v.Rows(func(row Row) (err error) {
		l, err = scanGroupLink(row)
		return err
	}, groupLinks+" WHERE l.secret = ?", secret[:])
	if err != nil {
		return chat.GroupLink{}, fmt.Errorf("find a link to a group: %w", err)
	}
	return l, nil
}

// GroupLinks implements chat.View.
func (v *View) GroupLinks(key proto.Key) (links []chat.GroupLink, err error) {
	id, err := v.rowID(key)
	if err != nil || id == 0 {
		return nil, err
	}
	err = v.Rows(func(row Row) error {
		l, err := scanGroupLink(row)
		links = append(links, l)
		return err
	}, groupLinks+" WHERE l.conversation = ? ORDER BY l.id", id)
	if err != nil {
		return nil, fmt.Errorf("read the links to a group: %w", err)
	}
	return links, nil
}

const groupLinks = "SELECT c.key, l.id, l.secret, l.author, l.made, l.expires FROM group_links l JOIN conversations c ON c.id = l.conversation"

func scanGroupLink(row Row) (l chat.GroupLink, err error) {
	var key string
	var secret []byte
	if err := row.Scan(&key, (*Number)(&l.ID), &secret, (*Number)(&l.Author), (*Number)(&l.Made), (*Number)(&l.Expires)); err != nil {
		return l, err
	}
	if len(secret) != len(l.Secret) {
		return l, fmt.Errorf("the secret of a link to a group has %d bytes", len(secret))
	}
	copy(l.Secret[:], secret)
	l.Key, err = proto.ParseKey(key)
	return l, err
}

// Group implements chat.View.
func (t *Transaction) Group(key proto.Key) (chat.Group, error) {
	if row, known := t.cache.row(key); known && row.id == 0 {
		return chat.Group{}, t.ctx.Err()
	}
	if t.ahead != nil {
		if g, known := t.ahead.groups[key]; known {
			return g, t.ctx.Err()
		}
	}
	return t.View.Group(key)
}

// PutGroup implements chat.Tx.
func (t *Transaction) PutGroup(g chat.Group) error {
	id, err := t.ensure(g.Key)
	if err != nil {
		return err
	}
	if err := t.Exec("INSERT INTO user_groups (conversation, name, whole, members, version, picture) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (conversation) DO UPDATE SET"+
		" name = excluded.name, whole = excluded.whole, members = excluded.members, version = excluded.version, picture = excluded.picture",
		id, g.Name, g.Whole, int64(g.Members), int64(g.Version), Number(g.Picture)); err != nil {
		return fmt.Errorf("write a group: %w", err)
	}
	if t.ahead != nil {
		t.ahead.groups[g.Key] = g
	}
	return nil
}

// AddGroupLink implements chat.Tx.
func (t *Transaction) AddGroupLink(l chat.GroupLink) error {
	id, err := t.ensure(l.Key)
	if err != nil {
		return err
	}
	if err := t.Exec("INSERT INTO group_links (conversation, id, secret, author, made, expires) VALUES (?, ?, ?, ?, ?, ?)",
		id, Number(l.ID), l.Secret[:], Number(l.Author), Number(l.Made), Number(l.Expires)); err != nil {
		return fmt.Errorf("add a link to a group: %w", err)
	}
	return nil
}

// DeleteGroupLink implements chat.Tx.
func (t *Transaction) DeleteGroupLink(key proto.Key, id uint64) error {
	row, err := t.rowID(key)
	if err != nil || row == 0 {
		return err
	}
	if err := t.Exec("DELETE FROM group_links WHERE conversation = ? AND id = ?", row, Number(id)); err != nil {
		return fmt.Errorf("delete a link to a group: %w", err)
	}
	return nil
}
