package vnc

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"goemu/emu/unixpath"
)

// basePort is the TCP port of display 0.
const basePort = 5900

// share says whether viewers see the screen together.
type share int

const (
	shareExclusive share = iota // as they wish: one that wants it alone drops the others
	shareForce                  // those that want it alone are refused
	shareIgnore                 // whatever they wish
)

var shares = map[string]share{"allow-exclusive": shareExclusive, "force-shared": shareForce, "ignore": shareIgnore}

// Options are a value of -vnc.
type Options struct {
	Host     string // where to listen
	Display  int    // port 5900 + Display; the first of those
	To       int    // up to this that is free
	Path     string // a UNIX socket instead
	Password bool   // viewers have to know it
	Share    share

	text string // as typed, up to the first comma
}

// missing are properties of QEMU's that goemu lacks.
var missing = []string{
	"websocket", "reverse", "tls-creds", "tls-authz", "sasl", "sasl-authz", "acl", "lossy", "non-adaptive", "audiodev", "key-delay-ms", "power-control",
	"password-secret", "display", "head", "connections", "ipv4", "ipv6", "lock-key-sync",
}

// Parse reads "HOST:DISPLAY", "unix:PATH" or "none", and properties behind a comma. With none, or nothing, ok is false. Without a host it is this one alone.
func Parse(v string) (o Options, ok bool, err error) {
	const comma = "\x00"
	words := strings.Split(strings.ReplaceAll(v, ",,", comma), ",")
	for i := range words {
		words[i] = strings.ReplaceAll(words[i], comma, ",")
	}
	place, props := strings.TrimPrefix(words[0], "vnc="), words[1:]
	o.text = place
	if place == "none" {
		if len(props) > 0 {
			return o, false, fmt.Errorf("none has no properties")
		}
		return o, false, nil
	}
	if err := o.place(place); err != nil {
		return o, false, err
	}
	seen := map[string]bool{}
	for _, p := range props {
		k, val, given := strings.Cut(p, "=")
		if !given {
			val = "on"
		}
		if seen[k] {
			return o, false, fmt.Errorf("%s is given twice", k)
		}
		seen[k] = true
		if err := o.prop(k, val); err != nil {
			return o, false, err
		}
	}
	return o, true, nil
}

func (o *Options) place(s string) error {
	if path, ok := strings.CutPrefix(s, "unix:"); ok {
		if path == "" {
			return fmt.Errorf("unix: lacks the socket's path")
		}
		o.Path = path
		return unixpath.Check(path)
	}
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return fmt.Errorf("want HOST:DISPLAY, unix:PATH or none")
	}
	n, err := strconv.ParseUint(s[i+1:], 10, 16)
	if err != nil || basePort+n > 65535 {
		return fmt.Errorf("%q is not the number of a display, from 0 to %d", s[i+1:], 65535-basePort)
	}
	o.Display, o.To = int(n), int(n)
	o.Host = s[:i]
	if strings.HasPrefix(o.Host, "[") {
		ip := strings.TrimSuffix(o.Host[1:], "]")
		if net.ParseIP(ip) == nil || ip == o.Host[1:] {
			return fmt.Errorf("%s is not an IPv6 address in brackets", o.Host)
		}
		o.Host = ip
	}
	if o.Host == "" {
		o.Host = "localhost"
	}
	return nil
}

func (o *Options) prop(k, v string) error {
	switch k {
	case "password":
		if v != "on" && v != "off" {
			return fmt.Errorf("password=%s: want on or off (the monitor sets it: change vnc password)", v)
		}
		o.Password = v == "on"
	case "share":
		s, ok := shares[v]
		if !ok {
			return fmt.Errorf("share=%s: want allow-exclusive, force-shared or ignore", v)
		}
		o.Share = s
	case "to":
		n, err := strconv.ParseUint(v, 10, 16)
		if err != nil || o.Path != "" || int(n) < o.Display || basePort+n > 65535 {
			return fmt.Errorf("to=%s: want the number of the last display to try, from %d to %d", v, o.Display, 65535-basePort)
		}
		o.To = int(n)
	case "id":
		// There is one display: nothing names it.
	default:
		if slices.Contains(missing, k) {
			return fmt.Errorf("goemu has no %s= (want password=, share=, to=)", k)
		}
		return fmt.Errorf("%s= is not known (want password=, share=, to=)", k)
	}
	return nil
}
