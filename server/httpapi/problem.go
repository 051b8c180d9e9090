package httpapi

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"parley/proto"
)

// problem is why a request is not answered (RFC 9457). Detail names what was
// wrong and what to do, and holds nothing of what the client sent.
type problem struct {
	Status int
	Detail string
	// Code and Args name what Detail says, as those of a proto.Refusal.
	Code string
	Args []string
	// Retry says after how long the same may be sent again; 0 never, as it is.
	Retry time.Duration
	// Challenge is the WWW-Authenticate header of a 401.
	Challenge string
}

func (p *problem) Error() string { return p.Detail }

func badRequest(detail string) *problem {
	return &problem{Status: http.StatusBadRequest, Detail: detail}
}

func tooFast(wait time.Duration) *problem {
	return &problem{Status: http.StatusTooManyRequests, Detail: "too many requests: wait a moment", Code: "too-fast", Retry: wait}
}

// problemOf words an error for the client. known is false for errors that it
// is not told about.
func problemOf(err error) (p *problem, known bool) {
	if errors.As(err, &p) {
		return p, true
	}
	var refusal *proto.Refusal
	if !errors.As(err, &refusal) {
		return &problem{Status: http.StatusInternalServerError, Detail: "something went wrong here: try again later", Code: "server-failed"}, false
	}
	p = &problem{Status: http.StatusBadRequest, Detail: refusal.Text, Code: refusal.Code, Args: refusal.Args}
	switch refusal.Reason {
	case proto.NotAuthorized:
		p.Status = http.StatusForbidden
	case proto.ImplementationSpecific:
		p.Status = http.StatusNotImplemented
	case proto.MessageRateTooHigh, proto.QuotaExceeded:
		p.Status = http.StatusTooManyRequests
	case proto.PacketTooLarge:
		p.Status = http.StatusRequestEntityTooLarge
	case proto.UnspecifiedError, proto.ServerBusy, proto.ServerShuttingDown:
		p.Status = http.StatusServiceUnavailable
	}
	if status := statusOf[refusal.Code]; status != 0 {
		p.Status = status
	}
	if refusal.Reason.Temporary() {
		p.Retry = max(time.Second, refusal.Retry)
	}
	return p, true
}

// statusOf are the statuses of refusals for which HTTP has one of its own.
var statusOf = map[string]int{
	"note-gone":             http.StatusNotFound,
	"reply-gone":            http.StatusNotFound,
	"reply-changed":         http.StatusPreconditionFailed,
	"nothing-said":          http.StatusConflict,
	"uploads-full":          http.StatusRequestEntityTooLarge,
	"too-many-notes":        http.StatusConflict,
	"too-many-replies":      http.StatusConflict,
	"attachment-gone":       http.StatusForbidden,
	"attachment-unfinished": http.StatusConflict,
	"attachment-no-picture": http.StatusUnsupportedMediaType,
	"last-owner":            http.StatusConflict,
	"not-a-member":          http.StatusConflict,
	"group-full":            http.StatusConflict,
}

// refuse answers with a problem document and logs the refusal once, without
// what the request held.
func (a *api) refuse(w http.ResponseWriter, r *http.Request, err error) {
	p, known := problemOf(err)
	if !known {
		a.Log.Error("request failed", "method", r.Method, "route", r.Pattern, "error", err)
	} else {
		a.Log.Info("request refused", "method", r.Method, "route", r.Pattern,
			"status", p.Status, "reason", p.Detail, "remote", r.RemoteAddr)
	}
	h := w.Header()
	if p.Challenge != "" {
		h.Set("WWW-Authenticate", p.Challenge)
	}
	if p.Retry > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(p.Retry.Seconds()))))
	}
	body, err := json.Marshal(struct {
		Type   string   `json:"type"`
		Title  string   `json:"title"`
		Status int      `json:"status"`
		Detail string   `json:"detail"`
		Code   string   `json:"code,omitempty"`
		Args   []string `json:"args,omitempty"`
	}{"about:blank", http.StatusText(p.Status), p.Status, p.Detail, p.Code, p.Args})
	if err != nil { // strings and an int always encode
		a.Log.Error("encode a problem", "error", err)
	}
	send(w, "application/problem+json", p.Status, body)
}
