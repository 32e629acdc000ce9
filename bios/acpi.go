package bios

// ACPI tables other than the DSDT. Section numbers are of ACPI 6.3.

const (
	oemID      = "GOEMU "
	oemTableID = "GOEMUPC "
	creatorID  = "GOEM"
)

// header wraps a table's body with the header of 5.2.6 and sets its checksum.
func header(signature string, revision byte, body []byte) []byte {
	p := make([]byte, 0, 36+len(body))
	p = append(p, signature...)
	p = le.AppendUint32(p, uint32(36+len(body)))
	p = append(p, revision, 0)
	p = append(p, oemID+oemTableID...)
	p = le.AppendUint32(p, 1)
	p = append(p, creatorID...)
	p = le.AppendUint32(p, 1)
	p = append(p, body...)
	fix(p, 9)
	return p
}

type roots struct{ rsdt, xsdt uint64 }

// acpi lays all tables down and returns the addresses of the two root tables.
func (l *layout) acpi(c Config) roots {
	facsAt := l.put("FACS", facs())
	dsdtAt := l.put("DSDT", header("DSDT", 2, dsdt(c)))
	list := []uint64{
		l.put("FACP", fadt(c, uint32(facsAt), uint32(dsdtAt))),
		l.put("APIC", madt(c)),
	}
	if c.HPET {
		list = append(list, l.put("HPET", hpet()))
	}
	list = append(list, l.put("WAET", waet()))
	if c.MMConfig.Size() > 0 {
		list = append(list, l.put("MCFG", mcfg(c)))
	}

	for _, t := range c.ACPI {
		list = append(list, l.put(string(t[:4]), t))
	}

	var r32, r64 []byte
	for _, a := range list {
		r32 = le.AppendUint32(r32, uint32(a))
		r64 = le.AppendUint64(r64, a)
	}
	return roots{
		rsdt: l.put("RSDT", header("RSDT", 1, r32)),
		xsdt: l.put("XSDT", header("XSDT", 1, r64)),
	}
}

// rsdp is the Root System Description Pointer of revision 2 (5.2.5.3).
func rsdp(rsdt, xsdt uint64) []byte {
	p := append([]byte("RSD PTR \x00"+oemID), 2)
	p = le.AppendUint32(p, uint32(rsdt))
	p = le.AppendUint32(p, 36)
	p = le.AppendUint64(p, xsdt)
	p = append(p, 0, 0, 0, 0)
	fix(p[:20], 8) // ACPI 1.0 summed only this much
	fix(p, 32)
	return p
}

// facs is the Firmware ACPI Control Structure (5.2.10). It has no checksum.
func facs() []byte {
	p := make([]byte, 64)
	copy(p, "FACS")
	le.PutUint32(p[4:], 64)
	p[32] = 1 // version
	return p
}

// Generic address structure (5.2.3.2).
func gas(p []byte, space, bits, access byte, addr uint64) {
	p[0], p[1], p[3] = space, bits, access
	le.PutUint64(p[4:], addr)
}

// Flags of the FADT (5.2.9).
const (
	fadtWBINVD        = 1 << 0
	fadtProcC1        = 1 << 2
	fadtSleepButton   = 1 << 5 // no fixed sleep button
	fadtRTCS4         = 1 << 7 // the clock's alarm wakes from S4
	fadtResetRegister = 1 << 10

	bootLegacyDevices = 1 << 0
	boot8042          = 1 << 1
	bootNoVGA         = 1 << 2
)

// fadt is the Fixed ACPI Description Table, revision 3 (244 bytes). Offsets below are of the whole table.
func fadt(c Config, facs, dsdt uint32) []byte {
	p, pm, b := make([]byte, 244), uint32(c.pmBase()), c.board()
	at := func(off int, v uint32) { le.PutUint32(p[off:], v) }
	at(36, facs)
	at(40, dsdt)
	le.PutUint16(p[46:], SCI)
	at(48, smiCommand)
	p[52], p[53] = b.ACPIEnable, b.ACPIDisable
	at(56, pm)               // PM1a event block
	at(64, pm+4)             // PM1a control block
	at(76, pm+8)             // PM timer
	at(80, pm+uint32(b.gpe)) // general-purpose events
	p[88], p[89], p[91], p[92] = 4, 2, 4, b.gpes
	// C2 and C3 slower than 100 and 1000 us are not offered.
	le.PutUint16(p[96:], 0xfff)
	le.PutUint16(p[98:], 0xfff)
	p[108] = 0x32 // CMOS byte with the century
	flags := uint16(bootLegacyDevices | boot8042)
	if c.NoVGA {
		flags |= bootNoVGA
	}
	le.PutUint16(p[109:], flags)
	at(112, fadtWBINVD|fadtProcC1|fadtSleepButton|fadtRTCS4|fadtResetRegister)
	const systemIO, byteAccess, wordAccess, dwordAccess = 1, 1, 2, 3
	gas(p[116:], systemIO, 8, byteAccess, ResetPort)
	p[128] = ResetValue
	le.PutUint64(p[132:], uint64(facs))
	le.PutUint64(p[140:], uint64(dsdt))
	gas(p[148:], systemIO, 32, wordAccess, uint64(pm))
	gas(p[172:], systemIO, 16, wordAccess, uint64(pm)+4)
	gas(p[208:], systemIO, 32, dwordAccess, uint64(pm)+8)
	gas(p[220:], systemIO, 8*b.gpes, byteAccess, uint64(pm)+uint64(b.gpe))
	return header("FACP", 3, p[36:])
}

// Interrupt flags of the MADT (5.2.12.5), also used by the MP table.
const (
	intActiveHigh = 1
	intLevel      = 3 << 2
)

// pciIRQs are the ISA interrupts that PCI links may be routed to.
var pciIRQs = []uint32{5, 10, 11}

// levelIRQs are the ISA interrupts that are level-triggered: the PCI links' and the SCI.
var levelIRQs = []byte{5, SCI, 10, 11}

// madt is the Multiple APIC Description Table (5.2.12).
func madt(c Config) []byte {
	var p []byte
	p = le.AppendUint32(p, LocalAPICBase)
	p = le.AppendUint32(p, 1) // a dual 8259 is there too
	for i := range c.CPUs {
		p = append(p, 0, 8, byte(i), byte(i), 1, 0, 0, 0)
	}
	ioapic := ioapicID(c)
	p = append(p, 1, 12, ioapic, 0)
	p = le.AppendUint32(p, IOAPICBase)
	p = le.AppendUint32(p, 0) // first GSI
	override := func(irq byte, gsi uint32, flags uint16) {
		p = append(p, 2, 10, 0, irq)
		p = le.AppendUint32(p, gsi)
		p = le.AppendUint16(p, flags)
	}
	override(0, 2, 0) // the PIT sits on the I/O APIC's pin 2
	for _, irq := range levelIRQs {
		override(irq, uint32(irq), intActiveHigh|intLevel)
	}
	p = append(p, 4, 6, 0xff, 0, 0, 1) // NMI: LINT1 of every local APIC
	return header("APIC", 1, p)
}

// ioapicID is what the firmware gives the I/O APIC.
func ioapicID(c Config) byte { return IOAPICID(c.CPUs) }

// IOAPICID is the ID of the I/O APIC, which has 4 bits: the first that no local APIC has, and 0 where they have them all.
// Only systems with an APIC bus want it unique.
func IOAPICID(cpus int) byte {
	if cpus > 15 {
		return 0
	}
	return byte(cpus)
}

// hpet is the HPET description table (IA-PC HPET specification 1.0a, 3.2.4).
func hpet() []byte {
	const blockID = 0x8086a201 // Intel, 64 bits, 3 comparators, legacy routing, revision 1
	p := le.AppendUint32(nil, blockID)
	g := make([]byte, 12)
	gas(g, 0, 0, 0, HPETBase)
	p = append(p, g...)
	p = append(p, 0, 0, 0, 0) // number 0, no minimum tick, no page protection
	return header("HPET", 1, p)
}

// mcfg tells where configuration space is in memory (PCI Firmware Specification 3.0, 4.1.2).
func mcfg(c Config) []byte {
	p := make([]byte, 8, 24)
	p = le.AppendUint64(p, c.MMConfig.Base)
	p = append(p, 0, 0, 0, byte(c.buses()-1)) // segment 0, first bus, last bus
	return header("MCFG", 1, append(p, 0, 0, 0, 0))
}

// waet is the Windows ACPI Emulated Devices Table: reading the PM timer once is enough.
func waet() []byte {
	const pmTimerGood = 1 << 1
	return header("WAET", 1, le.AppendUint32(nil, pmTimerGood))
}
