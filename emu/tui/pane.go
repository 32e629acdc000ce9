package tui

import (
	"strings"

	"github.com/gdamore/tcell/v2"
)

// span is text in one style.
type span struct {
	text  string
	style tcell.Style
}

// action is what a click on a line does, on the model's goroutine. col is the column in the line's text.
type action func(md *model, col int) error

// line is a line of a pane.
type line struct {
	spans  []span
	click  action // nil: nothing. Also Enter
	second action // the other mouse button, and key w
	here   bool   // it is where the CPU is: kept in sight
}

func text(style tcell.Style, s string) line { return line{spans: []span{{s, style}}} }

// texts are the lines of s.
func texts(style tcell.Style, s string) (lines []line) {
	for l := range strings.Lines(s) {
		lines = append(lines, text(style, strings.TrimRight(l, "\n")))
	}
	return lines
}

func (l *line) add(style tcell.Style, s string) *line {
	l.spans = append(l.spans, span{s, style})
	return l
}

func (l *line) String() string {
	var b strings.Builder
	for _, s := range l.spans {
		b.WriteString(s.text)
	}
	return b.String()
}

// pane is a kind of things to look at. build makes its lines on the model's goroutine, for an area of w by h cells.
type pane struct {
	name   string
	tail   bool // new lines come at the end: the end is shown, unless somebody has scrolled away
	least  int  // rows that are enough for it; 0: it takes what there is
	share  int  // of the rows that are left
	build  func(md *model, w, h int) []line
	typed  string // what key g asks for; "": it has no address
	record bool   // it wants events
}

// page is what the inside shows at once, one above the other.
type page struct {
	name  string
	panes []*pane
}

// Actions name panes, so that these get their functions late.
func init() {
	for p, build := range map[*pane]func(md *model, w, h int) []line{
		registersPane:  buildRegisters,
		codePane:       buildCode,
		memoryPane:     buildMemory,
		blockPane:      buildBlock,
		walkPane:       buildWalk,
		tlbPane:        buildTLB,
		tablesPane:     buildTables,
		interruptsPane: buildInterrupts,
		devicesPane:    buildDevices,
		eventsPane:     buildEvents,
		breaksPane:     buildBreaks,
		monitorPane:    buildMonitor,
	} {
		p.build = build
	}
}

var pages = []page{
	{"cpu", []*pane{registersPane, codePane, memoryPane}},
	{"block", []*pane{blockPane}},
	{"paging", []*pane{walkPane, tlbPane}},
	{"tables", []*pane{tablesPane}},
	{"irq", []*pane{interruptsPane}},
	{"devices", []*pane{devicesPane}},
	{"events", []*pane{eventsPane}},
	{"breaks", []*pane{breaksPane}},
	{"monitor", []*pane{monitorPane}},
}

// list shows the lines of a pane.
type list struct {
	pane   *pane
	area   rect // with the title
	lines  []line
	shown  []int // of lines, those that the filter lets through
	top    int   // first of shown on the terminal
	cursor int   // of shown
	filter string
	away   bool // a tail is not followed
	here   string
}

// set takes new lines.
func (l *list) set(lines []line) {
	l.lines, l.shown = lines, l.shown[:0]
	for i := range lines {
		if l.filter == "" || strings.Contains(strings.ToLower(lines[i].String()), strings.ToLower(l.filter)) {
			l.shown = append(l.shown, i)
		}
	}
	rows := l.rows()
	if l.pane.tail && !l.away {
		l.cursor = len(l.shown) - 1
		l.top = len(l.shown) - rows
	}
	for n, i := range l.shown {
		if lines[i].here {
			if now := lines[i].String(); now != l.here { // it has moved: the eye follows
				l.here, l.cursor = now, n
				if n < l.top || n >= l.top+rows-1 {
					l.top = n - rows/3
				}
			}
			break
		}
	}
	l.clamp()
}

func (l *list) rows() int { return max(l.area.h-1, 1) }

func (l *list) clamp() {
	l.cursor = max(0, min(l.cursor, len(l.shown)-1))
	l.top = max(0, min(l.top, len(l.shown)-l.rows()))
}

// move moves the cursor by n lines, and what is shown with it.
func (l *list) move(n int) {
	l.cursor += n
	l.clamp()
	switch rows := l.rows(); {
	case l.cursor < l.top:
		l.top = l.cursor
	case l.cursor >= l.top+rows:
		l.top = l.cursor - rows + 1
	}
	l.away = l.cursor < len(l.shown)-1
	l.clamp()
}

// at is the line on row y of the terminal; nil: none.
func (l *list) at(y int) *line {
	n := l.top + y - l.area.y - 1
	if y <= l.area.y || y >= l.area.y+l.area.h || n < 0 || n >= len(l.shown) {
		return nil
	}
	l.cursor = n
	return &l.lines[l.shown[n]]
}

// selected is the line with the cursor; nil: none.
func (l *list) selected() *line {
	if l.cursor < 0 || l.cursor >= len(l.shown) {
		return nil
	}
	return &l.lines[l.shown[l.cursor]]
}

func (l *list) draw(s tcell.Screen, focus bool) {
	r := l.area
	fill(s, r, plain)
	style := heading
	if focus {
		style = heading.Reverse(true)
	}
	title := "── " + l.pane.name + " "
	if l.filter != "" {
		title += "/" + l.filter + " "
	}
	x := put(s, r, 0, 0, title, style)
	for ; x < r.w; x++ {
		put(s, r, x, 0, "─", dim)
	}
	for row := 1; row < r.h; row++ {
		n := l.top + row - 1
		if n >= len(l.shown) {
			break
		}
		ln, col := &l.lines[l.shown[n]], 0
		for _, sp := range ln.spans {
			style := sp.style
			if focus && n == l.cursor {
				style = style.Underline(true)
			}
			col = put(s, r, col, row, sp.text, style)
		}
	}
}
