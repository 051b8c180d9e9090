package chat

import (
	"context"
	"slices"
	"unicode/utf8"

	"parley/proto"
)

const (
	// MaxNotes is how many notes a conversation has at most.
	MaxNotes = 200
	// MaxNote is the longest note, in characters.
	MaxNote = 4000
)

// Note is what an agent wrote about a conversation for those who answer for the
// service. Notes stand beside the log, of which the customer has a copy, with every
// seq in it: there a note would be a hole, or tell by its place that it was written.
type Note struct {
	Key proto.Key
	// ID is unique among the conversation's notes, and above those of all before.
	ID uint64
	// After is the seq of the entry behind which it stands.
	After  uint64
	Author uint64
	// Ref makes a repeat harmless, as an Entry's does; zero if the client sent none.
	Ref     [proto.RefSize]byte
	Time    uint64 // Unix milliseconds
	Content string
}

// NewNote is a note that an agent adds. After is the newest entry that they had seen;
// it stands behind that.
type NewNote struct {
	Content string
	After   uint64
	Ref     [proto.RefSize]byte
}

// Notes returns the notes on a service's conversation, the oldest first, with the
// names of their authors by id. Errors wrap a *proto.Refusal: NotAuthorized for
// whoever is not an agent of the service, the customer included.
func (s *Service) Notes(ctx context.Context, who Sender, key proto.Key) (notes []Note, names map[uint64]string, err error) {
	if err := onlyAgents(who, key); err != nil {
		return nil, nil, err
	}
	names = make(map[uint64]string)
	err = s.store.Scan(ctx, func(v View) error {
		if notes, err = v.Notes(key); err != nil {
			return err
		}
		for _, n := range notes {
			if _, known := names[n.Author]; known {
				continue
			}
			u, err := v.User(n.Author)
			if err != nil {
				return err
			}
			names[n.Author] = u.Name
		}
		return nil
	})
	if err != nil {
		return nil, nil, s.failed("the notes could not be read", err)
	}
	return notes, names, nil
}

// onlyAgents refuses everybody but those who answer for a conversation's service.
// An agent who is its customer is that, and no more.
func onlyAgents(who Sender, key proto.Key) error {
	if who.User == 0 || key.Kind() != proto.Service || key.Has(who.User) || !slices.Contains(who.Services, key.Service()) {
		return notParticipant()
	}
	return nil
}

// AddNote stores a note and returns it; of a repeated Ref, the one that it was stored
// as first. All agents of the service are shown that the notes changed
// (ConversationState.notes). Errors wrap a *proto.Refusal.
func (s *Service) AddNote(ctx context.Context, who Sender, key proto.Key, n NewNote) (Note, error) {
	if err := onlyAgents(who, key); err != nil {
		return Note{}, err
	}
	if err := checkLength(n.Content, MaxNote); err != nil {
		return Note{}, err
	}
	r := &noteAddition{key: key, author: who.User, quota: s.quotas.of(who), new: n}
	return answerOf(ctx, s.submit, r, &r.note)
}

// checkLength refuses a text that shows nothing or has more characters than it may.
func checkLength(text string, most int) error {
	if n := utf8.RuneCountInString(text); n > most {
		return proto.Refuse(proto.PayloadFormatInvalid, "content has %d characters, at most %d are allowed: shorten it", n, most).Named("text-too-long", n, most)
	}
	return proto.CheckContent(text)
}

// noteAddition is a note on its way into the history.
type noteAddition struct {
	key    proto.Key
	author uint64
	quota  quota
	new    NewNote
	note   Note // set by apply
}

func (r *noteAddition) apply(b *batch) (Result, error) {
	notes, err := b.tx.Notes(r.key)
	if err != nil {
		return Result{}, err
	}
	if i := slices.IndexFunc(notes, r.repeats); i >= 0 {
		r.note = notes[i]
		return Result{}, nil
	}
	c, err := b.conversation(r.key)
	switch {
	case err != nil:
		return Result{}, err
	case c.Head == 0:
		return Result{Err: refuseEntry("nothing-said", "nothing was said in this conversation yet: write to the customer first")}, nil
	case len(notes) >= MaxNotes:
		return Result{Err: proto.Refuse(proto.PayloadFormatInvalid, "this conversation has %d notes, which is the most: delete some first", MaxNotes).Named("too-many-notes", MaxNotes)}, nil
	}
	if refusal, err := b.spend(c, r.author, r.quota, len(r.new.Content)); err != nil || refusal != nil {
		return Result{Err: refusal}, err
	}
	c.Notes++
	b.revise(c)
	r.note = Note{
		Key: r.key, ID: c.Notes, After: min(r.new.After, c.Head), Author: r.author, Ref: r.new.Ref,
		Time: b.now, Content: r.new.Content,
	}
	return Result{}, b.tx.AddNote(r.note)
}

func (r *noteAddition) repeats(n Note) bool {
	return r.new.Ref != [proto.RefSize]byte{} && n.Ref == r.new.Ref && n.Author == r.author
}

// DeleteNote deletes a note of one's own. Errors wrap a *proto.Refusal.
func (s *Service) DeleteNote(ctx context.Context, who Sender, key proto.Key, id uint64) error {
	if err := onlyAgents(who, key); err != nil {
		return err
	}
	_, err := s.submit(ctx, &noteDeletion{key, who.User, id})
	return err
}

type noteDeletion struct {
	key    proto.Key
	author uint64
	id     uint64
}

func (r *noteDeletion) apply(b *batch) (Result, error) {
	notes, err := b.tx.Notes(r.key)
	if err != nil {
		return Result{}, err
	}
	i := slices.IndexFunc(notes, func(n Note) bool { return n.ID == r.id })
	switch {
	case i < 0:
		return Result{Err: proto.Refuse(proto.PayloadFormatInvalid, "there is no such note: it was deleted, or never was").Named("note-gone")}, nil
	case notes[i].Author != r.author:
		return Result{Err: proto.Refuse(proto.NotAuthorized, "the note is a colleague's: only who wrote it deletes it").Named("not-your-note")}, nil
	}
	c, err := b.conversation(r.key)
	if err != nil {
		return Result{}, err
	}
	c.Notes++
	b.revise(c)
	return Result{}, b.tx.DeleteNote(r.key, r.id)
}

// noteExpiry deletes old notes, wherever they are. Nobody is told: clients keep no
// notes, and ask for them where they show a conversation.
type noteExpiry struct {
	before uint64 // Unix milliseconds
	done   bool   // none is left that is older; set by apply
}

func (r *noteExpiry) apply(b *batch) (Result, error) {
	n, err := b.tx.ExpireNotes(r.before, maxExpired)
	r.done = n < maxExpired
	return Result{}, err
}

func (r *noteExpiry) finished() bool { return r.done }
