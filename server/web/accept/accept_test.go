package accept

import "testing"

func TestTheMostSpecificElementDecides(t *testing.T) {
	br := []string{"br", "*"}
	pb := []string{"application/x-protobuf", "application/*", "*/*"}
	for _, test := range []struct {
		header []string
		names  []string
		q      float64
		ok     bool
	}{
		{nil, br, 0, false},
		{[]string{""}, br, 0, false},
		{[]string{"br"}, br, 1, true},
		{[]string{"BR"}, br, 1, true},
		{[]string{"gzip, br;q=0.5"}, br, 0.5, true},
		{[]string{"gzip", " br ; q=0.25 "}, br, 0.25, true},
		{[]string{"*"}, br, 1, true},
		{[]string{"br;q=0, *"}, br, 0, true},
		{[]string{"*, br;q=0"}, br, 0, true},
		{[]string{"*;q=0.1,gzip"}, br, 0.1, true},
		{[]string{"brotli, xbr, br2"}, br, 0, false},
		{[]string{"br;q=2"}, br, 0, true},
		{[]string{"br;q=-1"}, br, 0, true},
		{[]string{"br;q=NaN"}, br, 0, true},
		{[]string{"br;q=x"}, br, 0, true},
		{[]string{"br;q=0.000"}, br, 0, true},
		{[]string{",;=,br"}, br, 1, true},
		{[]string{"text/html, */*;q=0.2"}, pb, 0.2, true},
		{[]string{"application/*;q=0.3, */*"}, pb, 0.3, true},
		{[]string{"*/*, application/x-protobuf;v=1;q=0.9, application/*;q=0.3"}, pb, 0.9, true},
		{[]string{"text/html"}, pb, 0, false},
	} {
		if q, ok := Quality(test.header, test.names...); q != test.q || ok != test.ok {
			t.Errorf("%q for %q: %v, %v, want %v, %v", test.header, test.names, q, ok, test.q, test.ok)
		}
	}
}

func FuzzQuality(f *testing.F) {
	f.Add("gzip;q=0, br;q=0.5, *")
	f.Fuzz(func(t *testing.T, header string) {
		if q, ok := Quality([]string{header}, "br", "*"); q < 0 || q > 1 || q != q || !ok && q != 0 {
			t.Fatalf("%q weighs %v", header, q)
		}
	})
}
