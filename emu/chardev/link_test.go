package chardev

import (
	"bytes"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"goemu/tests/sockets"
)

// heard is what a Source delivers: each piece of input, and events in brackets.
type heard chan string

func listenTo(src Source) heard {
	h := make(heard, 1000)
	names := map[Event]string{Opened: "[opened]", Closed: "[closed]", Focus: "[focus]", Blur: "[blur]", Break: "[break]"}
	src.Start(func(p []byte) { h <- string(p) }, func(e Event) { h <- names[e] })
	return h
}

// until waits for a text in what is heard.
func (h heard) until(t *testing.T, want string) {
	t.Helper()
	got := ""
	for !strings.HasSuffix(got, want) {
		got += <-h
	}
	if got != want {
		t.Fatalf("heard %q, want %q", got, want)
	}
}

func dialTo(t *testing.T, src Source) net.Conn {
	t.Helper()
	name, _, _ := strings.Cut(strings.TrimPrefix(src.Filename(), "disconnected:"), ",")
	network, address, _ := strings.Cut(name, ":")
	if network == "telnet" {
		network = "tcp"
	}
	c, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func readN(t *testing.T, r io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(r, got); err != nil || string(got) != want {
		t.Fatalf("read %q, %v; want %q", got, err, want)
	}
}

// Clients come one after the other; who comes too early waits.
func TestServer(t *testing.T) {
	path := filepath.Join(sockets.Dir(t), "s")
	for _, spec := range []string{"tcp:127.0.0.1:0,server=on,wait=off", "unix:" + path + ",server,nowait"} {
		s := open(t, spec)
		if n := s.Offer([]byte("nobody is there")); n != 15 {
			t.Errorf("%d bytes taken", n)
		}
		h := listenTo(s)
		a := dialTo(t, s)
		h.until(t, "[opened]")
		b := dialTo(t, s)
		b.Write([]byte("early"))
		a.Write([]byte("first"))
		h.until(t, "first")
		s.Write([]byte("answer"))
		readN(t, a, "answer")
		if !strings.HasPrefix(s.Filename(), spec[:4]) {
			t.Errorf("connected: %s", s.Filename())
		}
		a.Close()
		h.until(t, "[closed][opened]early")
		s.Offer([]byte("more"))
		readN(t, b, "more")
		s.Offer([]byte("bye"))
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if rest, _ := io.ReadAll(b); string(rest) != "bye" {
			t.Errorf("at the end: %q", rest)
		}
		s.Offer([]byte("closed"))
		s.Write([]byte("closed"))
		s.Close()
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the socket is left")
	}
}

// What a program that says all it has to and goes is answered, arrives.
func TestHalfClose(t *testing.T) {
	s := open(t, "tcp:127.0.0.1:0,server=on,wait=off")
	defer s.Close()
	s.Start(func(p []byte) { s.Write(bytes.Repeat(p, 10000)) }, nil)
	c := dialTo(t, s)
	c.Write([]byte("echo "))
	c.(*net.TCPConn).CloseWrite()
	if p, err := io.ReadAll(c); len(p) != 50000 || err != nil {
		t.Errorf("%d bytes, %v", len(p), err)
	}
}

// A client that takes nothing costs what does not fit, and neither the writers nor Close wait for it.
func TestStalledClient(t *testing.T) {
	s := open(t, "tcp:127.0.0.1:0,server=on,wait=off").(*Link)
	h := listenTo(s)
	room := make(chan struct{}, 100)
	s.OnRoom(func() { room <- struct{}{} })
	dialTo(t, s)
	h.until(t, "[opened]")
	chunk := bytes.Repeat([]byte("x"), 1<<18)
	refused := false
	for sent := 0; sent < 64<<20; { // far beyond what the host's buffers and the queue hold
		n := s.Offer(chunk)
		if n == 0 {
			refused = true
			<-room
		}
		sent += n
	}
	s.Write(chunk)
	if !refused {
		t.Error("nothing was refused")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// A client that goes while an answer to it waits for room is left.
func TestClientGone(t *testing.T) {
	s := open(t, "tcp:127.0.0.1:0,server=on,wait=off")
	defer s.Close()
	began, closed := make(chan struct{}), make(chan struct{})
	s.Start(func([]byte) {
		close(began)
		for range 100 {
			s.Write(make([]byte, 1<<20))
		}
	}, func(e Event) {
		if e == Closed {
			close(closed)
		}
	})
	c := dialTo(t, s)
	c.Write([]byte("x"))
	<-began
	c.Close()
	<-closed
}

// A client that floods waits until its input is taken, and Close does not wait for that.
func TestFlood(t *testing.T) {
	s := open(t, "tcp:127.0.0.1:0,server=on,wait=off")
	block, in := make(chan struct{}), make(chan struct{}, 1)
	s.Start(func(p []byte) {
		select {
		case in <- struct{}{}:
		default:
		}
		<-block
	}, nil)
	c := dialTo(t, s)
	flooded := make(chan struct{})
	go func() {
		defer close(flooded)
		for {
			if _, err := c.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	}()
	<-in
	s.Close()
	close(block)
	<-flooded
}

func TestClient(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := open(t, "tcp:"+l.Addr().String())
	h := listenTo(s)
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c.Write([]byte("hello"))
	h.until(t, "[opened]hello")
	c.Close()
	h.until(t, "[closed]")
	s.Close()

	r := open(t, "socket,id=a,reconnect=1,host=127.0.0.1,port="+l.Addr().String()[len("127.0.0.1:"):])
	h = listenTo(r)
	for range 2 {
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		h.until(t, "[opened]")
		c.Close()
		h.until(t, "[closed]")
	}
	r.Close()
}

func TestTelnet(t *testing.T) {
	s := open(t, "telnet:127.0.0.1:0,server=on,wait=off")
	defer s.Close()
	if !IsTerminal(s) {
		t.Error("Telnet is for people")
	}
	h := listenTo(s)
	c := dialTo(t, s)
	readN(t, c, "\xff\xfb\x01\xff\xfb\x03\xff\xfb\x00\xff\xfd\x00")
	h.until(t, "[opened]")
	// The window's size is refused, a subnegotiation skipped; IAC IAC is a byte, CR NUL a CR.
	c.Write([]byte("\xff\xfb\x1f\xff\xfa\x1fab\xff\xffcd\xff\xf0x\r\x00\xff\xffy\xff\xf3"))
	h.until(t, "x\r\xffy[break]")
	readN(t, c, "\xff\xfe\x1f")
	c.Write([]byte("\xff\xfb\x00\r\x00")) // from now on binary
	h.until(t, "\r\x00")
	c.Write([]byte("\xff\xfd\x21"))
	readN(t, c, "\xff\xfc\x21")
	s.Offer([]byte("a\xffb"))
	readN(t, c, "a\xff\xffb")
}

func FuzzTelnet(f *testing.F) {
	f.Add([]byte("a\xff\xfb\x1f\xff\xfa\x1fab\xff\xf0\r\x00\xff\xff\xff\xf3"), 3)
	f.Fuzz(func(t *testing.T, in []byte, cut int) {
		whole, pieces := &telnet{}, &telnet{}
		out, reply, breaks := whole.decode(bytes.Clone(in))
		if len(out) > len(in) || len(reply) > len(in) {
			t.Error("more comes out than went in")
		}
		cut = max(0, min(cut, len(in)))
		a, ra, na := pieces.decode(bytes.Clone(in[:cut]))
		b, rb, nb := pieces.decode(bytes.Clone(in[cut:]))
		if string(a)+string(b) != string(out) || string(ra)+string(rb) != string(reply) || na+nb != breaks {
			t.Error("it matters where the input is cut")
		}
	})
}
