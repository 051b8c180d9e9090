package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"parley/proto"
	"parley/server/attachment"
	"parley/server/auth"
	"parley/server/broker"
	"parley/server/chat"
	"parley/server/clientip"
	"parley/server/fault"
	"parley/server/gateway"
	"parley/server/httpapi"
	"parley/server/listener"
	"parley/server/store"
	"parley/server/web"
)

const (
	// drainTime is how long it may take to tell all connections that the server stops, and
	// goodbyeTime how long connections may take to end when the server stops,
	// before they are cut off, and stopTime how long all of it may take before the
	// log says so. To close the history waits for what is being written all the same.
	drainTime   = 10 * time.Second
	goodbyeTime = 2 * time.Second
	stopTime    = drainTime + 4*time.Second

	headerTimeout = 10 * time.Second
	requestTime   = 30 * time.Second // to read a request, and to write an answer
	idleTimeout   = 2 * time.Minute
	maxHeader     = 16 << 10 // bytes
	// fileTime is how long a client may take to load one file, on a slow line.
	fileTime = 10 * time.Minute
)

// server is the parts, open and connected.
type server struct {
	log         *slog.Logger
	site        site
	store       history
	service     *chat.Service
	attachments *attachment.Service
	broker      *broker.Broker
	gateway     *gateway.Gateway // nil without -broker
	faults      *fault.Record
	metrics     *metrics
	invite      *auth.Invite // nil if there are no guests
	made        string       // the invite's code, if it was made at this start
	fronts      []*front
	health      *health
	draining    atomic.Bool // it stops
	ending      *ending     // nil until everything is open
	door        *door       // also one of the fronts, once it is open
}

// front is an HTTP server and where it listens.
type front struct {
	http.Server
	listener *listener.Listener
}

// newServer opens all parts. Errors say what to do.
func newServer(ctx context.Context, o options, log *slog.Logger) (_ *server, err error) {
	s := &server{log: log, site: o.site, faults: fault.NewRecord(log)}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	files, err := listener.Files()
	if err != nil {
		return nil, err
	}
	room, err := divide(files, o.maxConnections, log)
	if err != nil {
		return nil, err
	}
	offered, err := o.directory()
	if err != nil {
		return nil, fmt.Errorf("-services: %w", err)
	}
	clients := clientip.New(o.proxies, log)
	if err := s.listen(o.listen, listener.Config{Max: room.all(), MaxPerAddress: room.requestsPerAddress(), Clients: clients, Log: log}); err != nil {
		return nil, fmt.Errorf("-listen: %w", err)
	}
	if o.metrics != "" {
		if err := s.listen(o.metrics, listener.Config{Max: maxMetrics, MaxPerAddress: maxMetrics, Clients: clients, Log: log}); err != nil {
			return nil, fmt.Errorf("-metrics: %w", err)
		}
	}
	o.site.records = o.broker != ""
	if s.store, err = o.site.open(ctx, serving, log); err != nil {
		return nil, fmt.Errorf("%v: %w", o.site, err)
	}
	if o.db != "" && store.Exists(o.data) {
		log.Warn("the history in the data folder is not used, since -db names another: parley copy takes it over", "data", o.data)
	}
	if why := s.store.Doubt(); why != "" {
		log.Warn("the history may be a backup that was put back: a new epoch begins, and clients load their messages anew", "because", why)
	}
	authority, err := s.openKeys(o)
	if err != nil {
		return nil, err
	}
	authority.Offer(offered.Numbers(), log)
	secret := o.jwtKey
	if !authority.CanMint() { // then it is public
		secret = ""
	}
	warnOfExposure(log, o.data, secret)
	s.health = newHealth(ctx, s.store, log)
	backend := &backend{authority: authority}
	s.broker, err = broker.New(broker.Config{
		Backend: backend, Origins: o.origins, Rate: o.rate, Burst: o.burst, Log: log, Faults: s.faults,
		MaxConnections: room.users, MaxPending: room.pending, MaxPerAddress: o.maxPerAddress, Clients: clients,
	})
	if err != nil {
		return nil, err
	}
	fanout, err := s.fanout(o)
	if err != nil {
		return nil, err
	}
	s.metrics = newMetrics(append([]prometheus.Collector{s.broker, s.faults}, collectorsOf(s.store)...)...)
	if s.gateway != nil {
		s.metrics.registry.MustRegister(s.gateway)
	}
	index, err := s.store.OpenIndex(ctx)
	if err != nil {
		log.Warn("there is no search index: searches look at messages one by one", "because", err)
	}
	if s.service, err = chat.New(chat.Config{
		Store: s.store, Index: index, Fanout: fanout, Alive: s.alive(), End: s.broker.End, Oust: s.broker.Oust, Services: chat.ServicesOf(offered.Numbers()), People: o.people, Quotas: o.quotas(), Uploads: o.uploads(), Retention: time.Duration(o.retention), EditWindow: o.window(), GuestRetention: time.Duration(o.retentionGuests),
		Log: log, Faults: s.faults, Committed: s.metrics.committed,
	}); err != nil {
		return nil, err
	}
	s.metrics.registry.MustRegister(indexed(s.service))
	contents, err := o.openAttachments(log)
	if err != nil {
		return nil, err
	}
	s.attachments = attachment.New(attachment.Config{Uploads: s.service, Store: contents, Log: log})
	backend.service = s.service // before anybody can connect
	api, err := httpapi.New(httpapi.Config{
		Authority: authority, Service: s.service, Attachments: s.attachments, Guests: o.jwtKey == "", Invite: s.invite, GuestsPerHour: int(o.guestsPerHour),
		Services: offered, Origins: o.origins, Healthy: s.health.state, Ready: s.ready, Clients: clients, Log: log, Broker: o.questions(backend),
	})
	if err != nil {
		return nil, err
	}
	page, err := s.page(o.static)
	if err != nil {
		return nil, fmt.Errorf("-static: %w", err)
	}
	s.mount(api, page, o.hsts)
	operator := &operator{service: s.service, invite: s.invite, offered: offered, now: time.Now}
	if s.door, err = openDoor(o.data, operator.do, log); err != nil {
		return nil, fmt.Errorf("-data %s: %w", o.data, err)
	}
	s.fronts = append(s.fronts, s.door.front)
	if s.ending, err = begin(o.data); err != nil {
		return nil, fmt.Errorf("-data %s: %w", o.data, err)
	}
	return s, nil
}

func (s *server) page(folder string) (http.Handler, error) {
	if folder != "" {
		return web.Folder(folder)
	}
	page, err := web.Embedded()
	if errors.Is(err, web.ErrNotBuilt) {
		s.log.Warn(err.Error())
		return web.NotBuilt(), nil
	}
	return page, err
}

// mount puts the parts under their addresses.
func (s *server) mount(api, page http.Handler, hsts time.Duration) {
	metrics := s.metrics
	mux := http.NewServeMux()
	mux.Handle("/api/", metrics.count(api))
	mux.Handle("/healthz", api)
	mux.Handle("/readyz", api)
	mux.Handle("/auth/", api)
	mux.Handle("GET /mqtt", s.broker)
	mux.Handle("POST /mqtt", s.broker) // by which a page asks why it was refused
	mux.Handle("/", patient(page))
	s.fronts[0].Handler = s.faults.Handler(hardened(mux, hsts))
	if len(s.fronts) > 1 {
		own := http.NewServeMux()
		own.Handle("GET /metrics", metrics.handler())
		s.fronts[1].Handler = s.faults.Handler(hardened(own, 0))
	}
}

// patient gives clients on slow lines time to load a large file.
func patient(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(fileTime)); err != nil {
			http.Error(w, "the connection is gone", http.StatusInternalServerError)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// listen takes an address before anything else is opened, so that a second
// server does not get far.
func (s *server) listen(address string, bound listener.Config) error {
	below, err := net.Listen("tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s is in use by another program: stop that, or choose another address", address)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%s may not be listened on by this user: choose a port above 1023", address)
	case err != nil:
		return fmt.Errorf("cannot listen on %q: give host:port of this machine: %w", address, err)
	}
	f, err := newFront(below, bound)
	if err == nil {
		s.fronts = append(s.fronts, f)
	}
	return err
}

// newFront puts bounds on a listener, which it closes if it fails.
func newFront(below net.Listener, bound listener.Config) (*front, error) {
	bounded, err := listener.New(below, bound)
	if err != nil {
		return nil, errors.Join(err, below.Close())
	}
	return &front{listener: bounded, Server: http.Server{
		ConnState:         bounded.Track,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       requestTime,
		WriteTimeout:      requestTime,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(bound.Log.Handler(), slog.LevelWarn),
	}}, nil
}

// welcome says where the server is.
func (s *server) welcome(w io.Writer) {
	address := s.fronts[0].listener.Addr().(*net.TCPAddr)
	host := address.IP.String()
	if address.IP.IsUnspecified() {
		host = "localhost"
	}
	fmt.Fprintf(w, "Parley is running at http://%s\n", net.JoinHostPort(host, fmt.Sprint(address.Port)))
	if s.made != "" { // and never again: what is printed may be kept in a journal
		fmt.Fprintf(w, "Agent invite: %s\nIt makes %d agents within %d days; parley invite makes another.\n", s.made, firstInviteCount, firstInviteTime/(24*time.Hour))
	}
	if s.ending.unclean && s.site.db == "" {
		s.log.Warn("the server did not end cleanly the last time: parley check verifies the history, also while it runs")
	}
	if !address.IP.IsLoopback() {
		s.log.Warn("other machines can connect, and without TLS others can read along: put a TLS proxy in front", "listen", address)
	}
}

// Run serves until ctx is done or a part fails, then stops in order: no new
// connections, DISCONNECT to those there are, a few at a time, what was accepted written to
// disk, all closed.
func (s *server) Run(ctx context.Context) error {
	failed := make(chan error, len(s.fronts)+1)
	commits, stopCommits := context.WithCancel(context.WithoutCancel(ctx))
	defer stopCommits()
	committed := make(chan struct{})
	go func() { // ends after stopCommits
		defer close(committed)
		if err := s.service.Run(commits); err != nil {
			failed <- err
		}
	}()
	stopGateway := s.runGateway()
	sweeping, stopSweeping := context.WithCancel(ctx)
	defer stopSweeping()
	swept := make(chan struct{})
	go func() { // ends after stopSweeping
		defer close(swept)
		s.attachments.Run(sweeping)
	}()
	watching, stopWatching := context.WithCancel(ctx)
	defer stopWatching()
	watched := make(chan struct{})
	go func() { // ends after stopWatching
		defer close(watched)
		s.health.watch(watching)
	}()
	for _, f := range s.fronts {
		go func() { // ends when f is shut down
			if err := f.Serve(f.listener); !errors.Is(err, http.ErrServerClosed) {
				failed <- err
			}
		}()
	}
	gone, why := lost(s.store)
	var err error
	select {
	case <-ctx.Done():
		s.log.Info("stopping")
	case err = <-failed:
		err = fmt.Errorf("a part failed: %w", err)
	case <-gone:
		err = fmt.Errorf("%v: %w", s.site, why())
	}

	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	s.stopServing(limit)
	stopSweeping()
	<-swept       // it waits for commits
	stopGateway() // after all commits that it is to tell of, as far as the time allows
	stopCommits() // nobody is left to ask for more
	stopWatching()
	select {
	case <-committed:
	case <-limit.Done():
		s.log.Error("the last messages could not be written in time; they were not acknowledged")
	}
	select {
	case <-watched:
	case <-limit.Done():
	}
	return errors.Join(err, s.close())
}

// ready says why nobody should come to this server now; nil if they may.
func (s *server) ready(ctx context.Context) error {
	if s.draining.Load() {
		return proto.Refuse(proto.ServerShuttingDown, "the server is stopping")
	}
	if err := s.health.state(ctx); err != nil {
		return err
	}
	if err := following(s.store); err != nil {
		return proto.Refuse(proto.UnspecifiedError, "%v", err)
	}
	return nil
}

// stopServing lets nobody come any more and those who are here go elsewhere, then ends all
// connections, HTTP and MQTT side by side.
func (s *server) stopServing(ctx context.Context) {
	s.draining.Store(true)
	s.broker.Drain(ctx, drainTime)
	ctx, cancel := context.WithTimeout(ctx, goodbyeTime)
	defer cancel()
	quiet := make(chan struct{})
	go func() { // ends with ctx at the latest
		defer close(quiet)
		for _, f := range s.fronts {
			if err := f.Shutdown(ctx); err != nil {
				s.log.Warn("requests were cut off", "error", errors.Join(err, f.Close()))
			}
		}
	}()
	if err := s.broker.Shutdown(ctx); err != nil {
		s.log.Warn("not everybody could be told", "error", err)
	}
	<-quiet
}

// close closes what is open. Nothing may be serving.
func (s *server) close() error {
	var errs []error
	for _, f := range s.fronts {
		if err := f.listener.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	if s.door != nil {
		errs = append(errs, s.door.close())
	}
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	err := errors.Join(errs...)
	if s.ending != nil && err == nil {
		err = s.ending.clean()
	}
	return err
}
