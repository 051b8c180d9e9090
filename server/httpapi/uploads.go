package httpapi

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"
	"github.com/tus/tusd/v2/pkg/memorylocker"
	"golang.org/x/exp/slog"

	"parley/proto"
	"parley/server/attachment"
	"parley/server/auth"
	"parley/server/chat"
)

const (
	// transferWidth is how many uploads and downloads of one user are in work at a time, and
	// transferLength how many wait: apart from their other requests, which they do not hold up.
	transferWidth, transferLength = 4, 64
	// transferTime is how long an upload may be silent, and downloadTime how long a download
	// may take.
	transferTime = 30 * time.Second
	downloadTime = 10 * time.Minute
)

// routeUploads serves tus 1.0 (https://tus.io/protocols/resumable-upload): creation, with the
// first bytes if the client likes, and termination. An upload is its user's: to others it is
// not there. Its expiration is a day after it grew the last time.
func (a *api) routeUploads(mux *http.ServeMux) error {
	composer := handler.NewStoreComposer()
	uploads := tusStore{a.Attachments}
	composer.UseCore(uploads)
	composer.UseTerminater(uploads)
	memorylocker.New().UseIn(composer)
	tus, err := handler.NewUnroutedHandler(handler.Config{
		StoreComposer: composer, BasePath: "/api/uploads/", DisableDownload: true, DisableConcatenation: true,
		Cors: &handler.CorsConfig{Disable: true}, NetworkTimeout: transferTime, GracefulRequestCompletionTimeout: time.Second,
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), // refusals are logged here
	})
	if err != nil {
		return fmt.Errorf("httpapi: %w", err)
	}
	through := func(serve http.HandlerFunc) http.Handler {
		return a.transfer(http.StripPrefix("/api/uploads", tus.Middleware(serve)))
	}
	a.handle(mux, "/api/uploads", map[string]http.Handler{
		http.MethodGet: a.answering(http.MethodGet, a.signedIn(1, a.uploadLimits)), http.MethodPost: through(tus.PostFile),
		http.MethodOptions: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h := w.Header()
			h.Set("Tus-Resumable", "1.0.0")
			h.Set("Tus-Version", "1.0.0")
			h.Set("Tus-Extension", tus.SupportedExtensions())
			h.Set("Tus-Max-Size", decimal(a.Service.UploadLimits().Largest))
			a.preflight(w, r, "GET, HEAD, POST, OPTIONS")
		}),
	})
	a.handle(mux, "/api/uploads/{id}", map[string]http.Handler{
		http.MethodHead: through(tus.HeadFile), http.MethodPatch: through(tus.PatchFile), http.MethodDelete: through(tus.DelFile),
	})
	return nil
}

// uploadLimits tells what a client may say before an upload begins; "0" is no bound. It stands
// for what tus tells in OPTIONS, which pages of other sites cannot read.
func (a *api) uploadLimits(r *http.Request, who auth.User) (any, error) {
	return struct {
		Largest string `json:"max_size"` // bytes
		Files   int    `json:"max_attachments"`
	}{decimal(a.Service.UploadLimits().Largest), proto.MaxAttachments}, nil
}

// transfer finds out who asks, and lets them have their turn among their transfers.
func (a *api) transfer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		leave, who, ok := a.letIn(w, r)
		if !ok {
			return
		}
		defer leave()
		next.ServeHTTP(&tusWriter{ResponseWriter: w, api: a, request: r}, r.WithContext(context.WithValue(r.Context(), senderKey{}, senderOf(who))))
	})
}

// letIn finds out who asks for a transfer, and waits for their turn, or refuses. Whoever was let
// in calls leave.
func (a *api) letIn(w http.ResponseWriter, r *http.Request) (leave func(), who auth.User, ok bool) {
	a.share(w, r)
	leave, who, err := a.turn(r)
	if err != nil {
		a.hold(r.Context(), err)
		a.refuse(w, r, err)
	}
	return leave, who, err == nil
}

// turn waits for a user's turn. Whoever was let in calls leave.
func (a *api) turn(r *http.Request) (leave func(), who auth.User, err error) {
	ctx, cancel := context.WithTimeout(r.Context(), a.Timeout)
	defer cancel()
	if who, err = a.bearer(r.WithContext(ctx)); err != nil {
		return nil, who, err
	}
	if wait := a.requests.take(fmt.Sprint(who.ID), 1); wait > 0 {
		return nil, who, tooFast(wait)
	}
	leave, err = a.transfers.enter(ctx, who.ID)
	if err != nil {
		err = &problem{Status: http.StatusTooManyRequests, Retry: time.Second,
			Detail: "too many of your uploads and downloads at once: wait for earlier ones, then try again", Code: "too-fast"}
	}
	return leave, who, err
}

// senderKey is under what a request's context holds its chat.Sender.
type senderKey struct{}

func senderIn(ctx context.Context) chat.Sender {
	who, _ := ctx.Value(senderKey{}).(chat.Sender)
	return who
}

// tusStore is an attachment.Service as tusd asks for one.
type tusStore struct{ attachments *attachment.Service }

var (
	_ handler.DataStore           = tusStore{}
	_ handler.TerminaterDataStore = tusStore{}
)

// NewUpload implements handler.DataStore.
func (s tusStore) NewUpload(ctx context.Context, info handler.FileInfo) (handler.Upload, error) {
	a, err := s.attachments.Begin(ctx, senderIn(ctx), info.MetaData["filename"], uint64(info.Size))
	if err != nil {
		return nil, tusError(err)
	}
	return &tusUpload{s.attachments, a}, nil
}

// GetUpload implements handler.DataStore.
func (s tusStore) GetUpload(ctx context.Context, id string) (handler.Upload, error) {
	n, ok := proto.ParseID(id)
	if !ok {
		return nil, tusError(badRequest("the id in the address is not a number above 0 in decimal digits"))
	}
	a, err := s.attachments.Uploads.Upload(ctx, senderIn(ctx), n)
	if err != nil {
		return nil, tusError(err)
	}
	return &tusUpload{s.attachments, a}, nil
}

// AsTerminatableUpload implements handler.TerminaterDataStore.
func (s tusStore) AsTerminatableUpload(upload handler.Upload) handler.TerminatableUpload {
	return upload.(*tusUpload)
}

// tusUpload is one upload, as tusd asks for it.
type tusUpload struct {
	attachments *attachment.Service
	chat.Attachment
}

// GetInfo implements handler.Upload.
func (u *tusUpload) GetInfo(context.Context) (handler.FileInfo, error) {
	return handler.FileInfo{ID: decimal(u.ID), Size: int64(u.Size), Offset: int64(u.Offset)}, nil
}

// WriteChunk implements handler.Upload. tusd takes what the client does wrong for the end of
// src, and tells the client.
func (u *tusUpload) WriteChunk(ctx context.Context, _ int64, src io.Reader) (int64, error) {
	n, err := u.attachments.Append(ctx, u.Attachment, src)
	if err != nil {
		err = tusError(err)
	}
	return int64(n), err
}

// FinishUpload implements handler.Upload: the last chunk did that.
func (u *tusUpload) FinishUpload(context.Context) error { return nil }

// GetReader implements handler.Upload. Nobody asks: downloads are GET /api/attachments/{id}.
func (u *tusUpload) GetReader(context.Context) (io.ReadCloser, error) {
	return nil, tusError(badRequest("read it as /api/attachments/{id}"))
}

// Terminate implements handler.TerminatableUpload.
func (u *tusUpload) Terminate(ctx context.Context) error {
	if err := u.attachments.Uploads.CancelUpload(ctx, senderIn(ctx), u.ID); err != nil {
		return tusError(err)
	}
	return nil
}

// tusError lets tusd answer with a problem.
func tusError(err error) error {
	p, _ := problemOf(err)
	return handler.Error{ErrorCode: "ERR_REFUSED", Message: err.Error(), HTTPResponse: handler.HTTPResponse{
		StatusCode: p.Status, Body: p.Detail,
		Header: handler.HTTPHeader{"Content-Type": "text/plain", codeHeader: p.Code, argsHeader: strings.Join(p.Args, " "), retryHeader: p.Retry.String()},
	}}
}

// What becomes of a problem on its way through tusd, to tusWriter and no further.
const codeHeader, argsHeader, retryHeader = "X-Code", "X-Args", "X-Retry"

// tusWriter words tusd's errors as problem documents, and lets an upload's address be relative:
// a proxy may have taken part of the path away.
type tusWriter struct {
	http.ResponseWriter
	api     *api
	request *http.Request
	problem *problem // that the body is the detail of; nil: none
}

// Unwrap lets tusd set deadlines.
func (w *tusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (w *tusWriter) WriteHeader(status int) {
	h := w.Header()
	if status < http.StatusBadRequest {
		if id := h.Get("Location"); id != "" {
			h.Set("Location", "uploads/"+id[strings.LastIndexByte(id, '/')+1:])
		}
		keep(h)
		w.ResponseWriter.WriteHeader(status)
		return
	}
	w.problem = &problem{Status: status, Code: h.Get(codeHeader), Args: strings.Fields(h.Get(argsHeader))}
	w.problem.Retry, _ = time.ParseDuration(h.Get(retryHeader)) // absent in tusd's own
	for _, name := range []string{codeHeader, argsHeader, retryHeader, "Content-Type"} {
		h.Del(name)
	}
	if w.request.Method == http.MethodHead { // without a body: this alone says that it is Parley's answer
		h.Set("Tus-Resumable", "1.0.0")
		w.api.refuse(w.ResponseWriter, w.request, w.problem)
	}
}

// Write implements http.ResponseWriter.
func (w *tusWriter) Write(body []byte) (int, error) {
	if w.problem == nil {
		return w.ResponseWriter.Write(body)
	}
	w.problem.Detail = strings.TrimSpace(string(body))
	w.api.refuse(w.ResponseWriter, w.request, w.problem)
	return len(body), nil
}
