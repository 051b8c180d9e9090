package chat

import "parley/proto"

// maxGroupPicture bounds the picture of a group, in bytes: each member loads it to see a list.
const maxGroupPicture = 256 << 10

// picture returns what a change carries: the picture that the group is to have, as the history
// knows it.
func (r *groupChange) picture(b *batch) (carried []*proto.Attachment, refusal, err error) {
	if r.Type != proto.MessageType_MESSAGE_TYPE_GROUP_PICTURE || r.Picture == 0 {
		return nil, nil, nil
	}
	asked := []*proto.Attachment{{AttachmentId: &r.Picture}}
	carried, refusal, err = b.attach(r.from, proto.MessageType_MESSAGE_TYPE_IMAGE, asked)
	if err != nil || refusal != nil {
		return nil, refusal, err
	}
	if size := carried[0].GetSize(); size > maxGroupPicture {
		return nil, proto.Refuse(proto.PacketTooLarge, "the picture has %s, at most %s are allowed: choose a smaller one", sizeOf(size), sizeOf(maxGroupPicture)).
			Named("upload-too-large", size, maxGroupPicture), nil
	}
	r.Content = proto.AttachmentNames(carried)
	return carried, nil, nil
}

// hang lets a group have another picture, or none. The one before is deleted soon.
func (b *batch) hang(g *group, picture []*proto.Attachment) error {
	if err := b.unnameAttachments(g.Key, 0, 0); err != nil {
		return err
	}
	g.Picture = 0
	if len(picture) > 0 {
		g.Picture = picture[0].GetAttachmentId()
	}
	return b.nameAttachments(Entry{Key: g.Key}, picture)
}
