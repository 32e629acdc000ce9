package chardev

import (
	"errors"
	"fmt"
	"os"
)

// Open makes the Source that s describes; nil for "none". console is called for the terminal. A Mux is the caller's business.
func (s *Spec) Open(console func() (Source, error)) (Source, error) {
	src, err := s.open(console)
	if err != nil || src == nil || s.LogFile == "" {
		return src, err
	}
	log, err := File(s.LogFile, s.LogAppend)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("logfile: %w", err), src.Close())
	}
	return &Logged{src, log}, nil
}

func (s *Spec) open(console func() (Source, error)) (Source, error) {
	switch s.Kind {
	case KindNull:
		return Null{}, nil
	case KindNone:
		return nil, nil
	case KindStdio:
		return console()
	case KindFile:
		return s.openFile()
	case KindPipe:
		return source(openPipe(s.Path))
	case KindSerial:
		return source(openTTY(s.Path))
	case KindPTY:
		return source(openPTY())
	case KindVC:
		if s.Show != nil {
			return s.Show(), nil
		}
		fallthrough
	case KindRing:
		return NewRing(string(s.Kind), s.Size), nil
	}
	var newCodec func() codec
	if s.Telnet {
		newCodec = func() codec { return &telnet{} }
	}
	if s.Server {
		t, err := listen(s)
		if err != nil {
			return nil, err
		}
		return newLink(t, newCodec, s.Telnet), nil
	}
	t, err := dial(s)
	if err != nil {
		return nil, err
	}
	return newLink(t, newCodec, s.Telnet), nil
}

// source keeps a nil Link out of a Source.
func source(l *Link, err error) (Source, error) {
	if err != nil {
		return nil, err
	}
	return l, nil
}

func (s *Spec) openFile() (Source, error) {
	o, err := File(s.Path, s.Append)
	if err != nil {
		return nil, err
	}
	if s.Input != "" {
		if o.in, err = os.OpenFile(s.Input, os.O_RDONLY, 0); err != nil {
			return nil, errors.Join(fmt.Errorf("character device: %w", err), o.Abandon())
		}
	}
	return o, nil
}

// Logged copies what is written to a Source into a file.
type Logged struct {
	Source
	log *Output
}

// Log is the file.
func (l *Logged) Log() *Output { return l.log }

// Offer implements Backend.
func (l *Logged) Offer(p []byte) int {
	n := l.Source.Offer(p)
	l.log.Offer(p[:n])
	return n
}

// Write implements Backend.
func (l *Logged) Write(p []byte) (int, error) {
	l.log.Offer(p)
	return l.Source.Write(p)
}

// Close implements Backend. The file is its own to close.
func (l *Logged) Close() error { return l.Source.Close() }

// IsTerminal tells whether a person types at the other end, and sees what she types by being told it alone.
func IsTerminal(src Source) bool {
	switch src := src.(type) {
	case *Console:
		return src.Raw()
	case *Link:
		return src.terminal
	case *Logged:
		return IsTerminal(src.Source)
	case *Port:
		return IsTerminal(src.mux.src)
	case interface{ Terminal() bool }:
		return src.Terminal()
	}
	return false
}
