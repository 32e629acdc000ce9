package bios

// Board is what firmware has to know of a board: where its chip set differs from others.
type Board struct {
	Name string // as SMBIOS has it

	// MMConfig is where SetupPCI maps configuration space in memory; 0: it cannot be mapped.
	MMConfig Window

	// Route gives the PIRQ (0: A) for an INTx pin (0: A) of a slot; LinkIRQ is the ISA interrupt to which firmware routes each PIRQ.
	Route   func(slot uint8, pin int) int
	LinkIRQ []uint8
	// GSI is the pin of the I/O APIC that PIRQA has in APIC mode, with the others behind it; 0: PIRQs go where they go without it.
	GSI uint32

	bridge     uint8 // slot of the ISA or LPC bridge, and its IDs
	bridgeID   uint32
	pmSize     byte // bytes of ports for power management
	gpe, gpes  byte // where in them general-purpose events are, and their bytes
	s3, s4, s5 byte // SLP_TYP

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

		bridge: 1, bridgeID: idPIIX3, pmSize: 0x40, gpe: 0x0c, gpes: 4, s3: 1, s4: 2, s5: 0,
		ACPIEnable: 0xf1, ACPIDisable: 0xf0,
		LowMax: 0xc000_0000,
	}
	// Q35 is a board with the MCH of the Q35 chip set and ICH9. Slots below 25 share PIRQE to PIRQH; those of the ICH9 have PIRQA to
	// PIRQD, unless its registers say otherwise.
	Q35 = &Board{
		Name:     "Standard PC (Q35 + ICH9, 2009)",
		MMConfig: Window{0xb000_0000, 0xc000_0000},
		Route: func(slot uint8, pin int) int {
			if slot < 25 {
				return 4 + (int(slot)+pin)&3
			}
			return pin
		},
		LinkIRQ: []uint8{10, 10, 11, 11, 10, 10, 11, 11},

		GSI:    16,
		bridge: 31, bridgeID: idICH9LPC, pmSize: 0x80, gpe: 0x20, gpes: 16, s3: 5, s4: 6, s5: 7,
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

// Window is a range of addresses from Base on, which ends before End.
type Window struct{ Base, End uint64 }

// Size is its length.
func (w Window) Size() uint64 { return w.End - w.Base }

// pciMemory is what of the first 4 GiB the host bridge passes on to PCI, in ascending order. Firmware uses the last range.
func (c *Config) pciMemory() []Window {
	base, m := max(c.LowRAM, AreaEnd), c.MMConfig
	if m.Base < base || m.End > pciMemoryEnd || m.Size() == 0 {
		return []Window{{base, pciMemoryEnd}}
	}
	return []Window{{base, m.Base}, {m.End, pciMemoryEnd}}
}

// buses is how many buses configuration cycles can name.
func (c *Config) buses() int {
	if n := c.MMConfig.Size() >> 20; n > 0 {
		return int(n)
	}
	return 256
}

// pciHigh is where firmware puts BARs above 4 GiB.
func (c *Config) pciHigh() Window {
	base := (1<<32 + c.HighRAM + highAlign - 1) &^ (highAlign - 1)
	return Window{base, base + highSize}
}

func (c *Config) board() *Board {
	if c.Board == nil {
		return PC
	}
	return c.Board
}
