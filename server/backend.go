package main

import (
	"context"
	"time"

	"parley/proto"
	"parley/server/auth"
	"parley/server/broker"
	"parley/server/chat"
)

// backend is what the broker asks: tokens are checked by the authority, and
// what users send goes to the service.
type backend struct {
	authority *auth.Authority
	service   *chat.Service
}

var _ broker.Backend = (*backend)(nil)

// Authenticate implements broker.Backend.
func (b *backend) Authenticate(ctx context.Context, user uint64, token string) (chat.Sender, time.Time, error) {
	who, err := b.authority.Verify(token)
	if err != nil {
		return chat.Sender{}, time.Time{}, err
	}
	if who.ID != user {
		return chat.Sender{}, time.Time{}, proto.Refuse(proto.NotAuthorized, "the token is of another user than the user name says")
	}
	seen := chat.User{ID: who.ID, Name: who.Name, Services: chat.ServicesOf(who.Services), ServicesUntil: uint64(who.Expires.UnixMilli())}
	credential := chat.Credential{Issued: who.Issued, Expires: who.Expires, Device: who.Device}
	if err := b.service.Seen(ctx, seen, credential); err != nil {
		return chat.Sender{}, time.Time{}, err
	}
	return chat.Sender{User: who.ID, Name: who.Name, Services: who.Services, Device: who.Device}, who.Expires, nil
}

// knownAfter is how long after they came first users are known: longer than
// somebody who wants every place now would wait.
const knownAfter = 24 * time.Hour

// Known implements broker.Backend. Agents are known at once: the invite, or
// whoever mints tokens, says so.
func (b *backend) Known(ctx context.Context, from chat.Sender) (bool, error) {
	if len(from.Services) > 0 {
		return true, nil
	}
	first, err := b.service.FirstSeen(ctx, from.User)
	return err == nil && time.Since(first) >= knownAfter, err
}

// Connected implements broker.Backend.
func (b *backend) Connected(ctx context.Context, from chat.Sender) (uint64, error) {
	return b.service.Connected(ctx, from)
}

// Disconnected implements broker.Backend.
func (b *backend) Disconnected(from chat.Sender) { b.service.Disconnected(from) }

// Sync implements broker.Backend.
func (b *backend) Sync(from chat.Sender, payload []byte) (func(context.Context) error, error) {
	return b.service.Sync(from, payload)
}

// Missed implements broker.Backend.
func (b *backend) Missed() ([]byte, error) { return b.service.Missed() }

// Publish implements broker.Backend.
func (b *backend) Publish(ctx context.Context, from chat.Sender, branch proto.Branch, payload, correlation []byte) (chat.Receipt, error) {
	return b.service.Publish(ctx, from, branch, payload, correlation)
}
