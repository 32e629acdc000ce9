package boot

import "math"

// Offsets and numbers of the ELF format (System V gABI), for 32 and 64 bits.
const (
	elfClass32, elfClass64 = 1, 2
	elfLSB                 = 1
	em386, emX8664         = 3, 62
	ptLoad, ptNote         = 1, 4
	noteXenPhys32Entry     = 18 // XEN_ELFNOTE_PHYS32_ENTRY
)

// elfSegment is a PT_LOAD program header.
type elfSegment struct {
	off, vaddr, paddr, filesz, memsz uint64
	header                           int // offset of the program header in the file
}

type elfFile struct {
	bits     int // 32 or 64
	entry    uint64
	segments []elfSegment
	pvh      uint64 // physical entry point of the PVH note, 0: none
}

// parseELF reads an ELF file's program headers. It returns nil and no error for what is no ELF file at all.
func (l *loader) parseELF(k []byte) (*elfFile, error) {
	if len(k) < 4 || string(k[:4]) != "\x7fELF" {
		return nil, nil
	}
	f := &elfFile{bits: 32}
	ehdr, phdr := 52, 32
	if len(k) > 4 && k[4] == elfClass64 {
		f.bits, ehdr, phdr = 64, 64, 56
	}
	if len(k) < ehdr {
		return nil, l.errorf(len(k), "the file ends within the ELF header")
	}
	switch {
	case k[4] != elfClass32 && k[4] != elfClass64:
		return nil, l.errorf(4, "ELF class is %d, must be 1 (32 bits) or 2 (64 bits)", k[4])
	case k[5] != elfLSB:
		return nil, l.errorf(5, "ELF data encoding is %d, must be 1 (little-endian)", k[5])
	}
	want := map[int]uint16{32: em386, 64: emX8664}[f.bits]
	if m := le.Uint16(k[18:]); m != want {
		return nil, l.errorf(18, "ELF machine is %d, must be %d for x86 of %d bits", m, want, f.bits)
	}
	// word reads an address-sized field at off32 or off64 of p.
	word := func(p []byte, off32, off64 int) uint64 {
		if f.bits == 64 {
			return le.Uint64(p[off64:])
		}
		return uint64(le.Uint32(p[off32:]))
	}
	f.entry = word(k, 24, 24)
	table := word(k, 28, 32)
	counts := k[ehdr-10:]
	size, n := int(le.Uint16(counts)), int(le.Uint16(counts[2:]))
	if n > 0 && size < phdr {
		return nil, l.errorf(ehdr-10, "ELF program headers are %d bytes long, must be %d", size, phdr)
	}
	if !within(table, uint64(n*size), len(k)) {
		return nil, l.errorf(len(k), "the file ends here: %d ELF program headers at %#x were announced", n, table)
	}
	for i := range n {
		at := int(table) + i*size
		p := k[at:]
		s := elfSegment{
			off: word(p, 4, 8), vaddr: word(p, 8, 16), paddr: word(p, 12, 24),
			filesz: word(p, 16, 32), memsz: word(p, 20, 40), header: at,
		}
		kind := le.Uint32(p)
		if kind != ptLoad && kind != ptNote {
			continue
		}
		if !within(s.off, s.filesz, len(k)) {
			return nil, l.errorf(len(k), "the file ends here: ELF segment %d has %d bytes at %#x", i, s.filesz, s.off)
		}
		if kind == ptNote {
			f.pvh = max(f.pvh, findPVHNote(k[s.off:s.off+s.filesz]))
			continue
		}
		if s.memsz < s.filesz {
			return nil, l.errorf(at, "ELF segment %d takes %d bytes of memory, but has %d in the file", i, s.memsz, s.filesz)
		}
		if s.memsz > 0 {
			f.segments = append(f.segments, s)
		}
	}
	return f, nil
}

// within tells whether size bytes at off lie in a file of n bytes.
func within(off, size uint64, n int) bool {
	return off <= uint64(n) && size <= uint64(n)-off
}

// findPVHNote looks for Xen's note with the 32-bit physical entry point.
func findPVHNote(p []byte) uint64 {
	align := func(n uint32) uint64 { return (uint64(n) + 3) &^ 3 }
	for len(p) >= 12 {
		nameSize, descSize, kind := le.Uint32(p), le.Uint32(p[4:]), le.Uint32(p[8:])
		p = p[12:]
		if align(nameSize)+align(descSize) > uint64(len(p)) {
			return 0
		}
		name, desc := p[:nameSize], p[align(nameSize):][:descSize]
		if kind == noteXenPhys32Entry && string(name) == "Xen\x00" {
			switch descSize {
			case 4:
				return uint64(le.Uint32(desc))
			case 8:
				return le.Uint64(desc)
			}
		}
		p = p[align(nameSize)+align(descSize):]
	}
	return 0
}

// place is one piece of a kernel on its way to memory.
type place struct {
	addr, size uint64
	data       []byte // the rest up to size is zero
	at         int    // offset in the file that told so
}

// loadPlaces writes the pieces of a kernel after checking that each lies in RAM and clear of our own structures.
// It returns the end of the highest.
func (l *loader) loadPlaces(ps []place) (end uint64, err error) {
	for _, p := range ps {
		switch {
		case p.addr > math.MaxUint32 || p.size > l.RAM || p.addr+p.size > l.RAM:
			return 0, l.errorf(p.at, "%#x bytes at physical address %#x lie outside the RAM, which ends at %#x", p.size, p.addr, l.RAM)
		case p.addr < extraEnd && p.addr+p.size > gdtAddr:
			return 0, l.errorf(p.at, "%#x bytes at physical address %#x overlap the loader's own memory at %#x-%#x", p.size, p.addr, gdtAddr, extraEnd)
		}
		end = max(end, p.addr+p.size)
	}
	for _, p := range ps {
		if err := l.write(p.addr, p.data, "kernel"); err != nil {
			return 0, err
		}
		n := uint64(len(p.data))
		if err := l.zero(p.addr+n, p.size-n, "kernel's zeroed memory"); err != nil {
			return 0, err
		}
	}
	return end, nil
}

func (l *loader) loadSegments(k []byte, f *elfFile) (end uint64, err error) {
	if len(f.segments) == 0 {
		return 0, l.errorf(-1, "an ELF file with nothing to load")
	}
	var ps []place
	for _, s := range f.segments {
		ps = append(ps, place{s.paddr, s.memsz, k[s.off : s.off+s.filesz], s.header})
	}
	return l.loadPlaces(ps)
}
