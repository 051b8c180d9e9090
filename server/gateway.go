package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"parley/proto"
	"parley/server/chat"
	"parley/server/gateway"
	"parley/server/httpapi"
	"parley/server/store/postgres"
)

const (
	// progressName is what the gateway's progress is called in the database.
	progressName = "gateway"
	// aliveTime is how long what somebody sends through an external broker lets them count
	// as here: clients sync every few minutes.
	aliveTime = 5 * time.Minute
)

// fanout is to whom the service tells: the embedded broker and, with -broker, the
// gateway, which it opens.
func (s *server) fanout(o options) (chat.Fanout, error) {
	if o.broker == "" {
		return s.broker, nil
	}
	address, err := gateway.ParseAddress(o.broker)
	if err != nil {
		return nil, fmt.Errorf("-broker: %w", err)
	}
	db, ok := s.store.(*postgres.DB)
	if !ok {
		return nil, errors.New("-broker needs -db")
	}
	s.gateway, err = gateway.New(gateway.Config{
		Address: address, Progress: progress{db.Kept(progressName), db}, Leadership: gateway.While(db.Leads), Log: changeLog{db, s.log}, Logger: s.log, Faults: s.faults,
	})
	if err != nil {
		return nil, err
	}
	return s.gateway.Beside(s.broker), nil
}

// progress keeps the gateway's in the database, for whichever node leads.
type progress struct {
	kept *postgres.Kept
	db   *postgres.DB
}

// Begin implements gateway.ProgressStore.
func (p progress) Begin(context.Context) (gateway.Progress, error) {
	return p.change(func(last gateway.Progress) (gateway.Progress, error) {
		last.Term++
		return last, nil
	})
}

// Save implements gateway.ProgressStore.
func (p progress) Save(_ context.Context, next gateway.Progress) error {
	_, err := p.change(func(last gateway.Progress) (gateway.Progress, error) {
		if last.Term != next.Term {
			return last, gateway.ErrReplaced
		}
		return next, nil
	})
	return err
}

// change saves what change makes of what was saved last, and holds what it needs of the log.
func (p progress) change(change func(last gateway.Progress) (gateway.Progress, error)) (saved gateway.Progress, err error) {
	_, err = p.kept.Change(func(kept []byte) ([]byte, error) {
		var last gateway.Progress
		if kept != nil {
			if err := json.Unmarshal(kept, &last); err != nil {
				return nil, err
			}
		}
		if saved, err = change(last); err != nil {
			return nil, err
		}
		return json.Marshal(saved)
	})
	if err == nil {
		p.db.Hold(saved.Place)
	}
	return saved, err
}

// changeLog is what all nodes tell, for the one that has the gateway.
type changeLog struct {
	db  *postgres.DB
	log *slog.Logger
}

// Follow implements gateway.Log.
func (l changeLog) Follow(ctx context.Context, after uint64, tell func(place, user uint64, b proto.Branch, payload []byte) error) error {
	for {
		var err error
		after, err = l.db.Read(ctx, after, func(place uint64, record []byte) error {
			return chat.Deliveries(record, func(user uint64, b proto.Branch, payload []byte) error {
				if b == proto.BranchUnread { // that is told besides
					return nil
				}
				return tell(place, user, b, payload)
			})
		})
		if !errors.Is(err, postgres.ErrTrimmed) {
			return err
		}
		l.log.Error("the broker was away for so long that what was to be told there is gone: clients learn it when they sync")
	}
}

// alive is chat.Config.Alive: a broker that is not embedded tells of no connections.
func (s *server) alive() time.Duration {
	if s.gateway == nil {
		return 0
	}
	return aliveTime
}

// questions is what a broker may ask.
func (o *options) questions(b *backend) httpapi.Broker {
	address, err := gateway.ParseAddress(o.broker)
	if err != nil { // it was checked
		return httpapi.Broker{}
	}
	return httpapi.Broker{
		Secret: o.brokerSecret, Allow: o.brokerAllow, User: address.User, Password: address.Password,
		Authenticate: func(ctx context.Context, user uint64, token string) error {
			_, _, err := b.Authenticate(ctx, user, token)
			return err
		},
	}
}

// runGateway lets the gateway serve until stop is called, which waits for its end.
func (s *server) runGateway() (stop func()) {
	if s.gateway == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { // ends with ctx
		defer close(done)
		s.gateway.Run(ctx, s.service)
	}()
	return func() {
		cancel()
		<-done
	}
}
