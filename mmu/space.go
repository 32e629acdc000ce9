// Package mmu is guest memory: the physical address space, RAM, page-table
// walks and the software TLB.
package mmu

import (
	"encoding/binary"
	"fmt"
	"sort"
	"sync/atomic"
	"unsafe"
)

// Handler answers accesses to a region that is not RAM. off counts from the
// start of the region; size is 1, 2, 4 or 8 bytes.
type Handler interface {
	ReadMMIO(off uint64, size int) uint64
	WriteMMIO(off uint64, size int, v uint64)
}

// PageFlag is what is known of one page of RAM.
const (
	PageHasCode = 1 << iota // translated code stands on it: stores must tell OnCodeWrite
	PageClean               // tracked, and not written to since then: stores must come to Write (see Tracker)
)

// Region is one piece of the physical address space.
type Region struct {
	Base, Size uint64
	RAM        []byte  // RAM or ROM contents, page-aligned host memory; nil for MMIO
	ReadOnly   bool    // ROM: writes are ignored
	IO         Handler // MMIO; with RAM: writes go there, reads to the contents
	flags      []uint32
}

// Space is a guest-physical address space. Regions mapped later lie over
// earlier ones. What nobody claims reads as all ones.
//
// Mapping is done while no vCPU runs; after it, OnRemap is called.
type Space struct {
	layers  []*Region
	flat    []*Region // sorted, disjoint; pieces of layers
	origin  []uint64  // offset of each piece within its layer
	windows []*Region // see MapWindow
	open    []bool

	tracked []*Tracker

	// OnCodeWrite is called after a store of n bytes at phys to a page with
	// PageHasCode; OnRemap after the map has changed in size bytes from base (TLBs are stale).
	OnCodeWrite func(phys uint64, n int)
	OnRemap     func(base, size uint64)

	// OnClean is called when pages of the host's memory from lo to hi got PageClean: TLBs must not let stores go there.
	OnClean func(lo, hi uintptr)

	// OnHarvest is called before a Tracker looks which pages of its memory have been written to: who lets a processor write by itself calls Wrote. nil: nobody does.
	OnHarvest func(ram []byte)

	// OnUnclaimed is told of accesses to what nobody claims; nil: nobody wants to know.
	OnUnclaimed func(phys uint64, size int, write bool, v uint64)

	// OnIO is told of accesses to devices one by one (not of blocks: see BlockHandler); nil: nobody wants to know.
	OnIO func(phys uint64, size int, write bool, v uint64)

	Mask uint64 // address bits that exist (A20 gate, MAXPHYADDR)
}

// NewSpace returns an empty space of 2^bits bytes.
func NewSpace(bits int) *Space {
	return &Space{Mask: 1<<bits - 1}
}

// MapRAM maps host memory p (page-aligned, whole pages) at base.
func (s *Space) MapRAM(base uint64, p []byte, readOnly bool) {
	s.add(&Region{Base: base, Size: uint64(len(p)), RAM: p, ReadOnly: readOnly, flags: s.flagsFor(p)})
}

// MapROM maps contents p (as for MapRAM) that are read directly, while writes go to w: flash memory.
func (s *Space) MapROM(base uint64, p []byte, w Handler) {
	s.add(&Region{Base: base, Size: uint64(len(p)), RAM: p, ReadOnly: true, IO: w, flags: s.flagsFor(p)})
}

// MapIO maps a handler at base. Regions need not be page-aligned.
func (s *Space) MapIO(base, size uint64, h Handler) {
	s.add(&Region{Base: base, Size: size, IO: h})
}

// Unmap removes the newest region with exactly this base and size.
func (s *Space) Unmap(base, size uint64) {
	for i := len(s.layers) - 1; i >= 0; i-- {
		if r := s.layers[i]; r.Base == base && r.Size == size {
			s.layers = append(s.layers[:i:i], s.layers[i+1:]...)
			s.flatten(base, size)
			return
		}
	}
}

func (s *Space) add(r *Region) {
	s.layers = append(s.layers, r)
	s.flatten(r.Base, r.Size)
}

// MapWindow adds RAM that lies at base over everything else while OpenWindow says so: SMRAM. p is as for MapRAM. It returns the window's number.
func (s *Space) MapWindow(base uint64, p []byte) int {
	s.windows = append(s.windows, &Region{Base: base, Size: uint64(len(p)), RAM: p, flags: s.flagsFor(p)})
	s.open = append(s.open, false)
	return len(s.windows) - 1
}

// OpenWindow shows or hides a window.
func (s *Space) OpenWindow(n int, open bool) {
	if s.open[n] != open {
		s.open[n] = open
		s.flatten(s.windows[n].Base, s.windows[n].Size)
	}
}

// flatten works out the pieces after a change of size bytes from base.
func (s *Space) flatten(base, size uint64) {
	layers := s.layers[:len(s.layers):len(s.layers)]
	for i, w := range s.windows {
		if s.open[i] {
			layers = append(layers, w)
		}
	}
	cuts := make([]uint64, 0, 2*len(layers))
	for _, r := range layers {
		cuts = append(cuts, r.Base, r.Base+r.Size)
	}
	sort.Slice(cuts, func(i, j int) bool { return cuts[i] < cuts[j] })
	s.flat, s.origin = nil, nil
	for i := 0; i+1 < len(cuts); i++ {
		lo, hi := cuts[i], cuts[i+1]
		if lo == hi {
			continue
		}
		for j := len(layers) - 1; j >= 0; j-- {
			r := layers[j]
			if lo < r.Base || hi > r.Base+r.Size {
				continue
			}
			off := lo - r.Base
			piece := &Region{Base: lo, Size: hi - lo, ReadOnly: r.ReadOnly, IO: r.IO}
			if r.RAM != nil {
				piece.RAM = r.RAM[off : off+hi-lo]
				if off&PageMask == 0 {
					piece.flags = r.flags[off>>PageShift:]
				} else {
					piece.flags = r.flags
				}
			}
			s.flat = append(s.flat, piece)
			s.origin = append(s.origin, off)
			break
		}
	}
	if s.OnRemap != nil {
		s.OnRemap(base, size)
	}
}

// Find returns the region that holds phys and phys's offset in it, or nil.
func (s *Space) Find(phys uint64) (*Region, uint64) {
	r, off, _ := s.find(phys)
	return r, off
}

func (s *Space) find(phys uint64) (*Region, uint64, int) {
	phys &= s.Mask
	lo, hi := 0, len(s.flat)
	for lo < hi {
		m := (lo + hi) / 2
		if s.flat[m].Base+s.flat[m].Size <= phys {
			lo = m + 1
		} else {
			hi = m
		}
	}
	if lo < len(s.flat) && phys >= s.flat[lo].Base {
		return s.flat[lo], phys - s.flat[lo].Base, lo
	}
	return nil, 0, -1
}

// HostPage returns the host address of the page of RAM or ROM that holds phys, and
// whether stores may go there directly (RAM without code, not PageClean). ok is false for
// MMIO, unclaimed space and pages that are not one piece of RAM.
func (s *Space) HostPage(phys uint64) (host uintptr, writable, ok bool) {
	r, off := s.Find(phys &^ PageMask)
	if r == nil || r.RAM == nil || r.Size-off < PageSize {
		return 0, false, false
	}
	p := unsafe.Pointer(&r.RAM[off])
	return uintptr(p), !r.ReadOnly && atomic.LoadUint32(&r.flags[off>>PageShift])&(PageHasCode|PageClean) == 0, true
}

// PageBytes returns the contents of the page of RAM or ROM that holds phys; nil where HostPage gives none.
func (s *Space) PageBytes(phys uint64) []byte {
	r, off := s.Find(phys &^ PageMask)
	if r == nil || r.RAM == nil || r.Size-off < PageSize {
		return nil
	}
	return r.RAM[off : off+PageSize : off+PageSize]
}

// MarkCode notes that translated code stands on the page of phys; it reports false where the page is not RAM or ROM.
func (s *Space) MarkCode(phys uint64) bool {
	r, off := s.Find(phys)
	if r == nil || r.RAM == nil {
		return false
	}
	orFlag(&r.flags[off>>PageShift], PageHasCode)
	return true
}

// ClearCode takes back MarkCode.
func (s *Space) ClearCode(phys uint64) {
	if r, off := s.Find(phys); r != nil && r.RAM != nil {
		clearFlag(&r.flags[off>>PageShift], PageHasCode)
	}
}

func orFlag(f *uint32, bit uint32) {
	for {
		o := atomic.LoadUint32(f)
		if o&bit != 0 || atomic.CompareAndSwapUint32(f, o, o|bit) {
			return
		}
	}
}

// hole tells whether nobody claims any of size bytes at phys.
func (s *Space) hole(phys uint64, size int) bool {
	for i := range uint64(size) {
		if r, _ := s.Find(phys + i); r != nil {
			return false
		}
	}
	return true
}

// Read reads size (1, 2, 4 or 8) bytes at phys. Accesses may cross regions.
func (s *Space) Read(phys uint64, size int) uint64 {
	r, off := s.Find(phys)
	if r != nil && off+uint64(size) <= r.Size {
		if r.RAM != nil {
			return load(r.RAM[off:], size)
		}
		v := r.IO.ReadMMIO(phys&s.Mask-s.ioBase(phys), size)
		if s.OnIO != nil {
			s.OnIO(phys&s.Mask, size, false, v)
		}
		return v
	}
	if r == nil && s.hole(phys, size) {
		ones := ^uint64(0) >> (64 - 8*size)
		if s.OnUnclaimed != nil {
			s.OnUnclaimed(phys&s.Mask, size, false, ones)
		}
		return ones
	}
	var v uint64
	for i := 0; i < size; i++ {
		v |= s.Read(phys+uint64(i), 1) << (8 * i)
	}
	return v
}

// Write writes the low size (1, 2, 4 or 8) bytes of v at phys.
func (s *Space) Write(phys uint64, size int, v uint64) {
	r, off := s.Find(phys)
	if r != nil && off+uint64(size) <= r.Size {
		switch {
		case r.IO != nil:
			if s.OnIO != nil {
				s.OnIO(phys&s.Mask, size, true, v)
			}
			r.IO.WriteMMIO(phys&s.Mask-s.ioBase(phys), size, v)
		case !r.ReadOnly:
			store(r.RAM[off:], size, v)
			s.wrote(r, phys, off, size)
		}
		return
	}
	if r == nil && s.hole(phys, size) {
		if s.OnUnclaimed != nil {
			s.OnUnclaimed(phys&s.Mask, size, true, v)
		}
		return
	}
	for i := 0; i < size; i++ {
		s.Write(phys+uint64(i), 1, v>>(8*i)&0xff)
	}
}

// ioBase is the base of the whole MMIO region, of which the piece at phys may be a part.
func (s *Space) ioBase(phys uint64) uint64 {
	r, _, i := s.find(phys)
	return r.Base - s.origin[i]
}

func (s *Space) wrote(r *Region, phys, off uint64, n int) {
	code := false
	for p := off >> PageShift; p <= (off+uint64(n)-1)>>PageShift; p++ {
		f := atomic.LoadUint32(&r.flags[p])
		if f&PageClean != 0 {
			clearFlag(&r.flags[p], PageClean)
		}
		code = code || f&PageHasCode != 0
	}
	if code && s.OnCodeWrite != nil {
		s.OnCodeWrite(phys, n)
	}
}

// ReadPhys copies guest memory into p. The error names the first address that is not RAM or ROM.
func (s *Space) ReadPhys(addr uint64, p []byte) error {
	for len(p) > 0 {
		r, off := s.Find(addr)
		if r == nil || r.RAM == nil {
			return fmt.Errorf("physical address %#x is not RAM", addr)
		}
		n := copy(p, r.RAM[off:])
		p, addr = p[n:], addr+uint64(n)
	}
	return nil
}

// WritePhys copies p into guest memory. ROM is left as it is, or its handler told.
func (s *Space) WritePhys(addr uint64, p []byte) error {
	for len(p) > 0 {
		r, off := s.Find(addr)
		if r == nil || r.RAM == nil {
			return fmt.Errorf("physical address %#x is not RAM", addr)
		}
		n := min(uint64(len(p)), r.Size-off)
		switch {
		case r.IO != nil:
			n = 1 // it may change the map
			r.IO.WriteMMIO(addr&s.Mask-s.ioBase(addr), 1, uint64(p[0]))
		case !r.ReadOnly:
			copy(r.RAM[off:], p[:n])
			s.wrote(r, addr, off, int(n))
		}
		p, addr = p[n:], addr+n
	}
	return nil
}

// Patch copies p into memory as a debugger does: also into a part of ram that is mapped read-only. It reports false for ROM that is no part of ram, and for
// what is not memory. p does not cross regions.
func (s *Space) Patch(phys uint64, p, ram []byte) bool {
	r, off := s.Find(phys)
	if r == nil || r.RAM == nil || off+uint64(len(p)) > r.Size {
		return false
	}
	to := r.RAM[off : off+uint64(len(p))]
	if r.ReadOnly {
		at := uintptr(unsafe.Pointer(unsafe.SliceData(to))) - uintptr(unsafe.Pointer(unsafe.SliceData(ram)))
		if r.IO != nil || at >= uintptr(len(ram)) {
			return false
		}
	}
	copy(to, p)
	s.wrote(r, phys, off, len(p))
	return true
}

// Regions are the pieces of the address space, in order, with the offset of each within what was mapped.
func (s *Space) Regions(yield func(r *Region, origin uint64)) {
	for i, r := range s.flat {
		yield(r, s.origin[i])
	}
}

// PhysOf is the physical address at which host memory is mapped, the lowest if there are several.
func (s *Space) PhysOf(host uintptr) (phys uint64, ok bool) {
	for _, r := range s.flat {
		if r.RAM == nil {
			continue
		}
		if off := host - uintptr(unsafe.Pointer(&r.RAM[0])); uint64(off) < r.Size {
			return r.Base + uint64(off), true
		}
	}
	return 0, false
}

func load(p []byte, size int) uint64 {
	switch size {
	case 1:
		return uint64(p[0])
	case 2:
		return uint64(binary.LittleEndian.Uint16(p))
	case 4:
		return uint64(binary.LittleEndian.Uint32(p))
	default:
		return binary.LittleEndian.Uint64(p)
	}
}

func store(p []byte, size int, v uint64) {
	switch size {
	case 1:
		p[0] = byte(v)
	case 2:
		binary.LittleEndian.PutUint16(p, uint16(v))
	case 4:
		binary.LittleEndian.PutUint32(p, uint32(v))
	default:
		binary.LittleEndian.PutUint64(p, v)
	}
}
