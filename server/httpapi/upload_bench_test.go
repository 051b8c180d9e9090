package httpapi

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"parley/server/attachment"
)

// BenchmarkUpload sends 10 MiB by tus, in turns with a plain net/http handler that copies them
// to a file: of-copy is how many times as fast it is as that, of-synced as one that also waits
// for the disk, as an upload does.
func BenchmarkUpload(b *testing.B) {
	const size = 10 << 20
	content := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	s := newSite(b, func(c *Config) {
		c.Rate, c.Burst = 1e6, 1e6
		c.Attachments = attachment.New(attachment.Config{Uploads: c.Service, Store: attachment.NewFolder(b.TempDir()), Log: c.Log})
	})
	dir := b.TempDir()
	copying := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		file, err := os.Create(filepath.Join(dir, "copy"))
		if err == nil {
			_, err = io.Copy(file, r.Body)
		}
		if err == nil && r.URL.Path == "/synced" {
			err = file.Sync()
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
		_ = file.Close() // it is overwritten next
	}))
	defer copying.Close()
	post := func(url string, h header) {
		request, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(content))
		if err != nil {
			b.Fatal(err)
		}
		for name, value := range h {
			request.Header.Set(name, value)
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, answer.Body); err != nil || answer.StatusCode >= 300 || answer.Body.Close() != nil {
			b.Fatal(answer.Status, err)
		}
	}
	var took [3]time.Duration
	for i := 0; b.Loop(); i++ {
		uploader := tus(s.token(uint64(i/100)+3), "Upload-Length", fmt.Sprint(size), "Content-Type", "application/offset+octet-stream")
		for kind, send := range []func(){
			func() { post(s.URL+"/api/uploads", uploader) }, func() { post(copying.URL+"/plain", nil) }, func() { post(copying.URL+"/synced", nil) },
		} {
			began := time.Now()
			send()
			took[kind] += time.Since(began)
		}
	}
	b.ReportMetric(float64(took[1])/float64(took[0]), "of-copy")
	b.ReportMetric(float64(took[2])/float64(took[0]), "of-synced")
	b.ReportMetric(float64(took[0].Milliseconds())/float64(b.N), "ms/upload")
}

// BenchmarkUploadsAtOnce lets 50 users upload 25 MiB each at once, and reports how much more
// memory the process has at most meanwhile than before, clients included.
func BenchmarkUploadsAtOnce(b *testing.B) {
	const uploads, size = 50, 25 << 20
	s := newSite(b, func(c *Config) {
		c.Attachments = attachment.New(attachment.Config{Uploads: c.Service, Store: attachment.NewFolder(b.TempDir()), Log: c.Log})
	})
	var most uint64
	for b.Loop() {
		runtime.GC()
		var before runtime.MemStats
		runtime.ReadMemStats(&before)
		ended := make(chan struct{})
		var sampling sync.WaitGroup
		sampling.Go(func() {
			for {
				select {
				case <-ended:
					return
				case <-time.After(20 * time.Millisecond):
				}
				var now runtime.MemStats
				runtime.ReadMemStats(&now)
				used := func(m runtime.MemStats) uint64 { return m.HeapInuse + m.StackInuse }
				most = max(most, used(now)-min(used(now), used(before)))
			}
		})
		var sending sync.WaitGroup
		for i := range uploads {
			token := s.token(uint64(i) + 3)
			sending.Go(func() {
				request, err := http.NewRequest(http.MethodPost, s.URL+"/api/uploads", io.LimitReader(zeros{}, size))
				if err != nil {
					b.Error(err)
					return
				}
				request.ContentLength = size
				for name, value := range tus(token, "Upload-Length", fmt.Sprint(size), "Content-Type", "application/offset+octet-stream") {
					request.Header.Set(name, value)
				}
				answer, err := http.DefaultClient.Do(request)
				if err != nil || answer.StatusCode != http.StatusCreated || answer.Body.Close() != nil {
					b.Error(answer, err)
				}
			})
		}
		sending.Wait()
		close(ended)
		sampling.Wait()
	}
	b.ReportMetric(float64(most)/(1<<20), "MiB-above-idle")
}

// zeros is content without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
