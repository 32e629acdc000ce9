package chardev

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// Kind is the kind of a character device.
type Kind string

// Kinds, by their names in -serial and the like.
const (
	KindNull   Kind = "null"
	KindNone   Kind = "none"
	KindStdio  Kind = "stdio"
	KindFile   Kind = "file"
	KindPipe   Kind = "pipe"
	KindPTY    Kind = "pty"
	KindSerial Kind = "serial" // a line of the host's
	KindTCP    Kind = "tcp"
	KindUnix   Kind = "unix"
	KindRing   Kind = "ringbuf"
	KindVC     Kind = "vc"      // a ring buffer, as long as no display shows it
	KindRef    Kind = "chardev" // one of -chardev
)

// Spec describes a character device.
type Spec struct {
	Kind    Kind
	ID      string // of -chardev, also of one that KindRef means
	Mux     bool   // several front ends may use it
	Path    string // of a file, pipe or line
	Input   string // file from which input comes; "": there is none
	Append  bool   // the file's old contents stay
	Address string // "host:port", or the path of a Unix socket
	IP      string // "4", "6" or ""
	Server  bool
	Wait    bool // the machine waits for the first client
	Telnet  bool
	NoDelay bool
	Size    int // of a ring buffer, in bytes

	Reconnect time.Duration // after which a client tries again; 0: never
	Signal    *bool         // of stdio: Ctrl-C ends goemu; nil: nobody said

	LogFile   string // gets a copy of the output; "": none
	LogAppend bool

	Show func() Source // makes what shows a KindVC; nil: nothing does
}

const legacyHelp = "want stdio, mon:DEV, file:PATH, pipe:PATH, pty, /dev/LINE, tcp:HOST:PORT[,server=on][,wait=off], unix:PATH[,...], telnet:HOST:PORT[,...], " +
	"vc, ringbuf, null, none or chardev:ID"

// refused are what QEMU has and goemu does not, with a hint.
var refused = map[string]string{
	"udp":       "datagrams are not done; use tcp: or unix:",
	"websocket": "WebSocket is not done; use tcp: or telnet:",
	"tn3270":    "3270 terminals are not done; use telnet:",
	"con":       "consoles of Windows are not done; use stdio",
	"console":   "consoles of Windows are not done; use stdio",
	"msmouse":   "serial mice are not done; the PS/2 mouse is there without an option",
	"wctablet":  "serial tablets are not done; the PS/2 mouse is there without an option",
	"braille":   "Braille displays are not done; use pty",
	"testdev":   "use -device isa-debug-exit",
	"parport":   "parallel ports of the host are not done; use file:",
	"parallel":  "parallel ports of the host are not done; use file:",
	"spicevmc":  "SPICE is not done; use unix:",
	"spiceport": "SPICE is not done; use unix:",
	"dbus":      "D-Bus is not done; use unix:",
	"fd":        "descriptors of the caller's are not done; use unix: or pipe:",
}

// Parse reads a character device as -serial, -monitor and their like give it. The caller says of which option an error is.
func Parse(s string) (Spec, error) {
	name, rest, colon := strings.Cut(s, ":")
	if strings.HasPrefix(s, "/dev/") {
		if strings.HasPrefix(s, "/dev/parport") || strings.HasPrefix(s, "/dev/ppi") {
			return Spec{}, fmt.Errorf("%s", refused["parport"])
		}
		return Spec{Kind: KindSerial, Path: s}, nil
	}
	if !colon {
		switch k := Kind(name); k {
		case KindNull, KindNone, KindStdio, KindPTY:
			return Spec{Kind: k}, nil
		case KindRing, KindVC:
			return Spec{Kind: k, Size: RingSize}, nil
		}
	} else {
		switch name {
		case "mon":
			spec, err := Parse(rest)
			if err == nil && (spec.Mux || spec.Kind == KindNone || spec.Kind == KindRef) {
				err = fmt.Errorf("mon: cannot have this behind it")
			}
			spec.Mux = true
			return spec, err
		case "vc":
			return Spec{Kind: KindVC, Size: RingSize}, nil // the size of a window
		case "file":
			return Spec{Kind: KindFile, Path: rest}, nonempty("path", rest)
		case "pipe":
			return Spec{Kind: KindPipe, Path: rest}, nonempty("path", rest)
		case "chardev":
			return Spec{Kind: KindRef, ID: rest}, nonempty("id of -chardev", rest)
		case "tcp", "telnet", "unix":
			return parseSocket(name, rest)
		}
	}
	if hint, ok := refused[strings.ToLower(name)]; ok {
		return Spec{}, fmt.Errorf("%s", hint)
	}
	return Spec{}, fmt.Errorf("%s", legacyHelp)
}

func nonempty(what, s string) error {
	if s == "" {
		return fmt.Errorf("no %s given", what)
	}
	return nil
}

// parseSocket reads what stands behind "tcp:" and its like.
func parseSocket(name, s string) (Spec, error) {
	address, options, more := cutComma(s)
	props := map[string]string{}
	if name == "unix" {
		props["path"] = address
	} else {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return Spec{}, fmt.Errorf("want HOST:PORT before the options: %v", err)
		}
		props["host"], props["port"] = host, port
	}
	if name == "telnet" {
		props["telnet"] = "on"
	}
	if more {
		if err := readProps(options, props); err != nil {
			return Spec{}, err
		}
	}
	return socketSpec(props)
}

// cutComma cuts s at its first comma that is not doubled.
func cutComma(s string) (before, after string, found bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == ',' {
			if i+1 == len(s) || s[i+1] != ',' {
				return b.String(), s[i+1:], true
			}
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String(), "", false
}

// readProps reads "prop=value,...". A prop without a value is on; noX and no-X are X=off.
func readProps(s string, props map[string]string) error {
	for more := true; more; {
		var p string
		p, s, more = cutComma(s)
		k, v, ok := strings.Cut(p, "=")
		if !ok {
			k, v = p, "on"
			if word, no := strings.CutPrefix(k, "no"); no && k != "nodelay" {
				k, v = strings.TrimPrefix(word, "-"), "off"
			}
		}
		if k == "" {
			return fmt.Errorf("%q is not an option", p)
		}
		if _, twice := props[k]; twice {
			return fmt.Errorf("%s is given twice", k)
		}
		props[k] = v
	}
	return nil
}

// props is what remains to be read of the properties of a device. The first error stays.
type props struct {
	m   map[string]string
	err error
}

func (p *props) text(k string) string {
	v := p.m[k]
	delete(p.m, k)
	return v
}

func (p *props) has(k string) bool { return p.m[k] != "" }

func (p *props) bool(k string, preset bool) bool {
	v, ok := p.m[k]
	delete(p.m, k)
	switch v {
	case "on", "yes", "true", "y":
		return true
	case "off", "no", "false", "n":
		return false
	}
	if ok && p.err == nil {
		p.err = fmt.Errorf("%s=%s: want on or off", k, v)
	}
	return preset
}

// number reads from 0 to max.
func (p *props) number(k string, max uint64) uint64 {
	v, ok := p.m[k]
	delete(p.m, k)
	if !ok {
		return 0
	}
	n, err := strconv.ParseUint(v, 0, 64)
	if (err != nil || n > max) && p.err == nil {
		p.err = fmt.Errorf("%s=%s: want a number from 0 to %d", k, v, max)
	}
	return n
}

// end reports the first error, or what nobody has read.
func (p *props) end() error {
	for k := range p.m {
		if p.err == nil {
			p.err = fmt.Errorf("%s= is not known here", k)
		}
	}
	return p.err
}
