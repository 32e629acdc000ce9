package chardev

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Escape is the key that introduces a command to goemu: Ctrl-A.
const Escape = 1

// Mux lets several front ends share a Source. All may write; what is typed goes to one, its first at the beginning. After the escape key, a
// key is a command, as QEMU has them.
type Mux struct {
	src    Source
	escape byte // 0: there is no escape key
	quit   func()

	ports   []*Port
	focus   int
	begun   bool
	escaped bool

	stamping atomic.Bool
	mu       sync.Mutex // of what follows
	since    time.Time  // when time stamps were asked for
	newLine  bool       // a time stamp is due
}

// NewMux makes a Mux without front ends. escape is its key, 0 for none; quit is called for x behind it.
func NewMux(src Source, escape byte, quit func()) *Mux {
	return &Mux{src: src, escape: escape, quit: quit}
}

// Source is what front ends share.
func (x *Mux) Source() Source { return x.src }

// Port is what one front end has of a Mux: a Source.
type Port struct {
	mux   *Mux
	recv  func(p []byte)
	event func(e Event)
	room  atomic.Pointer[func()]
}

// Port adds a front end. It is called before Begin.
func (x *Mux) Port() *Port {
	p := &Port{mux: x}
	x.ports = append(x.ports, p)
	return p
}

// Mux is what p is a part of.
func (p *Port) Mux() *Mux { return p.mux }

// Begin starts the Source, when all front ends have called Start.
func (x *Mux) Begin() {
	if x.begun || len(x.ports) == 0 {
		return
	}
	x.begun = true
	x.src.OnRoom(func() {
		for _, p := range x.ports {
			if room := p.room.Load(); room != nil {
				(*room)()
			}
		}
	})
	x.src.Start(x.input, x.event)
}

// event passes on what the Source tells.
func (x *Mux) event(e Event) {
	if e == Break {
		tell(x.ports[x.focus].event, Break)
		return
	}
	for _, p := range x.ports {
		tell(p.event, e)
	}
	if e == Opened {
		tell(x.ports[x.focus].event, Focus)
	}
}

// deliver gives p to the front end whose turn it is.
func (x *Mux) deliver(p []byte) {
	if recv := x.ports[x.focus].recv; recv != nil && len(p) > 0 {
		recv(p)
	}
}

// input takes what is typed.
func (x *Mux) input(p []byte) {
	if x.escape == 0 {
		x.deliver(p)
		return
	}
	out := p[:0]
	for _, b := range p {
		switch {
		case x.escaped:
			x.escaped = false
			if b == x.escape || b == 'a' && x.escape == Escape {
				out = append(out, x.escape)
				continue
			}
			x.deliver(out)
			out = out[:0]
			x.command(b)
		case b == x.escape:
			x.escaped = true
		default:
			out = append(out, b)
		}
	}
	x.deliver(out)
}

// command does what a key behind the escape key says.
func (x *Mux) command(key byte) {
	switch key {
	case 'x':
		x.quit()
	case 'c':
		if len(x.ports) > 1 {
			tell(x.ports[x.focus].event, Blur)
			x.focus = (x.focus + 1) % len(x.ports)
			tell(x.ports[x.focus].event, Focus)
		}
	case 'b':
		tell(x.ports[x.focus].event, Break)
	case 't':
		x.mu.Lock()
		x.since, x.newLine = time.Now(), false
		x.stamping.Store(!x.stamping.Load())
		x.mu.Unlock()
	case 'h', '?':
		x.src.Offer([]byte(x.help()))
	}
}

func (x *Mux) help() string {
	key := "Ctrl-" + string(rune(x.escape+'@'))
	lines := []string{"", key + " h    print this help", key + " x    exit goemu"}
	if len(x.ports) > 1 {
		lines = append(lines, key+" c    switch between guest and monitor")
	}
	lines = append(lines, key+" b    send a break", key+" t    show when each line was printed, or no more", key+" "+key+"    send "+key, "")
	return strings.Join(lines, "\r\n")
}

// stamped offers p with time stamps before its lines. It returns how much of p was taken.
func (x *Mux) stamped(p []byte) int {
	x.mu.Lock()
	defer x.mu.Unlock()
	offer := x.src.Offer
	for i := 0; i < len(p); {
		if x.newLine {
			ms := time.Since(x.since).Milliseconds()
			if offer(fmt.Appendf(nil, "[%02d:%02d:%02d.%03d] ", ms/3600000, ms/60000%60, ms/1000%60, ms%1000)) == 0 {
				return i
			}
			x.newLine = false
		}
		end := i
		for end < len(p) && !x.newLine {
			x.newLine = p[end] == '\n'
			end++
		}
		if offer(p[i:end]) == 0 {
			x.newLine = false
			return i
		}
		i = end
	}
	return len(p)
}

// Close closes the Source.
func (x *Mux) Close() error { return x.src.Close() }

// Offer implements Backend.
func (p *Port) Offer(b []byte) int {
	if p.mux.stamping.Load() {
		return p.mux.stamped(b)
	}
	return p.mux.src.Offer(b)
}

// Write implements Backend. With time stamps, what has no room is lost.
func (p *Port) Write(b []byte) (int, error) {
	if p.mux.stamping.Load() {
		p.mux.stamped(b)
		return len(b), nil
	}
	return p.mux.src.Write(b)
}

// OnRoom implements Backend.
func (p *Port) OnRoom(f func()) {
	p.room.Store(&f)
}

// Start implements Source.
func (p *Port) Start(recv func(b []byte), event func(e Event)) { p.recv, p.event = recv, event }

// Filename implements Source.
func (p *Port) Filename() string { return "mux" }

// Close implements Backend: the others go on.
func (p *Port) Close() error { return nil }
