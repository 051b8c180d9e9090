package chat

import (
	"unicode/utf8"

	"parley/proto"
)

// maxPreview bounds the content of what stands in the list for an entry, in
// bytes; the server's rows have no more either.
const maxPreview = 1 << 10

// preview is what the list keeps of an entry, which is stored whole in its place:
// its content cut between two characters, without the application's own part.
func (x entry) preview() entry {
	p := entry{seq: x.seq}
	if x.service != nil {
		m := x.service
		content := cut(m.GetContent())
		p.service = &proto.ServiceMessage{
			MessageId: m.MessageId, UserId: m.UserId, ServiceType: m.ServiceType, MessageType: m.MessageType, Content: &content,
			CreateDate: m.CreateDate, Direction: m.Direction, AgentId: m.AgentId, PostProc: m.PostProc, ToReply: m.ToReply,
			Seq: m.Seq, SeenSeq: m.SeenSeq, ClientRef: m.ClientRef, TargetAgentId: m.TargetAgentId, OtherService: m.OtherService,
			RevisedSeq: m.RevisedSeq, RecalledBy: m.RecalledBy,
		}
		p.service.ProtoReflect().SetUnknown(m.ProtoReflect().GetUnknown())
		return p
	}
	m := x.direct
	content := cut(m.GetContent())
	p.direct = &proto.Message{
		MessageId: m.MessageId, SenderId: m.SenderId, Content: &content, CreateTime: m.CreateTime, ReceiverId: m.ReceiverId,
		MessageType: m.MessageType, Seq: m.Seq, SeenSeq: m.SeenSeq, ClientRef: m.ClientRef, RevisedSeq: m.RevisedSeq,
	}
	m.PreviewGroup(p.direct)
	p.direct.ProtoReflect().SetUnknown(m.ProtoReflect().GetUnknown())
	return p
}

func cut(content string) string {
	if len(content) <= maxPreview {
		return content
	}
	end := maxPreview
	for !utf8.RuneStart(content[end]) {
		end--
	}
	return content[:end]
}
