package bios

// Device and vendor IDs, as one doubleword.
const (
	idPIIX3    = 0x7000_8086
	idPIIX3IDE = 0x7010_8086
	idPIIX4PM  = 0x7113_8086
	idMCH      = 0x29c0_8086
	idICH9LPC  = 0x2918_8086
	idICH9SMB  = 0x2930_8086
)

// Where firmware puts the chip set's own ports and memory.
const (
	SMBusBase = 0x700
	RCBABase  = 0xfed1c000
	rcbaSize  = 0x4000
)

// chipSetup is what firmware writes to the registers of the chip set's functions.
var chipSetup = []struct {
	id    uint32
	reg   uint8
	size  int
	value uint32
}{
	{idPIIX3IDE, 0x40, 4, 0x80008000}, // IDETIM: both channels answer at their legacy ports
	{idPIIX4PM, 0x40, 4, PMBase | 1},
	{idPIIX4PM, regLine, 1, SCI},
	{idPIIX4PM, 0x80, 1, 1}, // PMREGMISC: PMBASE counts
	{idPIIX4PM, 0x90, 4, SMBusBase | 1},
	{idPIIX4PM, 0xd2, 1, 9}, // SMBHSTCFG: on, interrupt 9
	{idMCH, 0x60, 4, 0},     // PCIEXBAR
	{idMCH, 0x64, 4, 0},
	{idMCH, 0x60, 4, 0xb000_0000 | 1}, // Q35.MMConfig
	{idICH9LPC, 0x40, 4, PMBase | 1},
	{idICH9LPC, 0x44, 1, 0x80}, // ACPI_CNTL: PMBASE counts, SCI is interrupt 9
	{idICH9LPC, 0xf0, 4, RCBABase | 1},
	{idICH9SMB, 0x20, 4, SMBusBase | 1},
	{idICH9SMB, 0x40, 1, 1}, // HOSTC: on
}

// pirqRegisters are where the ISA bridges route PIRQs; four registers each.
var pirqRegisters = map[uint32][]uint8{idPIIX3: {0x60}, idICH9LPC: {0x60, 0x68}}

// chip sets up a function of the chip set.
func (s *pciSetup) chip(a PCIAddress) {
	id := s.Read(a, regID, 4)
	for _, w := range chipSetup {
		if w.id == id {
			s.Write(a, w.reg, w.size, w.value)
		}
	}
	for i, first := range pirqRegisters[id] {
		for n := range uint8(4) {
			s.Write(a, first+n, 1, uint32(s.c.board().LinkIRQ[4*i+int(n)]))
		}
	}
}
