package chat

import "parley/proto"

// unread counts the entries after m's read watermark that count as unread to
// m.User: others' entries for which proto.Key.Counts, and which are still there.
// m.Key and m.User are set. It is a difference of counts that the first entries
// after the watermark carry (Entry.Counted, Entry.Own), so that it costs the same
// however many entries lie behind or before them, less those that were taken back since.
func unread(v View, c Conversation, m Member) (uint64, error) {
	if m.Key.Kind() == proto.Group && m.Role == proto.GroupRole_GROUP_ROLE_NONE {
		return 0, nil // who left has read what there was
	}
	next, err := v.First(m.Key, m.Read)
	if err != nil || next.Seq == 0 {
		return 0, err
	}
	side := m.Key.Side(m.User)
	counted := c.Counted[side] - next.Counted[side]
	if m.Key.Counted(next.Type, m.User) {
		counted++
	}
	if c.Recalled > m.Read {
		recalled, err := v.CountRecalled(m.Key, m.Read, m.User)
		if err != nil {
			return 0, err
		}
		counted -= recalled
	}
	mine, err := v.FirstBy(m.Key, m.User, m.Read)
	if err != nil || mine.Seq == 0 {
		return counted, err
	}
	own := m.Own - mine.Own
	if m.Key.Counted(mine.Type, m.User) {
		own++
	}
	return counted - own, nil
}
