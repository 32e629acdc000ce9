// Package vnc shows the machine's screen to viewers over the network: a server of the remote framebuffer protocol, RFB 3.3, 3.7 and 3.8 (RFC 6143, and the
// community's specification for what came later). Keys go to the PS/2 keyboard, the pointer to the PS/2 mouse.
//
// Encodings are raw, CopyRect (lines that have scrolled), zlib and ZRLE; besides pixels there are cursor, desktop size, extended desktop size, QEMU's extended
// key event, pointer motion change and LED state. Pixels have 8, 16 or 32 bits, true colours or a colour map. Things that blink are shown steady, as in a
// screendump: a still guest is one picture.
//
// One goroutine looks at the screen while a viewer waits for it; each viewer has a reader and a writer. What a viewer may have waiting is bounded: one
// update, one message, a number of keys. One that does not take its pictures is dropped after a time, and one that sends what the protocol does not have at
// once.
//
// Not done: tight and hextile, clipboard, sound, TLS, SASL, WebSockets, connections from here to a viewer. A key symbol stands for the key that has it on a keyboard of the
// United States; viewers with extended key events tell the key itself. The password is that of the protocol: 8 characters that DES hides badly; the network is to
// be trusted.
package vnc

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"goemu/devices/i8042"
	"goemu/devices/vga"
)

// Machine is what is shown. All of it may be called from any goroutine but the machine's own.
type Machine interface {
	Watch(on bool) error
	LookFrame(f *vga.Frame) (changed bool, lamps uint8, err error)
	Press(k i8042.Key, down bool)
	Point(dx, dy, dz int, buttons uint8)
}

const (
	interval   = 33 * time.Millisecond // between looks
	maxClients = 32                    // connections, also of those that have not said who they are
	handshake  = time.Minute           // until a viewer has said all that comes before the first picture
	stall      = time.Minute           // for which a viewer may take nothing of what is sent to it
)

// Server is a display.
type Server struct {
	opts     Options
	name     string
	m        Machine
	listener net.Listener
	done     chan struct{}
	kick     chan struct{} // somebody waits for a picture
	over     sync.WaitGroup

	mu       sync.Mutex
	clients  []*client // that are connected
	shown    int       // of them, those that see the screen
	password string    // "": nobody gets in
	closed   bool

	screen screen
}

// screen is the picture that all viewers are brought up to.
type screen struct {
	sync.RWMutex
	frame   vga.Frame
	gen     uint64   // counts looks that changed it
	changed []uint64 // gen of each line
	sized   uint64   // gen of its size
	lamps   uint8
}

// Listen opens the display, on which nobody is served before Start. name is the machine's, for the viewer's window.
func Listen(o Options, name string) (*Server, error) {
	title := "goemu"
	if name != "" {
		title = "goemu (" + name + ")"
	}
	s := &Server{opts: o, name: title[:min(len(title), 200)], done: make(chan struct{}), kick: make(chan struct{}, 1)}
	if o.Path != "" {
		// A socket that another run has left behind is in the way; one that is served is not touched.
		if c, err := net.Dial("unix", o.Path); err == nil {
			_ = c.Close()
			return nil, fmt.Errorf("-vnc %s: somebody listens there already", o.text)
		} else if st, e := os.Stat(o.Path); e == nil && st.Mode()&os.ModeSocket != 0 {
			_ = os.Remove(o.Path)
		}
		l, err := net.Listen("unix", o.Path)
		if err != nil {
			return nil, fmt.Errorf("-vnc %s: %w", o.text, err)
		}
		s.listener = l
		return s, nil
	}
	var first error
	for n := o.Display; n <= o.To; n++ {
		l, err := net.Listen("tcp", net.JoinHostPort(o.Host, fmt.Sprint(basePort+n)))
		if err == nil {
			s.listener = l
			return s, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, fmt.Errorf("-vnc %s: %w", o.text, first)
}

// Addr is where viewers connect.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Start begins to serve. It fails if the machine has no display adapter.
func (s *Server) Start(m Machine) error {
	s.m = m
	if err := m.Watch(true); err != nil {
		return fmt.Errorf("-vnc %s: %w", s.opts.text, err)
	}
	_ = m.Watch(false) // until a viewer comes; it can as Watch(true) could
	s.over.Add(2)
	go s.accept()
	go s.run()
	return nil
}

// SetPassword sets the password of viewers to come; "": there is none, and nobody gets in. Any goroutine may call it.
func (s *Server) SetPassword(p string) error {
	if !s.opts.Password {
		return errors.New("the display asks for no password: say -vnc " + s.opts.text + ",password=on")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.password = p
	return nil
}

// Close ends the display and drops all viewers.
func (s *Server) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	close(s.done)
	for _, c := range s.clients {
		c.drop()
	}
	s.mu.Unlock()
	err := s.listener.Close()
	s.over.Wait()
	return err
}

func (s *Server) accept() {
	defer s.over.Done()
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			select {
			case <-s.done:
				return
			case <-time.After(interval): // out of files, for example
				continue
			}
		}
		c := newClient(s, conn)
		s.mu.Lock()
		if s.closed || len(s.clients) >= maxClients {
			s.mu.Unlock()
			c.drop()
			continue
		}
		s.clients = append(s.clients, c)
		s.over.Add(1)
		s.mu.Unlock()
		go func() {
			defer s.over.Done()
			c.serve()
			s.leave(c)
		}()
	}
}

// join lets a viewer see the screen, if it and the others may do so together.
func (s *Server) join(c *client, shared bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return errors.New("the display is closed")
	case s.opts.Share == shareIgnore:
	case s.opts.Share == shareForce && !shared:
		return errors.New("a viewer that wants the display alone")
	case s.opts.Share == shareExclusive && !shared:
		for _, other := range s.clients {
			if other != c && other.joined {
				other.drop()
			}
		}
		c.exclusive = true
	case s.opts.Share == shareExclusive:
		if slices.ContainsFunc(s.clients, func(o *client) bool { return o.exclusive }) {
			return errors.New("another viewer has the display alone")
		}
	}
	if s.shown++; s.shown == 1 {
		// That it fails is said by Start already.
		_ = s.m.Watch(true)
	}
	c.joined = true
	return nil
}

// leave forgets a viewer.
func (s *Server) leave(c *client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clients = slices.DeleteFunc(s.clients, func(o *client) bool { return o == c })
	if c.joined {
		if s.shown--; s.shown == 0 {
			// That it fails is said by Start already.
			_ = s.m.Watch(false)
		}
	}
}

// run looks at the screen as long as somebody waits for what changes.
func (s *Server) run() {
	defer s.over.Done()
	pause := time.NewTimer(interval)
	defer pause.Stop()
	for {
		select {
		case <-s.done:
			return
		case <-s.kick:
		}
		for s.awaited() {
			s.look()
			s.wake()
			pause.Reset(interval)
			select {
			case <-s.done:
				return
			case <-pause.C:
			}
		}
	}
}

// awaited tells whether a viewer waits for a picture and could take it.
func (s *Server) awaited() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.clients, (*client).waits)
}

// wake has the viewers that wait look whether there is something for them.
func (s *Server) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.clients {
		if c.waits() {
			signal(c.wake)
		}
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// look brings the picture up to date.
func (s *Server) look() {
	v := &s.screen
	v.Lock()
	defer v.Unlock()
	w, h := v.frame.Width, v.frame.Height
	changed, lamps, err := s.m.LookFrame(&v.frame)
	if err != nil { // the machine has ended: its last picture stays
		return
	}
	v.lamps = lamps
	f := &v.frame
	resized := f.Width != w || f.Height != h
	if !changed && !resized {
		return
	}
	v.gen++
	if resized {
		v.sized = v.gen
		v.changed = slices.Grow(v.changed[:0], f.Height)[:f.Height]
	}
	for y := range v.changed {
		if resized || f.Dirty[y] {
			v.changed[y] = v.gen
		}
	}
}
