package chat_test

import (
	"testing"
	"time"

	"parley/proto"
	"parley/server/chat"
)

// restarted is another service on b's store, whose clock stands at b's.
func (b *bench) restarted(s chat.Store) *bench {
	again := start(b.t, s)
	again.pass(b.time().Sub(again.time()))
	return again
}

// millis is the service's clock as it is stamped.
func (b *bench) millis() uint64 { return uint64(b.time().UnixMilli()) }

func TestWhereTheClockWasAheadTimesStayUntilItGetsThereAndFollowItElsewhere(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := start(t, s)
		before := b.send(ada, text(eve, "x"))
		b.pass(time.Hour) // one jump ahead
		ahead := b.send(ada, text(bob, "x"))
		same(t, "ahead", ahead.CreateTime, before.CreateTime+uint64(time.Hour.Milliseconds()))
		b.pass(-time.Hour + time.Second) // and back

		for _, again := range []*bench{b, b.restarted(s)} {
			there := again.send(bob, text(ada, "y"))
			if there.CreateTime != ahead.CreateTime || there.MessageID <= ahead.MessageID || there.Seq <= ahead.Seq {
				t.Errorf("%+v came after %+v", there, ahead)
			}
			if row := again.rows(ada)["d:3:5"]; row.GetWaitingSince() != ahead.CreateTime {
				t.Errorf("Bob waits since %d, but wrote at %d", row.GetWaitingSince(), ahead.CreateTime)
			}
			elsewhere := again.send(ada, text(eve, "z"))
			same(t, "elsewhere", elsewhere.CreateTime, again.millis())
			again.send(eve, text(bob, "first"))
			same(t, "in a new conversation", again.rows(bob)["d:5:7"].GetWaitingSince() <= again.millis(), true)
			if elsewhere.MessageID <= there.MessageID {
				t.Errorf("message id %d came after %d", elsewhere.MessageID, there.MessageID)
			}
			again.pass(time.Second)
		}
		last := b.restarted(s)
		last.pass(time.Hour + time.Second) // the clock got there
		same(t, "when the clock got there", last.send(bob, text(ada, "y")).CreateTime, last.millis())
	})
}

func TestAClockThatStepsBackALittleHoldsAConversationsTime(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := start(t, s)
		first := b.send(ada, text(bob, "x"))
		for range 3 {
			b.pass(-time.Second)
			same(t, "a step back", b.send(ada, text(bob, "x")).CreateTime, first.CreateTime)
		}
		b.pass(4 * time.Second)
		same(t, "afterwards", b.send(ada, text(bob, "x")).CreateTime, first.CreateTime+1000)
		b.pass(-100 * 365 * 24 * time.Hour) // no battery: before 1970
		same(t, "before 1970", b.send(ada, text(bob, "x")).CreateTime, first.CreateTime+1000)
		same(t, "before 1970, elsewhere", b.send(ada, text(eve, "x")).CreateTime, uint64(0))
	})
}

func TestWhatWasWrittenAheadOfTheClockWasReadNoEarlier(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := start(t, s)
		b.pass(time.Hour)
		ahead := b.send(ada, text(bob, "x"))
		b.pass(-time.Hour)
		b.mark(bob, 1, 1)
		row := b.rows(ada)["d:3:5"]
		same(t, "delivered and read", [2]uint64{row.GetPeerDeliveredTime(), row.GetPeerReadTime()}, [2]uint64{ahead.CreateTime, ahead.CreateTime})
		b.send(ada, text(eve, "x"))
		if _, err := b.publish(eve, proto.BranchMark, &proto.Mark{Key: ptr("d:3:7"), ReadSeq: ptr[uint64](1)}); err != nil {
			t.Fatal(err)
		}
		same(t, "read elsewhere", b.rows(ada)["d:3:7"].GetPeerReadTime(), b.millis())
	})
}

func TestTimesOfMarksAreTheServersAndNeverFallWhenItsClockDoes(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := start(t, s)
		b.send(ada, text(bob, "x"))
		b.send(ada, text(bob, "y"))
		b.pass(time.Minute)
		now := uint64(b.time().UnixMilli())
		lie := &proto.Mark{Key: ptr("d:3:5"), ReadSeq: ptr[uint64](1), ReadTime: ptr[uint64](7), DeliveredTime: ptr[uint64](huge)}
		if _, err := b.publish(bob, proto.BranchMark, lie); err != nil {
			t.Fatal(err)
		}
		told := func(who *bench) [2]uint64 {
			row := who.rows(ada)["d:3:5"]
			return [2]uint64{row.GetPeerDeliveredTime(), row.GetPeerReadTime()}
		}
		same(t, "the client's claim", told(b), [2]uint64{now, now})

		again := start(t, s) // after a restart
		again.pass(b.time().Add(-24 * time.Hour).Sub(again.time()))
		again.mark(bob, 2, 2)
		same(t, "a day before", told(again), [2]uint64{now, now})
	})
}
