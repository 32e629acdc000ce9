package emu

import (
	"sync/atomic"

	"goemu/devices"
	"goemu/devices/lapic"
	"goemu/emu/accel"
	"goemu/emu/cpumodel"
	"goemu/emu/inspect"
	"goemu/emu/kvmcpu"
	"goemu/emu/x86"
	"goemu/tcg"
)

// vcpu is one processor of a machine, with what the machine is for it: its pins and the world around its loop.
type vcpu struct {
	m      *Machine
	n      int // its number and APIC ID
	env    *tcg.Env
	cpu    *x86.CPU
	engine *accel.Engine // the translator's
	runner accel.Runner  // what runs it: engine, or
	kvm    atomic.Pointer[kvmcpu.VCPU]
	lent   bool // the translator runs it in place of KVM
	apic   *lapic.LAPIC

	outside firmwareCPU // what the built-in firmware sees of it
	onTrap  func()      // calls the firmware

	// Of its turn, where there are several.
	over atomic.Bool // it must give way to the others
	due  bool        // together.due counts it
	left int32       // instructions that it may still execute, with -icount
}

var (
	_ x86.Bus        = (*vcpu)(nil)
	_ x86.LocalAPIC  = (*vcpu)(nil)
	_ accel.Events   = (*vcpu)(nil)
	_ accel.Debugger = (*vcpu)(nil)
)

// kick makes the vCPU leave generated code, or the guest in KVM; any goroutine may call it.
func (v *vcpu) kick() {
	atomic.OrUint32(&v.env.ExitReq, 1)
	if k := v.kvm.Load(); k != nil {
		k.RequestExit()
	}
}

// In implements x86.Bus: a read of a port.
func (v *vcpu) In(port uint16, size int) uint32 {
	val := v.m.ports.In(port, size)
	v.m.cfg.Watch.accessed(false, uint64(port), false)
	if v.m.rec.kinds != 0 {
		v.recordAccess(inspect.EventPort, uint64(port), size, false, uint64(val))
	}
	return val
}

// Out implements x86.Bus: a write to a port.
func (v *vcpu) Out(port uint16, size int, val uint32) {
	if v.m.rec.kinds != 0 {
		v.recordAccess(inspect.EventPort, uint64(port), size, true, uint64(val))
	}
	v.m.ports.Out(port, size, val)
	v.m.cfg.Watch.accessed(false, uint64(port), true)
}

// TSC implements x86.Bus: it counts nanoseconds of guest time, unless KVM has another rate.
func (v *vcpu) TSC() uint64 {
	now := v.m.clock.Now()
	if v.env.EFlags&inspect.FlagIF != 0 {
		v.hurry(now)
	}
	return devices.Ticks(now, v.m.tscRate)
}

// hurry has the translator's loop fire the timers that are due before the next block. Who has just taken an interrupt may have missed others, and who can take one and has been told the
// time waits, maybe, for one: a guest that checks its timer against the time-stamp counter would find it slow on a busy host, where the thread that tells of timers comes late.
func (v *vcpu) hurry(now int64) {
	if v.kvm.Load() == nil && v.m.clock.late(now) {
		atomic.OrUint32(&v.env.ExitReq, 1)
	}
}

// APICBase implements x86.Bus.
func (v *vcpu) APICBase() uint64 { return v.apic.Base() }

// SetAPICBase implements x86.Bus. Bits that are reserved are #GP.
func (v *vcpu) SetAPICBase(val uint64) bool {
	if val>>v.m.model.PhysBits != 0 || val&lapic.BaseX2APIC != 0 && !v.m.model.Has(cpumodel.X2APIC) {
		return false
	}
	return v.apic.SetBase(val)
}

// TPR implements x86.Bus: CR8.
func (v *vcpu) TPR() uint8 { return v.apic.TPR() >> 4 }

// SetTPR implements x86.Bus.
func (v *vcpu) SetTPR(val uint8) { v.apic.SetTPR(val << 4) }

// SetFERR implements x86.Bus: the x87 error pin of the bootstrap processor is interrupt 13 on a PC. Those of the others are not connected.
func (v *vcpu) SetFERR(level bool) {
	if v.n == 0 {
		v.m.board.SetFERR(level)
	}
}

// IGNNE implements x86.Bus.
func (v *vcpu) IGNNE() bool { return v.n == 0 && v.m.board.IGNNE() }

// ReadAPIC implements x86.LocalAPIC.
func (v *vcpu) ReadAPIC(msr uint32) (uint64, bool) {
	if !v.hasAPIC(msr) {
		return 0, false
	}
	return v.apic.ReadMSR(msr)
}

// WriteAPIC implements x86.LocalAPIC.
func (v *vcpu) WriteAPIC(msr uint32, val uint64) bool {
	return v.hasAPIC(msr) && v.apic.WriteMSR(msr, val)
}

// hasAPIC tells whether the CPU model has a register of the local APIC.
func (v *vcpu) hasAPIC(msr uint32) bool {
	if msr == lapic.MSRTSCDeadline {
		return v.m.model.Has(cpumodel.TSCDeadline)
	}
	return v.m.model.Has(cpumodel.X2APIC)
}

// TSCMoved implements x86.LocalAPIC.
func (v *vcpu) TSCMoved() { v.apic.TSCMoved() }

// Poll implements accel.Events: it fires timers, takes input in, and says whether to leave the loop.
func (v *vcpu) Poll() (stop bool) {
	v.m.cfg.Watch.poll()
	if v.m.together.on.Load() {
		return v.pollAlong()
	}
	return v.m.poll() || v.translated() || v.m.several() && (v.over.Load() || v.left <= 0 || !v.m.mayRun(v))
}

// Wait implements accel.Events: the CPU is halted until a timer, input or a request comes. Where there are others it is their turn.
func (v *vcpu) Wait() (stop bool) { return v.m.several() || v.m.idle() }

// INTR implements accel.Events.
func (v *vcpu) INTR() bool { return v.apic.INTR() }

// IntAck implements accel.Events.
func (v *vcpu) IntAck() int {
	n := v.apic.IntAck()
	if !v.m.clock.counted {
		v.m.board.PIT.CatchUp()
		v.hurry(v.m.clock.Now())
	}
	return n
}

// maxBudget bounds the instructions between two looks at the world with -icount.
const maxBudget = 1 << 20

// Budget implements accel.Events.
func (v *vcpu) Budget() int32 {
	limit := int32(maxBudget)
	if v.m.several() {
		limit = v.left
	}
	return v.m.clock.budget(v.m.cfg.Watch.budget(limit))
}

// Spent implements accel.Events.
func (v *vcpu) Spent(n int32) {
	v.m.clock.insns += int64(n)
	v.left -= n
}

// pause is told of PAUSE where there are several vCPUs: what the program waits for is another's doing.
func (v *vcpu) pause() {
	v.over.Store(true)
	v.kick()
}
