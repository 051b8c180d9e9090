package chat

import (
	"github.com/rivo/uniseg"

	"parley/proto"
)

const (
	// maxPreview bounds the content of a row's last message, in user-perceived characters.
	maxPreview = 200
	// maxPreviewBytes bounds it in bytes, since one character may be made of any number of marks.
	maxPreviewBytes = 1 << 10
)

// preview cuts content to what a list shows of it. It ends between two
// user-perceived characters (extended grapheme clusters, Unicode Standard Annex
// 29), so that no letter loses its accent and no family a child. Content whose
// first character alone is too long has none.
func preview(content string) string {
	// What lies behind the bounds is not looked at, apart from what ends the last character.
	end, rest, state := 0, content[:min(len(content), 2*maxPreviewBytes)], -1
	for range maxPreview {
		var cluster string
		cluster, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if cluster == "" || end+len(cluster) > maxPreviewBytes {
			break
		}
		end += len(cluster)
	}
	return content[:end]
}

// previewOf is what a row shows of a message. It identifies the entry and is not
// to be kept as it.
func previewOf(m *proto.Message) *proto.Message {
	content := preview(m.GetContent())
	p := &proto.Message{
		MessageId: m.MessageId, SenderId: m.SenderId, Content: &content, CreateTime: m.CreateTime, ReceiverId: m.ReceiverId,
		MessageType: m.MessageType, Seq: m.Seq, SeenSeq: m.SeenSeq, ClientRef: m.ClientRef, RevisedSeq: m.RevisedSeq,
	}
	m.PreviewGroup(p)
	return p
}

// servicePreviewOf is previewOf in a service conversation. The application's own
// part (extend) is left out.
func servicePreviewOf(m *proto.ServiceMessage) *proto.ServiceMessage {
	content := preview(m.GetContent())
	return &proto.ServiceMessage{
		MessageId: m.MessageId, UserId: m.UserId, ServiceType: m.ServiceType, MessageType: m.MessageType, Content: &content,
		CreateDate: m.CreateDate, Direction: m.Direction, AgentId: m.AgentId, PostProc: m.PostProc, ToReply: m.ToReply,
		Seq: m.Seq, SeenSeq: m.SeenSeq, ClientRef: m.ClientRef, TargetAgentId: m.TargetAgentId, OtherService: m.OtherService,
		RevisedSeq: m.RevisedSeq, RecalledBy: m.RecalledBy,
	}
}
