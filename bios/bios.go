// Package bios is the firmware of a PC.
//
// Firmware is the built-in one, compatible with SeaBIOS: services in Go, entered from stubs in a small ROM (rom/). A stub
// writes to TrapPort; the machine then calls Firmware.Trap with the processor between that instruction and the next (CPU, Call).
// Each service stands in a file of its own and is named in services.go.
//
// Build makes what firmware leaves in memory for an operating system: ACPI tables (ACPI 6.3; FADT of revision 3), the
// MultiProcessor table (MP specification 1.4), SMBIOS structures (2.8) and the e820 memory map. The tables describe the i440FX
// and PIIX3 board with the PIIX4's power management.
package bios

import (
	"encoding/binary"
	"fmt"

	"goemu/devices"
)

// Fixed addresses of the board that the tables tell of.
const (
	LocalAPICBase = 0xfee00000
	IOAPICBase    = 0xfec00000
	HPETBase      = 0xfed00000
	PMBase        = 0x600 // power-management ports, where the firmware has not put them elsewhere
	SCI           = 9     // its interrupt
	ResetPort     = 0xcf9
	ResetValue    = 6 // hard reset (PIIX3 RC register)

	// Area is where Build lays the tables: up to AreaEnd, both physical.
	Area    = 0xe0000
	AreaEnd = 0x100000
)

// Config says what the tables have to describe.
type Config struct {
	Board   *Board // nil: PC
	CPUs    int    // logical processors, with APIC ids 0 to CPUs-1
	LowRAM  uint64 // bytes of RAM from address 0 on, below the PCI hole
	HighRAM uint64 // bytes of RAM from 4 GiB on
	HPET    bool   // there is an HPET
	FDC     bool   // there is a floppy controller
	LPT     bool   // there is a parallel port
	Pvpanic uint16 // port of a pvpanic; 0: there is none
	FwCfg   bool   // there is a fw_cfg interface at ports 0x510-0x51b
	PMBase  uint16 // power-management ports; 0: PMBase
	NoVGA   bool   // there is no display adapter

	SMBIOS SMBIOS   // what the user says of the machine
	ACPI   [][]byte // tables of the user's, whole

	MMConfig Window // where configuration space is in memory; empty: nowhere
	PCIHigh  Window // PCI's addresses above 4 GiB; empty: none
}

func (c *Config) pmBase() uint16 {
	if c.PMBase == 0 {
		return PMBase
	}
	return c.PMBase
}

// Table is one structure in guest memory.
type Table struct {
	Name string // ACPI signature, "RSDP", "MP", "SMBIOS" ...
	Addr uint64 // physical
	Data []byte
}

// Tables are all structures, with the addresses of those that others start from.
type Tables struct {
	All    []Table
	RSDP   uint64
	MP     uint64 // MP floating pointer structure
	SMBIOS uint64 // entry point structure
}

// Build makes all tables for a machine, laid out between Area and AreaEnd.
func Build(c Config) (*Tables, error) {
	if c.CPUs < 1 || c.CPUs > 255 {
		return nil, fmt.Errorf("tables for %d processors: xAPIC ids allow 1 to 255", c.CPUs)
	}
	t := new(Tables)
	l := &layout{tables: t, next: Area}
	rsdt := l.acpi(c)
	l.next = max(l.next, 0xf0000) // MP and SMBIOS are looked for only in the last 64 KiB
	t.RSDP = l.put("RSDP", rsdp(rsdt.rsdt, rsdt.xsdt))
	mp := mpTable(c)
	addr := l.put("MP table", mp)
	t.MP = l.put("MP", mpFloating(addr))
	sm, count, longest := smbiosTable(c)
	addr = l.put("SMBIOS table", sm)
	t.SMBIOS = l.put("SMBIOS", smbiosEntry(addr, len(sm), count, longest))
	l.put("SMBIOS3", smbiosEntry3(addr, len(sm)))
	l.put("$PIR", pirTable(c))
	if l.next > AreaEnd {
		return nil, fmt.Errorf("tables for %d processors end at %#x, past %#x", c.CPUs, l.next, AreaEnd)
	}
	return t, nil
}

// Write puts the tables into guest memory.
func (t *Tables) Write(m devices.Memory) error {
	for _, x := range t.All {
		if err := m.WritePhys(x.Addr, x.Data); err != nil {
			return fmt.Errorf("write table %s at %#x: %w", x.Name, x.Addr, err)
		}
	}
	return nil
}

// Find returns the first table of that name.
func (t *Tables) Find(name string) (Table, bool) {
	for _, x := range t.All {
		if x.Name == name {
			return x, true
		}
	}
	return Table{}, false
}

// layout hands out addresses, 64-byte aligned: enough for the FACS, and for what is found by scanning at 16-byte steps.
type layout struct {
	tables *Tables
	next   uint64
}

func (l *layout) put(name string, data []byte) uint64 {
	a := l.next
	l.tables.All = append(l.tables.All, Table{name, a, data})
	l.next = (a + uint64(len(data)) + 63) &^ 63
	return a
}

// fix sets p[at] so that the bytes of p sum up to 0.
func fix(p []byte, at int) {
	p[at] = 0
	var sum byte
	for _, b := range p {
		sum += b
	}
	p[at] = -sum
}

var (
	le = binary.LittleEndian
	be = binary.BigEndian
)
