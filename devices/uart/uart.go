// Package uart is the 16550A serial port.
//
// It follows the National Semiconductor PC16550D data sheet: FIFOs with trigger levels, the receiver timeout, interrupt
// priorities, loop-back, modem status with deltas, break. Characters leave at once, whatever the divisor; the divisor only gives
// the receiver timeout. OUT2 gates the interrupt line, as on a PC's board. Not done: parity and framing
// errors, which no host sends.
package uart

import (
	"fmt"

	"goemu/devices"
)

// Places of the first two ports.
const (
	COM1Base = 0x3f8
	COM1IRQ  = 4
	COM2Base = 0x2f8
	COM2IRQ  = 3
)

// FIFOSize is the depth of both FIFOs, in characters.
const FIFOSize = 16

const stateVersion = 1

// Registers, by port offset.
const (
	regData = iota // RBR, THR; DLL
	regIER         // DLM
	regIIR         // FCR
	regLCR
	regMCR
	regLSR
	regMSR
	regSCR
)

// Register bits.
const (
	ierRx    = 1 << 0
	ierTx    = 1 << 1
	ierLine  = 1 << 2
	ierModem = 1 << 3

	iirNone    = 0x1
	iirModem   = 0x0
	iirTx      = 0x2
	iirRx      = 0x4
	iirLine    = 0x6
	iirTimeout = 0xc
	iirFIFO    = 0xc0

	fcrEnable  = 1 << 0
	fcrResetRx = 1 << 1
	fcrResetTx = 1 << 2

	lcrStop   = 1 << 2
	lcrParity = 1 << 3
	lcrBreak  = 1 << 6
	lcrDLAB   = 1 << 7

	mcrDTR  = 1 << 0
	mcrRTS  = 1 << 1
	mcrOUT1 = 1 << 2
	mcrOUT2 = 1 << 3
	mcrLoop = 1 << 4

	lsrData    = 1 << 0
	lsrOverrun = 1 << 1
	lsrParity  = 1 << 2
	lsrFraming = 1 << 3
	lsrBreak   = 1 << 4
	lsrTHRE    = 1 << 5
	lsrTEMT    = 1 << 6
	lsrFIFOErr = 1 << 7
	lsrErrors  = lsrOverrun | lsrParity | lsrFraming | lsrBreak
)

// Modem status inputs, as in MSR.
const (
	CTS = 1 << 4
	DSR = 1 << 5
	RI  = 1 << 6
	DCD = 1 << 7
)

var triggers = [4]int{1, 4, 8, 14}

// Backend takes what the guest sends.
type Backend interface {
	// Send takes p, or a part of it, without blocking, and returns how many bytes it took. After it has
	// taken less than all, it calls UART.TxReady when it can take more.
	Send(p []byte) int
}

// Char is one character in the receiver with the error bits of LSR that came with it.
type Char struct {
	Data, Err uint8
}

// State is the saved state.
type State struct {
	Version                           int
	IER, FCR, LCR, MCR, LSR, MSR, SCR uint8
	Divisor                           uint16
	Rx                                [FIFOSize]Char
	RxLen                             int
	Tx                                [FIFOSize]uint8
	TxLen                             int
	TxInt                             bool  // the transmitter interrupt is pending
	Timeout                           bool  // the receiver timeout interrupt is pending
	TimeoutAt                         int64 // ns; 0: the timer is stopped
	Modem                             uint8 // inputs: CTS, DSR, RI, DCD
}

// UART is a 16550A.
type UART struct {
	s       State
	base    uint16
	clock   devices.Clock
	irq     devices.Line
	backend Backend
	timer   devices.Timer

	// RxReady, if set, is called when the guest has read the last character or the receiver takes characters again.
	RxReady func()
}

// New returns a port at base that drives irq. A nil backend discards what is sent.
func New(clock devices.Clock, base uint16, irq devices.Line, backend Backend) *UART {
	u := &UART{base: base, clock: clock, irq: irq, backend: backend}
	u.s.Modem = CTS | DSR | DCD
	u.timer = clock.NewTimer(u.timeout)
	u.Reset()
	return u
}

// MapInto claims the eight ports.
func (u *UART) MapInto(b devices.PortBus) { b.MapPorts(u.base, 8, u) }

// Name implements devices.Device.
func (u *UART) Name() string { return "16550A" }

// MaxPortSize makes wider accesses come as bytes.
func (u *UART) MaxPortSize() int { return 1 }

// SetBackend replaces the backend.
func (u *UART) SetBackend(b Backend) { u.backend = b }

// Reset is the MR pin (data sheet, table I).
func (u *UART) Reset() {
	modem := u.s.Modem
	u.s = State{Modem: modem, LSR: lsrTHRE | lsrTEMT, MSR: modem, Divisor: 1}
	u.timer.Stop()
	u.update()
}

// SaveState returns a copy of the state.
func (u *UART) SaveState() State {
	s := u.s
	s.Version = stateVersion
	return s
}

// RestoreState takes over a saved state.
func (u *UART) RestoreState(s State) error {
	if s.Version != stateVersion {
		return fmt.Errorf("16550A state has version %d, want %d", s.Version, stateVersion)
	}
	if s.RxLen < 0 || s.RxLen > FIFOSize || s.TxLen < 0 || s.TxLen > FIFOSize {
		return fmt.Errorf("16550A state has %d and %d characters in FIFOs of %d", s.RxLen, s.TxLen, FIFOSize)
	}
	u.s = s
	if s.TimeoutAt != 0 {
		u.timer.At(s.TimeoutAt)
	} else {
		u.timer.Stop()
	}
	return nil
}

func (u *UART) fifo() bool { return u.s.FCR&fcrEnable != 0 }

func (u *UART) depth() int {
	if u.fifo() {
		return FIFOSize
	}
	return 1
}

// source is the IIR code of the pending interrupt with the highest priority.
func (u *UART) source() uint8 {
	s := &u.s
	switch {
	case s.IER&ierLine != 0 && u.lsr()&lsrErrors != 0:
		return iirLine
	case s.IER&ierRx != 0 && u.fifo() && s.RxLen >= triggers[s.FCR>>6]:
		return iirRx
	case s.IER&ierRx != 0 && s.Timeout:
		return iirTimeout
	case s.IER&ierRx != 0 && !u.fifo() && s.RxLen > 0:
		return iirRx
	case s.IER&ierTx != 0 && s.TxInt:
		return iirTx
	case s.IER&ierModem != 0 && s.MSR&0xf != 0:
		return iirModem
	}
	return iirNone
}

func (u *UART) update() {
	gate := u.s.MCR&(mcrOUT2|mcrLoop) == mcrOUT2
	u.irq.Set(gate && u.source() != iirNone)
}

// lsr is the line status. Break, framing and parity errors are those of the character that is read next.
func (u *UART) lsr() uint8 {
	v := u.s.LSR
	if u.s.RxLen > 0 {
		v |= lsrData | u.s.Rx[0].Err
	}
	if u.fifo() {
		for _, c := range u.s.Rx[:u.s.RxLen] {
			if c.Err != 0 {
				v |= lsrFIFOErr
			}
		}
	}
	return v
}

// In reads a register.
func (u *UART) In(port uint16, _ int) uint32 {
	s := &u.s
	var v uint8
	switch reg := port & 7; {
	case reg == regData && s.LCR&lcrDLAB != 0:
		v = uint8(s.Divisor)
	case reg == regIER && s.LCR&lcrDLAB != 0:
		v = uint8(s.Divisor >> 8)
	case reg == regData:
		v = u.receive()
	case reg == regIER:
		v = s.IER
	case reg == regIIR:
		v = u.source()
		if v == iirTx {
			s.TxInt = false
		}
		if u.fifo() {
			v |= iirFIFO
		}
	case reg == regLCR:
		v = s.LCR
	case reg == regMCR:
		v = s.MCR
	case reg == regLSR:
		v = u.lsr()
		s.LSR &^= lsrErrors
		s.Rx[0].Err = 0
	case reg == regMSR:
		v = s.MSR
		s.MSR &^= 0xf
	default:
		v = s.SCR
	}
	u.update()
	return uint32(v)
}

// Out writes a register.
func (u *UART) Out(port uint16, _ int, val uint32) {
	s, v := &u.s, uint8(val)
	switch reg := port & 7; {
	case reg == regData && s.LCR&lcrDLAB != 0:
		s.Divisor = s.Divisor&0xff00 | uint16(v)
	case reg == regIER && s.LCR&lcrDLAB != 0:
		s.Divisor = s.Divisor&0xff | uint16(v)<<8
	case reg == regData:
		u.transmit(v)
	case reg == regIER:
		if s.LSR&lsrTHRE != 0 && v&ierTx != 0 && s.IER&ierTx == 0 {
			s.TxInt = true
		}
		s.IER = v & 0xf
	case reg == regIIR:
		u.writeFCR(v)
	case reg == regLCR:
		if v&lcrBreak != 0 && s.LCR&lcrBreak == 0 && s.MCR&mcrLoop != 0 {
			u.push(Char{Err: lsrBreak})
		}
		s.LCR = v
	case reg == regMCR:
		u.writeMCR(v & 0x1f)
	case reg == regSCR:
		s.SCR = v
	}
	u.update()
}

func (u *UART) writeFCR(v uint8) {
	s := &u.s
	if (v^s.FCR)&fcrEnable != 0 {
		v |= fcrResetRx | fcrResetTx
	}
	if v&fcrEnable == 0 {
		s.FCR = 0
	} else {
		s.FCR = v & 0xc9
	}
	if v&fcrResetRx != 0 {
		s.RxLen = 0
		u.restartTimeout()
		u.rxReady()
	}
	if v&fcrResetTx != 0 && s.TxLen > 0 {
		s.TxLen = 0
		u.drained()
	}
}

func (u *UART) writeMCR(v uint8) {
	was := u.s.MCR
	u.s.MCR = v
	u.modem()
	if was&mcrLoop != 0 && v&mcrLoop == 0 {
		u.rxReady()
	}
}

// SetModem sets the modem inputs CTS, DSR, RI and DCD.
func (u *UART) SetModem(inputs uint8) {
	u.s.Modem = inputs & 0xf0
	u.modem()
	u.update()
}

// modem recomputes MSR and its deltas.
func (u *UART) modem() {
	in := u.s.Modem
	if m := u.s.MCR; m&mcrLoop != 0 {
		in = m&mcrRTS<<3 | m&mcrDTR<<5 | m&mcrOUT1<<4 | m&mcrOUT2<<4
	}
	was := u.s.MSR & 0xf0
	delta := (was ^ in) >> 4
	if in&RI != 0 { // only the trailing edge of the ring indicator counts
		delta &^= RI >> 4
	}
	u.s.MSR = in | u.s.MSR&0xf | delta
}

// transmit is a write of THR.
func (u *UART) transmit(v uint8) {
	s := &u.s
	s.TxInt = false
	if s.MCR&mcrLoop != 0 {
		u.push(Char{Data: v})
		u.drained()
		return
	}
	if s.TxLen == u.depth() {
		if u.fifo() {
			return // the FIFO is full: the character is lost
		}
		s.TxLen--
	}
	s.Tx[s.TxLen] = v
	s.TxLen++
	s.LSR &^= lsrTHRE | lsrTEMT
	u.drain()
}

// drain gives the backend what it takes.
func (u *UART) drain() {
	s := &u.s
	n := s.TxLen
	if u.backend != nil {
		n = min(max(u.backend.Send(s.Tx[:s.TxLen]), 0), s.TxLen)
	}
	copy(s.Tx[:], s.Tx[n:s.TxLen])
	if s.TxLen -= n; s.TxLen == 0 {
		u.drained()
	}
}

func (u *UART) drained() {
	u.s.LSR |= lsrTHRE | lsrTEMT
	u.s.TxInt = true
}

// TxReady tells the port that the backend takes characters again.
func (u *UART) TxReady() {
	if u.s.TxLen > 0 {
		u.drain()
		u.update()
	}
}

// RxFree is how many characters Receive takes now.
func (u *UART) RxFree() int {
	if u.s.MCR&mcrLoop != 0 {
		return 0
	}
	return max(u.depth()-u.s.RxLen, 0)
}

// Receive hands characters from the line to the receiver and returns how many it took.
func (u *UART) Receive(p []byte) int {
	n := min(u.RxFree(), len(p))
	for _, b := range p[:n] {
		u.push(Char{Data: b})
	}
	if n > 0 {
		u.update()
	}
	return n
}

// Break is a break condition on the line.
func (u *UART) Break() {
	if u.s.MCR&mcrLoop == 0 {
		u.push(Char{Err: lsrBreak})
		u.update()
	}
}

// push puts one character into the receiver. In a full FIFO it is lost; a full buffer is overwritten.
func (u *UART) push(c Char) {
	s := &u.s
	if s.RxLen >= u.depth() {
		s.LSR |= lsrOverrun
		if u.fifo() {
			return
		}
		s.RxLen = 0
	}
	s.Rx[s.RxLen] = c
	s.RxLen++
	u.restartTimeout()
}

// receive is a read of RBR.
func (u *UART) receive() uint8 {
	s := &u.s
	v := s.Rx[0].Data
	if s.RxLen == 0 {
		return v
	}
	s.RxLen--
	if s.RxLen > 0 {
		copy(s.Rx[:], s.Rx[1:s.RxLen+1])
	}
	u.restartTimeout()
	if s.RxLen == 0 {
		u.update() // the line falls before new characters raise it
		u.rxReady()
	}
	return v
}

func (u *UART) rxReady() {
	if u.RxReady != nil {
		u.RxReady()
	}
}

// restartTimeout starts the receiver timeout again: four character times without a read or a new character.
func (u *UART) restartTimeout() {
	s := &u.s
	s.Timeout, s.TimeoutAt = false, 0
	if !u.fifo() || s.RxLen == 0 {
		u.timer.Stop()
		return
	}
	s.TimeoutAt = u.clock.Now() + 4*u.charTime()
	u.timer.At(s.TimeoutAt)
}

// charTime is the time of one character on the line in ns; the divisor counts in units of 1/115200 s.
func (u *UART) charTime() int64 {
	bits := int64(1 + 5 + u.s.LCR&3 + 1)
	if u.s.LCR&lcrStop != 0 {
		bits++
	}
	if u.s.LCR&lcrParity != 0 {
		bits++
	}
	return bits * max(int64(u.s.Divisor), 1) * 1_000_000_000 / 115200
}

func (u *UART) timeout() {
	u.s.TimeoutAt = 0
	u.s.Timeout = u.fifo() && u.s.RxLen > 0
	u.update()
}

// Null is a backend that discards everything.
type Null struct{}

// Send takes all of p.
func (Null) Send(p []byte) int { return len(p) }
