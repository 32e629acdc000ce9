package emu

import (
	"testing"
	"time"
)

// endless is a source that never ends.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

type nowhere struct{}

func (nowhere) Write(p []byte) (int, error) { return len(p), nil }

// TestEndlessInput: what the guest does not take stays with its source.
func TestEndlessInput(t *testing.T) {
	m, err := New(Config{ConsoleIn: endless{}, ConsoleOut: nowhere{}, Interactive: true})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		q := &m.serialIn[0]
		for full := false; !full; time.Sleep(time.Millisecond) {
			q.mu.Lock()
			full = len(q.p) >= inputMax
			q.mu.Unlock()
		}
		m.Stop(0)
	}()
	if _, err := m.Run(); err != nil {
		t.Fatal(err)
	}
	if n := len(m.serialIn[0].p); n > 2*inputMax {
		t.Errorf("%d bytes are queued", n)
	}
}
