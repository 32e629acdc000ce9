package display

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gdamore/tcell/v2"

	"goemu/devices/vga"
	"goemu/emu"
)

// fake is a machine whose screen a test sets.
type fake struct {
	mu      sync.Mutex
	look    emu.Look
	keys    []string
	stopped bool
	watched int
	noVGA   error
}

func (f *fake) Watch(on bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if on {
		f.watched++
	} else {
		f.watched--
	}
	return f.noVGA
}

func (f *fake) Look(l *emu.Look) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l.Text, l.Screen, l.Frame = f.look.Text, f.look.Screen, f.look.Frame
	l.Screen.Cells, l.Frame.Pix = slices.Clone(l.Screen.Cells), slices.Clone(l.Frame.Pix)
	return true, nil
}

func (f *fake) SendKey(keys string, hold time.Duration) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.keys = append(f.keys, keys)
	if keys == "x" {
		return errors.New("no x")
	}
	return nil
}

func (f *fake) Stop(int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stopped = true
}

// text is a screen of 25 rows, each with its number, and the cursor in the last.
func text() (l emu.Look) {
	l.Text = true
	s := &l.Screen
	s.Columns, s.Rows = 80, 25
	for i := range s.Colors {
		s.Colors[i] = uint32(i) * 0x0f0f0f
	}
	for y := range 25 {
		for x := range 80 {
			c := vga.Cell{Char: '·', Front: 7}
			if x == 0 {
				c = vga.Cell{Char: rune('A' + y), Front: 15, Back: 4}
			}
			s.Cells = append(s.Cells, c)
		}
	}
	s.CursorX, s.CursorY = 3, 24
	return l
}

type bench struct {
	t *testing.T
	f *fake
	s tcell.SimulationScreen
	d *TTY
}

func newBench(t *testing.T, look emu.Look, w, h int) *bench {
	b := &bench{t: t, f: &fake{look: look}, s: tcell.NewSimulationScreen("UTF-8")}
	d, err := open(b.s)
	if err != nil {
		t.Fatal(err)
	}
	b.s.SetSize(w, h)
	b.d = d
	if err := d.Start(b.f); err != nil {
		t.Fatal(err)
	}
	return b
}

// row is the text of a row of the terminal.
func (b *bench) row(y int) string {
	cells, w, _ := b.s.GetContents()
	var s strings.Builder
	for _, c := range cells[y*w : (y+1)*w] {
		s.WriteString(string(c.Runes))
	}
	return s.String()
}

// until waits for something to become true.
func (b *bench) until(what string, ok func() bool) {
	b.t.Helper()
	for range 120_000 {
		if ok() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	b.t.Fatalf("never: %s", what)
}

func TestText(t *testing.T) {
	b := newBench(t, text(), 100, 30)
	b.until("text", func() bool { return strings.HasPrefix(b.row(24), "Y··") })
	if r := b.row(29); !strings.Contains(r, "Ctrl-] ends") {
		t.Errorf("status line %q", r)
	}
	if strings.TrimSpace(b.row(25)) != "" || strings.TrimSpace(b.row(0)[len("A")+79*len("·"):]) != "" {
		t.Error("something beside the screen")
	}
	cells, w, _ := b.s.GetContents()
	fg, bg, _ := cells[2*w].Style.Decompose()
	if fg.Hex() != 15*0x0f0f0f || bg.Hex() != 4*0x0f0f0f {
		t.Errorf("colours %06x on %06x", fg.Hex(), bg.Hex())
	}
	if x, y, on := b.s.GetCursor(); x != 3 || y != 24 || !on {
		t.Errorf("cursor at %d, %d", x, y)
	}
	b.d.Close()
	if b.f.watched != 0 {
		t.Error("still watched")
	}
}

// A terminal that is too small shows where the cursor is.
func TestSmallTerminal(t *testing.T) {
	b := newBench(t, text(), 40, 10)
	b.until("the last rows", func() bool { return strings.HasPrefix(b.row(8), "Y·") && strings.HasPrefix(b.row(0), "Q·") })
	b.s.SetSize(20, 1)
	b.s.SetSize(80, 27)
	b.until("all rows", func() bool { return strings.HasPrefix(b.row(0), "A·") && strings.HasPrefix(b.row(24), "Y·") })
	b.d.Close()
}

func TestPixels(t *testing.T) {
	var l emu.Look
	l.Frame.Width, l.Frame.Height = 640, 480
	l.Frame.Pix = make([]uint32, 640*480)
	for i := range l.Frame.Pix {
		switch y := i / 640; {
		case y < 240:
			l.Frame.Pix[i] = 0xff0000
		case i%640 < 320:
			l.Frame.Pix[i] = 0x00ff00
		default:
			l.Frame.Pix[i] = 0x0000ff
		}
	}
	b := newBench(t, l, 64, 31)
	b.until("a picture", func() bool { return strings.HasPrefix(b.row(0), "▀") })
	cells, w, _ := b.s.GetContents()
	at := func(x, y int) (int32, int32) {
		fg, bg, _ := cells[y*w+x].Style.Decompose()
		return fg.Hex(), bg.Hex()
	}
	for _, c := range []struct {
		x, y   int
		fg, bg int32
	}{{0, 0, 0xff0000, 0xff0000}, {63, 11, 0xff0000, 0xff0000}, {0, 12, 0xff00, 0xff00}, {63, 23, 0xff, 0xff}} {
		if fg, bg := at(c.x, c.y); fg != c.fg || bg != c.bg {
			t.Errorf("%d,%d: %06x over %06x", c.x, c.y, fg, bg)
		}
	}
	if strings.TrimSpace(b.row(24)) != "" {
		t.Error("the picture is too high")
	}
	b.d.Close()
}

func TestKeys(t *testing.T) {
	for _, c := range []struct {
		k    tcell.Key
		r    rune
		mod  tcell.ModMask
		want string
	}{
		{tcell.KeyRune, 'a', 0, "a"}, {tcell.KeyRune, 'Q', tcell.ModShift, "shift-q"}, {tcell.KeyRune, '?', 0, "shift-slash"}, {tcell.KeyRune, '5', tcell.ModAlt, "alt-5"},
		{tcell.KeyRune, ' ', 0, "spc"}, {tcell.KeyRune, 'ä', 0, ""}, {tcell.KeyEnter, 13, 0, "ret"}, {tcell.KeyCtrlC, 3, tcell.ModCtrl, "ctrl-c"},
		{tcell.KeyTab, 9, 0, "tab"}, {tcell.KeyBackspace2, 127, 0, "backspace"}, {tcell.KeyF12, 0, tcell.ModCtrl | tcell.ModAlt, "alt-ctrl-f12"},
		{tcell.KeyUp, 0, tcell.ModShift, "shift-up"}, {tcell.KeyCtrlSpace, 0, tcell.ModCtrl, "ctrl-spc"}, {tcell.KeyEscape, 27, 0, "esc"},
	} {
		got, _ := keyNames(tcell.NewEventKey(c.k, c.r, c.mod))
		if got != c.want {
			t.Errorf("%v %q %v: %q, want %q", c.k, c.r, c.mod, got, c.want)
		}
	}
}

func TestTyping(t *testing.T) {
	b := newBench(t, text(), 80, 26)
	b.s.InjectKey(tcell.KeyRune, 'l', 0)
	b.s.InjectKey(tcell.KeyRune, 'x', 0)
	b.until("an error in the status line", func() bool { return strings.Contains(b.row(25), "no x") })
	b.s.InjectKey(tcell.KeyCtrlRightSq, 0, tcell.ModCtrl)
	b.until("end", func() bool {
		b.f.mu.Lock()
		defer b.f.mu.Unlock()
		return b.f.stopped && slices.Equal(b.f.keys, []string{"l", "x"})
	})
	b.d.Close()
}

func TestNoAdapter(t *testing.T) {
	d, err := open(tcell.NewSimulationScreen(""))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Start(&fake{noVGA: errors.New("no display adapter")}); err == nil || !strings.Contains(err.Error(), "no display adapter") {
		t.Error(err)
	}
	d.Close()
}
