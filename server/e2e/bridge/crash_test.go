package bridge

import (
	"context"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"
)

// crash kills the process of a tab, and with it the SharedWorker if that
// process is where the browser runs it.
func (b *tab) crash() {
	ctx, cancel := context.WithTimeout(b.ctx, time.Second)
	defer cancel()
	_, _ = chromedp.Call(ctx, page.Crash, cdp.Empty{}) // nobody is left to answer
	b.close()
}

func TestATabOutlivesTheCrashOfTheTabBesideIt(t *testing.T) {
	t.Parallel()
	s := newSiteApart(t)
	// Whichever is the first, the worker runs in its process.
	crashes := s.openTab(t, connect)
	for range 2 {
		survivor := s.openTab(t, connect)
		crashes.crash()
		survivor.until(`log.includes('reset')`)
		if got := survivor.eval(send); got != "confirmed" {
			t.Errorf("a message is %v", got)
		}
		if diff := cmp.Diff([]any{"hello"}, survivor.eval(contents)); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		crashes = survivor
	}
}
