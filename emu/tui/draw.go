package tui

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gdamore/tcell/v2"

	"goemu/devices/vga"
	"goemu/emu"
)

// draw brings the terminal up to date.
func (v *view) draw(a *answer) {
	all := v.redraw
	v.redraw = false
	if all {
		v.s.Clear()
		v.picture.forget()
	}
	var con *Console
	if v.shown > 0 {
		con = v.host.consoles[v.shown-1]
	}
	if all || con != nil || a.changed {
		if !v.help {
			v.drawGuest(con, a.noLook)
		}
	}
	if v.inside && !v.help {
		v.drawInside()
	}
	if v.help {
		v.drawHelp()
	}
	v.drawStatus()
	v.s.Show()
}

func (v *view) drawGuest(con *Console, noLook bool) {
	r := v.guest
	if r.w < 1 || r.h < 1 {
		v.s.HideCursor()
		return
	}
	switch {
	case con != nil:
		con.draw(v.s, r, v.back, v.focus || v.prompt != nil)
	case noLook:
		fill(v.s, r, plain)
		put(v.s, r, 0, 0, fmt.Sprintf("The machine has no display adapter. %s 2 shows its first console.", v.escape), dim)
		v.s.HideCursor()
	case v.md.look.Text:
		drawText(v.s, r, &v.md.look.Screen, v.focus || v.prompt != nil)
		v.picture.forget()
	default:
		v.s.HideCursor()
		v.picture.draw(v.s, r, &v.md.look)
	}
}

func color(c uint32) tcell.Color { return tcell.NewHexColor(int32(c)) }

// empty tells whether a screen shows nothing.
func empty(l *emu.Look) bool {
	if !l.Text {
		return !slices.ContainsFunc(l.Frame.Pix, func(c uint32) bool { return c != 0 })
	}
	return !slices.ContainsFunc(l.Screen.Cells, func(c vga.Cell) bool { return c.Char != ' ' && c.Char != '\u00a0' })
}

// drawText shows a text screen, or that part of it which has the cursor.
func drawText(t tcell.Screen, r rect, s *vga.Screen, away bool) {
	top := max(0, min(s.CursorY-r.h+1, s.Rows-r.h))
	left := max(0, min(s.CursorX-r.w+1, s.Columns-r.w))
	for y := range r.h {
		for x := range r.w {
			if y+top >= s.Rows || x+left >= s.Columns {
				t.SetContent(r.x+x, r.y+y, ' ', nil, plain)
				continue
			}
			c := &s.Cells[(y+top)*s.Columns+x+left]
			style := plain.Foreground(color(s.Colors[c.Front&15])).Background(color(s.Colors[c.Back&15])).Blink(c.Blink)
			t.SetContent(r.x+x, r.y+y, c.Char, nil, style)
		}
	}
	x, y := s.CursorX-left, s.CursorY-top
	if away || s.CursorX < 0 || x >= r.w || y >= r.h {
		t.HideCursor()
		return
	}
	t.ShowCursor(r.x+x, r.y+y)
}

// picture is a picture on the terminal: w by 2h squares of the mean of their dots, two in a character, in its shape.
type picture struct {
	known         bool
	r             rect
	width, height int
}

// forget has all of it drawn again.
func (p *picture) forget() { p.known = false }

// draw draws the rows of which lines have changed.
func (p *picture) draw(t tcell.Screen, r rect, l *emu.Look) {
	f := &l.Frame
	if f.Width == 0 || f.Height == 0 {
		return
	}
	all := !p.known || p.r != r || p.width != f.Width || p.height != f.Height
	p.known, p.r, p.width, p.height = true, r, f.Width, f.Height
	cols, rows := squares(r, f.Width, f.Height)
	for y := range r.h {
		if !all && !dirty(f, 2*y, 2*y+2, rows) {
			continue
		}
		for x := range r.w {
			if x >= cols || 2*y >= rows {
				t.SetContent(r.x+x, r.y+y, ' ', nil, plain)
				continue
			}
			lower := tcell.ColorDefault
			if 2*y+1 < rows {
				lower = mean(f, x, 2*y+1, cols, rows)
			}
			t.SetContent(r.x+x, r.y+y, '▀', nil, plain.Foreground(mean(f, x, 2*y, cols, rows)).Background(lower))
		}
	}
}

// squares is how many squares a picture has in a rectangle.
func squares(r rect, width, height int) (cols, rows int) {
	cols, rows = r.w, max(r.w*height/width, 1)
	if rows > 2*r.h {
		cols, rows = max(2*r.h*width/height, 1), 2*r.h
	}
	return cols, rows
}

// dirty tells whether a line of the squares' rows from y0 up to y1 has changed.
func dirty(f *vga.Frame, y0, y1, rows int) bool {
	from, to := y0*f.Height/rows, min((y1*f.Height+rows-1)/rows, f.Height)
	for y := max(from, 0); y < min(to, len(f.Dirty)); y++ {
		if f.Dirty[y] {
			return true
		}
	}
	return false
}

// mean is the colour of square x, y of cols by rows.
func mean(f *vga.Frame, x, y, cols, rows int) tcell.Color {
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

func (v *view) drawInside() {
	if len(v.lists) == 0 {
		return
	}
	a := v.lists[0].area
	if a.x > 0 {
		for y := range v.guest.h {
			v.s.SetContent(a.x-1, y, '│', nil, dim)
		}
	}
	for _, tab := range v.tabs() {
		style := dim
		if tab.page == v.page {
			style = barOn
		}
		put(v.s, rect{a.x, a.y - 1, a.w, 1}, tab.x-a.x, 0, tab.name, style)
	}
	for i, l := range v.lists {
		if l.area.h > 0 {
			l.draw(v.s, v.focus && i == v.focused)
		}
	}
}

// tab is a page's name on the terminal.
type tab struct {
	page, x int
	name    string
}

func (v *view) tabs() (tabs []tab) {
	x := v.lists[0].area.x
	for i, p := range pages {
		name := fmt.Sprintf("%d %s ", i+1, p.name)
		tabs = append(tabs, tab{i, x, name})
		x += len(name)
	}
	return tabs
}

func (v *view) drawHelp() {
	w, h := v.s.Size()
	r := rect{0, 0, w, h - 1}
	fill(v.s, r, plain)
	for y, l := range helpLines(v.escape) {
		x := 0
		for _, sp := range l.spans {
			x = put(v.s, r, x, y, sp.text, sp.style)
		}
	}
	v.s.HideCursor()
}

// drawStatus draws the last line: what is being typed, or keys, what the machine does, and what there is to say.
func (v *view) drawStatus() {
	w, h := v.s.Size()
	if h < 1 {
		return
	}
	r := rect{0, h - 1, w, 1}
	fill(v.s, r, bar)
	if p := v.prompt; p != nil {
		x := put(v.s, r, 0, 0, p.ask+string(p.typed), bar)
		v.s.ShowCursor(min(x, w-1), h-1)
		return
	}
	keys := " " + v.escape.String()
	if v.escaped {
		x := put(v.s, r, 0, 0, keys, barOn)
		for i := range escapes {
			k, _, _ := strings.Cut(escapes[i].keys, " ")
			if s := escapes[i].short; s != "" {
				x = put(v.s, r, x, 0, " "+k+" "+s, bar)
			}
		}
		return
	}
	x := 0
	if text := v.keysText(); len(text)+len(v.says) < w || v.says == "" { // what there is to say goes first
		x = put(v.s, r, x, 0, text+"│ ", bar)
	}
	if v.says != "" {
		x = put(v.s, r, x, 0, v.says+" │ ", bar.Bold(true))
	}
	for _, sp := range v.machineText() {
		x = put(v.s, r, x, 0, sp.text, sp.style)
	}
}

func (v *view) keysText() string {
	if v.inside && v.focus {
		return fmt.Sprintf(" s step n over b block f frame p pause/go g address : command Esc guest %s h help ", v.escape)
	}
	s := fmt.Sprintf(" %s:", v.escape)
	for i := range escapes {
		if b := &escapes[i]; b.short != "" {
			s += " " + b.keys[:1] + " " + b.short
		}
	}
	return s + " "
}

// machineText is what the machine does.
func (v *view) machineText() (spans []span) {
	st := &v.status
	if !st.known {
		return nil
	}
	style := bar
	if !st.status.Running() {
		style = barOn
	}
	spans = append(spans, span{fmt.Sprintf("%s ", st.status), style}, span{fmt.Sprintf("%s %.1fs %s ", st.stats.Engine, float64(st.stats.GuestTime)/1e9, st.rate), bar})
	for _, l := range st.lights {
		r, w, style := "-", "-", bar
		if l.reads {
			r, style = "r", barOn
		}
		if l.writes {
			w, style = "w", barOn
		}
		spans = append(spans, span{fmt.Sprintf("%s:%s%s", l.name, r, w), style}, span{" ", bar})
	}
	if v.shown > 0 {
		spans = append(spans, span{v.host.consoles[v.shown-1].Name() + " ", bar})
	}
	return spans
}
