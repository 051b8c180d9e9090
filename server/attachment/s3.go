package attachment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// S3 keeps contents in a bucket of an S3-compatible store, each as the parts in which it came:
// objects that are named PREFIX{id}/{offset}-{length}. What overlaps is the same.
type S3 struct {
	client         *minio.Client
	bucket, prefix string
	scratch        string // folder where a part is kept until all of it came
}

var _ Store = (*S3)(nil)

// putTime bounds the time to put a part, which is as large as an upload at most.
const putTime = time.Minute

// s3Address is where a bucket is.
type s3Address struct {
	endpoint, region, bucket, prefix string
	insecure                         bool
}

// parseS3 reads s3://HOST[:PORT]/BUCKET[/PREFIX][?region=…][&insecure].
func parseS3(address string) (a s3Address, err error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "s3" || u.Host == "" {
		return a, errors.New("give s3://HOST/BUCKET, such as s3://s3.eu-central-1.amazonaws.com/parley")
	}
	if u.User != nil {
		return a, errors.New("put the keys into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment, and not into the address")
	}
	bucket, prefix, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
	if bucket == "" {
		return a, errors.New("the address names no bucket: give s3://HOST/BUCKET")
	}
	if prefix != "" {
		prefix += "/"
	}
	query := u.Query()
	return s3Address{u.Host, query.Get("region"), bucket, prefix, query.Has("insecure")}, nil
}

// OpenS3 returns a Store in a bucket that is there: s3://HOST[:PORT]/BUCKET[/PREFIX], with
// ?region=REGION where that is not found out, and ?insecure for HTTP without TLS. Keys are those
// of the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN). Parts under
// way are kept in the folder scratch, which is emptied. It asks for nothing: where the store is
// away, uploads fail until it is back.
func OpenS3(address, scratch string, getenv func(string) string) (*S3, error) {
	a, err := parseS3(address)
	if err != nil {
		return nil, err
	}
	id, secret := getenv("AWS_ACCESS_KEY_ID"), getenv("AWS_SECRET_ACCESS_KEY")
	if id == "" || secret == "" {
		return nil, errors.New("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not in the environment: set them")
	}
	client, err := minio.New(a.endpoint, &minio.Options{
		Creds: credentials.NewStaticV4(id, secret, getenv("AWS_SESSION_TOKEN")), Secure: !a.insecure, Region: a.region,
		// Once: a second try goes back in what the first may still be reading, as where the store
		// answers before it has taken all. Whoever uploads tries again.
		MaxRetries: 1,
	})
	if err != nil {
		return nil, err
	}
	if err := os.RemoveAll(scratch); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(scratch, 0o700); err != nil {
		return nil, err
	}
	return &S3{client, a.bucket, a.prefix, scratch}, nil
}

// part is a part of a content: an object.
type part struct {
	name         string
	offset, size uint64
}

func (s *S3) of(id uint64) string { return s.prefix + strconv.FormatUint(id, 10) + "/" }

// Append implements Store.
func (s *S3) Append(ctx context.Context, id, offset uint64, r io.Reader) (n uint64, err error) {
	file, err := os.CreateTemp(s.scratch, "part-*")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, file.Close(), os.Remove(file.Name())) }()
	written, failed := io.CopyBuffer(struct{ io.Writer }{file}, struct{ io.Reader }{r}, make([]byte, copySize))
	if written == 0 {
		return 0, failed
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	// Who sent it may be gone, and comes back for the rest.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), putTime)
	defer cancel()
	name := fmt.Sprintf("%s%020d-%d", s.of(id), offset, written)
	if _, err := s.client.PutObject(ctx, s.bucket, name, file, written, minio.PutObjectOptions{ContentType: "application/octet-stream", DisableMultipart: true}); err != nil {
		return 0, fmt.Errorf("put a part: %w", err)
	}
	return uint64(written), failed
}

// parts lists the parts of a content, by offset, the longest first.
func (s *S3) parts(ctx context.Context, id uint64) (parts []part, err error) {
	for o := range s.client.ListObjects(ctx, s.bucket, minio.ListObjectsOptions{Prefix: s.of(id), Recursive: true}) {
		if o.Err != nil {
			return nil, fmt.Errorf("list parts: %w", o.Err)
		}
		offset, _, ok := strings.Cut(strings.TrimPrefix(o.Key, s.of(id)), "-")
		at, bad := strconv.ParseUint(offset, 10, 64)
		if !ok || bad != nil {
			continue
		}
		parts = append(parts, part{o.Key, at, uint64(o.Size)})
	}
	slices.SortFunc(parts, func(x, y part) int { return cmp.Or(cmp.Compare(x.offset, y.offset), cmp.Compare(y.size, x.size)) })
	return parts, nil
}

// Open implements Store.
func (s *S3) Open(ctx context.Context, id, size uint64) (Content, error) {
	parts, err := s.parts(ctx, id)
	if err != nil {
		return nil, err
	}
	end := uint64(0)
	for _, p := range parts {
		if p.offset <= end {
			end = max(end, p.offset+p.size)
		}
	}
	if end < size {
		return nil, errMissing
	}
	return &s3Content{ctx: ctx, s3: s, parts: parts, size: size}, nil
}

// Delete implements Store.
func (s *S3) Delete(ctx context.Context, id uint64) error {
	parts, err := s.parts(ctx, id)
	for _, p := range parts {
		if err == nil {
			err = s.client.RemoveObject(ctx, s.bucket, p.name, minio.RemoveObjectOptions{})
		}
	}
	return err
}

// Each implements Store.
func (s *S3) Each(ctx context.Context, each func(id uint64, changed time.Time) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the listing
	for o := range s.client.ListObjects(ctx, s.bucket, minio.ListObjectsOptions{Prefix: s.prefix, Recursive: true}) {
		if o.Err != nil {
			return fmt.Errorf("list contents: %w", o.Err)
		}
		text, _, _ := strings.Cut(strings.TrimPrefix(o.Key, s.prefix), "/")
		id, bad := strconv.ParseUint(text, 10, 64)
		if bad != nil { // somebody else's
			continue
		}
		if err := each(id, o.LastModified); err != nil {
			return err
		}
	}
	return nil
}

// s3Content reads a content from the parts that cover it, each as far as it is needed.
type s3Content struct {
	ctx   context.Context
	s3    *S3
	parts []part
	size  uint64
	at    uint64
	body  io.ReadCloser // of the part at at; nil: none is open
	until uint64        // where body ends
}

// Read implements io.Reader.
func (c *s3Content) Read(p []byte) (int, error) {
	if c.at >= c.size {
		return 0, io.EOF
	}
	if c.body == nil {
		if err := c.open(); err != nil {
			return 0, err
		}
	}
	n, err := c.body.Read(p[:min(uint64(len(p)), c.until-c.at)])
	c.at += uint64(n)
	switch {
	case c.at == c.until:
		err = c.Close()
	case errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// open opens the part that goes on furthest from where the content is read.
func (c *s3Content) open() error {
	var best part
	for _, p := range c.parts {
		if p.offset <= c.at && c.at < p.offset+p.size && p.offset+p.size > best.offset+best.size {
			best = p
		}
	}
	if best.size == 0 {
		return errMissing
	}
	c.until = min(c.size, best.offset+best.size)
	var o minio.GetObjectOptions
	if err := o.SetRange(int64(c.at-best.offset), int64(c.until-best.offset)-1); err != nil {
		return err
	}
	core := minio.Core{Client: c.s3.client} // whose GetObject starts no goroutine
	body, _, _, err := core.GetObject(c.ctx, c.s3.bucket, best.name, o)
	c.body = body
	return err
}

// Seek implements io.Seeker.
func (c *s3Content) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += int64(c.at)
	case io.SeekEnd:
		offset += int64(c.size)
	}
	if offset < 0 {
		return 0, errors.New("seek before the beginning")
	}
	if uint64(offset) == c.at {
		return offset, nil
	}
	err := c.Close()
	c.at = uint64(offset)
	return offset, err
}

// Close implements io.Closer.
func (c *s3Content) Close() error {
	if c.body == nil {
		return nil
	}
	err := c.body.Close()
	c.body = nil
	return err
}
