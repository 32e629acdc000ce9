package board

import (
	"goemu/bios"
	"goemu/devices/acpipm"
	"goemu/devices/pci"
)

// Machine is a kind of board.
type Machine int

// Boards.
const (
	I440FX Machine = iota // i440FX, PIIX3, power management of the PIIX4
	Q35                   // Q35, ICH9
)

// registers are n bytes of configuration space.
type registers struct {
	f     *pci.Function
	first uint8
	n     int
}

// save returns their values.
func (r registers) save() []byte { return append([]byte(nil), r.f.Config[r.first:int(r.first)+r.n]...) }

// load writes them.
func (r registers) load(v []byte) {
	for i, b := range v {
		r.f.WriteConfig(r.first+uint8(i), 1, uint32(b))
	}
}

// chipset is what differs between the boards.
type chipset interface {
	board() *bios.Board
	vgaSlot() uint8         // where the display adapter is
	add(pc *PC) error       // puts its functions on the bus and among the devices to reset
	shadow(area int) uint8  // PAM bits: see shadowArea
	pam() registers         // the PAM registers
	places() []registers    // those that say where memory, configuration space and fixed hardware of ACPI are
	openSMRAM(smm bool)     // opens and closes windows to system management RAM
	hasTSEG() bool          // tells whether the guest has set up TSEG
	pm() *acpipm.PM         // fixed hardware of ACPI
	tables(c *bios.Config)  // says where the guest has put what the tables tell of
	save(s *State)          // fills in its part
	restore(s *State) error // takes it over; an error if there is none
}

func newChipset(m Machine) chipset {
	if m == Q35 {
		return new(q35Chips)
	}
	return new(piixChips)
}

// smi asserts SMI# of the bootstrap processor.
func (pc *PC) smi() {
	if pc.cfg.OnSMI != nil {
		pc.cfg.OnSMI(0)
	}
}

// isaDrivers returns what drives ISA interrupts on behalf of PCI.
func (pc *PC) isaDrivers() func(n int, level bool) {
	var lines [isaInterrupts]*driver
	for n := range lines {
		lines[n] = pc.drive(n)
	}
	return func(n int, level bool) { lines[n].Set(level) }
}
