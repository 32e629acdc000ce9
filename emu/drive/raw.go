package drive

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// raw is an image whose bytes are those of the medium: a file or a block device.
type raw struct {
	f        *os.File
	size     int64 // of the file when it was opened; what a write added counts
	uncached bool  // the host cannot tell what it has in memory
}

// ReadAt implements Image. The rest of the last sector, which a file need not have, reads as 0.
func (r *raw) ReadAt(p []byte, off int64) (int, error) {
	want := max(min(int64(len(p)), r.size-off), 0)
	n, err := r.f.ReadAt(p[:want], off)
	if int64(n) < want {
		if err == nil || errors.Is(err, io.EOF) {
			err = fmt.Errorf("read %s: it has become shorter than the disk: %w", r.f.Name(), io.ErrUnexpectedEOF)
		}
		return n, err
	}
	clear(p[want:])
	return len(p), nil
}

// ReadCached implements Image.
func (r *raw) ReadCached(p []byte, off int64) bool {
	if r.uncached || int64(len(p)) > r.size-off {
		return false
	}
	var ok bool
	ok, r.uncached = readCached(r.f, p, off)
	return ok
}

// WriteAt implements Image.
func (r *raw) WriteAt(p []byte, off int64) (int, error) {
	n, err := r.f.WriteAt(p, off)
	r.size = max(r.size, off+int64(n))
	return n, err
}

// Discard implements Image.
func (r *raw) Discard(off, n int64) error { return punch(r.f, off, n) }

// Sync implements Image.
func (r *raw) Sync() error {
	err := r.f.Sync()
	if errors.Is(err, syscall.EINVAL) { // a file that cannot: a character device
		return nil
	}
	return err
}

// Close implements Image.
func (r *raw) Close() error { return r.f.Close() }

// openRaw opens a file or a block device. Others are left alone: the open alone may wait or do something.
func openRaw(name string, write bool) (*raw, error) {
	st, err := os.Stat(name)
	if err != nil {
		return nil, couldNotOpen(name, err)
	}
	if m := st.Mode(); !m.IsRegular() && (m&os.ModeDevice == 0 || m&os.ModeCharDevice != 0) {
		return nil, openError{name, errors.New("it is neither a regular file nor a block device")}
	}
	flags := os.O_RDONLY
	if write {
		flags = os.O_RDWR
	}
	f, err := os.OpenFile(name, flags, 0)
	if err != nil {
		return nil, couldNotOpen(name, err)
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err == nil {
		err = lock(f, write)
	}
	if err != nil {
		f.Close()
		return nil, openError{name, cause(err)}
	}
	return &raw{f: f, size: size}, nil
}

// couldNotOpen words an error as scripts around QEMU expect it.
func couldNotOpen(name string, err error) error {
	return openError{name, cause(err)}
}

// openError is why a file could not be opened.
type openError struct {
	name string
	err  error
}

func (e openError) Error() string {
	text := e.err.Error()
	if text != "" && text[0] >= 'a' && text[0] <= 'z' {
		text = string(text[0]-'a'+'A') + text[1:]
	}
	return fmt.Sprintf("Could not open '%s': %s", e.name, text)
}

func (e openError) Unwrap() error { return e.err }

// cause is an error without the name of the file, which the message has already.
func cause(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
