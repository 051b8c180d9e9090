package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"parley/server/store/relational"
)

const (
	// startTime is how long a server waits for a database that is still starting, and
	// connectTime bounds one try.
	startTime   = 30 * time.Second
	connectTime = 5 * time.Second
)

// settings are those of each connection. One that is idle within a transaction, as that of
// a node that was frozen, holds up others for 5 s at most; one whose host has vanished
// likewise. (One that is frozen in the midst of what it sends is ended by who waits.) Every query has an index that serves it: without statistics the planner would
// rather walk a table that is still small, or share its work with others that take longer to begin.
var settings = []string{
	"search_path = " + schemaName, "idle_in_transaction_session_timeout = '5s'", "lock_timeout = '3s'",
	"tcp_keepalives_idle = 2", "tcp_keepalives_interval = 1", "tcp_keepalives_count = 3",
	"enable_seqscan = off", "enable_hashjoin = off", "enable_mergejoin = off", "jit = off", "max_parallel_workers_per_gather = 0", "default_transaction_isolation = 'read committed'", "default_transaction_read_only = off",
}

// greeting is what a connection begins with. Whoever switched synchronous_commit off would
// lose what was acknowledged.
var greeting = "SET " + strings.Join(settings, "; SET ") +
	"; SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'; SELECT pg_is_in_recovery()"

// parse reads the URL, which errors do not repeat: it has a password in it.
func parse(address string) (*pgconn.Config, error) {
	if !strings.HasPrefix(address, "postgres://") && !strings.HasPrefix(address, "postgresql://") {
		return nil, errors.New("it is no address of a database: give postgres://USER:PASSWORD@HOST/DATABASE")
	}
	if _, err := url.Parse(address); err != nil {
		return nil, errors.New("the address of the database cannot be read: give postgres://USER:PASSWORD@HOST/DATABASE, with % and hexadecimal digits for special characters of the password")
	}
	config, err := pgconn.ParseConfig(address)
	if err != nil {
		return nil, fmt.Errorf("the address of the database cannot be read: %w", withoutPassword(err, address))
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "parley"
	}
	config.ConnectTimeout = connectTime
	return config, nil
}

// withoutPassword is what an error says, unless it says the password, too.
func withoutPassword(err error, address string) error {
	u, bad := url.Parse(address)
	if bad == nil && u.User != nil {
		if password, _ := u.User.Password(); password != "" && strings.Contains(err.Error(), password) {
			return errors.New("see that its parts are as PostgreSQL has them")
		}
	}
	return err
}

// connected returns a connection that is open: c, or another in its place.
func (db *DB) connected(ctx context.Context, c *connection) (*connection, error) {
	if c != nil && !c.pg.IsClosed() {
		return c, nil
	}
	pg, err := pgconn.ConnectConfig(ctx, db.config)
	if err != nil {
		return nil, err
	}
	c = &connection{pg: pg, ctx: ctx, prepared: make(map[string]string), cache: relational.NewCache(), spares: make(map[string]*bulk)}
	replica := false
	limit, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	results, err := pg.Exec(limit, greeting).ReadAll()
	if err == nil {
		replica = string(results[len(results)-1].Rows[0][0]) == "t"
	}
	switch {
	case err == nil && replica:
		err = errReplica
	case err != nil && pg.IsClosed():
		err = errors.Join(io.ErrUnexpectedEOF, err) // it broke, which pgconn says in many ways
	}
	if err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// errReplica is that the database only follows another.
var errReplica = errors.New("the database only follows another and cannot be written to: give the address of that one")

// await is connected at the start, when the database may not be there yet.
func (db *DB) await(ctx context.Context) (*connection, error) {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	for told := false; ; {
		c, err := db.connected(ctx, nil)
		if err == nil {
			return c, nil
		}
		if !starting(err) {
			return nil, explain(err)
		}
		if !told {
			told = true
			db.log.Warn("waiting for the database", "for", startTime, "because", explain(err))
		}
		if !db.pause(ctx) {
			return nil, explain(err)
		}
	}
}

// starting reports whether an error is that of a database that may soon be there.
func starting(err error) bool {
	if code := codeOf(err); code != "" {
		return code == "57P03" || code == "53300" || code == "57P01" // cannot_connect_now, too_many_connections, admin_shutdown
	}
	var op *net.OpError
	return errors.As(err, &op) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || pgconn.SafeToRetry(err)
}

// start begins a transaction with the next statement.
func (c *connection) start(ctx context.Context, how string) {
	c.ctx, c.queue, c.queued, c.bulks, c.scattered, c.broken = ctx, nil, 0, nil, nil, nil
	c.inside = true
	c.add(how, nil, nil)
}

// begin begins a transaction and runs a statement in it, in one round trip.
func (c *connection) begin(ctx context.Context, how, query string) error {
	c.start(ctx, how)
	c.add(query, nil, nil)
	return c.run()
}

// commit ends a transaction, which is on disk when it returns nil.
func (c *connection) commit() error {
	c.scatter()
	c.add("COMMIT", nil, nil).tag = isCommit
	err := c.run()
	c.inside = err != nil
	return err
}

func isCommit(tag pgconn.CommandTag) error {
	if tag.String() != "COMMIT" {
		return &pgconn.PgError{Severity: "ERROR", Message: "the transaction was rolled back"}
	}
	return nil
}

// rollback ends a transaction that began, if it did.
func (c *connection) rollback() {
	c.queue, c.queued, c.bulks, c.scattered = nil, 0, nil, nil
	if !c.inside || c.pg.IsClosed() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), connectTime)
	defer cancel()
	for len(c.sent) > 0 {
		_ = c.receive(ctx) // whatever comes of it, nobody waits for that
	}
	c.inside, c.unread = false, nil
	c.ctx = ctx
	c.add("ROLLBACK", nil, nil)
	if c.run() != nil {
		c.close()
	}
}

// transaction runs f in a transaction of its own.
func (c *connection) transaction(ctx context.Context, how string, f func() error) error {
	defer c.rollback()
	c.start(ctx, how)
	if err := f(); err != nil {
		return err
	}
	return c.commit()
}

// script runs statements that are not kept, one after the other.
func (c *connection) script(statements string) error {
	if err := c.run(); err != nil {
		return err
	}
	_, err := c.pg.Exec(c.ctx, statements).ReadAll()
	return err
}

// close closes a connection, which may be nil.
func (c *connection) close() {
	if c == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = c.pg.Close(ctx) // it is of no use any more
}
