package chat

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"parley/proto"
)

const (
	// MaxReplies is how many canned replies a service has at most.
	MaxReplies = 200
	// MaxReplyTitle and MaxReply are the longest title and text of one, in characters.
	MaxReplyTitle = 80
	MaxReply      = 4000
)

// Placeholders are what clients fill in when a canned reply is used: the names of
// the customer, of the agent and of the service, and the day.
var Placeholders = []string{"customer", "agent", "service", "date"}

// Reply is a canned reply, which the agents of a service share.
type Reply struct {
	Service proto.ServiceType
	ID      uint64 // random, not 0
	// Version is another one, random, after each change.
	Version uint64
	Title   string
	// Content may hold placeholders, as {customer}.
	Content string
}

// Replies returns a service's canned replies by their titles. Errors wrap a
// *proto.Refusal: NotAuthorized for whoever does not answer for the service.
func (s *Service) Replies(ctx context.Context, who Sender, service proto.ServiceType) (replies []Reply, err error) {
	if err := answersFor(who, service); err != nil {
		return nil, err
	}
	err = s.store.Scan(ctx, func(v View) error {
		replies, err = v.Replies(service)
		return err
	})
	if err != nil {
		return nil, s.failed("the canned replies could not be read", err)
	}
	slices.SortStableFunc(replies, func(x, y Reply) int { return strings.Compare(Fold(x.Title), Fold(y.Title)) })
	return replies, nil
}

func answersFor(who Sender, service proto.ServiceType) error {
	if who.User == 0 || !slices.Contains(who.Services, service) {
		return proto.Refuse(proto.NotAuthorized, "you do not answer for service %d: its canned replies are for those who do", service).Named("not-agent")
	}
	return nil
}

// AddReply stores a new canned reply, of which Service, Title and Content are given,
// and returns it. Errors wrap a *proto.Refusal.
func (s *Service) AddReply(ctx context.Context, who Sender, reply Reply) (Reply, error) {
	reply.ID = 0
	return s.putReply(ctx, who, reply, 0)
}

// ChangeReply gives a canned reply another title and content, if its version is still
// the one that the agent saw; 0 is any. Errors wrap a *proto.Refusal.
func (s *Service) ChangeReply(ctx context.Context, who Sender, reply Reply, seen uint64) (Reply, error) {
	if reply.ID == 0 {
		return Reply{}, replyGone()
	}
	return s.putReply(ctx, who, reply, seen)
}

func (s *Service) putReply(ctx context.Context, who Sender, reply Reply, seen uint64) (Reply, error) {
	if err := answersFor(who, reply.Service); err != nil {
		return Reply{}, err
	}
	if err := checkReply(reply); err != nil {
		return Reply{}, err
	}
	r := &replyChange{reply: reply, seen: seen, author: who.User, quota: s.quotas.of(who)}
	var err error
	if r.fresh, err = s.randomID(); err == nil {
		r.reply.Version, err = s.randomID()
	}
	if err != nil {
		return Reply{}, temporary("not stored", err)
	}
	return answerOf(ctx, s.submit, r, &r.reply)
}

// placeholder matches a word in braces.
var placeholder = regexp.MustCompile(`\{([\pL_]+)\}`)

func checkReply(r Reply) error {
	length := utf8.RuneCountInString(r.Title)
	switch {
	case proto.IsBlank(r.Title):
		return proto.Refuse(proto.PayloadFormatInvalid, "title shows nothing: give one").Named("title-empty")
	case length > MaxReplyTitle:
		return proto.Refuse(proto.PayloadFormatInvalid, "title has %d characters, at most %d are allowed: shorten it", length, MaxReplyTitle).Named("title-too-long", length, MaxReplyTitle)
	case strings.ContainsFunc(r.Title, unicode.IsControl):
		return proto.Refuse(proto.PayloadFormatInvalid, "title has control characters or more than one line: write it in one line").Named("title-lines")
	}
	if err := checkLength(r.Content, MaxReply); err != nil {
		return err
	}
	for _, found := range placeholder.FindAllStringSubmatch(r.Content, -1) {
		if !slices.Contains(Placeholders, found[1]) {
			return proto.Refuse(proto.PayloadFormatInvalid, "content has a word in braces that nothing is filled in for: there are {%s}", strings.Join(Placeholders, "}, {")).Named("unknown-placeholder")
		}
	}
	return nil
}

// replyChange adds a canned reply, or changes one.
type replyChange struct {
	reply  Reply
	fresh  uint64 // the ID of an added one
	seen   uint64
	author uint64
	quota  quota
}

func (r *replyChange) apply(b *batch) (Result, error) {
	replies, err := b.tx.Replies(r.reply.Service)
	if err != nil {
		return Result{}, err
	}
	adds := r.reply.ID == 0 || r.reply.ID == r.fresh // it may be applied again
	if !adds {
		if refusal := changeable(replies, r.reply.ID, r.seen); refusal != nil {
			return Result{Err: refusal}, nil
		}
	} else if len(replies) >= MaxReplies {
		return Result{Err: proto.Refuse(proto.PayloadFormatInvalid, "this service has %d canned replies, which is the most: delete some first", MaxReplies).Named("too-many-replies", MaxReplies)}, nil
	}
	none := &conversation{Conversation: Conversation{Head: 1}} // it begins no conversation
	if refusal, err := b.spend(none, r.author, r.quota, len(r.reply.Title)+len(r.reply.Content)); err != nil || refusal != nil {
		return Result{Err: refusal}, err
	}
	if adds {
		r.reply.ID = r.fresh
	}
	return Result{}, b.tx.PutReply(r.reply)
}

// changeable refuses to change a reply that is gone, or another than the agent saw.
func changeable(replies []Reply, id, seen uint64) error {
	i := slices.IndexFunc(replies, func(r Reply) bool { return r.ID == id })
	switch {
	case i < 0:
		return replyGone()
	case seen != 0 && replies[i].Version != seen:
		return proto.Refuse(proto.PayloadFormatInvalid, "a colleague changed this canned reply meanwhile: read it, then change it").Named("reply-changed")
	}
	return nil
}

func replyGone() error {
	return proto.Refuse(proto.PayloadFormatInvalid, "there is no such canned reply: it was deleted, or never was").Named("reply-gone")
}

// DeleteReply deletes a canned reply, if its version is still the one that the agent
// saw; 0 is any. Errors wrap a *proto.Refusal.
func (s *Service) DeleteReply(ctx context.Context, who Sender, service proto.ServiceType, id, seen uint64) error {
	if err := answersFor(who, service); err != nil {
		return err
	}
	_, err := s.submit(ctx, replyDeletion{service, id, seen})
	return err
}

type replyDeletion struct {
	service  proto.ServiceType
	id, seen uint64
}

func (r replyDeletion) apply(b *batch) (Result, error) {
	replies, err := b.tx.Replies(r.service)
	if err != nil {
		return Result{}, err
	}
	if refusal := changeable(replies, r.id, r.seen); refusal != nil {
		return Result{Err: refusal}, nil
	}
	return Result{}, b.tx.DeleteReply(r.service, r.id)
}
