package monitor

import (
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
)

// Server is a monitor on a socket; each client has a session of its own.
type Server struct {
	l     net.Listener
	m     Machine
	mu    sync.Mutex
	conns map[net.Conn]bool // nil after Close
}

// maxClients bounds the sessions of a server.
const maxClients = 16

// ParseSocket reads "unix:PATH,server[=on],nowait|wait=off".
func ParseSocket(spec string) (path string, err error) {
	rest, ok := strings.CutPrefix(spec, "unix:")
	words := strings.Split(rest, ",")
	server, wait := false, true
	for _, w := range words[1:] {
		switch w {
		case "server", "server=on":
			server = true
		case "nowait", "wait=off":
			wait = false
		default:
			return "", fmt.Errorf("monitor %q: %q is not known (want unix:PATH,server,nowait)", spec, w)
		}
	}
	if !ok || words[0] == "" || !server || wait {
		return "", fmt.Errorf("monitor %q: want unix:PATH,server,nowait", spec)
	}
	return words[0], nil
}

// Listen makes a server on a Unix socket. One that is there and that nobody serves any more is replaced. Serve starts it.
func Listen(path string) (*Server, error) {
	l, err := net.Listen("unix", path)
	if info, e := os.Lstat(path); err != nil && e == nil && info.Mode().Type() == os.ModeSocket {
		if c, e := net.Dial("unix", path); e == nil {
			c.Close()
		} else if os.Remove(path) == nil {
			l, err = net.Listen("unix", path)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("monitor: %w", err)
	}
	return &Server{l: l, conns: map[net.Conn]bool{}}, nil
}

// Serve takes clients until Close.
func (s *Server) Serve(m Machine) {
	s.m = m
	go func() {
		for {
			c, err := s.l.Accept()
			if err != nil {
				return
			}
			if !s.admit(c) {
				c.Close()
				continue
			}
			go s.talk(c)
		}
	}()
}

func (s *Server) admit(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conns == nil || len(s.conns) >= maxClients {
		return false
	}
	s.conns[c] = true
	return true
}

// talk is one client's session.
func (s *Server) talk(c net.Conn) {
	defer func() {
		c.Close()
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
	}()
	session := NewSession(s.m, c, false)
	session.Begin()
	buf := make([]byte, 1024)
	for !session.ended {
		n, err := c.Read(buf)
		session.Input(buf[:n])
		if err != nil {
			return
		}
	}
}

// Close ends all sessions and removes the socket. It waits for nobody.
func (s *Server) Close() error {
	err := s.l.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.Close()
	}
	s.conns = nil
	return err
}
