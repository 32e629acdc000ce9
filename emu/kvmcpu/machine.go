// Package kvmcpu runs a machine's vCPUs on the host's processor, by package kvm: an accel.Runner beside the translator's.
//
// The vCPU's state is in x86.CPU whenever anybody may look at it, and in KVM while the guest runs: it is loaded before the guest goes on and stored before the machine is told of
// anything that may look. Exceptions and interrupts that come while x86.CPU has the state are delivered by it. Timers and devices are the
// machine's own, and interrupt controllers too unless KVM has the local APICs or all of them (IRQChip); system management mode is the translator's, so that KVM need not have it.
//
// Several vCPUs may run at a time, each on its goroutine, if KVM has the local APICs. All but KVM_RUN is under the machine's lock (World.Acquire). Who has it can have any vCPU
// leave the guest, does what it left for in its place, and has its state then. No vCPU is in the guest while one's local APIC is not in KVM, as what another sends it would be lost.
//
// Not done: in-kernel 8254, what -d logs of exceptions, watchpoints beyond the debug registers.
package kvmcpu

import (
	"errors"
	"fmt"

	"goemu/emu/accel"
	"goemu/emu/kvm"
	"goemu/emu/x86"
	"goemu/mmu"
)

// World is the machine around a vCPU.
type World interface {
	accel.Events
	x86.Bus
	// TSCRate is told that KVM's time-stamp counter has another rate than CPUID tells, in Hz, 0 if KVM does not tell. A CPU that has not begun may have another one from now on.
	TSCRate(hz uint64)
	// Translate has the translator run the vCPU until it has left system management mode, or Poll says stop.
	Translate()
	// BlockEnd is the linear address behind the block of the instruction at RIP.
	BlockEnd() uint64
	// Release and Acquire give the machine to others for a stay in the guest, and take it back.
	Release()
	Acquire()
	// InPlace calls fn as if on the vCPU's goroutine. Another one has the machine.
	InPlace(fn func())
	// Failed is told why KVM cannot go on with the vCPU. Its state is in the CPU, before the instruction that KVM fails at, but for lost: KVM did not give it back.
	// It may be called while the guest's instruction is answered by nobody else, from Run, Execute and whatever moves the state.
	Failed(err error, lost bool)
}

// Machine is a virtual machine of KVM's with a space's memory.
type Machine struct {
	host  *kvm.Host
	vm    *kvm.VM
	space *mmu.Space
	msrs  map[uint32]bool // that KVM has state of
	slots []mmu.Slot      // by number; without memory: not in use
	vcpus []*VCPU
	dr    [4]point
	chips chips

	setTSC bool // the next vCPU that sets its time-stamp counter is the first

	err  error // memory could not be changed, or an interrupt not be sent
	bits []uint64
}

// Where KVM puts three pages and one of its own, for real mode on Intel's processors: nothing else is there.
const (
	tssAddr         = 0xfeff_d000
	identityMapAddr = 0xfeff_c000
)

// needed are the capabilities without which no machine works.
var needed = []kvm.Cap{kvm.CapReadonlyMem, kvm.CapVCPUEvents, kvm.CapDebugRegs, kvm.CapUserNMI}

// Check tells what a host's KVM lacks that any machine needs; nil: nothing.
func Check(host *kvm.Host) error { return host.Require(needed...) }

// HasDeadline tells whether vCPUs have IA32_TSC_DEADLINE. KVM has that timer where it has the local APIC; goemu's wants exits for the register, which KVM ignores else. A small guest
// finds out whether there are such exits.
func HasDeadline(host *kvm.Host, kind IRQChip) bool {
	if kind == UserIRQChip {
		return host.ProbeMSRExits() == nil
	}
	return host.Check(kvm.CapTSCDeadlineTimer) > 0
}

// filtered is the reason of exits for MSRs that KVM has and is not to have; 0: there are none.
func (m *Machine) filtered() uint64 {
	if m.chips.kind == UserIRQChip && HasDeadline(m.host, UserIRQChip) {
		return kvm.MSRFiltered
	}
	return 0
}

// New makes a machine with the memory of space. The caller calls Remap when the space has changed, and Harvest before a tracker looks. c is
// needed only if KVM is to have interrupt controllers; then vCPUs that run in turn are no good, as one that waits in KVM would take the others' time.
func New(host *kvm.Host, space *mmu.Space, kind IRQChip, c Controllers) (*Machine, error) {
	if err := Check(host); err != nil {
		return nil, err
	}
	list, err := host.MSRs()
	if err != nil {
		return nil, err
	}
	vm, err := host.CreateVM()
	if err != nil {
		return nil, err
	}
	m := &Machine{host: host, vm: vm, space: space, msrs: map[uint32]bool{}, chips: chips{kind: kind, with: c}}
	for _, n := range list {
		m.msrs[n] = true
	}
	if err := m.prepare(); err != nil {
		return nil, errors.Join(err, vm.Close())
	}
	return m, nil
}

func (m *Machine) prepare() error {
	if m.vm.Check(kvm.CapSetIdentityMapAddr) > 0 {
		if err := m.vm.SetIdentityMapAddr(identityMapAddr); err != nil {
			return err
		}
	}
	if m.vm.Check(kvm.CapSetTSSAddr) > 0 {
		if err := m.vm.SetTSSAddr(tssAddr); err != nil {
			return err
		}
	}
	if m.vm.Check(kvm.CapUserSpaceMSR) > 0 {
		if err := m.vm.EnableCap(kvm.CapUserSpaceMSR, kvm.MSRInvalid|kvm.MSRUnknown|m.filtered()); err != nil {
			return err
		}
	}
	if m.filtered() != 0 {
		if err := m.vm.FilterMSRs(msrTSCDeadline); err != nil {
			return err
		}
	}
	m.Remap()
	if m.err != nil {
		return m.err
	}
	return m.addChips()
}

// IRQChip is what KVM has of the interrupt controllers.
func (m *Machine) IRQChip() IRQChip { return m.chips.kind }

// Collect lets KVM keep writes to memory that is no slot until the next exit, where it can: for devices that do nothing at a write that anybody could see before.
func (m *Machine) Collect(base uint64, size uint32) error {
	if m.vm.Check(kvm.CapCoalescedMMIO) <= 0 {
		return nil
	}
	return m.vm.Coalesce(base, size, false)
}

// Close gives all of it back. No vCPU may run any more.
func (m *Machine) Close() error {
	var errs []error
	m.removeChips()
	for _, v := range m.vcpus {
		errs = append(errs, v.v.Close())
	}
	return errors.Join(append(errs, m.vm.Close())...)
}

// Remap makes the slots what the space is now. What fails is told by the next vCPU that runs.
func (m *Machine) Remap() {
	m.out() // memory that moves is away for a moment
	want := m.space.Slots()
	keep := make(map[mmuSlot]bool, len(want))
	for _, x := range want {
		keep[keyOf(x)] = true
	}
	have := make(map[mmuSlot]bool, len(m.slots))
	for i, x := range m.slots {
		if len(x.Mem) == 0 {
			continue
		}
		if k := keyOf(x); keep[k] {
			have[k] = true
			continue
		}
		if x.Tracked {
			m.space.Wrote(x.Mem) // its log goes with it
		}
		m.set(i, mmu.Slot{Base: x.Base})
	}
	next := 0
	for _, x := range want {
		if have[keyOf(x)] {
			continue
		}
		for next < len(m.slots) && len(m.slots[next].Mem) > 0 {
			next++
		}
		if next == len(m.slots) {
			m.slots = append(m.slots, mmu.Slot{})
		}
		m.set(next, x)
	}
}

// mmuSlot tells slots apart.
type mmuSlot struct {
	base              uint64
	mem               *byte
	size              int
	readOnly, tracked bool
}

func keyOf(x mmu.Slot) mmuSlot { return mmuSlot{x.Base, &x.Mem[0], len(x.Mem), x.ReadOnly, x.Tracked} }

func (m *Machine) set(n int, x mmu.Slot) {
	m.slots[n] = x
	s := kvm.Slot{Number: uint32(n), Guest: x.Base, Memory: x.Mem}
	if x.ReadOnly {
		s.Flags |= kvm.ReadOnly
	}
	if x.Tracked {
		s.Flags |= kvm.LogDirty
	}
	if err := m.vm.SetMemory(s); err != nil && m.err == nil {
		m.err = err
	}
}

// Harvest tells the space which pages of the host's memory ram the guest has written to.
func (m *Machine) Harvest(ram []byte) {
	for n, x := range m.slots {
		if !x.Tracked || !overlap(x.Mem, ram) {
			continue
		}
		pages := len(x.Mem) >> mmu.PageShift
		if words := (pages + 63) / 64; len(m.bits) < words {
			m.bits = make([]uint64, words)
		}
		if err := m.vm.DirtyLog(uint32(n), m.bits); err != nil {
			m.space.Wrote(x.Mem)
			continue
		}
		for p := range pages {
			if m.bits[p/64]>>(p%64)&1 != 0 {
				m.space.Wrote(x.Mem[p<<mmu.PageShift:][:mmu.PageSize])
			}
		}
	}
}

// Forget tells the space that the guest may have written to all that trackers look at: the logs are not asked any more.
func (m *Machine) Forget() {
	for _, x := range m.slots {
		if x.Tracked {
			m.space.Wrote(x.Mem)
		}
	}
}

// out waits until no vCPU is in the guest.
func (m *Machine) out() {
	for _, v := range m.vcpus {
		v.out()
	}
}

// VCPU is vCPU n, in the order in which they were made.
func (m *Machine) VCPU(n int) *VCPU { return m.vcpus[n] }

// Error is what has gone wrong with memory, or with sending interrupts.
func (m *Machine) Error() error {
	if m.err == nil {
		return nil
	}
	return fmt.Errorf("guest memory and interrupts: %w", m.err)
}
