package kvmcpu

import (
	"fmt"
	"sync/atomic"

	"goemu/emu/accel"
	"goemu/emu/kvm"
	"goemu/emu/x86"
)

// Point is a breakpoint or watchpoint that takes a debug register of the host's processor while the guest runs. The guest's own are without effect then.
type Point struct {
	ID          int
	Addr        uint64 // linear
	Exec        bool   // a breakpoint; else a watchpoint
	Read, Write bool
	Len         int // bytes
}

type point struct {
	Point
	on bool
}

// NumPoints is how many there can be.
const NumPoints = 4

// fits tells why a point cannot be.
func (p *Point) fits() error {
	switch {
	case p.Exec:
		return nil
	case !p.Write:
		return fmt.Errorf("a watchpoint for reads alone at %#x: the processor watches writes, or all accesses; use accel tcg", p.Addr)
	case p.Len != 1 && p.Len != 2 && p.Len != 4 && p.Len != 8 || p.Addr%uint64(p.Len) != 0:
		return fmt.Errorf("a watchpoint of %d bytes at %#x: the processor watches 1, 2, 4 or 8 bytes at a multiple of their number; use accel tcg", p.Len, p.Addr)
	}
	return nil
}

// Fit tells why the processor cannot have points; nil: it can.
func Fit(list []Point) error {
	if len(list) > NumPoints {
		return fmt.Errorf("%d breakpoints and watchpoints: KVM has the processor's %d debug registers; remove one, or use accel tcg", len(list), NumPoints)
	}
	for i := range list {
		if err := list[i].fits(); err != nil {
			return err
		}
	}
	return nil
}

// SetPoints replaces all points by a list that Fit has accepted.
func (m *Machine) SetPoints(list []Point) {
	m.dr = [NumPoints]point{}
	for i, p := range list {
		m.dr[i] = point{p, true}
	}
}

// exec tells whether a breakpoint is at a linear address.
func (m *Machine) exec(linear uint64) bool {
	for i := range m.dr {
		if p := &m.dr[i]; p.on && p.Exec && p.Addr == linear {
			return true
		}
	}
	return false
}

// debugging is a vCPU's part of debugging.
type debugging struct {
	accel.Debugger
	step   stepping
	once   bool // the next instruction is to be executed alone, for a breakpoint there that has been met, or an SMI
	pass   bool // the breakpoint at passAt has been told of
	passAt uint64
	now    kvm.GuestDebug // as KVM has it
}

type stepping struct {
	on         bool
	interrupts bool
	ran        bool   // an instruction has been executed, or an interrupt taken
	at, end    uint64 // of a block
}

// SetDebugger implements accel.Runner.
func (e *VCPU) SetDebugger(d accel.Debugger) { e.debug.Debugger = d }

// Step implements accel.Runner.
func (e *VCPU) Step(block, interrupts bool) {
	s := stepping{on: true, interrupts: interrupts, at: e.cpu.LinearRIP()}
	s.end = s.at
	if block {
		s.end = e.world.BlockEnd()
	}
	e.debug.step = s
}

// EndStep implements accel.Runner.
func (e *VCPU) EndStep() { e.debug.pass, e.debug.step = false, stepping{} }

// Stopped implements accel.Runner.
func (e *VCPU) Stopped() {
	e.Store()
	e.debug.pass, e.debug.passAt = true, e.cpu.LinearRIP()
}

// Seen implements accel.Runner.
func (e *VCPU) Seen() bool { return e.debug.pass && e.debug.passAt == e.cpu.LinearRIP() }

// Resume implements accel.Runner.
func (e *VCPU) Resume() {
	d := &e.debug
	d.pass = d.pass && d.passAt == e.cpu.LinearRIP() && e.m.exec(d.passAt)
}

// afterInsn tells the debugger of what the last instruction has met.
func (e *VCPU) afterInsn() {
	if hit, ok := e.cpu.TakeWatchHit(); ok {
		e.Store()
		e.debug.Watched(hit)
		return
	}
	s := &e.debug.step
	if !s.on || !s.ran {
		return
	}
	s.ran = false
	e.Store()
	if a := e.cpu.LinearRIP(); a >= s.at && a < s.end && !e.cpu.Halted() {
		s.at = a
		return
	}
	e.EndStep()
	e.debug.Stepped()
}

// beforeInsn looks for a breakpoint at RIP. It reports whether the loop has to begin anew.
func (e *VCPU) beforeInsn() (stopped bool) {
	d := &e.debug
	if e.loaded || d.once {
		return false
	}
	a := e.cpu.LinearRIP()
	if !e.m.exec(a) {
		return false
	}
	if d.pass && d.passAt == a || e.cpu.Resumed() {
		d.pass, d.once = false, true
		return false
	}
	return d.Break(a)
}

// setDebug tells KVM of breakpoints and steps.
func (e *VCPU) setDebug() error {
	var g kvm.GuestDebug
	for i := range e.m.dr {
		p := &e.m.dr[i]
		if !p.on || p.Exec && e.debug.once {
			continue
		}
		g.Control |= kvm.DebugEnable | kvm.DebugHardware
		g.DR[i] = p.Addr
		g.DR[7] |= 2 << (2 * i) // globally enabled
		if !p.Exec {
			kind := uint64(1)
			if p.Read {
				kind = 3
			}
			size := map[int]uint64{1: 0, 2: 1, 4: 3, 8: 2}[p.Len]
			g.DR[7] |= kind<<(16+4*i) | size<<(18+4*i)
		}
	}
	if g.Control != 0 {
		g.DR[7] |= 1<<10 | 1<<9 // reserved, global exact
	}
	if e.debug.once || e.debug.step.on {
		g.Control |= kvm.DebugEnable | kvm.DebugSingleStep
		if e.apic != nil && e.m.chips.block && (e.debug.once || !e.debug.step.interrupts) {
			g.Control |= kvm.DebugBlockIRQ
		}
	}
	return e.tellDebug(&g)
}

// tellDebug is called when KVM has the state: it steps over the instruction that is at RIP then, and no other.
func (e *VCPU) tellDebug(g *kvm.GuestDebug) error {
	if *g == e.debug.now && g.Control&kvm.DebugSingleStep == 0 {
		return nil
	}
	if err := e.v.SetGuestDebug(g); err != nil {
		return err
	}
	e.debug.now = *g
	return nil
}

// debugged is an exit that SetGuestDebug has asked for.
func (e *VCPU) debugged() {
	x := e.v.Debug()
	e.Store()
	for i := range e.m.dr {
		p := &e.m.dr[i]
		if p.on && !p.Exec && x.DR6>>i&1 != 0 {
			e.cpu.NoteWatchHit(x86.WatchHit{ID: p.ID, Addr: p.Addr, Write: p.Write})
		}
	}
	if x.DR6&dr6BS != 0 {
		e.debug.step.ran = e.debug.step.on
		if e.debug.once {
			e.debug.once = false
			atomic.StoreUint32(&e.env.ExitReq, 1)
		}
	}
}
