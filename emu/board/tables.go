package board

import (
	"goemu/bios"
)

// tablePage is what the sizes of table files are rounded up to: they must not change when the firmware moves a device.
const tablePage = 4 << 10

// TablesConfig says what ACPI, SMBIOS and MP tables have to describe, with devices where the guest has put them.
func (pc *PC) TablesConfig() bios.Config {
	low := pc.LowMemory()
	return bios.Config{
		Board: pc.chipset.board(),
		CPUs:  pc.cfg.CPUs, LowRAM: low, HighRAM: uint64(len(pc.cfg.RAM)) - low, HPET: !pc.cfg.NoHPET, FwCfg: true,
		PMBase: pc.chipset.pmBase(),
	}
}

// addTables gives firmware that brings no tables those of the machine. They are made when it reads them, as it has moved devices before.
func (pc *PC) addTables() error {
	c := pc.TablesConfig()
	first := bios.NewLoader(c)
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
	}{{bios.FileSMBIOSTables, tables}, {bios.FileSMBIOSAnchor, anchor}, {bios.FileE820, bios.E820File(c.LowRAM, c.HighRAM)}} {
		if err := pc.FwCfg.AddFile(f.name, f.data); err != nil {
			return err
		}
	}
	return nil
}
