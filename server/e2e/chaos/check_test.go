package chaos

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the driver

	"parley/proto"
	"parley/server/e2e/live"
)

// An entry is a stored message, as far as all have to agree on it.
type entry struct {
	seq, id, sender uint64
	content         string
}

// inDatabase reads every conversation from the file of a server that is stopped.
func inDatabase(folder string) (map[string][]entry, error) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(folder, "parley.db")+"?mode=ro")
	if err != nil {
		return nil, err
	}
	defer db.Close()
	rows, err := db.Query("SELECT c.key, c.head, m.seq, m.id, m.sender, m.body FROM messages m JOIN conversations c ON c.id = m.conversation ORDER BY c.key, m.seq")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	logs, heads := map[string][]entry{}, map[string]uint64{}
	for rows.Next() {
		var key string
		var head, seq, id, sender, body []byte
		if err := rows.Scan(&key, &head, &seq, &id, &sender, &body); err != nil {
			return nil, err
		}
		message := new(proto.Message)
		if err := proto.Unmarshal(body, message); err != nil {
			return nil, fmt.Errorf("%s, seq %x: %w", key, seq, err)
		}
		number := binary.BigEndian.Uint64
		logs[key] = append(logs[key], entry{number(seq), number(id), number(sender), message.GetContent()})
		heads[key] = number(head)
	}
	for key, log := range logs {
		if head := heads[key]; head != uint64(len(log)) {
			return nil, fmt.Errorf("%s: the head is %d, and there are %d messages", key, head, len(log))
		}
	}
	return logs, rows.Err()
}

// overHTTP reads a conversation from the server's history, oldest first.
func overHTTP(c live.Client, key, token string) (log []entry, err error) {
	for after := uint64(0); ; {
		var page struct {
			Messages []struct {
				MessageID string `json:"message_id"`
				SenderID  string `json:"sender_id"`
				Seq       string `json:"seq"`
				Content   string `json:"content"`
			} `json:"messages"`
			HeadSeq string `json:"head_seq"`
		}
		if err := c.Get(context.Background(), fmt.Sprintf("/api/conversations/%s/messages?after=%d&limit=500", key, after), token, &page); err != nil {
			return nil, err
		}
		for _, m := range page.Messages {
			var e entry
			if e, err = parseEntry(m.Seq, m.MessageID, m.SenderID, m.Content); err != nil {
				return nil, err
			}
			log, after = append(log, e), e.seq
		}
		if page.HeadSeq == strconv.FormatUint(after, 10) {
			return log, nil
		}
		if len(page.Messages) == 0 {
			return nil, fmt.Errorf("%s: nothing after %d, and the head is %s", key, after, page.HeadSeq)
		}
	}
}

func parseEntry(seq, id, sender, content string) (e entry, err error) {
	e.content = content
	for text, number := range map[string]*uint64{seq: &e.seq, id: &e.id, sender: &e.sender} {
		if *number, err = strconv.ParseUint(text, 10, 64); err != nil {
			return e, err
		}
	}
	return e, nil
}

// A timeline is a page of a conversation, as the driver gives it.
type timeline struct {
	More       bool
	Incomplete string
	Messages   []struct {
		Seq, ID, Sender, Content, State string
		Gap                             bool
	}
}

// inBrowser reads a conversation as the person's browser has it, from the
// newest message to the oldest.
func (p *person) inBrowser(key string) (log []entry, err error) {
	for before := "0"; ; {
		page, err := call[timeline](p.first(), patience, "history", key, before)
		if err != nil {
			return nil, err
		}
		if page.Incomplete != "" {
			return nil, fmt.Errorf("%s before %s is incomplete: %s", key, before, page.Incomplete)
		}
		var part []entry
		for i, m := range page.Messages {
			e, err := parseEntry(m.Seq, m.ID, m.Sender, m.Content)
			switch {
			case err != nil:
				return nil, err
			case e.seq == 0 || m.State == "pending" || m.State == "refused":
				return nil, fmt.Errorf("%s: %.40q is %s", key, m.Content, m.State)
			case m.Gap && i > 0:
				return nil, fmt.Errorf("%s: a gap before %d", key, e.seq)
			}
			part = append(part, e)
		}
		log = append(part, log...)
		if !page.More {
			return log, nil
		}
		if len(page.Messages) == 0 {
			return nil, fmt.Errorf("%s: more before %s, and it is empty", key, before)
		}
		before = page.Messages[0].Seq
	}
}

// A verdict is what the comparison of everything found.
type verdict struct {
	lost, doubled, disordered int
	faults                    []string // in words
}

func (v *verdict) find(count *int, format string, args ...any) {
	if count != nil {
		*count++
	}
	v.faults = append(v.faults, fmt.Sprintf(format, args...))
}

// compare holds a copy of a conversation against the server's log.
func (v *verdict) compare(where, key string, log, copied []entry) {
	known := map[uint64]int{}
	for _, e := range copied {
		known[e.seq]++
	}
	for _, e := range log {
		switch n := known[e.seq]; {
		case n == 0:
			v.find(&v.lost, "%s of %s lacks seq %d, %.40q", where, key, e.seq, e.content)
		case n > 1:
			v.find(&v.doubled, "%s of %s has seq %d %d times", where, key, e.seq, n)
		}
	}
	if !slices.IsSortedFunc(copied, func(a, b entry) int { return cmp.Compare(a.seq, b.seq) }) {
		v.find(&v.disordered, "%s of %s is out of order", where, key)
	}
	for i := range min(len(log), len(copied)) {
		if len(v.faults) == 0 && log[i] != copied[i] {
			v.find(nil, "%s of %s has %.80v in the place of %.80v", where, key, copied[i], log[i])
		}
	}
	if len(v.faults) == 0 && len(log) != len(copied) {
		v.find(nil, "%s of %s has %d messages, the database %d", where, key, len(copied), len(log))
	}
}

// judge holds the server's logs against what was pressed. The database's order
// counts: numbers are dense, ids rise, and the presses of each sender keep
// their order.
func (v *verdict) judge(logs map[string][]entry, presses map[string]*press) {
	times := map[string]int{}
	for key, log := range logs {
		last := map[*person]int{}
		for i, e := range log {
			content := original(e.content)
			times[content]++
			x := presses[content]
			switch {
			case e.seq != uint64(i+1):
				v.find(&v.disordered, "%s: seq %d stands in place %d", key, e.seq, i+1)
			case i > 0 && e.id <= log[i-1].id:
				v.find(&v.disordered, "%s: the id does not rise at seq %d", key, e.seq)
			case e.content == "" || e.seq == 1 && key[0] == byte(proto.Group):
				continue // it was taken back, or speaks of another, or made the group
			case x == nil:
				v.find(nil, "%s: nobody pressed Send on seq %d, %.40q", key, e.seq, e.content)
				continue
			case x.key != key || x.sender.id != e.sender:
				v.find(nil, "%s: seq %d is from %d, and was pressed by %s in %s", key, e.seq, e.sender, x.sender.name, x.key)
			case times[content] > 1:
				v.find(&v.doubled, "%s: %.40q is stored again as seq %d", key, e.content, e.seq)
				continue
			case x.number < last[x.sender]:
				v.find(&v.disordered, "%s: %.40q comes after number %d", key, e.content, last[x.sender])
			}
			last[x.sender] = max(last[x.sender], x.number)
		}
	}
	for _, x := range presses {
		switch n := times[x.content]; {
		case n == 0 && x.fate == stood && !x.recalled:
			v.find(&v.lost, "%s: %.40q stood in the list and is not stored", x.key, x.content)
		case n > 0 && x.fate == declined:
			v.find(nil, "%s: %.40q was declined and is stored", x.key, x.content)
		}
	}
}

// screen checks that a page never shows messages out of order: numbers rise,
// what has none stands last.
func (v *verdict) screen(p *person) {
	rows, err := call[[]struct{ Seq, State, Text string }](p.first(), 10*time.Second, "screen")
	if err != nil {
		return // the page is being loaded
	}
	var last uint64
	unconfirmed := false
	for _, row := range rows {
		seq, err := strconv.ParseUint(row.Seq, 10, 64)
		switch {
		case err != nil:
			v.find(nil, "%s's screen shows seq %q", p.name, row.Seq)
		case seq == 0:
			unconfirmed = true
		case unconfirmed:
			v.find(&v.disordered, "%s's screen shows seq %d after an unconfirmed message", p.name, seq)
		case seq <= last:
			v.find(&v.disordered, "%s's screen shows seq %d after %d", p.name, seq, last)
		}
		last = max(last, seq)
	}
}

// screenEnds checks that the page shows the end of the conversation, to which whoever has more
// unread than a page goes by themselves.
func (v *verdict) screenEnds(p *person, log []entry) {
	if len(log) == 0 {
		return
	}
	newest := strconv.FormatUint(log[len(log)-1].seq, 10)
	if there, err := call[bool](p.first(), patience, "toNewest", newest); err != nil || !there {
		v.find(nil, "%s's screen does not come to seq %s (%v)", p.name, newest, err)
		return
	}
	rows, err := call[[]struct{ Seq, Text string }](p.first(), patience, "screen")
	if err != nil {
		v.find(nil, "%s's screen: %v", p.name, err)
		return
	}
	if len(rows) == 0 || len(rows) > len(log) {
		v.find(nil, "%s's screen shows %d messages of %d", p.name, len(rows), len(log))
		return
	}
	for i, e := range log[len(log)-len(rows):] {
		if row := rows[i]; row.Seq != strconv.FormatUint(e.seq, 10) || !strings.Contains(row.Text, e.content) {
			v.find(nil, "%s's screen shows %s, %.40q, for seq %d, %.40q", p.name, row.Seq, row.Text, e.seq, e.content)
			return
		}
	}
}

// settle waits until nothing waits to be sent, and each page knows all there is.
func (w *world) settle(ctx context.Context) error {
	for _, p := range w.people {
		for {
			settled, err := call[bool](p.first(), patience, "settled")
			if err != nil {
				return fmt.Errorf("%s does not settle: %w: %s", p.name, err, p.state())
			}
			if settled {
				break
			}
		}
	}
	for _, c := range w.conversations() {
		log, err := overHTTP(w.host.Client(), c.key, c.members[0].token)
		if err != nil {
			return err
		}
		for _, p := range c.members {
			if err := p.awaitHead(ctx, c.key, uint64(len(log))); err != nil {
				return err
			}
			if err := p.awaitRevised(ctx, c.key, log); err != nil {
				return err
			}
		}
	}
	return nil
}

// awaitRevised waits until the person's browser has a conversation as it is: what was edited or taken back in a
// hole, of what it has, is fetched once the hole is filled.
func (p *person) awaitRevised(ctx context.Context, key string, want []entry) error {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline) && ctx.Err() == nil; time.Sleep(100 * time.Millisecond) {
		if log, err := p.inBrowser(key); err != nil || slices.Equal(log, want) {
			return err
		}
	}
	return ctx.Err() // the comparison of everything tells what differs
}

// awaitHead waits until the person's browser knows of a conversation's newest
// message: sooner than it looks for a lost tail by itself, as no fault is to leave one.
func (p *person) awaitHead(ctx context.Context, key string, head uint64) (err error) {
	known := ""
	for deadline := time.Now().Add(patience); time.Now().Before(deadline) && ctx.Err() == nil; time.Sleep(100 * time.Millisecond) {
		if known, err = call[string](p.first(), patience, "head", key); err == nil && known == strconv.FormatUint(head, 10) {
			return nil
		}
	}
	return fmt.Errorf("%s's browser knows %s of %d messages of %s: %w", p.name, known, head, key, cmp.Or(err, ctx.Err()))
}
