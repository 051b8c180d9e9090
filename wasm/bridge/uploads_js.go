package bridge

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall/js"

	"parley/proto"
	"parley/wasm/chat"
)

// KeptFiles are the files that pages keep to be sent.
type KeptFiles interface {
	Blob(ctx context.Context, key string) (js.Value, error)
	Keys(ctx context.Context) ([]string, error)
	Delete(ctx context.Context, keys []string) error
}

// uploads sends files to a server by tus 1.0 (https://tus.io), of which the core is three
// requests: so the outbox alone knows how far a message is, in any tab and after a reload. A
// client library of JavaScript would keep a state of its own beside it. The content goes from the
// browser's storage to the network as a Blob, and never into the program's memory.
type uploads struct {
	KeptFiles
	server string // its address
}

var _ chat.Files = uploads{}

// NewUploads returns what uploads kept files to a server, given by its address.
func NewUploads(server string, files KeptFiles) chat.Files { return uploads{files, server} }

// Begin implements chat.Files.
func (u uploads) Begin(ctx context.Context, token, _, name string, size uint64) (uint64, error) {
	response, err := u.ask(ctx, "POST", "", token, map[string]any{
		"Upload-Length":   strconv.FormatUint(size, 10),
		"Upload-Metadata": "filename " + base64.StdEncoding.EncodeToString([]byte(name)),
	}, js.Null())
	if err != nil {
		return 0, fmt.Errorf("begin an upload: %w", err)
	}
	location := headerOf(response, "Location")
	id, ok := proto.ParseID(location[strings.LastIndexByte(location, '/')+1:])
	if !ok {
		return 0, errElsewhere
	}
	return id, nil
}

// Offset implements chat.Files.
func (u uploads) Offset(ctx context.Context, token string, id uint64) (uint64, error) {
	response, err := u.ask(ctx, "HEAD", pathOf(id), token, nil, js.Null())
	if err != nil {
		return 0, fmt.Errorf("ask how far an upload is: %w", err)
	}
	return offsetOf(response)
}

// Append implements chat.Files.
func (u uploads) Append(ctx context.Context, token, key string, id, offset, n uint64) (uint64, error) {
	blob, err := u.Blob(ctx, key)
	if err != nil {
		return 0, err
	}
	part := blob.Call("slice", float64(offset), float64(offset+n))
	response, err := u.ask(ctx, "PATCH", pathOf(id), token, map[string]any{
		"Content-Type": "application/offset+octet-stream", "Upload-Offset": strconv.FormatUint(offset, 10),
	}, part)
	if errors.Is(err, errOffset) {
		return u.Offset(ctx, token, id) // it got there, and the answer did not
	}
	if err != nil {
		return 0, fmt.Errorf("go on with an upload: %w", err)
	}
	return offsetOf(response)
}

// Cancel implements chat.Files.
func (u uploads) Cancel(ctx context.Context, token string, id uint64) error {
	_, err := u.ask(ctx, "DELETE", pathOf(id), token, nil, js.Null())
	return err
}

// errOffset is that an upload does not stand where it was to go on.
var errOffset = errors.New("the upload stands elsewhere")

func pathOf(id uint64) string { return "/" + strconv.FormatUint(id, 10) }

func offsetOf(response js.Value) (uint64, error) {
	offset, err := strconv.ParseUint(headerOf(response, "Upload-Offset"), 10, 64)
	if err != nil {
		return 0, errElsewhere
	}
	return offset, nil
}

// ask makes a request of tus. The error wraps a *proto.Refusal if the server gave a reason.
func (u uploads) ask(ctx context.Context, method, path, token string, headers map[string]any, body js.Value) (response js.Value, err error) {
	abort := js.Global().Get("AbortController").New()
	stop := context.AfterFunc(ctx, func() { abort.Call("abort") })
	defer stop()
	all := map[string]any{"Authorization": "Bearer " + token, "Tus-Resumable": "1.0.0"}
	for name, value := range headers {
		all[name] = value
	}
	response, err = await(js.Global().Call("fetch", u.server+"/api/uploads"+path, map[string]any{
		"method": method, "headers": all, "body": body, "cache": "no-store", "credentials": "omit", "signal": abort.Get("signal"),
	}))
	var answer []byte
	if err == nil {
		answer, err = read(response.Get("body"))
	}
	switch {
	case ctx.Err() != nil:
		return response, ctx.Err()
	case err != nil:
		abort.Call("abort")
		return response, err
	case response.Get("ok").Bool() && headerOf(response, "Tus-Resumable") == "":
		return response, errElsewhere
	case response.Get("ok").Bool():
		return response, nil
	case response.Get("status").Int() == 409:
		return response, errOffset
	case method == "HEAD" && response.Get("status").Int() == 403 && headerOf(response, "Tus-Resumable") != "":
		return response, proto.Refuse(proto.NotAuthorized, "there is no such upload") // whose reason cannot have a body
	}
	wait := retryAfter(headerOf(response, "Retry-After"), headerOf(response, "Date"))
	return response, refusalOf(response.Get("status").Int(), answer).In(wait)
}
