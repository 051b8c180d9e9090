package startup

import (
	"context"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// manyStored is how many messages the conversation of BenchmarkFling has, all in the browser.
const manyStored = 100_000

// watchFrames keeps how long each frame took, and the most elements that the page had.
const watchFrames = `() => {
	const frames = [];
	let last, elements = 0, going = true;
	const frame = now => {
		if (last) frames.push(now - last);
		last = now;
		elements = Math.max(elements, document.querySelectorAll('*').length);
		if (going) requestAnimationFrame(frame);
	};
	requestAnimationFrame(frame);
	window.seenFrames = () => {
		going = false;
		const first = document.querySelector('[role=log] [data-seq]');
		return { frames, elements, first: Number(first?.dataset.seq) };
	};
	return true;
}`

// BenchmarkFling turns the wheel over a conversation of 100,000 messages, from its end
// upwards, a notch of 120 px every 16 ms for some seconds, and then flings it as a finger
// does; it reports how long frames take, how many elements the page has, and how far it came.
func BenchmarkFling(b *testing.B) {
	anna, _ := newReader(b, manyStored, 0, 0)
	var wheel, fling []float64
	var elements, far float64
	for b.Loop() {
		// A reload keeps the place, which is far above the second time.
		call[bool](anna.tab, `() => { document.querySelector('message-list .down:not([hidden])')?.click(); return true }`)
		anna.await("the newest message at the end", atEnd, manyStored)
		anna.reload()
		anna.await("the newest message at the end, after a reload", atEnd, manyStored)
		call[bool](anna.tab, watchFrames)
		anna.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
			for range 300 {
				if _, err := cdp.Call(ctx, target, input.DispatchMouseEvent, input.DispatchMouseEventParams{
					Type: input.DispatchMouseEventTypeMouseWheel, X: 700, Y: 400, DeltaX: 0.001, DeltaY: -120, // DeltaX would be left out if it were 0
				}); err != nil {
					return err
				}
			}
			return nil
		}))
		got := call[seenFrames](anna.tab, `() => seenFrames()`)
		wheel = append(wheel, percentile(got.Frames, 95))
		elements = max(elements, got.Elements)
		call[bool](anna.tab, watchFrames)
		anna.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
			for range 10 {
				if _, err := cdp.Call(ctx, target, input.SynthesizeScrollGesture, input.SynthesizeScrollGestureParams{
					X: 700, Y: 200, YDistance: 450, Speed: 8000, GestureSourceType: input.GestureSourceTypeTouch,
				}); err != nil {
					return err
				}
			}
			return nil
		}))
		got = call[seenFrames](anna.tab, `() => seenFrames()`)
		fling = append(fling, percentile(got.Frames, 95))
		elements = max(elements, got.Elements)
		far = manyStored - got.First
	}
	b.ReportMetric(median(wheel), "ms-wheel-p95")
	b.ReportMetric(median(fling), "ms-fling-p95")
	b.ReportMetric(elements, "elements")
	b.ReportMetric(far, "messages")
}

// seenFrames is what watchFrames noted.
type seenFrames struct {
	Frames   []float64 // ms
	Elements float64
	First    float64 // the seq of the first message in the list
}
