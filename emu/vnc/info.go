package vnc

import (
	"net"
	"strings"

	"goemu/emu/inspect"
)

// Info tells where the display is and who looks at it. Any goroutine may call it.
func (s *Server) Info() inspect.VNC {
	info := inspect.VNC{Endpoint: endpoint(s.Addr()), Auth: "none"}
	if s.opts.Password {
		info.Auth = "vnc"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.clients {
		info.Viewers = append(info.Viewers, endpoint(c.conn.RemoteAddr()))
	}
	return info
}

func endpoint(a net.Addr) inspect.Endpoint {
	host, port, err := net.SplitHostPort(a.String())
	if a.Network() == "unix" || err != nil {
		return inspect.Endpoint{Family: "unix", Service: strings.TrimPrefix(a.String(), "@")} // which stands for an end without a name
	}
	e := inspect.Endpoint{Family: "ipv4", Host: host, Service: port}
	if t, ok := a.(*net.TCPAddr); ok && t.IP.To4() == nil {
		e.Family = "ipv6"
	}
	return e
}
