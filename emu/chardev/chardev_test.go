package chardev

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// gate is a writer that waits until it is opened.
type gate struct {
	open chan struct{}
	bytes.Buffer
}

func (g *gate) Write(p []byte) (int, error) {
	<-g.open
	return g.Buffer.Write(p)
}

func TestSlowReader(t *testing.T) {
	g := &gate{open: make(chan struct{})}
	s := NewStream("test", g, nil)
	room := make(chan struct{}, 1)
	s.OnRoom(func() { room <- struct{}{} })
	chunk := bytes.Repeat([]byte("x"), 1<<16)
	sent := 0
	for {
		n := s.Offer(chunk)
		if n == 0 {
			break
		}
		sent += n
	}
	if sent < queueLimit {
		t.Errorf("refused after %d bytes, limit %d", sent, queueLimit)
	}
	close(g.open)
	<-room
	sent += s.Offer([]byte("end"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if g.Len() != sent {
		t.Errorf("%d bytes arrived of %d", g.Len(), sent)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestFullDisk(t *testing.T) {
	s := NewStream("out.txt", full{}, nil)
	s.Offer([]byte("lost"))
	err := s.Close()
	if err == nil || !strings.Contains(err.Error(), "out.txt") || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("Close: %v", err)
	}
}
