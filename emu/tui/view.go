package tui

import (
	"fmt"
	"strings"
	"time"

	"github.com/gdamore/tcell/v2"
)

// view is what is on the terminal. Its goroutine alone uses it.
type view struct {
	s    tcell.Screen
	m    Machine
	md   *model
	host *Host

	escape escape // the key

	shown  int // 0: the screen; else console shown-1
	chosen bool
	back   int // lines that the console is scrolled back

	inside  bool
	focus   bool // the inside has the keyboard
	whole   bool // and the whole terminal
	page    int
	lists   []*list // of the page
	focused int     // of lists
	help    bool
	escaped bool
	prompt  *prompt
	history []string // commands
	paste   paste
	mouse   mouse
	guest   rect
	picture picture

	asked  bool // an answer is on its way
	redraw bool // of all
	fresh  bool // panes are wanted now
	status state
	says   string
	blank  bool // there is no screen, or nothing on it
}

const (
	interval = 33 * time.Millisecond // between looks
	hold     = 5 * time.Millisecond  // how long keys are down, of guest time
)

func (v *view) run(events <-chan tcell.Event, done <-chan struct{}) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case e, ok := <-events:
			if !ok {
				events = nil
				continue
			}
			v.event(e)
		case <-tick.C:
			v.paste.feed(v)
			v.ask()
		case a := <-v.md.answers:
			v.asked = false
			v.take(&a)
			if v.fresh {
				v.ask()
			}
		}
	}
}

// ask asks the model for what is to be shown.
func (v *view) ask() {
	if v.asked {
		return
	}
	v.layout()
	r := request{inside: v.inside, page: v.page, fresh: v.fresh}
	for _, l := range v.lists {
		r.areas = append(r.areas, l.area)
	}
	v.asked, v.fresh = true, false
	v.md.reqs <- r
}

// act has the model do something.
func (v *view) act(do func(md *model) error) {
	select {
	case v.md.acts <- do:
		v.fresh = true
	default:
		v.say(errBusy.Error())
	}
}

func (v *view) say(s string) {
	if s != v.says {
		v.says, v.redraw = s, true
	}
}

// take shows an answer.
func (v *view) take(a *answer) {
	for _, s := range []string{a.says, v.host.Notes.take()} {
		if s != "" {
			v.says = s
		}
	}
	v.status = a.status
	v.layout()
	if !v.chosen && (a.changed || v.redraw) {
		v.blank = a.noLook || empty(&v.md.look)
	}
	v.choose()
	for i, lines := range a.lines {
		if i < len(v.lists) && len(a.lines) == len(v.lists) {
			v.lists[i].set(lines)
		}
	}
	v.draw(a)
}

// choose shows the first console that says something, as long as the screen is empty and nobody has chosen.
func (v *view) choose() {
	if v.chosen {
		return
	}
	n := 0
	if v.blank {
		for i, c := range v.host.consoles {
			if c.Used() {
				n = i + 1
				break
			}
		}
	}
	if n != v.shown {
		v.shown, v.redraw = n, true
	}
}

// show shows the screen (0) or a console.
func (v *view) show(n int) {
	if n > len(v.host.consoles) {
		v.say(fmt.Sprintf("there is no console %d", n+1))
		return
	}
	v.shown, v.chosen, v.back = n, true, 0
}

func (v *view) toggleInside() {
	v.inside = !v.inside
	v.focus = v.inside
	v.setMouse()
	v.setPage(v.page)
}

func (v *view) setPage(n int) {
	if n >= len(pages) {
		return
	}
	v.page, v.focused, v.lists = n, 0, nil
	if v.inside {
		for _, p := range pages[n].panes {
			v.lists = append(v.lists, &list{pane: p})
		}
	}
	v.redraw, v.fresh = true, true
}

func (v *view) nextPane(by int) { v.focused = (v.focused + by + len(v.lists)) % len(v.lists) }

func (v *view) list() *list { return v.lists[v.focused] }

// layout gives the guest and the panes their places.
func (v *view) layout() {
	w, h := v.s.Size()
	h-- // the status line
	if h < 1 || w < 1 {
		v.guest = rect{}
		return
	}
	area := rect{0, 0, w, h}
	if !v.inside {
		v.guest = area
		return
	}
	switch {
	case v.whole:
		v.guest = rect{}
	case w >= 132:
		g := min(80, w/2)
		v.guest = rect{0, 0, g, h}
		area = rect{g + 1, 0, w - g - 1, h}
	default:
		g := h / 3
		v.guest = rect{0, 0, w, g}
		area = rect{0, g, w, h - g}
	}
	area.y++ // the pages' names
	area.h = max(area.h-1, 0)
	v.placePanes(area)
}

// placePanes gives each pane first what it needs, then its share.
func (v *view) placePanes(area rect) {
	rest, shares := area.h, 0
	for _, l := range v.lists {
		if l.pane.least > 0 {
			l.area.h = min(l.pane.least+1, area.h/2)
			rest -= l.area.h
		}
		shares += l.pane.share
	}
	y := area.y
	for i, l := range v.lists {
		if l.pane.share > 0 {
			l.area.h = rest * l.pane.share / shares
			if i == len(v.lists)-1 {
				l.area.h = max(area.y+area.h-y, 0)
			}
		}
		l.area.x, l.area.y, l.area.w = area.x, y, area.w
		y += l.area.h
	}
}

// event takes what the terminal tells.
func (v *view) event(e tcell.Event) {
	switch e := e.(type) {
	case *tcell.EventResize:
		v.redraw, v.fresh = true, true
		v.s.Sync()
	case *tcell.EventPaste:
		v.paste.event(v, e)
	case *tcell.EventClipboard:
		v.paste.add(v, string(e.Data()))
	case *tcell.EventMouse:
		v.mouse.event(v, e)
	case *tcell.EventKey:
		v.key(e)
	}
}

func (v *view) key(e *tcell.EventKey) {
	switch {
	case v.paste.open:
		v.paste.key(e)
	case v.prompt != nil:
		v.promptKey(e)
		v.redraw = true
	case v.escaped:
		v.escaped, v.redraw = false, true
		if !v.press(escapes, e, v.show) {
			v.say(fmt.Sprintf("no such key: %s h shows which there are", v.escape))
		}
	case v.help:
		v.help, v.redraw = false, true
		v.escaped = v.escape.is(e)
	case v.escape.is(e):
		v.escaped, v.redraw = true, true
	case v.inside && v.focus:
		if !v.press(insides, e, v.setPage) {
			v.say(fmt.Sprintf("no such key in the inside: %s h shows which there are, Esc gives the keyboard to the guest", v.escape))
		}
	default:
		v.typeKey(e)
	}
}

// typeKey types a key into the guest: on the keyboard, or on the console that is shown.
func (v *view) typeKey(e *tcell.EventKey) {
	if v.shown > 0 {
		v.back = 0
		v.host.consoles[v.shown-1].Type(keyBytes(e))
		return
	}
	names, ok := keyNames(e)
	if ok {
		v.sendKey(names, hold)
	}
}

func (v *view) sendKey(names string, hold time.Duration) {
	if err := v.m.SendKey(names, hold); err != nil {
		v.say(err.Error())
	}
}

// clickLine does what a click on a line does.
func (v *view) clickLine(l *line, col int, second bool) {
	if l == nil {
		return
	}
	do := l.click
	if second {
		do = l.second
	}
	if do == nil {
		v.say("nothing to be done with this line")
		return
	}
	v.act(func(md *model) error { return do(md, col) })
}

// prompt is a line that is being typed in the status line.
type prompt struct {
	ask   string
	typed []rune
	enter func(v *view, s string)
	past  []string // lines typed before, of which one is chosen by Up and Down
	at    int
}

func (v *view) promptKey(e *tcell.EventKey) {
	p := v.prompt
	switch e.Key() {
	case tcell.KeyEnter:
		v.prompt = nil
		p.enter(v, string(p.typed))
		v.fresh = true
	case tcell.KeyEscape, tcell.KeyCtrlC:
		v.prompt = nil
	case tcell.KeyBackspace, tcell.KeyBackspace2:
		p.typed = p.typed[:max(0, len(p.typed)-1)]
	case tcell.KeyCtrlU:
		p.typed = nil
	case tcell.KeyUp, tcell.KeyDown:
		if e.Key() == tcell.KeyUp {
			p.at = max(p.at-1, 0)
		} else {
			p.at = min(p.at+1, len(p.past))
		}
		p.typed = nil
		if p.at < len(p.past) {
			p.typed = []rune(p.past[p.at])
		}
	case tcell.KeyRune:
		if len(p.typed) < maxTyped {
			p.typed = append(p.typed, e.Rune())
		}
	}
}

// maxTyped bounds a line that is typed; a monitor's has no more.
const maxTyped = 4000

// openMonitor asks for a command, again and again until an empty one.
func (v *view) openMonitor() {
	if !v.inside {
		v.toggleInside()
	}
	if pages[v.page].panes[0] != monitorPane {
		v.setPage(len(pages) - 1)
	}
	v.prompt = &prompt{ask: ":", past: v.history, at: len(v.history), enter: func(v *view, s string) {
		if strings.TrimSpace(s) == "" {
			return
		}
		v.history = append(v.history, s)
		v.act(func(md *model) error { return md.enter(s) })
		v.openMonitor()
	}}
}

func (v *view) askAddress() {
	l := v.list()
	if l.pane.typed == "" {
		v.say("this pane shows no address")
		return
	}
	v.prompt = &prompt{ask: l.pane.typed + ": ", enter: func(v *view, s string) {
		v.act(func(md *model) error {
			if s == "" {
				delete(md.at, l.pane)
				return nil
			}
			a, err := md.address(s)
			if err == nil {
				md.at[l.pane] = a
			}
			return err
		})
	}}
}

func (v *view) askFilter() {
	l := v.list()
	v.prompt = &prompt{ask: "/", enter: func(v *view, s string) {
		l.filter, l.away = s, false
		l.set(l.lines)
	}}
}
