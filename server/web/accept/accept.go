// Package accept reads the Accept and Accept-Encoding headers of HTTP requests
// (RFC 9110, section 12.5).
package accept

import (
	"mime"
	"strconv"
	"strings"
)

// Quality returns the weight from 0 to 1 that a client gives to something it
// can be sent. names lists what may stand for it in the header, in lower case,
// the most specific first: "br", "*" or "text/html", "text/*", "*/*". ok is
// false if none of them is there. Elements that do not parse are passed over.
func Quality(header []string, names ...string) (q float64, ok bool) {
	best := len(names)
	for _, line := range header {
		for element := range strings.SplitSeq(line, ",") {
			name, params, err := mime.ParseMediaType(element)
			if err != nil {
				continue
			}
			for i, want := range names[:best] {
				if name == want {
					q, best = weight(params), i
					break
				}
			}
		}
	}
	return q, best < len(names)
}

// weight of an element; one that cannot be read refuses.
func weight(params map[string]string) float64 {
	text, ok := params["q"]
	if !ok {
		return 1
	}
	if q, err := strconv.ParseFloat(text, 64); err == nil && q >= 0 && q <= 1 {
		return q
	}
	return 0
}
