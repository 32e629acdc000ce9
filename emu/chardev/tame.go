package chardev

import (
	"bytes"
	"io"
	"sync/atomic"
)

// tamed are the sequences that firmware sends to a serial console it takes for its own: full reset, no line wrap, clear, home.
var tamed = [][]byte{[]byte("\x1bc"), []byte("\x1b[?7l"), []byte("\x1b[2J"), []byte("\x1b[H"), []byte("\x1b[1;1H"), []byte("\x1b[01;01H")}

// tamer keeps them from the user's terminal, whose scrollback and line wrap stay, until the user types: what comes then is for a person who sees it.
type tamer struct {
	w    io.Writer
	off  atomic.Bool
	held []byte // the beginning of one of the sequences
	out  []byte
}

// Write implements io.Writer.
func (t *tamer) Write(p []byte) (int, error) {
	t.out = t.out[:0]
	if t.off.Load() {
		t.out = append(append(t.out, t.held...), p...)
		t.held = t.held[:0]
	} else {
		for _, b := range p {
			t.take(b)
		}
	}
	if _, err := t.w.Write(t.out); err != nil {
		return 0, err
	}
	return len(p), nil
}

// take takes one byte. The sequences have one escape each, at their beginning.
func (t *tamer) take(b byte) {
	if b == tamed[0][0] {
		t.out = append(t.out, t.held...)
		t.held = t.held[:0]
	}
	t.held = append(t.held, b)
	for _, s := range tamed {
		if bytes.Equal(s, t.held) {
			t.held = t.held[:0]
			return
		}
		if bytes.HasPrefix(s, t.held) {
			return
		}
	}
	t.out = append(t.out, t.held...)
	t.held = t.held[:0]
}

// flush writes what is held: no more will come.
func (t *tamer) flush() error {
	_, err := t.w.Write(t.held)
	t.held = t.held[:0]
	return err
}
