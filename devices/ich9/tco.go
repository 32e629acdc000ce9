package ich9

// The TCO timer (13.9): a watchdog that makes an SMI when it runs out and resets the machine when it does so again. It counts steps of 0.6 s from
// its first reload on; before, firmware would have to stop it.

const (
	tcoSize = 32
	tcoStep = 600_000_000 // ns

	tcoReload  = 0x00 // TCO_RLD, two bytes
	tcoDatIn   = 0x02
	tcoDatOut  = 0x03
	tcoStatus1 = 0x04 // TCO1_STS, two bytes
	tcoStatus2 = 0x06 // TCO2_STS, two bytes
	tcoCtl1    = 0x08 // TCO1_CNT, two bytes
	tcoCtl2    = 0x0a // TCO2_CNT, two bytes
	tcoMessage = 0x0c // TCO_MESSAGE1 and 2
	tcoWDStat  = 0x0e
	tcoIRQGen  = 0x10
	tcoInitial = 0x12 // TCO_TMR, two bytes

	stsTimeout = 1 << 3 // TCO1_STS
	stsSecond  = 1 << 1 // TCO2_STS
	stsDatIn   = 1 << 1 // TCO1_STS: software asked for an SMI
	ctlHalt    = 1 << 11
	ctlLock    = 1 << 12
	tcoMask    = 0x3ff
)

type tcoState struct {
	Regs    [tcoSize]uint8
	Count   uint16 // steps left when last reloaded
	Since   int64  // guest time of that, in ns
	Running bool   // it has been reloaded
	Expired bool   // once, since software reloaded it
}

func (l *LPC) tco16(off int) uint16 {
	return uint16(l.s.TCO.Regs[off]) | uint16(l.s.TCO.Regs[off+1])<<8
}

func (l *LPC) resetTCO() {
	l.s.TCO = tcoState{}
	l.s.TCO.Regs[tcoIRQGen] = 0x03
	l.s.TCO.Regs[tcoInitial] = 0x04
	l.s.TCO.Regs[tcoCtl2] = 0x08
	l.armTCO()
}

func (l *LPC) tcoHalted() bool { return !l.s.TCO.Running || l.tco16(tcoCtl1)&ctlHalt != 0 }

// tcoLeft is the number of steps until the timer runs out.
func (l *LPC) tcoLeft() uint16 {
	t := &l.s.TCO
	if l.tcoHalted() {
		return t.Count
	}
	return t.Count - uint16(min((l.clock.Now()-t.Since)/tcoStep, int64(t.Count)))
}

// armTCO sets the host timer.
func (l *LPC) armTCO() {
	if l.tcoHalted() {
		l.tick.Stop()
		return
	}
	l.tick.At(l.s.TCO.Since + int64(l.s.TCO.Count)*tcoStep)
}

// loadTCO starts a period. Values below 4 steps count as 4 (TCO_TMR: they shall not be used).
func (l *LPC) loadTCO() {
	t := &l.s.TCO
	t.Count, t.Since = max(l.tco16(tcoInitial)&tcoMask, 4), l.clock.Now()
	l.armTCO()
}

// tcoTick is the timer's end: the second in a row resets, unless GCS.NO_REBOOT says no.
func (l *LPC) tcoTick() {
	t := &l.s.TCO
	if l.tcoHalted() {
		return
	}
	again := t.Expired
	t.Expired = true
	t.Regs[tcoStatus1] |= stsTimeout
	if again {
		t.Regs[tcoStatus2] |= stsSecond
	}
	l.smi(smiTCO)
	l.loadTCO()
	if again && l.s.Chip[offGCS]&gcsNoReboot == 0 {
		l.reset(true)
	}
}

func (l *LPC) readTCO(off uint16) uint8 {
	if off < tcoReload+2 {
		return uint8(l.tcoLeft() >> (8 * off))
	}
	return l.s.TCO.Regs[off]
}

func (l *LPC) writeTCO(off uint16, b uint8) {
	t := &l.s.TCO
	switch off {
	case tcoReload, tcoReload + 1:
		t.Running, t.Expired = true, false
		l.loadTCO()
	case tcoDatIn:
		t.Regs[off] = b
		t.Regs[tcoStatus1] |= stsDatIn
		l.smi(smiTCO)
	case tcoStatus1, tcoStatus1 + 1, tcoStatus2, tcoStatus2 + 1:
		t.Regs[off] &^= b
	case tcoCtl1:
		t.Regs[off] = b
	case tcoCtl1 + 1:
		left := l.tcoLeft()
		lock := t.Regs[off] & (ctlLock >> 8)
		t.Regs[off] = b&0x1b | lock
		t.Count, t.Since = left, l.clock.Now()
		l.armTCO()
	case tcoInitial:
		t.Regs[off] = b
	case tcoInitial + 1:
		t.Regs[off] = b & (tcoMask >> 8)
	case tcoDatOut, tcoCtl2, tcoMessage, tcoMessage + 1, tcoWDStat, tcoIRQGen:
		t.Regs[off] = b
	}
}
