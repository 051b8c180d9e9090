package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// codeOf is PostgreSQL's code of an error (its appendix A), "" if it has none.
func codeOf(err error) string {
	if e := (*pgconn.PgError)(nil); errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// passing reports whether an error is that of a connection, and not of what was asked: the
// same may do another time.
func passing(err error) bool {
	switch code := codeOf(err); {
	case err == nil:
		return false
	case code == "08P01": // protocol_violation: it would be one again
		return false
	case code != "":
		// connection_exception; operator_intervention, as when it is stopped; serialization_failure
		// and deadlock_detected; too_many_connections; lock_not_available;
		// idle_in_transaction_session_timeout; read_only_sql_transaction, as after a switch to another.
		return strings.HasPrefix(code, "08") || strings.HasPrefix(code, "57P") || strings.HasPrefix(code, "40") ||
			code == "53300" || code == lockTimeout || code == "25P03" || code == "25006"
	}
	var network net.Error
	var connect *pgconn.ConnectError
	return errors.Is(err, errReplica) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.As(err, &network) || errors.As(err, &connect) || pgconn.SafeToRetry(err)
}

// Advice is what is wrong with the database, and what to do, for anybody to read: it names
// neither hosts nor users.
func Advice(err error) string {
	switch code := codeOf(err); {
	case errors.Is(err, errReplica), code == "25006":
		return "the database only follows another: give the address of that one"
	case errors.Is(err, errRewound):
		return err.Error()
	case code == "53100":
		return "the database's disk is full: make room"
	case strings.HasPrefix(code, "28"):
		return "the database does not let this server in: see its user and password"
	case code == "53300":
		return "the database has no connection left: raise its max_connections"
	case errors.Is(err, context.DeadlineExceeded):
		return "the database does not answer in time: see whether it works"
	}
	return "the database cannot be reached or written to: see whether it runs"
}

// explain turns an error of opening into one line that says what to do.
func explain(err error) error {
	e := (*pgconn.PgError)(nil)
	if !errors.As(err, &e) {
		var connect *pgconn.ConnectError
		if errors.As(err, &connect) {
			return fmt.Errorf("the database cannot be reached: see whether it runs, and the host and port of the address: %s", reason(err))
		}
		return err
	}
	advice := "the database refuses"
	switch {
	case e.Code == "28P01", e.Code == "28000":
		advice = "the database does not let this user in: see the user and the password of the address, and the database's pg_hba.conf"
	case e.Code == "3D000":
		advice = "there is no such database: make it (createdb), or see the name in the address"
	case e.Code == "42501":
		advice = "the user may not do that: let the database belong to them (ALTER DATABASE … OWNER TO …)"
	case e.Code == "25006":
		return errReplica
	case e.Code == "53300":
		advice = "the database has no connection left: raise its max_connections"
	case e.Code == "57P03":
		advice = "the database is not ready yet"
	case e.Code == lockTimeout:
		advice = "another program holds the history for too long: see pg_stat_activity"
	}
	return fmt.Errorf("%s: %s (SQLSTATE %s)", advice, e.Message, e.Code)
}

// reason is the innermost cause, in one line: what is around it names hosts and users at
// length.
func reason(err error) string {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Error()
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
