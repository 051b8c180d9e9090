package store

import (
	"fmt"
	"sync"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// SQLite writes each page of a commit to the log by two calls of the system, one of
// them for 24 bytes, which took a quarter of what a commit costs. So the connection
// that writes has a VFS of its own (https://sqlite.org/vfs.html): the system's, but
// what is written to the log is kept in a buffer until SQLite syncs or reads the log.
// Nobody misses it before: other connections learn of a commit's pages after the sync
// that ends it. That there is one, synchronous=FULL says.

const (
	// bufferedLog is the name of the VFS.
	bufferedLog = "parley"
	// maxBuffered is how many bytes are kept at most: as many as SQLite's files can
	// write at once, and more than the largest page.
	maxBuffered = 128<<10 - 1
)

// logFile stands in SQLite's memory behind the system's sqlite3_file, which stays what
// it is but for its methods: these are the logFile's, which begin with it.
type logFile struct {
	methods sqlite3.Tsqlite3_io_methods
	system  *sqlite3.Tsqlite3_io_methods
	buffer  uintptr // maxBuffered bytes
	at      int64   // where in the file they belong
	kept    int64   // how many of them
}

// initialize tells SQLite of the VFS, and mends what its translation needs, for the life
// of the process.
var initialize = sync.OnceValue(func() error {
	sqlite3.PatchIssue199()
	tls := libc.NewTLS()
	defer tls.Close()
	name, err := libc.CString(bufferedLog)
	if err != nil {
		return err
	}
	memory := sqlite3.Xsqlite3_malloc(tls, int32(unsafe.Sizeof(sqlite3.Tsqlite3_vfs{})))
	if memory == 0 {
		return fmt.Errorf("no memory for the VFS %s", bufferedLog)
	}
	vfs := at[sqlite3.Tsqlite3_vfs](memory)
	*vfs = *systemVFS(tls)
	vfs.FzName, vfs.FxOpen = name, addressOf(openLog)
	vfs.FszOsFile += int32(unsafe.Sizeof(logFile{}))
	if code := sqlite3.Xsqlite3_vfs_register(tls, memory, 0); code != sqlite3.SQLITE_OK {
		return fmt.Errorf("register the VFS %s: code %d", bufferedLog, code)
	}
	return nil
})

func systemVFS(tls *libc.TLS) *sqlite3.Tsqlite3_vfs {
	return at[sqlite3.Tsqlite3_vfs](sqlite3.Xsqlite3_vfs_find(tls, 0))
}

// What SQLite calls, by the types of its functions.
type (
	xOpen     = func(tls *libc.TLS, vfs, name, file uintptr, flags int32, outFlags uintptr) int32
	xClose    = func(tls *libc.TLS, file uintptr) int32
	xTransfer = func(tls *libc.TLS, file, bytes uintptr, n int32, offset int64) int32 // xRead, xWrite
	xTruncate = func(tls *libc.TLS, file uintptr, size int64) int32
	xSync     = func(tls *libc.TLS, file uintptr, flags int32) int32
	xFileSize = func(tls *libc.TLS, file, size uintptr) int32
)

func openLog(tls *libc.TLS, vfs, name, file uintptr, flags int32, outFlags uintptr) int32 {
	system := systemVFS(tls)
	code := function[xOpen](system.FxOpen)(tls, vfs, name, file, flags, outFlags)
	if code != sqlite3.SQLITE_OK || flags&sqlite3.SQLITE_OPEN_WAL == 0 {
		return code
	}
	opened := at[sqlite3.Tsqlite3_file](file)
	l := at[logFile](file + uintptr(system.FszOsFile))
	*l = logFile{system: at[sqlite3.Tsqlite3_io_methods](opened.FpMethods), buffer: sqlite3.Xsqlite3_malloc(tls, maxBuffered)}
	if l.buffer == 0 {
		function[xClose](l.system.FxClose)(tls, file)
		opened.FpMethods = 0 // so that SQLite does not close it again
		return sqlite3.SQLITE_NOMEM
	}
	l.methods = *l.system
	l.methods.FxClose, l.methods.FxRead, l.methods.FxWrite = addressOf(closeLog), addressOf(readLog), addressOf(writeLog)
	l.methods.FxTruncate, l.methods.FxSync, l.methods.FxFileSize = addressOf(truncateLog), addressOf(syncLog), addressOf(logSize)
	opened.FpMethods = file + uintptr(system.FszOsFile)
	return sqlite3.SQLITE_OK
}

func logOf(file uintptr) *logFile {
	return at[logFile](at[sqlite3.Tsqlite3_file](file).FpMethods)
}

// flush writes what is kept. If that fails, so does the transaction that it is of.
func (l *logFile) flush(tls *libc.TLS, file uintptr) int32 {
	n := l.kept
	if l.kept = 0; n == 0 {
		return sqlite3.SQLITE_OK
	}
	return function[xTransfer](l.system.FxWrite)(tls, file, l.buffer, int32(n), l.at)
}

func writeLog(tls *libc.TLS, file, bytes uintptr, n int32, offset int64) int32 {
	l := logOf(file)
	if offset != l.at+l.kept || l.kept+int64(n) > maxBuffered {
		if code := l.flush(tls, file); code != sqlite3.SQLITE_OK {
			return code
		}
		l.at = offset
	}
	copy(unsafe.Slice(at[byte](l.buffer+uintptr(l.kept)), n), unsafe.Slice(at[byte](bytes), n))
	l.kept += int64(n)
	return sqlite3.SQLITE_OK
}

func readLog(tls *libc.TLS, file, bytes uintptr, n int32, offset int64) int32 {
	l := logOf(file)
	if code := l.flush(tls, file); code != sqlite3.SQLITE_OK {
		return code
	}
	return function[xTransfer](l.system.FxRead)(tls, file, bytes, n, offset)
}

func syncLog(tls *libc.TLS, file uintptr, flags int32) int32 {
	l := logOf(file)
	if code := l.flush(tls, file); code != sqlite3.SQLITE_OK {
		return code
	}
	return function[xSync](l.system.FxSync)(tls, file, flags)
}

func truncateLog(tls *libc.TLS, file uintptr, size int64) int32 {
	l := logOf(file)
	if code := l.flush(tls, file); code != sqlite3.SQLITE_OK {
		return code
	}
	return function[xTruncate](l.system.FxTruncate)(tls, file, size)
}

func logSize(tls *libc.TLS, file, size uintptr) int32 {
	l := logOf(file)
	if code := l.flush(tls, file); code != sqlite3.SQLITE_OK {
		return code
	}
	return function[xFileSize](l.system.FxFileSize)(tls, file, size)
}

// closeLog drops what is kept: it is of a transaction that did not commit.
func closeLog(tls *libc.TLS, file uintptr) int32 {
	l := logOf(file)
	sqlite3.Xsqlite3_free(tls, l.buffer)
	return function[xClose](l.system.FxClose)(tls, file)
}

// at is what stands at an address of SQLite's memory, which Go neither moves nor frees.
func at[T any](address uintptr) *T { return *(**T)(unsafe.Pointer(&address)) }

// function is the function at an address, and addressOf the address of one that is
// declared: as the translation of SQLite to Go has them.
func function[F any](address uintptr) F { return *(*F)(unsafe.Pointer(&struct{ uintptr }{address})) }

func addressOf[F any](f F) uintptr { return *(*uintptr)(unsafe.Pointer(&f)) }
