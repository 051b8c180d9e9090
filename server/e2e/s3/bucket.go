package s3

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// A Bucket is one of an S3-compatible store of its own, in memory, which can be away.
type Bucket struct {
	Address string // s3://…, as -attachments takes it, with Environment

	t       testing.TB
	store   http.Handler
	backend gofakes3.Backend

	mu     sync.Mutex
	away   bool
	left   int64         // how many bytes it still takes before it breaks; below 0: it does not
	broken bool          // in the middle of a request, since left was set
	mute   chan struct{} // closed once the object is kept whose PUT is not answered; nil: all are
}

const bucketName = "parley"

// NewBucket starts a store with an empty bucket; it ends with the test.
func NewBucket(t testing.TB) *Bucket {
	t.Helper()
	b := &Bucket{t: t, backend: s3mem.New(), left: -1}
	if err := b.backend.CreateBucket(bucketName); err != nil {
		t.Fatal(err)
	}
	b.store = gofakes3.New(b.backend).Server()
	server := httptest.NewUnstartedServer(b)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.Start()
	t.Cleanup(server.Close)
	b.Address = "s3://" + strings.TrimPrefix(server.URL, "http://") + "/" + bucketName + "/deep/down?region=here&insecure"
	return b
}

// Environment are the keys that a program needs for any bucket, as NAME=value.
var Environment = []string{"AWS_ACCESS_KEY_ID=id", "AWS_SECRET_ACCESS_KEY=secret"}

// Leave lets the store be away: it answers 503.
func (b *Bucket) Leave() { b.is(true, -1) }

// LeaveWithin lets the store break off in the middle of what it is sent, once so many bytes
// more came, and be away from then on.
func (b *Bucket) LeaveWithin(bytes int64) { b.is(false, bytes) }

// Return lets the store be there again.
func (b *Bucket) Return() { b.is(false, -1) }

func (b *Bucket) is(away bool, left int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.away, b.left, b.broken = away, left, false
}

// Broke reports whether the store broke off since LeaveWithin.
func (b *Bucket) Broke() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.broken
}

// KeepMutely lets the store keep the next object and never tell whoever puts it. It returns a
// channel that is closed once the object is kept.
func (b *Bucket) KeepMutely() (kept <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mute = make(chan struct{})
	return b.mute
}

// ServeHTTP implements http.Handler: it is what the store answers.
func (b *Bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	away, mute := b.away, b.mute
	if r.Method == http.MethodPut {
		b.mute = nil
	}
	b.mu.Unlock()
	if away {
		http.Error(w, "away", http.StatusServiceUnavailable)
		return
	}
	if r.Method == http.MethodPut {
		r.Body = &breaking{r.Body, b}
	}
	b.store.ServeHTTP(w, r)
	if r.Method == http.MethodPut && mute != nil { // what it answered waits until this returns
		close(mute)
		<-r.Context().Done()
	}
}

// breaking is a request's body, of a store that may break off.
type breaking struct {
	io.ReadCloser
	bucket *Bucket
}

// Read implements io.Reader. It ends the connection where the store breaks off.
func (r *breaking) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if r.bucket.takes(n) {
		return n, err
	}
	panic(http.ErrAbortHandler)
}

func (b *Bucket) takes(n int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.left < 0 {
		return true
	}
	if b.left -= int64(n); b.left >= 0 {
		return true
	}
	b.away, b.left, b.broken = true, -1, true
	return false
}

// Objects is what the bucket holds, by name.
func (b *Bucket) Objects() map[string][]byte {
	b.t.Helper()
	list, err := b.backend.ListBucket(bucketName, nil, gofakes3.ListBucketPage{})
	if err != nil {
		b.t.Fatal(err)
	}
	held := make(map[string][]byte)
	for _, o := range list.Contents {
		object, err := b.backend.GetObject(bucketName, o.Key, nil)
		if gofakes3.HasErrorCode(err, gofakes3.ErrNoSuchKey) { // deleted meanwhile
			continue
		}
		if err != nil {
			b.t.Fatal(err)
		}
		content, err := io.ReadAll(object.Contents)
		if err != nil || object.Contents.Close() != nil {
			b.t.Fatal(err)
		}
		held[o.Key] = content
	}
	return held
}

// Holding names the objects whose names or contents have a word in them.
func (b *Bucket) Holding(word string) (names []string) {
	b.t.Helper()
	for name, content := range b.Objects() {
		if strings.Contains(name, word) || bytes.Contains(content, []byte(word)) {
			names = append(names, name)
		}
	}
	return names
}

// Unfinished is what the store answers of uploads in several parts that were begun and not
// finished: their parts are no objects yet, and in no list of these.
func (b *Bucket) Unfinished() string {
	b.t.Helper()
	answer := httptest.NewRecorder()
	b.store.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/"+bucketName+"?uploads", nil))
	if answer.Code == http.StatusNotFound { // none was ever begun
		return ""
	}
	if answer.Code != http.StatusOK {
		b.t.Fatalf("the store does not list unfinished uploads: %d %s", answer.Code, answer.Body)
	}
	_, uploads, found := strings.Cut(answer.Body.String(), "<Upload>")
	if !found {
		return ""
	}
	return uploads
}
