package kvmcpu

import (
	"errors"

	"goemu/decoder"
	"goemu/emu/kvm"
)

// Most instructions that are executed alone change little. Calls that would set what KVM has, or read what cannot have changed, are not made.

// known is what KVM has, as give makes it, between two instructions that are executed alone.
type known struct {
	ok     bool
	regs   kvm.Regs
	sregs  kvm.Sregs
	xsave  kvm.XSAVE
	dregs  kvm.DebugRegs
	events kvm.Events // as KVM gave it
	xcr0   uint64
}

// parts are sets of registers that store reads.
type parts uint8

const (
	partVectors parts = 1 << iota // with x87
	partDebug
	partMSRs // with XCR0

	allParts = partVectors | partDebug | partMSRs
)

// changes tells which parts an instruction may change; nil: all.
func changes(i *decoder.Inst) (p parts) {
	if i == nil {
		return allParts
	}
	const wait, x87, x87End = 0x9b, 0xd8, 0xdf
	if i.Map != 0 || i.Opcode == wait || i.Opcode >= x87 && i.Opcode <= x87End {
		p |= partVectors
	}
	switch i.Op {
	case decoder.MOV:
		if i.Map != 0 { // control and debug registers
			p |= partDebug
		}
	case decoder.WRMSR, decoder.XSETBV, decoder.SWAPGS:
		p |= partMSRs
	}
	return p
}

// giveKnown is give without calls that would change nothing.
func (e *VCPU) giveKnown() error {
	s := &e.state
	k := &s.known
	if !k.ok {
		return e.give()
	}
	s.fromSegments(e.world.APICBase())
	s.fromRegisters()
	s.fromVectors()
	k.ok = false // until all is done
	if s.sregs != k.sregs {
		if err := e.v.SetSregs(&s.sregs); err != nil {
			return err
		}
	}
	if s.regs != k.regs {
		if err := e.v.SetRegs(&s.regs); err != nil {
			return err
		}
	}
	if s.xcr0 && s.t.XCR0 != k.xcr0 {
		if err := e.v.SetXCR0(s.t.XCR0); err != nil {
			return err
		}
	}
	if s.xsave != k.xsave {
		if err := e.v.SetXSAVE(&s.xsave); err != nil {
			return err
		}
	}
	if s.dregs != k.dregs {
		if err := e.v.SetDebugRegs(&s.dregs); err != nil {
			return err
		}
	}
	if err := e.loadMSRs(); err != nil {
		return err
	}
	if x, y := &s.events, &k.events; y.Exception.Injected|y.Exception.Pending|y.Interrupt.Injected|y.NMI.Injected != 0 || x.Interrupt.Shadow != y.Interrupt.Shadow ||
		x.NMI.Masked != y.NMI.Masked || x.NMI.Pending != y.NMI.Pending {
		return e.v.SetEvents(&s.events)
	}
	return nil
}

// note notes what KVM has when parts of it have been stored.
func (e *VCPU) note(p parts) {
	s := &e.state
	k := &s.known
	k.events = s.events
	e.cpu.Give(&s.t)
	if e.bs != 0 {
		s.t.DR[6] &^= dr6BS
	}
	s.fromSegments(e.world.APICBase())
	s.fromRegisters()
	if p&partVectors != 0 || !k.ok {
		s.fromVectors()
		k.xsave = s.xsave
	}
	k.regs, k.sregs, k.dregs, k.xcr0, k.ok = s.regs, s.sregs, s.dregs, s.t.XCR0, true
}

// read reads what store needs. What KVM leaves in the shared memory at each exit needs no call.
func (e *VCPU) read() (err error) {
	s := &e.state
	if e.synced {
		y := e.v.Synced()
		s.regs, s.sregs, s.events = y.Regs, y.Sregs, y.Events
	} else if err = errors.Join(e.v.Regs(&s.regs), e.v.Sregs(&s.sregs), e.v.Events(&s.events)); err != nil {
		return err
	}
	if e.reads&partVectors != 0 {
		err = e.v.XSAVE(&s.xsave)
	}
	if err == nil && e.reads&partDebug != 0 {
		err = e.v.DebugRegs(&s.dregs)
	}
	return err
}
