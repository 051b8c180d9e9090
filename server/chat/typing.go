package chat

import "parley/proto"

// typing passes a Typing on to the other side. It is never stored.
func (s *Service) typing(from Sender, payload []byte) error {
	if err := anonymous(from); err != nil {
		return err
	}
	var t proto.Typing
	if err := proto.Unmarshal(payload, &t); err != nil {
		return err
	}
	key, err := participant(from, t.GetKey())
	if err != nil {
		return err
	}
	t.UserId = &from.User
	body, err := proto.Marshal(&t)
	if err != nil {
		return s.failed("not passed on", err)
	}
	s.fanout.Publish(key.Peer(from.User), proto.BranchTyping, body)
	return nil
}
