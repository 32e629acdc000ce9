package kvmcpu

import (
	"encoding/binary"
	"errors"

	"goemu/emu/accel"
	"goemu/emu/inspect"
	"goemu/emu/kvm"
)

// KVM does not tell which exception an instruction has raised. So it delivers it: to the guest's own handlers, the first byte of each of which is HLT meanwhile. What it has done
// then, to the stack and CR2 and all, is what the exception was.

const (
	exceptions = 32 // vectors that can be
	opHLT      = 0xf4

	// No slot is there, so that in real mode, where some KVMs do not look at the IDT's limit, nothing can be delivered.
	noIDT = identityMapAddr - 0x1000
)

// patched is a byte of memory that is changed for a while.
type patched struct {
	linear uint64
	at     *byte
	was    byte
}

// raise has KVM deliver the exception that the instruction at RIP has raised. Left: it is not to be delivered, or cannot be in this way, and the translator does it.
func (e *VCPU) raise(deliver bool) accel.Outcome {
	s := &e.state
	s.forget()
	s.idle = false
	e.handlers = e.handlers[:0]
	if !deliver || !e.trapAll() {
		return accel.Left
	}
	defer func() {
		for i := len(e.handlers) - 1; i >= 0; i-- { // several may be at one place
			*e.handlers[i].at = e.handlers[i].was
		}
	}()
	if !e.check(e.giveAlone(0)) {
		return accel.Raised
	}
	e.made.again()
	e.raising = true
	reason := e.runAlone()
	e.raising = false
	switch reason {
	case kvm.ExitHLT:
	case kvm.ExitShutdown, kvm.ExitInternalError: // of a handler that is not there, or a triple fault
		s.forget()
		return accel.Left
	default:
		e.unforeseen(reason)
		return accel.Raised
	}
	if !e.check(e.storeAlone(partVectors | partDebug)) {
		return accel.Raised
	}
	e.env.RIP--
	if !e.trapped(e.cpu.LinearRIP()) {
		e.check(errors.New("KVM raises no exception the second time that the instruction is executed alone"))
	}
	return accel.Raised
}

func (e *VCPU) trapped(linear uint64) bool {
	for i := range e.handlers {
		if e.handlers[i].linear == linear {
			return true
		}
	}
	return false
}

// trapAll puts HLT at the handlers of all exceptions. False: one is not what can be stopped so.
func (e *VCPU) trapAll() bool {
	t := &e.state.t
	size := uint64(8)
	switch {
	case t.CR0&inspect.CR0PE == 0:
		size = 4
	case t.Long():
		size = 16
	}
	var table [exceptions][16]byte
	for v := range table {
		if at := uint64(v) * size; at+size-1 <= uint64(t.IDTR.Limit) {
			e.cpu.PeekBytes(t.IDTR.Base+at, table[v][:size]) // what is not mapped is no gate
		}
	}
	for v := range table {
		const doubleFault, access, present = 8, 5, 1 << 7
		switch linear, kind := e.handlerOf(table[v][:size]); {
		case kind == gateNone:
		case kind == gateHandler && linear-t.IDTR.Base >= exceptions*size:
			e.patch(linear, opHLT) // what is not mapped is an exception again
		case kind == gateTask && v == doubleFault: // as usual; it is taken away
			if at := t.IDTR.Base + uint64(v)*size + access; !e.patch(at, table[v][access]&^present) {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// patch changes a byte of memory for a while, if it is memory.
func (e *VCPU) patch(linear uint64, b byte) bool {
	phys, ok := e.cpu.Locate(linear)
	if !ok {
		return false
	}
	page := e.m.space.PageBytes(phys)
	if page == nil {
		return false
	}
	p := &page[phys&(1<<12-1)]
	e.handlers = append(e.handlers, patched{linear, p, *p})
	*p = b
	return true
}

// gateKind is what a gate is for.
type gateKind uint8

const (
	gateNone    gateKind = iota // not valid
	gateHandler                 // in ring 0
	gateTask
	gateOther // elsewhere
)

// handlerOf gives the linear address of the handler that a gate, or the vector of real mode, leads to (SDM vol. 3A 6.11, 6.14.1, 20.1.4).
func (e *VCPU) handlerOf(p []byte) (linear uint64, kind gateKind) {
	le := binary.LittleEndian
	t := &e.state.t
	if len(p) == 4 {
		return uint64(le.Uint16(p[2:]))<<4 + uint64(le.Uint16(p)), gateHandler
	}
	off, sel := uint64(le.Uint16(p)), le.Uint16(p[2:])
	switch access := p[5]; {
	case access&0x90 != 0x80: // not present, or no gate
		return 0, gateNone
	case access&15 == 5:
		return 0, gateTask
	case access&14 == 14:
		off |= uint64(le.Uint16(p[6:])) << 16
	case access&14 != 6:
		return 0, gateNone
	}
	table, limit := t.GDTR.Base, uint64(t.GDTR.Limit)
	if sel&4 != 0 {
		table, limit = t.LDTR.Base, uint64(t.LDTR.Limit)
	}
	var d [8]byte
	if at := uint64(sel &^ 7); sel&^3 == 0 || at+7 > limit || !e.cpu.PeekBytes(table+at, d[:]) {
		return 0, gateNone
	}
	const dpl, code, conforming = 3 << 5, 0x18, 4
	switch access := d[5]; {
	case access&code != code:
		return 0, gateNone
	case access&(dpl|conforming) != 0:
		return 0, gateOther // HLT is not for it
	}
	if len(p) == 16 {
		return off | uint64(le.Uint32(p[8:]))<<32, gateHandler
	}
	base := uint64(le.Uint16(d[2:])) | uint64(d[4])<<16 | uint64(d[7])<<24
	return (base + off) & 0xffff_ffff, gateHandler
}
