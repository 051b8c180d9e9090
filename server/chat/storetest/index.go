package storetest

import (
	"errors"
	"math"
	"testing"

	"parley/proto/search"
	"parley/server/chat"
)

// Index opens one index. Each call returns it as it was left; the one before was closed.
type Index func() chat.Index

// RunIndex tests a chat.Index. fresh makes an empty one for one test.
func RunIndex(t *testing.T, fresh func(t *testing.T) Index) {
	for name, test := range map[string]func(*testing.T, Index){
		"pages of an audience come from the highest on":    audiences,
		"pages of all audiences come from the lowest on":   pagesFrom,
		"a failed update leaves nothing":                   indexRollback,
		"a view does not see what is written beside it":    indexSnapshot,
		"everything is there after opening again":          indexReopen,
		"where everything was deleted there is no place":   indexCleared,
		"a page that is put again replaces what there was": indexReplaced,
	} {
		t.Run(name, func(t *testing.T) { test(t, fresh(t)) })
	}
}

func indexPage(audience string, first uint64, more ...uint64) chat.IndexPage {
	p := chat.IndexPage{Audience: audience, First: first, IDs: append([]uint64{first}, more...)}
	var terms []search.Term
	for _, id := range p.IDs {
		terms = append(terms, search.SenderTerm(id))
	}
	p.Terms = search.NewFilters(terms)
	return p
}

func indexUpdate(t *testing.T, x chat.Index, change func(chat.IndexTx) error) {
	t.Helper()
	if err := x.Update(t.Context(), change); err != nil {
		t.Fatal("update:", err)
	}
}

func put(t *testing.T, x chat.Index, pages ...chat.IndexPage) {
	t.Helper()
	indexUpdate(t, x, func(tx chat.IndexTx) error {
		for _, p := range pages {
			if err := tx.PutPage(p); err != nil {
				return err
			}
		}
		return nil
	})
}

// indexed reads one value in a view of its own.
func indexed[T any](t *testing.T, x chat.Index, read func(chat.IndexView) (T, error)) (value T) {
	t.Helper()
	if err := x.View(t.Context(), func(v chat.IndexView) (err error) {
		value, err = read(v)
		return err
	}); err != nil {
		t.Fatal("view:", err)
	}
	return value
}

func pagesOf(audience string, before uint64, limit int) func(chat.IndexView) ([]chat.IndexPage, error) {
	return func(v chat.IndexView) ([]chat.IndexPage, error) { return v.Pages(audience, before, limit) }
}

func audiences(t *testing.T, open Index) {
	x := open()
	a, b, c := indexPage("u:1", 5, 6, 1<<63), indexPage("u:1", 1<<63+1), indexPage("u:1", math.MaxUint64)
	put(t, x, b, indexPage("u:10", 7), c, indexPage("s:1", 8), a)
	want(t, "all", indexed(t, x, pagesOf("u:1", 0, 9)), []chat.IndexPage{c, b, a})
	want(t, "the newest", indexed(t, x, pagesOf("u:1", 0, 1)), []chat.IndexPage{c})
	want(t, "before one", indexed(t, x, pagesOf("u:1", math.MaxUint64, 9)), []chat.IndexPage{b, a})
	want(t, "before another", indexed(t, x, pagesOf("u:1", 1<<63+1, 9)), []chat.IndexPage{a})
	want(t, "before all", indexed(t, x, pagesOf("u:1", 5, 9)), nil)
	want(t, "of nobody", indexed(t, x, pagesOf("u:2", 0, 9)), nil)
}

func pagesFrom(t *testing.T, open Index) {
	x := open()
	a, b, c, d := indexPage("s:1", 5), indexPage("u:1", 5), indexPage("u:1", 6), indexPage("g:1", 1<<63)
	put(t, x, d, c, b, a)
	from := func(from uint64, after string, before uint64, limit int) []chat.IndexPage {
		t.Helper()
		return indexed(t, x, func(v chat.IndexView) ([]chat.IndexPage, error) { return v.PagesFrom(from, after, before, limit) })
	}
	want(t, "all", from(0, "", math.MaxUint64, 9), []chat.IndexPage{a, b, c, d})
	want(t, "the first", from(0, "", math.MaxUint64, 2), []chat.IndexPage{a, b})
	want(t, "what follows", from(5, "s:1", math.MaxUint64, 9), []chat.IndexPage{b, c, d})
	want(t, "what follows that", from(5, "u:1", 1<<63, 9), []chat.IndexPage{c})
}

func indexRollback(t *testing.T, open Index) {
	x, fails := open(), errors.New("a failure")
	put(t, x, indexPage("u:1", 1))
	err := x.Update(t.Context(), func(tx chat.IndexTx) error {
		return errors.Join(tx.PutPlace(chat.IndexPlace{Epoch: 1}), tx.PutPage(indexPage("u:1", 2)), tx.DeletePage("u:1", 1), fails)
	})
	if !errors.Is(err, fails) {
		t.Errorf("the update returned %v", err)
	}
	want(t, "place", indexed(t, x, chat.IndexView.Place), chat.IndexPlace{})
	want(t, "pages", indexed(t, x, pagesOf("u:1", 0, 9)), []chat.IndexPage{indexPage("u:1", 1)})
}

func indexSnapshot(t *testing.T, open Index) {
	x := open()
	put(t, x, indexPage("u:1", 1))
	if err := x.View(t.Context(), func(v chat.IndexView) error {
		before, err := v.Pages("u:1", 0, 9)
		if err != nil {
			return err
		}
		if err := x.Update(t.Context(), func(tx chat.IndexTx) error {
			err := tx.PutPage(indexPage("u:1", 2))
			own, readErr := tx.Pages("u:1", 0, 9)
			want(t, "within the update", len(own), 2)
			return errors.Join(err, readErr)
		}); err != nil {
			return err
		}
		after, err := v.Pages("u:1", 0, 9)
		want(t, "later in the same view", after, before)
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func indexReopen(t *testing.T, open Index) {
	place := chat.IndexPlace{Epoch: 1 << 63, Version: 3, Through: math.MaxUint64}
	indexUpdate(t, open(), func(tx chat.IndexTx) error {
		return errors.Join(tx.PutPlace(chat.IndexPlace{Epoch: 1}), tx.PutPlace(place), tx.PutPage(indexPage("u:1", 1, 2)))
	})
	x := open()
	want(t, "place", indexed(t, x, chat.IndexView.Place), place)
	want(t, "pages", indexed(t, x, pagesOf("u:1", 0, 9)), []chat.IndexPage{indexPage("u:1", 1, 2)})
}

func indexCleared(t *testing.T, open Index) {
	x := open()
	indexUpdate(t, x, func(tx chat.IndexTx) error {
		return errors.Join(tx.PutPlace(chat.IndexPlace{Epoch: 1}), tx.PutPage(indexPage("u:1", 1)), tx.Clear())
	})
	want(t, "place", indexed(t, x, chat.IndexView.Place), chat.IndexPlace{})
	want(t, "pages", indexed(t, x, pagesOf("u:1", 0, 9)), nil)
}

func indexReplaced(t *testing.T, open Index) {
	x := open()
	put(t, x, indexPage("u:1", 1, 2, 3), indexPage("u:1", 9))
	again := indexPage("u:1", 1, 3)
	again.IDs = again.IDs[1:] // the first is gone
	put(t, x, again)
	indexUpdate(t, x, func(tx chat.IndexTx) error { return tx.DeletePage("u:1", 9) })
	want(t, "pages", indexed(t, x, pagesOf("u:1", 0, 9)), []chat.IndexPage{again})
}
