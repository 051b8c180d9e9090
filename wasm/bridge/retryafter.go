package bridge

import (
	"strconv"
	"strings"
	"time"
)

// maxRetry is the longest wait that is told, enough for whoever waits to bound it.
const maxRetry = 365 * 24 * time.Hour

// httpDates are the forms of a date that RFC 9110, section 5.6.7, wants read.
var httpDates = []string{time.RFC1123, time.RFC850, time.ANSIC}

// retryAfter reads a Retry-After header (RFC 9110, section 10.2.3): how long
// to wait, 0 if it does not say. Where it names a date, that counts from the
// answer's own Date, as this device's clock may be anywhere.
func retryAfter(header, date string) time.Duration {
	header = strings.TrimSpace(header)
	if seconds, err := strconv.ParseUint(header, 10, 64); err == nil {
		return time.Duration(min(seconds, uint64(maxRetry/time.Second))) * time.Second
	}
	until, known := parseDate(header)
	now, told := parseDate(date)
	if !known || !told {
		return 0
	}
	return min(max(0, until.Sub(now)), maxRetry)
}

func parseDate(text string) (time.Time, bool) {
	for _, form := range httpDates {
		if t, err := time.Parse(form, strings.TrimSpace(text)); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
