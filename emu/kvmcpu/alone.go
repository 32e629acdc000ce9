package kvmcpu

import (
	"errors"
	"fmt"
	"time"

	"goemu/decoder"
	"goemu/emu/accel"
	"goemu/emu/kvm"
)

// In counted time the translator's loop runs the vCPU and has KVM execute instructions one by one: it keeps count, delivers exceptions and interrupts, and compares.

var _ accel.Processor = (*VCPU)(nil)

// notAlone are instructions that the translator executes.
var notAlone = map[decoder.Op]bool{
	// What they give depends on the host or its time.
	decoder.RDTSC: true, decoder.RDTSCP: true, decoder.RDPMC: true, decoder.RDRAND: true, decoder.RDSEED: true,
	// They see or set TF, by which the instruction is executed alone.
	decoder.PUSHF: true, decoder.POPF: true, decoder.IRET: true, decoder.SYSCALL: true, decoder.SYSRET: true,
	// They go through the IDT, or see it, in whose place KVM has an empty one.
	decoder.INT: true, decoder.INT1: true, decoder.INT3: true, decoder.INTO: true, decoder.LIDT: true, decoder.SIDT: true,
	// The trap that ends the instruction waits for the end of the next one.
	decoder.LSS: true,
	// They give the vCPU's turn away, or leave KVM.
	decoder.HLT: true, decoder.PAUSE: true, decoder.MONITOR: true, decoder.MWAIT: true, decoder.MONITORX: true, decoder.MWAITX: true, decoder.VMCALL: true, decoder.RSM: true,
}

const (
	msrEFER   = 0xc000_0080
	msrFSBase = 0xc000_0100
	msrGSBase = 0xc000_0101

	flagRF = 1 << 16
	dr6BS  = 1 << 14

	longRepeat  = 1 << 12 // repetitions of a string instruction, which are steps
	mostRuns    = 1 << 16 // of KVM for one instruction
	mostSignals = 5       // of the watchdog
	patience    = time.Second
)

// alone tells whether KVM may execute an instruction; nil is one that the translator does not find.
func (e *VCPU) alone(i *decoder.Inst) bool {
	if i == nil {
		return true
	}
	switch i.Op {
	case decoder.MOV:
		const movToSegment, ss = 0x8e, 2
		return i.Map != 0 || i.Opcode != movToSegment || i.ModRM>>3&7 != ss
	case decoder.POP:
		const popSS = 0x17
		return i.Map != 0 || i.Opcode != popSS
	case decoder.RDMSR, decoder.WRMSR:
		n := uint32(e.env.GPR[1])
		return n == msrEFER || n == msrFSBase || n == msrGSBase || e.state.has(n)
	case decoder.INS:
		return e.short(i) && e.takes(i)
	}
	return e.short(i) && !notAlone[i.Op]
}

// count is how often a string instruction is repeated.
func (e *VCPU) count(i *decoder.Inst) uint64 {
	if !repeated(i) {
		return 1
	}
	n := e.env.GPR[1]
	if i.AddrSize < 8 {
		n &= 1<<(8*i.AddrSize) - 1
	}
	return n
}

func (e *VCPU) short(i *decoder.Inst) bool { return !repeated(i) || e.count(i) <= longRepeat }

func repeated(i *decoder.Inst) bool {
	return i != nil && i.Prefix&(decoder.PrefixRep|decoder.PrefixRepne) != 0
}

// Execute implements accel.Processor. While it is executed the IDT is empty, so an exception ends in a triple fault; it is then found by a second run (see raise). What KVM
// fails at is as if it had not been begun.
func (e *VCPU) Execute(i *decoder.Inst, deliver bool) accel.Outcome {
	if e.fail.why != nil || !e.alone(i) {
		return accel.Left
	}
	e.made.begin()
	if e.watchdog == nil {
		e.beginAlone()
	}
	if !e.check(e.m.Error()) || !e.check(e.loadAlone(i)) {
		return accel.Executed
	}
	defer e.watchdog.Stop()
	at := e.env.RIP
	for runs := 0; runs <= mostRuns; runs++ {
		switch reason := e.runAlone(); reason {
		case kvm.ExitShutdown:
			if !e.stepped() {
				return e.raise(deliver)
			}
		case kvm.ExitInternalError:
			e.state.forget()
			return accel.Left
		case kvm.ExitDebug:
		case kvm.ExitIntr:
			if e.excepted() {
				return e.raise(deliver)
			}
		default:
			e.unforeseen(reason)
			return accel.Executed
		}
		if repeated(i) {
			r := &e.state.regs
			if e.synced {
				*r = e.v.Synced().Regs
			} else if !e.check(e.v.Regs(r)) {
				return accel.Executed
			}
			if r.RIP == at { // what is done is done, whatever comes
				e.state.toRegisters()
				e.state.t.RFLAGS &^= flagRF
				e.env.GPR = e.state.t.GPR
				e.made.begin()
				continue
			}
		}
		e.check(e.storeAlone(changes(i)))
		return accel.Executed
	}
	e.unforeseen(kvm.ExitIntr)
	return accel.Executed
}

// failedAlone is an exit after which the vCPU has been stopped.
const failedAlone = ^kvm.ExitReason(0)

// unforeseen stops the vCPU after an exit that does not end an instruction.
func (e *VCPU) unforeseen(reason kvm.ExitReason) {
	err := e.v.Failure()
	switch {
	case reason == failedAlone:
	case reason == kvm.ExitIntr:
		e.check(errors.New("KVM does not come to the end of the instruction, which it was to execute alone"))
	case err == nil:
		err = fmt.Errorf("KVM: %v while an instruction is executed alone", reason)
		fallthrough
	default:
		e.check(err)
	}
}

// runAlone has KVM run until an exit that is not for a device. ExitIntr: the instruction is complete, as its last access to a device is.
func (e *VCPU) runAlone() kvm.ExitReason {
	e.watchdog.Reset(patience)
	for runs, signals := 0, 0; runs <= mostRuns && signals <= mostSignals; runs++ {
		e.toRun()
		reason, err := e.v.Run()
		e.v.Coalesced(e.takeAlone)
		if !e.check(err) {
			return failedAlone
		}
		e.fromRun()
		finished := e.unfinished
		e.unfinished = false
		switch reason {
		case kvm.ExitIO, kvm.ExitMMIO, kvm.ExitRDMSR, kvm.ExitWRMSR:
			switch reason {
			case kvm.ExitIO:
				e.portAlone()
			case kvm.ExitMMIO:
				e.memoryAlone()
			default:
				e.msr(reason == kvm.ExitWRMSR)
			}
			if e.unfinished = true; !e.raising {
				e.v.RequestExit() // when that is done
			}
		case kvm.ExitIntr, kvm.ExitSetTPR:
			if finished || reason == kvm.ExitSetTPR {
				return kvm.ExitIntr
			}
			signals++
			e.watchdog.Reset(patience)
		default:
			return reason
		}
	}
	e.check(errors.New("KVM does not come to the end of the instruction, which it was to execute alone"))
	return failedAlone
}

// loadAlone gives KVM the CPU's state, with an empty IDT.
func (e *VCPU) loadAlone(i *decoder.Inst) error {
	s := &e.state
	s.idle = true
	e.cpu.Give(&s.t)
	s.t.Inhibit, s.t.RFLAGS = false, s.t.RFLAGS&^flagRF
	e.bs = 0
	if i == nil || i.Op != decoder.MOV || i.Map == 0 { // not from or to a debug register
		e.bs = s.t.DR[6] & dr6BS
		s.t.DR[6] &^= dr6BS
	}
	return e.giveAlone(kvm.DebugEnable | kvm.DebugSingleStep)
}

// stepped tells whether the exception that has ended a run was the single step itself: some KVMs give it to the guest.
func (e *VCPU) stepped() bool {
	d := &e.state.dregs
	was := d.DR6
	if !e.check(e.v.DebugRegs(d)) || d.DR6&dr6BS == 0 || was&dr6BS != 0 {
		return false
	}
	d.DR6 = was
	return e.check(e.v.SetDebugRegs(d))
}

// excepted tells whether an exception waits after an access to a device.
func (e *VCPU) excepted() bool {
	ev := &e.state.events
	if e.synced {
		*ev = e.v.Synced().Events
	} else if !e.check(e.v.Events(ev)) {
		return false
	}
	if ev.Exception.Injected|ev.Exception.Pending == 0 {
		return false
	}
	if ev.Exception.Vector != 1 {
		return true
	}
	// The single step.
	*ev = kvm.Events{}
	e.v.Synced().Events = *ev
	e.check(e.v.SetEvents(ev))
	return false
}

// storeAlone takes the state from KVM.
func (e *VCPU) storeAlone(p parts) error {
	e.reads = p
	err := e.store()
	e.reads = allParts
	if err != nil {
		return err
	}
	if e.bs != 0 {
		e.state.t.DR[6] |= e.bs
		e.cpu.Take(&e.state.t)
	}
	e.note(p)
	return nil
}

// giveAlone gives KVM the state that t is, and says whether the first instruction is to be stepped over.
func (e *VCPU) giveAlone(control uint32) error {
	if err := e.giveKnown(); err != nil {
		return err
	}
	return e.tellDebug(&kvm.GuestDebug{Control: control})
}

// beginAlone is called before the first instruction.
func (e *VCPU) beginAlone() {
	e.watchdog = time.AfterFunc(patience, e.v.RequestExit)
	const sets = kvm.SyncRegs | kvm.SyncSregs | kvm.SyncEvents
	if e.m.vm.Check(kvm.CapSyncRegs)&sets == sets {
		e.v.Sync(sets)
		e.synced = true
	}
}

// forget has everything set anew.
func (s *state) forget() {
	s.known.ok = false
	for i := range s.msrs {
		s.msrs[i].Data = none
	}
}
