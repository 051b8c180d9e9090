package proto

const (
	// MaxMembers is how many members a group has at most.
	MaxMembers = 1000
	// MaxMentions is how many a message mentions at most.
	MaxMentions = 50
)

// mostPreviewed is how many members a preview of what happened to a group names.
const mostPreviewed = 20

// PreviewGroup puts into a preview of m what m has of a group, but for whom it is about where
// these are many.
func (m *Message) PreviewGroup(preview *Message) {
	preview.GroupId, preview.SenderName, preview.Mentions = m.GroupId, m.SenderName, m.Mentions
	if len(m.Members) <= mostPreviewed {
		preview.Members, preview.MemberNames = m.Members, m.MemberNames
	}
}

// Roles says who belongs to a group, and as what, as a fold over its log: feed Add every
// entry in seq order, and everybody comes to the same. Whoever it does not hold is no member.
// It may also hold a part of them, of which it then is the truth.
type Roles map[uint64]GroupRole

// Add adds the next entry. What people write changes nothing.
func (r Roles) Add(m *Message) {
	switch m.GetMessageType() {
	case MessageType_MESSAGE_TYPE_GROUP_CREATE:
		r.put(GroupRole_GROUP_ROLE_MEMBER, m.GetMembers()...)
		r.put(GroupRole_GROUP_ROLE_OWNER, m.GetSenderId())
	case MessageType_MESSAGE_TYPE_GROUP_JOIN:
		for _, user := range m.GetMembers() {
			if r[user] == GroupRole_GROUP_ROLE_NONE {
				r.put(GroupRole_GROUP_ROLE_MEMBER, user)
			}
		}
	case MessageType_MESSAGE_TYPE_GROUP_LEAVE:
		delete(r, m.GetSenderId())
	case MessageType_MESSAGE_TYPE_GROUP_REMOVE:
		for _, user := range m.GetMembers() {
			delete(r, user)
		}
	case MessageType_MESSAGE_TYPE_GROUP_ROLE:
		role := roles[m.GetContent()]
		if role == GroupRole_GROUP_ROLE_OWNER && r[m.GetSenderId()] == role {
			r.put(GroupRole_GROUP_ROLE_ADMIN, m.GetSenderId())
		}
		if role != GroupRole_GROUP_ROLE_NONE {
			r.put(role, m.GetMembers()...)
		}
	}
}

func (r Roles) put(role GroupRole, users ...uint64) {
	for _, user := range users {
		r[user] = role
	}
}

// roles are named as they stand in the content of a GROUP_ROLE.
var roles = map[string]GroupRole{
	"owner": GroupRole_GROUP_ROLE_OWNER, "admin": GroupRole_GROUP_ROLE_ADMIN, "member": GroupRole_GROUP_ROLE_MEMBER,
}

// ParseRole returns the role that a text names. The error is a *Refusal.
func ParseRole(text string) (GroupRole, error) {
	role, known := roles[text]
	if !known {
		return 0, Refuse(PayloadFormatInvalid, "role is %.32q: want owner, admin or member", text)
	}
	return role, nil
}

// Name returns the role as it stands in the content of a GROUP_ROLE; "" if there is none.
func (x GroupRole) Name() string {
	for name, role := range roles {
		if role == x {
			return name
		}
	}
	return ""
}

// OfGroup reports whether entries of this type tell what happens to a group: the server writes them.
func (t MessageType) OfGroup() bool {
	return t >= MessageType_MESSAGE_TYPE_GROUP_CREATE && t <= MessageType_MESSAGE_TYPE_GROUP_PICTURE
}
