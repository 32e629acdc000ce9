package bios

// int15 is INT 15h, system services.
func (f *Firmware) int15(c *Call) Result {
	switch c.R8(AH) {
	case 0x24:
		return f.gateA20(c)
	case 0x4f: // keyboard intercept: the scan code is not changed, and is used
		c.SetCF(true)
		return Done
	case 0x52, 0x80, 0x81, 0x82, 0x85, 0x90, 0x91: // hooks for operating systems
		return good(c)
	case 0x53:
		return f.apm(c)
	case 0x83:
		return f.eventWait(c)
	case 0x86:
		return f.delay(c)
	case 0x87:
		return f.blockMove(c)
	case 0x88:
		c.SetR16(AX, uint16(min((f.opt.Tables.LowRAM-1<<20)>>10, 0xfc00)))
		c.SetCF(false)
		return Done
	case 0x89:
		return f.enterProtected(c)
	case 0xc0:
		c.SetSeg(ES, romSeg)
		c.SetR16(BX, f.rom.offset("config_table"))
		return good(c)
	case 0xc1:
		c.SetSeg(ES, c.Word(bdaEBDA))
		c.SetCF(false)
		return Done
	case 0xc2:
		return f.mouseService(c)
	case 0xe8:
		switch c.R8(AL) {
		case 0x01:
			return f.memorySize(c)
		case 0x20:
			return f.memoryMap(c)
		}
	case 0xec:
		if bl := c.R8(BL); c.R8(AL) == 0 && bl >= 1 && bl <= 3 { // the operating system tells its mode: nothing depends on it
			return good(c)
		}
	}
	return bad(c, 0x86)
}

// good ends a call of INT 15h with AH 0, bad with an error code.
func good(c *Call) Result { return bad(c, 0) }

func bad(c *Call, code uint8) Result {
	c.SetR8(AH, code)
	c.SetCF(code != 0)
	return Done
}

// gateA20 is function 24h.
func (f *Firmware) gateA20(c *Call) Result {
	v := f.in8(portA20)
	switch c.R8(AL) {
	case 0x00:
		f.out8(portA20, v&^3)
	case 0x01:
		f.out8(portA20, v&^1|2)
	case 0x02:
		c.SetR8(AL, v>>1&1)
	case 0x03:
		c.SetR16(BX, 3) // by the keyboard controller and by port 92h
	default:
		return bad(c, 0x86)
	}
	return good(c)
}

// eventWait is function 83h: bit 7 of the byte at ES:BX is set after CX:DX microseconds, by interrupts of the clock.
func (f *Firmware) eventWait(c *Call) Result {
	switch c.R8(AL) {
	case 0x00:
		if c.Byte(bdaWaitActive)&1 != 0 {
			return bad(c, 0x86)
		}
		c.SetByte(bdaWaitActive, 1)
		c.SetDword(bdaWaitCount, uint32(c.R16(CX))<<16|uint32(c.R16(DX)))
		c.SetWord(bdaWaitFlag, c.R16(BX))
		c.SetWord(bdaWaitFlag+2, c.Seg[ES].Selector)
		f.out8(portPIC2+1, f.in8(portPIC2+1)&^1)
		f.setCMOS(cmosStatusB, f.cmos(cmosStatusB)|rtcPIE)
	case 0x01:
		f.endWait(c)
	default:
		return bad(c, 0x86)
	}
	c.SetCF(false)
	return Done
}

// delay is function 86h: it takes CX:DX microseconds.
func (f *Firmware) delay(c *Call) Result {
	if !f.waitFor(c, int64(uint32(c.R16(CX))<<16|uint32(c.R16(DX)))*1000) {
		return Again
	}
	c.SetCF(false)
	return Done
}

// Descriptors of the table for function 87h.
const (
	moveSource = 0x10
	moveTarget = 0x18
)

// blockMove is function 87h: CX words from one physical address to another, as descriptors at ES:SI say.
func (f *Firmware) blockMove(c *Call) Result {
	table := c.Addr(ES, uint32(c.R16(SI)))
	base := func(at uint32) uint64 {
		d := c.Qword(table + at)
		return d>>16&0xffffff | d>>56<<24
	}
	n := int(c.R16(CX))
	if n > 0x8000 {
		return bad(c, 0x02)
	}
	from, to := base(moveSource), base(moveTarget)
	a20 := f.in8(portA20)
	f.out8(portA20, a20&^1|2)
	p := make([]byte, 2*n)
	if f.opt.Memory.ReadPhys(from, p) == nil && f.opt.Memory.WritePhys(to, p) == nil {
		n = 0
	}
	for i := range uint64(n) { // devices
		f.opt.Memory.Write(to+2*i, 2, f.opt.Memory.Read(from+2*i, 2))
	}
	f.out8(portA20, a20&^1)
	return good(c)
}

// Of the table for function 89h, beside those of the program: GDT, IDT, DS, ES, SS and CS are descriptors 08h to 30h.
const enterCode = 0x38 // the firmware's own

// enterProtected is function 89h: it goes on behind the call, in protected mode, with the descriptors at ES:SI and all interrupts masked. Those of the
// interrupt controllers begin with BH and BL. (Technical Reference of the PC AT.)
func (f *Firmware) enterProtected(c *Call) Result {
	f.out8(portA20, f.in8(portA20)&^1|2)
	f.outAll([]portValue{
		{portPIC1, 0x11}, {portPIC1 + 1, c.R8(BH)}, {portPIC1 + 1, 4}, {portPIC1 + 1, 1}, {portPIC1 + 1, 0xff},
		{portPIC2, 0x11}, {portPIC2 + 1, c.R8(BL)}, {portPIC2 + 1, 2}, {portPIC2 + 1, 1}, {portPIC2 + 1, 0xff},
	})
	c.SetQword(c.Addr(ES, uint32(c.R16(SI)))+enterCode, 0x00009b0f_0000ffff) // ROM: code at F0000h
	c.push16(enterCode)
	c.push16(f.rom.offset("protected.in"))
	c.jump(romSeg, f.rom.offset("protected"))
	return Done
}

// memorySize is E801h: KiB from 1 MiB to 16 MiB, and blocks of 64 KiB above.
func (f *Firmware) memorySize(c *Call) Result {
	const mib = 1 << 20
	low := f.opt.Tables.LowRAM
	below := min((low-mib)>>10, 15*1024)
	above := uint64(0)
	if low > 16*mib {
		above = min((low-16*mib)>>16, 0xffff)
	}
	c.SetR16(AX, uint16(below))
	c.SetR16(BX, uint16(above))
	c.SetR16(CX, uint16(below))
	c.SetR16(DX, uint16(above))
	c.SetCF(false)
	return Done
}

const smap = 0x534d4150

// memoryMap is E820h: entry EBX of the memory map goes to ES:DI. With room for them come the attributes of ACPI 3.0.
func (f *Firmware) memoryMap(c *Call) Result {
	m := f.e820()
	i := c.GPR[BX]
	if c.GPR[DX] != smap || c.GPR[CX] < 20 || uint64(i) >= uint64(len(m)) {
		return bad(c, 0x86)
	}
	p := make([]byte, 20, 24)
	le.PutUint64(p, m[i].Addr)
	le.PutUint64(p[8:], m[i].Size)
	le.PutUint32(p[16:], m[i].Type)
	if c.GPR[CX] >= 24 {
		p = le.AppendUint32(p, 1) // this entry counts
	}
	c.Write(c.Addr(ES, uint32(c.R16(DI))), p)
	if i++; int(i) == len(m) {
		i = 0
	}
	c.GPR[AX], c.GPR[BX], c.GPR[CX] = smap, i, uint32(len(p))
	c.SetCF(false)
	return Done
}

// e820 is the memory map.
func (f *Firmware) e820() []E820Entry { return f.withPMM(f.opt.Tables.E820()) }
