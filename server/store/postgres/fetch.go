package postgres

import (
	"fmt"
	"slices"
	"strings"

	"parley/proto"
	"parley/server/chat"
	"parley/server/store/relational"
)

// Fetch implements relational.Fetcher: whatever it is, it comes with what begins the
// transaction, in one round trip.
func (c *connection) Fetch(f *relational.Fetched, r chat.Reads) error {
	if c.fetcher != nil {
		return c.fetcher(f, r)
	}
	c.fetch(f, r)
	return c.run()
}

// fetch queues what Fetch asks for.
func (c *connection) fetch(f *relational.Fetched, r chat.Reads) {
	c.fetchMembers(f, r.Members)
	if len(r.Refs) > 0 {
		senders, under := refArrays(r.Refs)
		c.add(refsQuery, []any{senders, under}, f.Ref)
		c.add(deletedRefsQuery, []any{senders, under}, f.DeletedRef)
	}
	if len(r.Users) > 0 {
		c.add("SELECT "+relational.UserColumns+" FROM users WHERE id = ANY($1)", []any{numbers(r.Users)}, f.User)
	}
	if len(r.Usages) > 0 {
		missing := slices.DeleteFunc(slices.Clone(r.Usages), f.CachesUsage)
		c.add(usagesQuery, []any{c.writes, c.newest, numbers(missing), numbers(r.Usages)}, f.Usage)
	}
	if r.Teams != 0 {
		c.add("SELECT id, services FROM users WHERE services != 0 AND services & $1 != 0 ORDER BY id", []any{int64(r.Teams)}, f.Agent)
	}
	if len(r.Ahead) > 0 {
		c.fetchAhead(f, r.Ahead)
	}
	c.fetchSpoken(f, r)
	if len(r.Authors) > 0 {
		c.fetchAuthors(f, r.Authors)
	}
}

// refArrays are senders and what they stored something under.
func refArrays(refs []chat.RefRead) (senders, under blobs) {
	for _, ref := range refs {
		senders, under = append(senders, relational.Number(ref.Sender).Bytes()), append(under, ref.Ref[:])
	}
	return senders, under
}

// memberKeys are those of members: of conversations between two, of which both are read, as they
// are together, and of others each with a user.
type memberKeys struct {
	both, others texts
	users        blobs
	asked        map[proto.Key]bool
}

func (k *memberKeys) add(m chat.MemberRead) {
	switch direct := m.Key.Kind() == proto.Direct; {
	case !direct:
		k.others, k.users = append(k.others, m.Key.String()), append(k.users, relational.Number(m.User).Bytes())
	case !k.asked[m.Key]:
		k.asked[m.Key] = true
		k.both = append(k.both, m.Key.String())
	}
}

// fetchMembers fetches members and their conversations: those that are not cached or, where others
// wrote since then, all.
func (c *connection) fetchMembers(f *relational.Fetched, members []chat.MemberRead) {
	all, missing := memberKeys{asked: make(map[proto.Key]bool)}, memberKeys{asked: make(map[proto.Key]bool)}
	for _, m := range members {
		if all.add(m); !f.Caches(m) {
			missing.add(m)
		}
	}
	if len(members) > 0 {
		c.add(conversationsQuery, []any{c.writes, c.newest, slices.Concat(missing.both, missing.others), slices.Concat(all.both, all.others)}, f.Conversation)
	}
	if len(all.both) > 0 {
		c.add(bothQuery, []any{c.writes, c.newest, missing.both, all.both}, f.Member)
	}
	if len(all.others) > 0 {
		c.add(membersQuery, []any{c.writes, missing.others, all.others, missing.users, all.users}, f.Member)
	}
}

// maxTouched bounds the transactions of which it is looked up what they touched.
const maxTouched = 64

// touchedQuery finds what others touched since the newest record was $1: a row for each name in each
// record that says so, and one without a name for a record that says there is none.
var touchedQuery = "SELECT number, coalesce(name, '') FROM changes LEFT JOIN LATERAL unnest(touched) AS t(name) ON TRUE" +
	" WHERE touched IS NOT NULL AND " + sinceNewest("$1") + " ORDER BY number"

func sinceNewest(newest string) string {
	return fmt.Sprintf("number > %s AND number <= %s + %d", newest, newest, maxTouched)
}

// missingOr is SQL for the first of two parameters where nobody wrote since what is cached was read,
// which the parameter $1 says, and for the second where somebody did.
func missingOr(missing, all string) string {
	return "CASE WHEN (SELECT last_value FROM writes) = $1 THEN " + missing + " ELSE " + all + " END"
}

// missingAnd is SQL for what is missing and what others touched of all since what is cached was read, as
// the parameters $1 and $2 say; for all, where that is not known of each who wrote. touched makes of a name what all are.
func missingAnd(missing, all, touched string) string {
	since := " FROM changes WHERE " + sinceNewest("$2")
	return "CASE (SELECT last_value FROM writes) - $1 WHEN 0 THEN " + missing +
		" WHEN (SELECT count(touched)" + since + ") THEN " + missing + " || ARRAY(SELECT unnest(" + all + ") INTERSECT " + fmt.Sprintf(touched, "(SELECT unnest(touched) AS name"+since+") AS t") + ")" +
		" ELSE " + all + " END"
}

var (
	ofKeys = missingAnd("$3::text[]", "$4::text[]", "SELECT name FROM %s")

	conversationsQuery = "SELECT id, key, " + relational.ConversationColumns + " FROM conversations WHERE key = ANY(" + ofKeys + ")"

	bothQuery = "SELECT c.name, m.user_id, " + relational.MemberColumns + " FROM (SELECT id, key AS name FROM conversations) c JOIN members m ON m.conversation = c.id" +
		" WHERE c.name = ANY(" + ofKeys + ")"

	usagesQuery = "SELECT user_id, bytes, bytes_time, conversations, conversations_time FROM usage WHERE user_id = ANY(" +
		missingAnd("$3::bytea[]", "$4::bytea[]", "SELECT decode(name, 'hex') FROM %s WHERE strpos(name, ':') = 0") + ")"

	membersQuery = "SELECT asked.key, m.user_id, " + relational.MemberColumns + " FROM unnest(" + missingOr("$2::text[]", "$3::text[]") + ", " + missingOr("$4::bytea[]", "$5::bytea[]") + ") AS asked(key, of)" +
		" JOIN (SELECT id, key AS name FROM conversations) c ON c.name = asked.key JOIN members m ON m.conversation = c.id AND m.user_id = asked.of"
)

// fetchSpoken fetches groups, and what entries speak of and carry.
func (c *connection) fetchSpoken(f *relational.Fetched, r chat.Reads) {
	if len(r.Groups) > 0 {
		keys := make(texts, len(r.Groups))
		for i, key := range r.Groups {
			keys[i] = key.String()
		}
		c.add("SELECT c.key, "+relational.GroupColumns+" FROM conversations c JOIN user_groups g ON g.conversation = c.id WHERE c.key = ANY($1)", []any{keys}, f.Group)
	}
	if len(r.Entries) > 0 {
		keys, seqs := make(texts, len(r.Entries)), make(blobs, len(r.Entries))
		for i, e := range r.Entries {
			keys[i], seqs[i] = e.Key.String(), relational.Number(e.Seq).Bytes()
		}
		c.add(entriesQuery, []any{keys, seqs}, f.Entry)
	}
	if len(r.Attachments) > 0 {
		c.add("SELECT "+relational.AttachmentColumns+" FROM attachments WHERE id = ANY($1)", []any{numbers(r.Attachments)}, f.Attachment)
	}
}

const entriesQuery = "SELECT asked.key, " + relational.EntryColumns + ", body FROM unnest($1::text[], $2::bytea[]) AS asked(key, at)" +
	" JOIN (SELECT id AS conversation_id, key AS name FROM conversations) c ON c.name = asked.key JOIN messages ON conversation = c.conversation_id AND seq = asked.at"

// fetchAuthors fetches who wrote what users have not read.
func (c *connection) fetchAuthors(f *relational.Fetched, authors []chat.AuthorsRead) {
	keys, users, through := make(texts, len(authors)), make(blobs, len(authors)), make(blobs, len(authors))
	for i, a := range authors {
		keys[i], users[i], through[i] = a.Key.String(), relational.Number(a.User).Bytes(), relational.Number(a.Through).Bytes()
	}
	c.add(authorsQuery, []any{keys, users, through, int64(chat.MaxAuthors)}, func(row relational.Row) error { return f.Author(row, chat.MaxAuthors) })
}

const authorsQuery = "SELECT a.key, a.after, a.through, coalesce(w.seq, '\\x0000000000000000'::bytea), coalesce(w.sender, '\\x0000000000000000'::bytea) FROM" +
	" (SELECT DISTINCT asked.key, c.id, m.read_seq AS after, least(asked.through, c.head) AS through FROM unnest($1::text[], $2::bytea[], $3::bytea[]) AS asked(key, user_id, through)" +
	" JOIN conversations c ON c.key = asked.key JOIN members m ON m.conversation = c.id AND m.user_id = asked.user_id) AS a" +
	" LEFT JOIN LATERAL (SELECT seq, sender FROM messages WHERE conversation = a.id AND seq > a.after AND seq <= a.through AND +type < 16 ORDER BY seq DESC LIMIT $4) w ON TRUE" +
	" ORDER BY a.key, a.after, a.through, w.seq DESC"

func numbers(of []uint64) blobs {
	all := make(blobs, len(of))
	for i, n := range of {
		all[i] = relational.Number(n).Bytes()
	}
	return all
}

const refsQuery = "SELECT c.key, " + relational.EntryColumns + " FROM unnest($1::bytea[], $2::bytea[]) AS asked(by, under)" +
	" JOIN messages ON sender = asked.by AND client_ref = asked.under JOIN (SELECT id AS conversation_id, key FROM conversations) c ON c.conversation_id = conversation"

const deletedRefsQuery = "SELECT c.key, r.sender, r.client_ref, r.seq, r.id, r.create_time FROM unnest($1::bytea[], $2::bytea[]) AS asked(by, under)" +
	" JOIN refs r ON r.sender = asked.by AND r.client_ref = asked.under JOIN conversations c ON c.id = r.conversation"

// fetchAhead fetches what stands behind what users have seen. Where they have seen all, that
// is nothing, and nobody asks.
func (c *connection) fetchAhead(f *relational.Fetched, ahead []chat.AheadRead) {
	keys, users, others, seen := make(texts, len(ahead)), make(blobs, len(ahead)), make(blobs, len(ahead)), make(blobs, len(ahead))
	for i, a := range ahead {
		keys[i], users[i], others[i], seen[i] = a.Key.String(), relational.Number(a.User).Bytes(), relational.Number(a.Other).Bytes(), relational.Number(a.Seen).Bytes()
	}
	c.add(aheadQuery, []any{keys, users, others, seen}, func(row relational.Row) error {
		var which relational.First
		var e chat.Entry
		var key string
		if err := row.Scan(append([]any{&key, (*int)(&which.Kind), (*relational.Number)(&which.User), (*relational.Number)(&which.After)}, relational.EntryFields(&e)...)...); err != nil {
			return err
		}
		var err error
		if which.Key, err = proto.ParseKey(key); err != nil {
			return err
		}
		if e.Seq != 0 {
			e.Key = which.Key
		}
		f.First(which, e)
		return nil
	})
}

// aheadQuery finds, for each that is asked for and has not seen all: the first entry, and
// the first of the user, behind what they have read, and the first that the other wrote
// behind what they have seen.
var aheadQuery = func() string {
	const zero = `'\x0000000000000000'::bytea`
	columns := strings.Split(relational.EntryColumns, ", ")
	for i, column := range columns {
		switch column {
		case "type", "a_counted", "b_counted", "own", "revised":
			columns[i] = "coalesce(e." + column + ", 0)"
		case "client_ref":
			columns[i] = "coalesce(e.client_ref, '\\x00000000000000000000000000000000'::bytea)"
		default:
			columns[i] = "coalesce(e." + column + ", " + zero + ")"
		}
	}
	entry := strings.Join(columns, ", ")
	from := " FROM messages WHERE conversation = asked.id AND "
	first := func(where string) string {
		return "(SELECT " + relational.EntryColumns + from + where + " ORDER BY seq LIMIT 1)"
	}
	return "WITH asked AS MATERIALIZED (SELECT a.key, c.id, c.head, a.user_id, a.other, least(a.seen, c.head) AS seen," +
		" least(greatest(a.seen, coalesce(m.read_seq, " + zero + ")), c.head) AS read" +
		" FROM unnest($1::text[], $2::bytea[], $3::bytea[], $4::bytea[]) AS a(key, user_id, other, seen)" +
		" JOIN conversations c ON c.key = a.key LEFT JOIN members m ON m.conversation = c.id AND m.user_id = a.user_id WHERE a.seen < c.head)" +
		" SELECT asked.key, 0::bigint, " + zero + ", asked.read, " + entry + " FROM asked LEFT JOIN LATERAL " + first("seq > asked.read") + " e ON TRUE WHERE asked.read < asked.head" +
		" UNION ALL SELECT asked.key, 1::bigint, asked.user_id, asked.read, " + entry + " FROM asked LEFT JOIN LATERAL (SELECT * FROM (" +
		first("sender = asked.user_id AND seq > asked.read AND type < 16") + " UNION ALL " + first("sender = asked.user_id AND seq > asked.read AND type >= 16") +
		") AS either ORDER BY seq LIMIT 1) e ON TRUE WHERE asked.read < asked.head" +
		" UNION ALL SELECT asked.key, 2::bigint, asked.other, asked.seen, " + entry + " FROM asked LEFT JOIN LATERAL " + first("sender = asked.other AND seq > asked.seen AND type < 16") + " e ON TRUE"
}()
