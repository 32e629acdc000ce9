package cpumodel

// FeaturesOf reads what a CPUID tells of features, such as the host's, or that which the host's KVM offers its guests.
func FeaturesOf(read Reader) Set { return hostFeatures(read) }

// Elsewhere gives the features whose state a processor's XSAVE area has at other places than goemu's, as AMD's do from Zen 3 on: its CPUID, or that which the host's KVM offers, tells
// (leaf 0Dh). A guest in KVM uses the area of the host's processor, and takes its places from CPUID, which is goemu's.
func Elsewhere(read Reader) (s Set) {
	have := hostFeatures(read)
	for _, c := range components {
		size, offset, _, _ := read(0xd, uint32(c.Bit))
		if have.Has(c.Feature) && (size != c.Size || offset != c.Offset) {
			s.Put(c.Feature, true)
		}
	}
	return s
}

// Without is the set without those of t, and without what cannot be without them.
func (s Set) Without(t Set) Set { return s.without(t).closed() }

// Lacking gives the features of the model that have is without. How processors are counted is the machine's and no feature of theirs.
func (m *Model) Lacking(have Set) Set { return m.Features.without(have.or(setOf(topology))) }

// Cut makes the model that is left of m on a processor that has no more than have; lost are the features that it takes away: those that are lacking, and those
// that cannot be without them. m stays as it is.
func (m *Model) Cut(have Set) (cut *Model, lost Set) {
	c := *m
	c.Features = m.Features.and(have.or(setOf(topology))).closed()
	physBits := m.PhysBits
	c.settle()
	if m.givenPhysBits || c.PhysBits > physBits {
		c.PhysBits = physBits
	}
	return &c, m.Features.without(c.Features)
}
