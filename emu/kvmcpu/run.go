package kvmcpu

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"goemu/devices/lapic"
	"goemu/emu/accel"
	"goemu/emu/cpumodel"
	"goemu/emu/kvm"
	"goemu/emu/x86"
	"goemu/tcg"
)

// VCPU runs one vCPU.
type VCPU struct {
	m     *Machine
	v     *kvm.VCPU
	cpu   *x86.CPU
	env   *tcg.Env
	world World

	loaded     bool // KVM has the state; else cpu
	can        bool // of a state that KVM has: it can take an interrupt
	unfinished bool // an access to a port, memory or MSR is to be finished by the next run
	setTSC     bool
	one        [1]kvm.MSR
	fail       failure
	cr8        uint64 // given to the run
	apicBase   uint64

	apic     *lapic.LAPIC // in KVM while the guest runs; nil: it is not
	keeper   lapic.Keeper // this vCPU
	deadline bool         // it has IA32_TSC_DEADLINE
	page     lapic.Page

	guest    sync.Mutex // held while the vCPU is in the guest
	reason   kvm.ExitReason
	exitErr  error
	exited   bool   // reason and exitErr are to be looked at
	finished func() // finish

	after    func()
	watchdog *time.Timer                               // over instructions that are executed alone
	take     func(addr uint64, data []byte, port bool) // collected

	// Of instructions that are executed alone.
	takeAlone func(addr uint64, data []byte, port bool) // collectedAlone
	made      accesses
	synced    bool  // KVM leaves registers in the shared memory
	reads     parts // that store reads
	handlers  []patched
	raising   bool   // an exception
	bs        uint64 // DR6.BS as the guest has it

	debug debugging
	state state
}

var _ accel.Runner = (*VCPU)(nil)

// NewVCPU makes a vCPU for cpu, with its number and CPUID.
func (m *Machine) NewVCPU(n int, cpu *x86.CPU, world World) (*VCPU, error) {
	v, err := m.vm.CreateVCPU(n)
	if err != nil {
		return nil, err
	}
	e := &VCPU{m: m, v: v, cpu: cpu, env: cpu.Env(), world: world, reads: allParts}
	e.take, e.takeAlone, e.finished = e.collected, e.collectedAlone, e.finish
	if m.chips.kind != UserIRQChip {
		e.apic, e.keeper, e.deadline = m.chips.with.LAPICs[n], keeper{e}, cpu.Model().Has(cpumodel.TSCDeadline)
	}
	m.vcpus = append(m.vcpus, e)
	e.setRate() // before CPUID, which tells it
	if err := v.SetCPUID(cpuidOf(cpu, Lacks(m.host, m.chips.kind))); err != nil {
		return nil, err
	}
	if err := e.setupMCE(); err != nil {
		return nil, err
	}
	e.state.init(m, cpu)
	return e, nil
}

// Begin is called when KVM is to go on with what another engine has run, or the CPU has been reset.
func (e *VCPU) Begin() { e.setTSC, e.m.setTSC, e.fail = true, true, failure{} }

// Leave is called when another engine is to go on. The state is in the CPU then.
func (e *VCPU) Leave() {
	e.Store()
	e.readTSC()
	e.Recall()
	e.EndStep()
}

// Recall takes the interrupt controllers back from KVM: the local APIC's timer stands still when the machine's clock does.
func (e *VCPU) Recall() {
	if e.apic != nil {
		e.Store()
		e.apic.Recall()
		e.m.recallChips()
	}
}

// RequestExit ends Run's stay in the guest; any goroutine may call it.
func (e *VCPU) RequestExit() { e.v.RequestExit() }

// After implements accel.Runner.
func (e *VCPU) After(fn func()) { e.after = fn }

// Store puts the state into the CPU, where anybody may look at it.
func (e *VCPU) Store() {
	e.still()
	for e.unfinished && e.fail.why == nil {
		e.enterOnce()
	}
	if e.loaded && (e.fail.why == nil || !e.fail.waits) && e.check(e.store()) && e.check(e.noNMI()) {
		e.loaded = false
	}
}

// Peek shows the state in the CPU while an access of the guest is answered; it stays KVM's. Poke then gives KVM what has become of the general registers.
func (e *VCPU) Peek() {
	if e.loaded {
		e.check(e.store())
	}
}

// Poke is the end of Peek.
func (e *VCPU) Poke() {
	if e.loaded {
		e.poke()
	}
}

func (e *VCPU) poke() {
	if s := &e.state; s.t.GPR != e.env.GPR {
		s.t.GPR = e.env.GPR
		s.fromRegisters()
		e.check(e.v.SetRegs(&s.regs))
	}
}

// Run implements accel.Runner.
func (e *VCPU) Run() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer e.Store()
	for e.fail.why == nil {
		e.callAfter()
		if !e.loaded {
			if e.cpu.Pending() {
				e.cpu.Deliver()
			}
			if e.cpu.State() == x86.Shutdown {
				return
			}
		}
		e.afterInsn()
		if atomic.LoadUint32(&e.env.ExitReq) != 0 || e.cpu.Requested() || !e.loaded && e.apic == nil && e.cpu.Halted() {
			if e.service() {
				return
			}
			if e.debug.step.ran || e.fail.why != nil || e.interrupted() {
				continue
			}
		}
		if !e.loaded && e.cpu.InSMM() { // only the translator sees SMRAM
			e.world.Translate()
			atomic.StoreUint32(&e.env.ExitReq, 1)
			continue
		}
		if e.beforeInsn() || !e.check(e.m.Error()) || e.fail.why != nil {
			continue
		}
		if !e.loaded {
			if !e.check(e.load()) {
				continue
			}
			e.loaded, e.can = true, false
			if e.blocked() {
				e.enter()
				continue
			}
		}
		if e.check(e.setDebug()) {
			e.enter()
		}
	}
	e.callAfter()
}

// callAfter calls what is to be called before the next instruction.
func (e *VCPU) callAfter() {
	if fn := e.after; fn != nil {
		e.Store()
		e.after = nil
		fn()
	}
}

// service looks at everything that may want the vCPU. It reports whether to stop.
func (e *VCPU) service() (stop bool) {
	atomic.StoreUint32(&e.env.ExitReq, 0)
	if e.world.Poll() {
		return true
	}
	for s := &e.debug.step; !s.on || s.interrupts; {
		if e.interrupt() {
			s.ran = s.on
			break
		}
		if e.loaded || e.apic != nil || !e.cpu.Halted() {
			break
		}
		if e.world.Wait() {
			return true
		}
	}
	return false
}

// interrupt delivers an SMI, an NMI or an interrupt if one waits and the CPU takes it now.
func (e *VCPU) interrupt() bool {
	if e.cpu.Requested() {
		e.Store()
		e.cpu.TakeRequests()
	}
	if e.interrupted() {
		atomic.StoreUint32(&e.env.ExitReq, 1) // what else waits is looked at when that is delivered
		return false
	}
	if !e.loaded {
		waits, taken := e.external(), false
		switch {
		case e.cpu.InShadow():
			e.debug.once = e.debug.once || e.cpu.SMIWaiting() // NMIs are KVM's to hold
		case e.cpu.SMIWaiting():
			return e.cpu.SMI()
		case e.cpu.NMIWaiting():
			e.cpu.NMI()
			taken = true
		case e.apic != nil: // KVM's knows whether it passes
		case waits && e.cpu.InterruptWindow():
			if v := e.world.IntAck(); v >= 0 {
				e.cpu.Interrupt(v)
				taken = true
			}
		}
		e.v.RequestInterruptWindow(waits && (!taken || e.external())) // others may wait
		return taken
	}
	waits := e.external()
	if waits && e.can && !e.debug.step.on {
		e.can = false
		if v := e.world.IntAck(); v >= 0 {
			if !e.check(e.inject(uint8(v))) {
				e.cpu.Interrupted(v, 0, true, false) // it has left the interrupt controller
			}
		}
		waits = e.external()
	}
	e.v.RequestInterruptWindow(waits)
	return false
}

// interrupted tells whether an event waits that KVM was about to deliver when somebody looked at the state. It comes before anything else.
func (e *VCPU) interrupted() bool { return !e.loaded && e.cpu.Pending() }

// toRun gives KVM what it does not have of its own before a run, and fromRun takes it back.
func (e *VCPU) toRun() {
	if e.apic != nil {
		return
	}
	e.cr8, e.apicBase = uint64(e.world.TPR()), e.world.APICBase()
	e.v.SetCR8(e.cr8)
	e.v.SetAPICBase(e.apicBase)
}

func (e *VCPU) fromRun() {
	if e.apic != nil {
		return
	}
	if x := e.v.CR8(); x != e.cr8 {
		e.world.SetTPR(uint8(x))
	}
	if x := e.v.APICBase(); x != e.apicBase {
		e.world.SetAPICBase(x)
	}
}

// enter lets the guest run until its next exit, and does what that is for. Others may have the machine meanwhile.
func (e *VCPU) enter() {
	if !e.check(e.prepare()) {
		return
	}
	e.toRun()
	e.guest.Lock()
	e.world.Release()
	e.reason, e.exitErr = e.v.Run()
	e.exited = true
	e.guest.Unlock()
	e.world.Acquire()
	e.finish()
}

// enterOnce has KVM finish an access, without an instruction of the guest's, which needs no interrupt controllers.
func (e *VCPU) enterOnce() {
	e.toRun()
	e.v.RequestExit()
	e.reason, e.exitErr = e.v.Run()
	e.exited = true
	e.finish()
}

// out waits until the vCPU is out of the guest. It does not go back before the caller has released the machine.
func (e *VCPU) out() {
	if len(e.m.vcpus) == 1 { // who has the machine is its goroutine
		return
	}
	if e.guest.TryLock() {
		e.guest.Unlock()
		return
	}
	atomic.StoreUint32(&e.env.ExitReq, 1)
	e.v.RequestExit()
	e.guest.Lock()
	e.guest.Unlock() //lint:ignore SA2001 it is out
}

// still is out, and does what the vCPU has left the guest for, so that it is between two instructions.
func (e *VCPU) still() {
	if e.out(); e.exited {
		e.world.InPlace(e.finished)
	}
}

// finish does what the vCPU has left the guest for, unless somebody else has done it.
func (e *VCPU) finish() {
	if !e.exited {
		return
	}
	e.exited = false
	reason := e.reason
	e.v.Coalesced(e.take)
	if !e.check(e.exitErr) {
		return
	}
	e.unfinished = false
	e.can = e.v.CanInterrupt()
	e.fromRun()
	switch reason {
	case kvm.ExitIO, kvm.ExitMMIO, kvm.ExitRDMSR, kvm.ExitWRMSR:
		e.answer(reason)
	case kvm.ExitHLT:
		e.Store()
		e.cpu.Halt()
		e.debug.step.ran = e.debug.step.on
	case kvm.ExitShutdown:
		e.Store()
		e.cpu.TripleFaulted()
	case kvm.ExitDebug:
		e.debugged()
	case kvm.ExitIOAPICEOI:
		e.m.chips.with.Bus.EOI(e.v.EOI())
	case kvm.ExitIRQWindow:
		atomic.StoreUint32(&e.env.ExitReq, 1)
	case kvm.ExitIntr, kvm.ExitSetTPR:
	default:
		e.fail.emulating = reason == kvm.ExitInternalError && e.v.InternalError().Sub == kvm.EmulationFailed
		e.check(e.v.Failure())
	}
}

// answer does an access of the guest's, which the next run finishes. What fails meanwhile waits for that.
func (e *VCPU) answer(reason kvm.ExitReason) {
	e.fail.waits = true
	switch reason {
	case kvm.ExitIO:
		e.port()
	case kvm.ExitMMIO:
		e.memory()
	default:
		e.msr(reason == kvm.ExitWRMSR)
	}
	e.fail.waits = false
	e.giveUp()
}

// port does an access to a port.
func (e *VCPU) port() {
	io := e.v.IO()
	e.unfinished = true
	for i := range io.Count {
		p := io.Data[i*io.Size:][:io.Size]
		e.cpu.MeetPort(io.Port, io.Size, io.Write)
		if io.Write {
			e.world.Out(io.Port, io.Size, uint32(little(p)))
		} else {
			put(p, uint64(e.world.In(io.Port, io.Size)))
		}
	}
	if e.cpu.WatchMet() {
		e.Store()
	}
}

// memory does an access to what is not a slot. Pieces of odd sizes, of accesses that cross pages, go byte by byte.
func (e *VCPU) memory() {
	a := e.v.MMIO()
	e.unfinished = true
	if a.Write {
		e.collected(a.Addr, a.Data, false)
		return
	}
	if n := len(a.Data); n&(n-1) == 0 {
		put(a.Data, e.m.space.Read(a.Addr, n))
		return
	}
	for i := range a.Data {
		a.Data[i] = byte(e.m.space.Read(a.Addr+uint64(i), 1))
	}
}

// collected is a write, which KVM may have kept for a while (Machine.Collect).
func (e *VCPU) collected(addr uint64, data []byte, _ bool) {
	if n := len(data); n&(n-1) == 0 {
		e.m.space.Write(addr, n, little(data))
		return
	}
	for i, b := range data {
		e.m.space.Write(addr+uint64(i), 1, uint64(b))
	}
}

// msr does an access to a register that KVM does not know, or a value that it does not take.
func (e *VCPU) msr(write bool) {
	a := e.v.MSR()
	e.unfinished = true
	if keeps(a.Index) || e.state.has(a.Index) || e.apic != nil && isAPIC(a.Index) {
		e.v.AnswerMSR(0, true)
		return
	}
	if write {
		if a.Index == msrTSCDeadline { // a time by KVM's counter
			e.readTSC()
		}
		e.v.AnswerMSR(0, !e.cpu.WriteMSR(a.Index, a.Data))
		return
	}
	v, ok := e.cpu.ReadMSR(a.Index)
	e.v.AnswerMSR(v, !ok)
}

// little and put read and write little-endian numbers of 1 to 8 bytes.
func little(p []byte) (v uint64) {
	for i, b := range p {
		v |= uint64(b) << (8 * i)
	}
	return v
}

func put(p []byte, v uint64) {
	for i := range p {
		p[i] = byte(v >> (8 * i))
	}
}

// overlap tells whether two pieces of the host's memory have a byte in common.
func overlap(p, q []byte) bool {
	a, b := uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(unsafe.Pointer(unsafe.SliceData(q)))
	return a < b+uintptr(len(q)) && b < a+uintptr(len(p))
}
