package emu

// Asleep tells whether the guest sleeps in S3.
func (m *Machine) Asleep() (asleep bool) {
	// A machine that has ended does not sleep.
	_ = m.do(func() error {
		asleep = m.board.Asleep()
		return nil
	})
	return asleep
}

// AcceptKVM has machines take KVM however weak it is; the function that it gives undoes it.
func AcceptKVM() (restore func()) {
	old := kvmFast
	kvmFast = func() error { return nil }
	return func() { kvmFast = old }
}

// Human does a monitor's command, and gives its answer.
func Human(m *Machine, line string) string { return monitored{m}.Human(line) }

// IRQChipText is what the monitor tells of the interrupt controllers.
func IRQChipText(m *Machine) string { return m.irqChipText() }
