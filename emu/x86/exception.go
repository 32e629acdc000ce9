package x86

// eventKind tells where an event comes from; it decides privilege checks, the EXT bit and RF.
type eventKind uint8

const (
	evFault    eventKind = iota // exception that restarts the instruction
	evTrap                      // exception after the instruction
	evExternal                  // interrupt or NMI
	evSoft                      // INT n, INT3, INTO: the gate's DPL counts
	evINT1                      // INT1: like INT, without the privilege check
)

// event is an exception or interrupt that waits for delivery.
type event struct {
	set    bool
	kind   eventKind
	vector int
	code   uint32
	rip    uint64 // pushed
}

// Record describes one exception, software interrupt or external interrupt.
type Record struct {
	Vector int
	Code   uint32 // error code, 0 if the vector has none
	RIP    uint64
	CR2    uint64
	CPL    int
	Soft   bool // INT n, INT3, INTO
	Extern bool // hardware interrupt or NMI
}

// hasCode tells whether an exception pushes an error code (SDM vol. 3A table 6-1).
func hasCode(vector int) bool {
	return vector == vecDF || vector >= vecTS && vector <= vecPF || vector == vecAC
}

// raise records a fault of the instruction at RIP. It returns false, for callers to return.
func (c *CPU) raise(vector int, code uint32) bool {
	c.pend = event{set: true, kind: evFault, vector: vector, code: code, rip: c.env.RIP}
	return false
}

// Raise records an exception with the error code 0 where it has one: see tcg.Machine.
func (c *CPU) Raise(vector int) bool { return c.raise(vector, 0) }

func (c *CPU) gp(code uint32) bool { return c.raise(vecGP, code) }
func (c *CPU) ud() bool            { return c.raise(vecUD, 0) }

// pageFault records #PF and sets CR2. It also drops what the TLB has of the page (SDM vol. 3A 4.10.4.1).
func (c *CPU) pageFault(linear uint64, code uint32) bool {
	c.env.CR2 = linear
	c.dropFaulting(linear, false)
	return c.raise(vecPF, code)
}

// Pending reports whether an exception waits for Deliver.
func (c *CPU) Pending() bool { return c.pend.set }

// class groups vectors for the double-fault rule (SDM vol. 3A table 6-4).
func class(vector int) int {
	switch vector {
	case vecDE, vecTS, vecNP, vecSS, vecGP:
		return 1 // contributory
	case vecPF:
		return 2
	case vecDF:
		return 3
	}
	return 0
}

// combine decides what follows when second is raised while first is delivered
// (SDM vol. 3A table 6-5). shutdown is true for a triple fault.
func combine(first, second int) (vector int, shutdown bool) {
	a, b := class(first), class(second)
	switch {
	case a == 3 && b != 0:
		return 0, true
	case a == 1 && b == 1, a == 2 && (b == 1 || b == 2):
		return vecDF, false
	}
	return second, false
}

// Deliver delivers the recorded exception through the IVT or IDT, with
// double-fault and triple-fault logic, and the debug trap of a task switch that this may make.
func (c *CPU) Deliver() {
	for c.pend.set {
		ev := c.pend
		c.pend.set = false
		if ev.kind == evFault {
			c.debug.hits = 0 // what the instruction has met it will meet again
			c.debug.watch.met = false
		}
		c.dispatch(ev)
		c.afterDelivery(ev.vector)
	}
	c.noStep = false // the next instruction is not the one that was interrupted
}

// dispatch delivers an event, and what its delivery raises.
func (c *CPU) dispatch(ev event) {
	c.state = Running
	c.monitor.armed, c.monitor.waiting = false, false
	c.shadow = false
	c.takeGS()
	defer func() { c.resume = false }()
	for {
		c.record(&ev)
		if c.enter(&ev) {
			return
		}
		second := c.pend
		c.pend.set = false
		// An event from outside the program sets EXT in error codes that name a selector.
		if ev.kind != evSoft && hasCode(second.vector) && class(second.vector) == 1 {
			second.code |= 1
		}
		if ev.kind == evExternal || ev.kind == evSoft || ev.kind == evINT1 {
			second.rip = c.env.RIP
			ev = second
			continue
		}
		v, shutdown := combine(ev.vector, second.vector)
		if shutdown {
			c.shutdown(second)
			return
		}
		if v == vecDF {
			second = event{set: true, kind: evFault, vector: vecDF, rip: second.rip}
		}
		ev = second
	}
}

// record puts an event in the history and tells the hook.
func (c *CPU) record(ev *event) {
	r := Record{
		Vector: ev.vector, Code: ev.code, RIP: ev.rip, CPL: c.cpl,
		Soft: ev.kind == evSoft || ev.kind == evINT1, Extern: ev.kind == evExternal,
	}
	if ev.vector == vecPF {
		r.CR2 = c.env.CR2
	}
	c.ring[c.ringN%len(c.ring)] = r
	c.ringN++
	c.Events[ev.vector&0xff]++
	if c.opt.OnException != nil {
		c.opt.OnException(r)
	}
}

// History returns the last events, oldest first.
func (c *CPU) History() []Record {
	n := min(c.ringN, len(c.ring))
	h := make([]Record, 0, n)
	for i := c.ringN - n; i < c.ringN; i++ {
		h = append(h, c.ring[i%len(c.ring)])
	}
	return h
}

// shutdown is the end after a triple fault.
func (c *CPU) shutdown(last event) {
	c.record(&last)
	c.stop()
}

// stop puts the CPU in the shutdown state.
func (c *CPU) stop() {
	c.state = Shutdown
	c.requestExit()
	if c.opt.OnTripleFault != nil {
		c.opt.OnTripleFault()
	}
}

// Interrupt delivers an external interrupt. The caller has seen InterruptWindow.
func (c *CPU) Interrupt(vector int) {
	c.dispatch(event{set: true, kind: evExternal, vector: vector, rip: c.env.RIP})
	c.afterDelivery(vector)
	c.noStep = false
}

// NMI delivers a non-maskable interrupt, or keeps one until the handler of the last one has returned.
func (c *CPU) NMI() {
	if c.nmiMasked {
		c.nmiPending = true
		return
	}
	c.nmiMasked = true
	c.dispatch(event{set: true, kind: evExternal, vector: vecNMI, rip: c.env.RIP})
	c.afterDelivery(vecNMI)
	c.noStep = false
}

// afterDelivery records the trap of data breakpoints that the delivery of an event has met. That of #DB itself meets none, as it would
// never end.
func (c *CPU) afterDelivery(vector int) {
	if vector == vecDB {
		c.debug.hits = 0
	}
	if c.debug.hits != 0 {
		c.AfterStep(0)
	}
}

// endNMI ends the masking of NMIs (IRET).
func (c *CPU) endNMI() {
	c.nmiMasked = false
	if c.nmiPending {
		c.requestExit()
	}
}

// NMIWaiting reports whether an NMI waits that can now be delivered by NMI, and takes it.
func (c *CPU) NMIWaiting() bool {
	if c.nmiPending && !c.nmiMasked && c.state != WaitSIPI {
		c.nmiPending = false
		return true
	}
	return false
}

// InterruptWindow reports whether a maskable interrupt may be delivered
// now: IF is set and the last instruction was not one that holds interrupts off.
// Being asked ends the hold: the caller runs one instruction and asks again.
func (c *CPU) InterruptWindow() bool {
	if c.state == Shutdown || c.state == WaitSIPI || c.env.EFlags&flagIF == 0 {
		return false
	}
	held := c.inShadow()
	c.shadow = false
	return !held
}

// inShadow reports whether the next instruction is the one after STI or a load of SS.
func (c *CPU) inShadow() bool {
	if c.shadow && c.shadowRIP != c.env.RIP {
		c.shadow = false
	}
	return c.shadow
}

// holdInterrupts starts the shadow over the instruction at rip. Of loads of SS in sequence only the first does (SDM vol. 3A 6.8.3).
func (c *CPU) holdInterrupts(rip uint64, ss bool) {
	if ss && c.inShadow() && c.shadowSS {
		return
	}
	c.shadow, c.shadowSS, c.shadowRIP = true, ss, rip
	if c.env.IntrPending != 0 {
		c.requestExit()
	}
}

// CheckSSE makes the checks before an SSE instruction, or an MMX one: see tcg.Machine.
func (c *CPU) CheckSSE(mmx bool) bool {
	switch {
	case c.pg.CR0&cr0EM != 0, !mmx && c.pg.CR4&cr4OSFXSR == 0:
		return c.ud()
	case c.pg.CR0&cr0TS != 0:
		return c.raise(vecNM, 0)
	case mmx:
		return c.x87Error()
	}
	return true
}

// CheckAVX makes the checks before a SIMD instruction with a VEX encoding (SDM vol. 2A 2.4): CR0.EM and CR4.OSFXSR do not matter.
func (c *CPU) CheckAVX() bool {
	switch {
	case c.pg.CR4&cr4OSXSAVE == 0, c.xcr0&(compSSE|compAVX) != compSSE|compAVX:
		return c.ud()
	case c.pg.CR0&cr0TS != 0:
		return c.raise(vecNM, 0)
	}
	return true
}

// CheckFPU makes the checks before an x87 instruction; wait is false for those that do not report pending exceptions.
func (c *CPU) CheckFPU(wait bool) bool {
	if c.pg.CR0&(cr0EM|cr0TS) != 0 {
		return c.raise(vecNM, 0)
	}
	return !wait || c.x87Error()
}

// x87Error reports a pending unmasked x87 exception: #MF, or with CR0.NE clear the
// pin FERR, whose interrupt the program then waits for.
func (c *CPU) x87Error() bool {
	if c.env.X87OK != 0 {
		return true
	}
	c.syncX87()
	if x87Word(c.env, fpSW)&0x80 == 0 {
		c.driveFERR(false) // FNCLEX and FNINIT leave that to the instruction after them
		return true
	}
	if c.pg.CR0&cr0NE != 0 {
		return c.raise(vecMF, 0)
	}
	c.driveFERR(true)
	return c.bus.IGNNE()
}

// driveFERR sets the pin FERR.
func (c *CPU) driveFERR(on bool) {
	if c.ferr != on {
		c.ferr = on
		c.bus.SetFERR(on)
	}
}
