package bridge

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"
)

// clearSiteData deletes what the browser keeps of the tab's site. Pages and
// workers that are opened from then on have other Web Locks than those before.
func (b *tab) clearSiteData(origin string) {
	b.t.Helper()
	err := chromedp.Do(b.ctx, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, storage.ClearDataForOrigin, storage.ClearDataForOriginParams{Origin: origin, StorageTypes: "all"})
		return err
	}))
	if err != nil {
		b.t.Fatal(err)
	}
}

func TestATabFromAfterTheDeletionOfTheSitesDataSharesTheEngineFromBefore(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]string{"SharedWorker": "", "leading tab": noSharedWorker} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			elder := s.openTab(t, before+connect)
			elder.eval(send)
			elder.clearSiteData(s.URL)
			younger := s.openTab(t, before+connect)
			if diff := cmp.Diff([]any{"hello"}, younger.eval(contents)); diff != "" {
				t.Errorf("the store was in memory, and another engine than the elder tab's has it (-want +got)\n%s", diff)
			}
			for i, b := range []*tab{younger, elder, younger} {
				content := fmt.Sprint("message ", i)
				b.eval(fmt.Sprintf(`
					const confirmed = T.event(p, 'messages', d => d.messages.some(m => m.content === %q && m.seq));
					await p.send(18446744073709551614n, %q);
					await confirmed;`, content, content))
			}
			for _, b := range []*tab{elder, younger} {
				if diff := cmp.Diff([]any{"hello", "message 0", "message 1", "message 2"}, b.eval(contents)); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
				if diff := cmp.Diff([]any{}, b.eval(`return log.filter(entry => /^(error|reset)/.test(entry))`)); diff != "" {
					t.Errorf("nothing was lost, and a tab was told (-want +got)\n%s", diff)
				}
			}
			if n := s.count("/parley.wasm"); n != 1 {
				t.Errorf("the program was loaded %d times", n)
			}
		})
	}
}

func TestATabFromAfterTheDeletionGoesOnWhenTheEngineFromBeforeEnds(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]string{"SharedWorker": "", "leading tab": noSharedWorker} {
		for how, end := range map[string]func(*tab){
			"its tab is closed": func(b *tab) { b.close() },
			"its tab crashes":   func(b *tab) { b.crash() },
		} {
			t.Run(name+", "+how, func(t *testing.T) {
				t.Parallel()
				s := newSiteApart(t)
				elder := s.openTab(t, before+connect)
				elder.eval(send)
				elder.clearSiteData(s.URL)
				younger := s.openTab(t, before+connect)
				younger.eval(send)
				end(elder)
				if got := younger.eval(send); got != "confirmed" {
					t.Errorf("a message is %v", got)
				}
			})
		}
	}
}

// Two engines come to be where the elder one was too slow to answer.
func TestTheElderOfTwoEnginesGivesWay(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.handle("/engine.js", replaced(t, "engine.js", "port.post({ here: true });", ""))
	elder := s.openTab(t, noSharedWorker+connect)
	elder.eval(send)
	elder.clearSiteData(s.URL)
	// The younger one answers, but is busy at first.
	s.handle("/engine.js", replaced(t, "engine.js", "port.post({ here: true });", "setTimeout(() => port.post({ here: true }), 1000);"))
	younger := s.openTab(t, noSharedWorker+connect)
	elder.until(`log.includes('reset')`)
	younger.eval(send) // the store was in memory: what the elder had is gone
	elder.eval(send)
	for _, b := range []*tab{elder, younger} {
		if diff := cmp.Diff([]any{"hello", "hello"}, b.eval(contents)); diff != "" {
			t.Errorf("they do not share one engine (-want +got)\n%s", diff)
		}
	}
	time.Sleep(4 * time.Second) // in which the elder's tab asks whether somebody has the lead; nothing tells that it has
	if n := s.count("/parley.wasm"); n != 2 {
		t.Errorf("the program was loaded %d times, want once by each", n)
	}
}
