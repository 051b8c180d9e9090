package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"parley/server/auth"
	"parley/server/store/postgres"
)

const (
	// keyFile is the key of users' tokens that the server makes itself: a file of the data
	// folder, or kept by the database for all nodes.
	keyFile = "jwt.key"
	// inviteFile is the agent invite, likewise. The first one, which the server makes, is for
	// so many agents and so long.
	inviteFile                        = "agent.invite"
	firstInviteCount, firstInviteTime = 100, 30 * 24 * time.Hour
)

// secretOf returns where a secret of the server's own is kept, with the history in h and the
// data folder: with PostgreSQL, all nodes share it.
func secretOf(h history, folder, name string) auth.Place {
	if db, ok := h.(*postgres.DB); ok {
		return db.Kept(name)
	}
	return auth.File(filepath.Join(folder, name))
}

// errOtherKey is that a node has another key than its cluster.
var errOtherKey = errors.New("the key in it, " + keyFile + ", is not the one of this cluster: give this node a data folder of its own")

// adopt lets the database keep the secrets in a data folder, as of a server that had its
// history there before. What it keeps already stays; the key must be the same.
func adopt(h history, folder string) error {
	if _, ok := h.(*postgres.DB); !ok {
		return nil
	}
	for _, name := range secrets {
		own, err := os.ReadFile(filepath.Join(folder, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := handOver(own, secretOf(h, folder, name), name == keyFile); err != nil {
			return err
		}
	}
	return nil
}

// handOver keeps a secret in a place that has none. If it must be the same, another in the
// place is an error.
func handOver(secret []byte, to auth.Place, same bool) error {
	kept, err := to.Change(func(kept []byte) ([]byte, error) {
		if kept != nil {
			return nil, nil
		}
		return secret, nil
	})
	if err == nil && same && !bytes.Equal(bytes.TrimSpace(kept), bytes.TrimSpace(secret)) {
		err = errOtherKey
	}
	return err
}

// openKeys opens the key that is given, or the server's own and with it the invite.
func (s *server) openKeys(o options) (*auth.Authority, error) {
	if o.jwtKey != "" {
		authority, err := auth.Open(o.jwtKey, time.Now)
		if err != nil {
			return nil, fmt.Errorf("-jwt-key: %w", err)
		}
		return authority, nil
	}
	if err := adopt(s.store, o.data); err != nil {
		return nil, fmt.Errorf("-data %s: %w", o.data, err)
	}
	authority, err := auth.OpenOrMake(secretOf(s.store, o.data, keyFile), time.Now)
	if err == nil {
		s.invite = auth.NewInvite(secretOf(s.store, o.data, inviteFile), time.Now)
		s.made, err = s.invite.MakeFirst(time.Now().Add(firstInviteTime), firstInviteCount)
	}
	if err != nil {
		return nil, fmt.Errorf("%v: %w", s.site, err)
	}
	return authority, nil
}
