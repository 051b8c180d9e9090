package store

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"parley/server/store/folder"
	"parley/server/store/relational"
)

// RedoName is the name of the redo log in its folder. Like SQLite's own log, which is there as
// long as it, it is a part of the history.
const RedoName = FileName + "-redo"

// redoLog keeps the records of transactions that the database does not have on disk yet (see
// writer), numbered in their order without a gap. Each is on disk when append returns.
//
// Once the database has them all, the next is written over the first. What stands behind it then
// is older and has a lower number than should follow, or is the rest of a record and fits no
// checksum: so one reads up to there (see records). Another opening of the history, or another
// history, has another start, which is a part of each checksum.
type redoLog struct {
	file   *os.File
	start  uint64
	at     int64 // where the next record begins
	buffer []byte
}

// redoMeta names in meta the number of the last transaction that wrote something, from the last
// start on.
const redoMeta = "redo"

// redoHeader is what stands in front of a record: its number in 8 bytes, its length in 4, and
// a checksum (CRC-32C) of the start, these and the record in 4, all big-endian.
const redoHeader = 16

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// openRedo opens the log of a folder, for a start of the history in it. What is in it is of an
// earlier start, and was taken over (see recover).
func openRedo(dir string, start uint64) (*redoLog, error) {
	f, err := os.OpenFile(filepath.Join(dir, RedoName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := folder.Sync(dir); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &redoLog{file: f, start: start}, nil
}

// append writes a record. After an error it may be on disk or not.
func (l *redoLog) append(number uint64, encoded []byte) error {
	b := binary.BigEndian.AppendUint64(l.buffer[:0], number)
	b = binary.BigEndian.AppendUint32(b, uint32(len(encoded)))
	b = binary.BigEndian.AppendUint32(b, redoSum(l.start, b, encoded))
	l.buffer = append(b, encoded...)
	if _, err := l.file.WriteAt(l.buffer, l.at); err != nil {
		return err
	}
	if err := folder.SyncData(l.file); err != nil {
		return err
	}
	l.at += int64(len(l.buffer))
	return nil
}

// rewind says that the database has all records.
func (l *redoLog) rewind() { l.at = 0 }

// empty lets the log hold nothing. The database has all records.
func (l *redoLog) empty() error {
	l.rewind()
	return l.file.Truncate(0)
}

// close closes the log, and deletes it if the database has all records.
func (l *redoLog) close(settled bool) error {
	err := l.file.Close()
	if settled {
		err = errors.Join(err, os.Remove(l.file.Name()))
	}
	return err
}

func redoSum(start uint64, header, encoded []byte) uint32 {
	sum := crc32.Update(0, castagnoli, binary.BigEndian.AppendUint64(nil, start))
	return crc32.Update(crc32.Update(sum, castagnoli, header[:12]), castagnoli, encoded)
}

// readRedo reads the log of a folder, also while a server writes to it; nothing if there is none,
// or no folder is named.
func readRedo(dir string) ([]byte, error) {
	if dir == "" {
		return nil, nil
	}
	content, err := os.ReadFile(filepath.Join(dir, RedoName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return content, err
}

// records returns those of a log that a history does not have whose last start, and the number
// of whose last transaction among these, are given. If some are missing before them, the history
// is older than the log is of use to, and there are none.
func records(log []byte, start, number uint64) (left [][]byte) {
	before := uint64(0)
	for first := true; len(log) >= redoHeader; first = false {
		n, size := binary.BigEndian.Uint64(log), int(binary.BigEndian.Uint32(log[8:]))
		if size > len(log)-redoHeader || !first && n != before+1 {
			break
		}
		encoded := log[redoHeader : redoHeader+size]
		if redoSum(start, log, encoded) != binary.BigEndian.Uint32(log[12:]) || first && n > number+1 {
			break
		}
		if n > number {
			left = append(left, encoded)
		}
		before, log = n, log[redoHeader+size:]
	}
	return left
}

// missing returns the records of a redo log beside a history that the history does not have, and
// the number of the last transaction that it has.
func missing(c *connection, log []byte) (left [][]byte, number uint64, err error) {
	if len(log) == 0 {
		return nil, 0, nil
	}
	var version int
	if _, err := c.Row([]any{&version}, "PRAGMA user_version"); err != nil || version < redoVersion || version > len(migrations) {
		return nil, 0, err // another version's, and for others to judge
	}
	var start, last relational.Number
	if _, err := c.Row([]any{&start}, "SELECT id FROM starts ORDER BY number DESC LIMIT 1"); err != nil {
		return nil, 0, err
	}
	if _, err := c.Row([]any{&last}, "SELECT value FROM meta WHERE name = ?", redoMeta); err != nil {
		return nil, 0, err
	}
	return records(log, uint64(start), uint64(last)), uint64(last), nil
}

// await waits until a server that runs has committed all that it has acknowledged so far: a moment
// at most, where none runs.
func await(ctx context.Context, c *connection, dir string) error {
	log, err := readRedo(dir)
	for range 100 {
		var left [][]byte
		if err == nil {
			left, _, err = missing(c, log)
		}
		if err != nil || len(left) == 0 {
			return err
		}
		pause := time.NewTimer(settlePause / 10)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return ctx.Err()
		}
	}
	return nil
}

// repeat lets a history, which c can write, have what a redo log beside it has and it has not.
func repeat(ctx context.Context, c *connection, log []byte) (err error) {
	left, number, err := missing(c, log)
	if err != nil || len(left) == 0 {
		return err
	}
	if err := c.Exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = c.Exec("ROLLBACK") // err is what matters
		}
	}()
	for _, encoded := range left {
		if err := errors.Join(ctx.Err(), replay(encoded, c.Exec)); err != nil {
			return err
		}
	}
	if err := putRedone(c, number+uint64(len(left))); err != nil {
		return err
	}
	return c.Exec("COMMIT")
}

func putRedone(c *connection, number uint64) error {
	return c.Exec("INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", redoMeta, relational.Number(number))
}
