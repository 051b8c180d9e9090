package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/server/chat"
	"parley/server/store/relational"
)

const (
	// MaxFindings is how many findings Check tells; others it only counts.
	MaxFindings = 100
	// checkPage is how many conversations are read at a time.
	checkPage = 500
)

// Checked is what Check looked at, and how much of it does not fit.
type Checked struct {
	Conversations, Members, Entries, Users uint64
	Findings                               uint64
}

// Check reads a whole history and tells what does not fit together, a sentence
// each, MaxFindings at most: whether the file is a sound database, each
// conversation has all its entries in order, these are what they were stored as,
// and the counts equal what is stored. It changes nothing, and reads one state
// also while a server goes on writing, with all that was acknowledged before; the
// server's log cannot be folded into the file meanwhile. What after a kill only the
// redo log has, it leaves to the next start. It is the one part of this package that
// knows what entries say.
// An error says that there is no history of this version to check.
func Check(ctx context.Context, dir string, tell func(finding string)) (Checked, error) {
	path := filepath.Join(dir, FileName)
	if _, err := os.Stat(path); err != nil {
		return Checked{}, fmt.Errorf("give the folder of a server that has run: %w", err)
	}
	return checkFile(ctx, path, dir, tell)
}

// checkFile is Check for a history in any file, of which a folder may have a redo log.
func checkFile(ctx context.Context, path, dir string, tell func(finding string)) (Checked, error) {
	c := &checker{ctx: ctx, tell: tell}
	s, err := openConnection(ctx, path, readOnly(8192))
	if err != nil {
		return c.Checked, explain(path, err)
	}
	c.connection = s
	err = await(ctx, s, dir)
	if err == nil {
		err = c.begin("BEGIN")
	}
	if err == nil {
		err = c.version()
	}
	if damaged(err) { // so much that it does not even begin
		c.find("%s", explain(path, err))
		err = nil
	} else if err == nil {
		err = c.check()
	}
	return c.Checked, errors.Join(err, s.close())
}

// checker is a check under way.
type checker struct {
	*connection
	Checked
	ctx  context.Context
	tell func(string)
	rev  uint64 // the highest change number that may be
}

// find tells a finding.
func (c *checker) find(format string, args ...any) {
	if c.Findings++; c.Findings <= MaxFindings {
		c.tell(fmt.Sprintf(format, args...))
	}
}

// version sees that it is a history of this version.
func (c *checker) version() error {
	var application, version int
	if _, err := c.Row([]any{&application}, "PRAGMA application_id"); err != nil {
		return err
	}
	if _, err := c.Row([]any{&version}, "PRAGMA user_version"); err != nil {
		return err
	}
	switch {
	case application != applicationID:
		return errForeign
	case version > len(migrations):
		return errNewer
	case version < len(migrations):
		return errors.New("it was written by an older version of Parley: start the server once, which brings it up to date")
	}
	return nil
}

// check runs each part, whatever the others find.
func (c *checker) check() error {
	for _, part := range []func() error{c.structure, c.conversations, c.totals, c.users, c.attachments, c.groups} {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		err := part()
		if damaged(err) {
			c.find("the file is damaged: %v", err)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// structure lets SQLite check its pages, trees and indexes, which takes seconds for
// each gigabyte.
func (c *checker) structure() error {
	return c.until(c.ctx, func() error {
		return c.Rows(func(row relational.Row) error {
			var line string
			if err := row.Scan(&line); err != nil {
				return err
			}
			if line != "ok" {
				c.find("the file is damaged: %s", line)
			}
			return nil
		}, fmt.Sprintf("PRAGMA integrity_check(%d)", MaxFindings))
	})
}

// conversations checks each conversation with its members and entries.
func (c *checker) conversations() error {
	var rev relational.Number
	if found, err := c.Row([]any{&rev}, "SELECT value FROM meta WHERE name = 'rev'"); err != nil {
		return err
	} else if !found {
		rev = 0
	}
	c.rev = uint64(rev)
	for last := int64(0); ; {
		page, err := c.page(last)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, one := range page {
			last = one.id
			if err := c.conversation(one); err != nil {
				return err
			}
		}
	}
}

// checkedConversation is a conversation as it is checked.
type checkedConversation struct {
	chat.Conversation
	id   int64
	name string // the key as it stands in the file
}

func (c *checker) page(after int64) (page []checkedConversation, err error) {
	err = c.Rows(func(row relational.Row) error {
		var one checkedConversation
		err := row.Scan(&one.id, &one.name, (*relational.Number)(&one.Head), (*relational.Number)(&one.Min), (*relational.Number)(&one.Time), (*relational.Number)(&one.Rev), &one.Counted[proto.First], &one.Counted[proto.Second],
			(*relational.Number)(&one.Status.Sides[proto.First].Seq), &one.Past, &one.Revised, &one.Recalled)
		page = append(page, one)
		return err
	}, "SELECT id, key, head, min, newest_time, rev, a_counted, b_counted, a_seq, gone, revised, recalled FROM conversations WHERE id > ? ORDER BY id LIMIT ?", after, checkPage)
	return page, err
}

func (c *checker) conversation(one checkedConversation) (err error) {
	if err := c.ctx.Err(); err != nil {
		return err
	}
	c.Conversations++
	if one.Key, err = proto.ParseKey(one.name); err != nil {
		c.find("conversation %q: its key is damaged", one.name)
		return nil
	}
	members, err := c.members(one)
	if err != nil {
		return err
	}
	stored := newLedger(one.Key, members)
	stored.settled = one.Settled()
	if err := c.entries(one, stored); err != nil {
		return err
	}
	if stored.entries == 0 {
		stored.first, stored.before, stored.counted, stored.past = one.Min, one.Counted, one.Counted, one.Counted[proto.Second]
	}
	c.compare(one, stored)
	return c.group(one, stored)
}

func (c *checker) members(one checkedConversation) (members []chat.Member, err error) {
	err = c.Rows(func(row relational.Row) error {
		m := chat.Member{Key: one.Key}
		err := row.Scan((*relational.Number)(&m.User), (*relational.Number)(&m.Rev), (*relational.Number)(&m.Read), (*relational.Number)(&m.Delivered), &m.Own, &m.Seen,
			(*int32)(&m.Role), (*relational.Number)(&m.From), (*relational.Number)(&m.Until))
		members = append(members, m)
		c.Members++
		return err
	}, "SELECT user_id, rev, read_seq, delivered_seq, own, seen, role, from_seq, until_seq FROM members WHERE conversation = ?", one.id)
	return members, err
}

// ledger counts the entries of a conversation afresh. Where the oldest are not
// kept any more, it goes on from the counts that stand with the first that are.
type ledger struct {
	key               proto.Key
	members           []chat.Member
	roll              *roll
	first             uint64 // seq
	last              chat.Entry
	entries           uint64
	before            [2]uint64           // counted before the first entry
	counted           [2]uint64           // with the last one
	own               map[uint64]ownCount // by author
	settled           uint64              // chat.Conversation.Settled
	past              uint64              // what counts to a service's agents up to there, or was taken back
	revised, recalled uint64              // chat.Conversation.Revised and Recalled
	seen              []uint64            // of each member: others' entries that count, from the first on to Member.Read, or were taken back
}

// ownCount is how many entries of an author count: before the first that is
// kept, and with the last.
type ownCount struct{ before, now uint64 }

func newLedger(key proto.Key, members []chat.Member) *ledger {
	return &ledger{key: key, members: members, roll: newRoll(), own: make(map[uint64]ownCount), seen: make([]uint64, len(members))}
}

// add counts the next entry, and returns what should stand with it.
func (l *ledger) add(e *chat.Entry) (counted [2]uint64, own uint64) {
	var one [2]uint64
	for _, side := range []proto.Side{proto.First, proto.Second} {
		if l.key.Counted(e.Type, l.key.User(side)) {
			one[side] = 1
		}
	}
	mine := uint64(0)
	if l.key.Counted(e.Type, e.Sender) {
		mine = 1
	}
	author, known := l.own[e.Sender]
	if l.entries == 0 {
		l.first = e.Seq
		if e.Seq > 1 {
			l.before = [2]uint64{e.Counted[0] - one[0], e.Counted[1] - one[1]}
			l.counted = l.before
			l.past = l.before[proto.Second]
		}
	}
	if !known && l.first > 1 {
		author = ownCount{e.Own - mine, e.Own - mine}
	}
	author.now += mine
	l.own[e.Sender] = author
	l.counted[0], l.counted[1] = l.counted[0]+one[0], l.counted[1]+one[1]
	recalled := e.Type == proto.MessageType_MESSAGE_TYPE_RECALLED
	switch {
	case e.Seq <= l.settled:
		l.past = l.counted[proto.Second]
	case recalled:
		l.past++
	}
	if recalled {
		l.recalled = e.Seq
	}
	if e.Type.Revises() {
		l.revised = e.Seq
	}
	for i, m := range l.members {
		if m.User != e.Sender && (e.Seq <= m.Read || recalled && m.Until == 0) && l.key.Counted(e.Type, m.User) {
			l.seen[i]++
		}
	}
	l.entries++
	l.last = *e
	return l.counted, author.now
}

// countsOf returns what should be noted of a member. Of one who wrote nothing
// that is kept, it believes how much that was.
func (l *ledger) countsOf(i int) (own, seen uint64) {
	m := l.members[i]
	author, wrote := l.own[m.User]
	if !wrote && l.first > 1 {
		author = ownCount{m.Own, m.Own}
	}
	return author.now, l.before[l.key.Side(m.User)] - author.before + l.seen[i]
}

// entries reads a conversation's entries in order and counts them.
func (c *checker) entries(one checkedConversation, l *ledger) error {
	named, err := c.named(one.id)
	if err != nil {
		return err
	}
	mentioned, err := c.mentioned(one)
	if err != nil {
		return err
	}
	return c.Rows(func(row relational.Row) error {
		e := chat.Entry{Key: one.Key}
		if err := row.Scan(append(relational.EntryFields(&e), &e.Body)...); err != nil {
			c.find("conversation %s: an entry after %d is damaged: %v", one.name, l.last.Seq, err)
			return nil
		}
		c.Entries++
		switch {
		case l.entries > 0 && e.Seq != l.last.Seq+1:
			c.find("conversation %s: entries %d to %d are missing", one.name, l.last.Seq+1, e.Seq-1)
		case e.ID <= l.last.ID:
			c.find("conversation %s: entry %d has message id %d, which is not above that of the entry before", one.name, e.Seq, e.ID)
		}
		if what := unlike(&e); what != "" {
			c.find("conversation %s: entry %d (message id %d) is damaged: %s", one.name, e.Seq, e.ID, what)
		}
		if n := carried(&e); n != named[e.Seq] {
			c.find("conversation %s: entry %d carries %d attachments, and %d are noted", one.name, e.Seq, n, named[e.Seq])
		}
		if n := mentions(&e); n != mentioned[e.Seq] {
			c.find("conversation %s: entry %d mentions %d, and %d are noted", one.name, e.Seq, n, mentioned[e.Seq])
		}
		l.roll.add(&e)
		e.Body = nil // it is the largest part
		if counted, own := l.add(&e); counted != e.Counted || own != e.Own {
			c.find("conversation %s: with entry %d, %d and %d count as unread and %d are its author's, and %d, %d and %d are noted", one.name, e.Seq,
				counted[proto.First], counted[proto.Second], own, e.Counted[proto.First], e.Counted[proto.Second], e.Own)
		}
		return c.ctx.Err()
	}, "SELECT "+relational.EntryColumns+", body FROM messages WHERE conversation = ? ORDER BY seq", one.id)
}

// unlike says in what an entry's body differs from the row that it stands in.
func unlike(e *chat.Entry) string {
	var id, seq, sender, time, revised uint64
	var kind proto.MessageType
	var said string
	if e.Key.Kind() != proto.Service {
		var m proto.Message
		if err := protobuf.Unmarshal(e.Body, &m); err != nil {
			return "its body cannot be read"
		}
		id, seq, sender, time, kind = m.GetMessageId(), m.GetSeq(), m.GetSenderId(), m.GetCreateTime(), m.GetMessageType()
		revised, said = m.GetRevisedSeq(), m.GetContent()
	} else {
		var m proto.ServiceMessage
		if err := protobuf.Unmarshal(e.Body, &m); err != nil {
			return "its body cannot be read"
		}
		id, seq, sender, time, kind = m.GetMessageId(), m.GetSeq(), m.GetUserId(), m.GetCreateDate(), m.GetMessageType()
		revised, said = m.GetRevisedSeq(), m.GetContent()+m.GetExtend()
		if m.GetDirection() == proto.ServiceMessageDirection_SERVICE_TO_CUSTOMER {
			sender = m.GetAgentId()
		}
	}
	switch {
	case id != e.ID:
		return "its body has another message id"
	case seq != e.Seq:
		return "its body has another seq"
	case sender != e.Sender:
		return "its body has another sender"
	case time != e.CreateTime:
		return "its body has another time"
	case kind != e.Type:
		return "its body has another type"
	case revised != e.Revised:
		return "its body was revised by another entry"
	case said != "" && (kind.Revises() || kind == proto.MessageType_MESSAGE_TYPE_RECALLED):
		return "it says something, although nothing should be left of that"
	}
	return ""
}

// compare holds what is stored of a conversation against its entries.
func (c *checker) compare(one checkedConversation, l *ledger) {
	switch {
	case l.entries == 0 && one.Min <= one.Head && one.Head > 0:
		c.find("conversation %s: entries %d to %d are missing", one.name, one.Min, one.Head)
	case l.entries == 0: // none are kept
	case l.first != one.Min:
		c.find("conversation %s: its first entry is %d and should be %d", one.name, l.first, one.Min)
	case l.last.Seq != one.Head:
		c.find("conversation %s: its last entry is %d and should be %d", one.name, l.last.Seq, one.Head)
	case l.counted != one.Counted:
		c.find("conversation %s: %d and %d of its entries count as unread, and %d and %d are noted", one.name,
			l.counted[proto.First], l.counted[proto.Second], one.Counted[proto.First], one.Counted[proto.Second])
	case l.last.CreateTime != one.Time:
		c.find("conversation %s: its last entry is of %d, and %d is noted (Unix milliseconds)", one.name, l.last.CreateTime, one.Time)
	}
	// Of what is not kept any more nobody can say whether it was one.
	if one.Revised != l.revised && (l.revised != 0 || one.Revised >= l.first) {
		c.find("conversation %s: the newest entry that speaks of another is %d, and %d is noted", one.name, l.revised, one.Revised)
	}
	if one.Recalled != l.recalled && (l.recalled != 0 || one.Recalled >= l.first) {
		c.find("conversation %s: the newest entry that was taken back is %d, and %d is noted", one.name, l.recalled, one.Recalled)
	}
	if one.Key.Kind() == proto.Service && one.Past != l.past && l.counted == one.Counted {
		c.find("conversation %s: %d of its entries are past for an agent who comes, and %d are noted", one.name, l.past, one.Past)
	}
	if one.Rev > c.rev {
		c.find("conversation %s: its change number is %d, and the highest is %d", one.name, one.Rev, c.rev)
	}
	for i, m := range l.members {
		c.compareMember(one, l, i)
		if m.Read > m.Delivered || m.Delivered > one.Head {
			c.find("conversation %s: user %d read up to %d and was delivered up to %d, of %d entries", one.name, m.User, m.Read, m.Delivered, one.Head)
		}
		if m.Rev > c.rev {
			c.find("conversation %s: user %d has change number %d, and the highest is %d", one.name, m.User, m.Rev, c.rev)
		}
	}
}

// compareMember holds a member's counts against the entries.
func (c *checker) compareMember(one checkedConversation, l *ledger, i int) {
	m := l.members[i]
	own, seen := l.countsOf(i)
	if m.Own != own {
		c.find("conversation %s: user %d wrote %d entries that count, and %d are noted", one.name, m.User, own, m.Own)
	}
	// Of what is not kept any more nobody can say how much somebody read of it.
	if m.Seen != seen && m.Read+1 >= l.first {
		c.find("conversation %s: user %d read %d entries of others, and %d are noted", one.name, m.User, seen, m.Seen)
	}
}

// totals finds what belongs to no conversation.
func (c *checker) totals() error {
	var entries, members uint64
	if _, err := c.Row([]any{&entries, &members}, "SELECT (SELECT count(*) FROM messages), (SELECT count(*) FROM members)"); err != nil {
		return err
	}
	if entries != c.Entries {
		c.find("there are %d entries, and %d of conversations", entries, c.Entries)
	}
	if members != c.Members {
		c.find("there are %d members, and %d of conversations", members, c.Members)
	}
	return nil
}

// users sees that each can be read.
func (c *checker) users() error {
	return c.Rows(func(row relational.Row) error {
		var one relational.UserRow
		c.Users++
		if err := row.Scan(one.Fields()...); err != nil {
			c.find("user number %d by id is damaged: %v", c.Users, err)
		}
		return c.ctx.Err()
	}, "SELECT "+relational.UserColumns+" FROM users ORDER BY id")
}
