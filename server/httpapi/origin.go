package httpapi

import "net/http"

// share lets a page of an allowed origin read the answer. Others need nothing
// said: their browsers keep the answer from them.
func (a *api) share(w http.ResponseWriter, r *http.Request) bool {
	if len(a.Origins) == 0 {
		return false
	}
	w.Header().Add("Vary", "Origin")
	from := r.Header.Get("Origin")
	if !a.Origins.Allow(from) {
		return false
	}
	w.Header().Set("Access-Control-Allow-Origin", from)
	w.Header().Set("Access-Control-Expose-Headers", "Retry-After, ETag, Location, Tus-Resumable, Upload-Offset, Upload-Length")
	return true
}

// preflight tells a browser what a page may send. No cookies: they mean
// nothing here.
func (a *api) preflight(w http.ResponseWriter, r *http.Request, methods string) {
	h := w.Header()
	if a.share(w, r) {
		h.Set("Access-Control-Allow-Methods", methods)
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Accept, If-Match, Range, Tus-Resumable, Upload-Length, Upload-Metadata, Upload-Offset")
		h.Set("Access-Control-Max-Age", "600")
	}
	h.Set("Allow", methods)
	w.WriteHeader(http.StatusNoContent)
}
