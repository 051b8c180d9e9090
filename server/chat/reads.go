package chat

import "parley/proto"

// Reads name what will be read of the history, as far as that is known before, so that a
// store over a network can fetch all of it at once. What is not named is read all the
// same, and what is named need not be there, or be read.
type Reads struct {
	// Members also stand for their conversations.
	Members []MemberRead
	Refs    []RefRead
	Ahead   []AheadRead
	Users   []uint64
	Usages  []uint64
	Groups  []proto.Key
	Entries []EntryRead
	Authors []AuthorsRead
	// Attachments are ids.
	Attachments []uint64
	// Teams are services whose agents will be read.
	Teams Services
}

// MemberRead names a Member.
type MemberRead struct {
	Key  proto.Key
	User uint64
}

// RefRead names an entry as View.ByRef does.
type RefRead struct {
	Sender uint64
	Ref    [proto.RefSize]byte
}

// AheadRead names what View.First, and View.FirstBy of a user, find behind what the user
// has read, or after Seen if that is more; and what View.FirstWritten finds of Other after
// Seen.
type AheadRead struct {
	Key         proto.Key
	User, Other uint64
	Seen        uint64
}

// EntryRead names one entry.
type EntryRead struct {
	Key proto.Key
	Seq uint64
}

// AuthorsRead names what View.Authors finds behind what a user has read, through a seq.
type AuthorsRead struct {
	Key           proto.Key
	User, Through uint64
}

// foresighted is a Request that says beforehand what it will read.
type foresighted interface{ reads(*Reads) }

// readsOf gathers what requests will read.
func readsOf(requests []Request) (all Reads) {
	for _, r := range requests {
		if f, ok := r.(foresighted); ok {
			f.reads(&all)
		}
	}
	return all
}

func (all *Reads) member(key proto.Key, users ...uint64) {
	for _, user := range users {
		all.Members = append(all.Members, MemberRead{key, user})
	}
}

// entry names what it takes to append a sender's entry, which saw so far and answers other.
func (all *Reads) entry(key proto.Key, sender, other uint64, ref [proto.RefSize]byte, seen *uint64) {
	all.Refs = append(all.Refs, RefRead{sender, ref})
	all.Usages = append(all.Usages, sender)
	all.Users = append(all.Users, sender)
	if seen != nil {
		all.Ahead = append(all.Ahead, AheadRead{Key: key, User: sender, Other: other, Seen: *seen})
	}
}

// spoken names the entries that another one speaks of, and what it carries.
func (all *Reads) spoken(key proto.Key, carried []*proto.Attachment, of ...*uint64) {
	for _, seq := range of {
		if seq != nil {
			all.Entries = append(all.Entries, EntryRead{key, *seq})
		}
	}
	for _, a := range carried {
		all.Attachments = append(all.Attachments, a.GetAttachmentId())
	}
}

func (r *message) reads(all *Reads) {
	sender, receiver := r.m.GetSenderId(), r.m.GetReceiverId()
	all.spoken(r.key, r.m.Attachments, r.m.QuoteSeq, r.m.TargetSeq)
	all.member(r.key, sender, receiver)
	all.member(proto.GroupKey(receiver), sender) // which it may be, see apply
	all.entry(r.key, sender, receiver, r.ref, r.m.SeenSeq)
}

func (r *groupMessage) reads(all *Reads) {
	all.member(r.key, r.m.GetSenderId())
	all.Groups = append(all.Groups, r.key)
	all.spoken(r.key, r.m.Attachments, r.m.QuoteSeq, r.m.TargetSeq)
	if seen := r.m.SeenSeq; seen != nil {
		all.Authors = append(all.Authors, AuthorsRead{r.key, r.m.GetSenderId(), *seen})
	}
	all.entry(r.key, r.m.GetSenderId(), 0, r.ref, r.m.SeenSeq)
}

func (r *serviceMessage) reads(all *Reads) {
	all.member(r.key, r.author, r.key.Customer())
	all.spoken(r.key, r.m.Attachments, r.m.QuoteSeq, r.m.TargetSeq)
	all.entry(r.key, r.author, r.key.User(r.m.Event().Side.Other()), r.ref, r.m.SeenSeq)
	all.Teams |= ServicesOf([]proto.ServiceType{r.key.Service()})
}

func (r *mark) reads(all *Reads) {
	all.member(r.key, r.user)
	other := r.key.Customer()
	switch r.key.Kind() {
	case proto.Direct:
		other = r.key.Peer(r.user)
	case proto.Service:
		all.Teams |= ServicesOf([]proto.ServiceType{r.key.Service()})
	case proto.Group:
		all.Groups = append(all.Groups, r.key)
		all.Authors = append(all.Authors, AuthorsRead{r.key, r.user, max(r.delivered, r.read)})
	}
	if other != 0 {
		all.member(r.key, other)
	}
	all.Ahead = append(all.Ahead, AheadRead{Key: r.key, User: r.user, Other: other, Seen: r.read})
}
