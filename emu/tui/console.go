package tui

import (
	"sync"

	"github.com/gdamore/tcell/v2"

	"goemu/emu/chardev"
)

// Console is what "vc" is connected to: a terminal for a serial port, or whatever else writes text. It takes all output at once, so that nothing ever waits for it.
type Console struct {
	name  string
	mu    sync.Mutex
	vt    *vt
	keys  chan []byte
	over  chan struct{}
	close sync.Once
}

var _ chardev.Source = (*Console)(nil)

// Size of a console, in characters.
const (
	consoleColumns = 80
	consoleRows    = 25
)

// NewConsole makes a console; name is what the status line shows.
func NewConsole(name string) *Console {
	c := &Console{name: name, keys: make(chan []byte, 64), over: make(chan struct{})}
	c.vt = newVT(consoleColumns, consoleRows, c.Type)
	return c
}

// Name is its name.
func (c *Console) Name() string { return c.name }

// Used tells whether something has been written.
func (c *Console) Used() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.vt.used
}

// Offer implements chardev.Backend.
func (c *Console) Offer(p []byte) int {
	c.mu.Lock()
	c.vt.write(p)
	c.mu.Unlock()
	return len(p)
}

// Write implements chardev.Backend.
func (c *Console) Write(p []byte) (int, error) { return c.Offer(p), nil }

// OnRoom implements chardev.Backend: there is always room.
func (c *Console) OnRoom(func()) {}

// Close implements chardev.Backend.
func (c *Console) Close() error {
	c.close.Do(func() { close(c.over) })
	return nil
}

// Terminal says that what is typed is shown by who gets it.
func (c *Console) Terminal() bool { return true }

// Filename implements chardev.Source.
func (c *Console) Filename() string { return "vc" }

// Start implements chardev.Source.
func (c *Console) Start(recv func(p []byte), event func(e chardev.Event)) {
	go func() {
		if event != nil {
			event(chardev.Opened)
		}
		for {
			select {
			case <-c.over:
				return
			case p := <-c.keys:
				if recv != nil {
					recv(p)
				}
			}
		}
	}()
}

// Type sends what is typed; it is lost, as on a line that overruns, where too much waits.
func (c *Console) Type(p []byte) {
	if len(p) == 0 {
		return
	}
	select {
	case c.keys <- p:
	default:
	}
}

// draw shows the console, or that part of it which has the cursor, back lines before its end.
func (c *Console) draw(s tcell.Screen, r rect, back int, away bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.vt
	top := max(0, min(t.y-r.h+1, t.h-r.h))
	first := len(t.past) + top - back
	for y := range r.h {
		row := t.line(first + y)
		for x := range r.w {
			cell := vtCell{' ', plain}
			if x < len(row) && top+y < t.h {
				cell = row[x]
			}
			s.SetContent(r.x+x, r.y+y, cell.r, nil, cell.style)
		}
	}
	if away || back > 0 || !t.cursor || t.x >= r.w {
		s.HideCursor()
		return
	}
	s.ShowCursor(r.x+t.x, r.y+t.y-top)
}

// scrollConsole scrolls back by half of what is shown, or forward.
func (v *view) scrollConsole(by int) {
	if v.shown == 0 {
		v.say("the screen does not scroll back: consoles do")
		return
	}
	c := v.host.consoles[v.shown-1]
	c.mu.Lock()
	most := len(c.vt.past)
	c.mu.Unlock()
	v.back = max(0, min(v.back+by*max(v.guest.h/2, 1), most))
}

// sequences are what keys without a character send, as a VT220 has them.
var sequences = map[tcell.Key]string{
	tcell.KeyEnter: "\r", tcell.KeyTab: "\t", tcell.KeyBacktab: "\x1b[Z", tcell.KeyBackspace: "\x7f", tcell.KeyBackspace2: "\x7f", tcell.KeyEscape: "\x1b",
	tcell.KeyUp: "\x1b[A", tcell.KeyDown: "\x1b[B", tcell.KeyRight: "\x1b[C", tcell.KeyLeft: "\x1b[D", tcell.KeyHome: "\x1b[1~", tcell.KeyEnd: "\x1b[4~",
	tcell.KeyPgUp: "\x1b[5~", tcell.KeyPgDn: "\x1b[6~", tcell.KeyInsert: "\x1b[2~", tcell.KeyDelete: "\x1b[3~",
	tcell.KeyF1: "\x1bOP", tcell.KeyF2: "\x1bOQ", tcell.KeyF3: "\x1bOR", tcell.KeyF4: "\x1bOS", tcell.KeyF5: "\x1b[15~", tcell.KeyF6: "\x1b[17~",
	tcell.KeyF7: "\x1b[18~", tcell.KeyF8: "\x1b[19~", tcell.KeyF9: "\x1b[20~", tcell.KeyF10: "\x1b[21~", tcell.KeyF11: "\x1b[23~", tcell.KeyF12: "\x1b[24~",
}

// keyBytes is what a key sends on a serial line.
func keyBytes(e *tcell.EventKey) (p []byte) {
	if e.Modifiers()&tcell.ModAlt != 0 {
		p = append(p, 0x1b)
	}
	switch k := e.Key(); {
	case k == tcell.KeyRune:
		return append(p, string(e.Rune())...)
	case sequences[k] != "":
		return append(p, sequences[k]...)
	case k >= tcell.KeyCtrlSpace && k <= tcell.KeyCtrlUnderscore: // 64 to 95
		return append(p, byte(k-tcell.KeyCtrlSpace))
	}
	return nil
}
