package chardev

import (
	"bytes"
	"io"
	"testing"
)

// A terminal that takes nothing any more holds up neither who writes nor Close; one that does takes all.
func TestStalledTerminal(t *testing.T) {
	r, w := io.Pipe()
	s := newTerminal("t", w)
	p := bytes.Repeat([]byte("x"), queueLimit+1000)
	if n := s.Offer(p); n != len(p) {
		t.Errorf("takes %d of %d bytes", n, len(p))
	}
	room := make(chan struct{}, 1)
	s.OnRoom(func() { room <- struct{}{} })
	first := make([]byte, 10)
	if _, err := io.ReadFull(r, first); err != nil {
		t.Fatal(err)
	}
	for s.Offer(p) != 0 { // once the first piece is on its way the queue may have room
	}
	<-room // it has stalled
	if n, err := s.Write(p); n != len(p) || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if n := s.Offer(p); n != len(p) {
		t.Errorf("takes %d of %d bytes", n, len(p))
	}
	if err := s.Close(); err != nil || s.taken() {
		t.Errorf("%v, taken %v", err, s.taken())
	}
	r.Close()

	var out bytes.Buffer
	s = newTerminal("t", &out)
	if _, err := s.Write(p[:5000]); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil || !s.taken() || !bytes.Equal(out.Bytes(), p[:5000]) {
		t.Errorf("%v, taken %v, %d bytes", err, s.taken(), out.Len())
	}
}
