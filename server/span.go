package main

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

// span is a time as an option: 90d, or what time.ParseDuration takes, such as 720h.
type span time.Duration

const day = 24 * time.Hour

// Set implements flag.Value.
func (s *span) Set(text string) error {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 64)
		if err != nil || n > math.MaxInt64/uint64(day) {
			return errSpan
		}
		*s = span(n) * span(day)
		return nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return errSpan
	}
	*s = span(d)
	return nil
}

var errSpan = errors.New("want a time, such as 90d or 720h, or 0 for ever")

// String implements flag.Value.
func (s *span) String() string {
	if d := time.Duration(*s); d > 0 && d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	return time.Duration(*s).String()
}
