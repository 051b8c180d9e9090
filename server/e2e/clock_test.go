package e2e

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"parley/proto"
)

// A device's line is the way from one person's browser to the server: a gate
// that tells the browser another time than it is.
type deviceLine struct {
	*gate
	ahead time.Duration
}

// newDeviceLine is the line of a browser whose clock is ahead of the server's.
func newDeviceLine(t *testing.T, s *server, ahead time.Duration) *deviceLine {
	t.Helper()
	l := &deviceLine{newGate(t, s), ahead}
	l.inEngine(l.clock())
	return l
}

// clock is JavaScript that sets the clock of a page or a worker, which is also
// the one that Go's programs in it read.
func (l *deviceLine) clock() string {
	return fmt.Sprintf(`{
	const True = Date;
	let ahead = %d;
	new BroadcastChannel('device-clock').onmessage = ({data}) => { ahead = data; };
	globalThis.Date = class Date extends True {
		constructor(...args) { super(...(args.length ? args : [True.now() + ahead])); }
		static now() { return True.now() + ahead; }
	};
}
`, l.ahead.Milliseconds())
}

// jump sets the clock of a page, and of its worker, once the page has it.
func (l *deviceLine) jump(tb *tab, ahead time.Duration) {
	tb.t.Helper()
	call[bool](tb, `async ahead => {
		const before = Date.now();
		new BroadcastChannel('device-clock').postMessage(ahead);
		while (Math.abs(Date.now() - before) < 3_600_000) await new Promise(resolve => setTimeout(resolve, 10));
		return true;
	}`, ahead.Milliseconds())
}

// signInOver signs a user in at the end of a line, and opens a part of the page.
func signInOver(t *testing.T, l *deviceLine, hash string, user uint64, name string, services ...proto.ServiceType) *person {
	t.Helper()
	before := l.clock() + sessionOf(user, name, l.server.tokenFor(user, name, services))
	tb := newProfile(t).open(name, l.url+"/"+hash, before)
	tb.awaitConnection("live")
	return &person{tab: tb, id: strconv.FormatUint(user, 10)}
}

// clockIsAhead wants the page and the program in the worker to have the clock
// of the line, or the test would prove nothing.
func (p *person) clockIsAhead(of time.Duration) {
	p.t.Helper()
	var got struct{ Page, Engine float64 }
	eventually(p.t, p.name+": the engine to know the server's clock", func() bool {
		got = call[struct{ Page, Engine float64 }](p.tab, `async now => {
			const parley = await (`+connect+`)();
			const {serverOffset} = parley.connection;
			parley.close();
			return {Page: Date.now() - now, Engine: -serverOffset};
		}`, time.Now().UnixMilli())
		return got.Engine != 0 || of == 0
	})
	for where, ahead := range map[string]float64{"page": got.Page, "engine": got.Engine} {
		if off := time.Duration(ahead)*time.Millisecond - of; off.Abs() > time.Minute {
			p.t.Errorf("%s: the %s's clock is ahead by %v ms, want %v", p.name, where, ahead, of)
		}
	}
}
