package chat

import (
	"slices"

	"parley/proto"
)

// ofGroup is the kind of conversation that the members of a group have.
type ofGroup struct{}

// admits lets everybody pass: only the history knows the members.
func (ofGroup) admits(Sender, proto.Key) bool { return true }

// access is from where the member came to where they left.
func (ofGroup) access(m Member) access { return access{m.From, m.Until} }

func (ofGroup) copies(_ uint64, _ proto.Key, entries []Entry) ([]Entry, error) { return entries, nil }

// hearers are the other members.
func (ofGroup) hearers(v View, user uint64, key proto.Key) ([]uint64, error) {
	own, err := v.Member(key, user)
	if err != nil || own.Role == proto.GroupRole_GROUP_ROLE_NONE {
		return nil, err
	}
	present, err := v.Present(key)
	return without(present, user), err
}

// waiting is who waits for the member, whom messages asked. For whom the member waits
// nobody keeps: a message may ask many.
func (ofGroup) waiting(v View, c Conversation, m Member) (mine, theirs proto.Waiting, err error) {
	theirs.AnsweredThrough = m.Answered
	if m.Role == proto.GroupRole_GROUP_ROLE_NONE {
		return mine, theirs, nil
	}
	first, err := v.FirstMention(c.Key, m.User, m.Answered)
	theirs.Seq, theirs.Since = first.Seq, first.CreateTime
	return mine, theirs, err
}

// maxMentions bounds the count of unread mentions in a row.
const maxMentions = 100

func (ofGroup) fill(v View, row *proto.ConversationState, c Conversation, m Member) error {
	none := uint64(0)
	row.PeerReadSeq, row.PeerDeliveredSeq = &none, &none
	g, err := v.Group(c.Key)
	if err != nil {
		return err
	}
	if m.Role == proto.GroupRole_GROUP_ROLE_NONE && m.Until < c.Head {
		row.PeerName, err = nameThrough(v, c.Key, m.Until)
		return err
	}
	row.PeerName = &g.Name
	if m.Role == proto.GroupRole_GROUP_ROLE_NONE {
		return nil
	}
	members := uint32(g.Members)
	row.Role, row.MemberCount, row.GroupVersion = &m.Role, &members, &g.Version
	if g.Picture != 0 {
		row.GroupPicture = &g.Picture
	}
	n, err := v.CountMentions(c.Key, m.User, m.Read, maxMentions)
	if n > 0 {
		mentions := uint32(n)
		row.UnreadMentions = &mentions
	}
	return err
}

// nameThrough is what a group was called by its log through a seq, as later names are not for
// who left then; nil if the entry that says so was deleted.
func nameThrough(v View, key proto.Key, seq uint64) (*string, error) {
	e, err := v.Named(key, seq)
	if err != nil || e.Seq == 0 {
		return nil, err
	}
	entries, err := v.Entries(key, e.Seq-1, e.Seq+1, 1, false)
	if err != nil || len(entries) == 0 {
		return nil, err
	}
	named := new(proto.Message)
	err = decode(entries[0], named)
	return named.Content, err
}

// fold notes what the author's message answers.
func (ofGroup) fold(_ *batch, _ *conversation, author *member, e proto.Event) error {
	if e.Replies(proto.Group) {
		asked := proto.Waiting{AnsweredThrough: author.Answered}
		if err := asked.Reply(e.Seq, e.Seen, nil); err != nil {
			return err
		}
		author.Answered = asked.AnsweredThrough
	}
	return nil
}

// recall finds anew what the author has answered: those whom it asked, it does no more, as
// the stores forget whom it mentions.
func (ofGroup) recall(b *batch, c *conversation, target Entry, was proto.Event) error {
	b.revise(c)
	author, err := b.member(c.Key, target.Sender)
	if err != nil || !was.Replies(proto.Group) || was.Answers() < author.Answered {
		return err
	}
	left, err := b.replies(c, proto.First, target.Sender)
	if left.Through == 0 { // of those that were looked at none answers anything
		left.Through = c.Head - min(c.Head, maxReplies)
	}
	author.Answered = max(left.Through, author.From-min(author.From, 1))
	b.changeMember(author)
	return err
}

// follow is nobody: what members see of others' doings comes with the entries, and a row
// for each of a thousand with every message would be too much.
func (ofGroup) follow(*batch, proto.Key) ([]uint64, error) { return nil, nil }

// MaxAuthors bounds the messages whose authors are looked for whom a mark is told.
const MaxAuthors = 200

// show tells those members who wrote what the watermarks newly cover, and not everybody: what is
// told of one message stays one number for each reader.
func (ofGroup) show(b *batch, c *conversation, m *member, before Member, tell bool) error {
	if !tell {
		return nil
	}
	after, through := before.Delivered, m.Delivered
	if m.Read != before.Read {
		after = before.Read
	}
	if m.Delivered == before.Delivered {
		through = m.Read
	}
	authors, err := b.tx.Authors(c.Key, after, through, MaxAuthors)
	if err != nil {
		return err
	}
	g, err := b.group(c.Key)
	if err != nil {
		return err
	}
	users := []uint64{m.User}
	for _, author := range authors {
		if _, here := slices.BinarySearch(g.present, author); here && author != m.User {
			users = append(users, author)
		}
	}
	return b.deliverMark(c.Key, m.watermarks(), users...)
}

// rename tells nobody: members are asked for by their names.
func (ofGroup) rename(*batch, proto.Key, uint64) error { return nil }

func (ofGroup) trim(b *batch, c *conversation) error {
	b.revise(c)
	return nil
}
