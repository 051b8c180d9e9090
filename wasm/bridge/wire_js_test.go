package bridge

import (
	"bytes"
	"math"
	"math/rand/v2"
	"os"
	"syscall/js"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// wireModule is static/client/wire.js, the other end of the format.
func wireModule(t *testing.T) js.Value {
	t.Helper()
	source, err := os.ReadFile("../../static/client/wire.js")
	if err != nil {
		t.Fatal(err)
	}
	blob := js.Global().Get("Blob").New([]any{string(source)}, map[string]any{"type": "text/javascript"})
	url := js.Global().Get("URL").Call("createObjectURL", blob)
	loaded := make(chan js.Value)
	then := js.FuncOf(func(_ js.Value, args []js.Value) any {
		loaded <- args[0]
		return nil
	})
	defer then.Release()
	// import() is syntax and no function, and a module has no other door.
	js.Global().Get("Function").New("url", "return import(url)").Invoke(url).Call("then", then, then)
	module := <-loaded
	if module.Get("decode").IsUndefined() {
		t.Fatalf("wire.js does not load: %s", module.Call("toString").String())
	}
	return module
}

// throughJS returns a function that lets JavaScript read a message and pack it
// again; accepted is whether it could be read.
func throughJS(t *testing.T) func(message []byte) (packed []byte, accepted bool) {
	t.Helper()
	wire := wireModule(t)
	again := js.Global().Get("Function").New("wire", "message", `
		Error.stackTraceLimit = 0; // a stack through WebAssembly takes its time
		try {
			return wire.encode(wire.decode(message));
		} catch (cause) {
			return cause instanceof RangeError ? null : String(cause);
		}`)
	return func(message []byte) ([]byte, bool) {
		t.Helper()
		in := js.Global().Get("Uint8Array").New(len(message))
		js.CopyBytesToJS(in, message)
		out := again.Invoke(wire, in)
		switch {
		case out.IsNull():
			return nil, false
		case out.Type() == js.TypeString:
			t.Fatalf("%x: JavaScript throws %s", message, out)
		}
		packed := make([]byte, out.Get("length").Int())
		js.CopyBytesToGo(packed, out)
		return packed, true
	}
}

func TestGoAndJavaScriptReadEachOthersValues(t *testing.T) {
	through := throughJS(t)
	for _, v := range append(wireValues, math.NaN(), math.Copysign(0, -1)) {
		back, accepted := through(pack(v))
		if !accepted {
			t.Errorf("JavaScript refuses %v", v)
			continue
		}
		got, err := decode(back)
		if err != nil {
			t.Errorf("%v, back from JavaScript: %v", v, err)
		} else if diff := cmp.Diff(v, got, equalBits); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
}

func TestJavaScriptReadsDamagedMessagesAsGoDoes(t *testing.T) {
	through := throughJS(t)
	random := rand.New(rand.NewPCG(1, 2))
	var read, refused int
	for range 4000 {
		m := pack(wireValues[random.IntN(len(wireValues))])
		if len(m) > 200 {
			continue
		}
		m = damaged(m, random)
		want, err := decode(m)
		back, accepted := through(m)
		switch {
		case accepted != (err == nil):
			t.Errorf("%x: Go says %v, JavaScript accepts it: %v", m, err, accepted)
		case !accepted:
			refused++
		default:
			read++
			if got, err := decode(back); err != nil || !cmp.Equal(want, got, equalBits) {
				t.Errorf("%x: Go reads %v, JavaScript %v (%v)", m, want, got, err)
			}
		}
	}
	if read < 100 || refused < 100 {
		t.Errorf("%d messages were read and %d refused: want both", read, refused)
	}
}

// damaged is a message in which up to three bytes are others, or the end is missing.
func damaged(m []byte, random *rand.Rand) []byte {
	m = bytes.Clone(m)
	for range 1 + random.IntN(3) {
		switch at := random.IntN(len(m)); random.IntN(3) {
		case 0:
			m[at] = byte(random.IntN(12))
		case 1:
			m[at] ^= 1 << random.IntN(8)
		default:
			m = m[:max(1, at)]
		}
	}
	return m
}

var equalBits = cmp.Comparer(func(a, b float64) bool {
	return a != a && b != b || math.Float64bits(a) == math.Float64bits(b)
})
