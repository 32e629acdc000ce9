package ahci

import "goemu/devices/ata"

// Registers of a port (3.3).
const (
	regCLB  = 0x00
	regCLBU = 0x04
	regFB   = 0x08
	regFBU  = 0x0c
	regPIS  = 0x10
	regPIE  = 0x14
	regCMD  = 0x18
	regTFD  = 0x20
	regSIG  = 0x24
	regSSTS = 0x28
	regSCTL = 0x2c
	regSERR = 0x30
	regSACT = 0x34
	regCI   = 0x38
)

// Bits of PxIS and PxIE.
const (
	isDHRS = 1 << 0  // register frame with interrupt
	isPSS  = 1 << 1  // PIO setup frame with interrupt
	isDSS  = 1 << 2  // DMA setup frame with interrupt
	isSDBS = 1 << 3  // set device bits frame with interrupt
	isPCS  = 1 << 6  // SERR.DIAG.X
	isPRCS = 1 << 22 // SERR.DIAG.N
	isOFS  = 1 << 24 // more data than the table has room for
	isHBFS = 1 << 29 // memory that is not there
	isTFES = 1 << 30 // the device reports an error
	isAll  = 0xfdc000ff
)

// Bits of PxCMD.
const (
	cmdST    = 1 << 0
	cmdSUD   = 1 << 1
	cmdPOD   = 1 << 2
	cmdCLO   = 1 << 3
	cmdFRE   = 1 << 4
	cmdFR    = 1 << 14
	cmdCR    = 1 << 15
	cmdATAPI = 1 << 24
	cmdRW    = cmdST | cmdFRE | cmdATAPI | 1<<25 | 0xf<<28 // DLAE, ICC
	ccsShift = 8
)

// Bits of PxSERR.
const (
	serrX = 1 << 26 // a device has come
	serrN = 1 << 16 // PhyRdy changed
)

const (
	linkUp   = 0x123 // PxSSTS: device and communication, generation 2, active
	offline  = 4
	noDevice = 0xffffffff // PxSIG
	noSlot   = -1
	tfdNone  = 0x7f // PxTFD before the first frame
)

// portRegisters is the saved state of a port.
type portRegisters struct {
	CLB, FB                           uint64
	IS, IE, CMD, TFD, SIG, SCTL, SERR uint32
	SACT, CI                          uint32
	Slot                              int              // whose command, not a queued one, the device has; noSlot
	Halted                            bool             // an error: nothing is fetched until ST is cleared
	Down                              bool             // the link is down: COMRESET or offline
	Greeting                          bool             // the device's first frame waits for FRE
	Resetting                         bool             // the device is busy with a reset
	PIOIntr                           bool             // PSS comes when the data has been moved
	Moved                             [numSlots]uint32 // bytes of each command, PRDBC
	Entry                             [numSlots]uint16 // the next entry of the table of physical regions ...
	Offset                            [numSlots]uint32 // ... and what of it is done
}

// port is one port. It is the device's transport.
type port struct {
	c       *Controller
	n       int
	dev     *ata.Device
	s       portRegisters
	issuing bool

	// What goes over the bus, kept here as there is to be no allocation.
	frame  [cfisSize]byte
	head   [16]byte
	region [prdSize]byte
}

// powerOn is the state after power-on and GHC.HR.
func (p *port) powerOn() {
	p.s = portRegisters{CLB: p.s.CLB, FB: p.s.FB, CMD: cmdSUD | cmdPOD, TFD: tfdNone, SIG: noDevice, Slot: noSlot}
	p.comeUp()
}

// comeUp is a hardware reset of the device and its first frame.
func (p *port) comeUp() {
	p.s.TFD, p.s.SIG = tfdNone, noDevice
	if p.dev == nil || p.s.Down {
		return
	}
	p.dev.Reset()
	p.s.SERR |= serrX
	p.s.IS |= isPCS
	if p.dev.Status&ata.StatusBSY != 0 {
		p.s.TFD = ata.StatusBSY
		p.s.Resetting = true
		return // Complete follows
	}
	p.greet()
}

// greet takes the frame with the device's signature.
func (p *port) greet() {
	d := p.dev
	p.s.SIG = uint32(d.LBAHigh.Now)<<24 | uint32(d.LBAMid.Now)<<16 | uint32(d.LBALow.Now)<<8 | uint32(d.Count.Now)
	p.s.Greeting, p.s.Resetting = true, false
	p.taskFile()
	p.deliverGreeting()
}

func (p *port) deliverGreeting() {
	if p.s.Greeting && p.s.CMD&cmdFRE != 0 {
		p.s.Greeting = false
		p.registerFIS(true)
		p.s.IS |= isDHRS
	}
}

// taskFile copies status and error.
func (p *port) taskFile() { p.s.TFD = uint32(p.dev.Error)<<8 | uint32(p.dev.Status) }

func (p *port) read(off uint64) uint32 {
	s := &p.s
	switch off {
	case regCLB:
		return uint32(s.CLB)
	case regCLBU:
		return uint32(s.CLB >> 32)
	case regFB:
		return uint32(s.FB)
	case regFBU:
		return uint32(s.FB >> 32)
	case regPIS:
		return s.IS
	case regPIE:
		return s.IE
	case regCMD:
		v := s.CMD
		if s.CMD&cmdST != 0 {
			v |= cmdCR
			if s.Slot != noSlot {
				v |= uint32(s.Slot) << ccsShift
			}
		}
		if s.CMD&cmdFRE != 0 {
			v |= cmdFR
		}
		return v
	case regTFD:
		return s.TFD
	case regSIG:
		return s.SIG
	case regSSTS:
		switch {
		case s.SCTL&0xf == offline:
			return offline
		case p.dev == nil || s.Down:
			return 0
		}
		return linkUp
	case regSCTL:
		return s.SCTL
	case regSERR:
		return s.SERR
	case regSACT:
		return s.SACT
	case regCI:
		return s.CI
	}
	return 0
}

// half replaces a half of an address; low clears the bits that are always 0.
func half(old uint64, v uint32, high bool, low uint64) uint64 {
	if high {
		return old&0xffffffff | uint64(v)<<32
	}
	return old>>32<<32 | uint64(v)&^low
}

func (p *port) write(off uint64, v uint32) {
	s := &p.s
	switch off {
	case regCLB, regCLBU:
		s.CLB = half(s.CLB, v, off == regCLBU, 0x3ff)
	case regFB, regFBU:
		s.FB = half(s.FB, v, off == regFBU, 0xff)
	case regPIS:
		s.IS &^= v &^ (isPCS | isPRCS) // these follow PxSERR
	case regPIE:
		s.IE = v & isAll
	case regCMD:
		p.writeCMD(v)
	case regSCTL:
		p.writeSCTL(v)
	case regSERR:
		s.SERR &^= v
		if s.SERR&serrX == 0 {
			s.IS &^= isPCS
		}
		if s.SERR&serrN == 0 {
			s.IS &^= isPRCS
		}
	case regSACT:
		if s.CMD&cmdST != 0 {
			s.SACT |= v
		}
	case regCI:
		if s.CMD&cmdST != 0 {
			s.CI |= v
			p.issue()
		}
	}
	p.c.update()
}

func (p *port) writeCMD(v uint32) {
	s := &p.s
	was := s.CMD
	s.CMD = was&^cmdRW | v&cmdRW
	if v&cmdCLO != 0 && was&cmdST == 0 {
		s.TFD &^= ata.StatusBSY | ata.StatusDRQ
	}
	switch {
	case was&^s.CMD&cmdST != 0: // stopped: the commands are forgotten
		s.CI, s.SACT, s.Slot, s.Halted = 0, 0, noSlot, false
	case s.CMD&^was&cmdST != 0:
		p.issue()
	}
	p.deliverGreeting()
}

func (p *port) writeSCTL(v uint32) {
	s := &p.s
	was := s.SCTL & 0xf
	s.SCTL = v & 0xfff
	det := s.SCTL & 0xf
	switch {
	case det == was:
	case det == 1 || det == offline:
		if !s.Down && p.dev != nil {
			s.Down = true
			s.SERR |= serrN
			s.IS |= isPRCS
			s.TFD = tfdNone
			p.dev.Reset()
		}
	case det == 0 && s.Down:
		s.Down = false
		s.CI, s.SACT, s.Slot, s.Halted = 0, 0, noSlot, false
		p.comeUp()
	}
}
