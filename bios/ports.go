package bios

// Serial and parallel ports: INT 14h and INT 17h.

// Bits of the line status register (16550A data sheet), and INT 14h's own.
const (
	lsrData    = 1 << 0
	lsrEmpty   = 1 << 5
	lsrIdle    = 1 << 6
	lsrTimeout = 1 << 7
)

// timeoutUnit is what the time-outs in the BDA count, in ns: a tick and a bit.
const timeoutUnit = 60e6

// int14 is INT 14h, serial ports.
func (f *Firmware) int14(c *Call) Result {
	n := uint32(c.R16(DX))
	if n >= 4 || c.Word(bdaCOM+2*n) == 0 {
		c.SetCF(true)
		return Done
	}
	port := c.Word(bdaCOM + 2*n)
	limit := int64(c.Byte(bdaCOMTimeout+n)) * timeoutUnit
	switch c.R8(AH) {
	case 0x00:
		al := c.R8(AL)
		at := f.rom.offset("baud_rates") + 2*uint16(al>>5)
		f.out8(port+3, al&0x1f|0x80)
		f.out8(port, f.rom.image[at])
		f.out8(port+1, f.rom.image[at+1])
		f.out8(port+3, al&0x1f)
		c.SetR8(AH, f.in8(port+5))
		c.SetR8(AL, f.in8(port+6))
	case 0x01:
		lsr := f.in8(port + 5)
		if lsr&(lsrEmpty|lsrIdle) != lsrEmpty|lsrIdle {
			if !f.waitShort(c, limit) {
				return Again
			}
			c.SetR8(AH, lsr|lsrTimeout)
			break
		}
		f.waited(c)
		f.out8(port, c.R8(AL))
		c.SetR8(AH, f.in8(port+5)&^lsrTimeout)
	case 0x02:
		lsr := f.in8(port + 5)
		if lsr&lsrData == 0 {
			if !f.waitShort(c, limit) {
				return Again
			}
			c.SetR8(AH, lsr|lsrTimeout)
			break
		}
		f.waited(c)
		c.SetR8(AL, f.in8(port))
		c.SetR8(AH, lsr&0x1e)
	case 0x03:
		c.SetR8(AH, f.in8(port+5))
		c.SetR8(AL, f.in8(port+6))
	default:
		c.SetCF(true)
		return Done
	}
	c.SetCF(false)
	return Done
}

// pollTime is how often a call looks at a port that it waits for, in ns.
const pollTime = 200e3

// waitShort is waitFor, but looks more often.
func (f *Firmware) waitShort(c *Call, ns int64) (over bool) {
	if f.waitFor(c, ns) {
		return true
	}
	f.timer.At(f.opt.Clock.Now() + min(ns, pollTime))
	return false
}

// Bits of the parallel port's status and control registers.
const (
	lptBusy   = 1 << 7 // 0: busy
	lptAck    = 1 << 6
	lptStrobe = 1 << 0
	lptInit   = 1 << 2
	lptSelect = 1 << 3
)

// int17 is INT 17h, printers.
func (f *Firmware) int17(c *Call) Result {
	n := uint32(c.R16(DX))
	if n >= 3 || c.Word(bdaLPT+2*n) == 0 {
		c.SetCF(true)
		return Done
	}
	port := c.Word(bdaLPT + 2*n)
	timeout := uint8(0)
	switch c.R8(AH) {
	case 0x00:
		if f.in8(port+1)&lptBusy == 0 {
			if !f.waitShort(c, int64(c.Byte(bdaLPTTimeout+n))*timeoutUnit) {
				return Again
			}
			timeout = 1
			break
		}
		f.waited(c)
		f.out8(port, c.R8(AL))
		f.out8(port+2, lptSelect|lptInit|lptStrobe)
		f.out8(port+2, lptSelect|lptInit)
	case 0x01:
		f.out8(port+2, lptSelect)
		f.out8(port+2, lptSelect|lptInit)
	case 0x02:
	default:
		c.SetCF(true)
		return Done
	}
	c.SetR8(AH, (f.in8(port+1)^0x48)&^7|timeout)
	c.SetCF(false)
	return Done
}
