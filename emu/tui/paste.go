package tui

import (
	"fmt"

	"github.com/gdamore/tcell/v2"
)

// paste is text on its way to the guest.
type paste struct {
	open    bool // the terminal is sending it
	came    []rune
	waits   []rune
	skipped int
}

// maxPaste bounds what waits, in characters.
const maxPaste = 1 << 20

func (p *paste) event(v *view, e *tcell.EventPaste) {
	if p.open = e.Start(); !p.open {
		text := string(p.came)
		p.came = nil
		p.add(v, text)
	}
}

func (p *paste) key(e *tcell.EventKey) {
	r := e.Rune()
	switch e.Key() {
	case tcell.KeyEnter, tcell.KeyCtrlJ:
		r = '\n'
	case tcell.KeyTab:
		r = '\t'
	case tcell.KeyRune:
	default:
		return
	}
	if len(p.came) < maxPaste {
		p.came = append(p.came, r)
	}
}

// add begins to type text: on the prompt, on the console that is shown, or on the keyboard.
func (p *paste) add(v *view, text string) {
	switch {
	case v.prompt != nil:
		for _, r := range text {
			if r >= ' ' && len(v.prompt.typed) < maxTyped {
				v.prompt.typed = append(v.prompt.typed, r)
			}
		}
	case v.shown > 0:
		v.host.consoles[v.shown-1].Type(consolePaste(text))
	default:
		p.waits = append(p.waits, []rune(text)...)
		if len(p.waits) > maxPaste {
			p.waits = p.waits[:maxPaste]
		}
		p.feed(v)
	}
	v.redraw = true
}

// consolePaste is text as the keys of a terminal would send it: Enter is CR.
func consolePaste(text string) []byte {
	var b []byte
	for i := range len(text) {
		switch c := text[i]; {
		case c == '\n' && i > 0 && text[i-1] == '\r':
		case c == '\n':
			b = append(b, '\r')
		default:
			b = append(b, c)
		}
	}
	return b
}

// feed types as much as the keyboard has room for.
func (p *paste) feed(v *view) {
	if len(p.waits) == 0 {
		return
	}
	n := 0
	for _, r := range p.waits {
		names, ok := runeNames(r)
		switch r {
		case '\n', '\r':
			names, ok = "ret", r == '\n' || n+1 >= len(p.waits) || p.waits[n+1] != '\n'
			if !ok {
				n++
				continue
			}
		case '\t':
			names, ok = "tab", true
		}
		if !ok {
			p.skipped++
			n++
			continue
		}
		if v.m.SendKey(names, hold) != nil { // it has no room now
			break
		}
		n++
	}
	p.waits = append(p.waits[:0], p.waits[n:]...)
	switch {
	case len(p.waits) > 0:
		v.say(fmt.Sprintf("%d characters are still to be pasted", len(p.waits)))
	case p.skipped > 0:
		v.say(fmt.Sprintf("pasted; %d characters are not on the guest's keyboard", p.skipped))
		p.skipped = 0
	default:
		v.say("pasted")
	}
}

// askClipboard asks the terminal for its clipboard (OSC 52). Many do not answer.
func (v *view) askClipboard() {
	v.s.GetClipboard()
	v.say("asked the terminal for its clipboard; if nothing comes, paste by the terminal's own key")
}
