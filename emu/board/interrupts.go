package board

import (
	"slices"

	"goemu/devices"
	"goemu/devices/apicbus"
	"goemu/devices/ioapic"
	"goemu/devices/lapic"
	"goemu/devices/pic"
)

// addInterrupts builds the interrupt controllers and the wires between them.
func (pc *PC) addInterrupts() {
	pc.PIC = pic.New(devices.LineFunc(pc.setINTR))
	pc.PIC.MapInto(pc.Ports)
	pc.add(pc.PIC)

	bus := &apicbus.Bus{}
	pc.apics = bus
	for i := range pc.cfg.CPUs {
		l := lapic.New(pc.cfg.Clock, bus, uint8(i), i == 0, pc.cpu(i))
		pc.LAPICs = append(pc.LAPICs, l)
		pc.lint0 = append(pc.lint0, l.LINT(0))
		pc.add(l)
	}
	pc.moveLAPICs()
	pc.IOAPIC = ioapic.New(bus, ioapic.DefaultID)
	pc.IOAPIC.MapInto(mmioBus{pc.Space}, ioapic.DefaultBase)
	pc.add(pc.IOAPIC)

	for n := range pc.lines {
		switch n {
		case 0:
			pc.lines[n].sinks = []devices.Line{pc.PIC.IRQ(n), pc.IOAPIC.Pin(ioapic.TimerPin)}
		case pic.Cascade: // no device can use it
		default:
			pc.lines[n].sinks = []devices.Line{pc.IOAPIC.Pin(n)}
			if n < isaInterrupts {
				pc.lines[n].sinks = append(pc.lines[n].sinks, pc.PIC.IRQ(n))
			}
		}
	}
}

// cpu connects local APIC i to its vCPU.
func (pc *PC) cpu(i int) lapic.CPU {
	call := func(f func(int)) func() {
		return func() {
			if f != nil {
				f(i)
			}
		}
	}
	c := lapic.CPU{
		NMI:    call(pc.cfg.OnNMI),
		SMI:    call(pc.cfg.OnSMI),
		INIT:   call(pc.cfg.OnINIT),
		ExtINT: func() int { return pc.PIC.IntAck() },
		Moved:  pc.moveLAPICs,
	}
	if f := pc.cfg.TSCOffset; f != nil {
		c.TSCOffset, c.TSCRate = func() uint64 { return f(i) }, pc.cfg.TSCRate
	}
	if f := pc.cfg.OnINTR; f != nil {
		c.INTR = func(level bool) { f(i, level) }
	}
	if f := pc.cfg.OnSIPI; f != nil {
		c.SIPI = func(vector uint8) { f(i, vector) }
	}
	return c
}

// moveLAPICs maps the local APICs' registers where their IA32_APIC_BASE say: each is seen by its own processor only.
func (pc *PC) moveLAPICs() {
	if len(pc.LAPICs) < pc.cfg.CPUs {
		return // under construction
	}
	var want []uint64
	for _, l := range pc.LAPICs {
		if at, ok := l.Address(); ok && !slices.Contains(want, at) {
			want = append(want, at)
		}
	}
	bus := mmioBus{pc.Space}
	for _, at := range pc.lapicAt {
		if !slices.Contains(want, at) {
			bus.UnmapMMIO(at, lapic.Size)
		}
	}
	for _, at := range want {
		switch {
		case slices.Contains(pc.lapicAt, at):
		case len(pc.LAPICs) == 1:
			bus.MapMMIO(at, lapic.Size, pc.LAPICs[0])
		default:
			bus.MapMMIO(at, lapic.Size, lapic.Window{Base: at, Current: func() *lapic.LAPIC { return pc.LAPICs[pc.cfg.CurrentCPU()] }})
		}
	}
	pc.lapicAt = want
}

// setINTR is the 8259A pair's output: LINT0 of every local APIC.
func (pc *PC) setINTR(level bool) {
	for _, l := range pc.lint0 {
		l.Set(level)
	}
}

// APICBus is what connects the APICs.
func (pc *PC) APICBus() *apicbus.Bus { return pc.apics }

// INTR tells whether vCPU cpu has an interrupt to acknowledge.
func (pc *PC) INTR(cpu int) bool { return pc.LAPICs[cpu].INTR() }

// IntAck is vCPU cpu's interrupt acknowledge cycle; it returns the vector.
func (pc *PC) IntAck(cpu int) int { return pc.LAPICs[cpu].IntAck() }
