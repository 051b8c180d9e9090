// Package chat is the server's sequencer: it authorises what users send,
// numbers it, stores it and fans it out. It knows neither MQTT nor HTTP nor
// SQL: the broker and the HTTP handlers call it, and it calls a Store and a
// Fanout.
//
// What it promises: a Receipt means that the message is on disk; every
// participant is sent a conversation in seq order, each message once; a
// client_ref is stored once for ever; what is refused changes nothing and
// disturbs no one else. What it writes goes through one committer (Run), which
// takes what is queued as one transaction; Commit is that step without
// goroutines, queue or clock, for whoever wants to drive it by hand.
package chat

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"parley/proto"
	"parley/server/fault"
)

// A Sender is an authenticated user's connection.
type Sender struct {
	User     uint64
	Name     string
	Services []proto.ServiceType // those the user answers for: an agent
	Client   string              // MQTT client id, unique per browser profile
	Device   uint64              // Device.ID; 0: the token names none
}

// Receipt is what the acknowledgement of a stored message carries.
type Receipt struct {
	MessageID  uint64
	Seq        uint64
	CreateTime uint64 // Unix milliseconds
}

// Fanout delivers to users' connections. The payload must not be changed
// afterwards by either side.
type Fanout interface {
	// Publish delivers to every connection of a user. It must not block and
	// keeps the order of calls per user; it may drop, since clients notice holes.
	Publish(user uint64, branch proto.Branch, payload []byte)
	// PublishTo delivers to the user's connection with an MQTT client id alone,
	// and waits until that has taken most of what it was sent before, so that
	// whoever sends much goes at the pace of the receiver. An error says that
	// ctx was done or the connection ended before. A Fanout that cannot tell
	// connections apart publishes to all.
	PublishTo(ctx context.Context, user uint64, client string, branch proto.Branch, payload []byte) error
}

// Config says what a Service works with. Store and Fanout are needed.
type Config struct {
	Store  Store
	Fanout Fanout
	// Index is where messages are indexed for searches; nil: each reads what it looks through.
	Index Index
	// Now is the server's clock; nil is time.Now. It may jump. Within a
	// conversation create times, and those of watermarks, never fall, also not
	// from one Service to the next on the same Store: where an entry was stored
	// while the clock was ahead, they stay at its time until the clock gets there.
	// Everywhere else they follow the clock back at once.
	Now func() time.Time
	// Random gives client_refs to messages that come without. It is read by
	// many goroutines at once if Publish is called by many; nil is crypto/rand.
	Random io.Reader
	// Alive is how long what a user sends lets them count as here, where the
	// broker does not tell of connections (Connected, Disconnected); 0 where it
	// does. More than clients let pass between two syncs, such as 5 minutes.
	Alive time.Duration
	// Quotas bound what users may have stored; the zero Quotas nothing.
	Quotas Quotas
	// Uploads bound what users upload; the zero UploadQuotas nothing.
	Uploads UploadQuotas
	// Services are those that messages are taken for; none is all that have a number.
	// What was written to others stays to be read.
	Services Services
	// People says who is found among people; "" is PeopleAll.
	People People
	// Retention is how long entries are kept: Run looks for older ones once a day or,
	// if that is less, each 24th of it, and deletes them bit by bit. 0 is for ever.
	Retention time.Duration
	// EditWindow is how long after they were sent messages can be edited and taken back; 0 is
	// DefaultEditWindow, and less is not at all.
	EditWindow time.Duration
	// GuestRetention is how long guests are kept whom nobody sees again: Run forgets
	// them within two days (Lapsed), and a day later for each 200 whom they block.
	// LeastGuestRetention or more; 0 is for ever, as it must be where users are not all
	// this server's guests.
	GuestRetention time.Duration
	// End ends those connections of a user of whose device of is true, 0 being tokens that
	// name none, and tells them why; Oust the one with an MQTT client id, if it still is the
	// one of that mark (Connected), as another took over from it on another node. nil where
	// there are no connections.
	End  func(user uint64, of func(device uint64) bool, why *proto.Refusal)
	Oust func(user uint64, client string, mark uint64, why *proto.Refusal)
	// Node makes message ids unique among servers, 0 to proto.MaxNode.
	Node uint64
	// Committed is called after each commit of Run, with how many requests it had and how long
	// it took, whatever became of it; nil is nobody.
	Committed func(requests int, took time.Duration)
	// Log is told when the Store fails; nil is slog.Default.
	Log *slog.Logger
	// Faults notes panics: each failed one request, or what the notifier was about to
	// tell; one of the Store or the Fanout left open what became of the requests of one
	// commit. nil is one that logs to Log.
	Faults *fault.Record
}

// Service is the sequencer. Safe for concurrent use.
type Service struct {
	store     Store
	index     Index
	pipelined Pipelined // the store, if it is one; else nil
	shared    Shared    // the store, where others use it, too; else nil
	fanout    Fanout
	end       func(user uint64, of func(device uint64) bool, why *proto.Refusal)
	oust      func(user uint64, client string, mark uint64, why *proto.Refusal)
	now       func() time.Time
	random    io.Reader
	log       *slog.Logger
	ids       *proto.IDs
	quotas    Quotas
	uploads   UploadQuotas
	faults    *fault.Record

	observe        func(requests int, took time.Duration) // Config.Committed
	retention      time.Duration
	guestRetention time.Duration
	editWindow     time.Duration
	tokens         tokens
	epoch          atomic.Uint64 // the newest that this Service knows of
	totalsCache    totalsCache
	presence       presence
	updates        rowUpdates
	paces          paces
	typists        typists
	rosters        rosters
	terms          terms
	lives          time.Duration // Config.Alive
	services       Services
	people         People
	wake           chan struct{}              // holds one, for the notifier
	indexed        atomic.Pointer[IndexState] // nil until it is known
	searches       chan struct{}              // one is in it for each in work

	queue    chan Waiter
	started  atomic.Bool
	stopping chan struct{} // closed when Run accepts no more
	stopped  chan struct{} // closed when Run has answered everybody
}

// New returns a Service that continues the numbering of the store. It starts
// nothing: Publish waits until somebody calls Run.
func New(c Config) (*Service, error) {
	if c.Store == nil || c.Fanout == nil {
		return nil, errors.New("chat: Config needs a Store and a Fanout")
	}
	if err := c.Quotas.check(); err != nil {
		return nil, err
	}
	if c.GuestRetention != 0 && c.GuestRetention < LeastGuestRetention {
		return nil, fmt.Errorf("chat: guests kept for %v hold tokens that live longer: at least %v", c.GuestRetention, LeastGuestRetention)
	}
	s := &Service{
		store: c.Store, index: c.Index, fanout: c.Fanout, now: c.Now, random: c.Random, log: c.Log, quotas: c.Quotas, uploads: c.Uploads,
		retention: c.Retention, guestRetention: c.GuestRetention, editWindow: cmp.Or(c.EditWindow, DefaultEditWindow),
		end: c.End, oust: c.Oust, lives: c.Alive, services: c.Services, people: c.People, wake: make(chan struct{}, 1),
		rosters:  make(rosters),
		searches: make(chan struct{}, searchesAtOnce()),
		queue:    make(chan Waiter, queueSize),
		stopping: make(chan struct{}),
		stopped:  make(chan struct{}),
	}
	if s.index == nil {
		s.index = noIndex{}
	}
	s.shared, _ = c.Store.(Shared)
	s.pipelined, _ = c.Store.(Pipelined)
	if s.observe = c.Committed; s.observe == nil {
		s.observe = func(int, time.Duration) {}
	}
	s.presence.shared = s.shared != nil
	if s.end == nil {
		s.end = func(uint64, func(uint64) bool, *proto.Refusal) {}
	}
	if s.oust == nil {
		s.oust = func(uint64, string, uint64, *proto.Refusal) {}
	}
	if s.services == 0 {
		s.services = ^Services(0)
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.random == nil {
		s.random = rand.Reader
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	if s.faults = c.Faults; s.faults == nil {
		s.faults = fault.NewRecord(s.log)
	}
	s.tokens = tokens{c.Store.Secret()}
	var last, epoch uint64
	err := c.Store.View(context.Background(), func(v View) (err error) {
		if last, err = v.LastID(); err == nil {
			epoch, err = v.Epoch()
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the newest message id and the epoch: %w", err)
	}
	s.epoch.Store(epoch)
	if s.shared != nil {
		if err := s.attend(context.Background()); err != nil {
			return nil, err
		}
	}
	if s.ids, err = proto.NewIDs(c.Node, last, s.now); err != nil {
		return nil, err
	}
	return s, nil
}

// Publish takes what a user sent on an up branch. A message blocks until it is
// on disk, and its Receipt says where; a repeat of a client_ref gets the first
// Receipt again. Marks and settings block likewise, and a sync until all of the
// answer was taken (see Sync). The Receipt of all but messages is zero.
// correlation is the PUBLISH's Correlation Data, which serves as client_ref if
// it has 16 bytes and the payload names none.
//
// Errors wrap a *proto.Refusal, but for those of PublishTo in the answer to a
// sync. When its reason is temporary, sending the same again later is right, and
// safe with a client_ref. If ctx ends while waiting, it is
// unknown whether the message was stored.
func (s *Service) Publish(ctx context.Context, from Sender, b proto.Branch, payload, correlation []byte) (Receipt, error) {
	if b == proto.BranchSync {
		answer, err := s.Sync(from, payload)
		if err == nil {
			err = answer(ctx)
		}
		return Receipt{}, err
	}
	s.alive(from.User)
	if b == proto.BranchTyping {
		return Receipt{}, s.typing(ctx, from, payload)
	}
	request, err := s.Prepare(from, b, payload, correlation)
	if err != nil {
		return Receipt{}, err
	}
	return s.submit(ctx, request)
}

// failed logs that the store failed, and returns what whoever asked is told.
func (s *Service) failed(what string, err error) error {
	s.unhealthy(what, err)
	return temporary(what, err)
}

// unhealthy logs that the store failed, unless it was told to stop.
func (s *Service) unhealthy(what string, err error) {
	if !errors.Is(err, context.Canceled) {
		s.log.Error("the history store failed", "result", what, "error", err)
	}
}

// temporary returns an error that wraps err and a temporary refusal that says what.
func temporary(what string, err error) error {
	return fmt.Errorf("%w: %w", proto.Refuse(proto.UnspecifiedError, "%s: try again", what).Named("try-again"), err)
}

// millis is the server's clock in Unix milliseconds.
func (s *Service) millis() uint64 { return uint64(max(0, s.now().UnixMilli())) }

// anonymous refuses a sender that nobody authenticated.
func anonymous(from Sender) error {
	if from.User == 0 {
		return proto.Refuse(proto.NotAuthorized, "sign in first: this connection has no user")
	}
	return nil
}
