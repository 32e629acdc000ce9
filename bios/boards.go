package bios

// Board is what firmware has to know of a board: where its chip set differs from others.
type Board struct {
	Name string // as SMBIOS has it

	// MMConfig is where configuration space is mapped in memory, with 1 MiB for each of Buses buses; 0: nowhere.
	MMConfig uint64
	Buses    int

	// Route gives the PIRQ (0: A) for an INTx pin (0: A) of a slot; LinkIRQ is the ISA interrupt to which firmware routes each PIRQ.
	Route   func(slot uint8, pin int) int
	LinkIRQ []uint8

	ACPIEnable, ACPIDisable byte // what switches ACPI mode, at port smiCommand

	LowMax uint64 // RAM below 4 GiB ends here or below; what follows is PCI's, but for MMConfig
}

// Boards.
var (
	// PC is a board with i440FX, PIIX3 and the power management of the PIIX4.
	PC = &Board{
		Name:    "Standard PC (i440FX + PIIX, 1996)",
		Route:   func(slot uint8, pin int) int { return (int(slot) + pin + 3) & 3 },
		LinkIRQ: []uint8{10, 10, 11, 11},

		ACPIEnable: 0xf1, ACPIDisable: 0xf0,
		LowMax: 0xc000_0000,
	}
	// Q35 is a board with the MCH of the Q35 chip set and ICH9. Slots below 25 share PIRQE to PIRQH; those of the ICH9 have PIRQA to
	// PIRQD, unless its registers say otherwise.
	Q35 = &Board{
		Name:     "Standard PC (Q35 + ICH9, 2009)",
		MMConfig: 0xb000_0000,
		Buses:    256,
		Route: func(slot uint8, pin int) int {
			if slot < 25 {
				return 4 + (int(slot)+pin)&3
			}
			return pin
		},
		LinkIRQ: []uint8{10, 10, 11, 11, 10, 10, 11, 11},

		ACPIEnable: 0x02, ACPIDisable: 0x03,
		LowMax: 0x8000_0000,
	}
)

// smiCommand is the port by which ACPI mode is switched on and off (APM_CNT of both chip sets).
const smiCommand = 0xb2

// Ends of what PCI has for memory: the I/O APIC follows; above RAM there is a window for 64-bit BARs.
const (
	pciMemoryEnd = IOAPICBase
	highAlign    = 1 << 30
	highSize     = 32 << 30
)

// window is a range of addresses without its last.
type window struct{ base, end uint64 }

// pciMemory is what of the first 4 GiB the host bridge passes on to PCI, in ascending order. Firmware uses the last range.
func (c *Config) pciMemory() []window {
	first := window{max(c.LowRAM, AreaEnd), pciMemoryEnd}
	at := c.board().MMConfig
	if at == 0 {
		return []window{first}
	}
	return []window{{first.base, at}, {at + uint64(c.board().Buses)<<20, pciMemoryEnd}}
}

// pciHigh is the window above 4 GiB.
func (c *Config) pciHigh() window {
	base := (1<<32 + c.HighRAM + highAlign - 1) &^ (highAlign - 1)
	return window{base, base + highSize}
}

func (c *Config) board() *Board {
	if c.Board == nil {
		return PC
	}
	return c.Board
}
