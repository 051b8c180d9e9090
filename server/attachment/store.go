// Package attachment keeps what users upload: pictures, files, voice messages. Of each upload
// the history knows whose it is, how far it came and which entries name it (chat.Attachment);
// the content is here, in a folder or an S3-compatible store, under the same id.
//
// What it promises: content is served when all of it is there, or not at all; what a PATCH
// was answered for is on disk; content that no upload in the history stands for is deleted
// within a day, in whatever order the server was killed. It never decodes an image: what a
// file is, and how large a picture, is read from its first bytes.
//
// It imports chat, and no HTTP.
package attachment

import (
	"context"
	"errors"
	"io"
	"time"
)

// Store keeps the contents of uploads by their ids: of how many bytes each is to be, and
// whether it is finished, the history knows. Safe for concurrent use. Two callers may append
// to the same content at once, if they append the same: as where a request lingers on one node
// that its client took to be lost, and went on with on another.
type Store interface {
	// Append keeps what comes of r behind the first offset bytes, and returns how many bytes of
	// it are on disk, also if r or the store failed on the way. What was kept behind offset, and
	// is not known of, is replaced. offset is 0, or what Append returned in sum before.
	Append(ctx context.Context, id, offset uint64, r io.Reader) (n uint64, err error)
	// Open opens a content whose size bytes were all appended. An error if they are not there.
	Open(ctx context.Context, id, size uint64) (Content, error)
	// Delete deletes a content, also one that is not there.
	Delete(ctx context.Context, id uint64) error
	// Each calls each with the ids of what is there and when it last changed, until that returns
	// an error. An id may come more than once.
	Each(ctx context.Context, each func(id uint64, changed time.Time) error) error
}

// Content is an upload's, to be read.
type Content interface {
	io.ReadSeekCloser
}

// errMissing is that content is not there that should be.
var errMissing = errors.New("less is kept of the upload than the history knows of")
