package bridge

import (
	"testing"
	"time"
)

func TestRetryAfterIsReadAsSecondsAndAsADateByTheAnswersOwnClock(t *testing.T) {
	const date = "Thu, 26 Nov 2026 07:00:00 GMT"
	for _, test := range []struct {
		header, date string
		want         time.Duration
	}{
		{"120", "", 2 * time.Minute},
		{" 1 ", "", time.Second},
		{"0", date, 0},
		{"99999999999", "", maxRetry},
		{"Thu, 26 Nov 2026 07:00:30 GMT", date, 30 * time.Second},
		{"Thursday, 26-Nov-26 07:00:30 GMT", date, 30 * time.Second},
		{"Thu Nov 26 07:00:30 2026", date, 30 * time.Second},
		{"Thu, 26 Nov 2026 06:00:00 GMT", date, 0},
		{"Thu, 26 Nov 2099 06:00:00 GMT", date, maxRetry},
		{"Thu, 26 Nov 2026 07:00:30 GMT", "", 0}, // by no clock that is known
		{"Thu, 26 Nov 2026 07:00:30 GMT", "today", 0},
		{"99999999999999999999", date, 0}, {"-1", date, 0}, {"1.5", date, 0}, {"soon", date, 0}, {"", date, 0},
	} {
		if got := retryAfter(test.header, test.date); got != test.want {
			t.Errorf("%q at %q: %v, want %v", test.header, test.date, got, test.want)
		}
	}
}
