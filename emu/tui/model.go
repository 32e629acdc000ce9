package tui

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"goemu/emu"
	"goemu/emu/inspect"
	"goemu/emu/monitor"
)

// request is what the view wants to know.
type request struct {
	inside bool
	page   int
	areas  []rect // of the page's panes
	fresh  bool   // panes are wanted now, not when they are due
}

// answer is what the model knows.
type answer struct {
	changed bool // the screen has changed
	noLook  bool // there is no screen
	lines   [][]line
	status  state
	says    string // "": nothing new
}

// state is what the status line shows.
type state struct {
	known  bool
	status inspect.Status
	why    string // it has stopped
	cpu    int
	stats  inspect.Stats
	rate   string
	lights []light
}

// light shows what a drive has done since it was last looked at.
type light struct {
	name          string
	reads, writes bool
}

// due is after how many requests stats, and panes of a machine that runs, are made anew.
const due = 6

// model is what is known of the machine. Its goroutine alone uses it, but for look, which the view uses between an answer and the next request.
type model struct {
	m       Machine
	reqs    chan request
	answers chan answer
	acts    chan func(md *model) error
	done    chan struct{}

	look    emu.Look
	request request
	age     int
	dirty   bool
	state   state
	since   time.Time // of state.stats
	says    string

	cpu       int
	regs, was inspect.Registers    // now, and before the last change
	at        map[*pane]uint64     // addresses that somebody has typed
	anchor    uint64               // first line of the code pane
	counted   map[uint64]bool      // linear addresses of blocks whose runs are counted
	kinds     inspect.EventKind    // of events that are wanted
	recording inspect.EventKind    // what the machine was told
	events    []inspect.Event      // newest last
	lastEvent uint64               // number of the newest that has been read
	points    []inspect.Breakpoint // as of this look
	session   *monitor.Session
	printed   []string // what the monitor has said
}

// defaultKinds are not those that flood.
const defaultKinds = inspect.EventAll &^ (inspect.EventPort | inspect.EventMMIO)

func newModel(m Machine) *model {
	md := &model{
		m: m, reqs: make(chan request, 1), answers: make(chan answer, 1), acts: make(chan func(md *model) error, 64), done: make(chan struct{}),
		at: map[*pane]uint64{}, counted: map[uint64]bool{}, kinds: defaultKinds,
	}
	md.session = m.MonitorSession(printer{md})
	return md
}

func (md *model) run(notices <-chan inspect.Notice) {
	defer func() {
		// A machine that has ended is not watched either.
		_ = md.m.Watch(false)
	}()
	for {
		select {
		case <-md.done:
			return
		case r := <-md.reqs:
			md.dirty = md.dirty || r.fresh || r.inside != md.request.inside || r.page != md.request.page
			md.request = r
			md.answers <- md.answer()
		case act := <-md.acts:
			if err := act(md); err != nil {
				md.say(err.Error())
			}
			md.dirty = true
		case n, ok := <-notices:
			if !ok {
				notices = nil
				continue
			}
			md.note(n)
		}
	}
}

// say has the status line say something.
func (md *model) say(s string) { md.says = s }

// note takes what the machine tells.
func (md *model) note(n inspect.Notice) {
	md.dirty = true
	switch n.Kind {
	case inspect.NoticeStopped:
		md.state.why = n.Why.String()
		md.cpu = n.CPU
		if n.Why != inspect.StopStep && n.Why != inspect.StopPause {
			md.say(n.String())
		}
	case inspect.NoticeResumed:
		md.state.why = ""
	default:
		md.say(n.String())
	}
}

func (md *model) answer() (a answer) {
	var err error
	a.changed, err = md.m.Look(&md.look)
	a.noLook = err != nil
	md.age++
	if md.dirty || md.age >= due {
		md.refreshState()
		r := md.request
		md.record(r.inside && pages[r.page].records())
		if r.inside && (md.dirty || md.state.status.Running()) {
			a.lines = md.build(r)
		}
		md.age, md.dirty = 0, false
	}
	a.status, a.says, md.says = md.state, md.says, ""
	return a
}

func (p *page) records() bool {
	for _, q := range p.panes {
		if q.record {
			return true
		}
	}
	return false
}

// refreshState looks at what the status line shows.
func (md *model) refreshState() {
	s, was := &md.state, md.state
	now := time.Now()
	s.known, s.status, s.cpu, s.stats = true, md.m.Status(), md.cpu, md.m.Stats()
	if !was.known {
		md.since = now
		return
	}
	if d := now.Sub(md.since); d > due*interval/2 { // an odd look says nothing of a rate
		what, n := "exits/s", s.stats.Exits-was.stats.Exits
		if s.stats.Counted {
			what, n = "instructions/s", s.stats.Instructions-was.stats.Instructions
		}
		s.rate = metric(float64(n)/d.Seconds()) + " " + what
		if s.stats.Counted {
			s.rate = fmt.Sprintf("%.1f MIPS", float64(n)/d.Seconds()/1e6)
		}
		md.since = now
	} else {
		s.stats.Exits, s.stats.Instructions = was.stats.Exits, was.stats.Instructions
	}
	s.lights = nil
	for i, d := range s.stats.Drives {
		l := light{name: d.ID}
		if i < len(was.stats.Drives) && was.stats.Drives[i].ID == d.ID {
			w := &was.stats.Drives[i]
			l.reads, l.writes = d.Reads != w.Reads, d.Writes != w.Writes
		}
		s.lights = append(s.lights, l)
	}
}

// metric is a number with three digits and a prefix.
func metric(v float64) string {
	for _, p := range []struct {
		by   float64
		name string
	}{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if v >= p.by {
			return fmt.Sprintf("%.3g %s", v/p.by, p.name)
		}
	}
	return fmt.Sprintf("%.0f", v)
}

// build makes the lines of the panes.
func (md *model) build(r request) (lines [][]line) {
	regs, err := md.m.Registers(md.cpu)
	if err == nil && regs != md.regs {
		md.was, md.regs = md.regs, regs
	}
	md.points = md.m.Breakpoints()
	for i, p := range pages[r.page].panes {
		w, h := 80, 24
		if i < len(r.areas) {
			w, h = r.areas[i].w, r.areas[i].h-1
		}
		lines = append(lines, p.build(md, w, h))
	}
	return lines
}

// record tells the machine what to record.
func (md *model) record(on bool) {
	kinds := md.kinds
	if !on {
		kinds = 0
	}
	if kinds != md.recording {
		md.m.Record(kinds)
		md.recording = kinds
	}
}

// printer is what the monitor writes to.
type printer struct{ md *model }

// maxPrinted is how many lines of the monitor are kept.
const maxPrinted = 2000

func (p printer) Write(b []byte) (int, error) {
	md := p.md
	for i, l := range strings.Split(strings.ReplaceAll(string(b), "\r", ""), "\n") {
		if i == 0 && len(md.printed) > 0 {
			md.printed[len(md.printed)-1] += l
		} else {
			md.printed = append(md.printed, l)
		}
	}
	if n := len(md.printed); n > maxPrinted {
		md.printed = append(md.printed[:0], md.printed[n-maxPrinted:]...)
	}
	return len(b), nil
}

// Things to do with the machine, for keys and commands.

func (md *model) pauseOrContinue() error {
	if md.m.Status().Running() {
		return md.m.Pause()
	}
	return md.m.Continue()
}

// step steps; a machine that runs is paused first.
func (md *model) step(k inspect.StepKind) error {
	if md.m.Status().Running() {
		return md.m.Pause()
	}
	return md.m.Step(md.cpu, inspect.Step{Kind: k})
}

// toggle sets a breakpoint or takes it away.
func (md *model) toggle(b inspect.Breakpoint) error {
	for _, p := range md.m.Breakpoints() {
		if p.Kind == b.Kind && p.Addr == b.Addr {
			return md.m.RemoveBreakpoint(p.ID)
		}
	}
	_, err := md.m.AddBreakpoint(b)
	return err
}

func (md *model) nextCPU(by int) error {
	n := md.m.CPUs()
	if n == 1 {
		return errors.New("the machine has one CPU")
	}
	md.cpu = (md.cpu + by + n) % n
	md.say(fmt.Sprintf("CPU %d", md.cpu))
	return nil
}
