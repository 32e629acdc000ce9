package emu

import (
	"errors"
	"fmt"

	"goemu/devices"
	"goemu/emu/inspect"
	"goemu/emu/x86"
)

// debugger is what is known of breakpoints and steps.
type debugger struct {
	points  []inspect.Breakpoint
	lastID  int
	stepper *vcpu         // alone may run; nil: all may
	quiet   bool          // timers wait, time stands still
	over    *overStep     // nil: nobody steps over anything
	frame   devices.Timer // the end of a frame
}

// overStep is a step over a call: it ends when the vCPU is back at the next instruction, with the stack as it was.
type overStep struct {
	v      *vcpu
	linear uint64
	sp     uint64
}

// maxBreakpoints bounds the breakpoints of a machine.
const maxBreakpoints = 4096

// AddBreakpoint sets a breakpoint and gives its number.
func (m *Machine) AddBreakpoint(b inspect.Breakpoint) (id int, err error) {
	if b.Len == 0 {
		b.Len = 1
	}
	last := b.Addr + uint64(b.Len) - 1
	switch {
	case b.Kind > inspect.BreakPort:
		return 0, fmt.Errorf("there is no kind %d of breakpoints", b.Kind)
	case b.Len < 1 || b.Len > 8:
		return 0, fmt.Errorf("%s of %d bytes: from 1 to 8 are possible", b.Kind, b.Len)
	case last < b.Addr:
		return 0, fmt.Errorf("%s at %#x: it goes beyond the last address", b.Kind, b.Addr)
	case b.Kind == inspect.BreakPort && last > 0xffff:
		return 0, fmt.Errorf("port breakpoint at %#x: ports go up to 0xffff", b.Addr)
	}
	err = m.do(func() error {
		d := &m.debug
		if len(d.points) >= maxBreakpoints {
			return fmt.Errorf("there are %d breakpoints already", maxBreakpoints)
		}
		if err := m.checkPoints(b); err != nil {
			return err
		}
		d.lastID++
		b.ID, b.Hits = d.lastID, 0
		id = b.ID
		d.points = append(d.points, b)
		if b.Kind == inspect.BreakExec {
			m.code.AddBreak(b.Addr)
		} else {
			m.setWatches()
		}
		m.pointsChanged()
		return nil
	})
	return id, err
}

// RemoveBreakpoint takes a breakpoint away.
func (m *Machine) RemoveBreakpoint(id int) error {
	return m.do(func() error {
		if !m.removePoint(id) {
			return fmt.Errorf("there is no breakpoint %d", id)
		}
		return nil
	})
}

func (m *Machine) removePoint(id int) bool {
	d := &m.debug
	for i, b := range d.points {
		if b.ID != id {
			continue
		}
		d.points = append(d.points[:i:i], d.points[i+1:]...)
		if b.Kind == inspect.BreakExec {
			m.code.RemoveBreak(b.Addr)
		} else {
			m.setWatches()
		}
		m.pointsChanged()
		return true
	}
	return false
}

// Breakpoints lists them in the order of their numbers.
func (m *Machine) Breakpoints() (list []inspect.Breakpoint) {
	// A machine that is closed has none.
	_ = m.see(func() error {
		list = append(list, m.debug.points...)
		return nil
	})
	return list
}

// setWatches tells the CPUs of all watchpoints.
func (m *Machine) setWatches() {
	var list []x86.Watch
	for _, b := range m.debug.points {
		if b.Kind == inspect.BreakExec {
			continue
		}
		list = append(list, x86.Watch{
			ID: b.ID, First: b.Addr, Last: b.Addr + uint64(b.Len) - 1, Port: b.Kind == inspect.BreakPort,
			Read: b.Kind != inspect.BreakWrite, Write: b.Kind != inspect.BreakRead,
		})
	}
	for _, v := range m.vcpus {
		v.cpu.SetWatches(list)
	}
	m.code.Watch(len(list) > 0)
}

// point finds a breakpoint, counts a hit, and removes it if it is for once.
func (m *Machine) point(match func(b *inspect.Breakpoint) bool) (hit inspect.Breakpoint, ok bool) {
	for i := range m.debug.points {
		b := &m.debug.points[i]
		if match(b) {
			b.Hits++
			hit = *b
			if b.Once {
				m.removePoint(b.ID)
			}
			return hit, true
		}
	}
	return hit, false
}

// stopFor holds the machine at the instruction that v is to execute next.
func (v *vcpu) stopFor(n inspect.Notice) {
	n.CPU = v.n
	v.m.hold(inspect.StatusDebug, n)
	v.runner.Stopped()
}

// Break implements accel.Debugger.
func (v *vcpu) Break(linear uint64) bool {
	m := v.m
	if b, ok := m.point(func(b *inspect.Breakpoint) bool { return b.Kind == inspect.BreakExec && b.Addr == linear }); ok {
		v.stopFor(inspect.Notice{Why: inspect.StopBreakpoint, Breakpoint: b.ID, Address: linear})
		return true
	}
	if o := m.debug.over; o != nil && o.v == v && o.linear == linear && v.env.GPR[inspect.RSP] >= o.sp {
		v.stopFor(inspect.Notice{Why: inspect.StopStep})
		return true
	}
	return false
}

// Stepped implements accel.Debugger.
func (v *vcpu) Stepped() { v.stopFor(inspect.Notice{Why: inspect.StopStep}) }

// Watched implements accel.Debugger.
func (v *vcpu) Watched(hit x86.WatchHit) {
	b, ok := v.m.point(func(b *inspect.Breakpoint) bool { return b.ID == hit.ID })
	if !ok {
		return // it has just been removed
	}
	n := inspect.Notice{Why: inspect.StopWatchpoint, Breakpoint: b.ID, Address: hit.Addr, Write: hit.Write}
	if b.Kind == inspect.BreakPort {
		n.Why = inspect.StopPort
	}
	v.stopFor(n)
}

// mayRun tells whether it may be v's turn.
func (m *Machine) mayRun(v *vcpu) bool { return m.debug.stepper == nil || m.debug.stepper == v }

// endSteps ends whatever step is under way.
func (m *Machine) endSteps() {
	d := &m.debug
	if d.over != nil {
		m.code.RemoveBreak(d.over.linear)
		d.over = nil
		m.pointsChanged()
	}
	if d.frame != nil {
		d.frame.Stop()
	}
	d.stepper, d.quiet = nil, false
	for _, v := range m.vcpus {
		v.runner.EndStep()
	}
}

// frameTime is a frame of the display, in ns.
const frameTime = 1_000_000_000 / 60

// ErrNotStopped is the error of Step while the machine runs.
var ErrNotStopped = errors.New("the machine is not stopped")

// Step lets a stopped machine go on for a little. It does not wait: a notice of NoticeStopped with StopStep tells of the end, if nothing else stops the machine before. A
// vCPU that is halted stays where it is unless interrupts are allowed. While one vCPU steps by instruction or block, the others stand still.
func (m *Machine) Step(cpu int, s inspect.Step) error {
	if s.Kind > inspect.StepFrame {
		return fmt.Errorf("there is no kind %d of steps", s.Kind)
	}
	if s.Kind == inspect.StepOver {
		if err := m.do(func() error { return m.checkPoints(inspect.Breakpoint{Kind: inspect.BreakExec}) }); err != nil {
			return err
		}
	}
	return m.stoppedCPU(cpu, func(v *vcpu) { m.step(v, s) })
}

func (m *Machine) step(v *vcpu, s inspect.Step) {
	d := &m.debug
	switch s.Kind {
	case inspect.StepFrame:
		if d.frame == nil {
			d.frame = m.clock.NewTimer(func() { m.hold(inspect.StatusDebug, inspect.Notice{Why: inspect.StopStep, CPU: m.current().n}) })
		}
		d.frame.At(m.clock.Now() + frameTime)
		m.release()
		return
	case inspect.StepOver:
		pc := v.cpu.LinearRIP()
		l, err := m.disassemble(v.cpu, inspect.Linear(pc), 1)
		if err == nil && (l[0].Flow == inspect.FlowCall || l[0].Repeat) && !v.cpu.Halted() {
			next := pc + uint64(len(l[0].Bytes))
			if v.cpu.Mode().CodeBits() != 64 {
				next &= 0xffff_ffff
			}
			d.over = &overStep{v, next, v.env.GPR[inspect.RSP]}
			v.runner.Stopped()
			m.code.AddBreak(d.over.linear)
			m.pointsChanged()
			m.release()
			return
		}
	}
	if v.cpu.Halted() && (!s.Interrupts || v.cpu.State() != x86.Halted) {
		m.release()
		v.stopFor(inspect.Notice{Why: inspect.StopStep})
		return
	}
	d.stepper, d.quiet = v, !s.Interrupts
	v.runner.Stopped()
	m.release()
	v.runner.Step(s.Kind == inspect.StepBlock, s.Interrupts)
	v.kick()
}
