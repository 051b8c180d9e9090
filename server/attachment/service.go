package attachment

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"syscall"
	"time"

	"parley/proto"
	"parley/server/chat"
)

// Config says what a Service works with. Uploads and Store are needed.
type Config struct {
	Uploads *chat.Service
	Store   Store
	// Now is the server's clock; nil is time.Now.
	Now func() time.Time
	// Log is told when the Store fails; nil is slog.Default.
	Log *slog.Logger
}

// Service takes, serves and deletes what users upload. Safe for concurrent use.
type Service struct{ Config }

// New returns a Service. Sweep, or Run, deletes what is due.
func New(c Config) *Service {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return &Service{c}
}

// Begin begins an upload of a size in bytes, with a name that is cleaned. Errors wrap a
// *proto.Refusal, as chat.Service.BeginUpload.
func (s *Service) Begin(ctx context.Context, who chat.Sender, name string, size uint64) (chat.Attachment, error) {
	return s.Uploads.BeginUpload(ctx, who, name, size)
}

// noteTime bounds the time to note in the history what was kept.
const noteTime = 20 * time.Second

// Append keeps what comes of r, of at most what is missing, behind what is kept of an upload,
// and returns how many bytes are on disk. With the last of them the upload is finished: then
// what it is is known. Errors wrap a *proto.Refusal, or are r's; n is valid all the same.
func (s *Service) Append(ctx context.Context, before chat.Attachment, r io.Reader) (n uint64, err error) {
	after := before
	missing := before.Size - before.Offset
	n, failed := s.Store.Append(ctx, before.ID, before.Offset, io.LimitReader(r, int64(missing)))
	if n == 0 {
		return 0, s.failed("append to an upload", failed)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteTime) // who sent it may be gone
	defer cancel()
	after.Offset += n
	if after.Offset == after.Size {
		if after, err = s.finish(ctx, after); err != nil {
			return 0, s.failed("finish an upload", err)
		}
	}
	if err := s.Uploads.ContinueUpload(ctx, before, after); err != nil {
		return 0, err
	}
	return n, s.failed("append to an upload", failed)
}

// finish finds out what a content is that is complete. Who may read it, the history says.
func (s *Service) finish(ctx context.Context, a chat.Attachment) (_ chat.Attachment, err error) {
	content, err := s.Store.Open(ctx, a.ID, a.Size)
	if err != nil {
		return a, err
	}
	defer func() { err = errors.Join(err, content.Close()) }()
	head := make([]byte, min(a.Size, headSize))
	if _, err := io.ReadFull(content, head); err != nil {
		return a, err
	}
	found := mediaOf(head)
	a.MediaType, a.Width, a.Height, a.State = found.mediaType, found.width, found.height, chat.AttachmentFinished
	return a, nil
}

// readFailure marks an error of whoever sends, which is not the store's.
type readFailure interface{ Sender() bool }

// failed words an error of the store for whoever sends; those of whoever sends, and nil, stay
// as they are.
func (s *Service) failed(what string, err error) error {
	var sender readFailure
	if err == nil || errors.As(err, &sender) {
		return err
	}
	if errors.As(err, new(*proto.Refusal)) {
		return err
	}
	s.Log.Error("the store of attachments failed", "at", what, "error", err)
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", proto.Refuse(proto.UnspecifiedError, "there is no room for files on the server now: try again later").Named("uploads-no-room").In(time.Minute), err)
	}
	return fmt.Errorf("%w: %w", proto.Refuse(proto.UnspecifiedError, "files cannot be stored or read now: try again later").Named("uploads-away").In(5*time.Second), err)
}

// Open opens a finished attachment that the user may read. Errors wrap a *proto.Refusal.
func (s *Service) Open(ctx context.Context, who chat.Sender, id uint64) (chat.Attachment, Content, error) {
	a, err := s.Uploads.Attachment(ctx, who, id)
	if err != nil {
		return a, nil, err
	}
	content, err := s.Store.Open(ctx, id, a.Size)
	if err != nil {
		return a, nil, s.failed("open an attachment", err)
	}
	return a, content, nil
}

const (
	// sweepEvery is how often what is due is looked for, as what was taken back is to be gone
	// soon, and sweepLater after how long again where that failed; sweepAtOnce is how much is
	// deleted in a row before others have their turn.
	sweepEvery  = 5 * time.Second
	sweepLater  = time.Minute
	sweepAtOnce = 100
	// orphanEvery is how often contents are looked for that no upload stands for, and orphanAge
	// how old one must be.
	orphanEvery = 24 * time.Hour
	orphanAge   = 24 * time.Hour
)

// Run deletes what is due until ctx is done.
func (s *Service) Run(ctx context.Context) {
	var looked time.Time
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		err := s.Sweep(ctx)
		if now := s.Now(); err == nil && now.Sub(looked) >= orphanEvery {
			if err = s.SweepOrphans(ctx); err == nil {
				looked = now
			}
		}
		next := sweepEvery
		if err != nil && ctx.Err() == nil {
			s.Log.Error("attachments could not be deleted: it is tried again", "error", err)
			next = sweepLater
		}
		timer.Reset(next)
	}
}

// Sweep deletes what is due. Its content goes first: as long as that is there, so is the
// upload, and is tried again.
func (s *Service) Sweep(ctx context.Context) error {
	for {
		due, err := s.Uploads.DueUploads(ctx, sweepAtOnce)
		if err != nil {
			return err
		}
		for _, a := range due {
			err = errors.Join(err, s.end(ctx, a.ID))
		}
		if err != nil || len(due) < sweepAtOnce {
			return err
		}
	}
}

// end deletes an upload that is due.
func (s *Service) end(ctx context.Context, id uint64) error {
	ended, err := s.Uploads.EndUpload(ctx, id)
	if err != nil || !ended { // an entry names it since
		return err
	}
	if err := s.Store.Delete(ctx, id); err != nil {
		return fmt.Errorf("delete an attachment: %w", err)
	}
	return s.Uploads.ForgetUpload(ctx, id)
}

// SweepOrphans deletes contents, a day old or older, that no upload of the history stands
// for: as after a backup of the history was put back.
func (s *Service) SweepOrphans(ctx context.Context) error {
	before := s.Now().Add(-orphanAge)
	var old []uint64
	flush := func() error {
		foreign, err := s.Uploads.Foreign(ctx, old)
		old = old[:0]
		for _, id := range foreign {
			if err == nil {
				err = s.Store.Delete(ctx, id)
			}
		}
		return err
	}
	err := s.Store.Each(ctx, func(id uint64, changed time.Time) error {
		if changed.After(before) {
			return nil
		}
		if old = append(old, id); len(old) < sweepAtOnce {
			return nil
		}
		return flush()
	})
	return errors.Join(err, flush())
}
