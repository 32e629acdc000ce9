package chardev

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// acceptPause is how long a server that cannot take a client waits before it tries again.
const acceptPause = 100 * time.Millisecond

// server is a transport whose clients connect to it. While one is served the others wait in the host's queue.
type server struct {
	net.Listener
	name string // see filename
	spec *Spec
}

// listen opens the socket of a server.
func listen(s *Spec) (*server, error) {
	l, err := net.Listen(s.network(), s.Address)
	if info, e := os.Lstat(s.Address); err != nil && s.Kind == KindUnix && e == nil && info.Mode().Type() == os.ModeSocket {
		// One that nobody serves any more is replaced.
		if c, e := net.Dial("unix", s.Address); e == nil {
			c.Close()
		} else if os.Remove(s.Address) == nil {
			l, err = net.Listen("unix", s.Address)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("character device: %w", err)
	}
	return &server{l, s.proto() + ":" + l.Addr().String() + ",server=on", s}, nil
}

func (s *server) next() (conn, error) {
	for {
		c, err := s.Accept()
		switch {
		case err == nil:
			return s.spec.tune(c), nil
		case errors.Is(err, net.ErrClosed):
			return nil, err
		}
		time.Sleep(acceptPause) // no descriptors are left, perhaps; a client that went away meanwhile says nothing
	}
}

func (s *server) filename(c conn) string {
	if c == nil {
		return "disconnected:" + s.name
	}
	if n, ok := c.(net.Conn); ok && s.spec.Kind == KindTCP {
		return s.name + " <-> " + n.RemoteAddr().String()
	}
	return s.name
}

// tune sets what a connection is to have.
func (s *Spec) tune(c net.Conn) net.Conn {
	if t, ok := c.(*net.TCPConn); ok {
		// A connection that cannot be tuned fails when it is used.
		_ = t.SetNoDelay(s.NoDelay)
	}
	return c
}

// dialer is a transport that connects to a server, and perhaps again when that has gone.
type dialer struct {
	spec   *Spec
	ctx    context.Context
	cancel context.CancelFunc
	ready  net.Conn // connected by Open
	tried  bool
}

// dial connects. With reconnect it is done later, again and again, so that it never fails.
func dial(s *Spec) (*dialer, error) {
	d := &dialer{spec: s}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	if s.Reconnect == 0 {
		c, err := net.Dial(s.network(), s.Address)
		if err != nil {
			d.cancel()
			return nil, fmt.Errorf("character device: %w", err)
		}
		d.ready = c
	}
	return d, nil
}

func (d *dialer) next() (conn, error) {
	if c := d.ready; c != nil {
		d.ready = nil
		return d.spec.tune(c), nil
	}
	if d.spec.Reconnect == 0 {
		return nil, net.ErrClosed
	}
	for {
		if d.tried {
			select {
			case <-time.After(d.spec.Reconnect):
			case <-d.ctx.Done():
				return nil, d.ctx.Err()
			}
		}
		d.tried = true
		var nd net.Dialer
		c, err := nd.DialContext(d.ctx, d.spec.network(), d.spec.Address)
		if err == nil {
			return d.spec.tune(c), nil
		}
		if d.ctx.Err() != nil {
			return nil, d.ctx.Err()
		}
	}
}

func (d *dialer) filename(c conn) string {
	name := d.spec.proto() + ":" + d.spec.Address
	if c == nil {
		return "disconnected:" + name
	}
	if n, ok := c.(net.Conn); ok && d.spec.Kind == KindTCP {
		return d.spec.proto() + ":" + n.LocalAddr().String() + " <-> " + n.RemoteAddr().String()
	}
	return name
}

func (d *dialer) Close() error {
	d.cancel()
	return nil
}
