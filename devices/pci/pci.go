// Package pci is a PCI bus behind configuration mechanism #1 and, on PCI Express boards, configuration space in memory;
// and the parts that every PCI function has: configuration space with write masks, base
// address registers, expansion ROM, capabilities, INTx and MSI.
//
// It follows the PCI Local Bus Specification 2.1, 3.2.2.3.2 and chapter 6, for capabilities and MSI 3.0, 6.7 and 6.8, for memory
// PCI Express 1.1, 7.2.2. There is one bus (number 0); functions on other buses are absent. Not done: bridges, MSI-X.
package pci

import (
	"fmt"

	"goemu/devices"
)

// Ports of configuration mechanism #1.
const (
	AddressPort = 0xcf8
	DataPort    = 0xcfc
)

const (
	stateVersion = 1
	addrEnable   = 1 << 31
	addrMask     = 0x80fffffc
	pirqLines    = 8
)

// Bus is PCI bus 0.
type Bus struct {
	ports  devices.PortBus
	memory devices.MMIOBus
	fn     [256]*Function // by device and function number
	s      BusState

	// Route is the board's wiring: the interrupt line (0 to 7) for an INTx pin (0: INTA) of a slot. It may change only during Reroute.
	Route func(slot uint8, pin int) int
	// OnPIRQ, if set, is called when one of the board's interrupt lines changes.
	OnPIRQ func(n int, level bool)
	// OnMSI, if set, gets the messages of functions: a write of data to memory at addr.
	OnMSI func(addr uint64, data uint32)
}

// BusState is the saved state of the bus.
type BusState struct {
	Version int
	Address uint32         // CONFIG_ADDRESS
	Asserts [pirqLines]int // how many functions assert each line
}

// NewBus returns a bus whose functions map their BARs into ports and memory. Its interrupt lines are those of i440FX boards.
func NewBus(ports devices.PortBus, memory devices.MMIOBus) *Bus {
	return &Bus{ports: ports, memory: memory, Route: PIRQ}
}

// MapInto claims the ports of the configuration mechanism.
func (b *Bus) MapInto(p devices.PortBus) {
	p.MapPorts(AddressPort, 4, b)
	p.MapPorts(DataPort, 4, b)
}

// Name implements devices.Device.
func (b *Bus) Name() string { return "PCI bus" }

// Reset resets the bus. Functions are reset by their devices.
func (b *Bus) Reset() { b.s.Address = 0 }

// Add puts f on the bus as device slot, function fn. Its Config becomes the state after reset.
func (b *Bus) Add(slot, fn uint8, f *Function) error {
	devfn := slot<<3 | fn&(functionsPerSlot-1)
	if slot > 31 || b.fn[devfn] != nil {
		return fmt.Errorf("PCI %02x.%d is not free for %s", slot, fn, f.name)
	}
	if fn != 0 && b.fn[slot<<3] != nil {
		zero := b.fn[slot<<3]
		zero.Config[HeaderType] |= headerMulti
		zero.reset[HeaderType] |= headerMulti
	}
	b.fn[devfn] = f
	f.bus, f.devfn = b, devfn
	f.keep()
	return nil
}

// At returns a function, or nil.
func (b *Bus) At(slot, fn uint8) *Function { return b.fn[slot<<3|fn&7] }

// Slots calls f for each function in order.
func (b *Bus) Slots(f func(slot, fn uint8, function *Function)) {
	for i, p := range b.fn {
		if p != nil {
			f(uint8(i>>3), uint8(i&7), p)
		}
	}
}

// PIRQ is the interrupt line of the board for an INTx pin (0: INTA) of a slot: the wiring of i440FX boards, which
// shifts by one each slot so that INTA of slot 1 is PIRQA.
func PIRQ(slot uint8, pin int) int { return (int(slot) + pin - 1) & 3 }

// Reroute changes the wiring: change is called while all lines are released.
func (b *Bus) Reroute(change func()) {
	each := func(level bool) {
		for devfn, f := range b.fn {
			if f != nil && f.line {
				b.setPin(uint8(devfn), int(f.Config[InterruptPin]-1), level)
			}
		}
	}
	each(false)
	change()
	each(true)
}

func (b *Bus) setPin(devfn uint8, pin int, level bool) {
	n := b.Route(devfn>>3, pin)
	was := b.s.Asserts[n] > 0
	if level {
		b.s.Asserts[n]++
	} else {
		b.s.Asserts[n]--
	}
	if now := b.s.Asserts[n] > 0; now != was && b.OnPIRQ != nil {
		b.OnPIRQ(n, now)
	}
}

// selected is the function that CONFIG_ADDRESS names, or nil.
func (b *Bus) selected(port uint16) (*Function, uint8) {
	a := b.s.Address
	if a&addrEnable == 0 || a>>16&0xff != 0 {
		return nil, 0
	}
	return b.fn[a>>8&0xff], uint8(a&0xfc) | uint8(port&3)
}

// In reads CONFIG_ADDRESS (as a doubleword only) or configuration space.
func (b *Bus) In(port uint16, size int) uint32 {
	if port < DataPort {
		if port == AddressPort && size == 4 {
			return b.s.Address
		}
		return ^uint32(0)
	}
	f, reg := b.selected(port)
	if f == nil {
		return ^uint32(0)
	}
	return f.ReadConfig(reg, size)
}

// Out writes CONFIG_ADDRESS (as a doubleword only) or configuration space.
func (b *Bus) Out(port uint16, size int, v uint32) {
	if port < DataPort {
		if port == AddressPort && size == 4 {
			b.s.Address = v & addrMask
		}
		return
	}
	if f, reg := b.selected(port); f != nil {
		f.WriteConfig(reg, size, v)
	}
}

// SaveState returns a copy of the bus's own state.
func (b *Bus) SaveState() BusState {
	s := b.s
	s.Version = stateVersion
	return s
}

// RestoreState takes over a saved state.
func (b *Bus) RestoreState(s BusState) error {
	if err := checkVersion(b.Name(), s.Version); err != nil {
		return err
	}
	b.s = s
	return nil
}

func checkVersion(name string, v int) error {
	if v != stateVersion {
		return fmt.Errorf("%s state has version %d, want %d", name, v, stateVersion)
	}
	return nil
}
