package chardev

import (
	"bytes"
	"io"
	"regexp"
	"strings"
	"testing"
)

func TestMux(t *testing.T) {
	in, typing := io.Pipe()
	var out bytes.Buffer
	quits := make(chan struct{}, 1)
	x := NewMux(NewPair(in, &out), Escape, func() { quits <- struct{}{} })
	guest, monitor := x.Port(), x.Port()
	g, m := listenTo(guest), listenTo(monitor)
	x.Begin()
	g.until(t, "[opened][focus]")
	m.until(t, "[opened]")
	typing.Write([]byte("a\x01"))
	g.until(t, "a")
	typing.Write([]byte("\x01b\x01cinfo\x01b\x01aq\x01"))
	g.until(t, "\x01b[blur]")
	m.until(t, "[focus]info[break]\x01q")
	typing.Write([]byte("cc"))
	m.until(t, "[blur]")
	g.until(t, "[focus]c")
	typing.Write([]byte("\x01x\x01h\x01zd"))
	<-quits
	g.until(t, "d")
	guest.Offer([]byte("guest\n"))
	monitor.Write([]byte("monitor\n"))
	typing.Write([]byte("\x01te"))
	g.until(t, "e")
	guest.Offer([]byte("1\n2\n"))
	monitor.Write([]byte("3\n"))
	typing.Write([]byte("\x01tf"))
	g.until(t, "f")
	guest.Offer([]byte("4\n"))
	typing.Close()
	g.until(t, "[closed]")
	if err := x.Close(); err != nil {
		t.Error(err)
	}
	want := regexp.MustCompile(`(?s)^\r\nCtrl-A h .*Ctrl-A c .*Ctrl-A Ctrl-A .*guest\nmonitor\n1\n\[00:00:\d\d\.\d{3}\] 2\n\[00:00:\d\d\.\d{3}\] 3\n4\n$`)
	if !want.Match(out.Bytes()) {
		t.Errorf("printed %q", out.String())
	}
}

// Without an escape key all bytes are the front end's.
func TestMuxBinary(t *testing.T) {
	x := NewMux(NewPair(strings.NewReader("\x01x\x01c\x00"), nil), 0, func() { t.Error("quit") })
	h := listenTo(x.Port())
	x.Begin()
	h.until(t, "[opened][focus]\x01x\x01c\x00")
}

func FuzzMux(f *testing.F) {
	f.Add([]byte("a\x01c\x01\x01\x01h\x01t\x01b"))
	f.Fuzz(func(t *testing.T, in []byte) {
		x := NewMux(NewPair(bytes.NewReader(in), nil), Escape, func() {})
		done := make(chan struct{})
		n := 0
		for range 2 {
			x.Port().Start(func(p []byte) { n += len(p) }, func(e Event) {
				if e == Closed && done != nil {
					close(done)
					done = nil
				}
			})
		}
		over := done
		x.Begin()
		<-over
		x.Close()
		if n > len(in) {
			t.Error("more comes out than went in")
		}
	})
}
