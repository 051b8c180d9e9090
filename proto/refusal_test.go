package proto

import (
	"testing"
	"time"
)

func TestWaitsInWords(t *testing.T) {
	for wait, want := range map[time.Duration]string{
		0:                           "0 seconds",
		1:                           "1 second",
		1001 * time.Millisecond:     "2 seconds",
		time.Minute:                 "60 seconds",
		time.Minute + 1:             "2 minutes",
		time.Hour:                   "60 minutes",
		time.Hour + time.Nanosecond: "2 hours",
		100 * time.Hour:             "100 hours",
	} {
		if got := InWords(wait); got != want {
			t.Errorf("%v is %q, want %q", wait, got, want)
		}
	}
}
