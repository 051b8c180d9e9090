package chattest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"parley/proto"
	"parley/server/chat"
)

func attachmentsOf(s *memoryState) map[uint64]chat.Attachment { return s.attachments }

func namesOf(s *memoryState) map[chat.AttachmentName]bool { return s.names }

func uploadsOf(s *memoryState) map[uint64]chat.UploadUsage { return s.uploads }

func (v memoryView) Attachment(id uint64) (chat.Attachment, error) {
	a, _ := lookup(v.s, attachmentsOf, id)
	return a, nil
}

// those returns the attachments that are wanted, in an order, limit at most.
func (v memoryView) those(wanted func(chat.Attachment) bool, order func(x, y chat.Attachment) int, limit int) (found []chat.Attachment) {
	for a := range maps.Values(rows(v.s, attachmentsOf)) {
		if wanted(a) {
			found = append(found, a)
		}
	}
	slices.SortFunc(found, order)
	return found[:min(len(found), max(0, limit))]
}

func (v memoryView) DueAttachments(now uint64, limit int) ([]chat.Attachment, error) {
	return v.those(func(a chat.Attachment) bool { return a.Due > 0 && a.Due <= now },
		func(x, y chat.Attachment) int { return cmp.Or(cmp.Compare(x.Due, y.Due), cmp.Compare(x.ID, y.ID)) }, limit), nil
}

func (v memoryView) UnfinishedUploads(owner uint64) ([]chat.Attachment, error) {
	all := rows(v.s, attachmentsOf)
	return v.those(func(a chat.Attachment) bool { return a.Owner == owner && a.State == chat.AttachmentUnfinished },
		func(x, y chat.Attachment) int { return cmp.Compare(x.ID, y.ID) }, len(all)), nil
}

// named returns the names that are wanted.
func (v memoryView) named(wanted func(chat.AttachmentName) bool) (found []chat.AttachmentName) {
	for n := range rows(v.s, namesOf) {
		if wanted(n) {
			found = append(found, n)
		}
	}
	slices.SortFunc(found, func(x, y chat.AttachmentName) int {
		return cmp.Or(cmp.Compare(x.Key.String(), y.Key.String()), cmp.Compare(x.Seq, y.Seq), cmp.Compare(x.Attachment, y.Attachment))
	})
	return found
}

func (v memoryView) AttachmentNames(id uint64, limit int) ([]chat.AttachmentName, error) {
	found := v.named(func(n chat.AttachmentName) bool { return n.Attachment == id })
	return found[:min(len(found), max(0, limit))], nil
}

func (v memoryView) NamesIn(key proto.Key, from, through uint64) ([]chat.AttachmentName, error) {
	return v.named(func(n chat.AttachmentName) bool { return n.Key == key && from <= n.Seq && n.Seq <= through }), nil
}

func (v memoryView) UploadUsage(user uint64) (chat.UploadUsage, error) {
	u, _ := lookup(v.s, uploadsOf, user)
	u.User = user
	return u, nil
}

func (t memoryTx) PutAttachment(a chat.Attachment) error {
	t.s.attachments[a.ID] = a
	return nil
}

func (t memoryTx) DeleteAttachment(id uint64) error {
	t.s.attachments[id] = chat.Attachment{}
	return nil
}

func (t memoryTx) NameAttachment(n chat.AttachmentName) error {
	if there, _ := lookup(t.s, namesOf, n); there {
		return fmt.Errorf("name attachment %d: the entry names it already", n.Attachment)
	}
	t.s.names[n] = true
	return nil
}

func (t memoryTx) UnnameAttachment(n chat.AttachmentName) error {
	t.s.names[n] = false
	return nil
}

func (t memoryTx) PutUploadUsage(u chat.UploadUsage) error {
	t.s.uploads[u.User] = u
	return nil
}
