package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ProgressFile keeps a Progress in a file.
type ProgressFile string

// Load returns what was saved last.
func (f ProgressFile) Load(context.Context) (p Progress, err error) {
	content, err := os.ReadFile(string(f))
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err == nil {
		err = json.Unmarshal(content, &p)
	}
	if err != nil {
		return Progress{}, fmt.Errorf("%s: %w", string(f), err)
	}
	return p, nil
}

// Begin implements ProgressStore.
func (f ProgressFile) Begin(ctx context.Context) (Progress, error) {
	p, err := f.Load(ctx)
	if err == nil {
		p.Term++
		err = f.write(p)
	}
	return p, err
}

// Save implements ProgressStore.
func (f ProgressFile) Save(ctx context.Context, p Progress) error {
	last, err := f.Load(ctx)
	switch {
	case err != nil:
		return err
	case last.Term != p.Term:
		return ErrReplaced
	}
	return f.write(p)
}

func (f ProgressFile) write(p Progress) (err error) {
	content, err := json.Marshal(p)
	if err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(string(f)), ".gateway-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(temporary.Name()))
		}
	}()
	_, err = temporary.Write(content)
	if err = errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), string(f))
}
