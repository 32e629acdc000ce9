package lapic

import "goemu/devices/apicbus"

// ReadMMIO reads a register. Registers are 32 bits wide at multiples of 16; narrower reads give parts of them.
func (l *LAPIC) ReadMMIO(off uint64, size int) uint64 {
	l.Recall()
	if off&0xf >= 4 {
		return 0
	}
	v := uint64(l.read(int(off>>4))) >> (8 * (off & 3))
	if size < 4 {
		v &= 1<<(8*size) - 1
	}
	return v
}

// WriteMMIO writes a register. The manual allows aligned 32-bit writes only; others are ignored (of 64 bits the low half counts).
func (l *LAPIC) WriteMMIO(off uint64, size int, v uint64) {
	l.Recall()
	if off&0xf == 0 && size >= 4 {
		l.write(int(off>>4), uint32(v))
	}
}

func (l *LAPIC) read(reg int) uint32 {
	s := &l.s
	switch {
	case reg >= regISR && reg < regISR+8:
		return s.ISR[reg-regISR]
	case reg >= regTMR && reg < regTMR+8:
		return s.TMR[reg-regTMR]
	case reg >= regIRR && reg < regIRR+8:
		return s.IRR[reg-regIRR]
	case reg >= regLVT && reg < regLVT+numLVT:
		return s.LVT[reg-regLVT]
	}
	switch reg {
	case regID:
		return uint32(s.ID) << 24
	case regVersion:
		return version
	case regTPR:
		return uint32(s.TPR)
	case regAPR:
		return uint32(l.apr())
	case regPPR:
		return uint32(l.ppr())
	case regLDR:
		return l.ldr()
	case regDFR:
		return s.DFR
	case regSVR:
		return s.SVR
	case regESR:
		return s.ESR
	case regICRLow:
		return s.ICRLow
	case regICRHigh:
		return s.ICRHigh
	case regICT:
		return s.ICT
	case regCCT:
		return l.currentCount()
	case regDCR:
		return s.DCR
	case regEOI, regRRD:
		return 0
	}
	l.fail(esrRegister)
	return 0
}

func (l *LAPIC) write(reg int, v uint32) {
	s := &l.s
	if reg >= regLVT && reg < regLVT+numLVT {
		l.writeLVT(reg-regLVT, v)
		return
	}
	switch reg {
	case regID:
		s.ID = uint8(v >> 24)
	case regTPR:
		l.SetTPR(uint8(v))
	case regEOI:
		l.eoi()
	case regLDR:
		s.LDR = v & 0xff000000
	case regDFR:
		s.DFR = v | 0x0fffffff
	case regSVR:
		l.writeSVR(v)
	case regESR:
		s.ESR, s.Errors = s.Errors, 0
	case regICRLow:
		s.ICRLow = v & icrMask
		l.send(s.ICRLow, l.destination())
	case regICRHigh:
		s.ICRHigh = v & 0xff000000
	case regICT:
		l.startTimer(v)
	case regDCR:
		l.setDivider(v & 0xb)
	case regVersion, regAPR, regPPR, regRRD, regCCT: // read-only
	default:
		if reg < regISR || reg >= regESR {
			l.fail(esrRegister)
		}
	}
}

// writeSVR enables or disables the APIC by software. Disabling masks the whole LVT (11.4.7.2).
func (l *LAPIC) writeSVR(v uint32) {
	l.s.SVR = v & svrMask
	if v&svrEnable == 0 {
		for i := range l.s.LVT {
			l.s.LVT[i] |= lvtMasked
		}
		l.armTimer()
	}
	l.update()
}

func (l *LAPIC) writeLVT(i int, v uint32) {
	if i == lvtTimer {
		l.expire()
	}
	v = v&lvtWritable[i] | l.s.LVT[i]&lvtRemote
	if !l.softEnabled() {
		v |= lvtMasked
	}
	if v&lvtLevel == 0 {
		v &^= lvtRemote
	}
	was := l.s.LVT[i]
	l.s.LVT[i] = v
	switch i {
	case lvtTimer:
		l.setTimerMode(was)
	case lvtLINT0, lvtLINT1:
		l.lint(i-lvtLINT0, false)
	}
	l.update()
}

// destination is what ICR's high half names, as a message has it.
func (l *LAPIC) destination() uint32 {
	dest := l.s.ICRHigh >> 24
	if l.s.ICRLow&icrLogical == 0 {
		dest = apicbus.Physical(uint8(dest))
	}
	return dest
}

// send is a write of ICR: an interprocessor interrupt (11.6.1). It has gone when this returns: the delivery status is always idle.
func (l *LAPIC) send(icr, dest uint32) {
	m := apicbus.Message{
		Dest:      dest,
		Logical:   icr&icrLogical != 0,
		Shorthand: apicbus.Shorthand(icr >> 18 & 3),
		Mode:      apicbus.Mode(icr >> 8 & 7),
		Vector:    uint8(icr),
	}
	switch m.Mode {
	case apicbus.Fixed, apicbus.Lowest:
		if m.Vector < 16 {
			l.fail(esrSendIllegal)
			return
		}
	case apicbus.INIT:
		if icr&icrLevel != 0 && icr&icrAssert == 0 {
			return // INIT level de-assert: arbitration IDs only
		}
	case apicbus.ExtINT, 3:
		return
	}
	// The shorthands that include the sender are for fixed interrupts only (table 11-4).
	if (m.Shorthand == apicbus.Self || m.Shorthand == apicbus.AllWithSelf) && m.Mode != apicbus.Fixed {
		return
	}
	l.bus.Send(l, m)
}
