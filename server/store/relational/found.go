package relational

import (
	"fmt"
	"slices"
	"strings"

	"parley/proto"
	"parley/server/chat"
)

// selectByID selects entries of all conversations, which the caller says by their ids.
const selectByID = "SELECT " + EntryColumns + ", body, c.key FROM messages JOIN" +
	" (SELECT id AS conversation_id, key FROM conversations) c ON conversation_id = conversation WHERE "

// ByID implements chat.View.
func (v *View) ByID(after, before uint64, limit int, newest bool) ([]chat.Entry, error) {
	order := "ASC"
	if newest {
		order = "DESC"
	}
	entries, err := v.byID("id > ? AND id <= ? ORDER BY id "+order+atMost, Number(after), Number(before-1), max(0, limit)) // before 0 wraps round
	if newest {
		slices.Reverse(entries)
	}
	return entries, err
}

// idsAtOnce is how many entries one query finds by their ids.
const idsAtOnce = 64

var whereIDs = "id IN (?" + strings.Repeat(", ?", idsAtOnce-1) + ") ORDER BY id"

// WithIDs implements chat.View.
func (v *View) WithIDs(ids []uint64) (all []chat.Entry, err error) {
	for some := range slices.Chunk(ids, idsAtOnce) {
		args := make([]any, idsAtOnce)
		for i := range args {
			args[i] = Number(some[min(i, len(some)-1)]) // the last again and again: each is found once
		}
		entries, err := v.byID(whereIDs, args...)
		if err != nil {
			return nil, err
		}
		all = append(all, entries...)
	}
	return all, nil
}

func (v *View) byID(which string, args ...any) (entries []chat.Entry, err error) {
	if err := v.ctx.Err(); err != nil {
		return nil, err
	}
	keys := make(map[string]proto.Key) // most are of few conversations
	err = v.Rows(func(row Row) (err error) {
		var e chat.Entry
		var name string
		if err := row.Scan(append(EntryFields(&e), &e.Body, &name)...); err != nil {
			return err
		}
		known := false
		if e.Key, known = keys[name]; !known {
			if e.Key, err = proto.ParseKey(name); err != nil {
				return err
			}
			keys[name] = e.Key
		}
		entries = append(entries, e)
		return nil
	}, selectByID+which, args...)
	if err != nil {
		return nil, fmt.Errorf("read entries by id: %w", err)
	}
	return entries, nil
}

// Groups implements chat.View.
func (v *View) Groups(user uint64) (groups []proto.Key, err error) {
	groups, err = v.keys("SELECT c.key FROM members m CROSS JOIN conversations c ON c.id = m.conversation WHERE m.user_id = ? AND m.from_seq != x'0000000000000000' ORDER BY c.key", Number(user))
	if err != nil {
		return nil, fmt.Errorf("read which groups a user is or was in: %w", err)
	}
	return groups, nil
}

// keys reads the keys of conversations.
func (v *View) keys(query string, args ...any) (keys []proto.Key, err error) {
	if err := v.ctx.Err(); err != nil {
		return nil, err
	}
	err = v.Rows(func(row Row) error {
		var name string
		if err := row.Scan(&name); err != nil {
			return err
		}
		key, err := proto.ParseKey(name)
		keys = append(keys, key)
		return err
	}, query, args...)
	return keys, err
}
