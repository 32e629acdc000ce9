package bios

// MultiProcessor tables (MP specification 1.4, chapter 4), for systems without ACPI.

// Interrupt types of an assignment entry (4.3.4).
const (
	mpINT    = 0
	mpNMI    = 1
	mpExtINT = 3
)

const (
	mpBusPCI = 0
	mpBusISA = 1
)

// mpFloating is the MP floating pointer structure (4.1).
func mpFloating(table uint64) []byte {
	p := le.AppendUint32([]byte("_MP_"), uint32(table))
	p = append(p, 1, 4, 0, 0, 0, 0, 0, 0) // 16 bytes, version 1.4, no default configuration, virtual wire mode
	fix(p, 10)
	return p
}

// mpTable is the MP configuration table (4.2).
func mpTable(c Config) []byte {
	p := make([]byte, 44)
	copy(p, "PCMP")
	p[6] = 4
	copy(p[8:], "GOEMU   PC          ")
	le.PutUint32(p[36:], LocalAPICBase)
	entries := 0
	add := func(b ...byte) {
		p = append(p, b...)
		entries++
	}
	const family6WithAPIC, features = 0x600, 0x201 // features: FPU and APIC
	for i := range c.CPUs {
		flags := byte(1) // enabled
		if i == 0 {
			flags |= 2 // bootstrap processor
		}
		e := append([]byte{0, byte(i), 0x14, flags}, 0, 0, 0, 0)
		le.PutUint32(e[4:], family6WithAPIC)
		e = le.AppendUint32(e, features)
		add(append(e, 0, 0, 0, 0, 0, 0, 0, 0)...)
	}
	add(append([]byte{1, mpBusPCI}, "PCI   "...)...)
	add(append([]byte{1, mpBusISA}, "ISA   "...)...)
	id := ioapicID(c)
	add(le.AppendUint32([]byte{2, id, 0x11, 1}, IOAPICBase)...)
	for irq := range byte(16) {
		pin, flags := irq, byte(0)
		switch irq {
		case 0:
			pin = 2
		case 2:
			continue // the cascade of the two 8259s
		case 5, SCI, 10, 11:
			flags = intActiveHigh | intLevel
		}
		add(3, mpINT, flags, 0, mpBusISA, irq, id, pin)
	}
	b := c.board()
	for slot := range uint8(32) {
		for intx := range 4 {
			link := b.Route(slot, intx)
			pin := b.LinkIRQ[link]
			if b.GSI != 0 {
				pin = uint8(b.GSI) + uint8(link)
			}
			add(3, mpINT, 0, 0, mpBusPCI, slot<<2|uint8(intx), id, pin)
		}
	}
	const everyLAPIC = 0xff
	add(4, mpExtINT, 0, 0, mpBusISA, 0, everyLAPIC, 0)
	add(4, mpNMI, 0, 0, mpBusISA, 0, everyLAPIC, 1)
	le.PutUint16(p[4:], uint16(len(p)))
	le.PutUint16(p[34:], uint16(entries))
	fix(p, 7)
	return p
}
