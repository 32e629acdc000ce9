// Package wholefile writes the files that people ask for: whole, or not at all.
package wholefile

import (
	"errors"
	"io"
	"os"
)

// Write makes a file, or empties it, and has write fill it. Where that fails no half of it is left; what is no file, as a device or a pipe, stays. If
// the file cannot be made the error is an *fs.PathError of os.Create's, and write is not called.
func Write(name string, write func(w io.Writer) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	file := err == nil && info.Mode().IsRegular()
	err = errors.Join(err, write(f), f.Close())
	if err != nil && file {
		err = errors.Join(err, os.Remove(name))
	}
	return err
}
