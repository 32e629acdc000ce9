// Package trace is -trace: events of the guest and of the machine, a line each as they happen. Names are those of QEMU where it has the same event; the lines are goemu's own:
//
//	NAME time=SECONDS cpu=N rip=0xADDRESS KEY=VALUE ...
//
// time is the guest's. What happens to the machine as a whole has no cpu= and rip=, and text="..." behind.
package trace

import (
	"bufio"
	"fmt"
	"io"
	"path"
	"strings"
	"sync/atomic"

	"goemu/emu/debuglog"
	"goemu/emu/inspect"
)

// Event is a row of the table.
type Event uint8

// Events. Those from MachineStop on are notices, in the order of their kinds.
const (
	Exception Event = iota
	Interrupt
	In
	Out
	Load
	Store
	Mode
	SMI
	Unclaimed
	MachineStop
)

var events = []struct {
	name, about string
	kind        inspect.EventKind // that is recorded for it; 0: none
}{
	Exception: {"exception", "an exception or a software interrupt is delivered", inspect.EventException},
	Interrupt: {"interrupt", "an interrupt of hardware, or an NMI, is delivered", inspect.EventInterrupt},
	In:        {"cpu_in", "a read of a port", inspect.EventPort},
	Out:       {"cpu_out", "a write to a port", inspect.EventPort},
	Load:      {"memory_region_ops_read", "a load from a device's memory", inspect.EventMMIO},
	Store:     {"memory_region_ops_write", "a store to a device's memory", inspect.EventMMIO},
	Mode:      {"cpu_mode", "another operating mode: real, protected, long, size of code, paging", inspect.EventMode},
	SMI:       {"cpu_smm", "system management mode is entered or left", inspect.EventSMI},
	Unclaimed: {"guest_unclaimed", "an access to a port or to memory that nobody answers", 0},

	MachineStop: {"machine_stop", "the machine has stopped, and why", 0},
	MachineStop + Event(inspect.NoticeResumed):    {"machine_resume", "it goes on", 0},
	MachineStop + Event(inspect.NoticeReset):      {"machine_reset", "it has been reset", 0},
	MachineStop + Event(inspect.NoticeShutdown):   {"machine_shutdown", "it ends, or has stopped for good", 0},
	MachineStop + Event(inspect.NoticePowerDown):  {"machine_powerdown", "the power button has been pressed", 0},
	MachineStop + Event(inspect.NoticeSuspended):  {"machine_suspend", "the guest sleeps", 0},
	MachineStop + Event(inspect.NoticeWakeUp):     {"machine_wakeup", "the guest has woken up", 0},
	MachineStop + Event(inspect.NoticePanicked):   {"machine_guest_panicked", "the guest has told of a panic", 0},
	MachineStop + Event(inspect.NoticeBlockError): {"machine_block_io_error", "a drive's file could not be read or written", 0},
	MachineStop + Event(inspect.NoticeTrayMoved):  {"machine_device_tray_moved", "a CD drive's tray has moved", 0},
	MachineStop + Event(inspect.NoticeRTCChanged): {"machine_rtc_change", "the guest has set the clock", 0},
}

// Names are the names of all events.
func Names() (list []string) {
	for _, e := range events {
		list = append(list, e.name)
	}
	return list
}

// Help lists the events, a line each.
func Help() string {
	var b strings.Builder
	for _, e := range events {
		fmt.Fprintf(&b, "%-26s %s\n", e.name, e.about)
	}
	return b.String()
}

// Match gives the names that a pattern with * and ? stands for.
func Match(pattern string) (list []string) {
	for _, e := range events {
		if ok, err := path.Match(pattern, e.name); ok && err == nil { // a bad pattern is nobody's
			list = append(list, e.name)
		}
	}
	return list
}

// IsPattern tells whether s may stand for several events, or none.
func IsPattern(s string) bool { return strings.ContainsAny(s, "*?") }

// ReadPatterns reads the file of events=: a pattern a line, blank lines and those that begin with # mean nothing.
func ReadPatterns(r io.Reader) (list []string, err error) {
	s := bufio.NewScanner(r)
	for s.Scan() {
		if l := strings.TrimSpace(s.Text()); l != "" && l[0] != '#' {
			list = append(list, l)
		}
	}
	return list, s.Err()
}

// Trace says which events are traced, and writes them.
type Trace struct {
	on  atomic.Uint32 // a bit for each
	log *debuglog.Log
}

// New makes a Trace of nothing that writes to a log.
func New(log *debuglog.Log) *Trace { return &Trace{log: log} }

// Set has the events that match a pattern traced, or no more. It gives how many there are.
func (t *Trace) Set(pattern string, on bool) (n int) {
	for i, e := range events {
		if ok, err := path.Match(pattern, e.name); !ok || err != nil {
			continue
		}
		n++
		if on {
			t.on.Or(1 << i)
		} else {
			t.on.And(^uint32(1 << i))
		}
	}
	return n
}

// Apply is Set as -trace has it: a pattern behind "-" is traced no more.
func (t *Trace) Apply(pattern string) (n int) {
	if p, ok := strings.CutPrefix(pattern, "-"); ok {
		return t.Set(p, false)
	}
	return t.Set(pattern, true)
}

// Wants tells whether an event is traced.
func (t *Trace) Wants(e Event) bool { return t.on.Load()>>e&1 != 0 }

// State tells whether the event of a name is traced.
func (t *Trace) State(name string) bool {
	for i, e := range events {
		if e.name == name {
			return t.Wants(Event(i))
		}
	}
	return false
}

// Kinds are what must be recorded for the events that are traced.
func (t *Trace) Kinds() (k inspect.EventKind) {
	for i, e := range events {
		if t.Wants(Event(i)) {
			k |= e.kind
		}
	}
	return k
}

// Wanted are the names of the events of these kinds that are traced; nil: none.
func (t *Trace) Wanted(kinds inspect.EventKind) (list []string) {
	for i, e := range events {
		if e.kind&kinds != 0 && t.Wants(Event(i)) {
			list = append(list, e.name)
		}
	}
	return list
}

// Close writes out what is buffered.
func (t *Trace) Close() error {
	if t == nil {
		return nil
	}
	return t.log.Close()
}

// Record writes what has been recorded, if it is traced.
func (t *Trace) Record(e *inspect.Event) {
	for i := range events {
		if events[i].kind == e.Kind && t.Wants(Event(i)) {
			t.record(Event(i), e)
		}
	}
}

func (t *Trace) record(ev Event, e *inspect.Event) {
	var rest string
	switch ev {
	case Exception:
		rest = fmt.Sprintf("vector=%#02x code=%#x soft=%v", e.Vector, e.Code, e.Soft)
		if name := inspect.VectorName(e.Vector); name != "" {
			rest += " name=" + name
		}
		if e.Vector == 14 && !e.Soft {
			rest += fmt.Sprintf(" cr2=%#x", e.CR2)
		}
	case Interrupt:
		rest = fmt.Sprintf("vector=%#02x", e.Vector)
	case In, Out, Load, Store:
		if e.Write != (ev == Out || ev == Store) {
			return
		}
		rest = fmt.Sprintf("addr=%#x size=%d val=%#x", e.Addr, e.Size, e.Value)
	default:
		rest = fmt.Sprintf("text=%q", e.Text)
	}
	t.log.Printf("%s time=%s cpu=%d rip=%#x %s\n", events[ev].name, seconds(e.Time), e.CPU, e.RIP, rest)
}

// Notice writes what has happened to the machine at a time of the guest's, if that is traced.
func (t *Trace) Notice(n *inspect.Notice, now int64) {
	if ev := MachineStop + Event(n.Kind); t.Wants(ev) {
		t.log.Printf("%s time=%s text=%q\n", events[ev].name, seconds(now), n)
	}
}

// Access writes an access that nobody answers, if that is traced.
func (t *Trace) Access(what string, addr uint64, size int, write bool, val uint64, cpu int, rip uint64, now int64) {
	if !t.Wants(Unclaimed) {
		return
	}
	kind := "read"
	if write {
		kind = "write"
	}
	t.log.Printf("%s time=%s cpu=%d rip=%#x kind=%s of=%q addr=%#x size=%d val=%#x\n", events[Unclaimed].name, seconds(now), cpu, rip, kind, what, addr, size, val)
}

func seconds(ns int64) string { return fmt.Sprintf("%d.%09d", ns/1e9, ns%1e9) }
