package chat

import (
	"slices"

	"parley/proto"
)

// batch is a transaction under way. It keeps what it read and changed of
// conversations and members, and writes each of them once, at the end.
type batch struct {
	service       *Service
	tx            Tx
	now           uint64 // Unix milliseconds
	epoch         uint64
	conversations map[proto.Key]*conversation
	members       map[memberKey]*member
	teams         map[proto.ServiceType][]uint64 // agents by service
	usages        map[uint64]*usage
	groups        map[proto.Key]*group
	// What changed, in the order of the first change.
	changedConversations []*conversation
	changedMembers       []*member
	keptMembers          []*member // of which nobody is told
	changedUsages        []*usage
	changedGroups        []*group
	loosened             []proto.Key // conversations that may have become empty
	outbox
}

type conversation struct {
	Conversation
	changed bool
	revised bool // for all who are shown the same
}

type member struct {
	Member
	changed bool
}

type memberKey struct {
	key  proto.Key
	user uint64
}

func (s *Service) newBatch(tx Tx) (*batch, error) {
	last, err := tx.LastID()
	if err != nil {
		return nil, err
	}
	s.ids.After(last) // another server may have written to the same history
	epoch, err := tx.Epoch()
	if err != nil {
		return nil, err
	}
	now := s.millis()
	if s.shared != nil {
		if now, err = s.shared.Now(tx); err != nil {
			return nil, err
		}
	}
	return &batch{
		service:       s,
		tx:            tx,
		now:           now,
		epoch:         epoch,
		conversations: make(map[proto.Key]*conversation),
		members:       make(map[memberKey]*member),
		teams:         make(map[proto.ServiceType][]uint64),
		usages:        make(map[uint64]*usage),
		groups:        make(map[proto.Key]*group),
	}, nil
}

// conversation returns the state of a conversation. Who changes it calls changeConversation.
func (b *batch) conversation(key proto.Key) (*conversation, error) {
	if c := b.conversations[key]; c != nil {
		return c, nil
	}
	stored, err := b.tx.Conversation(key)
	if err != nil {
		return nil, err
	}
	c := &conversation{Conversation: stored}
	c.Key = key
	b.conversations[key] = c
	return c, nil
}

// time is when something happens in c now, in Unix milliseconds: by the batch's
// time, but not before c's newest entry, so that a message that comes later never
// looks older. Elsewhere nobody notices that the clock was ahead.
func (b *batch) time(c *conversation) uint64 {
	return max(c.Time, b.now)
}

func (b *batch) changeConversation(c *conversation) {
	if !c.changed {
		c.changed = true
		b.changedConversations = append(b.changedConversations, c)
	}
}

// revise says that what many are alike shown of c changed: a service's agents, or a group's
// members.
func (b *batch) revise(c *conversation) {
	c.revised = true
	b.changeConversation(c)
}

// agents returns the users who answer for a service, to be read only.
func (b *batch) agents(service proto.ServiceType) ([]uint64, error) {
	if agents, known := b.teams[service]; known {
		return agents, nil
	}
	agents, err := b.tx.Agents(service)
	if err != nil {
		return nil, err
	}
	b.teams[service] = agents
	return agents, nil
}

// putUser writes what is known of a user, whose services may have changed.
func (b *batch) putUser(u User) error {
	clear(b.teams)
	b.users = true
	return b.tx.PutUser(u)
}

// without returns users without one of them.
func without(users []uint64, one uint64) []uint64 {
	return slices.DeleteFunc(slices.Clone(users), func(user uint64) bool { return user == one })
}

// member returns the state of a user in a conversation. Who changes it, or
// what it shows of the conversation, calls changeMember.
func (b *batch) member(key proto.Key, user uint64) (*member, error) {
	k := memberKey{key, user}
	if m := b.members[k]; m != nil {
		return m, nil
	}
	stored, err := b.tx.Member(key, user)
	if err != nil {
		return nil, err
	}
	m := &member{Member: stored}
	if stored == (Member{}) && key.Agent(user) { // an agent who does something for the first time
		c, err := b.conversation(key)
		if err != nil {
			return nil, err
		}
		m.begin(c.Conversation)
	}
	m.Key, m.User = key, user
	b.members[k] = m
	return m, nil
}

func (b *batch) changeMember(m *member) {
	if !m.changed {
		m.changed = true
		b.changedMembers = append(b.changedMembers, m)
	}
}

// keepMember lets m be written although nothing shows of what changed.
func (b *batch) keepMember(m *member) {
	b.keptMembers = append(b.keptMembers, m)
}

// end lets connections of a user end once the batch is on disk: those of a device or, with
// others, all but those.
func (b *batch) end(user, device uint64, others bool, why *proto.Refusal) {
	b.endings = append(b.endings, ending{user, device, others, why})
}

func (b *batch) deliver(user uint64, branch proto.Branch, payload []byte) {
	b.out = append(b.out, delivery{user, branch, payload})
}

// flush writes what changed, and lets those to whom it shows be told. Rows get
// their change numbers here, so that these rise in the order of commits.
func (b *batch) flush() error {
	rev, err := b.tx.Rev()
	if err != nil {
		return err
	}
	for _, c := range b.changedConversations {
		if c.revised {
			rev++
			c.Rev = rev
			followers, err := kindOf(c.Key).follow(b, c.Key)
			if err != nil {
				return err
			}
			for _, user := range followers {
				b.rows = append(b.rows, row{user, rev})
			}
		}
		if err := b.tx.PutConversation(c.Conversation); err != nil {
			return err
		}
	}
	for _, m := range b.changedMembers {
		rev++
		m.Rev = rev
		b.rows = append(b.rows, row{m.User, rev})
		if err := b.tx.PutMember(m.Member); err != nil {
			return err
		}
	}
	for _, m := range b.keptMembers {
		if err := b.tx.PutMember(m.Member); err != nil {
			return err
		}
	}
	for _, u := range b.changedUsages {
		if err := b.tx.PutUsage(u.Usage); err != nil {
			return err
		}
	}
	for _, g := range b.changedGroups {
		if err := b.tx.PutGroup(g.Group); err != nil {
			return err
		}
	}
	for _, key := range b.loosened {
		if err := b.sweep(key); err != nil {
			return err
		}
	}
	return nil
}
