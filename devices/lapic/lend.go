package lapic

import (
	"encoding/binary"

	"goemu/devices/apicbus"
)

// A host's KVM can have the local APIC. While it does the state here is out of date, and the timer here stands still: what looks at the
// registers has them read anew, and what changes them has them given back first.

// Page is the registers as they are in memory: 32 bits each, little-endian, at multiples of 16 (SDM vol. 3A table 11-1). In x2APIC mode the ID is as in
// xAPIC mode, and the two halves of ICR are its 64 bits.
type Page [0x400]byte

func (p *Page) get(reg int) uint32    { return binary.LittleEndian.Uint32(p[16*reg:]) }
func (p *Page) put(reg int, v uint32) { binary.LittleEndian.PutUint32(p[16*reg:], v) }

// Keeper is who has the registers.
type Keeper interface {
	// Hold keeps the registers from changing until Return, but by Settle.
	Hold()
	// Registers reads them and IA32_APIC_BASE; p stays as it was last if they cannot be read.
	Registers(p *Page) (base uint64)
	// Settle has an interrupt of the timer that is on its way come to IRR.
	Settle()
	// Return tells that they go back. The processor's time-stamp counter is right then; the result is IA32_TSC_DEADLINE.
	Return() (deadline uint64)
}

// Lend gives the registers to k: p and IA32_TSC_DEADLINE. The LINT inputs, and messages of ExtINT, are still INTR's here: the keeper knows whether its LVT lets them pass.
func (l *LAPIC) Lend(k Keeper, p *Page) (deadline uint64) {
	l.expire()
	l.fill(p)
	l.page = *p
	l.timer.Stop()
	l.keeper = k
	l.update()
	return l.s.Deadline
}

// Left is how long a one-shot timer that runs still has to its end, in ns; ok is false where there is none.
func (l *LAPIC) Left() (ns int64, ok bool) {
	if !l.s.TimerRunning || l.periodic() || l.keeper != nil {
		return 0, false
	}
	return max(l.s.TimerStart+l.period()-l.clock.Now(), 0), true
}

// Requested is the interrupt of highest priority that waits in the registers of a page, and whether it is level-triggered; ok is false where none does, or the local APIC takes none.
func (p *Page) Requested() (vector uint8, level, ok bool) {
	if p.get(regSVR)&svrEnable == 0 {
		return 0, false, false
	}
	for i := 255; i >= 16; i-- {
		if bit := uint32(1) << (i & 31); p.get(regIRR+i/32)&bit != 0 {
			return uint8(i), p.get(regTMR+i/32)&bit != 0, true
		}
	}
	return 0, false, false
}

// ID is the local APIC's.
func (p *Page) ID() uint8 { return uint8(p.get(regID) >> 24) }

// Refused has the registers here as they were when they were lent: the keeper has not taken them.
func (l *LAPIC) Refused() {
	l.keeper = nil
	l.expire()
	l.armTimer()
	l.update()
}

// Lent tells whether a keeper has the registers.
func (l *LAPIC) Lent() bool { return l.keeper != nil }

// Recall takes the registers back. An I/O APIC that is lent too goes first: what it sends until then comes to the keeper.
func (l *LAPIC) Recall() {
	if l.keeper != nil {
		l.bus.Recall() // which may change registers here, and so take them back
	}
	k, was := l.keeper, l.s.Base
	if k == nil {
		return
	}
	k.Hold()
	l.look()
	if l.mayWait() {
		tpr := l.s.TPR
		k.Settle()
		if l.look(); l.s.TPR == tpr&^0xf {
			l.s.TPR = tpr // CR8 is bits 7 to 4
		}
	}
	l.s.Deadline = k.Return()
	l.keeper = nil
	l.expire()
	l.armTimer()
	l.update()
	l.bus.Settle(l.holds)
	if l.s.Base != was {
		l.moved()
	}
}

// mayWait tells whether an interrupt of the timer may be on its way to IRR, where no register shows it: of one that is periodic, or at its end.
func (l *LAPIC) mayWait() bool {
	lvt := l.s.LVT[lvtTimer]
	return l.s.ICT != 0 && lvt&lvtMasked == 0 && !l.holds(uint8(lvt)) && (l.periodic() || !l.s.TimerRunning)
}

// look brings the registers up to date.
func (l *LAPIC) look() {
	if l.keeper != nil {
		l.take(&l.page, l.keeper.Registers(&l.page))
	}
}

// holds tells whether a vector is in IRR or ISR.
func (l *LAPIC) holds(v uint8) bool { return test(&l.s.IRR, v) || test(&l.s.ISR, v) }

// fill makes the page of the state. A one-shot timer at its end has no initial count in it: a keeper would have it interrupt again.
func (l *LAPIC) fill(p *Page) {
	*p = Page{}
	s := &l.s
	p.put(regID, uint32(s.ID)<<24)
	p.put(regVersion, version)
	p.put(regTPR, uint32(s.TPR))
	p.put(regPPR, uint32(l.ppr()))
	p.put(regLDR, l.ldr())
	p.put(regDFR, s.DFR)
	p.put(regSVR, s.SVR)
	for i := range s.ISR {
		p.put(regISR+i, s.ISR[i])
		p.put(regTMR+i, s.TMR[i])
		p.put(regIRR+i, s.IRR[i])
	}
	p.put(regESR, s.ESR)
	p.put(regICRLow, s.ICRLow)
	p.put(regICRHigh, s.ICRHigh)
	for i, v := range s.LVT {
		p.put(regLVT+i, v)
	}
	p.put(regDCR, s.DCR)
	if s.TimerRunning {
		p.put(regICT, s.ICT)
		p.put(regCCT, l.currentCount())
	}
}

// take makes the state of a page. What is in no register stays.
func (l *LAPIC) take(p *Page, base uint64) {
	s := &l.s
	s.Base, s.ID, s.TPR = base, uint8(p.get(regID)>>24), uint8(p.get(regTPR))
	if !l.x2() {
		s.LDR, s.DFR = p.get(regLDR), p.get(regDFR)
	}
	s.SVR = p.get(regSVR) & svrMask
	for i := range s.ISR {
		s.ISR[i], s.TMR[i], s.IRR[i] = p.get(regISR+i), p.get(regTMR+i), p.get(regIRR+i)
	}
	s.ESR, s.ICRLow, s.ICRHigh = p.get(regESR), p.get(regICRLow)&icrMask, p.get(regICRHigh)
	for i := range s.LVT {
		s.LVT[i] = p.get(regLVT+i) & (lvtWritable[i] | lvtRemote)
	}
	s.ICT, s.DCR = p.get(regICT), p.get(regDCR)&0xb
	count := min(p.get(regCCT), s.ICT)
	s.TimerRunning = s.ICT != 0 && (count != 0 || l.periodic())
	s.TimerStart = l.clock.Now() - int64(s.ICT-count)*l.divisor()
}

// passes tells whether an input is only INTR's, so that its keeper need not give the registers back for it: it is masked, or the external controller's.
func (l *LAPIC) passes(n int) bool {
	l.look()
	lvt := l.s.LVT[lvtLINT0+n]
	return n == 0 && (!l.hardEnabled() || lvt&lvtMasked != 0 || modeOf(lvt) == apicbus.ExtINT)
}
