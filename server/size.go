package main

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// size is a number of bytes as an option: 4MiB, 512KiB, 1GiB, or 1048576.
type size uint64

var sizeUnits = []struct {
	name  string
	bytes uint64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}

// Set implements flag.Value.
func (s *size) Set(text string) error {
	digits, unit := text, uint64(1)
	for _, u := range sizeUnits {
		if rest, ok := strings.CutSuffix(text, u.name); ok {
			digits, unit = rest, u.bytes
			break
		}
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || n > math.MaxInt64/unit {
		return errors.New("want bytes, such as 4MiB, 512KiB or 1048576, or 0 for no bound")
	}
	*s = size(n * unit)
	return nil
}

// String implements flag.Value.
func (s *size) String() string {
	for _, u := range sizeUnits {
		if n := uint64(*s); n > 0 && n%u.bytes == 0 {
			return fmt.Sprint(n/u.bytes, u.name)
		}
	}
	return strconv.FormatUint(uint64(*s), 10)
}
