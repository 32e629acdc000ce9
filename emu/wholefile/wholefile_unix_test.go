//go:build unix

package wholefile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A file is whole or away; a pipe stays.
func TestWrite(t *testing.T) {
	dir := t.TempDir()
	file, pipe := filepath.Join(dir, "file"), filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	reader, err := os.OpenFile(pipe, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	full := errors.New("full")
	half := func(w io.Writer) error {
		_, err := io.WriteString(w, "half")
		return errors.Join(err, full)
	}
	for _, name := range []string{file, pipe} {
		if err := Write(name, half); !errors.Is(err, full) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Lstat(name); (err == nil) != (name == pipe) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := Write(file, func(w io.Writer) error {
		_, err := io.WriteString(w, "whole")
		return err
	}); err != nil {
		t.Error(err)
	}
	if got, err := os.ReadFile(file); string(got) != "whole" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	e := (*fs.PathError)(nil)
	if err := Write(filepath.Join(file, "x"), func(io.Writer) error {
		t.Error("there is nothing to write to")
		return nil
	}); !errors.As(err, &e) || e.Op != "open" {
		t.Error(err)
	}
}
