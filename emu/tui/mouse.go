package tui

import (
	"fmt"

	"github.com/gdamore/tcell/v2"

	"goemu/devices/i8042"
)

// mouse is what is known of the terminal's mouse.
type mouse struct {
	grabbed bool // it is the guest's
	known   bool // x and y are
	x, y    int
	buttons tcell.ButtonMask
}

// guestButtons are the guest's names of buttons.
var guestButtons = []struct {
	ours   tcell.ButtonMask
	guests uint8
}{{tcell.ButtonPrimary, i8042.ButtonLeft}, {tcell.ButtonSecondary, i8042.ButtonRight}, {tcell.ButtonMiddle, i8042.ButtonMiddle}}

func (v *view) toggleGrab() {
	v.mouse.grabbed = !v.mouse.grabbed
	v.mouse.known = false
	v.setMouse()
	if v.mouse.grabbed {
		v.say(fmt.Sprintf("the mouse is the guest's; %s m gives it back", v.escape))
	} else {
		v.say("the mouse is the terminal's")
	}
}

// setMouse takes the mouse from the terminal only where somebody needs it: else text can be selected with it.
func (v *view) setMouse() {
	switch {
	case v.mouse.grabbed:
		v.s.EnableMouse(tcell.MouseMotionEvents)
	case v.inside:
		v.s.EnableMouse(tcell.MouseButtonEvents)
	default:
		v.s.DisableMouse()
	}
}

func (m *mouse) event(v *view, e *tcell.EventMouse) {
	x, y := e.Position()
	if m.grabbed && (v.guest.has(x, y) || m.buttons != 0) {
		m.move(v, x, y, e.Buttons())
		return
	}
	pressed := e.Buttons() &^ m.buttons
	m.buttons = e.Buttons()
	m.buttons &^= tcell.WheelUp | tcell.WheelDown
	if pressed != 0 {
		v.clicked(x, y, pressed)
	}
}

// move moves the guest's mouse by as many dots as a cell stands for.
func (m *mouse) move(v *view, x, y int, buttons tcell.ButtonMask) {
	dx, dy, dz := 8, 16, 0
	if p := &v.picture; p.known {
		cols, rows := squares(p.r, p.width, p.height)
		dx, dy = max(p.width/cols, 1), max(2*p.height/rows, 1)
	}
	if buttons&tcell.WheelUp != 0 {
		dz = -1
	} else if buttons&tcell.WheelDown != 0 {
		dz = 1
	}
	if m.known && (x != m.x || y != m.y) || dz != 0 {
		if !m.known {
			m.x, m.y = x, y
		}
		v.m.MouseMove((x-m.x)*dx, (y-m.y)*dy, dz)
	}
	m.known, m.x, m.y = true, x, y
	if b := buttons &^ (tcell.WheelUp | tcell.WheelDown); b != m.buttons {
		m.buttons = b
		var set uint8
		for _, g := range guestButtons {
			if b&g.ours != 0 {
				set |= g.guests
			}
		}
		v.m.MouseButtons(set)
	}
}

// clicked is a click that is not the guest's.
func (v *view) clicked(x, y int, buttons tcell.ButtonMask) {
	if !v.inside {
		return
	}
	v.redraw, v.fresh = true, true
	if v.guest.has(x, y) {
		v.focus = false
		return
	}
	for i, l := range v.lists {
		if !l.area.has(x, y) {
			continue
		}
		v.focus, v.focused = true, i
		switch {
		case buttons&tcell.WheelUp != 0:
			l.move(-3)
		case buttons&tcell.WheelDown != 0:
			l.move(3)
		default:
			if ln := l.at(y); ln != nil {
				v.clickLine(ln, x-l.area.x, buttons&tcell.ButtonPrimary == 0)
			}
		}
		return
	}
	if len(v.lists) > 0 && y == v.lists[0].area.y-1 {
		for _, t := range v.tabs() {
			if x >= t.x && x < t.x+len(t.name) {
				v.focus = true
				v.setPage(t.page)
			}
		}
	}
}
