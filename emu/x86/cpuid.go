package x86

import (
	"encoding/binary"

	"goemu/tcg"
)

// Model is what CPUID tells of a processor. Zero fields take the default model's values: an
// x86-64-v2 processor of AMD's family 15, which no kernel suspects of Meltdown.
type Model struct {
	Vendor                  string // 12 bytes
	Brand                   string // up to 48 bytes
	Family, Model, Stepping uint8
}

func (m *Model) fillDefaults() {
	if m.Vendor == "" {
		m.Vendor = "AuthenticAMD"
	}
	if m.Brand == "" {
		m.Brand = "goemu virtual CPU"
	}
	if m.Family == 0 {
		m.Family, m.Model, m.Stepping = 15, 107, 1
	}
}

// signature is leaf 1's EAX (SDM vol. 2A figure 3-6).
func (m *Model) signature() uint32 {
	s := uint32(m.Stepping&15) | uint32(m.Model&15)<<4 | uint32(m.Model>>4)<<16
	if m.Family >= 15 {
		return s | 15<<8 | uint32(m.Family-15)<<20
	}
	return s | uint32(m.Family)<<8
}

// Feature bits, only those of features that are there.
const (
	leaf1EDX = 1<<0 | // FPU
		1<<2 | // DE
		1<<3 | // PSE
		1<<4 | // TSC
		1<<5 | // MSR
		1<<6 | // PAE
		1<<7 | // MCE
		1<<8 | // CX8
		1<<9 | // APIC
		1<<11 | // SEP
		1<<12 | // MTRR
		1<<13 | // PGE
		1<<14 | // MCA
		1<<15 | // CMOV
		1<<16 | // PAT
		1<<17 | // PSE36
		1<<19 | // CLFSH
		1<<23 | // MMX
		1<<24 | // FXSR
		1<<25 | // SSE
		1<<26 // SSE2
	leaf1ECX = 1<<0 | // SSE3
		1<<9 | // SSSE3
		1<<13 | // CMPXCHG16B
		1<<19 | // SSE4.1
		1<<20 | // SSE4.2
		1<<22 | // MOVBE
		1<<23 | // POPCNT
		1<<26 | // XSAVE
		1<<31 // hypervisor
	leaf1OSXSAVE = 1 << 27
	leaf7EBX     = 1<<7 | // SMEP
		1<<9 | // ERMS
		1<<13 | // FCS and FDS are stored as 0
		1<<20 // SMAP
	extEDX = leaf1EDX&0x0183f3ff | // AMD's copy of leaf 1
		1<<11 | // SYSCALL
		1<<20 | // NX
		1<<26 | // 1 GiB pages
		1<<27 | // RDTSCP
		1<<29 // long mode
	extECX      = 1 << 0 // LAHF in 64-bit mode
	extPower    = 1 << 8 // invariant TSC
	extXSaveErr = 1 << 2 // FXRSTOR always restores the x87 error pointers
)

const (
	maxLeaf    = 0x16
	maxExtLeaf = 0x8000_0008
	hyperLeaf  = 0x4000_0000
)

// xcr0Known are the state components that XSAVE handles: x87 and SSE.
const xcr0Known = 3

// CPUID gives the four result registers.
func (c *CPU) CPUID(leaf, sub uint32) (a, b, cx, d uint32) {
	m := &c.opt.Model
	switch {
	case leaf == 0:
		a = maxLeaf
		b, d, cx = vendor(m.Vendor)
	case leaf == 1:
		a = m.signature()
		b = uint32(c.opt.APICID)<<24 | 1<<16 | 8<<8 // 1 logical processor, CLFLUSH line of 64 bytes
		cx, d = leaf1ECX, leaf1EDX
		if c.pg.CR4&cr4OSXSAVE != 0 {
			cx |= leaf1OSXSAVE
		}
		if c.bus.APICBase()&(1<<11) == 0 {
			d &^= 1 << 9
		}
	case leaf == 7 && sub == 0:
		b = leaf7EBX
	case leaf == 0xd:
		switch sub {
		case 0:
			a, b, cx = xcr0Known, 576, 576
		case 1:
			a = 1 // XSAVEOPT
		}
	case leaf == 0x15:
		// The core crystal runs at the TSC's rate.
		a, b, cx = 1, 1, uint32(c.opt.TSCFrequency)
	case leaf == 0x16:
		a = uint32(c.opt.TSCFrequency / 1_000_000)
		b = a
	case leaf == hyperLeaf:
		a = hyperLeaf
		b, cx, d = vendor("GoEmuGoEmu  ")
	case leaf == 0x8000_0000:
		a = maxExtLeaf
		b, d, cx = vendor(m.Vendor)
	case leaf == 0x8000_0001:
		a, cx, d = m.signature(), extECX, extEDX
		if c.bus.APICBase()&(1<<11) == 0 {
			d &^= 1 << 9
		}
	case leaf >= 0x8000_0002 && leaf <= 0x8000_0004:
		var s [48]byte
		copy(s[:], m.Brand)
		p := s[(leaf-0x8000_0002)*16:]
		a, b, cx, d = binary.LittleEndian.Uint32(p), binary.LittleEndian.Uint32(p[4:]), binary.LittleEndian.Uint32(p[8:]), binary.LittleEndian.Uint32(p[12:])
	case leaf == 0x8000_0005:
		// L1: TLBs, 64 KiB two-way data and instruction caches with lines of 64 bytes.
		a, b, cx, d = 0x01ff_01ff, 0x01ff_01ff, 64<<24|2<<16|1<<8|64, 64<<24|2<<16|1<<8|64
	case leaf == 0x8000_0006:
		cx = 512<<16 | 8<<12 | 1<<8 | 64 // L2: 512 KiB, 16-way
	case leaf == 0x8000_0007:
		d = extPower
	case leaf == 0x8000_0008:
		a = 48<<8 | uint32(c.opt.PhysBits)
		b = extXSaveErr
	}
	return a, b, cx, d
}

// vendor packs a string of 12 bytes into three registers in the order of its letters.
func vendor(s string) (x, y, z uint32) {
	var p [12]byte
	copy(p[:], s)
	return binary.LittleEndian.Uint32(p[:]), binary.LittleEndian.Uint32(p[4:]), binary.LittleEndian.Uint32(p[8:])
}

func sysCPUID(c *CPU, i *tcg.SysInst) bool {
	g := &c.env.GPR
	a, b, cx, d := c.CPUID(uint32(g[regAX]), uint32(g[regCX]))
	g[regAX], g[regBX], g[regCX], g[regDX] = uint64(a), uint64(b), uint64(cx), uint64(d)
	return true
}
