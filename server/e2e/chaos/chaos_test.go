package chaos

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestNothingIsLostNothingTwiceNothingOutOfOrder(t *testing.T) {
	h, err := newServer(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	survive(t, h, 0)
}

// With -before the nodes begin with the version before, and each comes back with this one when
// it was killed or stopped, the last ones once no more faults strike.
func TestAClusterLosesNothingEither(t *testing.T) {
	c := newCluster(t, *nodes)
	survive(t, c, *talkers)
	if *before != "" {
		c.bringBack(c.nodes[0])
	}
}

// survive lets people chat at a host while faults strike, and wants every message in its place.
func survive(t *testing.T, h host, talkers int) {
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", *seed)
	w := newWorld(t, rand.New(rand.NewPCG(*seed, 0)), h, *people)
	w.letTalk(talkers)
	r := newReport(*seed)
	w.must(w.run(t.Context(), *messages, *faults, r))
	w.must(h.finish())
	w.must(w.settle(t.Context()))
	stored := w.compare(&r.verdict)

	text := r.write(w.presses, len(w.people), stored)
	t.Log("\n" + text)
	keep(t, "report.txt", text)
	for i, fault := range r.verdict.faults {
		if i == 50 {
			t.Errorf("and %d more", len(r.verdict.faults)-i)
			break
		}
		t.Error(fault)
	}
	if stood := w.presses.count(stood); stood < *messages*9/10 {
		t.Errorf("only %d of %d messages stood in a list: the test did not do its work", stood, *messages)
	}
}

// compare stops the host and holds everybody's view of every conversation
// against its database, and that against what was pressed. It returns how many
// messages are stored.
func (w *world) compare(v *verdict) (stored int) {
	w.t.Helper()
	type copied struct {
		where, key string
		log        []entry
	}
	var copies []copied
	for _, c := range w.conversations() {
		for _, p := range c.members {
			log, err := p.inBrowser(c.key)
			w.must(err)
			copies = append(copies, copied{p.name + "'s browser", c.key, log})
			log, err = overHTTP(w.host.Client(), c.key, p.token)
			w.must(err)
			copies = append(copies, copied{"HTTP for " + p.name, c.key, log})
		}
	}
	for _, talker := range w.talkers {
		talker.stop()
		key := talker.key(talker.peers[0])
		log, err := overHTTP(w.host.Client(), key, talker.token)
		w.must(err)
		copies = append(copies, copied{"HTTP for " + talker.name, key, log})
		v.delivered(talker)
	}
	w.must(w.host.Stop())
	logs, err := w.host.stored()
	w.must(err)
	for _, c := range copies {
		v.compare(c.where, c.key, logs[c.key], c.log)
	}
	for _, p := range w.people {
		v.screenEnds(p, logs[p.key(p.peers[0])])
	}
	v.judge(logs, w.presses.presses)
	for _, log := range logs {
		stored += len(log)
	}
	return stored
}
