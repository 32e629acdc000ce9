package bios

import (
	"fmt"
	"slices"

	"goemu/devices"
)

// PCI setup as firmware does it (PCI Local Bus Specification 3.0, 6.2.5): base address registers are sized and given addresses,
// interrupt lines are told, decoding is switched on; and the chip set's own registers get what the tables say.

// Registers of a function of header type 0.
const (
	regID      = 0x00
	regCommand = 0x04
	regHeader  = 0x0e
	regBAR     = 0x10
	regROM     = 0x30
	regLine    = 0x3c
	regPin     = 0x3d
	numBARs    = 6

	commandIO     = 1 << 0
	commandMemory = 1 << 1

	barIO       = 1 << 0
	barMem64    = 1 << 2
	barPrefetch = 1 << 3
	romMask     = 0xfffff800
)

// Ports for I/O BARs.
const (
	pciIOBase = 0xc000
	pciIOEnd  = 0x10000
)

// bar is a base address register that wants an address.
type bar struct {
	at    PCIAddress
	reg   uint8
	size  uint64
	wide  bool // 64 bits
	where uint64
}

// bars are the registers of one kind. A BAR is aligned to its size, which is a power of two.
type bars []bar

func (b bars) total() (n uint64) {
	for _, x := range b {
		n += x.size
	}
	return n
}

// place gives addresses from base on, to the largest first: so nothing is lost by alignment if base is aligned to the largest.
func (b bars) place(base uint64) {
	slices.SortStableFunc(b, func(x, y bar) int {
		switch {
		case x.size > y.size:
			return -1
		case x.size < y.size:
			return 1
		}
		return 0
	})
	for i := range b {
		b[i].where = base
		base += b[i].size
	}
}

// below is the highest base for b that ends at or below end; ok is false if there is none from first on.
func (b bars) below(first, end uint64) (base uint64, ok bool) {
	largest := uint64(1)
	for _, x := range b {
		largest = max(largest, x.size)
	}
	n := b.total()
	if n > end-first {
		return 0, false
	}
	base = (end - n) &^ (largest - 1)
	return base, base >= first
}

// pciSetup carries one SetupPCI.
type pciSetup struct {
	ConfigSpace
	c                         Config
	io, memory, prefetch, far bars // far: above 4 GiB
}

// SetupPCI sets up all functions on bus 0 by configuration cycles. The error names the kind of resource of which there is not enough.
func SetupPCI(ports devices.PortDevice, c Config) error {
	c.MMConfig = c.board().MMConfig
	s := &pciSetup{ConfigSpace: ConfigSpace{ports}, c: c}
	s.Functions(s.measure)
	if err := s.allocate(); err != nil {
		return err
	}
	for _, list := range []bars{s.io, s.memory, s.prefetch, s.far} {
		for _, b := range list {
			s.assign(b)
		}
	}
	s.Functions(s.enable)
	s.Functions(s.chip) // may put BARs elsewhere
	return nil
}

// measure finds a function's BARs and their sizes.
func (s *pciSetup) measure(a PCIAddress) {
	if s.Read(a, regHeader, 1)&0x7f != 0 {
		return // a bridge
	}
	s.Write(a, regCommand, 2, s.Read(a, regCommand, 2)&^(commandIO|commandMemory))
	for i := uint8(0); i < numBARs; i++ {
		reg := regBAR + 4*i
		low := s.size(a, reg, 0xffffffff)
		switch {
		case low == 0:
		case low&barIO != 0:
			if n := uint64(-(low &^ 3) & 0xffff); n != 0 {
				s.io = append(s.io, bar{at: a, reg: reg, size: n})
			}
		default:
			b := bar{at: a, reg: reg, wide: low&barMem64 != 0}
			mask := uint64(low&^0xf) | 0xffffffff<<32
			if b.wide && i < numBARs-1 {
				i++
				mask = mask&0xffffffff | uint64(s.size(a, reg+4, 0xffffffff))<<32
			}
			if b.size = -mask; b.size == 0 {
				continue
			}
			if low&barPrefetch != 0 {
				s.prefetch = append(s.prefetch, b)
			} else {
				s.memory = append(s.memory, b)
			}
		}
	}
	if mask := s.size(a, regROM, romMask); mask != 0 {
		s.memory = append(s.memory, bar{at: a, reg: regROM, size: uint64(-(mask & romMask))})
	}
}

// size is what a register reads as when ones have been written to it, and puts its contents back.
func (s *pciSetup) size(a PCIAddress, reg uint8, ones uint32) uint32 {
	was := s.Read(a, reg, 4)
	s.Write(a, reg, 4, ones)
	v := s.Read(a, reg, 4)
	s.Write(a, reg, 4, was)
	return v
}

// allocate finds room: memory at the top of PCI's range, prefetchable memory below it, and 64-bit BARs above 4 GiB if that is not enough.
func (s *pciSetup) allocate() error {
	if s.io.total() > pciIOEnd-pciIOBase {
		return fmt.Errorf("PCI functions want %d bytes of ports, there are %d", s.io.total(), pciIOEnd-pciIOBase)
	}
	s.io.place(pciIOBase)
	all := s.c.pciMemory()
	low := all[len(all)-1]
	if s.near(low) {
		return nil
	}
	wide := func(b bar) bool { return b.wide }
	for _, list := range []*bars{&s.memory, &s.prefetch} {
		for _, b := range *list {
			if b.wide {
				s.far = append(s.far, b)
			}
		}
		*list = slices.DeleteFunc(*list, wide)
	}
	if !s.near(low) {
		return fmt.Errorf("PCI functions want %d bytes of memory below 4 GiB, there are %d",
			s.memory.total()+s.prefetch.total(), low.Size())
	}
	high := s.c.pciHigh()
	base, ok := s.far.below(high.Base, high.End)
	if !ok {
		return fmt.Errorf("PCI functions want %d bytes of memory above 4 GiB, there are %d", s.far.total(), high.Size())
	}
	s.far.place(base)
	return nil
}

// near places what is not far.
func (s *pciSetup) near(low Window) bool {
	base, ok := s.memory.below(low.Base, low.End)
	if !ok {
		return false
	}
	s.memory.place(base)
	if base, ok = s.prefetch.below(low.Base, base); ok {
		s.prefetch.place(base)
	}
	return ok
}

// assign writes a BAR. An expansion ROM stays disabled.
func (s *pciSetup) assign(b bar) {
	s.Write(b.at, b.reg, 4, uint32(b.where))
	if b.wide {
		s.Write(b.at, b.reg+4, 4, uint32(b.where>>32))
	}
}

// enable switches decoding on and tells the interrupt line.
func (s *pciSetup) enable(a PCIAddress) {
	board := s.c.board()
	if pin := int(s.Read(a, regPin, 1)); pin >= 1 && pin <= 4 {
		s.Write(a, regLine, 1, uint32(board.LinkIRQ[board.Route(a.Slot(), pin-1)]))
	}
	if s.Read(a, regHeader, 1)&0x7f == 0 {
		s.Write(a, regCommand, 2, s.Read(a, regCommand, 2)|commandIO|commandMemory)
	}
}
