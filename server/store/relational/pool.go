package relational

import (
	"context"
	"errors"
)

// ErrClosed is that the history was closed.
var ErrClosed = errors.New("the history is closed")

// Take takes a connection out of a pool, to which its taker gives it back, unless ctx has
// ended or the history is closed.
func Take[C any](ctx context.Context, pool <-chan C, closed <-chan struct{}) (c C, err error) {
	if err := ctx.Err(); err != nil {
		return c, err
	}
	select {
	case <-closed:
		return c, ErrClosed
	default:
	}
	select {
	case c = <-pool:
		return c, nil
	case <-closed:
		return c, ErrClosed
	case <-ctx.Done():
		return c, ctx.Err()
	}
}
