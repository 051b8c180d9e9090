package startup

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"parley/proto"
)

// A burst is so many messages, one every so often.
const (
	burst      = 2_000
	burstEvery = 5 * time.Millisecond
)

// watchBurst notes in each frame which messages stand at the end of the list, and how
// long the frame took; and of each key how long it was until what it did was painted.
const watchBurst = `() => {
	const seen = {}, frames = [], keys = [];
	let last = performance.now(), high = 0;
	const frame = now => {
		frames.push(now - last);
		last = now;
		const rows = document.querySelectorAll('[role=log] [data-seq]');
		for (let i = rows.length; i-- && Number(rows[i].dataset.seq) > high;) seen[rows[i].dataset.seq] = Date.now();
		high = Math.max(high, Number(rows[rows.length - 1].dataset.seq));
		requestAnimationFrame(frame);
	};
	requestAnimationFrame(frame);
	const elements = () => document.querySelectorAll('*').length;
	addEventListener('keydown', ({ timeStamp }) => requestAnimationFrame(() => setTimeout(() => keys.push(performance.now() - timeStamp))), true);
	window.burst = () => ({ seen, frames, keys, elements: elements() });
	return true;
}`

// seenBurst is what watchBurst noted.
type seenBurst struct {
	Seen     map[string]int64 // Unix milliseconds by seq
	Frames   []float64        // ms
	Keys     []float64        // ms
	Elements int
}

// BenchmarkBurst lets Bob write 200 messages a second to Anna, whose list of thousands is
// at its end, and reports how far the page falls behind the server, how long its frames
// and keys take, and how many elements it has. Anna types meanwhile.
func BenchmarkBurst(b *testing.B) {
	anna, bob := newReader(b, inOne, 0, 0)
	key := proto.DirectKey(anna.id, bob.id).String()
	var behind, frames, keys []float64
	var elements int
	for head := inOne; b.Loop(); head += burst {
		call[bool](anna.tab, watchBurst)
		call[bool](anna.tab, `() => { document.querySelector('message-composer textarea').focus(); return true }`)
		ctx, end := context.WithCancel(b.Context())
		typed := make(chan struct{})
		go func() {
			defer close(typed)
			for ctx.Err() == nil {
				anna.do(chromedp.KeyEvent("x"))
				time.Sleep(500 * time.Millisecond)
			}
		}()
		bob.writeEvery(b, anna.address, anna.guest, burst, burstEvery)
		end()
		<-typed
		anna.await("the newest message at the end", atEnd, head+burst)
		// The newest is seen by a frame.
		got := call[seenBurst](anna.tab, `() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(burst()))))`)
		var latest float64
		seen := int64(math.MaxInt64) // when what stands here or below was
		for _, m := range slices.Backward(anna.created(b, key, head)) {
			if at, told := got.Seen[m.Seq]; told {
				seen = min(seen, at)
			}
			latest = max(latest, float64(seen-m.created(b)))
		}
		behind = append(behind, latest)
		frames = append(frames, percentile(got.Frames, 95))
		keys = append(keys, percentile(got.Keys, 100))
		elements = got.Elements
		anna.await("everything to count as read", `() => !document.querySelector('[data-unread]:not([data-unread="0"])')`)
		anna.reload()
		anna.await("the newest message at the end", atEnd, head+burst)
	}
	b.ReportMetric(median(behind), "ms-behind")
	b.ReportMetric(median(frames), "ms-frame-p95")
	b.ReportMetric(median(keys), "ms-key")
	b.ReportMetric(float64(elements), "elements")
}

// storedMessage is a message as the history has it.
type storedMessage struct {
	Seq        string
	CreateTime string `json:"create_time"`
}

func (m storedMessage) created(t testing.TB) (ms int64) {
	if _, err := fmt.Sscan(m.CreateTime, &ms); err != nil {
		t.Fatal(err)
	}
	return ms
}

// created returns the messages of a conversation after a seq.
func (r *reader) created(t testing.TB, key string, after int) (all []storedMessage) {
	t.Helper()
	for {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
			fmt.Sprintf("http://%s/api/conversations/%s/messages?after=%d&limit=500", r.address, key, after+len(all)), nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+r.token)
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		var page struct{ Messages []storedMessage }
		if err == nil {
			err = json.Unmarshal(text, &page)
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Messages) == 0 {
			return all
		}
		all = append(all, page.Messages...)
	}
}
