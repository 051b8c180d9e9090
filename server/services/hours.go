package services

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"
	_ "time/tzdata" // zones by name, also where the machine has none
)

// Hours are the times of a week at which somebody answers, by the clocks of a zone:
// they stay the same for whoever lives there when clocks are set for summer.
type Hours struct {
	zone *time.Location
	days [7][]span // by time.Weekday, rising
}

// span is a part of a day, in minutes since its beginning; to is at most 24:00.
type span struct{ from, to int }

// weekdays are what the days are called in the file, by time.Weekday.
var weekdays = [7]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// period is a span on one day.
type period struct{ from, to time.Time }

// horizon is how many days are looked at: a week, and the day that it began in.
const horizon = 8

// at reports whether t is within the hours, and when that changes.
func (h *Hours) at(t time.Time) (open bool, changes time.Time) {
	periods := h.around(t)
	for _, p := range periods {
		if t.Before(p.from) {
			return false, p.from
		}
		if t.Before(p.to) {
			if p == periods[len(periods)-1] { // all week
				return true, time.Time{}
			}
			return true, p.to
		}
	}
	return false, time.Time{}
}

// around returns the periods from the day before t to the end of the horizon, in
// their order; those that meet, as at midnight, are one.
func (h *Hours) around(t time.Time) (periods []period) {
	year, month, today := t.In(h.zone).Date()
	for day := -1; day <= horizon; day++ {
		date := time.Date(year, month, today+day, 12, 0, 0, 0, h.zone)
		for _, s := range h.days[date.Weekday()] {
			at := func(minute int) time.Time {
				return time.Date(year, month, today+day, 0, minute, 0, 0, h.zone)
			}
			p := period{at(s.from), at(s.to)}
			if last := len(periods) - 1; last >= 0 && !p.from.After(periods[last].to) {
				periods[last].to = p.to
			} else {
				periods = append(periods, p)
			}
		}
	}
	return periods
}

var spanForm = regexp.MustCompile(`^([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-4]):([0-5][0-9])$`)

// parseSpan reads a span as 09:00-17:00.
func parseSpan(text string) (s span, err error) {
	parts := spanForm.FindStringSubmatch(text)
	if parts == nil {
		return s, fmt.Errorf(`%.40q is no span of hours: write it as "09:00-17:00"`, text)
	}
	minute := func(hours, minutes string) int {
		h, _ := strconv.Atoi(hours) // digits, as the form says
		m, _ := strconv.Atoi(minutes)
		return h*60 + m
	}
	s = span{minute(parts[1], parts[2]), minute(parts[3], parts[4])}
	if s.to > 24*60 || s.from >= s.to {
		return s, fmt.Errorf("%q does not end after it begins, by 24:00: write what goes past midnight as two spans, the second on the next day", text)
	}
	return s, nil
}

// parseDay reads the spans of a day, which must rise.
func parseDay(texts []string) (spans []span, err error) {
	for i, text := range texts {
		s, err := parseSpan(text)
		if err != nil {
			return nil, fmt.Errorf("[%d]: %w", i, err)
		}
		if i > 0 && s.from < spans[i-1].to {
			return nil, fmt.Errorf("[%d]: %q begins before the one before it ends: write them in their order", i, text)
		}
		spans = append(spans, s)
	}
	return spans, nil
}

// parseHours reads hours as they stand in the file: zone, and spans by day.
func parseHours(zone string, days map[string][]string) (*Hours, error) {
	h := new(Hours)
	var err error
	if h.zone, err = time.LoadLocation(zone); err != nil || zone == "" || zone == "Local" {
		return nil, fmt.Errorf(`.zone: %.40q is no time zone: write it as "Europe/Berlin"`, zone)
	}
	open := false
	for i, day := range weekdays {
		if h.days[i], err = parseDay(days[day]); err != nil {
			return nil, fmt.Errorf(".%s%w", day, err)
		}
		open = open || len(h.days[i]) > 0
	}
	if !open {
		return nil, fmt.Errorf(": it is never open: give a day some hours, or leave hours out for a service that is always open")
	}
	for day := range days {
		if !slices.Contains(weekdays[:], day) {
			return nil, fmt.Errorf(": %.20q is no day: the days are mon, tue, wed, thu, fri, sat and sun", day)
		}
	}
	return h, nil
}
