package chardev

import (
	"errors"
	"fmt"
	"net"
	"sort"
	"strings"
	"time"

	"goemu/emu/unixpath"
)

const maxReconnect = 24 * 60 * 60 // s

// maxRing is the largest ring buffer, in bytes.
const maxRing = 64 << 20

// socketSpec reads the properties of a socket.
func socketSpec(m map[string]string) (Spec, error) {
	p := &props{m: m}
	s, err := p.socket()
	if err == nil {
		err = p.end()
	}
	return s, err
}

func (p *props) socket() (s Spec, err error) {
	if p.has("fd") {
		return s, errors.New(refused["fd"])
	}
	s.Server = p.bool("server", false)
	_, waitGiven := p.m["wait"]
	s.Wait = p.bool("wait", s.Server)
	s.Telnet = p.bool("telnet", false)
	s.NoDelay = p.bool("nodelay", true) && !p.bool("delay", false)
	s.Reconnect = time.Duration(p.number("reconnect", maxReconnect)) * time.Second
	v4, v6 := p.bool("ipv4", false), p.bool("ipv6", false)
	switch {
	case v4 && !v6:
		s.IP = "4"
	case v6 && !v4:
		s.IP = "6"
	}
	for _, k := range []string{"tls-creds", "tls-authz", "websocket", "tn3270", "abstract", "tight", "to"} {
		if p.has(k) && p.text(k) != "off" {
			return s, fmt.Errorf("%s= is not done", k)
		}
		p.text(k)
	}
	path, host, port := p.text("path"), p.text("host"), p.text("port")
	switch {
	case path != "" && port != "":
		return s, errors.New("path= and port= exclude each other")
	case path != "":
		if err := unixpath.Check(path); err != nil {
			return s, err
		}
		s.Kind, s.Address = KindUnix, path
	case port == "":
		return s, errors.New("no path or port given")
	default:
		if _, err := net.LookupPort("tcp", port); err != nil {
			return s, fmt.Errorf("port %q is not a number from 0 to 65535", port)
		}
		s.Kind, s.Address = KindTCP, net.JoinHostPort(host, port)
	}
	switch {
	case s.Server && s.Reconnect != 0:
		return s, errors.New("reconnect= is for clients, not for server=on")
	case !s.Server && waitGiven && s.Wait:
		return s, errors.New("wait=on is for server=on")
	}
	return s, nil
}

// network is the name that package net has for the kind of socket.
func (s *Spec) network() string {
	if s.Kind == KindUnix {
		return "unix"
	}
	return "tcp" + s.IP
}

// proto is the name that users have for it.
func (s *Spec) proto() string {
	if s.Telnet {
		return "telnet"
	}
	return string(s.Kind)
}

// backends are the kinds of -chardev. Each reads its properties.
var backends = map[string]func(p *props) (Spec, error){
	"null":  func(*props) (Spec, error) { return Spec{Kind: KindNull}, nil },
	"pty":   func(*props) (Spec, error) { return Spec{Kind: KindPTY}, nil },
	"stdio": stdioSpec,
	"file": func(p *props) (Spec, error) {
		s := Spec{Kind: KindFile, Path: p.text("path"), Input: p.text("input-path"), Append: p.bool("append", false)}
		return s, nonempty("path=", s.Path)
	},
	"pipe":    func(p *props) (Spec, error) { return pathSpec(p, KindPipe) },
	"serial":  func(p *props) (Spec, error) { return pathSpec(p, KindSerial) },
	"tty":     func(p *props) (Spec, error) { return pathSpec(p, KindSerial) },
	"ringbuf": ringSpec,
	"memory":  ringSpec,
	"vc": func(p *props) (Spec, error) {
		for _, k := range []string{"width", "height", "cols", "rows"} { // of a window
			p.number(k, 1<<16)
		}
		return Spec{Kind: KindVC, Size: RingSize}, nil
	},
	"socket": (*props).socket,
}

func stdioSpec(p *props) (Spec, error) {
	s := Spec{Kind: KindStdio}
	if p.has("signal") {
		on := p.bool("signal", true)
		s.Signal = &on
	}
	return s, nil
}

func pathSpec(p *props, k Kind) (Spec, error) {
	s := Spec{Kind: k, Path: p.text("path")}
	return s, nonempty("path=", s.Path)
}

func ringSpec(p *props) (Spec, error) {
	s := Spec{Kind: KindRing, Size: RingSize}
	if p.has("size") {
		s.Size = int(p.number("size", maxRing))
	}
	if p.err == nil && (s.Size == 0 || s.Size&(s.Size-1) != 0) {
		return s, fmt.Errorf("size=%d: want a power of two", s.Size)
	}
	return s, nil
}

// BackendHelp lists the kinds of -chardev, a line each.
func BackendHelp() string {
	var names []string
	for n := range backends {
		names = append(names, n)
	}
	sort.Strings(names)
	return "Available chardev backend types:\n  " + strings.Join(names, "\n  ") + "\n"
}

// ParseOption reads the value of a -chardev: "BACKEND,id=ID,prop=value,...". The caller says of which option an error is.
func ParseOption(s string) (Spec, error) {
	name, rest, more := cutComma(s)
	m := map[string]string{}
	if b, ok := strings.CutPrefix(name, "backend="); ok {
		name = b
	}
	if more {
		if err := readProps(rest, m); err != nil {
			return Spec{}, err
		}
	}
	read := backends[name]
	if read == nil {
		if hint, ok := refused[name]; ok {
			return Spec{}, errors.New(hint)
		}
		return Spec{}, fmt.Errorf("there is no backend %q (have: %s)", name, strings.Join(strings.Fields(BackendHelp())[4:], ", "))
	}
	p := &props{m: m}
	id, mux := p.text("id"), p.bool("mux", false)
	logFile, logAppend := p.text("logfile"), p.bool("logappend", false)
	if id == "" {
		return Spec{}, errors.New("id= is missing")
	}
	spec, err := read(p)
	if err == nil {
		err = p.end()
	}
	if err != nil {
		return Spec{}, err
	}
	spec.ID, spec.Mux, spec.LogFile, spec.LogAppend = id, mux, logFile, logAppend
	return spec, nil
}
