package chat

import (
	"encoding/base64"
	"slices"
	"strconv"
	"time"

	"parley/proto"
)

// renderer makes what a person sees of what the engine keeps. It changes nothing.
type renderer struct {
	user   uint64        // who looks
	window time.Duration // for how long messages can be changed
}

// conversation is a conversation as the list shows it.
func (r renderer) conversation(c *conversation) Conversation {
	count, _ := c.unread.total(c.mine.read)
	s, mine := &c.status, c.key.Side(r.user)
	my, other := s.Sides[mine], s.Sides[mine.Other()]
	view := Conversation{
		Key: c.name, Peer: c.key.Peer(r.user), PeerName: c.names.peer,
		Head: c.head, Min: c.min, Read: c.mine.read, Delivered: c.mine.delivered,
		PeerRead: c.peer.read, PeerDelivered: c.peer.delivered, Unread: count,
		WaitingSince: other.Since, WaitingSeq: other.Seq,
		AwaitingSince: my.Since, AwaitingSeq: my.Seq,
		Blocked: c.blocked, Pinned: c.choices.pinned, Muted: c.choices.muted, MarkedUnread: c.choices.markedUnread && count == 0,
		Archived: c.archived(), Unsent: uint32(len(c.outbox)),
		Service: -1,
	}
	if c.key.Kind() == proto.Service {
		view.Service, view.Customer = int(c.key.Service()), c.key.Customer()
		view.Agent = c.queued(r.user)
		view.Assignee, view.AssigneeName = s.Assignee, c.names.of(s.Assignee)
		view.Notes = c.notes
		view.PostProc, view.LastAnswer, view.LastAnswerBy = s.PostProc, s.LastAnswer, s.LastAnswerBy
	}
	if c.key.Kind() == proto.Group {
		view.Group, view.Role = c.key.Group(), c.group.role.Name()
		if view.Role != "" { // who left is told no more how many there are
			view.MemberCount = c.group.members
		}
		view.Picture = c.group.picture
		view.Mentions = c.group.mentions.total(c.mine.read)
	}
	if o := c.lastSent(); o != nil {
		m := r.pending(c, o)
		m.Content, m.Extend = cut(m.Content), ""
		view.Last = &m
	} else if c.last.seq != 0 {
		m := r.message(c, c.last)
		view.Last = &m
	}
	return view
}

// lastSent is the newest message of the outbox, of those that do not only speak of another;
// nil if there is none.
func (c *conversation) lastSent() *outgoing {
	for _, o := range slices.Backward(c.outbox) {
		if !o.entry.event().Type.Revises() {
			return o
		}
	}
	return nil
}

// message is an entry as the log shows it.
func (r renderer) message(c *conversation, x entry) Message {
	x, changing := r.shown(c, x)
	event := x.event()
	view := Message{
		Changing: changing, Quote: x.quote(), Of: event.Of, Edited: x.edited(), Reactions: x.reactions(), RecalledBy: x.service.GetRecalledBy(),
		Key: c.name, Seq: x.seq, ID: x.id(), Time: event.Time,
		Type: event.Type, Mine: x.by(r.user), Agent: event.Author, Target: event.Target,
		Ref: x.ref().String(), State: Received, Gap: x.seq != 0 && c.gap(x.seq),
	}
	if r.window > 0 && event.Type.Written() && (view.Mine || event.Author != 0) {
		view.ChangeableUntil = view.Time + uint64(r.window.Milliseconds())
	}
	if event.Seen != nil {
		view.Seen = *event.Seen
	}
	if x.service != nil {
		view.Content, view.Extend = x.service.GetContent(), x.service.GetExtend()
		view.Sender, view.Receiver = x.service.GetUserId(), 0
		if event.Side == proto.Second {
			view.Sender, view.Receiver = event.Author, x.service.GetUserId()
		}
	} else {
		view.Content = x.direct.GetContent()
		view.Sender, view.Receiver = x.direct.GetSenderId(), x.direct.GetReceiverId()
	}
	view.Attachments = attachmentsOf(c.name, x)
	if len(view.Attachments) > 0 && view.Content == proto.AttachmentNames(x.attachments()) {
		view.Content = "" // what stands for a caption where none is
	}
	if x.direct.GetGroupId() != 0 {
		r.ofGroup(c, x, &view)
	} else if view.Mine && x.seq != 0 {
		at := c.times(x.seq, view.Time)
		view.State, view.DeliveredTime, view.ReadTime = c.stateOf(x.seq), at.delivered, at.read
	}
	return view
}

// ofGroup adds to a message what only those of groups have. It was read once all have read it.
func (r renderer) ofGroup(c *conversation, x entry, view *Message) {
	m := x.direct
	view.SenderName, view.Mentions, view.Members, view.MemberNames = m.GetSenderName(), m.GetMentions(), m.GetMembers(), m.GetMemberNames()
	view.MentionsMe = x.eventTo(r.user).Calls
	if g := c.group.roster; g != nil {
		if one := g.known[view.Sender]; one != nil && one.name != "" {
			view.SenderName = one.name
		}
	}
	if !view.Mine || x.seq == 0 {
		return
	}
	view.State = Sent
	if r := c.group.roster; r == nil || r.gap || r.head < x.seq { // somebody may have come of whom nothing is known here
		return
	}
	delivered, read, of := c.group.roster.reached(r.user, x.seq)
	view.ReadBy, view.ReadOf = uint32(read), uint32(of)
	switch {
	case of == 0:
	case read == of:
		view.State = Read
	case delivered == of:
		view.State = Delivered
	}
}

// quote is the message that an entry quotes, 0 if none.
func (x entry) quote() uint64 {
	if x.service != nil {
		return x.service.GetQuoteSeq()
	}
	return x.direct.GetQuoteSeq()
}

// edited is when an entry was edited or taken back last, Unix milliseconds; 0 if it was not.
func (x entry) edited() uint64 {
	if x.service != nil {
		return x.service.GetRevisedTime()
	}
	return x.direct.GetRevisedTime()
}

func (x entry) reactions() (all []Reaction) {
	of := x.direct.GetReactions()
	if x.service != nil {
		of = x.service.GetReactions()
	}
	for _, r := range of {
		all = append(all, Reaction{User: r.GetUserId(), Emoji: r.GetContent()})
	}
	return all
}

// attachmentsOf are an entry's attachments as a person sees them.
func attachmentsOf(key string, x entry) (all []Attachment) {
	place := key + "/" + x.ref().String()
	if x.seq != 0 {
		place = key + "/" + strconv.FormatUint(x.seq, 10)
	}
	for _, a := range x.attachments() {
		all = append(all, Attachment{
			Place: place, ID: a.GetAttachmentId(), Name: a.GetName(), MediaType: a.GetMediaType(), Size: a.GetSize(), Width: uint64(a.GetWidth()), Height: uint64(a.GetHeight()),
			Preview: base64.StdEncoding.EncodeToString(a.GetPreview()), Duration: uint64(a.GetDuration()), Waveform: base64.StdEncoding.EncodeToString(a.GetWaveform()),
		})
	}
	return all
}

// stateOf is how far a confirmed message of mine has come.
func (c *conversation) stateOf(seq uint64) MessageState {
	switch {
	case seq <= c.peer.read:
		return Read
	case seq <= c.peer.delivered:
		return Delivered
	}
	return Sent
}

// pending is a message of the outbox as the log shows it.
func (r renderer) pending(c *conversation, o *outgoing) Message {
	view := r.message(c, o.entry)
	view.Number, view.State, view.Gap, view.Paused = o.Number, Pending, false, o.Paused
	for i := range min(len(o.Files), len(view.Attachments)) {
		view.Attachments[i].File, view.Attachments[i].Uploaded = o.Files[i].Key, o.uploaded[i]
	}
	if o.Refused != "" {
		view.State, view.Reason, view.ReasonCode, view.ReasonArgs = Refused, o.Refused, o.Code, o.Args
	} else if o.held != nil {
		view.Reason, view.ReasonCode, view.ReasonArgs = o.held.Text, o.held.Code, o.held.Args
	}
	return view
}
