package cpumodel

import "goemu/decoder"

// Model is one kind of processor, made by New or Parse. It must not be changed once a CPU uses it.
type Model struct {
	Name                    string
	Vendor                  string // 12 bytes
	Brand                   string // up to 48 bytes
	Family, Model, Stepping uint8
	Level                   uint32 // highest basic CPUID leaf; 0: there is no CPUID
	XLevel                  uint32 // highest extended leaf; 0: there are none
	PhysBits                int    // MAXPHYADDR
	Features                Set    // without what changes as the processor runs, such as OSXSAVE
	Enforce                 bool   // nothing may be left out of it

	givenPhysBits bool
	gen           uint8
	caches        *cacheSet
}

// maxPhysBits is the width of the machine's physical addresses.
const maxPhysBits = 40

// New makes the model of that name as it comes; dropped are the features of the real processor that goemu lacks.
func New(name string) (m *Model, dropped Set, ok bool) {
	d, want, ok := define(name)
	if !ok {
		return nil, Set{}, false
	}
	c := cacheSets[d.caches]
	m = &Model{
		Name: d.name, Vendor: d.vendor, Brand: "goemu " + d.name,
		Family: d.family, Model: d.model, Stepping: d.stepping, Level: d.level, XLevel: d.xlevel,
		gen: d.gen, caches: &c,
	}
	if name == Default {
		m.Brand = "goemu virtual CPU"
	}
	if m.Level > 0 {
		want.Put(Hypervisor, true)
	}
	have := Supported().or(setOf(topology))
	m.Features = want.and(have).closed()
	m.settle()
	return m, want.without(m.Features), true
}

// settle computes what follows from the features.
func (m *Model) settle() {
	switch f := &m.Features; {
	case f.Has(LM):
		m.PhysBits = maxPhysBits
	case f.Has(PAE), f.Has(PSE36):
		m.PhysBits = 36
	default:
		m.PhysBits = 32
	}
	for w, bits := range m.Features {
		if bits == 0 || m.Level == 0 {
			continue
		}
		if leaf := wordLeaf[w]; leaf < extLeaf {
			m.Level = max(m.Level, leaf)
		} else {
			m.XLevel = max(m.XLevel, leaf)
		}
	}
}

// LinearBits is the width of linear addresses in long mode; 0 for a processor without it.
func (m *Model) LinearBits() int {
	switch {
	case m.Features.Has(LA57):
		return 57
	case m.Features.Has(LM):
		return 48
	}
	return 0
}

// Has tells whether the processor has a feature.
func (m *Model) Has(f Feature) bool { return m.Features.Has(f) }

// HasCPUID tells whether there is a CPUID instruction, and so EFLAGS.ID.
func (m *Model) HasCPUID() bool { return m.Level > 0 }

// Is486 tells whether the processor has what the 80486 added to CR0 and EFLAGS: WP, NE, AM, CD, NW, and AC.
func (m *Model) Is486() bool { return m.gen >= gen486 }

// IsP6 tells whether the processor has what no CPUID bit tells of and came with the Pentium Pro: DEBUGCTL, the APIC's base in an MSR.
func (m *Model) IsP6() bool { return m.gen >= genP6 }

// Gates is the set of instructions that the processor has.
func (m *Model) Gates() decoder.FeatureSet {
	s := m.Features.gates()
	for f, gen := range map[decoder.Feature]uint8{
		decoder.FeatBase: 0, decoder.Feat186: 0, decoder.Feat286: 0, decoder.Feat386: gen386,
		decoder.Feat486: gen486, decoder.FeatP5: genP5, decoder.FeatP6: genP6,
	} {
		s.Put(f, m.gen >= gen)
	}
	s.Put(decoder.FeatCPUID, m.HasCPUID())
	return s
}

// Signature is leaf 1's EAX (SDM vol. 2A figure 3-6), and EDX after reset.
func (m *Model) Signature() uint32 {
	s := uint32(m.Stepping&15) | uint32(m.Model&15)<<4
	if m.Family >= 15 {
		return s | uint32(m.Model>>4)<<16 | 15<<8 | uint32(m.Family-15)<<20
	}
	if m.Family == 6 {
		s |= uint32(m.Model>>4) << 16
	}
	return s | uint32(m.Family)<<8
}

// A Component is a state component of XSAVE (SDM vol. 1 13.1 and 13.5): its place in the standard format.
type Component struct {
	Bit          uint8
	Offset, Size uint32 // bytes
	Feature      Feature
}

// components are those beyond x87 and SSE, which are in the legacy region.
var components = []Component{
	{2, 576, 256, AVX},
	{5, 1088, 64, AVX512F}, // opmask
	{6, 1152, 512, AVX512F},
	{7, 1664, 1024, AVX512F},
	{9, 2688, 8, PKU},
}

// Components are the state components beyond x87 and SSE, by ascending bit.
func Components() []Component { return components }

// legacyArea is the size of the legacy region and the header of an XSAVE area.
const legacyArea = 576

// XCR0 is the set of state components that XSAVE can handle; 0 for a processor without it.
func (m *Model) XCR0() uint64 {
	if !m.Has(XSAVE) {
		return 0
	}
	x := uint64(1)
	if m.Has(SSE) {
		x |= 2
	}
	for _, c := range components {
		if m.Has(c.Feature) {
			x |= 1 << c.Bit
		}
	}
	return x
}

// areaSize is the size of an XSAVE area for the components of x, in the standard or the compacted format.
func areaSize(x uint64, compacted bool) uint32 {
	n := uint32(legacyArea)
	for _, c := range components {
		switch {
		case x>>c.Bit&1 == 0:
		case compacted:
			n += c.Size
		default:
			n = max(n, c.Offset+c.Size)
		}
	}
	return n
}
