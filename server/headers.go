package main

import (
	"fmt"
	"net/http"
	"time"
)

// features are what no page of this server uses, so that one that was broken
// into, or a frame in it, cannot either (Permissions Policy). Voice messages take the microphone,
// which the browser asks the person for.
const features = "accelerometer=(), browsing-topics=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), " +
	"magnetometer=(), microphone=(self), midi=(), payment=(), serial=(), usb=(), xr-spatial-tracking=()"

// hardened puts on every answer what is right for all of them, errors and those
// of the mux included; handlers say more. hsts is for how long browsers are to
// come back over TLS only (RFC 6797), 0 for not to be told: over plain HTTP they
// would not believe it, and the proxy in front that speaks TLS may say it itself.
func hardened(h http.Handler, hsts time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Permissions-Policy", features)
		if hsts > 0 {
			header.Set("Strict-Transport-Security", fmt.Sprintf("max-age=%d", int64(hsts/time.Second)))
		}
		h.ServeHTTP(w, r)
	})
}
