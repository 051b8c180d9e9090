package sim_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"parley/proto"
	"parley/server/chat"
	client "parley/wasm/chat"
)

// checkScreen holds, at any moment: the screen is in seq order, and nothing
// stands in it twice.
func (d *device) checkScreen() {
	seen := map[string]bool{}
	for i, m := range d.messages {
		if i > 0 && order(d.messages[i-1], m) >= 0 {
			d.w.fail("%s: %q stands after %q", d, m.Content, d.messages[i-1].Content)
		}
		if repeats(m) {
			continue
		}
		if seen[d.w.once(m)] && m.Content != "" {
			d.w.fail("%s: %q stands twice", d, m.Content)
		}
		seen[d.w.once(m)] = true
	}
}

// repeats reports whether what an entry says is said elsewhere, too: by the message that it speaks of, or as the
// name of a role.
func repeats(m client.Message) bool { return m.Type.Revises() || m.Type.OfGroup() }

// once is what may stand only once where messages stand. What was undone with a history, and
// sent again into the next, stands there twice until the client is told.
func (w *world) once(m client.Message) string {
	if w.wipes == 0 {
		return m.Content
	}
	return fmt.Sprint(m.ID, m.Content)
}

// checkTimeline holds that an answer is in order, not beyond what was asked,
// and hides no hole.
func (d *device) checkTimeline(t client.Timeline, before uint64, limit int) {
	contents := map[string]bool{}
	for i, m := range t.Messages {
		d.checkMessage(m)
		d.checkRead(m)
		if contents[d.w.once(m)] && m.Content != "" && !repeats(m) {
			d.w.fail("%s: timeline has %q twice", d, m.Content)
		}
		contents[d.w.once(m)] = contents[d.w.once(m)] || !repeats(m)
		if i > 0 && order(t.Messages[i-1], m) >= 0 {
			d.w.fail("%s: timeline has %q after %q", d, m.Content, t.Messages[i-1].Content)
		}
		if i > 0 && m.Seq != 0 && m.Seq != t.Messages[i-1].Seq+1 && !m.Gap {
			d.w.fail("%s: timeline hides the hole before %d", d, m.Seq)
		}
		if before != 0 && m.Seq >= before {
			d.w.fail("%s: timeline before %d has %d", d, before, m.Seq)
		}
	}
}

// checkMessage holds that a confirmed message is what the server's disk says.
func (d *device) checkMessage(m client.Message) {
	d.checkTimes(m)
	if m.Seq == 0 || d.w.wipes > 0 {
		return // after a wipe an old screen lives on until the client is told
	}
	d.checkKnows(m)
	e := d.w.disk.entry(m.Key, m.Seq)
	if e == nil || e.ID != m.ID {
		d.w.fail("%s shows %q as %s %d, which is not on the server's disk", d, m.Content, m.Key, m.Seq)
	}
}

// checkNews holds that a message of somebody else is news once. What could not
// be stored may be told again.
func (d *device) checkNews(m client.Message) {
	if m.Mine || d.forgets || m.Seq < d.gone[m.Key] {
		return
	}
	news := fmt.Sprint(m.Key, m.Seq, m.ID)
	if e := d.w.disk.entry(m.Key, m.Seq); m.Edited != 0 || len(m.Reactions) > 0 || m.Changing || e != nil && e.Revised != 0 || d.w.spoken[fmt.Sprint(m.Key, m.Seq)] {
		d.told["revised "+news] = true // it is told again each time that something is said of it
	}
	if d.told["revised "+news] {
		return
	}
	if d.told[news] {
		d.w.fail("%s: %q is told twice", d, m.Content)
	}
	d.told[news] = true
}

// checkConversation holds that watermarks and heads only rise.
func (d *device) checkConversation(before, now client.Conversation) {
	if d.w.wipes > 0 && now.Key[0] == byte(proto.Group) && now.Head == 0 {
		return // there is no such group in the history that there is now
	}
	if now.Head < before.Head || now.Read < before.Read || now.Delivered < before.Delivered ||
		now.PeerRead < before.PeerRead || now.PeerDelivered < before.PeerDelivered {
		d.w.fail("%s: %s fell from %+v to %+v", d, now.Key, before, now)
	}
	if now.Unread > now.Head {
		d.w.fail("%s: %d unread of %d", d, now.Unread, now.Head)
	}
	if now.Read > now.Delivered {
		d.w.fail("%s: %s read through %d, delivered through %d", d, now.Key, now.Read, now.Delivered)
	}
}

// checkAll holds every promise after the faults have stopped and time has passed.
func (w *world) checkAll() {
	logs := map[proto.Key][]logged{}
	for _, key := range w.keys() {
		logs[key] = w.disk.entries(key)
		w.checkLog(key, logs[key])
		if key.Kind() == proto.Group {
			w.checkGroup(key, logs[key])
		}
	}
	w.checkMoves(logs)
	if w.shared {
		w.checkNodes()
	}
	w.checkPresses(logs)
	w.checkErased(logs)
	for _, d := range w.devices {
		d.checkStored()
		for _, key := range d.keys() {
			if key.Kind() == proto.Group {
				d.checkGroup(key, logs[key])
				continue
			}
			d.checkHistory(key, logs[key])
			d.checkState(key, logs[key])
		}
		d.checkServersRows()
	}
	if w.harsh { // damage was met on the way
		w.until(w.Now().Add(time.Minute))
	}
	for _, d := range w.devices {
		d.checkIndexed()
	}
}

// checkServersRows holds that what the server counts is what the device computes.
func (d *device) checkServersRows() {
	answer, err := d.w.anyServer().service.Conversations(context.Background(), d.sender(), "")
	if err != nil || answer.GetMore() {
		d.w.fail("%s: the server's rows: %v", d, err)
		return
	}
	list := map[string]client.Conversation{}
	for _, c := range d.engine.Conversations() {
		list[c.Key] = c
	}
	var unread, waiting uint64
	for _, row := range answer.GetConversations() {
		c := list[row.GetKey()]
		if min(c.Mentions, mostMentions) != uint64(row.GetUnreadMentions()) || c.Role != row.GetRole().Name() || c.MemberCount != row.GetMemberCount() {
			d.w.fail("%s: %+v; the server says of the group %v", d, c, row)
		}
		if c.Unread != row.GetUnread() || c.WaitingSince != row.GetWaitingSince() || c.AwaitingSince != row.GetAwaitingSince() {
			d.w.fail("%s: %+v; the server says %v", d, c, row)
		}
		unread += c.Unread
		if c.WaitingSince != 0 {
			waiting++
		}
	}
	if unread != answer.GetTotalUnread() || waiting != answer.GetWaitingConversations() {
		d.w.fail("%s: %d unread and %d waiting in all; the server says %d and %d",
			d, unread, waiting, answer.GetTotalUnread(), answer.GetWaitingConversations())
	}
}

func (w *world) checkLog(key proto.Key, log []logged) {
	contents := map[string]bool{}
	var standing proto.ConversationStatus
	for i, x := range log {
		if x.Seq != uint64(i+1) {
			w.fail("%s: entry %d of the log has seq %d", key, i+1, x.Seq)
		}
		if i > 0 && x.id <= log[i-1].id {
			w.fail("%s: message id falls at %d", key, x.Seq)
		}
		if x.Type.OfGroup() {
			continue // it says a name, or a role
		}
		if contents[x.content] && x.content != "" {
			w.fail("%s: %q is stored twice", key, x.content)
		}
		contents[x.content] = true
		if holder := standing.Assignee; x.Type == proto.MessageType_MESSAGE_TYPE_CLAIM && holder != 0 && holder != x.author {
			w.fail("%s: %d claims at %d what %d has", key, x.author, x.Seq, holder)
		}
		fold(&standing, key, log[:i+1])
	}
}

// fold adds the last entry of a log.
func fold(s *proto.ConversationStatus, key proto.Key, log []logged) {
	foldTo(s, key, log, logged.event)
}

func (x logged) event() proto.Event { return x.Event }

// foldTo is fold of entries as somebody looks at them.
func foldTo(s *proto.ConversationStatus, key proto.Key, log []logged, event func(logged) proto.Event) {
	n := len(log) - 1
	_ = s.Add(key.Kind(), event(log[n]), func(of proto.Side, after uint64) (uint64, uint64, error) {
		for _, x := range log[after:n] {
			if e := event(x); e.Side == of && e.Asks(key.Kind()) {
				return e.Seq, e.Waits(), nil
			}
		}
		return 0, 0, nil
	}) // next does not fail, so Add does not
}

// checkMoves holds that what was moved out of a conversation came into the other, once,
// and that its customer waits there since when they did, and no more where it comes from.
func (w *world) checkMoves(logs map[proto.Key][]logged) {
	came := map[string]proto.Event{}
	moves := 0
	for key, log := range logs {
		for _, x := range log {
			if x.Type == proto.MessageType_MESSAGE_TYPE_MOVED_HERE {
				came[fmt.Sprint(key, x.Target, x.content)] = x.Event
			}
		}
	}
	for key, log := range logs {
		var standing proto.ConversationStatus
		for i, x := range log {
			since := standing.Sides[proto.First].Since
			fold(&standing, key, log[:i+1])
			if x.Type != proto.MessageType_MESSAGE_TYPE_MOVE {
				continue
			}
			moves++
			to := proto.ServiceKey(key.Customer(), proto.ServiceType(x.Target))
			there, ok := came[fmt.Sprint(to, uint64(key.Service()), x.content)]
			switch {
			case !ok:
				w.fail("%s: what was moved at %d did not come to %s", key, x.Seq, to)
			case standing.Sides[proto.First].Seq != 0:
				w.fail("%s: the customer still waits after the move at %d", key, x.Seq)
			case since != 0 && there.Since != since && !recalledSince(log, x.Seq):
				w.fail("%s: who waited since %d waits since %d in %s", key, since, there.Since, to)
			}
		}
	}
	if moves != len(came) {
		w.fail("%d moves brought %d conversations", moves, len(came))
	}
}

// recalledSince reports whether something from before an entry was taken back after it: then
// nobody can tell from the log who waited at that entry.
func recalledSince(log []logged, seq uint64) bool {
	return slices.ContainsFunc(log, func(x logged) bool { return x.Type == recalls && x.Seq > seq && x.Of < seq })
}

// checkPresses holds that what stood in a list is stored, once, and in the
// order in which it was sent.
func (w *world) checkPresses(logs map[proto.Key][]logged) {
	place, seen := map[[proto.RefSize]byte]uint64{}, map[[proto.RefSize]byte]uint64{}
	for _, log := range logs {
		for _, x := range log {
			if x.Event.Seen == nil {
				continue // the server wrote it, of what was pressed elsewhere
			}
			if place[x.ref] = x.Seq; x.Event.Seen != nil {
				seen[x.ref] = *x.Event.Seen
			}
		}
	}
	last := map[string]*press{}
	for _, p := range w.presses {
		seq := place[p.ref]
		switch {
		case p.refused || seq == 0 && w.wipes > 0:
			continue
		case seq == 0:
			w.fail("%q stood in a list and is not stored", p.content)
		case seen[p.ref] > p.seen:
			w.fail("%q says that its author had seen %d, but %d was on the screen", p.content, seen[p.ref], p.seen)
		}
		from := p.device.String() + p.key
		if before := last[from]; before != nil && place[before.ref] > seq && !p.overtaken && !before.overtaken {
			w.fail("%q was sent after %q and stands before it", p.content, before.content)
		}
		last[from] = p
	}
}

// checkHistory walks a conversation from its end to its beginning, as a person
// who scrolls, and compares it with the server's log.
func (d *device) checkHistory(key proto.Key, log []logged) {
	delivered := d.marked(key)
	d.walk(key, log)
	if d.marked(key) != delivered { // it filled a hole, of which the server is told
		d.w.until(d.w.Now().Add(5 * time.Second))
	}
}

// marked is how far the device says that messages were delivered to it.
func (d *device) marked(key proto.Key) uint64 {
	for _, c := range d.engine.Conversations() {
		if c.Key == key.String() {
			return c.Delivered
		}
	}
	return 0
}

// walk compares what a person sees on the way up with the log.
func (d *device) walk(key proto.Key, log []logged) {
	var all []client.Message
	before := uint64(0)
	for range 1000 {
		page, ok := d.timeline(key.String(), before)
		if !ok {
			return
		}
		stored := slices.DeleteFunc(page.Messages, func(m client.Message) bool { return m.State == client.Refused })
		if page.More && len(stored) > 0 {
			stored[0].Gap = false // what stands before it is asked for next
		}
		all = slices.Concat(stored, all)
		if !page.More || len(page.Messages) == 0 {
			break
		}
		before = page.Messages[0].Seq
	}
	if len(all) != len(log) {
		d.w.fail("%s: %s has %d messages, the server %d", d, key, len(all), len(log))
		return
	}
	for i, m := range all {
		want := log[i]
		if key.Customer() == d.user && (want.Type.Control() || want.Type == proto.MessageType_MESSAGE_TYPE_MOVED_HERE) {
			want.content = ""
		}
		if d.left(key, want) { // what was said of it since they are not told
			want.content, want.edited, want.reactions = m.Content, m.Edited, reactionsOf(m)
		}
		if m.Seq != want.Seq || m.ID != want.id || m.Content != want.content || m.Time != want.Time || m.Type != want.Type || m.Gap || !slices.Equal(carried(m), want.files) ||
			revisionOf(m) != want.revision(key.Customer() == d.user) {
			d.w.fail("%s: %s %d is %+v, the server has %+v: %s", d, key, m.Seq, m, want, want.revision(key.Customer() == d.user))
			return
		}
		d.checkArrivals(key, m)
	}
}

// carried are the files of a message as a person sees them.
func carried(m client.Message) (ids []uint64) {
	for _, a := range m.Attachments {
		ids = append(ids, a.ID)
	}
	return ids
}

// timeline asks and lets the world go on until the answer is there.
func (d *device) timeline(key string, before uint64) (answer client.Timeline, ok bool) {
	done := false
	d.engine.Timeline(key, before, 20, func(t client.Timeline, err error) {
		done = true
		if err != nil || t.Incomplete != "" {
			d.w.fail("%s: timeline of %s before %d: %v %s", d, key, before, err, t.Incomplete)
			return
		}
		answer, ok = t, true
	})
	for end := d.w.Now().Add(time.Minute); !done && d.w.Now().Before(end) && d.w.Step(); {
	}
	if !done {
		d.w.fail("%s: the timeline of %s was never answered", d, key)
	}
	return answer, ok && d.w.failed == nil
}

// checkState holds that heads, watermarks and unread counts are those of the
// server, and that who waits is what the log says.
func (d *device) checkState(key proto.Key, log []logged) {
	if len(log) == 0 || d.w.failed != nil {
		return
	}
	mine, peer := d.watermarks(key)
	var unread uint64
	var standing proto.ConversationStatus
	for i, x := range log {
		if x.Seq > mine.Read && x.author != d.user && key.Counts(x.Type, d.user) {
			unread++
		}
		fold(&standing, key, log[:i+1])
	}
	i := slices.IndexFunc(d.engine.Conversations(), func(c client.Conversation) bool { return c.Key == key.String() })
	if i < 0 {
		d.w.fail("%s does not list %s", d, key)
		return
	}
	c := d.engine.Conversations()[i]
	if c.Head != uint64(len(log)) || c.Read != mine.Read || c.PeerRead != peer.Read ||
		c.Delivered != mine.Delivered || c.PeerDelivered != peer.Delivered || c.Unread != unread {
		d.w.fail("%s: %+v; the server has head %d, %d unread, mine %+v, peer %+v", d, c, len(log), unread, mine, peer)
	}
	my, other := standing.Sides[key.Side(d.user)], standing.Sides[key.Side(d.user).Other()]
	if c.AwaitingSeq != my.Seq || c.AwaitingSince != my.Since || c.WaitingSeq != other.Seq || c.WaitingSince != other.Since {
		d.w.fail("%s: %+v; by the log mine waits as %+v, the other side as %+v", d, c, my, other)
	}
	if d.agent() && (c.Assignee != standing.Assignee || c.PostProc != standing.PostProc || c.LastAnswerBy != standing.LastAnswerBy) {
		d.w.fail("%s: %+v; by the log it stands as %+v", d, c, standing)
	}
}

// watermarks are those of the device's user and of the other side, as the
// server has them: of several agents a customer sees the highest.
func (d *device) watermarks(key proto.Key) (mine, peer chat.Member) {
	err := d.w.disk.View(context.Background(), func(v chat.View) (err error) {
		if mine, err = v.Member(key, d.user); err != nil {
			return err
		}
		if c, err := v.Conversation(key); err != nil {
			return err
		} else if mine == (chat.Member{}) && !key.Has(d.user) { // an agent who did nothing there yet
			mine.Read, mine.Delivered = c.Settled(), c.Settled()
		}
		for _, other := range facing(key, d.user) {
			m, err := v.Member(key, other)
			if err != nil {
				return err
			}
			m = reached(m)
			peer.Read, peer.Delivered = max(peer.Read, m.Read), max(peer.Delivered, m.Delivered)
		}
		return nil
	})
	if err != nil {
		d.w.fail("read the server's disk: %v", err)
	}
	return mine, peer
}
