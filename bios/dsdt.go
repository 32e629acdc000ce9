package bios

import (
	"fmt"

	. "goemu/bios/aml" //lint:ignore ST1001 a table in AML reads as its source only without a prefix on every word
)

// dsdt is the body of the Differentiated System Description Table: processors, the host
// bridge with its windows and interrupt routing, the ISA devices, and the
// soft-off state.
func dsdt(c Config) []byte {
	var cpus Code
	for i := range c.CPUs {
		cpus = append(cpus, Device(fmt.Sprintf("C%03X", i),
			Name("_HID", String("ACPI0007")),
			Name("_UID", Integer(uint64(i))))...)
	}
	bridge := Code{}
	for _, part := range []Code{
		Name("_HID", EISAID("PNP0A03")),
		Name("_UID", Integer(0)),
		Name("_CRS", hostWindows(c)),
		Name("_PRT", pciRouting()),
		isaBridge(c),
	} {
		bridge = append(bridge, part...)
	}
	body := Scope(`\_SB`, cpus, Device("PCI0", bridge), pciLinks(), motherboard(c))
	// SLP_TYP of S5 is 0 in the PIIX4.
	return append(body, Name(`\_S5`, Package(Integer(0), Integer(0), Integer(0), Integer(0)))...)
}

// hostWindows is what the i440FX passes to the PCI bus.
func hostWindows(c Config) Code {
	const holeEnd = 0xfebfffff
	hole := uint32(max(c.LowRAM, AreaEnd))
	return ResourceTemplate(
		BusWindow(0, 255),
		IO(0xcf8, 8), // configuration mechanism 1: the bridge's own
		IOWindow(0, 0xcf7),
		IOWindow(0xd00, 0xffff),
		MemoryWindow(0xa0000, 0xbffff, true),
		MemoryWindow(hole, holeEnd, false),
	)
}

var linkNames = []string{"LNKA", "LNKB", "LNKC", "LNKD"}

// pciRouting is the _PRT: pin p of slot s is wired to link (s-1+p) mod 4. The power management function in slot 1
// uses pin A as the SCI.
func pciRouting() Code {
	var entries []Code
	for slot := range 32 {
		for pin := range 4 {
			link := linkNames[(slot+3+pin)%4]
			if slot == 1 && pin == 0 {
				link = "LNKS"
			}
			entries = append(entries, Package(
				Integer(uint64(slot)<<16|0xffff), Integer(uint64(pin)), Path(`\_SB.`+link), Integer(0)))
		}
	}
	return Package(entries...)
}

// pciLinks are the four PIRQ lines, each routed by a register of the PIIX3 (60h-63h; bit 7 set: off), and
// the SCI as a link that cannot be moved.
func pciLinks() Code {
	var all Code
	for i, name := range linkNames {
		reg := Path(fmt.Sprintf(`\_SB.PCI0.ISA.PRQ%d`, i))
		all = append(all, Device(name,
			Name("_HID", EISAID("PNP0C0F")),
			Name("_UID", Integer(uint64(i))),
			Name("_PRS", ResourceTemplate(Interrupt(pciIRQs...))),
			Name("BUF", ResourceTemplate(Interrupt(0))),
			Method("_STA", 0, false,
				If(And(reg, Integer(0x80), nil), Return(Integer(0x9))),
				Return(Integer(0xb))),
			Method("_DIS", 0, false, Or(reg, Integer(0x80), reg)),
			Method("_CRS", 0, true,
				CreateDWordField(Path("BUF"), InterruptOffset, "IRQN"),
				Store(reg, Local(0)),
				If(Less(Local(0), Integer(0x80)), Store(Local(0), Path("IRQN"))),
				Return(Path("BUF"))),
			Method("_SRS", 1, true,
				CreateDWordField(Arg(0), InterruptOffset, "IRQN"),
				Store(Path("IRQN"), reg)),
		)...)
	}
	sci := ResourceTemplate(Interrupt(SCI))
	return append(all, Device("LNKS",
		Name("_HID", EISAID("PNP0C0F")),
		Name("_UID", Integer(4)),
		Name("_PRS", sci),
		Method("_STA", 0, false, Return(Integer(0xb))),
		Method("_DIS", 0, false),
		Method("_CRS", 0, false, Return(Path("_PRS"))),
		Method("_SRS", 1, false),
	)...)
}

// isaBridge is the PIIX3's function 0 with the devices behind it.
func isaBridge(c Config) Code {
	device := func(name, hid string, uid int, rs ...Resource) Code {
		return Device(name,
			Name("_HID", EISAID(hid)),
			Name("_UID", Integer(uint64(uid))),
			Name("_STA", Integer(0xf)),
			Name("_CRS", ResourceTemplate(rs...)))
	}
	return Device("ISA",
		Name("_ADR", Integer(0x00010000)),
		OpRegion("PIRQ", PCIConfig, 0x60, 4),
		ByteField("PIRQ", FieldUnit{Name: "PRQ0", Bits: 8}, FieldUnit{Name: "PRQ1", Bits: 8},
			FieldUnit{Name: "PRQ2", Bits: 8}, FieldUnit{Name: "PRQ3", Bits: 8}),
		device("RTC", "PNP0B00", 0, IO(0x70, 2), IRQ(8)),
		device("KBD", "PNP0303", 0, IO(0x60, 1), IO(0x64, 1), IRQ(1)),
		device("MOU", "PNP0F13", 0, IRQ(12)),
		device("COM1", "PNP0501", 1, IO(0x3f8, 8), IRQ(4)),
		device("COM2", "PNP0501", 2, IO(0x2f8, 8), IRQ(3)),
	)
}

// motherboard is what sits on no bus that could be asked: power management ports, HPET, fw_cfg.
func motherboard(c Config) Code {
	all := Device("MRES",
		Name("_HID", EISAID("PNP0C02")),
		Name("_UID", Integer(0)),
		Name("_CRS", ResourceTemplate(IO(c.pmBase(), 0x40))))
	if c.HPET {
		all = append(all, Device("HPET",
			Name("_HID", EISAID("PNP0103")),
			Name("_UID", Integer(0)),
			Name("_STA", Integer(0xf)),
			Name("_CRS", ResourceTemplate(Memory32Fixed(HPETBase, 0x400, false))))...)
	}
	if c.FwCfg {
		all = append(all, Device("FWCF",
			Name("_HID", String("QEMU0002")),
			Name("_STA", Integer(0xb)),
			Name("_CRS", ResourceTemplate(IO(0x510, 12))))...)
	}
	return all
}
