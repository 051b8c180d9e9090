package chat

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"parley/proto"
)

const (
	// maxUnfinished is how many uploads of one user are under way at a time: with another, the
	// one of which nothing came for the longest is given up.
	maxUnfinished = 20
	// maxNames is how many entries name one attachment at most.
	maxNames = 1000
	// uploadTime is how long an upload is kept that no entry names, from when it last grew.
	uploadTime = 24 * time.Hour
)

// Attachment is what the history knows of an upload. Its content is kept elsewhere, under its
// id: it comes after the Attachment is stored and goes before it is deleted, so that what is
// there without an Attachment is nobody's.
type Attachment struct {
	ID, Owner uint64
	State     AttachmentState
	Name      string // clean, see proto.CleanFileName
	// MediaType, Width and Height are known of what is finished, see proto.Attachment.
	MediaType     string
	Width, Height uint32
	// Size is how many bytes it is to have, and Offset how many of them are kept.
	Size, Offset uint64
	Time         uint64 // when it began, Unix milliseconds
	// Due is from when on it is to be deleted, Unix milliseconds; 0: an entry names it.
	Due uint64
}

// AttachmentState is how far an upload is.
type AttachmentState int

const (
	AttachmentUnfinished AttachmentState = iota
	AttachmentFinished
	// AttachmentEnding is being deleted: nobody may name or read it any more.
	AttachmentEnding
)

// AttachmentName is that an entry names an attachment or, with seq 0, that it is the picture of a group.
type AttachmentName struct {
	Attachment uint64
	Key        proto.Key
	Seq        uint64
}

// UploadUsage is what a user has used of the quotas of uploads: Bytes began within a day, and
// Kept are those of all attachments that there are of theirs.
type UploadUsage struct {
	User  uint64
	Bytes Bucket
	Kept  uint64
}

// UploadQuotas bound what users upload, by the size that each upload is to have. 0 is no bound.
type UploadQuotas struct {
	// Largest is the size of one upload, in bytes.
	Largest uint64
	// Daily is how many bytes a day of a user who answers for no service, AgentDaily of one
	// who does: a Bucket each.
	Daily, AgentDaily uint64
	// Kept is how many bytes of one user are kept.
	Kept uint64
}

// UploadLimits returns Config.Uploads.
func (s *Service) UploadLimits() UploadQuotas { return s.uploads }

// errNoAttachment is the same for what is not there and what is not for whoever asks.
var errNoAttachment = proto.Refuse(proto.NotAuthorized, "there is no such attachment for you: it was deleted, or never was, or is of a conversation that you take no part in").Named("attachment-gone")

// mixedRetry is when an upload that nodes of the version before are in the way of is tried again.
const mixedRetry = 10 * time.Second

// BeginUpload stores an upload of a size with a name, which is cleaned. Errors wrap a
// *proto.Refusal: PacketTooLarge if it is larger than the quota's Largest, QuotaExceeded if
// the user has to wait, UnspecifiedError while nodes are there that know of no attachments:
// a message that one of those takes would name none of its own, so that they are swept.
func (s *Service) BeginUpload(ctx context.Context, who Sender, name string, size uint64) (Attachment, error) {
	switch largest := s.uploads.Largest; {
	case who.User == 0:
		return Attachment{}, anonymous(who)
	case s.mixed():
		return Attachment{}, proto.Refuse(proto.UnspecifiedError, "the server is being upgraded, and takes no files for the moment: try again later").Named("uploads-away").In(mixedRetry)
	case size == 0:
		return Attachment{}, proto.Refuse(proto.PayloadFormatInvalid, "the file is empty: choose another").Named("upload-empty")
	case largest > 0 && size > largest:
		return Attachment{}, proto.Refuse(proto.PacketTooLarge, "the file has %s, at most %s are allowed: choose a smaller one", sizeOf(size), sizeOf(largest)).Named("upload-too-large", size, largest)
	}
	var id [8]byte
	if _, err := io.ReadFull(s.random, id[:]); err != nil {
		return Attachment{}, s.failed("the upload could not begin", err)
	}
	r := &uploadBeginning{quotas: s.uploads, agent: len(who.Services) > 0, new: Attachment{
		ID: max(1, binary.BigEndian.Uint64(id[:])), Owner: who.User, Name: proto.CleanFileName(name), Size: size,
	}}
	return answerOf(ctx, s.commitOne, r, &r.new)
}

type uploadBeginning struct {
	quotas UploadQuotas
	agent  bool
	new    Attachment // Time and Due are set by apply
}

func (r *uploadBeginning) apply(b *batch) (Result, error) {
	u, err := b.tx.UploadUsage(r.new.Owner)
	if err != nil {
		return Result{}, err
	}
	daily := r.quotas.Daily
	if r.agent {
		daily = r.quotas.AgentDaily
	}
	if kept := r.quotas.Kept; kept > 0 && u.Kept+r.new.Size > kept {
		return Result{Err: proto.Refuse(proto.PayloadFormatInvalid, "what you have sent takes %s, as much as is kept of one person's: there is no room for this", sizeOf(kept)).Named("uploads-full", kept)}, nil
	}
	if daily > 0 {
		if wait := u.Bytes.add(r.new.Size, daily, day, b.now); wait > 0 {
			return Result{Err: tooMany(wait, "you have sent files of %s, as much as you may in a day: there is room for this in %s", sizeOf(daily), proto.InWords(wait)).
				Named("too-much-uploaded", daily, wait)}, nil
		}
	}
	if err := b.giveUp(r.new.Owner); err != nil {
		return Result{}, err
	}
	u.Kept += r.new.Size
	r.new.Time, r.new.Due = b.now, b.now+uint64(uploadTime.Milliseconds())
	return Result{}, errors.Join(b.tx.PutAttachment(r.new), b.tx.PutUploadUsage(u))
}

// giveUp makes room for another upload of a user.
func (b *batch) giveUp(owner uint64) error {
	unfinished, err := b.tx.UnfinishedUploads(owner)
	if err != nil || len(unfinished) < maxUnfinished {
		return err
	}
	oldest := unfinished[0]
	for _, a := range unfinished {
		if a.Due < oldest.Due {
			oldest = a
		}
	}
	oldest.State, oldest.Due = AttachmentEnding, b.now
	return b.tx.PutAttachment(oldest)
}

// Upload returns an upload of the user's own. Errors wrap a *proto.Refusal.
func (s *Service) Upload(ctx context.Context, who Sender, id uint64) (a Attachment, err error) {
	err = s.store.View(ctx, func(v View) error {
		a, err = v.Attachment(id)
		return err
	})
	switch {
	case err != nil:
		return Attachment{}, s.failed("the upload could not be read", err)
	case a.ID == 0 || a.Owner != who.User || a.State == AttachmentEnding:
		return Attachment{}, errNoAttachment
	}
	return a, nil
}

// ContinueUpload stores that a holds more of its content, all of it if it is finished. Errors
// wrap a *proto.Refusal: the upload may have ended, or grown elsewhere, since a was returned.
func (s *Service) ContinueUpload(ctx context.Context, before, a Attachment) error {
	_, err := s.commitOne(ctx, &uploadProgress{before, a})
	return err
}

type uploadProgress struct{ before, after Attachment }

func (r *uploadProgress) apply(b *batch) (Result, error) {
	now, err := b.tx.Attachment(r.after.ID)
	switch {
	case err != nil:
		return Result{}, err
	case now.ID == 0 || now.State == AttachmentEnding:
		return Result{Err: errNoAttachment}, nil
	case now.State != AttachmentUnfinished || now.Offset != r.before.Offset:
		return Result{Err: proto.Refuse(proto.UnspecifiedError, "the upload went on elsewhere: ask how far it is").Named("try-again")}, nil
	}
	after := r.after
	after.Due = b.now + uint64(uploadTime.Milliseconds())
	return Result{}, b.tx.PutAttachment(after)
}

// CancelUpload lets an upload of the user's own end that no entry names. Its content is
// deleted soon after. Errors wrap a *proto.Refusal.
func (s *Service) CancelUpload(ctx context.Context, who Sender, id uint64) error {
	if err := anonymous(who); err != nil {
		return err
	}
	_, err := s.commitOne(ctx, &uploadEnding{id: id, owner: who.User})
	return err
}

// EndUpload lets an upload end that is due, and reports whether it has ended: then its
// content is to be deleted, and after that the upload is (ForgetUpload).
func (s *Service) EndUpload(ctx context.Context, id uint64) (ended bool, err error) {
	r := &uploadEnding{id: id}
	return answerOf(ctx, s.commitOne, r, &r.ended)
}

type uploadEnding struct {
	id    uint64
	owner uint64 // who asks; 0: it ends only if it is due
	ended bool   // set by apply
}

func (r *uploadEnding) apply(b *batch) (Result, error) {
	r.ended = false
	a, err := b.tx.Attachment(r.id)
	switch {
	case err != nil:
		return Result{}, err
	case a.ID == 0 || r.owner != 0 && (a.Owner != r.owner || a.State == AttachmentEnding):
		return Result{Err: errNoAttachment}, nil
	case a.Due == 0 && r.owner != 0:
		return Result{Err: proto.Refuse(proto.NotAuthorized, "the attachment was sent: it stays until its message goes").Named("attachment-sent")}, nil
	case a.Due == 0 || r.owner == 0 && a.Due > b.now:
		return Result{}, nil
	}
	r.ended = true
	a.State, a.Due = AttachmentEnding, min(a.Due, b.now)
	return Result{}, b.tx.PutAttachment(a)
}

// ForgetUpload deletes an upload that has ended and whose content is deleted.
func (s *Service) ForgetUpload(ctx context.Context, id uint64) error {
	_, err := s.commitOne(ctx, uploadOblivion(id))
	return err
}

type uploadOblivion uint64

func (r uploadOblivion) apply(b *batch) (Result, error) {
	a, err := b.tx.Attachment(uint64(r))
	if err != nil || a.State != AttachmentEnding {
		return Result{}, err
	}
	u, err := b.tx.UploadUsage(a.Owner)
	if err != nil {
		return Result{}, err
	}
	u.Kept -= min(u.Kept, a.Size)
	return Result{}, errors.Join(b.tx.DeleteAttachment(a.ID), b.tx.PutUploadUsage(u))
}

// DueUploads returns uploads that are to be deleted, limit at most; none where another node
// sees to that.
func (s *Service) DueUploads(ctx context.Context, limit int) (due []Attachment, err error) {
	if !s.leads() {
		return nil, nil
	}
	now := s.millis()
	err = s.store.View(ctx, func(v View) error {
		due, err = v.DueAttachments(now, limit)
		return err
	})
	if err != nil {
		return nil, s.failed("uploads that are too old could not be found", err)
	}
	return due, nil
}

// Foreign returns those of some ids under which there is no upload; none where another node
// sees to that.
func (s *Service) Foreign(ctx context.Context, ids []uint64) (foreign []uint64, err error) {
	if !s.leads() {
		return nil, nil
	}
	err = s.store.Scan(ctx, func(v View) error {
		for _, id := range ids {
			a, err := v.Attachment(id)
			if err != nil {
				return err
			}
			if a.ID == 0 {
				foreign = append(foreign, id)
			}
		}
		return nil
	})
	if err != nil {
		return nil, s.failed("uploads could not be looked for", err)
	}
	return foreign, nil
}

// Attachment returns a finished one that the user may read: their own, or one that an entry
// names that they may read. Errors wrap a *proto.Refusal.
func (s *Service) Attachment(ctx context.Context, who Sender, id uint64) (a Attachment, err error) {
	err = s.store.View(ctx, func(v View) (err error) {
		a, err = attachmentFor(v, who, id)
		return err
	})
	switch {
	case err != nil:
		return Attachment{}, s.failed("the attachment could not be read", err)
	case a.State != AttachmentFinished:
		return Attachment{}, errNoAttachment
	}
	return a, nil
}

// attachmentFor returns the zero Attachment if there is none that who may know of.
func attachmentFor(v View, who Sender, id uint64) (Attachment, error) {
	a, err := v.Attachment(id)
	if err != nil || a.ID == 0 || a.State == AttachmentEnding || who.User == 0 {
		return Attachment{}, err
	}
	if a.Owner == who.User {
		return a, nil
	}
	names, err := v.AttachmentNames(id, maxNames)
	if err != nil {
		return Attachment{}, err
	}
	for _, n := range names {
		may, err := mayReadAt(v, who, n.Key, n.Seq)
		if n.Seq == 0 {
			may, err = isMember(v, who, n.Key)
		}
		if err != nil || may {
			return a, err
		}
	}
	return Attachment{}, nil
}

// isMember reports whether a user is in a group now.
func isMember(v View, who Sender, key proto.Key) (bool, error) {
	m, err := v.Member(key, who.User)
	return m.Role != proto.GroupRole_GROUP_ROLE_NONE, err
}

// attach returns what an entry of who's carries of the attachments that they ask for: as
// the history knows them. It changes nothing.
func (b *batch) attach(who Sender, t proto.MessageType, asked []*proto.Attachment) (stamped []*proto.Attachment, refusal, err error) {
	for i, one := range asked {
		a, err := attachmentFor(b.tx, who, one.GetAttachmentId())
		if err != nil {
			return nil, nil, err
		}
		switch {
		case a.ID == 0:
			return nil, refuseAttachment(i, "is not there for you: it was deleted, or never was, send it anew").Named("attachment-gone"), nil
		case a.State != AttachmentFinished:
			return nil, refuseAttachment(i, "is not finished: upload all of it, then send the message again").Named("attachment-unfinished"), nil
		case t == proto.MessageType_MESSAGE_TYPE_IMAGE && !proto.IsPicture(a.MediaType):
			return nil, refuseAttachment(i, "is no picture that can be shown, or too large a one: send it as a file").Named("attachment-no-picture"), nil
		case t == proto.MessageType_MESSAGE_TYPE_VOICE && !proto.IsSound(a.MediaType):
			return nil, refuseAttachment(i, "is no sound that can be played: send it as a file").Named("attachment-no-sound"), nil
		}
		if a.Owner != who.User || a.Due == 0 {
			names, err := b.tx.AttachmentNames(a.ID, maxNames)
			if err != nil {
				return nil, nil, err
			}
			if len(names) >= maxNames {
				return nil, refuseAttachment(i, "was sent as often as it may be: upload it anew").Named("attachment-everywhere"), nil
			}
		}
		stamped = append(stamped, a.stamp(one))
	}
	return stamped, nil, nil
}

func refuseAttachment(i int, text string) *proto.Refusal {
	return proto.Refuse(proto.ImplementationSpecific, "attachment %d %s", i+1, text)
}

// stamp is a as an entry names it, with what only its author's program knows.
func (a Attachment) stamp(asked *proto.Attachment) *proto.Attachment {
	p := &proto.Attachment{AttachmentId: &a.ID, Name: &a.Name, MediaType: &a.MediaType, Size: &a.Size,
		Preview: asked.Preview, Duration: asked.Duration, Waveform: asked.Waveform}
	if a.Width > 0 {
		p.Width, p.Height = &a.Width, &a.Height
	}
	return p
}

// nameAttachments stores that an entry names what it carries.
func (b *batch) nameAttachments(e Entry, carried []*proto.Attachment) error {
	for _, one := range carried {
		a, err := b.tx.Attachment(one.GetAttachmentId())
		if err != nil {
			return err
		}
		if a.Due != 0 {
			a.Due = 0
			if err := b.tx.PutAttachment(a); err != nil {
				return err
			}
		}
		if err := b.tx.NameAttachment(AttachmentName{a.ID, e.Key, e.Seq}); err != nil {
			return fmt.Errorf("name attachment %d: %w", a.ID, err)
		}
	}
	return nil
}

// unnameAttachments lets the entries of a conversation from one seq to another name no
// attachments any more. What no other entry names is then deleted soon.
func (b *batch) unnameAttachments(key proto.Key, from, through uint64) error {
	names, err := b.tx.NamesIn(key, from, through)
	if err != nil {
		return err
	}
	for _, n := range names {
		if err := b.tx.UnnameAttachment(n); err != nil {
			return err
		}
		left, err := b.tx.AttachmentNames(n.Attachment, 1)
		if err != nil {
			return err
		}
		if len(left) > 0 {
			continue
		}
		a, err := b.tx.Attachment(n.Attachment)
		if err != nil {
			return err
		}
		if a.ID != 0 {
			a.Due = b.now
			if err := b.tx.PutAttachment(a); err != nil {
				return err
			}
		}
	}
	return nil
}
