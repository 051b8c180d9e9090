package store

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// TestALogReadsAsItWasWritten writes a log at random, mostly on where it was written
// last, and holds that whatever else is done with it finds all of that.
func TestALogReadsAsItWasWritten(t *testing.T) {
	if err := initialize(); err != nil {
		t.Fatal(err)
	}
	tls := libc.NewTLS()
	defer tls.Close()
	path := filepath.Join(t.TempDir(), FileName)
	if err := os.WriteFile(path, nil, 0o600); err != nil { // whose mode its log gets
		t.Fatal(err)
	}
	text := func(s string) uintptr {
		p, err := libc.CString(s)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { libc.Xfree(nil, p) })
		return p
	}
	vfs := sqlite3.Xsqlite3_vfs_find(tls, text(bufferedLog))
	memory := sqlite3.Xsqlite3_malloc(tls, systemVFS(tls).FszOsFile+int32(unsafe.Sizeof(logFile{}))+maxBuffered+1)
	defer sqlite3.Xsqlite3_free(tls, memory)
	file := memory + maxBuffered + 1
	data := unsafe.Slice(at[byte](memory), maxBuffered)
	fine := func(code int32) {
		t.Helper()
		if code != sqlite3.SQLITE_OK {
			t.Fatalf("code %d", code)
		}
	}
	fine(openLog(tls, vfs, text(path+"-wal"), file, sqlite3.SQLITE_OPEN_WAL|sqlite3.SQLITE_OPEN_READWRITE|sqlite3.SQLITE_OPEN_CREATE, 0))
	defer func() { fine(closeLog(tls, file)) }()
	random := rand.New(rand.NewPCG(3, 3))
	var want []byte
	next := 0
	for range 5000 {
		switch n := 1 + random.IntN(5000); random.IntN(12) {
		case 0:
			next = random.IntN(len(want) + 1)
		case 1:
			fine(syncLog(tls, file, sqlite3.SQLITE_SYNC_NORMAL))
		case 2:
			fine(logSize(tls, file, memory))
			if size := *at[int64](memory); size != int64(len(want)) {
				t.Fatalf("the log has %d bytes, want %d", size, len(want))
			}
		case 3:
			want = want[:random.IntN(len(want)+1)]
			next = min(next, len(want))
			fine(truncateLog(tls, file, int64(len(want))))
		case 4:
			from := random.IntN(len(want) + 1)
			n = min(n, len(want)-from)
			fine(readLog(tls, file, memory, int32(n), int64(from)))
			if !bytes.Equal(data[:n], want[from:from+n]) {
				t.Fatalf("%d bytes at %d are not what was written", n, from)
			}
		default:
			if random.IntN(10) == 0 {
				n = 64 << 10 // the largest page
			}
			for i := range data[:n] {
				data[i] = byte(random.Uint32())
			}
			fine(writeLog(tls, file, memory, int32(n), int64(next)))
			want = append(want, make([]byte, max(0, next+n-len(want)))...)
			next += copy(want[next:], data[:n])
		}
	}
}
