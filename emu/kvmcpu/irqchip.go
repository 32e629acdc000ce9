package kvmcpu

import (
	"errors"
	"sync/atomic"
	"time"

	"goemu/devices/apicbus"
	"goemu/devices/ioapic"
	"goemu/devices/lapic"
	"goemu/devices/pic"
	"goemu/emu/kvm"
	"goemu/emu/x86"
)

// IRQChip is how much of the interrupt controllers KVM has.
type IRQChip int

// What KVM has while a guest runs in it: nothing, the local APICs with the I/O APIC and the 8259As outside, or all of these.
const (
	UserIRQChip IRQChip = iota
	SplitIRQChip
	InKernelIRQChip
)

// String is as the option kernel-irqchip has it.
func (c IRQChip) String() string { return [...]string{"off", "split", "on"}[c] }

// split are the capabilities without which KVM cannot have the local APICs.
var split = []kvm.Cap{kvm.CapSplitIRQChip, kvm.CapSignalMSI, kvm.CapIRQRouting, kvm.CapMPState}

// CheckSplit tells what a host's KVM lacks for SplitIRQChip; nil: nothing.
func CheckSplit(host *kvm.Host) error { return host.Require(split...) }

// Controllers are the machine's interrupt controllers, which KVM works with where it has a part of them.
type Controllers struct {
	Bus    *apicbus.Bus
	IOAPIC *ioapic.IOAPIC
	LAPICs []*lapic.LAPIC // by vCPU
	PIC    *pic.PIC       // needed only for InKernelIRQChip
}

// chips is what a machine has of interrupt controllers in KVM.
type chips struct {
	kind IRQChip
	with Controllers

	msi    kvm.MSI
	routes [ioapic.NumPins]kvm.Route
	routed []kvm.Route // of routes
	stale  bool        // the I/O APIC has others by now
	block  bool        // KVM can keep interrupts off in a single step
	kernel kernelChips
}

const (
	msrAPICBase    = 0x1b
	msrTSCDeadline = lapic.MSRTSCDeadline

	msiLogical  = 1 << 2
	msiDest     = 12
	msiMode     = 8
	msiAssert   = 1 << 14
	msiLevel    = 1 << 15
	everyAPIC   = 0xff
	apicMSRMask = 0xff // those of x2APIC mode begin at lapic.MSRFirst
)

// addChips makes the interrupt controllers, before any vCPU.
func (m *Machine) addChips() error {
	c := &m.chips
	mask := m.vm.Check(kvm.CapSetGuestDebug2)
	c.block = mask > 0 && mask&kvm.DebugBlockIRQ != 0
	switch c.kind {
	case InKernelIRQChip:
		if err := m.addKernelChips(); err != nil {
			return err
		}
		c.with.Bus.Heard = true
	case SplitIRQChip:
		if err := m.vm.SplitIRQChip(ioapic.NumPins); err != nil {
			return err
		}
		c.stale = true
		c.with.IOAPIC.OnTable = func() { c.stale = true }
	default:
		return nil
	}
	c.with.Bus.Deliver = m.deliver
	return nil
}

// removeChips undoes addChips, when no vCPU runs any more.
func (m *Machine) removeChips() {
	if c := &m.chips; c.kind != UserIRQChip {
		c.with.Bus.Deliver, c.with.Bus.Heard, c.with.IOAPIC.OnTable = nil, false, nil
	}
}

// deliver sends interrupts of the I/O APIC and of devices to the local APICs that KVM has (SDM vol. 3A 11.11). All other messages are few, and taken by the local APIC here.
func (m *Machine) deliver(msg apicbus.Message) (taken, done bool) {
	c := &m.chips
	if msg.Mode > apicbus.Lowest || msg.Shorthand != apicbus.NoShorthand || msg.Dest > everyAPIC && msg.Dest != apicbus.Broadcast {
		return false, false
	}
	for _, l := range c.with.LAPICs {
		if !l.Lent() {
			return false, false
		}
	}
	if msg.Level && c.stale { // another vCPU may take it, and end it, before this one goes on
		if err := m.route(); err != nil {
			return m.undelivered(err)
		}
	}
	c.msi.AddressLow = lapic.DefaultBase | msg.Dest&everyAPIC<<msiDest
	if msg.Logical {
		c.msi.AddressLow |= msiLogical
	}
	c.msi.Data = uint32(msg.Vector) | uint32(msg.Mode)<<msiMode | msiAssert
	if msg.Level {
		c.msi.Data |= msiLevel
	}
	taken, err := m.vm.SignalMSI(&c.msi)
	if err != nil {
		return m.undelivered(err)
	}
	return taken, true
}

// undelivered notes why deliver cannot.
func (m *Machine) undelivered(err error) (taken, done bool) {
	if m.err == nil {
		m.err = err
	}
	return false, false
}

// route tells KVM of whose EOI the I/O APIC wants to know: the vectors of its level-triggered pins. They are routes, by which nothing is sent.
func (m *Machine) route() error {
	c := &m.chips
	c.stale = false
	n, same := 0, true
	for pin := range ioapic.NumPins {
		v, ok := c.with.IOAPIC.Level(pin)
		if !ok {
			continue
		}
		r := kvm.MSIRoute(uint32(pin), lapic.DefaultBase|everyAPIC<<msiDest, uint32(v)|msiAssert|msiLevel)
		same = same && n < len(c.routed) && c.routes[n] == r
		c.routes[n] = r
		n++
	}
	if same && n == len(c.routed) {
		return nil
	}
	c.routed = c.routes[:n]
	return m.vm.SetGSIRouting(c.routed)
}

// keeper is a vCPU as who has its local APIC's registers.
type keeper struct{ e *VCPU }

var _ lapic.Keeper = keeper{}

// Hold implements lapic.Keeper.
func (k keeper) Hold() { k.e.m.out() }

// Registers implements lapic.Keeper.
func (k keeper) Registers(p *lapic.Page) uint64 {
	e := k.e
	e.out()
	if err := e.v.LAPIC((*kvm.LAPIC)(p)); err != nil && e.v.LAPIC((*kvm.LAPIC)(p)) != nil {
		e.lose(err)
	}
	return e.v.APICBase()
}

// A vCPU waits in KVM for Settle settleTries times, for settleTime or longer: it may not yet be in KVM when that is over, so what took much less than it should does not count.
const (
	settleTime  = 50 * time.Microsecond
	settleTries = 2
	settleMost  = 50 * time.Millisecond
)

// Settle implements lapic.Keeper. A timer's interrupt comes to IRR when the vCPU next leaves the guest or a wait for events. So it waits, as before a start-up interrupt, in
// which no instruction is executed.
func (k keeper) Settle() {
	e := k.e
	if e.unfinished || e.exited || e.fail.why != nil {
		return
	}
	if !e.loaded && len(e.m.vcpus) > 1 { // it may have been sent what changes registers
		if e.cpu.Pending() {
			e.cpu.Deliver()
		}
		if e.cpu.State() == x86.Shutdown || !e.check(e.loadAll()) {
			return
		}
		e.loaded = true
		defer e.Store()
	}
	was, err := e.v.MPState() // which takes a start-up interrupt that the vCPU has been sent, or drops it
	if !e.check(err) || !e.check(e.v.SetMPState(kvm.InitReceived)) {
		return
	}
	tries := 0
	for d := settleTime; tries < settleTries && d <= settleMost && err == nil; {
		var stay time.Duration
		if stay, err = k.wait(d); stay >= d/2 {
			tries++
		} else {
			d *= 2
		}
	}
	e.check(errors.Join(err, e.v.SetMPState(was)))
}

// wait has KVM run the vCPU, which does not execute instructions, until d is over. It gives how long it may have been in KVM without a break.
func (k keeper) wait(d time.Duration) (stay time.Duration, err error) {
	var over atomic.Bool
	t := time.AfterFunc(d, func() {
		over.Store(true)
		k.e.v.RequestExit()
	})
	defer t.Stop()
	for r := kvm.ExitIntr; r == kvm.ExitIntr && err == nil && !over.Load(); {
		began := time.Now()
		r, err = k.e.v.Run()
		stay = time.Since(began)
	}
	return stay, err
}

// Return implements lapic.Keeper.
func (k keeper) Return() uint64 {
	e := k.e
	e.readTSC()
	if !e.deadline {
		return 0
	}
	m := &e.one
	m[0] = kvm.MSR{Index: msrTSCDeadline}
	if _, err := e.v.MSRs(m[:]); err != nil {
		if _, again := e.v.MSRs(m[:]); again != nil {
			e.lose(err)
		}
	}
	return m[0].Data
}

// readTSC makes the CPU's time-stamp counter KVM's. Where that cannot be read it goes on by the machine's clock.
func (e *VCPU) readTSC() {
	if e.setTSC {
		return
	}
	m := &e.one
	m[0] = kvm.MSR{Index: msrTSC}
	if n, _ := e.v.MSRs(m[:]); n == 1 {
		e.cpu.SetTSC(m[0].Data)
	}
}

// prepare gives KVM what it needs of interrupt controllers before a run: all local APICs, as the guest may send to any.
func (e *VCPU) prepare() error {
	if e.apic == nil {
		return nil
	}
	for _, v := range e.m.vcpus {
		if err := v.lend(); err != nil {
			return err
		}
	}
	switch c := &e.m.chips; {
	case c.kind == InKernelIRQChip:
		return e.m.lendChips()
	case c.stale:
		return e.m.route()
	}
	return nil
}

// external tells whether the 8259As have an interrupt that is not for KVM to find.
func (e *VCPU) external() bool { return e.m.chips.kind != InKernelIRQChip && e.world.INTR() }

// loadMPState tells KVM whether the vCPU is halted, or waits for a start-up interrupt. A wait for a store to memory, which KVM does not have, ends.
func (e *VCPU) loadMPState() error {
	if e.apic == nil {
		return nil
	}
	e.cpu.EndWait()
	s := kvm.Runnable
	switch e.cpu.State() {
	case x86.Halted:
		s = kvm.Halted
	case x86.WaitSIPI:
		s = kvm.InitReceived
	}
	return e.v.SetMPState(s)
}

// noNMI has KVM forget an NMI that waits, which is the CPU's now.
func (e *VCPU) noNMI() error {
	ev := &e.state.events
	if e.apic == nil || ev.NMI.Pending == 0 {
		return nil
	}
	ev.NMI.Pending, ev.Flags = 0, kvm.ValidNMIPending|kvm.ValidShadow
	return e.v.SetEvents(ev)
}

// lateNMI is told of an NMI that another vCPU has sent while the CPU had the state.
func (e *VCPU) lateNMI() error {
	if e.apic == nil || !e.apic.Lent() {
		return nil
	}
	if err := e.v.Events(&e.state.events); err != nil {
		return err
	}
	if e.state.events.NMI.Pending != 0 {
		e.cpu.RequestNMI()
		e.v.RequestExit() // the guest is not to go on without it
	}
	return nil
}

// inject has KVM deliver an interrupt of the 8259As'.
func (e *VCPU) inject(vector uint8) error {
	if e.apic == nil {
		return e.v.Interrupt(vector)
	}
	// KVM_INTERRUPT would leave it where nobody can read it, until the guest has taken it; so it is where KVM puts it then.
	ev := &e.state.events
	if err := e.v.Events(ev); err != nil {
		return err
	}
	ev.Interrupt.Injected, ev.Interrupt.Vector, ev.Interrupt.Soft = 1, vector, 0
	ev.Flags = kvm.ValidNMIPending | kvm.ValidShadow
	if err := e.v.SetEvents(ev); err != nil {
		return err
	}
	return e.v.SetMPState(kvm.Runnable)
}

// blocked tells whether KVM, having been given a halted vCPU, would wait although the 8259As have an interrupt: it looks for a window only
// when the guest leaves off. A run that ends at once tells then whether it takes one.
func (e *VCPU) blocked() bool {
	if e.apic == nil || !e.cpu.Halted() || !e.external() {
		return false
	}
	e.v.RequestExit()
	atomic.StoreUint32(&e.env.ExitReq, 1)
	return true
}

// isAPIC tells whether an MSR is the local APIC's.
func isAPIC(n uint32) bool {
	return n == msrAPICBase || n == msrTSCDeadline || n&^apicMSRMask == lapic.MSRFirst
}
