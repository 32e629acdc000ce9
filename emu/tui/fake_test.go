package tui

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gdamore/tcell/v2"

	"goemu/devices/vga"
	"goemu/emu"
	"goemu/emu/inspect"
	"goemu/emu/monitor"
)

// fake is a machine whose screen a test sets, and which keeps what it was told.
type fake struct {
	mu      sync.Mutex
	look    emu.Look
	noVGA   error
	calls   []string
	running bool
	points  []inspect.Breakpoint
	rip     uint64
	full    bool // the keyboard takes nothing
	notices chan inspect.Notice
	events  []inspect.Event
	accel   emu.Accel
	monitor.Machine
}

func (f *fake) called(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, fmt.Sprintf(format, args...))
}

func (f *fake) has(call string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Contains(f.calls, call)
}

func (f *fake) SendKey(keys string, hold time.Duration) error {
	f.mu.Lock()
	full := f.full
	f.mu.Unlock()
	if full {
		return errors.New("4096 strokes wait already")
	}
	f.called("key %s", keys)
	if keys == "x" {
		return errors.New("no x")
	}
	return nil
}
func (f *fake) MouseMove(dx, dy, dz int)   { f.called("move %d %d %d", dx, dy, dz) }
func (f *fake) MouseButtons(buttons uint8) { f.called("buttons %d", buttons) }
func (f *fake) Stop(int)                   { f.called("stop") }
func (f *fake) Watch(on bool) error        { f.called("watch %v", on); return f.noVGA }

func (f *fake) Look(l *emu.Look) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l.Text, l.Screen, l.Frame = f.look.Text, f.look.Screen, f.look.Frame
	l.Screen.Cells, l.Frame.Pix = slices.Clone(l.Screen.Cells), slices.Clone(l.Frame.Pix)
	l.Frame.Dirty = make([]bool, l.Frame.Height)
	for i := range l.Frame.Dirty {
		l.Frame.Dirty[i] = true
	}
	return true, f.noVGA
}

func (f *fake) CPUs() int { return 2 }
func (f *fake) Registers(cpu int) (r inspect.Registers, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r.CPU, r.RIP = cpu, f.rip
	r.GPR[inspect.RSP] = 0x8000
	r.Seg[inspect.CS].Attr, r.Seg[inspect.SS].Attr = inspect.AttrDB, inspect.AttrDB
	r.CR0 = inspect.CR0PE
	return r, nil
}
func (f *fake) ReadMemory(_ int, a inspect.Address, p []byte) (int, error) {
	for i := range p {
		p[i] = byte(a.Addr) + byte(i)
	}
	return len(p), nil
}
func (f *fake) Walk(_ int, linear uint64) (inspect.Walk, error) {
	return inspect.Walk{Linear: linear, Phys: linear, End: inspect.WalkOff}, nil
}
func (f *fake) TLB(int) ([]inspect.TLBEntry, error) {
	return []inspect.TLBEntry{{Linear: 0xabc000, Phys: 0x123000}}, nil
}
func (f *fake) Descriptors(_ int, t inspect.Table) ([]inspect.Descriptor, error) {
	if t == inspect.IDT {
		return []inspect.Descriptor{{Gate: true, Present: true, Type: "IntGate32", Offset: 0x5555}}, nil
	}
	return nil, nil
}
func (f *fake) TSS(int) (inspect.TSS, error) { return inspect.TSS{}, nil }
func (f *fake) Disassemble(_ int, a inspect.Address, n int) (l []inspect.Line, err error) {
	for i := range n {
		l = append(l, inspect.Line{Addr: a.Addr + uint64(i), RIP: a.Addr + uint64(i), Bytes: []byte{0x90}, Text: "nop", HasTarget: true, Target: 0x7777})
	}
	return l, nil
}
func (f *fake) Block(_ int, rip uint64) (inspect.Block, error) {
	return inspect.Block{RIP: rip, Mode: "32-bit", IR: "ir one\nir two\n", Optimised: "better\n", Host: "ret\n", Guest: []inspect.Line{{Text: "nop"}}}, nil
}
func (f *fake) CountRuns(linear uint64, on bool) error {
	f.called("count %#x %v", linear, on)
	return nil
}
func (f *fake) DeviceTree() []inspect.Node {
	return []inspect.Node{{Kind: "bus", Name: "pci.0", Children: []inspect.Node{{Kind: "dev", Name: "VGA"}}}}
}
func (f *fake) Controllers() (c inspect.Controllers) {
	c.Counts[0x20] = 1234
	c.LAPIC = make([]inspect.LAPIC, 1)
	c.LAPIC[0].ISR[1] = 1
	c.IOAPIC = []inspect.IOAPIC{{Lines: []uint64{0x31, 1 << 16}}}
	return c
}
func (f *fake) Accel() emu.Accel { return f.accel }
func (f *fake) Stats() inspect.Stats {
	return inspect.Stats{Engine: "tcg", GuestTime: 12e9, Drives: []inspect.DriveStats{{ID: "hd0"}}}
}
func (f *fake) Record(k inspect.EventKind) { f.called("record %s", k) }
func (f *fake) Events(after uint64, max int) (list []inspect.Event, last uint64) {
	for _, e := range f.events {
		if last = e.Number; e.Number > after && len(list) < max {
			list = append(list, e)
		}
	}
	return list, last
}

func (f *fake) set(running bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.running = running
	return nil
}
func (f *fake) Pause() error    { f.called("pause"); return f.set(false) }
func (f *fake) Continue() error { f.called("continue"); return f.set(true) }
func (f *fake) Status() inspect.Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.running {
		return inspect.StatusRunning
	}
	return inspect.StatusPaused
}
func (f *fake) Step(cpu int, s inspect.Step) error {
	f.called("step %d %d", cpu, s.Kind)
	f.mu.Lock()
	f.rip++
	f.mu.Unlock()
	f.notices <- inspect.Notice{Kind: inspect.NoticeStopped, Why: inspect.StopStep, CPU: cpu}
	return nil
}
func (f *fake) AddBreakpoint(b inspect.Breakpoint) (int, error) {
	f.called("add %s %#x %d %v", b.Kind, b.Addr, b.Len, b.Once)
	f.mu.Lock()
	defer f.mu.Unlock()
	b.ID = len(f.points) + 1
	f.points = append(f.points, b)
	return b.ID, nil
}
func (f *fake) RemoveBreakpoint(id int) error {
	f.called("remove %d", id)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.points = slices.DeleteFunc(f.points, func(b inspect.Breakpoint) bool { return b.ID == id })
	return nil
}
func (f *fake) Breakpoints() []inspect.Breakpoint {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.points)
}
func (f *fake) Notify(int) (<-chan inspect.Notice, func()) { return f.notices, func() {} }
func (f *fake) MonitorSession(w io.Writer) *monitor.Session {
	return monitor.NewSession(monitorFake{}, w, false)
}

type monitorFake struct{ monitor.Machine }

func (monitorFake) Version() string { return "1.2.3" }

// screenText is a screen of 25 rows, each with its letter, and the cursor in the last.
func screenText() (l emu.Look) {
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

// bench is a display of a machine on a screen without a terminal.
type bench struct {
	t    *testing.T
	f    *fake
	s    tcell.SimulationScreen
	host *Host
	d    *TUI
}

func newFake(look emu.Look) *fake {
	return &fake{look: look, running: true, rip: 0x1000, notices: make(chan inspect.Notice, 100)}
}

func newBench(t *testing.T, m Machine, w, h int, host *Host) *bench {
	t.Helper()
	b := &bench{t: t, s: tcell.NewSimulationScreen("UTF-8"), host: host}
	if host == nil {
		b.host = &Host{}
		b.host.Console("serial0")
	}
	b.f, _ = m.(*fake)
	d, err := OpenOn(b.s, b.host)
	if err != nil {
		t.Fatal(err)
	}
	b.s.SetSize(w, h)
	b.d = d
	d.Start(m)
	t.Cleanup(d.Close)
	return b
}

func (b *bench) row(y int) string {
	if rows := Text(b.s); y < len(rows) {
		return rows[y]
	}
	return ""
}

// colors are those of a cell: what is in it, and behind.
func (b *bench) colors(x, y int) (fg, bg int32) {
	_, style, _ := b.s.Get(x, y)
	f, g, _ := style.Decompose()
	return f.Hex(), g.Hex()
}

func (b *bench) all() string { return strings.Join(Text(b.s), "\n") }

// until waits for something to become true. The time decides nothing: it is longer than any host takes.
func (b *bench) until(what string, ok func() bool) {
	b.t.Helper()
	for range 60_000 {
		if ok() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	b.t.Fatalf("never: %s\n%s", what, b.all())
}

// sees waits for a text.
func (b *bench) sees(want string) {
	b.t.Helper()
	b.until("text "+want, func() bool { return strings.Contains(b.all(), want) })
}

// told waits for a call.
func (b *bench) told(call string) {
	b.t.Helper()
	b.until("call "+call, func() bool { return b.f.has(call) })
}

// post has the terminal tell something.
func (b *bench) post(e tcell.Event) {
	b.t.Helper()
	b.until("room for an event", func() bool { return b.s.PostEvent(e) == nil })
}

var namedKeys = map[string]tcell.Key{
	"Ctrl-A": tcell.KeyCtrlA, "Tab": tcell.KeyTab, "Backtab": tcell.KeyBacktab, "Up": tcell.KeyUp, "Down": tcell.KeyDown, "PgUp": tcell.KeyPgUp, "PgDn": tcell.KeyPgDn,
	"Home": tcell.KeyHome, "End": tcell.KeyEnd, "Enter": tcell.KeyEnter, "Esc": tcell.KeyEscape, "Backspace": tcell.KeyBackspace2, "Ctrl-U": tcell.KeyCtrlU,
}

// press presses keys by their labels.
func (b *bench) press(keys ...string) {
	for _, k := range keys {
		if key, ok := namedKeys[k]; ok {
			b.s.InjectKey(key, 0, 0)
		} else {
			b.s.InjectKey(tcell.KeyRune, []rune(k)[0], 0)
		}
	}
}

// types presses the keys of a text.
func (b *bench) types(s string) {
	for _, r := range s {
		b.s.InjectKey(tcell.KeyRune, r, 0)
	}
}
