package bios

// Bits of the clock's registers B and C (MC146818 data sheet).
const (
	rtcSET = 1 << 7
	rtcPIE = 1 << 6
	rtcAIE = 1 << 5
	rtc24h = 1 << 1
	rtcDSE = 1 << 0

	rtcPF = 1 << 6
	rtcAF = 1 << 5

	cmosAlarmS = 0x01
	cmosAlarmM = 0x03
	cmosAlarmH = 0x05

	rtcPeriod = 976 // microseconds between periodic interrupts
)

// int1a is INT 1Ah: the time of day, the clock and PCI.
func (f *Firmware) int1a(c *Call) Result {
	switch c.R8(AH) {
	case 0x00:
		ticks := c.Dword(bdaTicks)
		c.SetR16(CX, uint16(ticks>>16))
		c.SetR16(DX, uint16(ticks))
		c.SetR8(AL, c.Byte(bdaMidnight))
		c.SetByte(bdaMidnight, 0)
		c.SetR8(AH, 0)
	case 0x01:
		c.SetDword(bdaTicks, uint32(c.R16(CX))<<16|uint32(c.R16(DX)))
		c.SetByte(bdaMidnight, 0)
		c.SetR8(AH, 0)
	case 0x02:
		c.SetR8(DH, f.cmos(cmosSeconds))
		c.SetR8(CL, f.cmos(cmosMinutes))
		c.SetR8(CH, f.cmos(cmosHours))
		c.SetR8(DL, f.cmos(cmosStatusB)&rtcDSE)
		c.SetR8(AH, 0)
		c.SetR8(AL, c.R8(CH))
	case 0x03:
		f.setCMOS(cmosSeconds, c.R8(DH))
		f.setCMOS(cmosMinutes, c.R8(CL))
		f.setCMOS(cmosHours, c.R8(CH))
		b := f.cmos(cmosStatusB)&(rtcPIE|rtcAIE) | rtc24h | c.R8(DL)&rtcDSE
		f.setCMOS(cmosStatusB, b)
		c.SetR8(AH, 0)
		c.SetR8(AL, b)
	case 0x04:
		c.SetR8(CL, f.cmos(cmosYear))
		c.SetR8(DH, f.cmos(cmosMonth))
		c.SetR8(DL, f.cmos(cmosDay))
		c.SetR8(CH, f.cmos(cmosCentury))
		c.SetR8(AH, 0)
		c.SetR8(AL, c.R8(CH))
	case 0x05:
		f.setCMOS(cmosYear, c.R8(CL))
		f.setCMOS(cmosMonth, c.R8(DH))
		f.setCMOS(cmosDay, c.R8(DL))
		f.setCMOS(cmosCentury, c.R8(CH))
		b := f.cmos(cmosStatusB) &^ rtcSET
		f.setCMOS(cmosStatusB, b)
		c.SetR8(AH, 0)
		c.SetR8(AL, b)
	case 0x06:
		b := f.cmos(cmosStatusB)
		c.SetR16(AX, 0)
		if b&rtcAIE != 0 {
			c.SetCF(true)
			return Done
		}
		f.setCMOS(cmosAlarmS, c.R8(DH))
		f.setCMOS(cmosAlarmM, c.R8(CL))
		f.setCMOS(cmosAlarmH, c.R8(CH))
		f.out8(portPIC2+1, f.in8(portPIC2+1)&^1)
		f.setCMOS(cmosStatusB, b&^rtcSET|rtcAIE)
	case 0x07:
		b := f.cmos(cmosStatusB)
		f.setCMOS(cmosStatusB, b&^rtcAIE)
		c.SetR8(AH, 0)
		c.SetR8(AL, b)
	case 0xb1:
		return f.pciBIOS(c)
	default:
		c.SetCF(true)
		return Done
	}
	c.SetCF(false)
	return Done
}

// tick is the service of INT 08h: it counts the timer's interrupts.
func (f *Firmware) tick(c *Call) Result {
	f.serialIdle(c, false)
	n := c.Dword(bdaTicks) + 1
	if n >= pitTicks {
		n = 0
		c.SetByte(bdaMidnight, 1)
	}
	c.SetDword(bdaTicks, n)
	if t := c.Byte(bdaFloppyTicks); t > 0 {
		c.SetByte(bdaFloppyTicks, t-1)
		if t == 1 {
			const portDOR = 0x3f2
			c.SetByte(bdaFloppyMotor, c.Byte(bdaFloppyMotor)&0xf0)
			f.out8(portDOR, f.in8(portDOR)&0x0f)
		}
	}
	return Done
}

// clockInterrupt is the service of INT 70h. Carry in the flags: the alarm goes off.
func (f *Firmware) clockInterrupt(c *Call) Result {
	b := f.cmos(cmosStatusB)
	why := f.cmos(cmosStatusC) & b
	if why&rtcPF != 0 && c.Byte(bdaWaitActive)&1 != 0 {
		left := c.Dword(bdaWaitCount)
		if left > rtcPeriod {
			c.SetDword(bdaWaitCount, left-rtcPeriod)
		} else {
			f.endWait(c)
			at := c.Dword(bdaWaitFlag)
			flag := at>>16<<4 + at&0xffff
			c.SetByte(flag, c.Byte(flag)|0x80)
		}
	}
	c.SetCF(why&rtcAF != 0)
	return Done
}

// endWait ends INT 15h, 83h.
func (f *Firmware) endWait(c *Call) {
	c.SetByte(bdaWaitActive, 0)
	f.setCMOS(cmosStatusB, f.cmos(cmosStatusB)&^rtcPIE)
}
