package ide

import (
	"encoding/binary"

	"goemu/devices/pci"
)

// Registers of a channel's bus master, eight ports each.
const (
	bmCommand = 0
	bmStatus  = 2
	bmTable   = 4
)

// Bits of the command and status registers.
const (
	bmStart     = 1 << 0
	bmToMemory  = 1 << 3
	bmActive    = 1 << 0
	bmError     = 1 << 1
	bmInterrupt = 1 << 2
	bmDrive0    = 1 << 5 // DMA capable, as software says; bit 6: device 1
)

// prdEOT marks the last entry of a table of physical regions, in its second doubleword.
const prdEOT = 1 << 31

// BusMasterState is the saved state of a channel's bus master.
type BusMasterState struct {
	Command, Status uint8
	Table           uint32 // BMIDTP
	Next            uint32 // the next entry
	Address         uint32 // the rest of the present region
	Left            uint32 // in bytes
	Last            bool   // the present region is the last one
}

// busMaster is the I/O space of BAR 4.
type busMaster struct {
	c *Controller
}

// In reads registers, byte by byte.
func (b busMaster) In(port uint16, size int) uint32 {
	var v uint32
	for i := range size {
		v |= uint32(b.read(int(port)+i)) << (8 * i)
	}
	return v
}

func (b busMaster) read(port int) uint8 {
	s := &b.c.channels[port>>3&1].bus
	switch reg := port & 7; {
	case reg == bmCommand:
		return s.Command
	case reg == bmStatus:
		return s.Status
	case reg >= bmTable:
		return uint8(s.Table >> (8 * (reg - bmTable)))
	}
	return 0
}

// Out writes registers, byte by byte.
func (b busMaster) Out(port uint16, size int, v uint32) {
	for i := range size {
		b.write(int(port)+i, uint8(v>>(8*i)))
	}
}

func (b busMaster) write(port int, v uint8) {
	ch := &b.c.channels[port>>3&1]
	s := &ch.bus
	switch reg := port & 7; {
	case reg == bmCommand:
		was := s.Command
		s.Command = v & (bmStart | bmToMemory)
		switch {
		case s.Command&^was&bmStart != 0:
			s.Status |= bmActive
			s.Next, s.Left, s.Last = s.Table, 0, false
			ch.moveDMA()
		case s.Command&bmStart == 0:
			s.Status &^= bmActive
		}
	case reg == bmStatus:
		s.Status = s.Status&^(v&(bmError|bmInterrupt))&^(3*bmDrive0) | v&(3*bmDrive0)
	case reg >= bmTable:
		shift := 8 * (reg - bmTable)
		s.Table = (s.Table&^(0xff<<shift) | uint32(v)<<shift) &^ 3
	}
}

// moveDMA moves what the selected device has to move, as far as there is a table for it. What is left over waits for the next start.
func (ch *channel) moveDMA() {
	s := &ch.bus
	d := ch.device()
	if d == nil || ch.c.Config[pci.Command]&pci.CommandBusMaster == 0 {
		return
	}
	for s.Status&bmActive != 0 && d.DMA() && !d.Packet() && len(d.Data()) > 0 {
		if s.Left == 0 && !ch.nextRegion() {
			return
		}
		p := d.Data()
		p = p[:min(len(p), int(s.Left))]
		var err error
		if d.In() {
			err = ch.c.memory.WritePhys(uint64(s.Address), p)
		} else {
			err = ch.c.memory.ReadPhys(uint64(s.Address), p)
		}
		if err != nil { // a target abort
			s.Status = s.Status&^bmActive | bmError
			return
		}
		s.Address += uint32(len(p))
		if s.Left -= uint32(len(p)); s.Left == 0 && s.Last {
			s.Status &^= bmActive
		}
		d.Moved(len(p))
	}
}

// nextRegion reads the next entry of the table.
func (ch *channel) nextRegion() bool {
	s := &ch.bus
	e := ch.region[:]
	if err := ch.c.memory.ReadPhys(uint64(s.Next), e); err != nil {
		s.Status = s.Status&^bmActive | bmError
		return false
	}
	s.Next += 8
	flags := binary.LittleEndian.Uint32(e[4:])
	s.Address = binary.LittleEndian.Uint32(e) &^ 1
	s.Left = flags & 0xfffe
	if s.Left == 0 {
		s.Left = 0x10000
	}
	s.Last = flags&prdEOT != 0
	return true
}
