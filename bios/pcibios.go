package bios

// PCI BIOS (PCI BIOS Specification 2.1): INT 1Ah, B1h, and the same functions behind BIOS32.

// Status in AH.
const (
	pciOK          = 0x00
	pciUnsupported = 0x81
	pciBadVendor   = 0x83
	pciNotFound    = 0x86
	pciBadRegister = 0x87
	pciBufferSmall = 0x89
)

// pciBIOS does the function in AL.
func (f *Firmware) pciBIOS(c *Call) Result {
	status := f.pciFunction(c)
	c.SetR8(AH, status)
	c.SetCF(status != pciOK)
	return Done
}

func (f *Firmware) pciFunction(c *Call) uint8 {
	s := f.config()
	at := PCIAddress(c.R16(BX))
	reg := c.R16(DI)
	switch fn := c.R8(AL); fn {
	case 0x01:
		c.SetR8(AL, 0x01) // configuration mechanism #1
		c.SetR16(BX, 0x0210)
		c.SetR8(CL, 0)         // last bus
		c.GPR[DX] = 0x20494350 // "PCI "
		c.GPR[DI] = uint32(f.rom.symbols["pcibios32"])
		return pciOK
	case 0x02:
		want := uint32(c.R16(DX)) | uint32(c.R16(CX))<<16
		if uint16(want) == 0xffff {
			return pciBadVendor
		}
		return f.pciFind(c, func(a PCIAddress) bool { return s.Read(a, regID, 4) == want })
	case 0x03:
		want := c.GPR[CX] & 0xffffff
		return f.pciFind(c, func(a PCIAddress) bool { return s.Read(a, 0x08, 4)>>8 == want })
	case 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d:
		size := uint16(1) << ((fn - 8) % 3)
		if reg > 0xff || reg&(size-1) != 0 {
			return pciBadRegister
		}
		switch {
		case fn == 0x08:
			c.SetR8(CL, uint8(s.Read(at, uint8(reg), 1)))
		case fn == 0x09:
			c.SetR16(CX, uint16(s.Read(at, uint8(reg), 2)))
		case fn == 0x0a:
			c.GPR[CX] = s.Read(at, uint8(reg), 4)
		default:
			s.Write(at, uint8(reg), int(size), c.GPR[CX]&(1<<(8*size)-1))
		}
		return pciOK
	case 0x0e:
		return f.pciRouting(c)
	}
	return pciUnsupported
}

// pciFind gives the function number SI of those that match, in BX.
func (f *Firmware) pciFind(c *Call, match func(PCIAddress) bool) uint8 {
	left, status := int(c.R16(SI)), uint8(pciNotFound)
	f.config().Functions(func(a PCIAddress) {
		if status == pciOK || !match(a) {
			return
		}
		if left--; left < 0 {
			c.SetR16(BX, uint16(a))
			status = pciOK
		}
	})
	return status
}

// pciRouting copies the slots of the $PIR table to the buffer that ES:DI describes: a word for its size, and a far pointer.
func (f *Firmware) pciRouting(c *Call) uint8 {
	slots := f.slots()
	if slots == nil {
		return pciUnsupported
	}
	di := c.GPR[DI]
	if c.Seg[CS].Attr&attrBig == 0 || !c.Protected() {
		di &= 0xffff
	}
	at := c.Addr(ES, di)
	room := int(c.Word(at))
	c.SetWord(at, uint16(len(slots)))
	if room < len(slots) {
		return pciBufferSmall
	}
	buffer := c.Dword(at + 2)
	if c.Protected() {
		buffer = c.Addr(DS, buffer)
	} else {
		buffer = buffer>>16<<4 + buffer&0xffff
	}
	c.Write(buffer, slots)
	c.SetR16(BX, 0) // interrupts that are PCI's alone
	return pciOK
}

// slots are the entries of the interrupt routing table.
func (f *Firmware) slots() []byte {
	const header = 32
	if f.tables == nil {
		return nil
	}
	t, ok := f.tables.Find("$PIR")
	if !ok || len(t.Data) < header {
		return nil
	}
	return t.Data[header:]
}

// bios32 is the BIOS32 service directory's entry: EAX names a service.
func (f *Firmware) bios32(c *Call) Result {
	if c.GPR[BX]&0xff != 0 {
		c.SetR8(AL, 0x81) // function unknown
		return Done
	}
	if c.GPR[AX] != 0x49435024 { // $PCI
		c.SetR8(AL, 0x80) // no such service
		return Done
	}
	c.GPR[BX], c.GPR[CX] = romBase, romSize
	c.GPR[DX] = uint32(f.rom.offset("pcibios32"))
	c.SetR8(AL, 0)
	return Done
}

// pciBIOS32 is the PCI BIOS in 32-bit protected mode.
func (f *Firmware) pciBIOS32(c *Call) Result {
	if c.R8(AH) != 0xb1 {
		c.SetR8(AH, pciUnsupported)
		c.SetCF(true)
		return Done
	}
	return f.pciBIOS(c)
}
