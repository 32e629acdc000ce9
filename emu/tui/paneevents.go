package tui

import (
	"fmt"
	"strings"

	"goemu/emu"
	"goemu/emu/inspect"
)

var eventsPane = &pane{name: "events", share: 1, tail: true, record: true}

const (
	maxEvents = 5000 // that are kept for scrolling
	maxFetch  = 20000
)

// buildEvents shows what the guest does, the newest last. Its first lines choose the kinds.
func buildEvents(md *model, _, _ int) (lines []line) {
	md.fetchEvents()
	for k := inspect.EventKind(1); k < inspect.EventAll; k <<= 1 {
		box := "[ ] "
		if md.kinds&k != 0 {
			box = "[x] "
		}
		l := text(heading, box+k.String())
		l.click = func(md *model, _ int) error {
			md.kinds ^= k
			return nil
		}
		lines = append(lines, l)
	}
	if md.m.Accel() == emu.AccelKVM {
		lines = append(lines, texts(dim, "KVM does not tell of exceptions, interrupts and modes, or not of all: the translator does (:accel tcg)\n")...)
	}
	for i := range md.events {
		e := &md.events[i]
		style := plain
		if e.Kind == inspect.EventException && !e.Soft {
			style = changed
		}
		l, at := text(style, e.String()), e.RIP
		l.click = func(md *model, _ int) error {
			md.at[codePane] = md.regs.Linear(inspect.CS, at)
			md.say(fmt.Sprintf("page cpu shows the code at %#x", at))
			return nil
		}
		lines = append(lines, l)
	}
	return lines
}

// fetchEvents reads what is new; of more than can be kept, the oldest are passed over.
func (md *model) fetchEvents() {
	_, last := md.m.Events(md.lastEvent, 0)
	after := md.lastEvent
	if last > after+maxFetch {
		after = last - maxFetch
	}
	list, _ := md.m.Events(after, maxFetch)
	if len(list) == 0 {
		return
	}
	md.lastEvent = list[len(list)-1].Number
	md.events = append(md.events, list...)
	if n := len(md.events); n > maxEvents {
		md.events = append(md.events[:0], md.events[n-maxEvents:]...)
	}
}

var breaksPane = &pane{name: "breakpoints", share: 1}

// buildBreaks lists breakpoints; a click takes one away.
func buildBreaks(md *model, _, _ int) (lines []line) {
	if len(md.points) == 0 {
		return texts(dim, "none. Click on a line of code, or on a byte of memory; or type\n:break ADDRESS, :watch ADDRESS [bytes], :rwatch, :awatch, :port PORT [ports], :delete [number]\n")
	}
	for i := range md.points {
		l, id := text(plain, md.points[i].String()), md.points[i].ID
		l.click = func(md *model, _ int) error { return md.m.RemoveBreakpoint(id) }
		lines = append(lines, l)
	}
	return lines
}

var monitorPane = &pane{name: "monitor", share: 1, tail: true}

func buildMonitor(md *model, _, _ int) []line {
	if len(md.printed) == 0 {
		return texts(dim, "Type : and a command of the monitor (help lists them), or one of these:\n"+commandHelp())
	}
	return texts(plain, strings.Join(md.printed, "\n"))
}
