// Package ioapic is the 82093AA I/O APIC.
//
// It follows the Intel 82093AA data sheet: 24 pins, edge and level triggering with remote IRR, masks, delivery and destination
// modes. Input levels are logical (asserted or not), so the polarity bit is only stored. As in the data sheet an edge on a
// masked pin is lost. The host's KVM can have the registers for a while (Lend).
package ioapic

import (
	"fmt"

	"goemu/devices"
	"goemu/devices/apicbus"
)

// Where the I/O APIC of a PC is.
const (
	DefaultBase = 0xfec00000
	Size        = 0x1000
	DefaultID   = 0
	NumPins     = 24
	// TimerPin is the pin of ISA interrupt 0.
	TimerPin = 2
)

const (
	stateVersion = 1
	version      = 0x11 | (NumPins-1)<<16
)

// Registers.
const (
	offSelect = 0x00
	offWindow = 0x10

	regID      = 0x00
	regVersion = 0x01
	regARB     = 0x02
	regTable   = 0x10
)

// Bits of a redirection entry.
const (
	logical   = 1 << 11
	remoteIRR = 1 << 14
	level     = 1 << 15
	masked    = 1 << 16
	writable  = 0xff00_0000_0001_afff
)

// State is the saved state.
type State struct {
	Version int
	ID      uint8
	Select  uint8
	Table   [NumPins]uint64
	Lines   uint32 // input levels
}

// IOAPIC is an I/O APIC.
type IOAPIC struct {
	s    State
	bus  *apicbus.Bus
	id   uint8
	pins [NumPins]pin

	keeper Keeper // has the registers: see Lend; nil: they are here

	// OnTable is called when redirection entries have changed; nil: nobody minds.
	OnTable func()

	raised [NumPins]uint64 // for people: no part of the state
}

type pin struct {
	a *IOAPIC
	n int
}

// Raised tells how often each input has gone high since the machine was made.
func (a *IOAPIC) Raised() []uint64 { return append([]uint64(nil), a.raised[:]...) }

// Set implements devices.Line.
func (p *pin) Set(level bool) { p.a.setPin(p.n, level) }

// New returns an I/O APIC with the given ID and puts it on the bus.
func New(bus *apicbus.Bus, id uint8) *IOAPIC {
	a := &IOAPIC{bus: bus, id: id}
	for i := range a.pins {
		a.pins[i] = pin{a, i}
	}
	bus.AddListener(a)
	a.Reset()
	return a
}

// MapInto claims the registers at base.
func (a *IOAPIC) MapInto(b devices.MMIOBus, base uint64) { b.MapMMIO(base, Size, a) }

// Name implements devices.Device.
func (a *IOAPIC) Name() string { return "82093AA" }

// Reset masks all pins. Input levels stay.
func (a *IOAPIC) Reset() {
	a.keeper = nil
	a.s = State{ID: a.id, Lines: a.s.Lines}
	for i := range a.s.Table {
		a.s.Table[i] = masked
	}
	a.changed()
}

func (a *IOAPIC) changed() {
	if a.OnTable != nil {
		a.OnTable()
	}
}

// Level gives the vector of a pin that is level-triggered, masked or not; ok is false if it is not.
func (a *IOAPIC) Level(pin int) (vector uint8, ok bool) {
	a.look()
	e := a.s.Table[pin]
	return uint8(e), e&level != 0
}

// Pin returns the input line n (0 to 23).
func (a *IOAPIC) Pin(n int) devices.Line { return &a.pins[n] }

// SaveState returns a copy of the state.
func (a *IOAPIC) SaveState() State {
	a.look()
	s := a.s
	s.Version = stateVersion
	return s
}

// RestoreState takes over a saved state.
func (a *IOAPIC) RestoreState(s State) error {
	if s.Version != stateVersion {
		return fmt.Errorf("82093AA state has version %d, want %d", s.Version, stateVersion)
	}
	a.s, a.keeper = s, nil
	a.changed()
	return nil
}

func (a *IOAPIC) setPin(n int, on bool) {
	bit := uint32(1) << n
	lent := a.pass(n, on, a.s.Lines&bit != 0 != on)
	rose := on && a.s.Lines&bit == 0
	if rose {
		a.raised[n]++
	}
	if on {
		a.s.Lines |= bit
	} else {
		a.s.Lines &^= bit
	}
	e := a.s.Table[n]
	switch {
	case lent, e&masked != 0:
	case e&level != 0:
		a.serve(n)
	case rose:
		a.send(e)
	}
}

// serve sends the message of a level-triggered pin that is asserted and not yet in service.
func (a *IOAPIC) serve(n int) {
	e := a.s.Table[n]
	if e&level == 0 || e&(masked|remoteIRR) != 0 || a.s.Lines>>n&1 == 0 {
		return
	}
	// Set before it is sent: the message may come back as an EOI at once.
	a.s.Table[n] |= remoteIRR
	if !a.send(e) {
		a.s.Table[n] &^= remoteIRR
	}
}

func (a *IOAPIC) send(e uint64) bool {
	dest := uint32(e >> 56)
	if e&logical == 0 {
		dest = apicbus.Physical(uint8(dest))
	}
	m := apicbus.Message{
		Dest:    dest,
		Logical: e&logical != 0,
		Mode:    apicbus.Mode(e >> 8 & 7),
		Vector:  uint8(e),
		Level:   e&level != 0,
	}
	switch m.Mode {
	case apicbus.Fixed, apicbus.Lowest, apicbus.SMI, apicbus.NMI, apicbus.INIT, apicbus.ExtINT:
		return a.bus.Send(nil, m)
	}
	return false
}

// EOI implements apicbus.Listener: the interrupt with this vector is done; a pin that is still asserted interrupts again.
func (a *IOAPIC) EOI(vector uint8) {
	a.Recall()
	for n, e := range a.s.Table {
		if e&remoteIRR != 0 && uint8(e) == vector {
			a.s.Table[n] &^= remoteIRR
			a.serve(n)
		}
	}
}

// Settle implements apicbus.Settler.
func (a *IOAPIC) Settle(held func(vector uint8) bool) {
	for _, e := range a.s.Table {
		if e&remoteIRR != 0 && !held(uint8(e)) {
			a.EOI(uint8(e))
		}
	}
}

// ReadMMIO reads IOREGSEL or IOWIN.
func (a *IOAPIC) ReadMMIO(off uint64, size int) uint64 {
	a.look()
	var v uint32
	switch off &^ 3 {
	case offSelect:
		v = uint32(a.s.Select)
	case offWindow:
		v = a.read()
	}
	return uint64(v>>(8*(off&3))) & (1<<(8*min(size, 4)) - 1)
}

func (a *IOAPIC) read() uint32 {
	switch r := a.s.Select; {
	case r == regID, r == regARB:
		return uint32(a.s.ID) << 24
	case r == regVersion:
		return version
	case r >= regTable && r < regTable+2*NumPins:
		return uint32(a.s.Table[(r-regTable)/2] >> (32 * (r & 1)))
	}
	return 0
}

// WriteMMIO writes IOREGSEL or, with 32 bits at least, IOWIN.
func (a *IOAPIC) WriteMMIO(off uint64, size int, v uint64) {
	a.Recall()
	switch {
	case off == offSelect:
		a.s.Select = uint8(v)
	case off == offWindow && size >= 4:
		a.write(uint32(v))
	}
}

// SetID sets the ID as a write to its register does: 4 bits.
func (a *IOAPIC) SetID(id uint8) {
	a.Recall()
	a.s.ID = id & 0xf
}

func (a *IOAPIC) write(v uint32) {
	r := a.s.Select
	if r == regID {
		a.SetID(uint8(v >> 24))
		return
	}
	if r < regTable || r >= regTable+2*NumPins {
		return
	}
	n, shift := int(r-regTable)/2, 32*(r&1)
	e := &a.s.Table[n]
	mask := uint64(writable) & (0xffffffff << shift)
	*e = *e&^mask | uint64(v)<<shift&mask
	if *e&level == 0 {
		*e &^= remoteIRR
	}
	a.changed()
	a.serve(n)
}
