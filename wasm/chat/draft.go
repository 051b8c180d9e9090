package chat

import (
	"unicode/utf8"

	"parley/proto"
)

// Draft is what a person is about to send.
type Draft struct {
	Content string
	// Seen is the highest contiguous seq that was on the author's screen, 0 if nothing was.
	Seen uint64
	// Type is TEXT, or another entry that the conversation's kind and the
	// person's part in it allow; the server has the last word.
	Type proto.MessageType
	// Target is the agent of a hand-over, or the number of the service of a move.
	Target uint64
	// Mentions are the members of a group whom it asks, 0 is everyone.
	Mentions []uint64
	// Extend is JSON of the application's own, in a service conversation; "" for none.
	Extend string
	// Anyway sends an answer even though another agent answered meanwhile.
	Anyway bool
	// Quote is the message that it quotes; 0: none.
	Quote uint64
	// Of is the message that an EDIT, RECALL or REACT speaks of, or OfRef the client_ref of
	// one that was not confirmed when it was last told.
	Of    uint64
	OfRef [proto.RefSize]byte
	// Files are what the message carries: images, files or a voice message, as Type says.
	Files []DraftFile
	// Ref is the client_ref, made when Send was pressed; the zero Ref lets the
	// engine make one, for a draft that is given to it once.
	Ref [proto.RefSize]byte
	// Repeat says that the draft with this Ref may have been given to an engine
	// before, which ended without an answer. What became of it then is the
	// answer now; only if nothing did, it is sent.
	Repeat bool
}

// DraftFile is an attachment of a draft.
type DraftFile struct {
	// Key is under what the browser keeps it (Files); "" for one that is uploaded, as ID.
	Key string
	ID  uint64
	// What is known of it, as Attachment's.
	Name, MediaType     string
	Size, Width, Height uint64
	Preview, Waveform   []byte
	Duration            uint64
}

// check refuses what the server would refuse in a conversation of a kind.
func (d Draft) check(kind proto.KeyKind) error {
	switch {
	case !utf8.ValidString(d.Content):
		return proto.Refuse(proto.PayloadFormatInvalid, "content is not valid UTF-8")
	case d.Type.Revises():
		return d.checkRevision()
	case kind != proto.Group && len(d.Mentions) > 0:
		return proto.Refuse(proto.PayloadFormatInvalid, "mentions: only messages to a group have them")
	case kind != proto.Service && d.Type.Control() && d.Type != proto.MessageType_MESSAGE_TYPE_NO_REPLY_NEEDED:
		return proto.Refuse(proto.PayloadFormatInvalid, "type: only a service conversation has such entries")
	case kind != proto.Service && d.Extend != "":
		return proto.Refuse(proto.PayloadFormatInvalid, "extend: only messages of a service conversation have it")
	case len(d.Extend) > proto.MaxExtend:
		return proto.Refuse(proto.PacketTooLarge, "extend is %d bytes: at most %d can be sent", len(d.Extend), proto.MaxExtend)
	case d.Content == "" && d.Type.Control() && d.Type != proto.MessageType_MESSAGE_TYPE_NOTE:
		return nil
	}
	if len(d.Files) > 0 {
		return d.checkFiles()
	}
	return proto.CheckContent(d.Content)
}

// checkRevision is check for what speaks of another message.
func (d Draft) checkRevision() error {
	switch {
	case d.Of == 0 && d.OfRef == ref{}:
		return proto.Refuse(proto.PayloadFormatInvalid, "of: name the message that it speaks of")
	case d.Type == proto.MessageType_MESSAGE_TYPE_EDIT:
		return proto.CheckContent(d.Content)
	case d.Type == proto.MessageType_MESSAGE_TYPE_REACT && d.Content != "" && !proto.IsEmoji(d.Content):
		return proto.Refuse(proto.PayloadFormatInvalid, "content is not one emoji: send one, or nothing to take it back").Named("not-an-emoji")
	case d.Type == proto.MessageType_MESSAGE_TYPE_RECALL && d.Content != "":
		return proto.Refuse(proto.PayloadFormatInvalid, "content: a recall says nothing")
	}
	return nil
}

// checkFiles refuses what the server would refuse of attachments.
func (d Draft) checkFiles() error {
	if d.Content != "" {
		if err := proto.CheckContent(d.Content); err != nil {
			return err
		}
	}
	attachments := d.attachments()
	for i, a := range attachments {
		if a.GetAttachmentId() == 0 { // it gets one when it is uploaded
			id := uint64(i + 1)
			a.AttachmentId = &id
		}
	}
	return proto.CheckAttachments(d.Type, attachments)
}

// attachments are the draft's files as its message carries them.
func (d Draft) attachments() (all []*proto.Attachment) {
	for _, f := range d.Files {
		width, height, duration := uint32(f.Width), uint32(f.Height), uint32(f.Duration)
		a := &proto.Attachment{AttachmentId: &f.ID, Name: &f.Name, MediaType: &f.MediaType, Size: &f.Size, Preview: f.Preview, Waveform: f.Waveform}
		if width > 0 && height > 0 {
			a.Width, a.Height = &width, &height
		}
		if duration > 0 {
			a.Duration = &duration
		}
		all = append(all, a)
	}
	return all
}

// checkAnswer stops an agent whose answer was written without having seen
// another agent's newer one.
func (d Draft) checkAnswer(c *conversation, author uint64) error {
	s := &c.status
	if c.key.Kind() != proto.Service || c.key.Customer() == author || d.Type.Control() || d.Anyway ||
		s.LastAnswerBy == author || s.LastAnswer <= d.Seen {
		return nil
	}
	return proto.Refuse(proto.ImplementationSpecific, "another agent answered meanwhile: read it, then send again").Named("answered-meanwhile")
}

// entry makes the entry that goes out for a draft, not encoded yet. now is Unix
// milliseconds.
func (d Draft) entry(c *conversation, author uint64, ref []byte, now uint64) entry {
	if c.key.Kind() == proto.Service {
		return entry{service: d.serviceMessage(c, author, ref, now)}
	}
	var unassigned uint64
	receiver := c.key.Peer(author) + c.key.Group()
	m := &proto.Message{
		MessageId: &unassigned, SenderId: &author, ReceiverId: &receiver,
		Content: &d.Content, CreateTime: &now, ClientRef: ref, Attachments: d.attachments(),
	}
	if c.key.Kind() == proto.Group {
		m.GroupId, m.Mentions = &receiver, d.Mentions
	}
	if d.Type != proto.MessageType_MESSAGE_TYPE_TEXT {
		m.MessageType = &d.Type
	}
	m.QuoteSeq, m.TargetSeq = optional(d.Quote), optional(d.Of)
	return entry{direct: m}
}

func (d Draft) serviceMessage(c *conversation, author uint64, ref []byte, now uint64) *proto.ServiceMessage {
	var unassigned uint64
	customer, service := c.key.Customer(), c.key.Service()
	direction := proto.ServiceMessageDirection_CUSTOMER_TO_SERVICE
	m := &proto.ServiceMessage{
		MessageId: &unassigned, UserId: &customer, ServiceType: &service, MessageType: &d.Type,
		Content: &d.Content, CreateDate: &now, Direction: &direction, ClientRef: ref, Attachments: d.attachments(),
	}
	if customer != author {
		direction = proto.ServiceMessageDirection_SERVICE_TO_CUSTOMER
		m.AgentId = &author
	}
	if d.Anyway {
		told := c.status.head
		m.DespiteSeq = &told
	}
	if d.Type == proto.MessageType_MESSAGE_TYPE_MOVE {
		m.OtherService = proto.ServiceType(d.Target).Enum()
	} else if d.Target != 0 {
		m.TargetAgentId = &d.Target
	}
	if d.Extend != "" {
		m.Extend = &d.Extend
	}
	m.QuoteSeq, m.TargetSeq = optional(d.Quote), optional(d.Of)
	return m
}

// optional is a seq for a field that is absent without one.
func optional(seq uint64) *uint64 {
	if seq == 0 {
		return nil
	}
	return &seq
}
