package chat

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"parley/proto"
)

// Files keeps in the browser what is to be sent as attachments, and uploads it. Whoever gives
// the engine a draft has put its files there before, under keys of 32 hex digits of which the
// first 12 are Unix milliseconds; the engine deletes them. Package idb and bridge implement it.
// Errors wrap a *proto.Refusal if the server gave a reason; ErrFileGone says that there is no
// such file.
type Files interface {
	// Begin begins the upload of a file, and returns its id.
	Begin(ctx context.Context, token, key, name string, size uint64) (id uint64, err error)
	// Offset asks how many bytes of an upload the server has.
	Offset(ctx context.Context, token string, id uint64) (offset uint64, err error)
	// Append sends at most n bytes of a file from an offset on, and returns how many the server
	// has then, which may be fewer than before if it knows better.
	Append(ctx context.Context, token, key string, id, offset, n uint64) (uint64, error)
	// Cancel ends an upload that is not needed any more.
	Cancel(ctx context.Context, token string, id uint64) error
	// Keys are those under which files are kept, and Delete deletes some.
	Keys(ctx context.Context) ([]string, error)
	Delete(ctx context.Context, keys []string) error
}

// ErrFileGone is that the browser does not keep a file any more.
var ErrFileGone = &Reason{Text: "the file is not there any more: choose it again", Code: "file-gone"}

const (
	// A part of a file is as much as goes in about partTime, within bounds, so that progress shows
	// and little is lost with a connection.
	partTime            = time.Second
	leastPart, mostPart = 64 << 10, 4 << 20
	firstPart           = 256 << 10
	// uploadTimeout bounds one request.
	uploadTimeout = 2 * time.Minute
	// strayAge is after how long a file is deleted that no message names: its page has ended
	// before it gave the message to the engine. A page may give again what an engine before this one was given, and
	// clocks are set meanwhile, by hours.
	strayAge = 24 * time.Hour
)

// uploads uploads what messages of the outbox carry, one file at a time, in the order of sending
// within a conversation. Until all are uploaded the message is not sent, and stays the first.
type uploads struct {
	engine *Engine
	part   uint64 // how much is sent at a time; 0: firstPart
}

// Pause lets the upload of a message's files rest, and with it the message and those behind it,
// or go on, also after this program has ended.
func (e *Engine) Pause(hexRef string, paused bool, done func(error)) {
	e.loaded(func() {
		c, o, err := e.outbox.discardable(hexRef)
		if err == nil && o.Refused != "" {
			err = proto.Refuse(proto.PayloadFormatInvalid, "ref: no message whose files are being uploaded has it")
		}
		if err == nil && o.Paused != paused {
			o.Paused = paused
			e.write.outgoing(o.Outgoing, nil)
			if paused && o.abort != nil {
				o.abort()
			}
			e.outbox.tell(c, o)
			e.outbox.pump(c)
		}
		done(err)
	})
}

func filesOf(d Draft) (files []OutgoingFile) {
	for _, f := range d.Files {
		files = append(files, OutgoingFile{Key: f.Key, Upload: f.ID})
	}
	return files
}

// uploading makes room for how far the files are. Those of before are as far as they can be.
func (o *outgoing) uploading() {
	o.uploaded, o.known = make([]uint64, len(o.Files)), make([]bool, len(o.Files))
	for i := range o.Files {
		if o.done(i) {
			o.uploaded[i], o.known[i] = o.size(i), true
		}
	}
}

// uploadAgain lets the files begin anew that this browser keeps, as what the server has of them
// may be what it refused.
func (o *outgoing) uploadAgain() {
	for i, f := range o.Files {
		if f.Key != "" {
			o.Files[i].Upload = 0
			o.setID(i, 0)
		}
	}
	o.uploading()
}

func (o *outgoing) size(i int) uint64 { return o.entry.attachments()[i].GetSize() }

func (o *outgoing) setID(i int, id uint64) { o.entry.attachments()[i].AttachmentId = &id }

// done reports whether a file is uploaded: then the message names it.
func (o *outgoing) done(i int) bool { return o.entry.attachments()[i].GetAttachmentId() != 0 }

// complete reports whether all of a message's files are uploaded.
func (o *outgoing) complete() bool {
	for i := range o.Files {
		if !o.done(i) {
			return false
		}
	}
	return true
}

// begin goes on with the first file of a message that is not uploaded, unless that is under way.
func (u *uploads) begin(c *conversation, o *outgoing) {
	e := u.engine
	if o.abort != nil || o.Paused || e.closed {
		return
	}
	if e.Files == nil {
		e.outbox.refuse(c, o, proto.Refuse(proto.ImplementationSpecific, "this browser keeps nothing, so that no files can be sent from it").Named("no-files-here"))
		return
	}
	i := 0
	for o.done(i) { // not all are: the message is not complete
		i++
	}
	token := e.Token.Text
	ctx, cancel := context.WithTimeout(e.ctx, uploadTimeout)
	o.abort = cancel
	step := u.step(ctx, token, o, i)
	e.Host.Go(func() func() {
		took, err := step()
		aborted := ctx.Err() == context.Canceled
		return func() {
			cancel()
			o.abort = nil
			if e.closed || !slices.Contains(c.outbox, o) {
				return
			}
			if err != nil && aborted { // paused
				o.known[i] = false
				e.outbox.pump(c)
				return
			}
			if err == nil {
				took()
				o.retry.reset()
				o.held = nil
				e.outbox.pump(c)
				return
			}
			u.failed(c, o, i, token, err)
		}
	})
}

// step is the next request for a file: what it returns is to be called on the loop.
func (u *uploads) step(ctx context.Context, token string, o *outgoing, i int) func() (took func(), err error) {
	e, f, size, name := u.engine, o.Files[i], o.size(i), o.entry.attachments()[i].GetName()
	switch {
	case f.Upload == 0:
		return func() (func(), error) {
			id, err := e.Files.Begin(ctx, token, f.Key, name, size)
			return func() {
				o.Files[i].Upload, o.known[i], o.uploaded[i] = id, true, 0
				e.write.outgoing(o.Outgoing, nil)
			}, err
		}
	case !o.known[i]:
		return func() (func(), error) {
			offset, err := e.Files.Offset(ctx, token, f.Upload)
			return func() { u.reached(o, i, offset) }, err
		}
	}
	offset, n := o.uploaded[i], u.size()
	began := e.Host.Elapsed()
	return func() (func(), error) {
		reached, err := e.Files.Append(ctx, token, f.Key, f.Upload, offset, n)
		return func() {
			u.pace(e.Host.Elapsed()-began, reached-min(reached, offset) >= n)
			u.reached(o, i, reached)
		}, err
	}
}

func (u *uploads) size() uint64 {
	if u.part == 0 {
		return firstPart
	}
	return u.part
}

// pace lets a part be as much as goes in about partTime. Of one that was not whole nothing
// follows.
func (u *uploads) pace(took time.Duration, whole bool) {
	switch {
	case took > 2*partTime:
		u.part = max(leastPart, u.size()/2)
	case took < partTime/2 && whole:
		u.part = min(mostPart, u.size()*2)
	}
}

// reached notes how much the server has of a file, and names it in the message once that is all.
func (u *uploads) reached(o *outgoing, i int, offset uint64) {
	e := u.engine
	o.known[i], o.uploaded[i] = true, offset
	if offset >= o.size(i) {
		o.setID(i, o.Files[i].Upload)
		if err := o.entry.encode(); err != nil {
			e.Observer.Failed(err)
			return
		}
		o.Body = o.entry.body
		e.write.outgoing(o.Outgoing, nil)
	}
	if c := e.conversations[o.Key]; c != nil {
		e.outbox.tell(c, o)
	}
}

// failed does about an error what is to be done.
func (u *uploads) failed(c *conversation, o *outgoing, i int, token string, err error) {
	e := u.engine
	if errors.Is(err, ErrFileGone) {
		e.outbox.refuse(c, o, proto.Refuse(proto.ImplementationSpecific, "%s", ErrFileGone.Text).Named(ErrFileGone.Code))
		return
	}
	o.known[i] = false // the server is asked how far it is
	do, why := remedyOf(reading, err)
	switch {
	case do == giveUp:
		e.outbox.refuse(c, o, why)
	case do == hide && o.Files[i].Upload != 0: // it was given up, as after a day: it begins anew
		o.Files[i].Upload = 0
		e.outbox.again(c, o)
	case do == hide:
		e.outbox.refuse(c, o, why)
	case do == renew && token == e.Token.Text:
		e.renewing.ask()
		e.outbox.again(c, o)
	case e.connection.session == nil: // once it is connected again
	case errors.As(err, &why):
		e.outbox.hold(c, o, why)
	default:
		e.outbox.again(c, o)
	}
}

// drop ends what is under way for a message that leaves the outbox, and deletes its files.
func (u *uploads) drop(o *outgoing) {
	e := u.engine
	if o.abort != nil {
		o.abort()
	}
	var keys []string
	var unfinished []uint64
	for i, f := range o.Files {
		if f.Key == "" {
			continue
		}
		keys = append(keys, f.Key)
		if f.Upload != 0 && !o.done(i) {
			unfinished = append(unfinished, f.Upload)
		}
	}
	if e.Files == nil || len(keys) == 0 {
		return
	}
	token := e.Token.Text
	e.write.settled(func() {
		if e.write.failing() {
			return // what is stored still names them: the next start tidies up
		}
		e.Host.Go(func() func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(e.ctx), uploadTimeout)
			defer cancel()
			err := e.Files.Delete(ctx, keys)
			for _, id := range unfinished {
				_ = e.Files.Cancel(ctx, token, id) // the server gives it up in a day anyway
			}
			return func() {
				if err != nil {
					e.Observer.Failed(err)
				}
			}
		})
	})
}

// tidy deletes files that no message names.
func (u *uploads) tidy() {
	e := u.engine
	if e.Files == nil {
		return
	}
	named := make(map[string]bool)
	for _, c := range e.conversations {
		for _, o := range c.outbox {
			for _, f := range o.Files {
				named[f.Key] = true
			}
		}
	}
	before := e.Host.Now().Add(-strayAge).UnixMilli()
	e.Host.Go(func() func() {
		keys, err := e.Files.Keys(e.ctx)
		stray := slices.DeleteFunc(keys, func(key string) bool {
			made, bad := strconv.ParseInt(key[:min(len(key), 12)], 16, 64)
			return named[key] || bad == nil && made > before
		})
		if err == nil && len(stray) > 0 {
			err = e.Files.Delete(e.ctx, stray)
		}
		return func() {
			if err != nil && !e.closed {
				e.Observer.Failed(err)
			}
		}
	})
}
