// Package smbus is the SMBus host controller of the PIIX4 and of the ICH9, and the EEPROMs of memory modules behind it.
//
// It follows the Intel 82371AB data sheet, chapter 7 ("SMBus I/O Space"), the Intel ICH9 data sheet, chapter "SMBus Controller Registers", and the SMBus
// specification 2.0: quick, byte, byte data, word data and block commands, and on the ICH9 process calls, I2C reads, the 32-byte buffer
// and blocks byte by byte. A command takes the same short time whatever its length. Not done: the controller as a slave, alerts, packet error checks (their
// registers are stored) and SMIs. The memory modules' contents are in spd.go.
package smbus

import (
	"fmt"

	"goemu/devices"
)

// Sizes of the register sets, in ports.
const (
	SizePIIX4 = 16
	SizeICH9  = 32
)

const (
	stateVersion = 1
	commandTime  = 20_000 // ns
	byteTime     = 5_000  // of a block that goes byte by byte
	blockSize    = 32
)

// Registers.
const (
	regStatus  = 0x00
	regSlave   = 0x01 // PIIX4: slave status
	regControl = 0x02
	regCommand = 0x03
	regAddress = 0x04
	regData0   = 0x05
	regData1   = 0x06
	regBlock   = 0x07
	regAuxSts  = 0x0c // ICH9
	regAuxCtl  = 0x0d // ICH9
	regNotify  = 0x10 // ICH9: slave status
)

// Bits of the status register.
const (
	stsBusy     = 1 << 0
	stsDone     = 1 << 1 // INTR
	stsDevErr   = 1 << 2 // nobody acknowledged
	stsBusErr   = 1 << 3
	stsFailed   = 1 << 4 // killed
	stsAlert    = 1 << 5
	stsInUse    = 1 << 6 // ICH9: a semaphore for software
	stsByteDone = 1 << 7 // ICH9
	stsEvents   = stsDone | stsDevErr | stsBusErr | stsFailed | stsByteDone
)

// Bits of the control register.
const (
	ctlIRQ      = 1 << 0
	ctlKill     = 1 << 1
	ctlProtocol = 7 << 2
	ctlLast     = 1 << 5 // ICH9: the next byte is the last
	ctlStart    = 1 << 6
)

// Protocols.
const (
	protoQuick    = 0 << 2
	protoByte     = 1 << 2
	protoByteData = 2 << 2
	protoWordData = 3 << 2
	protoCall     = 4 << 2 // ICH9
	protoBlock    = 5 << 2
	protoI2CRead  = 6 << 2 // ICH9
)

const (
	addrRead  = 1 << 0
	auxBuffer = 1 << 1 // E32B
)

// Slave is a device on the bus, as the two-wire bus sees it.
type Slave interface {
	// Write takes bytes that follow the address; false: they are not acknowledged. No bytes: is anybody there?
	Write(p []byte) bool
	// Read fills p.
	Read(p []byte)
}

// HostState is the saved state of the controller.
type HostState struct {
	Version  int
	Status   uint8
	Control  uint8
	Regs     [SizeICH9]uint8 // the other registers, by offset
	Block    [blockSize]uint8
	Index    uint8                // of Block, where software is
	At       int64                // when the command goes on, in ns; 0: not by time
	Stream   bool                 // a block goes byte by byte
	Sent     uint8                // bytes of it that have gone
	Length   uint8                // of it; 0: until ctlLast
	LastByte bool                 // of it has gone
	Buf      [blockSize + 2]uint8 // bytes on their way to the slave
	EEPROM   [MaxModules]uint8    // address counters
}

// Host is a host controller.
type Host struct {
	s      HostState
	ich    bool
	clock  devices.Clock
	timer  devices.Timer
	irq    devices.Line
	slaves [128]Slave
	eeprom []*EEPROM
}

// NewHost returns a controller that drives irq: that of the ICH9, or of the PIIX4.
func NewHost(clock devices.Clock, irq devices.Line, ich bool) *Host {
	h := &Host{clock: clock, irq: irq, ich: ich}
	h.timer = clock.NewTimer(h.advance)
	return h
}

// Attach puts a slave on the bus, at a 7-bit address.
func (h *Host) Attach(addr uint8, s Slave) { h.slaves[addr&0x7f] = s }

// AddModules puts the EEPROMs of the memory modules on the bus that ram bytes are made of.
func (h *Host) AddModules(ram uint64) {
	h.eeprom = Modules(ram)
	for i, e := range h.eeprom {
		h.Attach(FirstEEPROM+uint8(i), e)
	}
}

// Reset implements devices.Device.
func (h *Host) Reset() {
	h.timer.Stop()
	h.s = HostState{}
	h.update()
}

// Name implements devices.Device.
func (h *Host) Name() string { return "SMBus host controller" }

// SaveState returns a copy of the state.
func (h *Host) SaveState() HostState {
	s := h.s
	s.Version = stateVersion
	for i, e := range h.eeprom {
		s.EEPROM[i] = e.Addr
	}
	return s
}

// RestoreState takes over a saved state.
func (h *Host) RestoreState(s HostState) error {
	if s.Version != stateVersion {
		return fmt.Errorf("SMBus state has version %d, want %d", s.Version, stateVersion)
	}
	if s.Index >= blockSize || s.Sent > blockSize || s.Length > blockSize {
		return fmt.Errorf("SMBus state has byte %d of %d in a block", s.Sent, s.Length)
	}
	h.s = s
	for i, e := range h.eeprom {
		e.Addr = s.EEPROM[i]
	}
	h.timer.Stop()
	if s.At != 0 {
		h.timer.At(s.At)
	}
	return nil
}

func (h *Host) update() { h.irq.Set(h.s.Control&ctlIRQ != 0 && h.s.Status&stsEvents != 0) }

// size is the number of registers.
func (h *Host) size() uint16 {
	if h.ich {
		return SizeICH9
	}
	return SizePIIX4
}

// Read reads the register at an offset.
func (h *Host) Read(off uint16) uint8 {
	s := &h.s
	switch off {
	case regStatus:
		v := s.Status
		if h.ich { // whoever reads it clear has it
			s.Status |= stsInUse
		}
		return v
	case regControl:
		s.Index = 0
		return s.Control
	case regBlock:
		v := s.Block[s.Index]
		h.nextIndex()
		return v
	}
	return s.Regs[off&(h.size()-1)]
}

// nextIndex moves on in the block buffer, unless it is but one byte.
func (h *Host) nextIndex() {
	if h.buffered() {
		h.s.Index = (h.s.Index + 1) % blockSize
	}
}

// buffered tells whether blocks go through the buffer of 32 bytes.
func (h *Host) buffered() bool { return !h.ich || h.s.Regs[regAuxCtl]&auxBuffer != 0 }

// Write writes the register at an offset.
func (h *Host) Write(off uint16, v uint8) {
	s := &h.s
	switch off {
	case regStatus:
		was := s.Status
		s.Status &^= v & (stsEvents | stsAlert | stsInUse)
		if was&v&stsByteDone != 0 && s.Stream {
			h.in(byteTime)
		}
	case regControl:
		h.control(v)
	case regBlock:
		s.Block[s.Index] = v
		h.nextIndex()
	default:
		if !h.statusOnly(off) {
			s.Regs[off&(h.size()-1)] = v
		}
	}
	h.update()
}

// statusOnly tells whether a register has bits that software can but clear, of which none is ever set.
func (h *Host) statusOnly(off uint16) bool {
	return off == regSlave || h.ich && (off == regAuxSts || off == regNotify)
}

func (h *Host) control(v uint8) {
	s := &h.s
	s.Control = v &^ ctlStart
	switch {
	case v&ctlKill != 0:
		if s.Status&stsBusy != 0 {
			h.end(stsFailed)
		}
	case v&ctlStart != 0 && s.Status&stsBusy == 0:
		s.Status |= stsBusy
		s.Stream = false
		h.in(commandTime)
	}
}

func (h *Host) in(delay int64) {
	h.s.At = h.clock.Now() + delay
	h.timer.At(h.s.At)
}

// end is the end of a command.
func (h *Host) end(status uint8) {
	h.timer.Stop()
	h.s.At, h.s.Stream = 0, false
	h.s.Status = h.s.Status&^stsBusy | status
	h.update()
}

// advance carries out a command, or moves the next byte of a block.
func (h *Host) advance() {
	h.s.At = 0
	addr := h.s.Regs[regAddress]
	slave := h.slaves[addr>>1]
	switch {
	case slave == nil:
		h.end(stsDevErr)
	case h.s.Stream:
		h.streamByte(slave, addr&addrRead != 0)
	case !h.transfer(slave, addr&addrRead != 0):
		h.end(stsDevErr)
	case !h.s.Stream:
		h.end(stsDone)
	}
}

// write sends bytes to the slave.
func (h *Host) write(s Slave, p ...uint8) bool { return s.Write(h.s.Buf[:copy(h.s.Buf[:], p)]) }

// transfer carries out a command; ok is false if it was not acknowledged. A block byte by byte only begins here.
func (h *Host) transfer(s Slave, read bool) (ok bool) {
	r := &h.s.Regs
	cmd, d0, d1 := r[regCommand], &r[regData0], &r[regData1]
	n := 0 // bytes to read
	switch h.s.Control & ctlProtocol {
	case protoQuick:
		return h.write(s)
	case protoByte:
		if !read {
			return h.write(s, cmd)
		}
		n, ok = 1, true
	case protoByteData:
		if !read {
			return h.write(s, cmd, *d0)
		}
		n, ok = 1, h.write(s, cmd)
	case protoWordData:
		if !read {
			return h.write(s, cmd, *d0, *d1)
		}
		n, ok = 2, h.write(s, cmd)
	case protoCall:
		n, ok = 2, h.ich && h.write(s, cmd, *d0, *d1)
	case protoBlock:
		return h.block(s, read)
	case protoI2CRead:
		h.stream(0)
		return h.ich && h.write(s, *d1)
	}
	if ok {
		s.Read(h.s.Buf[:n])
		if *d0 = h.s.Buf[0]; n == 2 {
			*d1 = h.s.Buf[1]
		}
	}
	return ok
}
