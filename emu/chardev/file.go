package chardev

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// Output is a Source over a file, and perhaps another from which input comes. Until Begin, the file's old contents are there, and Abandon leaves
// all as it was.
type Output struct {
	*Stream
	f        *os.File
	in       *os.File // nil: there is no input
	created  bool
	appended bool
}

// File makes an Output of a file, which is made if there is none. With appends its old contents stay.
func File(path string, appends bool) (*Output, error) {
	if path == "" {
		return nil, errors.New("character device file: no path given")
	}
	flags := os.O_WRONLY
	if appends {
		flags |= os.O_APPEND
	}
	created := true
	f, err := os.OpenFile(path, flags|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, os.ErrExist) {
		created = false
		f, err = os.OpenFile(path, flags, 0)
	}
	if err != nil {
		return nil, fmt.Errorf("character device: %w", err)
	}
	return &Output{Stream: NewStream(path, f, f), f: f, created: created, appended: appends}, nil
}

// Start implements Source.
func (o *Output) Start(recv func(p []byte), event func(e Event)) {
	tell(event, Opened)
	if o.in != nil {
		go func() {
			pump(o.in, recv)
			tell(event, Closed)
		}()
	}
}

// pump delivers what a reader gives until it fails.
func pump(r io.Reader, recv func(p []byte)) {
	buf := make([]byte, 4096)
	for {
		n, err := r.Read(buf)
		if n > 0 && recv != nil {
			recv(buf[:n])
		}
		if err != nil {
			return
		}
	}
}

// Filename implements Source.
func (o *Output) Filename() string { return "file" }

// Begin empties the file, if it is a file and not a device or pipe, and is not appended to.
func (o *Output) Begin() error {
	if st, err := o.f.Stat(); err == nil && st.Mode().IsRegular() && !o.appended {
		if err := o.f.Truncate(0); err != nil {
			return fmt.Errorf("character device: %w", err)
		}
	}
	return nil
}

// Close implements Backend.
func (o *Output) Close() error {
	err := o.Stream.Close()
	if o.in != nil {
		err = errors.Join(err, o.in.Close())
	}
	return err
}

// Abandon closes the file, to which nothing has been written, and removes it if File made it.
func (o *Output) Abandon() error {
	err := o.Close()
	if o.created {
		err = errors.Join(err, os.Remove(o.f.Name()))
	}
	return err
}
