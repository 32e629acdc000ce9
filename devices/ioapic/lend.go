package ioapic

// A host's KVM can have the I/O APIC together with the local APICs. While it does the state here is out of date but for the inputs' levels, which are the
// devices': what looks at the registers has them read anew, and what changes them has them given back first.

// Keeper is who has the registers.
type Keeper interface {
	// Registers reads ID, Select and Table into the state of before, which stays as it is if they cannot be read.
	Registers(s *State)
	// Hold keeps all who use them from them until somebody lends them again: they are about to go back.
	Hold()
	// SetInput tells of the level of an input; false: it does not take it, and the registers are to go back before.
	SetInput(n int, level bool) bool
}

// Lend gives the registers to k, which has them by SaveState, and the inputs by Pending.
func (a *IOAPIC) Lend(k Keeper) { a.keeper = k }

// Lent tells whether a keeper has the registers.
func (a *IOAPIC) Lent() bool { return a.keeper != nil }

// Pending are the inputs that are asserted and have not interrupted for that: an edge, which has where its pin was not masked, is not among them.
func (a *IOAPIC) Pending() (pins uint32) {
	for n, e := range a.s.Table {
		if e&(level|masked) != 0 {
			pins |= a.s.Lines & (1 << n)
		}
	}
	return pins
}

// Recall implements apicbus.Lender: it takes the registers back. What the keeper would have sent later is sent now.
func (a *IOAPIC) Recall() {
	if a.keeper == nil {
		return
	}
	a.keeper.Hold()
	a.look()
	a.keeper = nil
	a.changed()
	for n := range a.s.Table {
		a.serve(n)
	}
}

// look brings the registers up to date.
func (a *IOAPIC) look() {
	if a.keeper == nil {
		return
	}
	a.keeper.Registers(&a.s)
	for n := range a.s.Table {
		a.s.Table[n] &= writable | remoteIRR
	}
}

// pass tells a keeper of an input's level. It reports whether there is one that has it.
func (a *IOAPIC) pass(n int, on, changes bool) bool {
	if a.keeper == nil {
		return false
	}
	if changes && !a.keeper.SetInput(n, on) {
		a.Recall()
		return false
	}
	return true
}
