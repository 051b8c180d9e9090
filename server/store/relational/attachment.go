package relational

import (
	"fmt"

	"parley/proto"
	"parley/server/chat"
)

const attachmentColumns = "id, owner, state, name, media_type, width, height, size, offset_bytes, time, due"

func scanAttachment(row Row) (a chat.Attachment, err error) {
	var width, height int64
	err = row.Scan((*Number)(&a.ID), (*Number)(&a.Owner), (*int)(&a.State), &a.Name, &a.MediaType, &width, &height, &a.Size, &a.Offset, (*Number)(&a.Time), (*Number)(&a.Due))
	a.Width, a.Height = uint32(width), uint32(height)
	return a, err
}

// attachments reads rows of attachmentColumns.
func (v *View) attachments(query string, args ...any) (found []chat.Attachment, err error) {
	if err := v.ctx.Err(); err != nil {
		return nil, err
	}
	err = v.Rows(func(row Row) error {
		a, err := scanAttachment(row)
		found = append(found, a)
		return err
	}, "SELECT "+attachmentColumns+" FROM attachments WHERE "+query, args...)
	if err != nil {
		return nil, fmt.Errorf("read attachments: %w", err)
	}
	return found, nil
}

// Attachment implements chat.View.
func (v *View) Attachment(id uint64) (chat.Attachment, error) {
	found, err := v.attachments("id = ?", Number(id))
	if err != nil || len(found) == 0 {
		return chat.Attachment{}, err
	}
	return found[0], nil
}

// DueAttachments implements chat.View.
func (v *View) DueAttachments(now uint64, limit int) ([]chat.Attachment, error) {
	return v.attachments("due != x'0000000000000000' AND due <= ? ORDER BY due, id"+atMost, Number(now), max(0, limit))
}

// UnfinishedUploads implements chat.View.
func (v *View) UnfinishedUploads(owner uint64) ([]chat.Attachment, error) {
	return v.attachments("owner = ? AND state = 0 ORDER BY id", Number(owner))
}

// names reads rows of attachment, key and seq.
func (v *View) names(query string, args ...any) (found []chat.AttachmentName, err error) {
	if err := v.ctx.Err(); err != nil {
		return nil, err
	}
	err = v.Rows(func(row Row) error {
		var n chat.AttachmentName
		var key string
		if err := row.Scan((*Number)(&n.Attachment), &key, (*Number)(&n.Seq)); err != nil {
			return err
		}
		n.Key, err = proto.ParseKey(key)
		found = append(found, n)
		return err
	}, "SELECT n.attachment, c.key, n.seq FROM attachment_names n JOIN conversations c ON c.id = n.conversation WHERE "+query, args...)
	if err != nil {
		return nil, fmt.Errorf("read which entries name attachments: %w", err)
	}
	return found, nil
}

// AttachmentNames implements chat.View.
func (v *View) AttachmentNames(id uint64, limit int) ([]chat.AttachmentName, error) {
	return v.names("n.attachment = ? ORDER BY c.key, n.seq"+atMost, Number(id), max(0, limit))
}

// NamesIn implements chat.View.
func (v *View) NamesIn(key proto.Key, from, through uint64) ([]chat.AttachmentName, error) {
	id, err := v.rowID(key)
	if err != nil || id == 0 {
		return nil, err
	}
	return v.names("n.conversation = ? AND n.seq >= ? AND n.seq <= ? ORDER BY n.seq, n.attachment", id, Number(from), Number(through))
}

// UploadUsage implements chat.View.
func (v *View) UploadUsage(user uint64) (chat.UploadUsage, error) {
	u := chat.UploadUsage{User: user}
	if err := v.ctx.Err(); err != nil {
		return u, err
	}
	if _, err := v.Row([]any{(*Number)(&u.Bytes.Level), (*Number)(&u.Bytes.Time), (*Number)(&u.Kept)}, "SELECT bytes, bytes_time, kept FROM upload_usage WHERE user_id = ?", Number(user)); err != nil {
		return u, fmt.Errorf("read what a user has uploaded: %w", err)
	}
	return u, nil
}

// Attachment implements chat.View.
func (t *Transaction) Attachment(id uint64) (chat.Attachment, error) {
	if t.ahead != nil {
		if a, known := t.ahead.attachments[id]; known {
			return a, t.ctx.Err()
		}
	}
	return t.View.Attachment(id)
}

// PutAttachment implements chat.Tx.
func (t *Transaction) PutAttachment(a chat.Attachment) error {
	if err := t.Exec("INSERT INTO attachments ("+attachmentColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"+
		" ON CONFLICT (id) DO UPDATE SET owner = excluded.owner, state = excluded.state, name = excluded.name, media_type = excluded.media_type,"+
		" width = excluded.width, height = excluded.height, size = excluded.size, offset_bytes = excluded.offset_bytes, time = excluded.time, due = excluded.due",
		Number(a.ID), Number(a.Owner), int64(a.State), a.Name, a.MediaType, int64(a.Width), int64(a.Height), int64(a.Size), int64(a.Offset), Number(a.Time), Number(a.Due)); err != nil {
		return fmt.Errorf("write attachment %d: %w", a.ID, err)
	}
	if t.ahead != nil {
		t.ahead.attachments[a.ID] = a
	}
	return nil
}

// DeleteAttachment implements chat.Tx.
func (t *Transaction) DeleteAttachment(id uint64) error {
	if err := t.Exec("DELETE FROM attachments WHERE id = ?", Number(id)); err != nil {
		return fmt.Errorf("delete attachment %d: %w", id, err)
	}
	t.erases = true // its name
	if t.ahead != nil {
		t.ahead.attachments[id] = chat.Attachment{}
	}
	return nil
}

// NameAttachment implements chat.Tx.
func (t *Transaction) NameAttachment(n chat.AttachmentName) error {
	id, err := t.ensure(n.Key)
	if err != nil {
		return err
	}
	if err := t.Exec("INSERT INTO attachment_names (attachment, conversation, seq) VALUES (?, ?, ?)", Number(n.Attachment), id, Number(n.Seq)); err != nil {
		return fmt.Errorf("name attachment %d: %w", n.Attachment, err)
	}
	return nil
}

// UnnameAttachment implements chat.Tx.
func (t *Transaction) UnnameAttachment(n chat.AttachmentName) error {
	id, err := t.rowID(n.Key)
	if err != nil || id == 0 {
		return err
	}
	if err := t.Exec("DELETE FROM attachment_names WHERE attachment = ? AND conversation = ? AND seq = ?", Number(n.Attachment), id, Number(n.Seq)); err != nil {
		return fmt.Errorf("unname attachment %d: %w", n.Attachment, err)
	}
	return nil
}

// PutUploadUsage implements chat.Tx.
func (t *Transaction) PutUploadUsage(u chat.UploadUsage) error {
	if err := t.Exec("INSERT INTO upload_usage (user_id, bytes, bytes_time, kept) VALUES (?, ?, ?, ?) ON CONFLICT (user_id) DO UPDATE SET"+
		" bytes = excluded.bytes, bytes_time = excluded.bytes_time, kept = excluded.kept", Number(u.User), Number(u.Bytes.Level), Number(u.Bytes.Time), Number(u.Kept)); err != nil {
		return fmt.Errorf("write what a user has uploaded: %w", err)
	}
	return nil
}
