package chat

import (
	"cmp"
	"context"
	"errors"
	"slices"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
)

// GroupChange is what a member wants to happen to a group. The server writes it into the
// group's log as an entry of Type.
type GroupChange struct {
	Key  proto.Key // of no group yet where one is made
	Type proto.MessageType
	// Users are whom it is about: members of a new group beside its maker, who come in, who
	// are removed, or whose role changes.
	Users []uint64
	// Content is the group's name, or the name of a role, as in the entry.
	Content string
	// Picture is what the group's picture is to be: an upload of the user's that is finished; 0: none.
	Picture uint64
	// Whole lets newcomers read what was written before; of a new group alone.
	Whole bool
	// Ref makes a repeat harmless, as an Entry's does; zero: a repeat is another change.
	Ref [proto.RefSize]byte
}

// ChangeGroup lets something happen to a group, or makes one, and returns its key and where
// in its log that stands; a zero Receipt if nothing was to be done. Errors wrap a
// *proto.Refusal: NotAuthorized for whoever may not do it.
func (s *Service) ChangeGroup(ctx context.Context, who Sender, c GroupChange) (proto.Key, Receipt, error) {
	if err := anonymous(who); err != nil {
		return proto.Key{}, Receipt{}, err
	}
	r := &groupChange{GroupChange: c, by: who.User, from: who, quota: s.quotas.of(who)}
	var err error
	if r.Ref == [proto.RefSize]byte{} {
		r.Ref, err = s.ref(nil, nil)
	}
	if err == nil && c.Type == proto.MessageType_MESSAGE_TYPE_GROUP_CREATE {
		var id uint64
		id, err = s.randomID()
		r.Key = proto.GroupKey(id)
	}
	if err != nil {
		return proto.Key{}, Receipt{}, temporary("not stored", err)
	}
	if err := r.check(); err != nil {
		return proto.Key{}, Receipt{}, err
	}
	receipt, err := s.commitOne(ctx, r)
	if err != nil {
		return proto.Key{}, receipt, err // it may be applied yet
	}
	return r.Key, receipt, nil
}

// groupChange is a GroupChange on its way into the history.
type groupChange struct {
	GroupChange
	by    uint64
	from  Sender
	link  bool // by one of which the user comes in
	quota quota
}

// check checks what can be checked without the history.
func (r *groupChange) check() error {
	slices.Sort(r.Users)
	r.Users = slices.Compact(r.Users)
	switch {
	case r.Key.Kind() != proto.Group || !r.Type.OfGroup():
		return proto.Refuse(proto.PayloadFormatInvalid, "this is no change of a group")
	case slices.Contains(r.Users, 0):
		return proto.Refuse(proto.PayloadFormatInvalid, "members: 0 is no user's id")
	case len(r.Users) > proto.MaxMembers:
		return groupFull()
	case len(r.Content) > proto.MaxName:
		return proto.Refuse(proto.PayloadFormatInvalid, "name is longer than %d bytes: choose a shorter one", proto.MaxName).Named("name-too-long", proto.MaxName)
	}
	if r.Type == proto.MessageType_MESSAGE_TYPE_GROUP_ROLE {
		_, err := proto.ParseRole(r.Content)
		return err
	}
	return nil
}

func groupFull() error {
	return proto.Refuse(proto.ImplementationSpecific, "a group has at most %d members: make another group for the rest", proto.MaxMembers).Named("group-full", proto.MaxMembers)
}

func notInGroup() error {
	return proto.Refuse(proto.NotAuthorized, "you are not in this group: ask one of its members to let you in").Named("not-in-group")
}

func onlyAdmins() error {
	return proto.Refuse(proto.NotAuthorized, "only the group's owner and its admins may do this: ask one of them").Named("not-admin")
}

func onlyOwner() error {
	return proto.Refuse(proto.NotAuthorized, "only the group's owner may do this: ask them").Named("not-owner")
}

func (r *groupChange) apply(b *batch) (Result, error) {
	first, err := b.tx.ByRef(r.by, r.Ref)
	if err != nil || first.Seq != 0 {
		if first.Seq != 0 {
			r.Key = first.Key
		}
		return Result{Receipt: receiptOf(first)}, err
	}
	g, err := b.group(r.Key)
	if err != nil {
		return Result{}, err
	}
	users, refusal, err := r.validate(b, g)
	if err != nil || refusal != nil || users == nil {
		return Result{Err: refusal}, err
	}
	c, err := b.conversation(r.Key)
	if err != nil {
		return Result{}, err
	}
	if refusal, err := b.spend(c, r.by, r.quota, len(r.Content)+16*len(users)); err != nil || refusal != nil {
		return Result{Err: refusal}, err
	}
	carried, refusal, err := r.picture(b)
	if err != nil || refusal != nil {
		return Result{Err: refusal}, err
	}
	entry, err := b.happen(c, g, r, users, carried)
	return Result{Receipt: receiptOf(entry)}, err
}

// validate refuses what the user may not do to the group, or what cannot be done. It returns
// whom the change is about; nil if there is nothing to do.
func (r *groupChange) validate(b *batch, g *group) (users []uint64, refusal, err error) {
	own, err := b.member(r.Key, r.by)
	if err != nil {
		return nil, nil, err
	}
	create := r.Type == proto.MessageType_MESSAGE_TYPE_GROUP_CREATE
	if !create && !r.link && own.Role == proto.GroupRole_GROUP_ROLE_NONE {
		return nil, notInGroup(), nil
	}
	switch r.Type {
	case proto.MessageType_MESSAGE_TYPE_GROUP_CREATE:
		if !slices.Contains(r.Users, r.by) {
			r.Users = append(r.Users, r.by)
			slices.Sort(r.Users)
		}
		return r.validateComing(b, g, r.Users)
	case proto.MessageType_MESSAGE_TYPE_GROUP_JOIN:
		coming, err := b.absent(r.Key, r.Users)
		switch {
		case err != nil || len(coming) == 0:
			return nil, nil, err
		case !r.link && own.Role < proto.GroupRole_GROUP_ROLE_ADMIN:
			return nil, onlyAdmins(), nil
		}
		return r.validateComing(b, g, coming)
	case proto.MessageType_MESSAGE_TYPE_GROUP_LEAVE:
		if own.Role == proto.GroupRole_GROUP_ROLE_OWNER && g.Members > 1 {
			return nil, proto.Refuse(proto.ImplementationSpecific, "you are the group's owner: make another member the owner, then leave").Named("last-owner"), nil
		}
		return []uint64{r.by}, nil, nil
	case proto.MessageType_MESSAGE_TYPE_GROUP_RENAME:
		if own.Role < proto.GroupRole_GROUP_ROLE_ADMIN {
			return nil, onlyAdmins(), nil
		}
		if r.Content == g.Name {
			return nil, nil, nil
		}
		return []uint64{}, nil, nil
	case proto.MessageType_MESSAGE_TYPE_GROUP_PICTURE:
		if own.Role < proto.GroupRole_GROUP_ROLE_ADMIN {
			return nil, onlyAdmins(), nil
		}
		if r.Picture == g.Picture {
			return nil, nil, nil
		}
		return []uint64{}, nil, nil
	}
	return r.validateOthers(b, own)
}

// validateOthers is validate for what happens to other members: they are removed, or have
// another role.
func (r *groupChange) validateOthers(b *batch, own *member) (users []uint64, refusal, err error) {
	ranks := r.Type == proto.MessageType_MESSAGE_TYPE_GROUP_ROLE
	role, _ := proto.ParseRole(r.Content)
	switch {
	case slices.Contains(r.Users, r.by) && !ranks:
		return nil, proto.Refuse(proto.PayloadFormatInvalid, "members: you cannot remove yourself: leave the group"), nil
	case ranks && own.Role != proto.GroupRole_GROUP_ROLE_OWNER:
		return nil, onlyOwner(), nil
	case ranks && slices.Contains(r.Users, r.by):
		return nil, proto.Refuse(proto.ImplementationSpecific, "you are the group's owner: make another member the owner").Named("last-owner"), nil
	case ranks && role == proto.GroupRole_GROUP_ROLE_OWNER && len(r.Users) > 1:
		return nil, proto.Refuse(proto.PayloadFormatInvalid, "members: a group has one owner"), nil
	case own.Role < proto.GroupRole_GROUP_ROLE_ADMIN:
		return nil, onlyAdmins(), nil
	}
	for _, user := range r.Users {
		m, err := b.member(r.Key, user)
		switch {
		case err != nil:
			return nil, nil, err
		case m.Role == proto.GroupRole_GROUP_ROLE_NONE && ranks:
			return nil, proto.Refuse(proto.ImplementationSpecific, "members: they are in the group no more").Named("not-a-member"), nil
		case m.Role == proto.GroupRole_GROUP_ROLE_NONE, ranks && m.Role == role: // it is so already
		case !ranks && m.Role >= own.Role:
			return nil, onlyOwner(), nil
		default:
			users = append(users, user)
		}
	}
	return users, nil, nil
}

// absent returns those of users who are not in a group.
func (b *batch) absent(key proto.Key, users []uint64) (absent []uint64, err error) {
	for _, user := range users {
		m, err := b.member(key, user)
		if err != nil {
			return nil, err
		}
		if m.Role == proto.GroupRole_GROUP_ROLE_NONE {
			absent = append(absent, user)
		}
	}
	return absent, nil
}

// validateComing refuses those who cannot come into a group: more than there is room for,
// whom nobody knows, and who have nothing to do with the one who adds them.
func (r *groupChange) validateComing(b *batch, g *group, users []uint64) (_ []uint64, refusal, err error) {
	if g.Members+uint64(len(users)) > proto.MaxMembers {
		return nil, groupFull(), nil
	}
	if r.Type == proto.MessageType_MESSAGE_TYPE_GROUP_CREATE { // an id is a user's or a group's
		u, err := b.tx.User(r.Key.Group())
		if err != nil || u.ID != 0 || g.Version > 0 {
			return nil, temporary("not stored", cmp.Or(err, errTaken)), err
		}
	}
	for _, user := range users {
		if user == r.by {
			continue
		}
		u, err := b.tx.User(user)
		if err != nil {
			return nil, nil, err
		}
		between, err := b.member(proto.DirectKey(r.by, user), r.by)
		if err != nil {
			return nil, nil, err
		}
		switch {
		case u.ID == 0:
			return nil, proto.Refuse(proto.PayloadFormatInvalid, "members: there is no user %d", user).Named("no-such-user", user), nil
		case between.Blocks:
			return nil, proto.Refuse(proto.NotAuthorized, "members: you block one of them: unblock them to add them").Named("blocked-by-me"), nil
		case between.Blocked:
			return nil, proto.Refuse(proto.NotAuthorized, "members: one of them cannot be added by you: send them a link").Named("cannot-be-added"), nil
		}
	}
	return users, nil, nil
}

// errTaken is that a random id is somebody's.
var errTaken = errors.New("the id of the new group is taken")

// happen writes what happens to a group into its log, with the picture that it then has, and lets it
// happen to the members.
func (b *batch) happen(c *conversation, g *group, r *groupChange, users []uint64, picture []*proto.Attachment) (Entry, error) {
	author, err := b.tx.User(r.by)
	if err != nil {
		return Entry{}, err
	}
	names, err := b.names(users)
	if err != nil {
		return Entry{}, err
	}
	id := c.Key.Group()
	m := &proto.Message{
		SenderId: &r.by, ReceiverId: &id, GroupId: &id, Content: &r.Content, MessageType: &r.Type,
		ClientRef: r.Ref[:], SenderName: &author.Name, Members: users, MemberNames: names, Attachments: picture,
	}
	entry, err := b.append(c, r.by, r.Ref, m.EventTo(r.by), func(id uint64, e proto.Event) protobuf.Message {
		m.MessageId, m.CreateTime, m.Seq = &id, &e.Time, &e.Seq
		return m
	})
	if err != nil {
		return Entry{}, err
	}
	switch r.Type {
	case proto.MessageType_MESSAGE_TYPE_GROUP_CREATE:
		g.Name, g.Whole = r.Content, r.Whole
	case proto.MessageType_MESSAGE_TYPE_GROUP_RENAME:
		g.Name = r.Content
	}
	told := g.present
	if err := b.enroll(c, g, m, append([]uint64{r.by}, users...)); err != nil {
		return Entry{}, err
	}
	if r.Type == proto.MessageType_MESSAGE_TYPE_GROUP_PICTURE || g.Members == 0 {
		if err := b.hang(g, picture); err != nil {
			return Entry{}, err
		}
	}
	b.changeGroup(g)
	b.revise(c)
	for _, user := range union(told, g.present) { // to those who are gone it is the last that they read
		b.deliver(user, proto.BranchMessage, entry.Body)
	}
	return entry, nil
}

// enroll lets users be in a group what its newest entry makes of them.
func (b *batch) enroll(c *conversation, g *group, entry *proto.Message, users []uint64) error {
	roles := make(proto.Roles)
	for _, user := range users {
		m, err := b.member(c.Key, user)
		if err != nil {
			return err
		}
		if m.Role != proto.GroupRole_GROUP_ROLE_NONE {
			roles[user] = m.Role
		}
	}
	roles.Add(entry)
	for _, user := range users {
		m, err := b.member(c.Key, user)
		if err != nil {
			return err
		}
		was := m.Role
		if m.Role = roles[user]; m.Role == was {
			continue
		}
		switch proto.GroupRole_GROUP_ROLE_NONE {
		case was:
			m.come(c, g.Whole)
			g.present = union(g.present, []uint64{user})
		case m.Role:
			m.leave(c)
			g.present = without(g.present, user)
		}
		b.changeMember(m)
	}
	g.Members = uint64(len(g.present))
	return nil
}

// come lets m read a group's log, whose newest entry let them in: with whole all of it, of
// which what was there before is not new to them, and asked them nothing.
func (m *member) come(c *conversation, whole bool) {
	m.From, m.Until = c.Head, 0
	if whole {
		m.From = 1
	}
	before := c.Head - 1
	m.Read, m.Delivered, m.Answered = max(m.Read, before), max(m.Delivered, before), max(m.Answered, before)
	m.Seen = c.Counted[proto.First] - m.Own
}

// leave lets m read a group's log no further than its newest entry, which let them go.
func (m *member) leave(c *conversation) {
	m.Until, m.Read, m.Delivered = c.Head, c.Head, c.Head
	m.Seen = c.Counted[proto.First] - m.Own
}

// maxNamed bounds the members whose names an entry holds.
const maxNamed = 20

// names returns the names of users, but of none if they are too many.
func (b *batch) names(users []uint64) (names []string, err error) {
	if len(users) > maxNamed {
		return nil, nil
	}
	for _, user := range users {
		u, err := b.tx.User(user)
		if err != nil {
			return nil, err
		}
		names = append(names, u.Name)
	}
	return names, nil
}

// union returns who is in one of two rising lists, rising.
func union(x, y []uint64) []uint64 {
	both := append(slices.Clone(x), y...)
	slices.Sort(both)
	return slices.Compact(both)
}
