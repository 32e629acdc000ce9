package kvmcpu

import (
	"goemu/devices/ioapic"
	"goemu/devices/pic"
	"goemu/emu/kvm"
)

// All interrupt controllers in KVM. I/O APIC and 8259As are lent when all local APICs are, and the I/O APIC goes back with the first of them; the 8259As go back where
// another engine may run. Each input has a line of its own into KVM, so who is wired to whom stays the board's.

// inKernel are the capabilities without which KVM cannot have all interrupt controllers.
var inKernel = []kvm.Cap{kvm.CapIRQChip, kvm.CapSignalMSI, kvm.CapIRQRouting, kvm.CapMPState}

// CheckInKernel tells what a host's KVM lacks for InKernelIRQChip; nil: nothing.
func CheckInKernel(host *kvm.Host) error { return host.Require(inKernel...) }

const (
	picInputs = 16
	firstPIC  = ioapic.NumPins // the line of the 8259As' first input. Those of the I/O APIC begin at 0
)

// The ELCR bits that can be set in KVM, as in devices/pic.
var elcrMask = [2]uint8{0xf8, 0xde}

// kernelChips is what moves between the controllers here and in KVM, kept so that nothing is allocated.
type kernelChips struct {
	pics [2]kvm.PIC // as last given or read
	io   kvm.IOAPIC

	picKeeper pic.Keeper
	ioKeeper  ioapic.Keeper
}

// addKernelChips makes the controllers, before any vCPU, and leads a line to each of their inputs.
func (m *Machine) addKernelChips() error {
	if err := m.vm.CreateIRQChip(); err != nil {
		return err
	}
	var routes [ioapic.NumPins + picInputs]kvm.Route
	for n := range uint32(ioapic.NumPins) {
		routes[n] = kvm.ChipRoute(n, kvm.ChipIOAPIC, n)
	}
	for n := range uint32(picInputs) {
		routes[firstPIC+n] = kvm.ChipRoute(firstPIC+n, kvm.Chip(n>>3), n&7)
	}
	if err := m.vm.SetGSIRouting(routes[:]); err != nil {
		return err
	}
	k := &m.chips.kernel
	k.picKeeper, k.ioKeeper = picKeeper{m}, ioKeeper{m}
	return nil
}

// lendChips gives KVM the I/O APIC and the 8259As, if it does not have them, behind the local APICs, to which they send.
func (m *Machine) lendChips() error {
	io, p := m.chips.with.IOAPIC, m.chips.with.PIC
	if io.Lent() && p.Lent() {
		return nil
	}
	k := &m.chips.kernel
	if !p.Lent() {
		s := p.SaveState()
		for i := range k.pics {
			k.pics[i] = kernelPIC(&s.Chips[i], i)
		}
		// The slave first: what it asks for becomes a request of the master's.
		for i := len(k.pics) - 1; i >= 0; i-- {
			if err := m.vm.SetPIC(kvm.Chip(i), &k.pics[i]); err != nil {
				return err
			}
		}
		p.Lend(k.picKeeper)
	}
	if !io.Lent() {
		s := io.SaveState()
		k.io = kvm.IOAPIC{Base: ioapic.DefaultBase, Select: uint32(s.Select), ID: uint32(s.ID), IRR: io.Pending(), Redirections: s.Table}
		if err := m.vm.SetIOAPIC(&k.io); err != nil {
			return err
		}
		io.Lend(k.ioKeeper)
	}
	return nil
}

// recallChips takes them back.
func (m *Machine) recallChips() {
	if c := &m.chips; c.kind == InKernelIRQChip {
		c.with.IOAPIC.Recall()
		c.with.PIC.Recall()
	}
}

// input sets the level of a line into KVM.
func (m *Machine) input(line int, level bool) bool {
	err := m.vm.IRQLine(uint32(line), level)
	if err != nil && m.err == nil {
		m.err = err
	}
	return err == nil
}

// lost ends the machine, whose interrupt controllers KVM does not give back.
func (m *Machine) lost(err error) {
	if m.err == nil {
		m.err = err
	}
	m.vcpus[0].lose(err)
}

// picKeeper is a machine in KVM as who has the 8259As.
type picKeeper struct{ m *Machine }

var _ pic.Keeper = picKeeper{}

// Registers implements pic.Keeper.
func (k picKeeper) Registers(chips *[2]pic.Chip) {
	was := &k.m.chips.kernel.pics
	for i := range chips {
		now := was[i]
		if err := k.m.vm.PIC(kvm.Chip(i), &now); err != nil && k.m.vm.PIC(kvm.Chip(i), &now) != nil {
			k.m.lost(err)
			return
		}
		takePIC(&chips[i], &now, &was[i])
		was[i] = now
	}
}

// Hold implements pic.Keeper.
func (k picKeeper) Hold() { k.m.out() }

// SetInput implements pic.Keeper.
func (k picKeeper) SetInput(n int, level bool) bool { return k.m.input(firstPIC+n, level) }

// kernelPIC makes KVM's form of a chip. KVM knows neither single mode nor buffers.
func kernelPIC(c *pic.Chip, n int) kvm.PIC {
	p := kvm.PIC{
		LastIRR: c.Lines, IRR: c.IRR, IMR: c.IMR, ISR: c.ISR, PriorityAdd: (c.Lowest + 1) & 7, Base: c.Base,
		ReadISR: flag(c.ReadISR), Poll: flag(c.Poll), SpecialMask: flag(c.SpecialMask), RotateOnAutoEOI: flag(c.RotateAEOI),
		AutoEOI: flag(c.AutoEOI()), SpecialFullyNested: flag(c.FullyNested()), Init4: flag(c.WantICW4), ELCR: c.ELCR, ELCRMask: elcrMask[n],
	}
	if c.Step > 0 {
		p.InitState = c.Step - 1 // the ICW that is wanted next: 1 for ICW2
	}
	return p
}

// takePIC makes a chip's state of KVM's, which was given as was. What KVM does not have stays, but for single mode after another initialisation: KVM has a cascade.
func takePIC(c *pic.Chip, p, was *kvm.PIC) {
	c.IRR, c.IMR, c.ISR, c.ELCR = p.IRR, p.IMR, p.ISR, p.ELCR
	c.Lowest, c.Base = (p.PriorityAdd-1)&7, p.Base
	c.ReadISR, c.Poll, c.SpecialMask, c.RotateAEOI = p.ReadISR != 0, p.Poll != 0, p.SpecialMask != 0, p.RotateOnAutoEOI != 0
	c.SetMode(p.AutoEOI != 0, p.SpecialFullyNested != 0)
	c.WantICW4 = p.Init4 != 0
	if c.Step = 0; p.InitState != 0 {
		c.Step = p.InitState + 1
	}
	if p.InitState != was.InitState || p.Base != was.Base || p.Init4 != was.Init4 || p.AutoEOI != was.AutoEOI || p.SpecialFullyNested != was.SpecialFullyNested {
		c.Single = false
	}
}

// ioKeeper is a machine in KVM as who has the I/O APIC.
type ioKeeper struct{ m *Machine }

var _ ioapic.Keeper = ioKeeper{}

// Registers implements ioapic.Keeper.
func (k ioKeeper) Registers(s *ioapic.State) {
	io := &k.m.chips.kernel.io
	if err := k.m.vm.IOAPIC(io); err != nil && k.m.vm.IOAPIC(io) != nil {
		k.m.lost(err)
		return
	}
	s.ID, s.Select, s.Table = uint8(io.ID)&0xf, uint8(io.Select), io.Redirections
}

// Hold implements ioapic.Keeper.
func (k ioKeeper) Hold() { k.m.out() }

// SetInput implements ioapic.Keeper.
func (k ioKeeper) SetInput(n int, level bool) bool { return k.m.input(n, level) }
