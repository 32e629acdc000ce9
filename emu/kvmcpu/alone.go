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

	longRepeat  = 1 << 12 // repetitions of a string instruction, which are steps
	mostRuns    = 1 << 16 // of KVM for one instruction
	mostSignals = 5       // of the watchdog
	patience    = time.Second
)

// alone tells whether KVM may execute an instruction.
func (e *VCPU) alone(i *decoder.Inst) bool {
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
	}
	if i.Prefix&(decoder.PrefixRep|decoder.PrefixRepne) != 0 {
		n := e.env.GPR[1]
		if i.AddrSize < 8 {
			n &= 1<<(8*i.AddrSize) - 1
		}
		return n <= longRepeat && !notAlone[i.Op]
	}
	return !notAlone[i.Op]
}

// Execute implements accel.Processor. An instruction that raises an exception ends in a triple fault, as the IDT is empty; it is as if it had not been begun then, like one
// that KVM fails at: an access to a device that it made before is made again.
func (e *VCPU) Execute(i *decoder.Inst) bool {
	if e.failed || !e.alone(i) {
		return false
	}
	if !e.check(e.m.Error()) || !e.check(e.loadAlone()) {
		return true
	}
	if e.watchdog == nil {
		e.watchdog = time.AfterFunc(patience, e.v.RequestExit)
	}
	e.watchdog.Reset(patience)
	defer e.watchdog.Stop()
	at, repeats := e.env.RIP, i.Prefix&(decoder.PrefixRep|decoder.PrefixRepne) != 0
	for runs, signals := 0, 0; ; runs++ {
		if runs > mostRuns || signals > mostSignals {
			e.check(errors.New("KVM does not come to the end of the instruction, which it was to execute alone"))
			return true
		}
		e.toRun()
		reason, err := e.v.Run()
		e.v.Coalesced(e.take)
		if !e.check(err) {
			return true
		}
		e.fromRun()
		switch reason {
		case kvm.ExitIO:
			e.port()
			e.poke()
			e.v.RequestExit() // when that is done
			continue
		case kvm.ExitMMIO:
			e.memory()
			e.v.RequestExit()
			continue
		case kvm.ExitRDMSR, kvm.ExitWRMSR:
			e.msr(reason == kvm.ExitWRMSR)
			e.v.RequestExit()
			continue
		case kvm.ExitShutdown, kvm.ExitInternalError:
			e.unfinished = false
			e.state.forget()
			return false
		case kvm.ExitDebug:
		case kvm.ExitIntr, kvm.ExitSetTPR:
			if !e.unfinished && reason == kvm.ExitIntr {
				signals++
				e.watchdog.Reset(patience)
				continue
			}
		default:
			err := e.v.Failure()
			if err == nil {
				err = fmt.Errorf("KVM: %v while an instruction is executed alone", reason)
			}
			e.check(err)
			return true
		}
		e.unfinished = false
		if repeats {
			if err := e.v.Regs(&e.state.regs); !e.check(err) {
				return true
			}
			if e.state.regs.RIP == at {
				continue
			}
		}
		e.check(e.store())
		return true
	}
}

// loadAlone gives KVM the CPU's state, with an empty IDT.
func (e *VCPU) loadAlone() error {
	const rf = 1 << 16
	s := &e.state
	s.idle = true
	e.cpu.Give(&s.t)
	s.t.Inhibit, s.t.RFLAGS = false, s.t.RFLAGS&^rf
	if err := e.give(); err != nil {
		return err
	}
	g := kvm.GuestDebug{Control: kvm.DebugEnable | kvm.DebugSingleStep}
	if g == e.debug.now {
		return nil
	}
	e.debug.now = g
	return e.v.SetGuestDebug(&g)
}

// forget has all MSRs set anew.
func (s *state) forget() {
	for i := range s.msrs {
		s.msrs[i].Data = none
	}
}
