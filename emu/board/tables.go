package board

import (
	"goemu/bios"
	"goemu/devices/pci"
)

// tablePage is what the sizes of table files are rounded up to: they must not change when the firmware moves a device.
const tablePage = 4 << 10

// TablesConfig says what ACPI, SMBIOS and MP tables have to describe, with devices where the guest has put them.
func (pc *PC) TablesConfig() bios.Config {
	low := pc.LowMemory()
	x := bios.Config{
		Board: pc.chipset.board(),
		CPUs:  pc.cfg.CPUs, LowRAM: low, HighRAM: uint64(len(pc.cfg.RAM)) - low, HPET: !pc.cfg.NoHPET, FwCfg: true,
		SMBIOS: pc.cfg.SMBIOS, ACPI: pc.cfg.ACPI,
	}
	x.FDC, x.LPT, x.Pvpanic = true, pc.Parallel != nil, pc.pvpanicPort
	pc.chipset.tables(&x)
	x.PCIHigh = pc.highBARs()
	x.NoVGA = true
	pc.PCI.Slots(func(_, _ uint8, f *pci.Function) {
		if f.Config16(pci.ClassCode+1) == classVGA {
			x.NoVGA = false
		}
	})
	return x
}

// classVGA is base class and sub-class of a VGA.
const classVGA = 0x0300

// highBARs is the range of the BARs that the guest has put above 4 GiB, in whole GiB.
func (pc *PC) highBARs() bios.Window {
	const unit = 1 << 30
	w := bios.Window{Base: ^uint64(0)}
	pc.PCI.Slots(func(_, _ uint8, f *pci.Function) {
		f.MemoryBARs(func(base, size uint64) {
			if base >= HighMemory {
				w.Base, w.End = min(w.Base, base&^(unit-1)), max(w.End, (base+size+unit-1)&^(unit-1))
			}
		})
	})
	if w.End == 0 {
		return bios.Window{}
	}
	return w
}

// addTables gives firmware that brings no tables those of the machine. They are made when it reads them, as it has moved devices before.
func (pc *PC) addTables() error {
	c := pc.TablesConfig()
	largest := c
	largest.PCIHigh = bios.Window{Base: HighMemory, End: 2 * HighMemory}
	first := bios.NewLoader(largest)
	for _, f := range []struct {
		name string
		size int
		part func(*bios.Loader) []byte
	}{
		{bios.FileTableLoader, len(first.Script), func(l *bios.Loader) []byte { return l.Script }},
		{bios.FileTables, (len(first.Tables) + tablePage) &^ (tablePage - 1), func(l *bios.Loader) []byte { return l.Tables }},
		{bios.FileRSDP, len(first.RSDP), func(l *bios.Loader) []byte { return l.RSDP }},
	} {
		err := pc.FwCfg.AddMade(f.name, f.size, func(p []byte) { clear(p[copy(p, f.part(bios.NewLoader(pc.TablesConfig()))):]) })
		if err != nil {
			return err
		}
	}
	tables, anchor := bios.SMBIOSFiles(c)
	for _, f := range []struct {
		name string
		data []byte
	}{{bios.FileSMBIOSTables, tables}, {bios.FileSMBIOSAnchor, anchor}, {bios.FileE820, bios.E820File(c.LowRAM, c.HighRAM)},
		{bios.FileSystemStates, pc.chipset.board().SystemStates()}} {
		if err := pc.FwCfg.AddFile(f.name, f.data); err != nil {
			return err
		}
	}
	return nil
}
