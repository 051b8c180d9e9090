package main

import (
	"context"
	"fmt"
	"time"

	"parley/proto"
	"parley/server/auth"
	"parley/server/chat"
	"parley/server/services"
)

// operator does what the commands of whoever runs the server ask for.
type operator struct {
	service *chat.Service
	invite  *auth.Invite // nil where there are no guests
	offered *services.Directory
	now     func() time.Time
}

// order is what a command asks for.
type order struct {
	Command string // its words
	User    uint64
	Expires time.Duration
	Count   int
}

// report is what came of an order.
type report struct {
	Users   []listed  // that were asked for
	Before  chat.User // as it was before, where the order was about one
	Invite  string
	Offered chat.Services // all services that there are
	Doubt   string        // why a new epoch began with the command, see store.DB
}

// listed is a user as they are listed.
type listed struct {
	chat.User
	Here bool
}

// do carries an order out. When it returns nil, that is on disk and in effect.
func (o *operator) do(ctx context.Context, want order) (r report, err error) {
	switch want.Command {
	case "agents":
		r, err = o.list(o.service.Team(ctx))
		r.Offered = chat.ServicesOf(o.offered.Numbers())
		return r, err
	case "agents remove":
		r.Before, err = o.service.RemoveAgent(ctx, want.User)
		return r, err
	case "users":
		return o.list(o.service.BlockedUsers(ctx))
	case "users block":
		r.Before, err = o.service.Block(ctx, want.User)
		return r, err
	case "users unblock":
		r.Before, err = o.service.Unblock(ctx, want.User)
		return r, err
	case "invite":
		if o.invite == nil {
			return r, proto.Refuse(proto.NotAuthorized, "this server takes no guests, since its key was given to it (-jwt-key): mint tokens with services for agents instead")
		}
		r.Invite, err = o.invite.Make(o.now().Add(want.Expires), want.Count)
		return r, err
	case "epoch":
		return r, o.service.NewEpoch(ctx)
	}
	return r, fmt.Errorf("the server does not know the command %q: it is of another version", want.Command)
}

func (o *operator) list(users []chat.User, err error) (r report, _ error) {
	for _, u := range users {
		r.Users = append(r.Users, listed{u, o.service.Here(u.ID)})
	}
	return r, err
}
