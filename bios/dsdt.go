package bios

import (
	"fmt"

	. "goemu/bios/aml" //lint:ignore ST1001 a table in AML reads as its source only without a prefix on every word
)

// dsdt is the body of the Differentiated System Description Table: processors, the host
// bridge with its windows and interrupt routing, the ISA devices, and the
// sleeping states.
func dsdt(c Config) []byte {
	var cpus Code
	for i := range c.CPUs {
		cpus = append(cpus, Device(fmt.Sprintf("C%03X", i),
			Name("_HID", String("ACPI0007")),
			Name("_UID", Integer(uint64(i))))...)
	}
	b := c.board()
	var body Code
	for _, part := range []Code{
		Name(`\PICM`, Integer(0)),
		Method(`\_PIC`, 1, false, Store(Arg(0), Path(`\PICM`))),
		Scope(`\_SB`, cpus, hostBridge(c), pciLinks(b), motherboard(c)),
		sleepState(3, b.s3), sleepState(4, b.s4), sleepState(5, b.s5),
	} {
		body = append(body, part...)
	}
	return body
}

// sleepState is what to write to PM1 control for a sleeping state.
func sleepState(n int, typ byte) Code {
	t := Integer(uint64(typ))
	return Name(fmt.Sprintf(`\_S%d`, n), Package(t, t, Integer(0), Integer(0)))
}

// hostBridge is the PCI bus: on boards with configuration space in memory a PCI Express one.
func hostBridge(c Config) Code {
	hid := []Code{Name("_HID", EISAID("PNP0A03"))}
	if c.board().MMConfig.Size() > 0 {
		hid = []Code{Name("_HID", EISAID("PNP0A08")), Name("_CID", EISAID("PNP0A03"))}
	}
	return Device("PCI0", append(hid,
		Name("_UID", Integer(0)),
		Name("_CRS", hostWindows(c)),
		pciRouting(c.board()),
		isaBridge(c))...)
}

// hostWindows is what the host bridge passes to the PCI bus.
func hostWindows(c Config) Code {
	r := []Resource{
		BusWindow(0, uint16(c.buses()-1)),
		IO(0xcf8, 8), // configuration mechanism 1: the bridge's own
		IOWindow(0, 0xcf7),
		IOWindow(0xd00, 0xffff),
		MemoryWindow(0xa0000, 0xbffff, true),
	}
	for _, w := range c.pciMemory() {
		if w.Size() > 0 {
			r = append(r, MemoryWindow(uint32(w.Base), uint32(w.End-1), false))
		}
	}
	if w := c.PCIHigh; w.Size() > 0 {
		r = append(r, MemoryWindow64(w.Base, w.End-1))
	}
	return ResourceTemplate(r...)
}

// pciRouting is the _PRT: which link a pin of a slot is wired to. With interrupt lines of their own in APIC mode there is a second table.
func pciRouting(b *Board) Code {
	table := func(target func(slot uint8, pin int) (source, index Code)) Code {
		var entries []Code
		for slot := range uint8(32) {
			for pin := range 4 {
				source, index := target(slot, pin)
				entries = append(entries, Package(Integer(uint64(slot)<<16|0xffff), Integer(uint64(pin)), source, index))
			}
		}
		return Package(entries...)
	}
	links := table(func(slot uint8, pin int) (Code, Code) {
		link := linkName(b.Route(slot, pin))
		if b == PC && slot == b.bridge && pin == 0 {
			link = "LNKS" // power management uses its pin A as the SCI
		}
		return Path(`\_SB.` + link), Integer(0)
	})
	if b.GSI == 0 {
		return Name("_PRT", links)
	}
	pins := table(func(slot uint8, pin int) (Code, Code) {
		return Integer(0), Integer(uint64(b.GSI) + uint64(b.Route(slot, pin)))
	})
	var all Code
	for _, part := range []Code{
		Name("PRTP", links),
		Name("PRTA", pins),
		Method("_PRT", 0, false,
			If(Path(`\PICM`), Return(Path("PRTA"))),
			Return(Path("PRTP"))),
	} {
		all = append(all, part...)
	}
	return all
}

func linkName(pirq int) string { return fmt.Sprintf("LNK%c", 'A'+pirq) }

// pciLinks are the PIRQ lines, each routed by a register of the ISA or LPC bridge (bit 7 set: off), and, where power management has an interrupt
// pin, the SCI as a link that cannot be moved.
func pciLinks(b *Board) Code {
	var all Code
	for i := range b.LinkIRQ {
		reg := Path(fmt.Sprintf(`\_SB.PCI0.ISA.PRQ%d`, i))
		all = append(all, Device(linkName(i),
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
	if b != PC {
		return all
	}
	sci := ResourceTemplate(Interrupt(SCI))
	return append(all, Device("LNKS",
		Name("_HID", EISAID("PNP0C0F")),
		Name("_UID", Integer(uint64(len(b.LinkIRQ)))),
		Name("_PRS", sci),
		Method("_STA", 0, false, Return(Integer(0xb))),
		Method("_DIS", 0, false),
		Method("_CRS", 0, false, Return(Path("_PRS"))),
		Method("_SRS", 1, false),
	)...)
}

// isaBridge is the ISA or LPC bridge with the devices behind it.
func isaBridge(c Config) Code {
	device := func(name, hid string, uid int, rs ...Resource) Code {
		return Device(name,
			Name("_HID", EISAID(hid)),
			Name("_UID", Integer(uint64(uid))),
			Name("_STA", Integer(0xf)),
			Name("_CRS", ResourceTemplate(rs...)))
	}
	b := c.board()
	var routes Code
	for i, first := range pirqRegisters[b.bridgeID] {
		var units []FieldUnit
		for n := range 4 {
			units = append(units, FieldUnit{Name: fmt.Sprintf("PRQ%d", 4*i+n), Bits: 8})
		}
		region := fmt.Sprintf("PIR%d", i)
		routes = append(routes, OpRegion(region, PCIConfig, uint64(first), 4)...)
		routes = append(routes, ByteField(region, units...)...)
	}
	var more Code
	if c.FDC {
		more = append(more, device("FDC0", "PNP0700", 0, IO(0x3f2, 4), IO(0x3f7, 1), IRQ(6), DMA(2))...)
	}
	if c.LPT {
		more = append(more, device("LPT1", "PNP0400", 1, IO(0x378, 3), IRQ(7))...)
	}
	return Device("ISA",
		Name("_ADR", Integer(uint64(b.bridge)<<16)),
		routes,
		more,
		device("RTC", "PNP0B00", 0, IO(0x70, 2), IRQ(8)),
		device("KBD", "PNP0303", 0, IO(0x60, 1), IO(0x64, 1), IRQ(1)),
		device("MOU", "PNP0F13", 0, IRQ(12)),
		device("COM1", "PNP0501", 1, IO(0x3f8, 8), IRQ(4)),
		device("COM2", "PNP0501", 2, IO(0x2f8, 8), IRQ(3)),
	)
}

// motherboard is what sits on no bus that could be asked: power management ports, HPET, fw_cfg, pvpanic.
func motherboard(c Config) Code {
	own := []Resource{IO(c.pmBase(), c.board().pmSize)}
	if m := c.MMConfig; m.Size() > 0 && m.End <= 1<<32 {
		own = append(own, Memory32Fixed(uint32(m.Base), uint32(m.Size()), true))
	}
	if c.board() == Q35 {
		own = append(own, Memory32Fixed(RCBABase, rcbaSize, true))
	}
	all := Device("MRES",
		Name("_HID", EISAID("PNP0C02")),
		Name("_UID", Integer(0)),
		Name("_CRS", ResourceTemplate(own...)))
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
	if c.Pvpanic != 0 {
		all = append(all, Device("PEVT",
			Name("_HID", String("QEMU0001")),
			Name("_STA", Integer(0xb)),
			Name("_CRS", ResourceTemplate(IO(c.Pvpanic, 1))))...)
	}
	return all
}
