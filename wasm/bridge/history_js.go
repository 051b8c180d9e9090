package bridge

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"syscall/js"

	"parley/proto"
	"parley/wasm/chat"
)

// maxHistory bounds an answer of the history, in bytes: MaxPage of the longest
// entries, with room for their other fields.
const maxHistory = proto.MaxPage * (proto.MaxContent + proto.MaxExtend + 1024)

// history asks a server's history with the browser's fetch; net/http would add
// 0.8 MB of Brotli to the program.
type history struct {
	server string // its address
}

var _ chat.History = history{}

// Messages implements chat.History.
func (h history) Messages(ctx context.Context, token, key string, after, before uint64, limit int) (page []byte, err error) {
	url := h.server + "/api/conversations/" + key + "/messages?limit=" + strconv.Itoa(limit)
	if after != 0 {
		url += "&after=" + strconv.FormatUint(after, 10)
	}
	if after != 0 && before == 0 {
		before = math.MaxUint64 // with after alone the server gives the oldest of them
	}
	if before != 0 {
		url += "&before=" + strconv.FormatUint(before, 10)
	}
	return entries(ctx, key, url, token)
}

// Revised implements chat.History.
func (h history) Revised(ctx context.Context, token, key string, after uint64, limit int) (page []byte, err error) {
	return entries(ctx, key, h.server+"/api/conversations/"+key+"/messages?limit="+strconv.Itoa(limit)+"&revised_after="+strconv.FormatUint(after, 10), token)
}

func entries(ctx context.Context, key, url, token string) (page []byte, err error) {
	if page, err = get(ctx, url, token); err != nil {
		return nil, fmt.Errorf("history of %s: %w", key, err)
	}
	return page, nil
}

// Search implements chat.History.
func (h history) Search(ctx context.Context, token string, q chat.Query, limit int) (answer []byte, err error) {
	address := h.server + "/api/search?limit=" + strconv.Itoa(limit)
	for _, text := range []struct{ name, value string }{{"q", q.Text}, {"key", q.Key}, {"kind", string(q.Kind)}} {
		if text.value != "" {
			address += "&" + text.name + "=" + url.QueryEscape(text.value)
		}
	}
	for _, number := range []struct {
		name  string
		value uint64
	}{{"sender", q.Sender}, {"from", q.From}, {"to", q.To}, {"before", q.Before}} {
		if number.value != 0 && number.value != math.MaxUint64 {
			address += "&" + number.name + "=" + strconv.FormatUint(number.value, 10)
		}
	}
	if answer, err = get(ctx, address, token); err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	return answer, nil
}

// Group implements chat.History.
func (h history) Group(ctx context.Context, token string, group uint64) (roster []byte, err error) {
	roster, err = get(ctx, h.server+"/api/groups/"+strconv.FormatUint(group, 10), token)
	if err != nil {
		return nil, fmt.Errorf("members of group %d: %w", group, err)
	}
	return roster, nil
}

// get returns the body of a successful answer. The error wraps a
// *proto.Refusal if the server gave a reason.
func get(ctx context.Context, url, token string) (body []byte, err error) {
	abort := js.Global().Get("AbortController").New()
	stop := context.AfterFunc(ctx, func() { abort.Call("abort") })
	defer stop()
	response, err := await(js.Global().Call("fetch", url, map[string]any{
		"headers": map[string]any{
			"Accept":        proto.ContentType,
			"Authorization": "Bearer " + token,
		},
		"cache":       "no-store",
		"credentials": "omit",
		"signal":      abort.Get("signal"),
	}))
	if err == nil {
		body, err = read(response.Get("body"))
	}
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		abort.Call("abort")
		return nil, err
	case !response.Get("ok").Bool():
		wait := retryAfter(headerOf(response, "Retry-After"), headerOf(response, "Date"))
		return nil, refusalOf(response.Get("status").Int(), body).In(wait)
	case headerOf(response, "Content-Type") != proto.ContentType:
		return nil, errElsewhere
	}
	return body, nil
}

// headerOf returns a header of a Response, "" if it has none or this page may not see it.
func headerOf(response js.Value, name string) string {
	if v := response.Get("headers").Call("get", name); v.Type() == js.TypeString {
		return v.String()
	}
	return ""
}

// errElsewhere is for a success that the server does not answer with, as where
// a network wants people to sign in to it first.
var errElsewhere = proto.Refuse(proto.UnspecifiedError,
	"something else answered in the server's place: if this network asks to sign in, do that first").Named("network-sign-in")

// read reads a ReadableStream to its end.
func read(stream js.Value) ([]byte, error) {
	if stream.IsNull() {
		return nil, nil
	}
	reader := stream.Call("getReader")
	var body []byte
	for {
		chunk, err := await(reader.Call("read"))
		if err != nil {
			return nil, err
		}
		if chunk.Get("done").Bool() {
			return body, nil
		}
		value := chunk.Get("value")
		n, size := len(body), value.Get("byteLength").Int()
		if n+size > maxHistory {
			return nil, fmt.Errorf("the answer is longer than %d bytes", maxHistory)
		}
		body = append(body, make([]byte, size)...)
		js.CopyBytesToGo(body[n:], value)
	}
}

// refusalOf makes a refusal of an answer that is not a success: with the
// detail of its problem document (RFC 9457), if it is one.
func refusalOf(status int, body []byte) *proto.Refusal {
	why := problemOf(body)
	own := why.Text != ""
	if !own {
		why = chat.Reason{Text: "the server answered HTTP " + strconv.Itoa(status), Code: "http-status", Args: []string{strconv.Itoa(status)}}
	}
	return &proto.Refusal{Reason: chat.ReasonOfStatus(status, own), Text: why.Text, Code: why.Code, Args: why.Args}
}

// problemOf returns the detail of a problem document, else its title, and what names
// it; nothing if there is none.
func problemOf(body []byte) (why chat.Reason) {
	problem, err := parseJSON(string(body))
	if err != nil || problem.Type() != js.TypeObject {
		return why
	}
	if why.Text = text(problem.Get("detail")); why.Text == "" {
		why.Text = text(problem.Get("title"))
	}
	why.Code = text(problem.Get("code"))
	if args := problem.Get("args"); args.InstanceOf(js.Global().Get("Array")) {
		for i := range min(args.Length(), maxArgs) {
			why.Args = append(why.Args, text(args.Index(i)))
		}
	}
	return why
}

// maxArgs is how many arguments of a sentence are taken from a server.
const maxArgs = 8

// text is a string of JavaScript, "" if it is none.
func text(v js.Value) string {
	if v.Type() != js.TypeString {
		return ""
	}
	return v.String()
}

func parseJSON(text string) (v js.Value, err error) {
	defer func() {
		if thrown, ok := recover().(js.Error); ok {
			err = thrown
		}
	}()
	return js.Global().Get("JSON").Call("parse", text), nil
}

// await waits for a promise. It must not be called on the loop.
func await(promise js.Value) (js.Value, error) {
	type outcome struct {
		value js.Value
		err   error
	}
	settled := make(chan outcome, 1)
	resolve := js.FuncOf(func(_ js.Value, args []js.Value) any {
		settled <- outcome{value: args[0]}
		return nil
	})
	defer resolve.Release()
	reject := js.FuncOf(func(_ js.Value, args []js.Value) any {
		settled <- outcome{err: errors.New(messageOf(args[0]))}
		return nil
	})
	defer reject.Release()
	promise.Call("then", resolve, reject)
	o := <-settled
	return o.value, o.err
}

// messageOf words what a promise was rejected with; String on a BigInt would panic.
func messageOf(reason js.Value) string {
	return js.Global().Call("String", reason).String()
}
