// Package edu is the educational PCI device, on which writing drivers is learned: registers, interrupts by INTx or MSI, and DMA.
//
// It follows its specification in QEMU's documentation ("EDU device"), version 1.0. Computations and transfers take guest time. A transfer that is not wholly
// within the device's buffer is not done, as is one from or to what is no RAM; it ends all the same.
package edu

import (
	"fmt"

	"goemu/devices"
	"goemu/devices/pci"
)

// DefaultDMAMask is what addresses of transfers are cut down to: 28 bits.
const DefaultDMAMask = 1<<28 - 1

const (
	stateVersion = 1
	barSize      = 1 << 20
	bufferAt     = 0x40000 // of the buffer, as transfers see it
	bufferSize   = 4096
	msiAt        = 0x40

	identity = 0x010000ed

	factorialTime = 10_000 // ns
	dmaTime       = 100_000
)

// Registers.
const (
	regID        = 0x00
	regLiveness  = 0x04
	regFactorial = 0x08
	regStatus    = 0x20
	regIRQStatus = 0x24
	regRaise     = 0x60
	regAck       = 0x64
	regSource    = 0x80
	regTarget    = 0x88
	regCount     = 0x90
	regCommand   = 0x98
)

// Bits.
const (
	statusBusy = 1 << 0
	statusIRQ  = 1 << 7
	cmdStart   = 1 << 0
	cmdToRAM   = 1 << 1
	cmdIRQ     = 1 << 2

	irqFactorial = 1 << 0
	irqDMA       = 1 << 8
)

// State is the saved state.
type State struct {
	Version                        int
	Function                       pci.FunctionState
	Liveness, Factorial, Status    uint32
	IRQ                            uint32
	Source, Target, Count, Command uint64
	FactorialAt, DMAAt             int64 // when they are done, in ns; 0: not under way
	Buffer                         [bufferSize]byte
}

// Device is the device.
type Device struct {
	*pci.Function
	s         State
	clock     devices.Clock
	mem       devices.Memory
	mask      uint64
	factorial devices.Timer
	dma       devices.Timer
}

// New returns a device whose transfers go to and from mem, at addresses within mask.
func New(clock devices.Clock, mem devices.Memory, mask uint64) *Device {
	d := &Device{Function: pci.NewFunction("edu", 0x1234, 0x11e8, 0x10, 0x00ff00), clock: clock, mem: mem, mask: mask}
	d.factorial = clock.NewTimer(d.computed)
	d.dma = clock.NewTimer(d.transfer)
	d.Config[pci.InterruptPin] = 1
	d.SetBAR(0, pci.BAR{Size: barSize, MMIO: d})
	d.AddMSI(msiAt, 0)
	return d
}

// Reset implements devices.Device.
func (d *Device) Reset() {
	d.factorial.Stop()
	d.dma.Stop()
	d.s = State{}
	d.Function.Reset()
}

// SaveState returns a copy of the state.
func (d *Device) SaveState() State {
	s := d.s
	s.Version, s.Function = stateVersion, d.Function.SaveState()
	return s
}

// RestoreState takes over a saved state.
func (d *Device) RestoreState(s State) error {
	if s.Version != stateVersion {
		return fmt.Errorf("edu state has version %d, want %d", s.Version, stateVersion)
	}
	if err := d.Function.RestoreState(s.Function); err != nil {
		return err
	}
	d.s = s
	for _, t := range [...]struct {
		t  devices.Timer
		at int64
	}{{d.factorial, s.FactorialAt}, {d.dma, s.DMAAt}} {
		t.t.Stop()
		if t.at != 0 {
			t.t.At(t.at)
		}
	}
	return nil
}

// legal tells whether a register can be accessed with a width.
func legal(off uint64, size int) bool { return size == 4 || size == 8 && off >= regSource }

// ReadMMIO implements devices.MMIODevice.
func (d *Device) ReadMMIO(off uint64, size int) uint64 {
	if !legal(off, size) {
		return ^uint64(0)
	}
	switch off {
	case regID:
		return identity
	case regLiveness:
		return uint64(d.s.Liveness)
	case regFactorial:
		return uint64(d.s.Factorial)
	case regStatus:
		return uint64(d.s.Status)
	case regIRQStatus:
		return uint64(d.s.IRQ)
	}
	if r := d.register(off); r != nil {
		return *r
	}
	return ^uint64(0)
}

// register is one of the 64-bit registers of transfers.
func (d *Device) register(off uint64) *uint64 {
	switch off {
	case regSource:
		return &d.s.Source
	case regTarget:
		return &d.s.Target
	case regCount:
		return &d.s.Count
	case regCommand:
		return &d.s.Command
	}
	return nil
}

// WriteMMIO implements devices.MMIODevice.
func (d *Device) WriteMMIO(off uint64, size int, v uint64) {
	if !legal(off, size) {
		return
	}
	s := &d.s
	switch off {
	case regLiveness:
		s.Liveness = ^uint32(v)
	case regFactorial:
		if s.Status&statusBusy == 0 {
			s.Factorial = uint32(v)
			s.Status |= statusBusy
			s.FactorialAt = d.clock.Now() + factorialTime
			d.factorial.At(s.FactorialAt)
		}
	case regStatus:
		s.Status = s.Status&^statusIRQ | uint32(v)&statusIRQ
	case regRaise:
		d.raise(uint32(v))
	case regAck:
		s.IRQ &^= uint32(v)
		if s.IRQ == 0 {
			d.SetINTx(false)
		}
	}
	r := d.register(off)
	if r == nil || s.Command&cmdStart != 0 { // not while a transfer is under way
		return
	}
	if size == 4 {
		v &= 1<<32 - 1
	}
	*r = v
	if off == regCommand && v&cmdStart != 0 {
		s.DMAAt = d.clock.Now() + dmaTime
		d.dma.At(s.DMAAt)
	}
}

// raise sets bits of the interrupt status, and interrupts each time.
func (d *Device) raise(bits uint32) {
	if d.s.IRQ |= bits; d.s.IRQ == 0 {
		return
	}
	if d.MSIEnabled() {
		d.SendMSI(0)
		return
	}
	d.SetINTx(true)
}

// computed is the end of the factorial's computation, modulo 2^32.
func (d *Device) computed() {
	s := &d.s
	s.FactorialAt = 0
	product := uint32(1)
	for n := s.Factorial; n > 0 && product != 0; n-- {
		product *= n
	}
	s.Factorial = product
	s.Status &^= statusBusy
	if s.Status&statusIRQ != 0 {
		d.raise(irqFactorial)
	}
}

// transfer moves Count bytes between RAM and the buffer.
func (d *Device) transfer() {
	s := &d.s
	s.DMAAt = 0
	ram, device := s.Source, s.Target
	if s.Command&cmdToRAM != 0 {
		ram, device = device, ram
	}
	if at := device - bufferAt; at <= bufferSize && s.Count <= bufferSize-at {
		p := s.Buffer[at : at+s.Count]
		// What is no RAM is neither read nor written.
		if s.Command&cmdToRAM != 0 {
			_ = d.mem.WritePhys(ram&d.mask, p)
		} else {
			_ = d.mem.ReadPhys(ram&d.mask, p)
		}
	}
	s.Command &^= cmdStart
	if s.Command&cmdIRQ != 0 {
		d.raise(irqDMA)
	}
}
