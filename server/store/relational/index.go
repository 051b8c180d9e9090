package relational

import (
	"encoding/binary"
	"fmt"

	"parley/proto/search"
	"parley/server/chat"
)

// IndexTransaction is a chat.IndexTx within the transaction that its Conn has begun.
type IndexTransaction struct{ Conn }

var _ chat.IndexTx = IndexTransaction{}

// Place implements chat.IndexView.
func (t IndexTransaction) Place() (p chat.IndexPlace, err error) {
	_, err = t.Row([]any{(*Number)(&p.Epoch), (*Number)(&p.Version), (*Number)(&p.Through)}, "SELECT epoch, version, through FROM index_place")
	if err != nil {
		return chat.IndexPlace{}, fmt.Errorf("read how far the search index goes: %w", err)
	}
	return p, nil
}

// Pages implements chat.IndexView.
func (t IndexTransaction) Pages(audience string, before uint64, limit int) ([]chat.IndexPage, error) {
	return t.pages("SELECT audience, first, body FROM index_pages WHERE audience = ? AND first <= ? ORDER BY first DESC"+atMost,
		audience, Number(before-1), max(0, limit)) // before 0 wraps round to the highest: no bound
}

// PagesFrom implements chat.IndexView.
func (t IndexTransaction) PagesFrom(from uint64, after string, before uint64, limit int) ([]chat.IndexPage, error) {
	return t.pages("SELECT audience, first, body FROM index_pages WHERE (first, audience) > (?, ?) AND first < ? ORDER BY first, audience"+atMost,
		Number(from), after, Number(before), max(0, limit))
}

func (t IndexTransaction) pages(query string, args ...any) (pages []chat.IndexPage, err error) {
	var body []byte
	err = t.Rows(func(row Row) error {
		var p chat.IndexPage
		if err := row.Scan(&p.Audience, (*Number)(&p.First), &body); err != nil {
			return err
		}
		if !readPage(&p, append([]byte(nil), body...)) {
			return fmt.Errorf("%w: a page of the search index", ErrDamaged)
		}
		pages = append(pages, p)
		return nil
	}, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read the search index: %w", err)
	}
	return pages, nil
}

// PutPlace implements chat.IndexTx.
func (t IndexTransaction) PutPlace(p chat.IndexPlace) error {
	return t.write("INSERT INTO index_place (one, epoch, version, through) VALUES (?, ?, ?, ?)"+
		" ON CONFLICT (one) DO UPDATE SET epoch = excluded.epoch, version = excluded.version, through = excluded.through",
		int64(1), Number(p.Epoch), Number(p.Version), Number(p.Through))
}

// PutPage implements chat.IndexTx.
func (t IndexTransaction) PutPage(p chat.IndexPage) error {
	return t.write("INSERT INTO index_pages (audience, first, body) VALUES (?, ?, ?) ON CONFLICT (audience, first) DO UPDATE SET body = excluded.body",
		p.Audience, Number(p.First), appendPage(nil, p))
}

// DeletePage implements chat.IndexTx.
func (t IndexTransaction) DeletePage(audience string, first uint64) error {
	return t.write("DELETE FROM index_pages WHERE audience = ? AND first = ?", audience, Number(first))
}

// Clear implements chat.IndexTx.
func (t IndexTransaction) Clear() error {
	if err := t.write("DELETE FROM index_place"); err != nil {
		return err
	}
	return t.write("DELETE FROM index_pages")
}

func (t IndexTransaction) write(query string, args ...any) error {
	if err := t.Exec(query, args...); err != nil {
		return fmt.Errorf("write the search index: %w", err)
	}
	return nil
}

// appendPage adds what a page holds: how many ids, the steps from First to the first and from each to the next, and
// each filter behind its length.
func appendPage(b []byte, p chat.IndexPage) []byte {
	b = binary.AppendUvarint(b, uint64(len(p.IDs)))
	before := p.First
	for _, id := range p.IDs {
		b, before = binary.AppendUvarint(b, id-before), id
	}
	for _, f := range p.Terms {
		b = append(binary.AppendUvarint(b, uint64(len(f))), f...)
	}
	return b
}

// readPage reads what appendPage wrote, of which it keeps parts, and reports whether it could.
func readPage(p *chat.IndexPage, b []byte) bool {
	next := func() (n uint64, ok bool) {
		n, size := binary.Uvarint(b)
		if size <= 0 {
			return 0, false
		}
		b = b[size:]
		return n, true
	}
	count, ok := next()
	if !ok || count > uint64(len(b)) {
		return false
	}
	p.IDs = make([]uint64, count)
	id := p.First
	for i := range p.IDs {
		step, ok := next()
		if !ok {
			return false
		}
		id += step
		p.IDs[i] = id
	}
	for i := range p.Terms {
		n, ok := next()
		if !ok || n > uint64(len(b)) {
			return false
		}
		p.Terms[i], b = search.Filter(b[:n]), b[n:]
	}
	return len(b) == 0
}
