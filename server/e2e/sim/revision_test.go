package sim_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"parley/proto"
	client "parley/wasm/chat"
	"parley/wasm/chat/chattest"
)

const (
	edits    = proto.MessageType_MESSAGE_TYPE_EDIT
	recalls  = proto.MessageType_MESSAGE_TYPE_RECALL
	reacts   = proto.MessageType_MESSAGE_TYPE_REACT
	recalled = proto.MessageType_MESSAGE_TYPE_RECALLED
)

// revise edits, takes back or answers with an emoji a message on the screen: one that the
// server has, or one that is still to be sent.
func (d *device) revise() {
	i := len(d.messages)
	if i == 0 || d.open_ == "" {
		return
	}
	m := d.messages[d.w.Rand.IntN(i)]
	if d.w.Rand.IntN(3) > 0 { // mostly one of the newest: so what is said of one crosses
		m = d.messages[i-1-d.w.Rand.IntN(min(i, 3))]
	}
	own := m.Mine || d.agent() && m.Agent != 0
	kind := [...]proto.MessageType{edits, edits, recalls, reacts, reacts}[d.w.Rand.IntN(5)]
	switch {
	case m.State == client.Refused || !m.Type.Written() || m.Type == proto.MessageType_MESSAGE_TYPE_NOTE:
		return
	case kind == edits && (!m.Mine || m.Type != proto.MessageType_MESSAGE_TYPE_TEXT), kind == recalls && !own, kind == reacts && m.Seq == 0:
		kind = reacts
		if m.Seq == 0 {
			return
		}
	}
	d.speakOf(m, kind)
}

// takeBack takes back what is the newest message of a conversation, if it is an own one.
func (d *device) takeBack() {
	for _, key := range slices.Sorted(maps.Keys(d.list)) {
		if do := d.takingBack(key); do != nil {
			do()
			return
		}
	}
}

// takingBack takes back the newest message of a conversation; nil if it is not an own one.
func (d *device) takingBack(key string) func() {
	m := d.list[key].Last
	if d.host == nil || m == nil || !m.Mine || m.Seq == 0 || m.Type != proto.MessageType_MESSAGE_TYPE_TEXT {
		return nil
	}
	return func() { d.speakOf(*m, recalls) }
}

// speakOf edits, takes back or answers with an emoji a message.
func (d *device) speakOf(m client.Message, kind proto.MessageType) {
	draft := client.Draft{Type: kind, Of: m.Seq}
	if m.Key == d.open_ {
		draft.Seen = d.contiguous()
	}
	switch kind {
	case edits:
		draft.Content = d.words()
	case reacts:
		draft.Content = []string{"👍", "❤️", "🎉", ""}[d.w.Rand.IntN(4)]
	}
	for i := range draft.Ref {
		draft.Ref[i] = byte(d.w.Rand.Uint32())
	}
	if m.Seq == 0 {
		copy(draft.OfRef[:], unhex(m.Ref))
		if kind == recalls {
			d.w.withdrawn(m.Ref) // it is sent, or it is not
		}
	}
	if kind == recalls && m.Seq != 0 {
		for _, other := range d.w.devices {
			if other != d && other.open_ == m.Key {
				d.w.After(d.w.upTo(50*time.Millisecond), func() { other.answer(m.Key, m.Seq) })
			}
		}
	}
	d.giveRevision(m, draft)
}

// answer reacts to a message while another takes it back.
func (d *device) answer(key string, seq uint64) {
	i := slices.IndexFunc(d.messages, func(m client.Message) bool { return m.Key == key && m.Seq == seq && m.Type.Written() })
	if i < 0 || d.host == nil {
		return
	}
	draft := client.Draft{Type: reacts, Of: seq, Content: "👀", Seen: d.contiguous()}
	for i := range draft.Ref {
		draft.Ref[i] = byte(d.w.Rand.Uint32())
	}
	d.giveRevision(d.messages[i], draft)
}

// giveRevision hands it to the engine. A page that loses its engine tells its person so.
func (d *device) giveRevision(m client.Message, draft client.Draft) {
	host, key := d.host, m.Key
	d.w.spoken[fmt.Sprint(key, m.Seq)] = true
	d.engine.Send(key, draft, func(err error) {
		if host != d.host {
			return
		}
		d.w.note("%s: %v %q of %s %d %s: %v", d, draft.Type, draft.Content, key, m.Seq, m.Content, err)
		if err != nil {
			return
		}
		d.w.presses = append(d.w.presses, &press{
			device: d, key: key, content: draft.Content, ref: draft.Ref, seen: draft.Seen, inMemory: d.memory || d.store.lost,
			refused: m.Seq == 0, // it may have changed the message where it waited
		})
	})
}

func unhex(text string) (b []byte) {
	if _, err := fmt.Sscanf(text, "%x", &b); err != nil {
		panic(err)
	}
	return b
}

// withdrawn notes that what has a ref need not be stored.
func (w *world) withdrawn(ref string) {
	for _, p := range w.presses {
		p.refused = p.refused || fmt.Sprintf("%x", p.ref) == ref
	}
}

// refusedRevision lets the person see that something cannot be said of a message any more: it
// is of a history that was replaced, or was taken back meanwhile.
func (d *device) refusedRevision(m client.Message, host *chattest.Host) {
	d.w.withdrawn(m.Ref)
	if d.w.wipes == 0 && !(m.Key[0] == byte(proto.Group) && gone(m)) {
		d.w.fail("%s: %v of %d was refused: %s", d, m.Type, m.Of, m.Reason)
	}
	d.w.After(d.w.upTo(time.Second), func() {
		if host == d.host {
			d.engine.Discard(m.Ref, func(error) {})
		}
	})
}

// revision is how a message stands that others spoke of.
func (x logged) revision(customer bool) string {
	by := x.recalledBy
	var all []string
	for _, r := range x.reactions {
		who := r.GetUserId()
		if customer && who != x.key.Customer() {
			who = 0
		}
		all = append(all, fmt.Sprint(who, r.GetContent()))
	}
	if customer {
		by = 0
	}
	return fmt.Sprint(x.edited, by, all)
}

// revisionOf is the same of what a person is shown.
func revisionOf(m client.Message) string {
	var all []string
	for _, r := range m.Reactions {
		all = append(all, fmt.Sprint(r.User, r.Emoji))
	}
	return fmt.Sprint(m.Edited, m.RecalledBy, all)
}

// checkErased holds that nothing is left, on the server or in a browser, of what was taken
// back, nor of what an edit replaced.
func (w *world) checkErased(logs map[proto.Key][]logged) {
	stored := map[[proto.RefSize]byte]logged{}
	for _, log := range logs {
		for _, x := range log {
			stored[x.ref] = x
		}
	}
	var void []said
	for _, p := range w.presses {
		x, there := stored[p.ref]
		if !there || p.content == "" {
			continue
		}
		key, _ := proto.ParseKey(p.key)
		if x.Type == edits {
			x = logs[key][x.Of-1]
		}
		if strings.Contains(p.content, ";") && (x.Type == proto.MessageType_MESSAGE_TYPE_TEXT || x.Type == recalled) && x.content != p.content {
			void = append(void, said{p.content, key, x})
		}
	}
	for _, v := range void {
		for key, log := range logs {
			for _, x := range log {
				if bytes.Contains(w.disk.entry(key.String(), x.Seq).Body, []byte(v.content)) {
					w.fail("%q is still in %s %d of the server's disk", v.content, key, x.Seq)
				}
			}
		}
		for _, d := range w.devices {
			if !d.left(v.key, v.of) {
				d.checkErased(v.content)
			}
		}
	}
}

// said is what somebody once said of a message.
type said struct {
	content string
	key     proto.Key
	of      logged
}

func (d *device) checkErased(content string) {
	if place := d.store.find(content); place != "" {
		d.w.fail("%s: %q is still in %s", d, content, place)
	}
}

// find returns where in the store something is said; "" if nowhere.
func (s *store) find(content string) string {
	said := []byte(content)
	kept := s.load()
	for _, o := range kept.Outbox {
		if bytes.Contains(o.Body, said) {
			return "the outbox"
		}
	}
	for _, row := range kept.Conversations {
		if bytes.Contains(row.State, said) {
			return "the row of " + row.Key
		}
		entries, err := s.raw().Messages(context.Background(), row.Key, 1, ^uint64(0))
		if err != nil {
			return err.Error()
		}
		i := slices.IndexFunc(entries, func(e client.Entry) bool { return bytes.Contains(e.Body, said) })
		if i >= 0 {
			return fmt.Sprint(row.Key, " ", entries[i].Seq)
		}
	}
	return ""
}
