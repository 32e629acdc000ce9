package x86

import (
	"goemu/decoder"
	"goemu/emu/cpumodel"
)

// xcr0Known are the state components that XSAVE handles here.
const xcr0Known = compX87 | compSSE | compAVX | compAVX512 | compPKRU

// valid are the bits of registers that the processor's model has; the others are reserved.
type valid struct {
	cr0, cr4, efer, xcr0 uint64
	flags                uint32
}

// bitOwner names the feature that brings register bits.
type bitOwner struct {
	bit     uint64
	feature cpumodel.Feature
}

// cr4Owners and eferOwners are the features that bring bits of CR4 (SDM vol. 3A 2.5) and EFER.
var cr4Owners = []bitOwner{
	{cr4VME | cr4PVI, cpumodel.VME},
	{cr4TSD, cpumodel.TSC},
	{cr4DE, cpumodel.DE},
	{cr4PSE, cpumodel.PSE},
	{cr4PAE, cpumodel.PAE},
	{cr4MCE, cpumodel.MCE},
	{cr4PGE, cpumodel.PGE},
	{cr4PCE, cpumodel.MMX}, // RDPMC came with the Pentium Pro and the Pentium with MMX
	{cr4OSFXSR, cpumodel.FXSR},
	{cr4OSXMMEXCPT, cpumodel.SSE},
	{cr4UMIP, cpumodel.UMIP},
	{cr4LA57, cpumodel.LA57},
	{cr4FSGSBASE, cpumodel.FSGSBASE},
	{cr4PCIDE, cpumodel.PCID},
	{cr4OSXSAVE, cpumodel.XSAVE},
	{cr4SMEP, cpumodel.SMEP},
	{cr4SMAP, cpumodel.SMAP},
	{cr4PKE, cpumodel.PKU},
}

var eferOwners = []bitOwner{
	{eferSCE, cpumodel.SYSCALL},
	{eferLME | eferLMA, cpumodel.LM},
	{eferNXE, cpumodel.NX},
}

// owned gives the bits whose features m has.
func owned(m *cpumodel.Model, owners []bitOwner) (bits uint64) {
	for _, o := range owners {
		if m.Has(o.feature) {
			bits |= o.bit
		}
	}
	return bits
}

// setModel computes what depends on the model alone.
func (c *CPU) setModel(m *cpumodel.Model) {
	c.model = m
	v := valid{
		cr0: cr0Known, cr4: owned(m, cr4Owners), efer: owned(m, eferOwners),
		xcr0: m.XCR0() & xcr0Known, flags: flagsKnown,
	}
	if !m.Is486() {
		v.cr0 &^= cr0NE | cr0WP | cr0AM | cr0NW | cr0CD
		v.flags &^= flagAC
	}
	if !m.HasCPUID() {
		v.flags &^= flagID
	}
	c.valid = v
}

// Gates is the set of instructions that the processor has.
func (c *CPU) Gates() decoder.FeatureSet { return c.model.Gates() }

// hasMSR tells whether the model has a model-specific register.
func (c *CPU) hasMSR(n uint32) bool {
	m := c.model
	switch n {
	case msrTSC:
		return m.Has(cpumodel.TSC)
	case msrTSCAdjust:
		return m.Has(cpumodel.TSCAdjust)
	case msrAPICBase:
		return m.Has(cpumodel.APIC) && m.IsP6()
	case msrPlatformID, msrFeatureControl, msrMiscEnable:
		return m.Vendor == cpumodel.Intel && m.IsP6()
	case msrMicrocode, msrDebugCtl:
		return m.IsP6()
	case msrSysenterCS, msrSysenterESP, msrSysenterEIP:
		return m.Has(cpumodel.SEP)
	case msrMCGCap, msrMCGStatus:
		return m.Has(cpumodel.MCA)
	case msrPAT:
		return m.Has(cpumodel.PAT)
	case msrMTRRCap, msrMTRRDefType:
		return m.Has(cpumodel.MTRR)
	case msrEFER:
		return c.valid.efer != 0
	case msrSTAR:
		return m.Has(cpumodel.SYSCALL)
	case msrLSTAR, msrCSTAR, msrSFMASK, msrFSBase, msrGSBase, msrKernelGSBase:
		return m.Has(cpumodel.LM)
	case msrXSS:
		return m.Has(cpumodel.XSAVES)
	case msrTSCAux:
		return m.Has(cpumodel.RDTSCP) || m.Has(cpumodel.RDPID)
	}
	switch {
	case n >= msrMTRRPhys && n < msrMTRRDefType:
		return m.Has(cpumodel.MTRR)
	case n >= msrMCBank && n < msrMCBank+4*mcBanks:
		return m.Has(cpumodel.MCA)
	case n>>16 == 0xc001:
		return m.Vendor == cpumodel.AMD
	}
	return true
}
