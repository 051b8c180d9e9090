package bridge

import (
	"bytes"
	"context"
	"errors"
	"math"
	"reflect"
	"strings"
	"syscall/js"
	"testing"
	"time"

	"parley/proto"
)

// request is what the history asked for.
type request struct {
	url, accept, authorization string
	signal                     js.Value
	arrived                    chan struct{} // closed by the first request
}

// answerWith puts a function in the place of fetch that answers with a Response
// that the browser makes of chunks. With status 0 it never answers, but honours
// the signal.
func answerWith(t *testing.T, status int, contentType string, chunks ...[]byte) *request {
	t.Helper()
	return answerWithHeaders(t, status, map[string]any{"Content-Type": contentType}, chunks...)
}

func answerWithHeaders(t *testing.T, status int, headers map[string]any, chunks ...[]byte) *request {
	t.Helper()
	got := &request{arrived: make(chan struct{})}
	list := make([]any, len(chunks))
	for i, chunk := range chunks {
		array := js.Global().Get("Uint8Array").New(len(chunk))
		js.CopyBytesToJS(array, chunk)
		list[i] = array
	}
	record := js.FuncOf(func(_ js.Value, args []js.Value) any {
		headers := js.Global().Get("Headers").New(args[1].Get("headers"))
		got.url, got.signal = args[0].String(), args[1].Get("signal")
		got.accept = headers.Call("get", "Accept").String()
		got.authorization = headers.Call("get", "Authorization").String()
		close(got.arrived)
		return nil
	})
	fetch := js.Global().Get("Function").New("record", "status", "headers", "chunks", `
		return (url, init) => {
			record(url, init);
			if (!status) return new Promise((_, reject) => {
				const { signal } = init;
				if (signal.aborted) reject(signal.reason);
				else signal.addEventListener('abort', () => reject(signal.reason));
			});
			const body = new ReadableStream({
				pull(controller) {
					if (chunks.length) controller.enqueue(chunks.shift());
					else controller.close();
				},
			});
			return Promise.resolve(new Response(body, { status, headers }));
		};`).Invoke(record, status, headers, list)
	before := js.Global().Get("fetch")
	js.Global().Set("fetch", fetch)
	t.Cleanup(func() {
		js.Global().Set("fetch", before)
		record.Release()
	})
	return got
}

func ask(after, before uint64) ([]byte, error) {
	return history{"https://chat.example"}.Messages(context.Background(), "the-token", key, after, before, 50)
}

func TestHistoryAsksForTheRangeAndReadsAnAnswerInPieces(t *testing.T) {
	body := []byte(strings.Repeat("what the engine reads, ", 3))
	got := answerWith(t, 200, proto.ContentType, body[:1], body[1:40], body[40:])
	page, err := ask(1<<53, math.MaxUint64)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(page, body) {
		t.Errorf("page = %q", page)
	}
	want := "https://chat.example/api/conversations/" + key + "/messages?limit=50&after=9007199254740992&before=18446744073709551615"
	if got.url != want || got.accept != proto.ContentType || got.authorization != "Bearer the-token" {
		t.Errorf("asked %+v, want %s", got, want)
	}
}

func TestHistoryAfterASeqAsksForTheNewest(t *testing.T) {
	for _, c := range []struct {
		after, before uint64
		want          string
	}{
		{0, 0, "?limit=50"},
		{0, 9, "?limit=50&before=9"},
		{5, 0, "?limit=50&after=5&before=18446744073709551615"},
	} {
		got := answerWith(t, 200, proto.ContentType, []byte("a page"))
		if _, err := ask(c.after, c.before); err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(got.url, c.want) {
			t.Errorf("after %d, before %d: asked %s, want %s", c.after, c.before, got.url, c.want)
		}
	}
}

func TestARefusalOfTheHistoryGivesTheServersReason(t *testing.T) {
	for _, c := range []struct {
		name, contentType, body string
		status                  int
		want                    proto.Refusal
	}{
		{"a problem", "application/problem+json", `{"status":401,"title":"Unauthorized","detail":"the token is expired"}`, 401,
			proto.Refusal{Reason: proto.BadUserNameOrPassword, Text: "the token is expired"}},
		{"of somebody else's conversation", "application/problem+json", `{"detail":"not a conversation of yours"}`, 403,
			proto.Refusal{Reason: proto.NotAuthorized, Text: "not a conversation of yours"}},
		{"with what names the detail", "application/problem+json", `{"detail":"wait 5 seconds","code":"busy","args":["5",6]}`, 503,
			proto.Refusal{Reason: proto.ServerBusy, Text: "wait 5 seconds", Code: "busy", Args: []string{"5", ""}}},
		{"without detail", "application/problem+json", `{"title":"Too Many Requests"}`, 429,
			proto.Refusal{Reason: proto.QuotaExceeded, Text: "Too Many Requests"}},
		{"a detail that is a number", "application/problem+json", `{"detail":5}`, 503,
			proto.Refusal{Reason: proto.ServerBusy, Text: "the server answered HTTP 503", Code: "http-status", Args: []string{"503"}}},
		{"JSON that is null", "application/problem+json", `null`, 400,
			proto.Refusal{Reason: proto.UnspecifiedError, Text: "the server answered HTTP 400", Code: "http-status", Args: []string{"400"}}},
		{"a proxy's page", "text/html", `<h1>Bad gateway`, 502,
			proto.Refusal{Reason: proto.UnspecifiedError, Text: "the server answered HTTP 502", Code: "http-status", Args: []string{"502"}}},
		{"no body, which is not the server's", "text/plain", ``, 403,
			proto.Refusal{Reason: proto.UnspecifiedError, Text: "the server answered HTTP 403", Code: "http-status", Args: []string{"403"}}},
	} {
		answerWith(t, c.status, c.contentType, []byte(c.body))
		_, err := ask(0, 0)
		var refusal *proto.Refusal
		if !errors.As(err, &refusal) || !reflect.DeepEqual(*refusal, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, &c.want)
		}
	}
}

func TestARefusalOfTheHistoryTellsHowLongItLasts(t *testing.T) {
	const date = "Thu, 26 Nov 2026 07:00:00 GMT"
	for _, c := range []struct {
		headers map[string]any
		want    time.Duration
	}{
		{map[string]any{"Retry-After": "90"}, 90 * time.Second},
		{map[string]any{"Retry-After": "Thu, 26 Nov 2026 07:02:00 GMT", "Date": date}, 2 * time.Minute},
		{map[string]any{"Retry-After": "Thu, 26 Nov 2026 07:02:00 GMT"}, 0},
		{map[string]any{}, 0},
	} {
		answerWithHeaders(t, 429, c.headers, []byte(`<html>Slow down</html>`))
		_, err := ask(0, 0)
		var refusal *proto.Refusal
		if !errors.As(err, &refusal) || refusal.Reason != proto.QuotaExceeded || refusal.Retry != c.want {
			t.Errorf("%v: %v, want %v", c.headers, err, c.want)
		}
	}
}

func TestAnAnswerOfAnotherKindOrBeyondMeasureIsRefused(t *testing.T) {
	answerWith(t, 200, "text/html", []byte("<!doctype html>"))
	if _, err := ask(0, 0); !errors.Is(err, errElsewhere) {
		t.Errorf("a web page: %v", err)
	}
	answerWithHeaders(t, 200, map[string]any{}, []byte("hello"))
	if _, err := ask(0, 0); !errors.Is(err, errElsewhere) {
		t.Errorf("nobody knows what: %v", err)
	}
	chunk := make([]byte, 1<<20)
	chunks := make([][]byte, maxHistory/len(chunk)+1)
	for i := range chunks {
		chunks[i] = chunk
	}
	got := answerWith(t, 200, proto.ContentType, chunks...)
	if _, err := ask(0, 0); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("an answer that is too long: %v", err)
	}
	if !got.signal.Get("aborted").Bool() {
		t.Error("the rest of it is still being loaded")
	}
}

func TestHistoryEndsWithItsContext(t *testing.T) {
	got := answerWith(t, 0, "")
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-got.arrived
		cancel()
	}()
	_, err := history{"https://chat.example"}.Messages(ctx, "t", key, 0, 0, 50)
	if !errors.Is(err, context.Canceled) || !got.signal.Get("aborted").Bool() {
		t.Errorf("err = %v, aborted = %v", err, got.signal.Get("aborted"))
	}
}

func TestAnUnreachableServerIsAnErrorWithoutARefusal(t *testing.T) {
	_, err := history{"http://127.0.0.1:1"}.Messages(t.Context(), "t", key, 0, 0, 50)
	var refusal *proto.Refusal
	if err == nil || errors.As(err, &refusal) {
		t.Errorf("err = %v", err)
	}
}

func TestPostedBytesReachAMessagePort(t *testing.T) {
	// The host's post, with real ports.
	channel := js.Global().Get("MessageChannel").New()
	arrived := make(chan []byte, 1)
	listener := js.FuncOf(func(_ js.Value, args []js.Value) any {
		data := args[0].Get("data")
		b := make([]byte, data.Length())
		js.CopyBytesToGo(b, data)
		arrived <- b
		return nil
	})
	defer listener.Release()
	channel.Get("port2").Set("onmessage", listener)
	host := js.Global().Get("Function").New("port", `return {
		post: (bytes, ...numbers) => { if (numbers.join() === '4,7') port.postMessage(bytes, [bytes.buffer]); },
	}`).Invoke(channel.Get("port1"))
	want := pack(record{"id": uint64(math.MaxUint64)})
	poster(host)(want, []int{4, 7})
	if got := <-arrived; string(got) != string(want) {
		t.Errorf("got %x, want %x", got, want)
	}
	channel.Get("port1").Call("close")
}
