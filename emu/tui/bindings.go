package tui

import (
	"cmp"
	"errors"
	"strings"

	"github.com/gdamore/tcell/v2"

	"goemu/emu/chardev"
	"goemu/emu/inspect"
)

// binding is a row of the table of keys.
type binding struct {
	keys  string // names by label, separated by blanks; twice is the escape key
	about string
	short string // in the status line; "": not there
	do    func(v *view)
}

// onModel is a binding's action that is the model's.
func onModel(act func(md *model) error) func(v *view) { return func(v *view) { v.act(act) } }

func stepBy(k inspect.StepKind) func(v *view) {
	return onModel(func(md *model) error { return md.step(k) })
}

// escapes are the keys behind the escape key, insides those of the inside when it has the keyboard. init fills them in, as help reads them.
var escapes, insides []binding

func init() {
	escapes = []binding{
		{"h ?", "show this, or no more", "help", func(v *view) { v.help = !v.help }},
		{"x", "end goemu", "quit", func(v *view) { v.m.Stop(0) }},
		{"i", "open the machine's inside, or close it", "inside", (*view).toggleInside},
		{"o", "give the keyboard to the inside, or to the guest", "", func(v *view) { v.focus = v.inside && !v.focus }},
		{"z", "the inside on the whole terminal, or beside the guest", "", func(v *view) { v.whole = !v.whole }},
		{"c", "type a command for the monitor", "", func(v *view) { v.openMonitor() }},
		{"p", "type the terminal's clipboard into the guest, if the terminal gives it away; pasting by the terminal's own key works always", "paste", (*view).askClipboard},
		{"d", "press Ctrl-Alt-Del in the guest", "ctrl-alt-del", func(v *view) { v.sendKey("ctrl-alt-delete", 0) }},
		{"m", "give the mouse to the guest, or to the terminal again", "", (*view).toggleGrab},
		{"1 2 3 4 5 6 7 8 9", "show the screen (1) or a console", "", nil},
		{"PgUp", "scroll a console back", "", func(v *view) { v.scrollConsole(1) }},
		{"PgDn", "and forward", "", func(v *view) { v.scrollConsole(-1) }},
		{twice + " a", "type the escape key", "", func(v *view) { v.typeKey(v.escape.event()) }},
	}
	insides = []binding{
		{"1 2 3 4 5 6 7 8 9", "show page cpu, block, paging, tables, irq, devices, events, breaks, monitor", "", nil},
		{"Tab", "go to the next pane of the page", "", func(v *view) { v.nextPane(1) }},
		{"Backtab", "go to the one before", "", func(v *view) { v.nextPane(-1) }},
		{"Up k", "a line up", "", func(v *view) { v.list().move(-1) }},
		{"Down j", "a line down", "", func(v *view) { v.list().move(1) }},
		{"PgUp", "up by what is shown", "", func(v *view) { v.list().move(-v.list().rows()) }},
		{"PgDn", "and down", "", func(v *view) { v.list().move(v.list().rows()) }},
		{"Home", "to the first line", "", func(v *view) { v.list().move(-1 << 30) }},
		{"End", "to the last", "", func(v *view) { v.list().move(1 << 30) }},
		{"Enter", "what a click on the line does: set or remove a breakpoint, a watchpoint, choose an entry", "", func(v *view) { v.clickLine(v.list().selected(), 0, false) }},
		{"w", "what a click with the right button does: follow a jump", "", func(v *view) { v.clickLine(v.list().selected(), 0, true) }},
		{"p", "pause the machine, or let it go on", "", onModel((*model).pauseOrContinue)},
		{"c", "let it go on", "", onModel(func(md *model) error { return md.m.Continue() })},
		{"s", "step one instruction", "", stepBy(inspect.StepInstruction)},
		{"n", "step over a call", "", stepBy(inspect.StepOver)},
		{"b", "step to the end of the block", "", stepBy(inspect.StepBlock)},
		{"f", "step one frame of the display", "", stepBy(inspect.StepFrame)},
		{"]", "look at the next CPU", "", onModel(func(md *model) error { return md.nextCPU(1) })},
		{"[", "or the one before", "", onModel(func(md *model) error { return md.nextCPU(-1) })},
		{"g", "type an address for the pane: a number or registers, as rsp+0x20", "", (*view).askAddress},
		{"/", "show lines with a text alone", "", (*view).askFilter},
		{":", "type a command: of the monitor, or break, watch, rwatch, awatch, port, delete, events", "", func(v *view) { v.openMonitor() }},
		{"q", "close the inside", "", (*view).toggleInside},
		{"Esc", "give the keyboard to the guest", "", func(v *view) { v.focus = false }},
	}
}

// keyLabels are the names of keys without a character in the table.
var keyLabels = map[tcell.Key]string{
	tcell.KeyTab: "Tab", tcell.KeyBacktab: "Backtab", tcell.KeyUp: "Up", tcell.KeyDown: "Down", tcell.KeyPgUp: "PgUp", tcell.KeyPgDn: "PgDn", tcell.KeyHome: "Home",
	tcell.KeyEnd: "End", tcell.KeyEnter: "Enter", tcell.KeyEscape: "Esc",
}

// twice is the label of the escape key in the table of the keys behind it.
const twice = "twice"

// escape is the key that introduces what is for goemu: a control character.
type escape byte

func (h *Host) escape() escape { return escape(cmp.Or(h.Escape, chardev.Escape)) }

// String is what people call the key.
func (k escape) String() string { return "Ctrl-" + string(rune(k|0x40)) }

// is tells whether the terminal tells of this key. Those with a key of their own (Tab, Enter, Esc, Backspace) have its code, others are numbered from Ctrl-Space on.
func (k escape) is(e *tcell.EventKey) bool {
	return e.Key() == tcell.Key(k) || e.Key() == tcell.KeyCtrlSpace+tcell.Key(k)
}

// event is the key as a terminal tells of it.
func (k escape) event() *tcell.EventKey {
	switch key := tcell.Key(k); key {
	case tcell.KeyBackspace, tcell.KeyTab, tcell.KeyEnter, tcell.KeyEscape:
		return tcell.NewEventKey(key, 0, 0)
	}
	return tcell.NewEventKey(tcell.KeyCtrlSpace+tcell.Key(k), rune(k), tcell.ModCtrl)
}

func label(e *tcell.EventKey) string {
	if e.Key() == tcell.KeyRune {
		return string(e.Rune())
	}
	return keyLabels[e.Key()]
}

// press does what a key stands for in a table, and tells whether it is there. number is called for digits.
func (v *view) press(table []binding, e *tcell.EventKey, number func(n int)) bool {
	l := label(e)
	if v.escape.is(e) {
		l = twice
	}
	if l == "" {
		return false
	}
	for i := range table {
		if !hasWord(table[i].keys, l) {
			continue
		}
		if table[i].do == nil {
			number(int(l[0] - '1'))
		} else {
			table[i].do(v)
		}
		v.redraw, v.fresh = true, true
		return true
	}
	return false
}

func hasWord(words, w string) bool {
	for len(words) > 0 {
		i := 0
		for i < len(words) && words[i] != ' ' {
			i++
		}
		if words[:i] == w {
			return true
		}
		words = words[min(i+1, len(words)):]
	}
	return false
}

// helpLines are the tables as text.
func helpLines(esc escape) (lines []line) {
	part := func(title, prefix string, table []binding) {
		lines = append(lines, text(heading, title))
		for i := range table {
			keys := table[i].keys
			if len(keys) == len("1 2 3 4 5 6 7 8 9") {
				keys = "1 to 9"
			}
			keys = strings.ReplaceAll(keys, twice, esc.String())
			l := text(bold, prefix+keys)
			for n := len(prefix + keys); n < 16; n++ {
				l.add(plain, " ")
			}
			l.add(plain, " "+table[i].about)
			lines = append(lines, l)
		}
	}
	part("Everywhere ("+esc.String()+" is the escape key, all else is typed into the guest)", esc.String()+" ", escapes)
	part("In the inside", "", insides)
	return append(lines, text(dim, "Any key ends this. The mouse: a click chooses a pane, a line and what it does; the wheel scrolls."))
}

var errBusy = errors.New("goemu is busy with what was typed before")
