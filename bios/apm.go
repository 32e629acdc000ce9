package bios

// Advanced Power Management 1.2 (APM BIOS Interface Specification): INT 15h, 53h, and its protected-mode entries. There is one device, the
// machine; it can be told to be off. There is no battery, and nothing ever happens.

// Status in AH.
const (
	apmBadDevice = 0x09
	apmUnknown   = 0x0c
	apmNoEvents  = 0x80
)

const apmAllDevices = 0x0001

// apm is the function in AL.
func (f *Firmware) apm(c *Call) Result {
	fn := c.R8(AL)
	if fn >= 0x04 && fn <= 0x10 && fn != 0x05 && fn != 0x06 {
		if bx := c.R16(BX); bx != apmAllDevices && bx != 0 {
			return bad(c, apmBadDevice)
		}
	}
	switch fn {
	case 0x00: // installation check
		c.SetR16(BX, 'P'<<8|'M')
		c.SetR16(CX, 3) // 16-bit and 32-bit interfaces
		return f.apmVersion(c)
	case 0x01, 0x04, 0x08, 0x0d, 0x0f: // connect in real mode, disconnect, enable, device's power management, engage
		return apmGood(c)
	case 0x02: // connect in 16-bit protected mode
		c.SetR16(AX, romSeg)
		c.SetR16(BX, f.rom.offset("apm16"))
		c.SetR16(CX, romSeg)
		c.SetR16(SI, 0xfff0)
		c.SetR16(DI, 0xfff0)
		c.SetCF(false)
		return Done
	case 0x03: // connect in 32-bit protected mode
		c.SetR16(AX, romSeg)
		c.GPR[BX] = uint32(f.rom.offset("apm32"))
		c.SetR16(CX, romSeg)
		c.SetR16(DX, romSeg)
		c.GPR[SI] = 0xfff0fff0
		c.SetR16(DI, 0xfff0)
		c.SetCF(false)
		return Done
	case 0x05: // CPU idle: until the next interrupt
		if !c.Retry {
			return Again
		}
		return apmGood(c)
	case 0x06: // CPU busy
		return apmGood(c)
	case 0x07:
		return f.apmState(c)
	case 0x0a: // power status
		c.SetR16(BX, 0x01ff) // on line, battery unknown
		c.SetR16(CX, 0x80ff) // no battery
		c.SetR16(DX, 0xffff)
		c.SetR16(SI, 0)
		return apmGood(c)
	case 0x0b: // event
		return bad(c, apmNoEvents)
	case 0x0c: // power state
		c.SetR16(CX, 0)
		return apmGood(c)
	case 0x0e: // the driver's version
		return f.apmVersion(c)
	case 0x10: // capabilities
		c.SetR8(BL, 0)
		c.SetR16(CX, 0)
		return apmGood(c)
	}
	return bad(c, apmUnknown)
}

// apmGood ends a call that gives nothing back.
func apmGood(c *Call) Result {
	c.SetCF(false)
	return Done
}

func (f *Firmware) apmVersion(c *Call) Result {
	c.SetR16(AX, 0x0102)
	c.SetCF(false)
	return Done
}

// apmState is 5307h: CX 0 ready, 1 standby, 2 suspend, 3 off. Standby lasts until the next interrupt.
func (f *Firmware) apmState(c *Call) Result {
	if c.R16(BX) != apmAllDevices {
		return bad(c, apmBadDevice)
	}
	switch c.R16(CX) {
	case 1, 2:
		if !c.Retry {
			return Again
		}
	case 3:
		f.powerOff()
		return Again
	}
	return apmGood(c)
}

// powerOff puts the machine in S5.
func (f *Firmware) powerOff() {
	const sleepEnable = 1 << 13
	f.out16(f.opt.Tables.pmBase()+4, uint16(sleepTypeS5)<<10|sleepEnable)
}

// apmEntry is the service behind the protected-mode entries.
func (f *Firmware) apmEntry(c *Call) Result {
	if c.R8(AH) != 0x53 {
		return bad(c, apmUnknown)
	}
	return f.apm(c)
}
