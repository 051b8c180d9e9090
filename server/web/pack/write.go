package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// write makes a folder hold exactly these files, and .gitkeep. Files that are
// right already are not touched.
func write(folder string, files map[string][]byte) error {
	for name, content := range files {
		file := filepath.Join(folder, filepath.FromSlash(name))
		if old, err := os.ReadFile(file); err == nil && bytes.Equal(old, content) {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := writeFile(file, content); err != nil {
			return err
		}
	}
	var folders []string
	err := filepath.WalkDir(folder, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(folder, file)
		switch {
		case err != nil || name == "." || name == ".gitkeep":
			return err
		case entry.IsDir():
			folders = append(folders, file)
			return nil
		case files[filepath.ToSlash(name)] == nil:
			return os.Remove(file)
		}
		return nil
	})
	// Folders that are empty now, the innermost first.
	for i := len(folders) - 1; i >= 0 && err == nil; i-- {
		var left []os.DirEntry
		if left, err = os.ReadDir(folders[i]); err == nil && len(left) == 0 {
			err = os.Remove(folders[i])
		}
	}
	return err
}

// writeFile replaces a file as a whole: who reads it meanwhile sees the old one
// or the new one.
func writeFile(file string, content []byte) error {
	temp, err := os.CreateTemp(filepath.Dir(file), ".pack-*")
	if err != nil {
		return err
	}
	_, err = temp.Write(content)
	if err = errors.Join(err, temp.Chmod(0o644), temp.Close()); err == nil {
		err = os.Rename(temp.Name(), file)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", file, err), os.Remove(temp.Name()))
	}
	return nil
}
