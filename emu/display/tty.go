// Package display shows the machine's screen on a terminal: text as text, graphics as half blocks. Keys go to the PS/2 keyboard.
//
// Terminals say which characters are typed, not which keys go down and up: a stroke is pressed and let go, and characters are those of a keyboard for US
// English. Keys that a terminal does not tell apart cannot be typed (Ctrl-I is Tab).
package display

import (
	"fmt"
	"sync"
	"time"

	"github.com/gdamore/tcell/v2"

	"goemu/emu"
)

// Machine is what is shown. All of it may be called from any goroutine but the machine's own.
type Machine interface {
	Watch(on bool) error
	Look(l *emu.Look) (changed bool, err error)
	SendKey(keys string, hold time.Duration) error
	Stop(status int)
}

const (
	interval = 33 * time.Millisecond // between looks
	hold     = 5 * time.Millisecond  // how long keys are down, of guest time
	status   = " goemu: Ctrl-] ends the machine "
)

// TTY is a display on a terminal.
type TTY struct {
	screen  tcell.Screen
	m       Machine
	look    emu.Look
	done    chan struct{}
	over    sync.WaitGroup
	redraw  bool
	message string
}

// Open takes the terminal over.
func Open() (*TTY, error) {
	s, err := tcell.NewScreen()
	if err != nil {
		return nil, fmt.Errorf("-display tty: %w", err)
	}
	return open(s)
}

func open(s tcell.Screen) (*TTY, error) {
	if err := s.Init(); err != nil {
		return nil, fmt.Errorf("-display tty: %w", err)
	}
	return &TTY{screen: s, done: make(chan struct{}), redraw: true}, nil
}

// Start begins to show a machine, which is about to run. It fails if that has no display adapter.
func (t *TTY) Start(m Machine) error {
	t.m = m
	if err := m.Watch(true); err != nil {
		return fmt.Errorf("-display tty: %w", err)
	}
	events := make(chan tcell.Event, 16)
	go t.screen.ChannelEvents(events, t.done)
	t.over.Add(1)
	go func() {
		defer t.over.Done()
		t.run(events)
	}()
	return nil
}

// Close gives the terminal back as it was. It may be called without Start.
func (t *TTY) Close() {
	close(t.done)
	t.over.Wait()
	t.screen.Fini()
}

func (t *TTY) run(events <-chan tcell.Event) {
	defer func() {
		// That it fails is said by Start already.
		_ = t.m.Watch(false)
		if r := recover(); r != nil { // what is said of it has to be legible
			t.screen.Fini()
			panic(r)
		}
	}()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-t.done:
			return
		case e, ok := <-events:
			if !ok {
				events = nil
				continue
			}
			t.event(e)
		case <-tick.C:
			t.refresh()
		}
	}
}

func (t *TTY) event(e tcell.Event) {
	switch e := e.(type) {
	case *tcell.EventResize:
		t.redraw = true
		t.screen.Sync()
	case *tcell.EventKey:
		if e.Key() == tcell.KeyCtrlRightSq {
			t.m.Stop(0)
			return
		}
		keys, ok := keyNames(e)
		if !ok {
			return
		}
		message := ""
		if err := t.m.SendKey(keys, hold); err != nil {
			message = err.Error()
		}
		t.redraw = t.redraw || message != t.message
		t.message = message
	}
}

// refresh brings the terminal up to date.
func (t *TTY) refresh() {
	was := t.look.Text
	changed, err := t.m.Look(&t.look)
	if err != nil || !changed && !t.redraw {
		return
	}
	if t.redraw || was != t.look.Text {
		t.screen.Clear()
	}
	t.redraw = false
	w, h := t.screen.Size()
	if h--; w < 1 || h < 1 {
		return
	}
	if t.look.Text {
		t.drawText(w, h)
	} else {
		t.drawPixels(w, h)
	}
	style := tcell.StyleDefault.Reverse(true)
	line := []rune(status + t.message)
	for x := range w {
		r := ' '
		if x < len(line) {
			r = line[x]
		}
		t.screen.SetContent(x, h, r, nil, style)
	}
	t.screen.Show()
}

func color(c uint32) tcell.Color { return tcell.NewHexColor(int32(c)) }

// drawText shows the text screen, or that part of it which has the cursor.
func (t *TTY) drawText(w, h int) {
	s := &t.look.Screen
	top := max(0, min(s.CursorY-h+1, s.Rows-h))
	left := max(0, min(s.CursorX-w+1, s.Columns-w))
	for y := range h {
		for x := range w {
			if y+top >= s.Rows || x+left >= s.Columns {
				t.screen.SetContent(x, y, ' ', nil, tcell.StyleDefault)
				continue
			}
			c := &s.Cells[(y+top)*s.Columns+x+left]
			style := tcell.StyleDefault.Foreground(color(s.Colors[c.Front&15])).Background(color(s.Colors[c.Back&15])).Blink(c.Blink)
			t.screen.SetContent(x, y, c.Char, nil, style)
		}
	}
	if s.CursorX < 0 || s.CursorY-top >= h {
		t.screen.HideCursor()
		return
	}
	t.screen.ShowCursor(s.CursorX-left, s.CursorY-top)
}

// drawPixels shows the picture as w by 2h squares of the mean of their dots, two in a character, in its shape.
func (t *TTY) drawPixels(w, h int) {
	f := &t.look.Frame
	t.screen.HideCursor()
	if f.Width == 0 || f.Height == 0 {
		return
	}
	cols, rows := w, w*f.Height/f.Width
	if rows > 2*h {
		cols, rows = max(2*h*f.Width/f.Height, 1), 2*h
	}
	for y := range h {
		for x := range w {
			if x >= cols || 2*y >= rows {
				t.screen.SetContent(x, y, ' ', nil, tcell.StyleDefault)
				continue
			}
			var lower tcell.Color = tcell.ColorDefault
			if 2*y+1 < rows {
				lower = t.mean(x, 2*y+1, cols, rows)
			}
			t.screen.SetContent(x, y, '▀', nil, tcell.StyleDefault.Foreground(t.mean(x, 2*y, cols, rows)).Background(lower))
		}
	}
}

// mean is the colour of square x, y of cols by rows.
func (t *TTY) mean(x, y, cols, rows int) tcell.Color {
	f := &t.look.Frame
	x0, y0 := x*f.Width/cols, y*f.Height/rows
	x1, y1 := max((x+1)*f.Width/cols, x0+1), max((y+1)*f.Height/rows, y0+1)
	var r, g, b, n uint32
	for yy := y0; yy < min(y1, f.Height); yy++ {
		for _, c := range f.Pix[yy*f.Width+x0 : yy*f.Width+min(x1, f.Width)] {
			r, g, b, n = r+c>>16, g+c>>8&255, b+c&255, n+1
		}
	}
	n = max(n, 1)
	return color(r/n<<16 | g/n<<8 | b/n)
}
