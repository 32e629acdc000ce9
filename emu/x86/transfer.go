package x86

import (
	"goemu/emu/cpumodel"
	"goemu/emu/inspect"
)

// What an engine needs that runs the guest's instructions elsewhere, on the host's processor: the CPU's state as a whole, given away and taken back.

// Transfer is the state between two instructions, without the MSRs, which go by ReadMSR and WriteMSR.
type Transfer struct {
	inspect.Registers
	NMIPending bool // an NMI waits for the end of the handler of the last one
	ShadowSS   bool // with Inhibit: by a load of SS, so that debug traps wait too
}

// Give fills t. No exception may be Pending.
func (c *CPU) Give(t *Transfer) {
	c.Inspect(&t.Registers)
	t.NMIPending, t.ShadowSS = c.nmiPending, c.shadow && c.shadowSS
}

// Take replaces the CPU's state by t; nothing is checked. Whether it is in system management mode, and its task priority, stay.
func (c *CPU) Take(t *Transfer) {
	e := c.env
	c.pg.CR0, c.pg.CR3, c.pg.CR4, c.pg.EFER, c.pg.PKRU = t.CR0, t.CR3, t.CR4, t.EFER, t.PKRU
	if t.CR0&cr0PG != 0 && t.CR4&cr4PAE != 0 && t.EFER&eferLMA == 0 {
		if p, ok := c.pg.LoadPDPTE(c.space, t.CR3); ok {
			c.pg.PDPTE = p
		}
	}
	for i := range c.seg {
		c.seg[i] = given(t.Seg[i])
	}
	c.ldtr, c.tr = given(t.LDTR), given(t.TR)
	c.gdtr, c.idtr = Table(t.GDTR), Table(t.IDTR)
	c.cpl, c.xcr0, c.dr = t.CPL, t.XCR0, t.DR
	m := &c.msr
	m.star, m.lstar, m.cstar, m.sfmask = t.STAR, t.LSTAR, t.CSTAR, t.SFMASK
	m.sysenterCS, m.sysenterESP, m.sysenterEIP = t.SysenterCS, t.SysenterESP, t.SysenterEIP
	e.GPR, e.RIP, e.CR2, e.KernelGS, e.MXCSR = t.GPR, t.RIP, t.CR2, t.KernelGSBase, t.MXCSR
	c.setVectors(&t.Registers)
	c.state = State(t.State)
	c.monitor = monitor{}
	c.nmiMasked, c.nmiPending = t.NMIMasked, t.NMIPending
	c.shadow, c.shadowSS, c.shadowRIP = t.Inhibit, t.ShadowSS, t.RIP
	c.noStep, c.pend = false, event{}
	c.SetFlags(uint32(t.RFLAGS))
	c.update()
	c.setX87(&t.X87)
	c.setDebug()
	c.FlushTLB(true)
}

// Interrupted records an event that was about to be delivered at RIP elsewhere: an external interrupt or NMI, or else an exception, which is a fault, or a trap.
func (c *CPU) Interrupted(vector int, code uint32, external, trap bool) {
	ev := event{set: true, kind: evFault, vector: vector, code: code, rip: c.env.RIP}
	switch {
	case external:
		ev.kind = evExternal
	case trap:
		ev.kind = evTrap
	}
	c.pend = ev
}

// Requested tells whether somebody wants something of the CPU that TakeRequests does. Any goroutine may call it.
func (c *CPU) Requested() bool { return c.requests.Load() != 0 }

// TripleFaulted notes that the guest has ended so elsewhere.
func (c *CPU) TripleFaulted() {
	c.pend = event{}
	c.stop()
}

// Halt notes that the guest has executed HLT elsewhere.
func (c *CPU) Halt() { c.state = Halted }

// MeetPort looks for a debugger's watchpoints on an access to a port that was made elsewhere: see TakeWatchHit.
func (c *CPU) MeetPort(port uint16, size int, write bool) {
	if c.debug.watch.io {
		c.debug.watch.meet(true, uint64(port), size, write)
	}
}

// NoteWatchHit notes that an instruction has met a watchpoint elsewhere.
func (c *CPU) NoteWatchHit(h WatchHit) {
	if w := &c.debug.watch; !w.met {
		w.met, w.hit = true, h
	}
}

// InShadow tells whether interrupts wait for the end of the next instruction, the one after STI or a load of SS.
func (c *CPU) InShadow() bool { return c.inShadow() }

// StaticCPUID gives what CPUID answers but for what follows from control registers and the mode.
func (c *CPU) StaticCPUID(leaf, sub uint32) (a, b, cx, d uint32) {
	s := cpumodel.State{
		APICID: uint32(c.opt.APICID), Processors: c.opt.Cores * c.opt.Threads, Threads: c.opt.Threads, TSCFrequency: c.opt.TSCFrequency, Code64: true, XCR0: 1,
	}
	return c.model.CPUID(leaf, sub, &s)
}

// TSC is the time-stamp counter as the guest reads it, and SetTSC sets it.
func (c *CPU) TSC() uint64 { return c.tsc() }

// SetTSC makes it v now. IA32_TSC_ADJUST stays, as it is not the guest who does it: Linux would take a change back, and move the counter.
func (c *CPU) SetTSC(v uint64) { c.setTSCOffset(v - c.bus.TSC()) }

// TSCFrequency is what CPUID tells of the time-stamp counter's rate, in Hz, and SetTSCFrequency has it tell another one; 0: it is not told.
func (c *CPU) TSCFrequency() uint64 { return c.opt.TSCFrequency }

// SetTSCFrequency is for a CPU that has not begun.
func (c *CPU) SetTSCFrequency(hz uint64) { c.opt.TSCFrequency = hz }

// Model is the processor's model.
func (c *CPU) Model() *cpumodel.Model { return c.model }
