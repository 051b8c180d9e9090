package main

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"parley/proto"
	"parley/server/chat"
	"parley/server/chat/chattest"
)

// A place that is kept for the known costs a day, or the invite: not a moment in
// which somebody becomes 500 guests.
func TestWhoIsKnown(t *testing.T) {
	var ago atomic.Int64 // the service's clock
	now := func() time.Time { return time.Now().Add(-time.Duration(ago.Load())) }
	service, err := chat.New(chat.Config{Store: chattest.NewMemory(1), Fanout: nobody{}, Now: now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- service.Run(ctx) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	see := func(user uint64) {
		t.Helper()
		if err := service.Seen(ctx, chat.User{ID: user, Name: "somebody"}, chat.Credential{}); err != nil {
			t.Fatal(err)
		}
	}
	const yesterday, today = 7, 8
	ago.Store(int64(knownAfter))
	see(yesterday)
	ago.Store(int64(knownAfter - time.Minute))
	see(today)
	see(yesterday) // again
	b := &backend{service: service}
	for _, test := range []struct {
		who   string
		from  chat.Sender
		known bool
	}{
		{"who came a day ago", chat.Sender{User: yesterday}, true},
		{"who came a minute less than a day ago", chat.Sender{User: today}, false},
		{"an agent who came now", chat.Sender{User: today, Services: []proto.ServiceType{proto.ServiceType_SERVICE_TYPE_SUPPORT}}, true},
	} {
		if known, err := b.Known(ctx, test.from); known != test.known || err != nil {
			t.Errorf("%s: known %t, %v", test.who, known, err)
		}
	}
}
