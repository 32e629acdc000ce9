package bios

import "slices"

// Types of an address range (ACPI 6.3, 15).
const (
	E820RAM      = 1
	E820Reserved = 2
	E820ACPI     = 3
	E820NVS      = 4
)

// E820Entry is one range of the memory map that firmware gives to an operating system.
type E820Entry struct {
	Addr, Size uint64
	Type       uint32
}

// Ends of conventional memory: the EBDA begins at 639 KiB, video memory at 640 KiB.
const (
	ebda      = 0x9fc00
	videoHole = 0xa0000
)

// E820 is the memory map of the machine with what PCI has below 4 GiB that is no window: configuration space.
func (c *Config) E820() []E820Entry {
	m := E820(c.LowRAM, c.HighRAM)
	w := c.MMConfig
	if w.Size() == 0 {
		return m
	}
	i := slices.IndexFunc(m, func(e E820Entry) bool { return e.Addr > w.Base })
	if i < 0 {
		i = len(m)
	}
	return slices.Insert(m, i, E820Entry{w.Base, w.Size(), E820Reserved})
}

// E820 is the memory map of a machine with low bytes of RAM below the PCI hole
// and high bytes from 4 GiB on: conventional memory, the area of the tables
// and of ROM as reserved, the rest as RAM.
func E820(low, high uint64) []E820Entry {
	const flash = 0xfffc0000
	m := []E820Entry{
		{0, min(low, ebda), E820RAM},
		{ebda, videoHole - ebda, E820Reserved},
		{Area, AreaEnd - Area, E820Reserved},
	}
	if low > AreaEnd {
		m = append(m, E820Entry{AreaEnd, low - AreaEnd, E820RAM})
	}
	m = append(m,
		E820Entry{IOAPICBase, 0x1000, E820Reserved},
		E820Entry{LocalAPICBase, 0x1000, E820Reserved},
		E820Entry{flash, 1<<32 - flash, E820Reserved})
	if high > 0 {
		m = append(m, E820Entry{1 << 32, high, E820RAM})
	}
	return m
}
