package cpumodel

import (
	"encoding/binary"
	"math/bits"
)

const (
	extLeaf   = 0x8000_0000
	hyperLeaf = 0x4000_0000
)

// State is what CPUID tells beyond the model: the place of a processor in its machine, and its control registers.
type State struct {
	APICID       uint32
	Processors   int    // in the package; 0: 1
	Threads      int    // processors in a core; 0: 1
	TSCFrequency uint64 // Hz; 0: it is not told
	NoAPIC       bool   // the local APIC is switched off
	OSXSAVE      bool   // CR4.OSXSAVE
	OSPKE        bool   // CR4.PKE
	Code64       bool   // 64-bit mode
	XCR0, XSS    uint64
}

// Bits of leaves 1 and 7 that follow CR4.
const (
	leaf1OSXSAVE = 1 << 27
	leaf7OSPKE   = 1 << 4
)

// extLeaf1Copy are the bits of leaf 1's EDX that AMD's processors repeat in leaf 0x80000001.
const extLeaf1Copy = 0x0183_f3ff

// regs are the four result registers.
type regs struct{ a, b, c, d uint32 }

// CPUID gives the four result registers, for a processor that has the instruction.
func (m *Model) CPUID(leaf, sub uint32, s *State) (a, b, c, d uint32) {
	var r regs
	switch {
	case leaf < hyperLeaf && leaf <= m.Level:
		r = m.basic(leaf, sub, s)
	case leaf >= extLeaf && leaf <= m.XLevel:
		r = m.extended(leaf, sub, s)
	case leaf == hyperLeaf && m.Has(Hypervisor):
		r.a = hyperLeaf
		r.b, r.c, r.d = words("GoEmuGoEmu  ")
	case leaf > hyperLeaf && leaf < hyperLeaf+0x100 && m.Has(Hypervisor):
	case m.Vendor == Intel:
		// Intel's processors answer with the highest basic leaf.
		r = m.basic(m.Level, sub, s)
	}
	return r.a, r.b, r.c, r.d
}

// words packs a string of 12 bytes into three registers in the order of its letters.
func words(s string) (x, y, z uint32) {
	var p [12]byte
	copy(p[:], s)
	return binary.LittleEndian.Uint32(p[:]), binary.LittleEndian.Uint32(p[4:]), binary.LittleEndian.Uint32(p[8:])
}

// word gives a word of features as it shows now.
func (m *Model) word(w Word, s *State) uint32 {
	v := m.Features[w]
	many := s.Processors > 1
	switch w {
	case Leaf1EDX, Ext1EDX:
		if s.NoAPIC {
			v &^= 1 << (APIC & 31)
		}
		if w == Leaf1EDX && many {
			v |= 1 << (HT & 31)
		}
		if w == Ext1EDX && m.Vendor == Intel && !s.Code64 {
			v &^= 1 << (SYSCALL & 31)
		}
	case Leaf1ECX:
		if s.OSXSAVE {
			v |= leaf1OSXSAVE
		}
	case Leaf7ECX:
		if s.OSPKE {
			v |= leaf7OSPKE
		}
	case Ext1ECX:
		if m.Vendor == AMD && many {
			v |= 1 << (CmpLegacy & 31)
		}
	}
	return v
}

// idBits is the number of APIC id bits that tell the package's processors apart.
func (s *State) idBits() uint32 { return uint32(bits.Len(uint(max(s.Processors, 1) - 1))) }

// threadBits is the number of APIC id bits that tell the processors of a core apart.
func (s *State) threadBits() uint32 { return uint32(bits.Len(uint(max(s.Threads, 1) - 1))) }

func (m *Model) basic(leaf, sub uint32, s *State) (r regs) {
	n := uint32(max(s.Processors, 1))
	switch leaf {
	case 0:
		r.a = m.Level
		r.b, r.d, r.c = words(m.Vendor)
	case 1:
		r.a = m.Signature()
		r.b = s.APICID << 24
		if m.Has(HT) || n > 1 || m.Has(CLFLUSH) {
			r.b |= n & 0xff << 16
		}
		if m.Has(CLFLUSH) {
			r.b |= 8 << 8 // a line of 64 bytes
		}
		r.c, r.d = m.word(Leaf1ECX, s), m.word(Leaf1EDX, s)
	case 2:
		d := m.caches.descriptors
		r = regs{d[0], d[1], d[2], d[3]}
	case 4:
		if m.Vendor != AMD {
			r = m.cacheLeaf(sub, s)
		}
	case 5:
		if m.Has(Monitor) {
			r = regs{64, 64, 3, 0} // lines of 64 bytes; interrupts end MWAIT even when masked
		}
	case 6:
		r.a = m.word(Leaf6EAX, s)
	case 7:
		switch sub {
		case 0:
			r.b, r.c, r.d = m.word(Leaf7EBX, s), m.word(Leaf7ECX, s), m.word(Leaf7EDX, s)
			if m.Features[Leaf7x1EAX] != 0 {
				r.a = 1
			}
		case 1:
			r.a = m.word(Leaf7x1EAX, s)
		}
	case 0xb:
		r.c, r.d = sub&0xff, s.APICID
		switch sub {
		case 0:
			r.a, r.b, r.c = s.threadBits(), uint32(max(s.Threads, 1)), r.c|1<<8 // threads of a core
		case 1:
			r.a, r.b, r.c = s.idBits(), n, r.c|2<<8
		}
	case 0xd:
		r = m.xsaveLeaf(sub, s)
	case 0x15:
		r = tscLeaf(s.TSCFrequency)
	case 0x16:
		r.a = uint32(s.TSCFrequency / 1_000_000)
		r.b = r.a
	}
	return r
}

// tscLeaf is leaf 15h: the TSC's rate by that of the core crystal, which is about 1 GHz, as Linux takes the local APIC's timer to run at it. The ratio is so small that Linux, which multiplies kHz
// in 32 bits, comes to no more than 8.5 GHz.
func tscLeaf(hz uint64) regs {
	const den, unit = 500, 1_000_000_000 / 500
	if hz == 0 {
		return regs{}
	}
	num := max((hz+unit/2)/unit, 1)
	crystal := (hz*den + num/2) / num
	div, rest := num, uint64(den)
	for rest != 0 {
		div, rest = rest, div%rest
	}
	return regs{uint32(den / div), uint32(num / div), uint32(crystal), 0}
}

// cacheLeaf is leaf 4, and AMD's 0x8000001D, which has the same layout.
func (m *Model) cacheLeaf(sub uint32, s *State) (r regs) {
	if int(sub) >= len(m.caches.caches) {
		return r
	}
	c := &m.caches.caches[sub]
	r.a = uint32(c.Kind) | uint32(c.Level)<<5 | 1<<8 // self-initializing
	sharing := s.threadBits()
	if c.Shared {
		sharing = s.idBits()
	}
	r.a |= (1<<sharing - 1) << 14
	if m.Vendor == Intel {
		r.a |= (1<<(s.idBits()-s.threadBits()) - 1) << 26
	}
	r.b = c.Line - 1 | (c.Ways-1)<<22
	r.c = c.sets() - 1
	if c.Inclusive {
		r.d = 1 << 1
	}
	return r
}

func (m *Model) xsaveLeaf(sub uint32, s *State) (r regs) {
	all := m.XCR0()
	if all == 0 {
		return r
	}
	switch sub {
	case 0:
		r.a, r.d = uint32(all), uint32(all>>32)
		r.b, r.c = areaSize(s.XCR0, false), areaSize(all, false)
	case 1:
		r.a = m.word(LeafDx1EAX, s)
		if m.Has(XSAVEC) {
			r.b = areaSize(s.XCR0|s.XSS, true)
		}
	default:
		for _, c := range components {
			if uint32(c.Bit) == sub && all>>c.Bit&1 != 0 {
				r.a, r.b = c.Size, c.Offset
			}
		}
	}
	return r
}

func (m *Model) extended(leaf, sub uint32, s *State) (r regs) {
	amd := m.Vendor == AMD
	switch leaf {
	case extLeaf:
		r.a = m.XLevel
		if amd {
			r.b, r.d, r.c = words(m.Vendor)
		}
	case extLeaf + 1:
		if amd {
			r.a = m.Signature()
			r.d = m.word(Leaf1EDX, s) & extLeaf1Copy
		}
		r.c, r.d = m.word(Ext1ECX, s), r.d|m.word(Ext1EDX, s)
	case extLeaf + 2, extLeaf + 3, extLeaf + 4:
		var t [48]byte
		copy(t[:], m.Brand)
		p := t[(leaf-extLeaf-2)*16:]
		le := binary.LittleEndian
		r = regs{le.Uint32(p), le.Uint32(p[4:]), le.Uint32(p[8:]), le.Uint32(p[12:])}
	case extLeaf + 5:
		if amd {
			// TLBs of 255 entries for pages of all sizes.
			r = regs{0x01ff_01ff, 0x01ff_01ff, m.amdL1(dataCache), m.amdL1(codeCache)}
		}
	case extLeaf + 6:
		c := m.caches.find(2, unifiedCache)
		if c.KiB != 0 {
			r.c = c.KiB<<16 | c.ways16()<<12 | c.Line
			if amd {
				r.c |= 1 << 8
			}
		}
		if c := m.caches.find(3, unifiedCache); amd && c.KiB != 0 {
			r.d = c.KiB/512<<18 | c.ways16()<<12 | 1<<8 | c.Line
		}
	case extLeaf + 7:
		r.d = m.word(Ext7EDX, s)
	case extLeaf + 8:
		r.a = uint32(m.LinearBits())<<8 | uint32(m.PhysBits)
		if m.LinearBits() == 0 {
			r.a |= 32 << 8
		}
		r.b = m.word(Ext8EBX, s)
		if amd && s.Processors > 1 {
			r.c = s.idBits()<<12 | uint32(s.Processors-1)
		}
	case extLeaf + 0xa:
		r.d = m.word(ExtAEDX, s)
	case extLeaf + 0x1d:
		if m.Has(TopoExt) {
			r = m.cacheLeaf(sub, s)
		}
	case extLeaf + 0x1e:
		if m.Has(TopoExt) {
			threads := uint32(max(s.Threads, 1))
			r = regs{s.APICID, s.APICID >> s.threadBits() & 0xff, 0, 0} // one node
			r.b |= (threads - 1) << 8
		}
	}
	return r
}

// amdL1 is half of leaf 0x80000005.
func (m *Model) amdL1(k cacheKind) uint32 {
	c := m.caches.find(1, k)
	return c.KiB<<24 | c.Ways<<16 | 1<<8 | c.Line
}
