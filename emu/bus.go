package emu

import (
	"goemu/devices/lapic"
	"goemu/emu/x86"
)

var _ x86.Bus = (*Machine)(nil)

// In implements x86.Bus: a read of a port.
func (m *Machine) In(port uint16, size int) uint32 { return m.ports.In(port, size) }

// Out implements x86.Bus: a write to a port.
func (m *Machine) Out(port uint16, size int, v uint32) { m.ports.Out(port, size, v) }

// TSC implements x86.Bus: it counts nanoseconds of guest time.
func (m *Machine) TSC() uint64 { return uint64(m.clock.Now()) }

// APICBase implements x86.Bus.
func (m *Machine) APICBase() uint64 { return m.board.LAPICs[0].Base() }

// SetAPICBase implements x86.Bus. Bits that are reserved, x2APIC mode among them, are #GP.
func (m *Machine) SetAPICBase(v uint64) bool {
	const known = 1<<8 | lapic.BaseEnable // BSP, EN
	if v&^uint64(known|(1<<physBits-1)&^0xfff) != 0 {
		return false
	}
	m.board.LAPICs[0].SetBase(v)
	return true
}

// TPR implements x86.Bus: CR8.
func (m *Machine) TPR() uint8 { return m.board.LAPICs[0].TPR() >> 4 }

// SetTPR implements x86.Bus.
func (m *Machine) SetTPR(v uint8) { m.board.LAPICs[0].SetTPR(v << 4) }

// SetFERR implements x86.Bus: the x87 error pin is interrupt 13 on a PC.
func (m *Machine) SetFERR(level bool) { m.board.SetFERR(level) }

// IGNNE implements x86.Bus.
func (m *Machine) IGNNE() bool { return m.board.IGNNE() }
