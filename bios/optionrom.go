package bios

import (
	"slices"
	"strings"
)

// Option ROMs (PCI Firmware Specification 3.0, 5; PnP BIOS specification 1.0a, 3; BIOS Boot Specification 1.01). They come from ROM BARs of PCI
// functions and from fw_cfg, are copied to C8000h and up, and initialised in turn.

const (
	romFirst  = 0xc8000
	romEnd    = 0xe0000
	romAlign  = 0x800
	romMax    = 128 << 10
	fileROMs  = "genroms/"
	romPnP    = 0x1a // word: offset of the expansion header
	romPCIR   = 0x18 // word: offset of the PCI data structure
	romInit   = 0x03
	romSector = 512

	// Of the expansion header.
	expNext    = 0x06 // word
	expProduct = 0x10 // word: offset of the name
	expBCV     = 0x16 // word: boot connection vector, of a ROM that serves disks by INT 13h
	expBEV     = 0x1a // word: bootstrap entry vector
)

// romImage is an option ROM that waits for its initialisation.
type romImage struct {
	data  []byte
	at    PCIAddress
	pci   bool
	index int // in the boot order
}

// romState is how far option ROMs have come.
type romState struct {
	images []romImage
	found  bool
	next   uint32   // free address
	calls  []uint32 // far pointers to boot connection vectors
	now    *romImage
	base   uint32 // of now
}

// findROMs collects them.
func (f *Firmware) findROMs() {
	r := &f.roms
	r.found, r.next = true, max(romFirst, 0xc0000+(f.videoROM+romAlign-1)&^(romAlign-1))
	s := f.config()
	s.Functions(func(a PCIAddress) {
		const display = 3
		if s.Read(a, regHeader, 1)&0x7f != 0 || s.Read(a, 0x0b, 1) == display {
			return
		}
		if bar := s.Read(a, regROM, 4); bar&romMask != 0 {
			if p := f.pciROM(a, bar); p != nil {
				r.images = append(r.images, romImage{data: p, at: a, pci: true, index: -1})
			}
		}
	})
	for _, name := range f.fwCfgNames() {
		if p := f.fwCfgFile(name); strings.HasPrefix(name, fileROMs) && len(p) >= romSector {
			r.images = append(r.images, romImage{data: p, index: -1})
		}
	}
}

// pciROM reads the image for PCs out of a ROM BAR.
func (f *Firmware) pciROM(a PCIAddress, bar uint32) []byte {
	s := f.config()
	s.Write(a, regROM, 4, bar|1)
	defer s.Write(a, regROM, 4, bar)
	id := s.Read(a, regID, 4)
	at := uint64(bar & romMask)
	read := func(off uint64, n int) uint32 { return uint32(f.opt.Memory.Read(at+off, n)) }
	for range 16 { // images
		if read(0, 2) != 0xaa55 {
			return nil
		}
		pcir := uint64(read(romPCIR, 2))
		if read(pcir, 4) != 0x52494350 {
			return nil
		}
		n := uint64(read(pcir+0x10, 2)) * romSector
		if read(pcir+0x14, 1) == 0 && read(pcir+4, 4) == id { // code for PCs
			n = min(max(n, uint64(read(2, 1))*romSector), romMax)
			p := make([]byte, n)
			for i := 0; i < len(p); i += 4 {
				le.PutUint32(p[i:], read(uint64(i), 4))
			}
			return p
		}
		if read(pcir+0x15, 1)&0x80 != 0 || n == 0 {
			return nil
		}
		at += n
	}
	return nil
}

// nextROM begins the next initialisation; false: there is none.
func (f *Firmware) nextROM(c *Call) bool {
	r := &f.roms
	if !r.found {
		f.findROMs()
	}
	if r.now != nil {
		f.romDone(c)
	}
	for len(r.images) > 0 {
		x := r.images[0]
		r.images = r.images[1:]
		size := uint32(x.data[2]) * romSector
		if x.data[0] != 0x55 || x.data[1] != 0xaa || size == 0 || size > uint32(len(x.data)) || r.next+size > romEnd || sum8(x.data[:size]) != 0 {
			f.print(c, "Option ROM ignored: wrong header or sum, or no room.\n")
			continue
		}
		f.poke(uint64(r.next), x.data[:size])
		r.now, r.base = &x, r.next
		c.GPR[AX], c.GPR[BX], c.GPR[DX] = 0, 0xffff, 0xffff
		if x.pci {
			c.GPR[AX] = uint32(x.at)
		}
		c.SetSeg(ES, romSeg)
		c.GPR[DI] = uint32(f.rom.offset("pnp_header"))
		f.callFar(c, uint16(r.base>>4), romInit, "back")
		return true
	}
	if len(r.calls) > 0 {
		x := r.calls[0]
		r.calls = r.calls[1:]
		f.callFar(c, uint16(x>>16), uint16(x), "back")
		return true
	}
	return false
}

func sum8(p []byte) (s uint8) {
	for _, b := range p {
		s += b
	}
	return s
}

// romDone looks at what an initialised ROM has become: it may have made itself shorter.
func (f *Firmware) romDone(c *Call) {
	r := &f.roms
	base := r.base
	size := uint32(c.Byte(base+2)) * romSector
	index := r.now.index
	r.now = nil
	if size == 0 || base+size > romEnd {
		return
	}
	r.next = (base + size + romAlign - 1) &^ (romAlign - 1)
	at := uint32(c.Word(base + romPnP))
	for range 8 {
		if at == 0 || at+0x20 > size || c.Dword(base+at) != 0x506e5024 { // $PnP
			return
		}
		segment := base >> 4 << 16
		if v := uint32(c.Word(base + at + expBEV)); v != 0 {
			name := make([]byte, 32)
			c.Read(base+uint32(c.Word(base+at+expProduct)), name)
			f.romBoots = append(f.romBoots, bootItem{kind: bootROM, name: "option ROM " + printable(name), entry: segment | v, index: index})
		}
		if v := uint32(c.Word(base + at + expBCV)); v != 0 {
			r.calls = append(r.calls, segment|v)
		}
		at = uint32(c.Word(base + at + expNext))
	}
}

// printable is the text of a name in a ROM.
func printable(p []byte) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, cString(p))
}

// callFar has the guest call a routine, which returns to a label of the ROM by a far return.
func (f *Firmware) callFar(c *Call, segment, offset uint16, back string) {
	c.push16(romSeg)
	c.push16(f.rom.offset(back))
	c.jump(segment, offset)
}

// callROM boots by an option ROM. If it returns, the next thing is tried.
func (f *Firmware) callROM(c *Call, entry uint32) {
	c.SetSeg(ES, romSeg)
	c.GPR[DI] = uint32(f.rom.offset("pnp_header"))
	f.callFar(c, uint16(entry>>16), uint16(entry), "int18")
}

// pmm is the post memory manager (PMM specification 1.01): memory for option ROMs. What they get above 1 MiB stays theirs.
func (f *Firmware) pmm(c *Call) Result {
	sp := c.Addr(SS, uint32(c.R16(SP))) + 4 // behind the return address
	result := uint32(0)
	switch c.Word(sp) {
	case 0: // allocate: paragraphs, handle, flags
		size, handle, flags := c.Dword(sp+2), c.Dword(sp+6), c.Word(sp+10)
		result = f.pmmAllocate(size, handle, flags)
	case 1: // find
		handle := c.Dword(sp + 2)
		for _, b := range f.pmmBlocks {
			if b.handle == handle {
				result = b.base
			}
		}
	case 2: // give back: it stays allocated
	default:
		result = 0xffffffff
	}
	c.SetR16(AX, uint16(result))
	c.SetR16(DX, uint16(result>>16))
	return Done
}

// pmmBlock is memory of an option ROM.
type pmmBlock struct{ base, size, handle uint32 }

// Where the memory comes from: conventional memory is free until something is booted.
const (
	pmmLow    = 0x20000
	pmmLowEnd = 0x80000
	pmmMax    = 16 << 20
)

// pmmAllocate gives memory, aligned to its size or to a paragraph; or the most that there is, for a size of 0.
func (f *Firmware) pmmAllocate(paragraphs, handle uint32, flags uint16) uint32 {
	const conventional, extended, aligned = 1, 2, 4
	top := uint32(min(f.opt.Tables.LowRAM, 1<<32-1))
	floor := uint32(max(int64(top)-pmmMax, 1<<20))
	low := uint32(pmmLow)
	for _, b := range f.pmmBlocks {
		if b.base >= 1<<20 {
			top = min(top, b.base)
		} else {
			low = max(low, b.base+b.size)
		}
	}
	if paragraphs == 0 {
		if flags&extended != 0 {
			return (top - min(floor, top)) >> 4
		}
		return (pmmLowEnd - min(low, pmmLowEnd)) >> 4
	}
	if paragraphs > pmmMax>>4 {
		return 0
	}
	size := paragraphs << 4
	align := uint32(16)
	if flags&aligned != 0 {
		align = size & -size
	}
	if flags&extended != 0 {
		if base := (top - size) &^ (max(align, 4096) - 1); size <= top && base >= floor && base < top {
			f.pmmBlocks = append(f.pmmBlocks, pmmBlock{base, size, handle})
			return base
		}
	}
	if base := (low + align - 1) &^ (align - 1); flags&conventional != 0 && base+size <= pmmLowEnd {
		f.pmmBlocks = append(f.pmmBlocks, pmmBlock{base, size, handle})
		return base
	}
	return 0
}

// withPMM is a memory map without the memory above 1 MiB that option ROMs have got.
func (f *Firmware) withPMM(m []E820Entry) []E820Entry {
	top := uint64(1 << 32)
	for _, b := range f.pmmBlocks {
		if b.base >= 1<<20 {
			top = min(top, uint64(b.base))
		}
	}
	for i, e := range m {
		if end := e.Addr + e.Size; e.Type == E820RAM && e.Addr < top && end > top && end <= 1<<32 {
			m[i].Size = top - e.Addr
			return slices.Insert(m, i+1, E820Entry{top, end - top, E820Reserved})
		}
	}
	return m
}
