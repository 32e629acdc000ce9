package emu

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"goemu/devices/vga"
	"goemu/emu/accel"
	"goemu/emu/cpumodel"
	"goemu/emu/inspect"
	"goemu/emu/kvm"
	"goemu/emu/kvmcpu"
)

// The machine in KVM: see package kvmcpu for the vCPU, and docs/kvm.md.

var _ kvmcpu.World = (*vcpu)(nil)

// kvmUsable tells why this host has no KVM that a machine could use.
var kvmUsable = sync.OnceValue(func() error {
	h, err := kvm.Open()
	if err != nil {
		return err
	}
	return errors.Join(kvmcpu.Check(h), h.Close())
})

// kvmFast tells why KVM is not what runs guests best here: small guests fail in it, or are slow.
var kvmFast = sync.OnceValue(func() error {
	if err := kvmUsable(); err != nil {
		return err
	}
	h, err := kvm.Open()
	if err != nil {
		return err
	}
	return errors.Join(processors(h), h.Close())
})

// processors tells why a KVM's guests do not run as on a processor.
func processors(h *kvm.Host) error {
	if p, ok := h.Weakness(); !ok {
		return fmt.Errorf("this host's KVM is no processor's: %v; -accel kvm takes it all the same", p)
	}
	return nil
}

// offered are the features that KVM's processors can have.
func offered(h *kvm.Host, chip kvmcpu.IRQChip) (cpumodel.Set, error) {
	list, err := h.SupportedCPUID()
	if err != nil {
		return cpumodel.Set{}, err
	}
	read := func(leaf, sub uint32) (a, b, c, d uint32) { return kvm.Answer(list, leaf, sub) }
	have := cpumodel.FeaturesOf(read).Without(cpumodel.Elsewhere(read))
	have.Put(cpumodel.Hypervisor, true) // it is for us to say
	lacks := kvmcpu.Lacks(h, chip)
	have.Put(cpumodel.TSCDeadline, true) // KVM never lists it
	have = have.Without(lacks)
	return have, nil
}

// cutForKVM makes the CPU model one that KVM can have. else is what is taken otherwise.
func (m *Machine) cutForKVM(other Accel) error {
	if other != AccelAuto {
		if m.cfg.Icount {
			return errors.New("-icount has KVM execute instructions one by one, which is slow; -accel kvm takes it all the same")
		}
		if err := kvmFast(); err != nil {
			return err
		}
	}
	h, err := kvm.Open()
	if err != nil {
		return err
	}
	var have cpumodel.Set
	chip, err := m.cfg.chip(h)
	if err == nil {
		have, err = offered(h, chip)
	}
	if err := errors.Join(err, kvmcpu.Check(h)); err != nil {
		return errors.Join(err, h.Close())
	}
	lacking := m.model.Lacking(have)
	if lacking != (cpumodel.Set{}) && m.cfg.CPU != "" {
		if other != AccelAuto {
			return errors.Join(fmt.Errorf("-cpu %s: this host's KVM does not have %v", m.cfg.CPU, lacking), h.Close())
		} else if m.model.Enforce {
			return errors.Join(fmt.Errorf("-cpu %s: this host's KVM does not have %v; take another model, or -accel tcg", m.cfg.CPU, lacking), h.Close())
		}
		m.warnings = append(m.warnings, fmt.Sprintf("-cpu %s: left out, as this host's KVM does not have them: %v; -accel tcg has them", m.cfg.CPU, lacking))
	}
	m.model, _ = m.model.Cut(have)
	m.kvmHost = h
	return nil
}

// enterKVM has the guest go on in KVM. With an error nothing has changed.
func (m *Machine) enterKVM() error {
	if m.cfg.Icount {
		return m.enterCounted()
	}
	points := m.kvmPoints(m.debug.points)
	if err := kvmcpu.Fit(points); err != nil {
		return err
	}
	if err := m.makeKVM(); err != nil {
		return err
	}
	if err := m.kernelPorts(m.debug.points); err != nil {
		return err
	}
	m.code.Flush()
	m.kvm.Remap()
	if err := m.kvm.Error(); err != nil {
		return err
	}
	m.kvm.SetPoints(points)
	for i, v := range m.vcpus {
		k := m.kvm.VCPU(i)
		k.Begin()
		v.kvm.Store(k)
		v.hand(k)
	}
	m.move()
	return nil
}

// startKVM is enterKVM before the guest begins. Where that fails the alternative is taken, if there is one.
func (m *Machine) startKVM() error {
	err := m.enterKVM()
	if err == nil {
		return nil
	}
	other := m.cfg.Accel.otherwise()
	switch {
	case other == AccelAuto:
		return fmt.Errorf("-accel kvm: %w", err)
	case m.cfg.Accel == AccelBest:
		m.setReason("the default: " + oneLine(err))
	default:
		m.warnInstead(other, err)
	}
	m.accel.Store(int32(other))
	return m.code.SetNative(other == AccelTCG)
}

// warnInstead tells why an engine is taken in place of KVM.
func (m *Machine) warnInstead(other Accel, why error) {
	m.warnings = append(m.warnings, fmt.Sprintf("-accel %s: %s runs the guest: %s", m.cfg.Accel, other, oneLine(why)))
	m.setReason(oneLine(why))
}

// enterCounted has KVM execute the instructions that the translator's loop counts.
func (m *Machine) enterCounted() error {
	if err := m.makeKVM(); err != nil {
		return err
	}
	m.kvm.Remap()
	m.kvmCounts = true
	for i, v := range m.vcpus {
		v.engine.SetProcessor(m.kvm.VCPU(i))
	}
	return nil
}

// leaveKVM has another engine go on.
func (m *Machine) leaveKVM() {
	if m.kvmCounts {
		m.kvmCounts = false
		for _, v := range m.vcpus {
			v.engine.SetProcessor(nil)
		}
		return
	}
	for _, v := range m.vcpus {
		k := v.kvm.Load()
		k.Store()
		v.hand(v.engine)
		k.Leave()
		v.kvm.Store(nil)
	}
	m.kvm.Forget()
	m.move()
}

// hand gives the vCPU to another runner, which has not met the breakpoint where it stands either.
func (v *vcpu) hand(to accel.Runner) {
	seen := v.runner.Seen()
	v.runner.EndStep()
	if v.runner = to; seen {
		to.Stopped()
	}
}

// move makes the engine that runs give way to the one of now.
func (m *Machine) move() {
	m.moving = m.began
	m.kick()
}

// makeKVM makes the virtual machine, if there is none that will do.
func (m *Machine) makeKVM() error {
	if m.kvm != nil {
		if !m.wantsChips() {
			return nil
		}
		k := m.kvm
		m.kvm = nil
		if err := k.Close(); err != nil {
			return err
		}
	}
	if m.kvmHost == nil {
		h, err := kvm.Open()
		if err != nil {
			return err
		}
		var have cpumodel.Set
		chip, err := m.cfg.chip(h)
		if err == nil {
			have, err = offered(h, chip)
		}
		if lacking := m.model.Lacking(have); err == nil && lacking != (cpumodel.Set{}) {
			err = fmt.Errorf("the guest's CPU has what this host's KVM does not: %v; start with -accel kvm, or a smaller -cpu", lacking)
		}
		if err != nil {
			return errors.Join(err, h.Close())
		}
		m.kvmHost = h
	}
	chip, err := m.cfg.chip(m.kvmHost)
	if err != nil {
		return err
	}
	if m.needsChips() {
		if chip, err = kvmcpu.UserIRQChip, m.chipsLack(); err != nil {
			return err
		}
	}
	k, err := kvmcpu.New(m.kvmHost, m.space, chip, kvmcpu.Controllers{Bus: m.board.APICBus(), IOAPIC: m.board.IOAPIC, LAPICs: m.board.LAPICs, PIC: m.board.PIC})
	if err != nil {
		return err
	}
	if err := k.Collect(vga.WindowBase, vga.WindowSize); err != nil {
		return errors.Join(err, k.Close())
	}
	for _, v := range m.vcpus {
		c, err := k.NewVCPU(v.n, v.cpu, v)
		if err != nil {
			return errors.Join(err, k.Close())
		}
		c.SetDebugger(v)
	}
	m.kvm = k
	return nil
}

// freeKVM gives it back.
func (m *Machine) freeKVM() (err error) {
	if m.kvm != nil {
		err = m.kvm.Close()
		m.kvm = nil
	}
	if m.kvmHost != nil {
		err = errors.Join(err, m.kvmHost.Close())
		m.kvmHost = nil
	}
	return err
}

// hookSpace tells KVM of changes of the memory map, after the translator, and asks it for what the guest has written.
func (m *Machine) hookSpace() {
	remapped := m.space.OnRemap
	m.space.OnRemap = func(base, size uint64) {
		remapped(base, size)
		if m.inKVM() || m.kvmCounts {
			m.kvm.Remap()
		}
	}
	m.space.OnHarvest = func(ram []byte) {
		if m.inKVM() || m.kvmCounts {
			m.kvm.Harvest(ram)
		}
	}
}

// inKVM tells whether KVM runs the guest, not instruction by instruction.
func (m *Machine) inKVM() bool { return m.vcpus[0].kvm.Load() != nil }

// storeState has the CPUs have the state of their vCPUs, for whoever looks at them.
func (m *Machine) storeState() {
	for _, v := range m.vcpus {
		if k := v.kvm.Load(); k != nil {
			k.Store()
		}
	}
}

// peek shows the state in the CPU while KVM's guest executes an access, and poke takes what has become of its general registers.
func (v *vcpu) peek() {
	if k := v.kvm.Load(); k != nil {
		k.Peek()
	}
}

func (v *vcpu) poke() {
	if k := v.kvm.Load(); k != nil {
		k.Poke()
	}
}

// reset is the vCPU's power-on.
func (v *vcpu) reset() {
	v.cpu.Reset()
	if k := v.kvm.Load(); k != nil {
		k.Begin()
	}
}

// translated tells whether the translator, in place of KVM, is done.
func (v *vcpu) translated() bool { return v.lent && !v.cpu.InSMM() }

// Translate implements kvmcpu.World.
func (v *vcpu) Translate() {
	v.m.code.Flush() // KVM does not tell of code that changes
	v.kvm.Load().Recall()
	if v.m.together.on.Load() {
		v.over.Store(false)
		defer time.AfterFunc(sliceTime, v.pause).Stop()
		defer v.yield()
	}
	v.lent = true
	v.engine.Run()
	v.lent = false
	v.m.code.Flush()
}

// TSCRate implements kvmcpu.World. A guest that begins has KVM's rate for good, in other engines too; one that has begun keeps what CPUID has told it.
func (v *vcpu) TSCRate(hz uint64) {
	m := v.m
	if m.began || m.cfg.Icount {
		return
	}
	v.cpu.SetTSCFrequency(hz)
	if hz != 0 {
		m.tscRate = hz
	}
}

// BlockEnd implements kvmcpu.World.
func (v *vcpu) BlockEnd() uint64 { return v.engine.BlockEnd() }

// kvmPoints are breakpoints as KVM has them; those on ports are the machine's own.
func (m *Machine) kvmPoints(list []inspect.Breakpoint) (points []kvmcpu.Point) {
	for _, b := range list {
		if b.Kind == inspect.BreakPort {
			continue
		}
		points = append(points, kvmcpu.Point{
			ID: b.ID, Addr: b.Addr, Len: b.Len, Exec: b.Kind == inspect.BreakExec, Read: b.Kind != inspect.BreakWrite, Write: b.Kind != inspect.BreakRead,
		})
	}
	if o := m.debug.over; o != nil {
		points = append(points, kvmcpu.Point{Addr: o.linear, Exec: true})
	}
	return points
}

// checkPoints tells why KVM, if it runs the guest, cannot have another breakpoint.
func (m *Machine) checkPoints(more ...inspect.Breakpoint) error {
	if !m.inKVM() {
		return nil
	}
	if err := m.kernelPorts(more); err != nil {
		return err
	}
	return kvmcpu.Fit(m.kvmPoints(append(m.debug.points[:len(m.debug.points):len(m.debug.points)], more...)))
}

// pointsChanged tells KVM, if it runs the guest.
func (m *Machine) pointsChanged() {
	if m.inKVM() {
		m.kvm.SetPoints(m.kvmPoints(m.debug.points))
	}
}
