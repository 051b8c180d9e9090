// Package planted holds the simulation to its purpose. All faults of the table are
// planted into a copy of the product's source, which the compiler takes through an
// overlay: the product itself has no seam for it. Of those in the copy none is at
// work until a run names it. The simulation must pass without a fault, and catch each
// of them, within 800 seeds.
package planted

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A world is a simulation, by its package, and how many seeds of it are played: more than
// it took to catch the last of the faults, 459 of sim's and 6 of the gateway's; `make
// sim` plays more.
type world struct{ pkg, seeds string }

var (
	chats    = world{"parley/server/e2e/sim", "800"}
	gateways = world{"parley/server/e2e/sim/gateway", "150"}
)

// edit replaces one piece of source, which must be there exactly once. In what takes
// its place PLANTED tells whether the fault is at work.
type edit struct{ file, old, new string }

type fault struct {
	name  string
	edits []edit
}

var faults = []fault{
	{"an acknowledgement before the commit", []edit{{"server/chat/commit.go",
		"c.results[i] = Result{Err: refusal}", "if !PLANTED { c.results[i] = Result{Err: refusal} }"}}},
	{"half of a transaction that failed not tried again", []edit{{"server/chat/commit.go",
		"return c.store(ctx, from, half) && c.store(ctx, half, to)", "return (PLANTED || c.store(ctx, from, half)) && c.store(ctx, half, to)"}}},
	{"a request that was stored taken out", []edit{{"server/chat/commit.go",
		"c.refuse(at, err)", "if PLANTED { c.refuse(max(at, 1)-1, err) } else { c.refuse(at, err) }"}}},
	{"no dedupe on the server", []edit{
		{"server/chat/message.go", "if first.Seq != 0 {", "if first.Seq != 0 && !PLANTED {"},
		{"server/chat/chattest/memory.go", "s.refs }, ref); taken {", "s.refs }, ref); taken && !PLANTED {"}}},
	{"a search that shows what one may no longer read", []edit{{"server/chat/searching.go",
		"err != nil || !a.has(e.Seq) {", "err != nil || !a.has(e.Seq) && !PLANTED {"}}},
	{"what is stored found once more on the server", []edit{{"wasm/chat/everywhere.go",
		"here[x.entry.id()] || x.c.stored.has(x.entry.seq) ||", "!PLANTED && (here[x.entry.id()] || x.c.stored.has(x.entry.seq)) ||"}}},
	{"no dedupe on the client", []edit{{"wasm/chat/conversation.go",
		"if x.seq < c.floor() || c.stored.has(x.seq) {", "if x.seq < c.floor() || c.stored.has(x.seq) && !PLANTED {"}}},
	{"a cursor taken from the newest stored message", []edit{
		{"wasm/chat/fetch.go", "missing := c.stored.missing(c.wantedFrom(), c.head)",
			"missing := c.stored.missing(c.wantedFrom(), c.head)\n\tif PLANTED { missing = c.stored.missing(c.stored.highest(c.head)+1, c.head) }"},
		{"wasm/chat/timeline.go", "missing := t.c.stored.missing(from, to)",
			"missing := t.c.stored.missing(from, to)\n\tif PLANTED { missing = t.c.stored.missing(max(from, t.c.stored.highest(to)+1), to) }"}}},
	{"a hole hidden by a live message", []edit{{"wasm/chat/conversation.go",
		"c.stored = c.stored.add(x.seq, x.seq)",
		"lowest := x.seq\n\t\tif PLANTED { lowest = min(x.seq, c.stored.highest(x.seq)+1) }\n\t\tc.stored = c.stored.add(lowest, x.seq)"}}},
	{"an outbox entry removed when written and not when confirmed", []edit{{"wasm/chat/outbox.go",
		"o.session, o.tried = number, true", "o.session, o.tried = number, true\n\tif PLANTED { e.write.confirmed(o.Number) }"}}},
	{"a fan-out that is not in order", []edit{{"server/chat/commit.go",
		"for _, d := range out {", "for i, d := range out {\n\t\tif PLANTED { d = out[len(out)-1-i] }"}}},
	{"a lost PUBACK and an echo that is not matched", []edit{{"wasm/chat/outgoing.go",
		"return o.ref == r }", "return o.ref == r && !PLANTED }"}}},
	{"tail loss never looked for", []edit{{"wasm/chat/sync.go",
		"s.after(syncEvery)", "if PLANTED { s.after(1000 * syncEvery) } else { s.after(syncEvery) }"}}},
	{"the epoch ignored", []edit{{"wasm/chat/epoch.go",
		"if epoch == e.meta.Epoch {", "if epoch == e.meta.Epoch || e.meta.Epoch != 0 && PLANTED {"}}},
	{"a token of what was undone taken for one of what is there", []edit{{"server/chat/epoch.go",
		"return p.rev > reached, err", "return p.rev > reached && !PLANTED, err"}}},
	{"a sync token taken from another device's answer", []edit{{"wasm/chat/sync.go",
		"asked := s.open && answer.GetSince() == s.expect", "asked := s.open && (answer.GetSince() == s.expect || PLANTED)"}}},
	{"a send numbered before the store is loaded", []edit{{"wasm/chat/outbox.go",
		"e.loaded(func() { e.outbox.send(name, d, done) })", "if PLANTED { e.outbox.send(name, d, done); return }\n\te.loaded(func() { e.outbox.send(name, d, done) })"}}},
	{"a mark that falls", []edit{{"wasm/chat/conversation.go",
		"read := max(m.read, o.read)", "read := max(m.read, o.read)\n\tif PLANTED { read = o.read }"}}},
	{"a seen_seq taken from arrival and not from the screen", []edit{{"wasm/chat/outbox.go",
		"o.entry.see(d.Seen, e.epoch())", "if PLANTED { d.Seen = c.head }\n\to.entry.see(d.Seen, e.epoch())"}}},
	{"a claim without a winner", []edit{{"server/chat/servicemessage.go",
		"holder != 0 && holder != r.author &&", "!PLANTED && holder != 0 && holder != r.author &&"}}},
	{"a move that writes one of its two entries", []edit{{"server/chat/servicemessage.go",
		"if event.Type == proto.MessageType_MESSAGE_TYPE_MOVE {", "if event.Type == proto.MessageType_MESSAGE_TYPE_MOVE && !PLANTED {"}}},
	{"unread counted with each delivery and not computed", []edit{{"wasm/chat/conversation.go",
		"for _, x := range entries {", "for _, x := range entries {\n\t\tif PLANTED && c.counts(x, self) && c.unread.own > 0 { c.unread.own-- }"}}},
	{"the time of a mark kept when it rises again", []edit{{"server/chat/mark.go",
		"if m.Read != was.Read ||", "if m.Read != was.Read && !(PLANTED && m.ReadTime != 0) ||"}}},
	{"what an agent begins with counted as unread in all", []edit{{"server/chat/mark.go",
		"c.Settled(), c.Settled(), c.Past", "c.Settled(), c.Settled(), c.Past\n\tif PLANTED { m.Seen = 0 }"}}},
	{"the time of a mark taken from the device's clock", []edit{{"wasm/chat/receipts.go",
		"read: m.GetReadTime()}", "read: m.GetReadTime()}\n\tif PLANTED { at.read = uint64(e.Host.Now().UnixMilli()) }"}}},
	{"two sends of one conversation on the way at once", []edit{{"wasm/chat/outbox.go",
		"func(o *outgoing) bool { return o.Refused == \"\" })",
		"func(o *outgoing) bool { return o.Refused == \"\" && (!PLANTED || o.session != e.connection.number) })"}}},

	// Of what speaks of other messages.
	{"an edit that wins by arrival", []edit{{"wasm/chat/revision.go",
		"if x.seq != r.known+1 || speaks && x.said == nil {", "if x.seq != r.known+1 && !(PLANTED && speaks) || speaks && x.said == nil {"}}},
	{"a recall that a late page undoes", []edit{{"wasm/chat/revision.go",
		"case asOf < r.known:", "case asOf < r.known && !PLANTED:"}}},
	{"what was revised meanwhile never fetched", []edit{{"wasm/chat/revision.go",
		"return c.revisions.newest > c.revisions.known &&", "return !PLANTED && c.revisions.newest > c.revisions.known &&"}}},
	{"a body kept after a recall in the store", []edit{{"server/chat/revision.go",
		"return bare(whole)", "if PLANTED { return whole }\n\t\treturn bare(whole)"}}},
	{"a body kept after a recall in the browser", []edit{{"wasm/chat/revision.go",
		"e.write.entry(Entry{Key: c.name, Seq: x.seq, Body: x.body, replaces: true})",
		"if !PLANTED { e.write.entry(Entry{Key: c.name, Seq: x.seq, Body: x.body, replaces: true}) }"}}},
	{"what an edit said kept in the browser's log", []edit{{"wasm/chat/revision.go",
		"return x, x.encode()", "if PLANTED { return x, nil }\n\treturn x, x.encode()"}}},
	{"a body kept after a recall in the list", []edit{{"wasm/chat/revision.go",
		"\tif x.seq == c.last.seq {\n\t\tc.last = x.preview()", "\tif x.seq == c.last.seq && !PLANTED {\n\t\tc.last = x.preview()"}}},
	{"an edit kept in the outbox of a message that was taken back", []edit{
		{"wasm/chat/outbox.go", "if o.Code == \"message-recalled\" &&", "if o.Code == \"message-recalled\" && !PLANTED &&"},
		{"wasm/chat/revision.go", "e.outbox.withdraw(c, x.seq)", "if !PLANTED { e.outbox.withdraw(c, x.seq) }"}}},
	{"what was taken back still asks, answers and counts", []edit{{"server/chat/revision.go",
		"return b.recalled(c, target, was)", "if PLANTED { return nil }\n\treturn b.recalled(c, target, was)"}}},

	// Of groups.
	{"membership judged at receipt and not at its place in the log", []edit{
		{"server/chat/request.go", "	if key.Kind() == proto.Group {\n",
			"	if key.Kind() == proto.Group {\n\t\tif PLANTED {\n\t\t\tm.SenderName = new(string)\n\t\t\t_ = s.store.View(context.Background(), func(v View) error { was, err := v.Member(key, from.User); *m.SenderName = was.Role.Name(); return err })\n\t\t}\n"},
		{"server/chat/request.go", "import (\n", "import (\n\t\"context\"\n"},
		{"server/chat/groupmessage.go", "	if author.Role == proto.GroupRole_GROUP_ROLE_NONE {\n",
			"	if author.Role == proto.GroupRole_GROUP_ROLE_NONE && !(PLANTED && r.m.GetSenderName() != \"\") {\n"}}},
	{"older entries given to who comes to a group", []edit{{"server/chat/ofgroup.go",
		"return access{m.From, m.Until}", "if PLANTED { m.From = min(m.From, 1) }\n\treturn access{m.From, m.Until}"}}},
	{"who was removed from a group still told", []edit{{"server/chat/groupmessage.go",
		"for _, member := range g.present {", "present := g.present\n\tif PLANTED { all, _ := b.tx.Members(r.key); for _, m := range all { present = union(present, []uint64{m.User}) } }\n\tfor _, member := range present {"}}},
	{"who reads a group told to who left it", []edit{{"server/chat/ofgroup.go",
		"here && author != m.User", "(here || PLANTED) && author != m.User"}}},
	{"what happens to a group taken in by arrival", []edit{
		{"wasm/chat/group.go", "	if m.GetSeq() <= r.head {\n\t\treturn false\n\t}\n\tr.gap = r.gap || m.GetSeq() != r.head+1\n\tr.head = m.GetSeq()\n",
			"	if m.GetSeq() <= r.head && !PLANTED {\n\t\treturn false\n\t}\n\tr.gap = r.gap || m.GetSeq() != r.head+1 && !PLANTED\n\tr.head = max(r.head, m.GetSeq())\n"}}},
	{"a mention answered by who had not seen it", []edit{{"server/chat/ofgroup.go",
		"asked.Reply(e.Seq, e.Seen, nil)", "asked.Reply(e.Seq, map[bool]*uint64{false: e.Seen}[PLANTED], nil)"}}},
	{"what was asked before asked again of who comes back", []edit{{"server/chat/groupchange.go",
		"max(m.Delivered, before), max(m.Answered, before)", "max(m.Delivered, before), max(m.Answered, map[bool]uint64{false: before}[PLANTED])"}}},
	{"a mark counted for another member", []edit{{"server/chat/ofgroup.go",
		"return b.deliverMark(c.Key, m.watermarks(), users...)", "w := m.watermarks()\n\tif PLANTED { w.user = g.present[0] }\n\treturn b.deliverMark(c.Key, w, users...)"}}},
	{"read by all told one member early", []edit{{"wasm/chat/render.go",
		"case read == of:", "case read == of, PLANTED && read+1 == of:"}}},
	{"a mark lost while the members are asked for", []edit{{"wasm/chat/group.go",
		"if len(g.asking) > 0 {\n\t\tg.hear(", "if len(g.asking) > 0 && !PLANTED {\n\t\tg.hear("}}},
	{"who came before as if they had read nothing of before", []edit{{"wasm/chat/group.go",
		"m.marks = m.marks.raise(marks{read: seq - 1})", "if !PLANTED { m.marks = m.marks.raise(marks{read: seq - 1}) }"}}},
	{"unread mentions cleared when they are answered, and not when they are read", []edit{{"server/chat/ofgroup.go",
		"v.CountMentions(c.Key, m.User, m.Read, maxMentions)", "v.CountMentions(c.Key, m.User, map[bool]uint64{true: m.Answered, false: m.Read}[PLANTED], maxMentions)"}}},
	{"unread mentions cleared when they are delivered", []edit{{"server/chat/ofgroup.go",
		"n, err := v.CountMentions(", "if PLANTED { m.Read = m.Delivered }\n\tn, err := v.CountMentions("}}},
	{"the row of who comes back to a group not sent again", []edit{
		{"server/chat/groupchange.go", "		b.changeMember(m)\n\t}\n\tg.Members =", "		if PLANTED && m.Rev > 0 && was == proto.GroupRole_GROUP_ROLE_NONE { b.keepMember(m) } else { b.changeMember(m) }\n\t}\n\tg.Members ="},
		{"server/chat/chattest/memory.go", "!key.Has(user) || m.Role != proto.GroupRole_GROUP_ROLE_NONE {", "!key.Has(user) || m.Role != proto.GroupRole_GROUP_ROLE_NONE && !PLANTED {"}}},
	{"a recall not told to who left", []edit{{"server/chat/revision.go",
		"and told of nothing else\n\t\t\tb.changeMember(m)", "and told of nothing else\n\t\t\tif !PLANTED { b.changeMember(m) }"}}},
	{"a page of what was revised cut by what may not be read", []edit{{"wasm/chat/revision.go",
		"through := max(p.head, newest)", "through := max(p.head, newest)\n\tif PLANTED { through = p.head }"}}},

	// Of what a start loads.
	{"a delivery that meets a conversation whose row is not loaded", []edit{{"wasm/chat/loading.go",
		"l.next()\n\t\t\t} else {", "l.next()\n\t\t\t\tif PLANTED { e.connection.begin() }\n\t\t\t} else {"}}},
	{"a stored row that takes the place of what is newer in memory", []edit{{"wasm/chat/loading.go",
		"if e.conversations[row.Key] != nil {", "if e.conversations[row.Key] != nil && !PLANTED {"}}},
	{"rows that are not on top never loaded", []edit{{"wasm/chat/loading.go",
		"case err == nil && len(rows) > 0:", "case err == nil && len(rows) > 0 && !PLANTED:"}}},

	// Of what makes room.
	{"a range that claims an evicted page", []edit{{"wasm/chat/eviction.go",
		"row.Ranges = x.c.stored.remove(1, x.before-1).without(pending[x.c.name])",
		"row.Ranges = x.c.stored.remove(1, x.before-1).without(pending[x.c.name])\n\t\tif PLANTED { row.Ranges = x.c.stored.without(pending[x.c.name]) }"}}},
	{"a range that claims what is not stored yet", []edit{{"wasm/chat/eviction.go",
		"b.Conversations = append(b.Conversations, row)",
		"if PLANTED { row.Ranges = x.c.stored.remove(1, x.before-1) }\n\t\tb.Conversations = append(b.Conversations, row)"}}},
	{"a range that claims what may be evicted", []edit{{"wasm/chat/eviction.go",
		"case damaged: // and", "case damaged || PLANTED: // and"}}},
	{"what may be evicted left behind", []edit{{"wasm/chat/eviction.go",
		"for _, x := range all {\n\t\tw.drop(", "for _, x := range all {\n\t\tif PLANTED { continue }\n\t\tw.drop("}}},
	{"an eviction of the outbox", []edit{{"wasm/chat/eviction.go",
		"b.Deleted = append(b.Deleted, Deletion{x.c.name, x.before})",
		"b.Deleted = append(b.Deleted, Deletion{x.c.name, x.before})\n\t\tfor _, o := range x.c.outbox { if PLANTED { b.Confirmed = append(b.Confirmed, o.Number) } }"}}},

	{"what is on a screen taken for too much", []edit{{"wasm/chat/trimming.go",
		"!k.engine.OnScreen(c.name) && wanted(c)", "(PLANTED || !k.engine.OnScreen(c.name)) && wanted(c)"}}},
	{"what was evicted fetched again by itself", []edit{{"wasm/chat/eviction.go",
		"c.shown, c.shownFrom, c.evicted = e.OnScreen(c.name), 0, x.before-1",
		"if PLANTED { c.shown, c.shownFrom = true, 1 } else { c.shown, c.shownFrom, c.evicted = e.OnScreen(c.name), 0, x.before-1 }"}}},

	// Of the index.
	{"an index entry of an erased body", []edit{{"wasm/chat/terms.go",
		"if before == nil || replaces {", "if before == nil || replaces && !PLANTED {"}}},
	{"a revised body's words that the index misses", []edit{{"wasm/chat/terms.go",
		"made = IndexOf(fold, key, all())", "if made = IndexOf(fold, key, all()); PLANTED && before != nil { made = *before }"}}},
	{"an index that is said to be complete before it is", []edit{{"wasm/chat/indexing.go",
		"x.all = len(x.left)", "if x.all = len(x.left); PLANTED { x.left = x.left[:x.all/2] }"}}},

	// Of what is damaged, or gone.
	{"a damaged page read over and not fetched again", []edit{{"wasm/chat/damage.go",
		"lost = true\n\t\t\te.giveUp(c, s)", "lost = true\n\t\t\tif !PLANTED { e.giveUp(c, s) }"}}},
	{"a damaged row of which the server is not asked again", []edit{{"wasm/chat/damage.go",
		"lost, e.meta.SyncToken = true, \"\"", "if lost = true; !PLANTED { e.meta.SyncToken = \"\" }"}}},
	{"damage of which nobody is told", []edit{{"wasm/chat/damage.go",
		"if lost {", "if lost && !PLANTED {"}}},
	{"damage told each time that it is met", []edit{{"wasm/chat/damage.go",
		"if !slices.Contains(e.toldOf, what) {", "if PLANTED || !slices.Contains(e.toldOf, what) {"}}},
	{"an index not made again around a damaged page", []edit{{"wasm/chat/damage.go",
		"e.indexing.lost()", "if !PLANTED { e.indexing.lost() }"}}},
	{"a database that is gone and still claimed", []edit{{"wasm/chat/engine.go",
		"c.stored, c.size = nil, 0", "if !PLANTED { c.stored, c.size = nil, 0 }"}}},
	{"an outbox that is not stored again with a database that is gone", []edit{{"wasm/chat/engine.go",
		"for _, o := range c.outbox {\n\t\t\te.write", "for _, o := range c.outbox {\n\t\t\tif PLANTED { break }\n\t\t\te.write"}}},
	{"a database loaded again while it is written", []edit{{"wasm/chat/writer.go",
		"if len(w.reloaded) == 0 || w.loading || w.applying {", "if len(w.reloaded) == 0 || w.loading || w.applying && !PLANTED {"}}},
	{"an index of an earlier version taken for this one's", []edit{{"wasm/chat/indexing.go",
		"x.engine.meta.Indexed != search.Version && !x.active", "x.engine.meta.Indexed != search.Version && !x.active && !PLANTED"}}},
	{"what an edit says given up while there is no room", []edit{{"wasm/chat/revision.go",
		"by, round := r.queue[0], r.round", "if PLANTED && e.write.failing() { r.queue = nil; return }\n\tby, round := r.queue[0], r.round"}}},
	{"a damaged message's number given out again", []edit{{"wasm/chat/damage.go",
		"e.outbox.number = max(e.outbox.number, number)", "if !PLANTED { e.outbox.number = max(e.outbox.number, number) }"}}},

	// Of a store that can do nothing for a while.
	{"a send that waits for a transaction that gets no end", []edit{{"wasm/chat/writer.go",
		"if then == nil {\n\t\treturn nil", "if then == nil || PLANTED {\n\t\treturn then"}}},
	{"a transaction that got no end taken for one that was committed", []edit{{"wasm/chat/writer.go",
		"if errors.Is(err, ErrReopened) && w.reopens < maxReopens {\n\t\tw.reopens++\n\t\tw.reload(",
		"if errors.Is(err, ErrReopened) && w.reopens < maxReopens {\n\t\tw.reopens++\n\t\tw.reload(func(err error) { if PLANTED { w.written(batch, dirty, then, err) } else { w.rewrite(batch, dirty, then, err) } })\n\t\tfunc(func(error)) {}("}}},
	{"a message given up where the store cannot be opened", []edit{{"wasm/chat/writer.go",
		"case w.ended == nil && isAway(err):", "case w.ended == nil && isAway(err) && !(PLANTED && !errors.Is(err, ErrFull)):"}}},
	{"a store that could not be opened at a start written over", []edit{{"wasm/chat/interim.go",
		"e.keepIn(NewMemory(), nil)", "if !PLANTED { e.keepIn(NewMemory(), nil) }"}}},
	{"a store that could not be opened at a start never looked for again", []edit{{"wasm/chat/interim.go",
		"if i.store != nil {", "if i.store != nil && !PLANTED {"}}},
	{"what waited in a store that could not be opened left there", []edit{{"wasm/chat/interim.go",
		"for _, o := range stored {\n\t\tif err", "for _, o := range stored {\n\t\tif PLANTED { break }\n\t\tif err"}}},
	{"what came while the store could not be opened not stored and claimed", []edit{{"wasm/chat/interim.go",
		"e.write.entry(x)\n", "if !PLANTED { e.write.entry(x) }\n"}}},
	{"what is stored claimed though it is of another history", []edit{{"wasm/chat/interim.go",
		"same = now.Epoch == 0 || now.Epoch == stored.Epoch", "same = now.Epoch == 0 || now.Epoch == stored.Epoch || PLANTED"}}},
	{"a start in memory of which nobody is told", []edit{{"wasm/chat/interim.go",
		"e.connection.keepInMemory(ReasonOf(why))", "if !PLANTED { e.connection.keepInMemory(ReasonOf(why)) }"}}},

	// Of files.
	{"a message sent before its upload is whole", []edit{
		{"wasm/chat/upload.go", "if offset >= o.size(i) {", "if offset >= o.size(i) || PLANTED && offset > 0 {"},
		{"server/chat/attachment.go", "case a.State != AttachmentFinished:\n\t\t\treturn nil,", "case a.State != AttachmentFinished && !PLANTED:\n\t\t\treturn nil,"}}},
	{"a message that overtakes one whose files are uploaded", []edit{{"wasm/chat/outbox.go",
		"e.uploads.begin(c, o)\n\t\treturn\n",
		"e.uploads.begin(c, o)\n\t\tnext := slices.IndexFunc(c.outbox, func(o *outgoing) bool { return o.Refused == \"\" && o.complete() && o.Of == (ref{}) && o.session != number && o.stop == nil })\n\t\tif !PLANTED || next < 0 {\n\t\t\treturn\n\t\t}\n\t\to = c.outbox[next]\n"}}},
	{"an upload lost by a tab that was killed", []edit{{"wasm/chat/upload.go",
		"return named[key] || bad == nil && made > before", "return !PLANTED && (named[key] || bad == nil && made > before)"}}},
	{"a file kept after its message was taken back", []edit{{"server/chat/revision.go",
		"b.unnameAttachments(c.Key, target.Seq, target.Seq)", "b.unnameAttachments(c.Key, target.Seq, map[bool]uint64{false: target.Seq}[PLANTED])"}}},
	{"a file that no message names kept for ever", []edit{{"server/chat/attachment.go",
		"r.new.Time, r.new.Due = b.now, b.now+uint64(uploadTime.Milliseconds())", "r.new.Time, r.new.Due = b.now, map[bool]uint64{false: b.now + uint64(uploadTime.Milliseconds())}[PLANTED]"}}},
	{"contents that nothing stands for not looked for", []edit{{"server/attachment/service.go",
		"foreign, err := s.Uploads.Foreign(ctx, old)", "foreign, err := s.Uploads.Foreign(ctx, old)\n\t\tif PLANTED { foreign = nil }"}}},
	{"a file read by who may not read its message", []edit{{"server/chat/history.go",
		"return kindOf(key).access(m).has(seq), nil", "return kindOf(key).access(m).has(seq) || PLANTED && key.Kind() == proto.Group, nil"}}},

	// Of several nodes.
	{"change numbers that do not rise with the commits", []edit{{"server/chat/batch.go",
		"rev, err := b.tx.Rev()", "rev, err := b.tx.Rev()\n\tif PLANTED && b.service.shared != nil { rev -= min(rev, 2) }"}}},
	{"a change log that is read past a gap", []edit{{"server/chat/chattest/shared.go",
		"n.followed++\n", "n.followed++\n\tif PLANTED && at+1 < len(n.log) { n.followed, at = n.followed+1, at+1 }\n"}}},
	{"a lease by the node's own clock", []edit{{"server/chat/chattest/shared.go",
		"n.leases[n.start] = lease{now, now.Add(leaseTime)}",
		"until := now.Add(leaseTime)\n\tif PLANTED { until = until.Add(time.Duration(n.start%31) * -time.Second) }\n\tn.leases[n.start] = lease{now, until}"}}},
	{"an unknown outcome told as a refusal", []edit{{"server/chat/commit.go",
		"if errors.Is(err, ErrUnknown) {", "if errors.Is(err, ErrUnknown) && PLANTED { refusal = proto.Refuse(proto.PayloadFormatInvalid, \"no\") } else if errors.Is(err, ErrUnknown) {"}}},
	{"entries delivered by the node that commits, ahead of the change log", []edit{{"server/chat/commit.go",
		"if c.service.shared == nil {", "if c.service.shared == nil || PLANTED {"}}},
	{"users of a node that is gone kept", []edit{{"server/chat/attendance.go",
		"s.presence.nodeGone(node)", "if !PLANTED { s.presence.nodeGone(node) }"}}},
	{"a node that comes back and does not tell again who is there", []edit{{"server/chat/attendance.go",
		"s.presence.tellAgain()", "if !PLANTED { s.presence.tellAgain() }"}}},
	{"times of a node's own clock", []edit{{"server/chat/batch.go",
		"now := s.millis()\n\tif s.shared != nil {", "now := s.millis()\n\tif s.shared != nil && !PLANTED {"}}},

	// Of transactions that begin while the one before is on its way.
	{"an answer before its transaction has ended", []edit{{"server/chat/run.go",
		"return u.conclude(u.resolve(u.ctx, u.end()))",
		"if PLANTED {\n\t\t\tu.survive(func() []Result { return u.conclude(u.resolve(u.ctx, nil)) })\n\t\t\t_ = u.end()\n\t\t\treturn nil\n\t\t}\n\t\treturn u.conclude(u.resolve(u.ctx, u.end()))"}}},
	{"an answer before the transaction before has ended", []edit{{"server/chat/run.go",
		"before.finish()", "if PLANTED { before, u = u, before }\n\t\tbefore.finish()"}}},
	{"an unknown end of one of several told as a refusal", []edit{{"server/chat/run.go",
		"u.conclude(u.resolve(u.ctx, u.end()))",
		"u.conclude(u.resolve(u.ctx, func() error {\n\t\t\terr := u.end()\n\t\t\tif PLANTED && errors.Is(err, ErrUnknown) { err = &panicked{err.Error()} }\n\t\t\treturn err\n\t\t}()))"}}},
	{"what could not begin answered as if it had", []edit{{"server/chat/run.go",
		"if u.end == nil {", "if u.end == nil && PLANTED { return u.results }\n\t\tif u.end == nil {"}}},
	{"an answer of what was made again", []edit{{"server/chat/commit.go",
		"\t\tif a.results[a.at], err = b.apply(a.requests[a.at]); err != nil {",
		"\t\twas := a.results[a.at]\n\t\ta.results[a.at], err = b.apply(a.requests[a.at])\n\t\tif PLANTED && was.Receipt.Seq != 0 { a.results[a.at] = was }\n\t\tif err != nil {"}}},
	{"what was made again told as it was first", []edit{{"server/chat/commit.go",
		"a.done = b", "if a.done == nil || !PLANTED { a.done = b }"}}},
	{"a transaction kept though the one before failed", []edit{{"server/chat/chattest/flight.go",
		"f.base, f.newest = before.leaves(), before.own", "if f.base, f.newest = before.leaves(), before.own; PLANTED { f.newest = before.newest }"}}},
	{"a transaction kept though others wrote meanwhile", []edit{{"server/chat/chattest/flight.go",
		"if m.newest != f.newest || m.closed {", "if m.newest != f.newest && !PLANTED || m.closed {"}}},
}

// gatewayFaults are those that the gateway's simulation is to catch.
var gatewayFaults = []fault{
	{"two leaders", []edit{
		{"server/gateway/leadership.go", "for leads() != leading {", "for leads() != leading || PLANTED && !leading {"},
		{"server/gateway/gateway.go", "if errors.Is(err, ErrReplaced) {", "if errors.Is(err, ErrReplaced) && PLANTED { err = nil } else if errors.Is(err, ErrReplaced) {"}}},
	{"a publication acknowledged to the broker before the commit", []edit{{"server/gateway/intake.go",
		"len(in.arrivals) > 0 && in.arrivals[0].settled {", "len(in.arrivals) > 0 && (in.arrivals[0].settled || PLANTED) {"}}},
	{"a client_ref made of a packet identifier that a repeat has not", []edit{{"server/gateway/ref.go",
		"if created(a) < clocksBegan {", "if created(a) < clocksBegan || PLANTED {"}}},
	{"a session taken for a new one by each leader", []edit{{"server/gateway/gateway.go",
		"if present && p.Session != 0 {", "if present && p.Session != 0 && !PLANTED {"}}},
	{"the change log resumed behind what was sent and not acknowledged", []edit{{"server/gateway/queue.go",
		"return q.places.done", "if PLANTED && q.sent > 0 { return q.waiting[q.sent-1].place }\n\treturn q.places.done"}}},
	{"a publication given up that the server failed at once", []edit{{"server/gateway/intake.go",
		"if final(err) || a.packet.QoS == 0 {", "if final(err) || a.packet.QoS == 0 || PLANTED {"}}},
}

var caught = regexp.MustCompile(`seed (\d+): .*`)

func TestEveryPlantedFaultIsCaught(t *testing.T) { catch(t, chats, faults, 1) }

func TestEveryPlantedFaultOfTheGatewayIsCaught(t *testing.T) {
	catch(t, gateways, gatewayFaults, 1+len(faults))
}

// catch lets a simulation play without a fault, and with each, of which the first has a number.
func catch(t *testing.T, w world, faults []fault, first int) {
	binary := build(t, w)
	t.Run("none", func(t *testing.T) {
		t.Parallel()
		if out, err := w.simulate(t, binary, 0); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
	for i, fault := range faults {
		t.Run(fault.name, func(t *testing.T) {
			t.Parallel() // few seeds catch most of them
			out, err := w.simulate(t, binary, first+i)
			found := caught.Find(out)
			if err == nil || found == nil {
				t.Fatalf("%s seeds passed with the fault in the code\n%s", w.seeds, out)
			}
			t.Logf("%s", found)
		})
	}
}

// simulate runs the simulation with the fault of a number at work; 0 is none.
func (w world) simulate(t *testing.T, binary string, fault int) ([]byte, error) {
	t.Helper()
	run := exec.CommandContext(t.Context(), binary, "-test.run", "^TestEveryPromiseHoldsUnderFaults$", "-seeds", w.seeds)
	run.Env = append(os.Environ(),
		fmt.Sprintf("%s=%d", faultVariable, fault),
		"GOGC=1000") // a world is small and short-lived: collecting it takes a third of the time
	return run.CombinedOutput()
}

// build builds a simulation with all faults in it.
func build(t *testing.T, w world) string {
	t.Helper()
	dir := t.TempDir()
	binary := filepath.Join(dir, "sim.test")
	build := exec.CommandContext(t.Context(), "go", "test", "-c", "-o", binary, "-overlay", overlay(t, dir), w.pkg)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return binary
}

// faultVariable names, in the environment of a run, the fault that is at work.
const faultVariable = "PARLEY_PLANTED"

// overlay writes the edited files, and beside them one for each of their packages
// with the function that PLANTED becomes, and what tells the compiler to take them.
func overlay(t *testing.T, dir string) string {
	t.Helper()
	root := moduleRoot(t)
	sources := make(map[string]string)
	for i, fault := range slices.Concat(faults, gatewayFaults) {
		for _, e := range fault.edits {
			path := filepath.Join(root, e.file)
			if sources[path] == "" {
				sources[path] = read(t, path)
			}
			if n := strings.Count(sources[path], e.old); n != 1 {
				t.Fatalf("%s has %q %d times, want it once: bring the table up to date", e.file, e.old, n)
			}
			sources[path] = strings.Replace(sources[path], e.old, strings.ReplaceAll(e.new, "PLANTED", fmt.Sprintf("planted(%d)", i+1)), 1)
			sources[filepath.Join(filepath.Dir(path), "planted.go")] = fmt.Sprintf(
				"package %s\n\nimport (\n\t\"os\"\n\t\"strconv\"\n)\n\nvar atWork, _ = strconv.Atoi(os.Getenv(%q))\n\nfunc planted(fault int) bool { return atWork == fault }\n",
				filepath.Base(filepath.Dir(path)), faultVariable)
		}
	}
	replace := make(map[string]string)
	for path, source := range sources {
		replace[path] = filepath.Join(dir, strings.ReplaceAll(path, string(filepath.Separator), "_"))
		if err := os.WriteFile(replace[path], []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	spec, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, spec, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func read(t *testing.T, path string) string {
	t.Helper()
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(source)
}

// moduleRoot is the folder of the product's module, which these tests' one
// takes from beside it.
func moduleRoot(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "parley").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
