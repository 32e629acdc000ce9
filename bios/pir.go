package bios

// pirTable is the PCI IRQ routing table (Microsoft's PCI IRQ Routing Table Specification 1.0), by which systems without ACPI that use the
// 8259A pair find out how slots are wired. A link is named by the bridge's register that routes it.
func pirTable(c Config) []byte {
	b := c.board()
	p := make([]byte, 32, 32+31*16)
	copy(p, "$PIR")
	p[5] = 1 // version 1.0
	p[9] = b.bridge << 3
	le.PutUint32(p[12:], b.bridgeID)
	bitmap := uint16(0)
	for _, irq := range pciIRQs {
		bitmap |= 1 << irq
	}
	for slot := uint8(1); slot < 32; slot++ {
		p = append(p, 0, slot<<3)
		for pin := range 4 {
			link := b.Route(slot, pin)
			p = le.AppendUint16(append(p, pirqRegisters[b.bridgeID][link>>2]+uint8(link&3)), bitmap)
		}
		p = append(p, 0, 0) // soldered on
	}
	le.PutUint16(p[6:], uint16(len(p)))
	fix(p, 31)
	return p
}
