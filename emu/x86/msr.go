package x86

import "goemu/tcg"

// Model-specific registers (SDM vol. 4; AMD APM vol. 2 appendix A).
const (
	msrTSC            = 0x10
	msrPlatformID     = 0x17
	msrAPICBase       = 0x1b
	msrFeatureControl = 0x3a
	msrTSCAdjust      = 0x3b
	msrMicrocode      = 0x8b
	msrMTRRCap        = 0xfe
	msrSysenterCS     = 0x174
	msrSysenterESP    = 0x175
	msrSysenterEIP    = 0x176
	msrMCGCap         = 0x179
	msrMCGStatus      = 0x17a
	msrMiscEnable     = 0x1a0
	msrDebugCtl       = 0x1d9
	msrMTRRPhys       = 0x200 // base and mask pairs
	msrMTRRFix64K     = 0x250
	msrMTRRFix16K     = 0x258 // two
	msrMTRRFix4K      = 0x268 // eight
	msrPAT            = 0x277
	msrMTRRDefType    = 0x2ff
	msrMCBank         = 0x400 // CTL STATUS ADDR MISC of each bank
	msrTSCDeadline    = 0x6e0
	msrX2APIC         = 0x800 // 256 of them
	msrXSS            = 0xda0
	msrEFER           = 0xc000_0080
	msrSTAR           = 0xc000_0081
	msrLSTAR          = 0xc000_0082
	msrCSTAR          = 0xc000_0083
	msrSFMASK         = 0xc000_0084
	msrFSBase         = 0xc000_0100
	msrGSBase         = 0xc000_0101
	msrKernelGSBase   = 0xc000_0102
	msrTSCAux         = 0xc000_0103

	// AMD.
	msrSysCfg      = 0xc001_0010
	msrHWCR        = 0xc001_0015
	msrTopMem      = 0xc001_001a
	msrTopMem2     = 0xc001_001d
	msrPatchLoader = 0xc001_0020 // microcode update trigger
	msrNBCfg       = 0xc001_001f // northbridge configuration
	msrIntPending  = 0xc001_0055
	msrLSCfg       = 0xc001_1020 // load-store unit and decoder: nothing to configure
	msrDECfg       = 0xc001_1029
)

const (
	mtrrVariable = 8
	mcBanks      = 4
	mtrrCap      = mtrrVariable | 1<<8 | 1<<10 // variable ranges, fixed ranges, write-combining
	patReset     = 0x0007_0406_0007_0406
	miscEnable   = 1 | 1<<11 | 1<<12 // fast strings; no branch trace store, no PEBS
	mcgStatus    = 7                 // RIPV, EIPV, MCIP
)

// msrs is the storage of model-specific registers.
type msrs struct {
	tscOffset     uint64
	tscAdjust     uint64 // of tscOffset, what the guest has added (SDM vol. 3B 18.17.3)
	star          uint64
	lstar, cstar  uint64
	sfmask        uint64
	tscAux        uint64
	sysenterCS    uint64
	sysenterESP   uint64
	sysenterEIP   uint64
	pat           uint64
	misc          uint64
	mtrrDef       uint64
	mtrrPhys      [2 * mtrrVariable]uint64
	mtrrFix       [11]uint64
	mcg           uint64
	mc            [4 * mcBanks]uint64
	sysCfg, hwcr  uint64
	topMem        [2]uint64
	nbCfg         uint64
	lsCfg, deCfg  uint64
	intPending    uint64
	debugCtl      uint64
	microcodeSign uint64
}

func (m *msrs) reset() {
	*m = msrs{pat: patReset, misc: miscEnable, microcodeSign: 0x0100_0065}
}

// fixedMTRR gives the index of a fixed-range MTRR, or -1.
func fixedMTRR(n uint32) int {
	switch {
	case n == msrMTRRFix64K:
		return 0
	case n == msrMTRRFix16K, n == msrMTRRFix16K+1:
		return int(n-msrMTRRFix16K) + 1
	case n >= msrMTRRFix4K && n < msrMTRRFix4K+8:
		return int(n-msrMTRRFix4K) + 3
	}
	return -1
}

// storage gives the place of an MSR that is plain storage, and the bits that must be written as 0.
func (c *CPU) storage(n uint32) (p *uint64, reserved uint64) {
	m := &c.msr
	phys := ^uint64(0) << c.pg.PhysBits
	switch n {
	case msrSTAR:
		return &m.star, 0
	case msrSFMASK:
		return &m.sfmask, ^uint64(0xffff_ffff)
	case msrTSCAux:
		return &m.tscAux, ^uint64(0xffff_ffff)
	case msrSysenterCS:
		return &m.sysenterCS, 0
	case msrMiscEnable:
		return &m.misc, ^uint64(miscEnable)
	case msrMTRRDefType:
		return &m.mtrrDef, ^uint64(0xcff)
	case msrMCGStatus:
		return &m.mcg, ^uint64(mcgStatus)
	case msrSysCfg:
		return &m.sysCfg, 0
	case msrHWCR:
		return &m.hwcr, 0
	case msrTopMem:
		return &m.topMem[0], phys
	case msrTopMem2:
		return &m.topMem[1], phys
	case msrNBCfg:
		return &m.nbCfg, 0
	case msrLSCfg:
		return &m.lsCfg, 0
	case msrDECfg:
		return &m.deCfg, 0
	case msrIntPending:
		return &m.intPending, 0
	case msrDebugCtl:
		return &m.debugCtl, ^uint64(0x3)
	}
	switch {
	case n >= msrMTRRPhys && n < msrMTRRPhys+2*mtrrVariable:
		if n&1 == 0 {
			return &m.mtrrPhys[n-msrMTRRPhys], phys | 0xf00
		}
		return &m.mtrrPhys[n-msrMTRRPhys], phys | 0x7ff
	case fixedMTRR(n) >= 0:
		return &m.mtrrFix[fixedMTRR(n)], 0
	case n >= msrMCBank && n < msrMCBank+4*mcBanks:
		if n&3 != 0 { // STATUS, ADDR and MISC take only 0 (SDM vol. 3B 16.3.2)
			return &m.mc[n-msrMCBank], ^uint64(0)
		}
		return &m.mc[n-msrMCBank], 0
	}
	return nil, 0
}

// addressMSR gives the place of an MSR that holds a canonical address.
func (c *CPU) addressMSR(n uint32) *uint64 {
	switch n {
	case msrLSTAR:
		return &c.msr.lstar
	case msrCSTAR:
		return &c.msr.cstar
	case msrFSBase:
		return &c.seg[segFS].Base
	case msrGSBase:
		c.takeGS()
		return &c.seg[segGS].Base
	case msrKernelGSBase:
		return &c.env.KernelGS
	case msrSysenterESP:
		return &c.msr.sysenterESP
	case msrSysenterEIP:
		return &c.msr.sysenterEIP
	}
	return nil
}

// ReadMSR reads a model-specific register; ok is false for those that do not exist.
func (c *CPU) ReadMSR(n uint32) (v uint64, ok bool) {
	if !c.hasMSR(n) {
		return 0, false
	}
	if p := c.addressMSR(n); p != nil {
		return *p, true
	}
	if p, _ := c.storage(n); p != nil {
		return *p, true
	}
	switch n {
	case msrTSC:
		return c.tsc(), true
	case msrTSCAdjust:
		return c.msr.tscAdjust, true
	case msrEFER:
		return c.pg.EFER, true
	case msrAPICBase:
		return c.bus.APICBase(), true
	case msrPAT:
		return c.msr.pat, true
	case msrMTRRCap:
		return mtrrCap, true
	case msrMCGCap:
		return mcBanks, true
	case msrMicrocode:
		return c.msr.microcodeSign, true
	case msrPlatformID:
		return 0, true
	case msrFeatureControl:
		return 1, true // locked, nothing enabled
	case msrXSS:
		return 0, true
	}
	if isAPIC(n) && c.apic != nil {
		return c.apic.ReadAPIC(n)
	}
	return 0, false
}

// isAPIC tells whether an MSR is the local APIC's.
func isAPIC(n uint32) bool { return n == msrTSCDeadline || n&^0xff == msrX2APIC }

// validMemoryType tells whether t is UC, WC, WT, WP, WB, or UC- where that is allowed (PAT).
func validMemoryType(t uint8, ucMinus bool) bool {
	return t <= 6 && t != 2 && t != 3 || t == 7 && ucMinus
}

// validTypes checks the memory types in an MTRR (SDM vol. 3A 12.11.2).
func validTypes(n uint32, v uint64) bool {
	switch {
	case n == msrMTRRDefType, n >= msrMTRRPhys && n < msrMTRRPhys+2*mtrrVariable && n&1 == 0:
		return validMemoryType(uint8(v), false)
	case fixedMTRR(n) >= 0:
		for k := 0; k < 64; k += 8 {
			if !validMemoryType(uint8(v>>k), false) {
				return false
			}
		}
	}
	return true
}

// WriteMSR writes a model-specific register; false means #GP.
func (c *CPU) WriteMSR(n uint32, v uint64) bool {
	if !c.hasMSR(n) {
		return false
	}
	if p := c.addressMSR(n); p != nil {
		if !c.canonicalBase(v) {
			return false
		}
		*p = v
		if n == msrFSBase || n == msrGSBase {
			s := segFS
			if n == msrGSBase {
				s = segGS
			}
			c.env.SegBase[s] = v
		}
		return true
	}
	if p, reserved := c.storage(n); p != nil {
		if v&reserved != 0 {
			return false
		}
		if !validTypes(n, v) {
			return false
		}
		if n == msrMiscEnable {
			v |= miscEnable &^ 1 // the other bits are read-only
		}
		*p = v
		return true
	}
	switch n {
	case msrTSC:
		c.adjustTSC(v - c.tsc())
	case msrTSCAdjust:
		c.adjustTSC(v - c.msr.tscAdjust)
	case msrEFER:
		return c.setEFER(v)
	case msrAPICBase:
		return c.bus.SetAPICBase(v)
	case msrPAT:
		for k := 0; k < 64; k += 8 {
			if !validMemoryType(uint8(v>>k), true) {
				return false
			}
		}
		c.msr.pat = v
	case msrXSS: // no state component is the supervisor's
		return v == 0
	case msrMicrocode, msrPatchLoader: // taken, and nothing is done
	default:
		return isAPIC(n) && c.apic != nil && c.apic.WriteAPIC(n, v)
	}
	return true
}

func sysRDMSR(c *CPU, i *tcg.SysInst) bool {
	if !c.privileged() {
		return false
	}
	v, ok := c.ReadMSR(uint32(c.env.GPR[regCX]))
	if !ok {
		return c.gp(0)
	}
	c.setEDXEAX(v)
	return true
}

func sysWRMSR(c *CPU, i *tcg.SysInst) bool {
	if !c.privileged() {
		return false
	}
	return c.WriteMSR(uint32(c.env.GPR[regCX]), c.edxeax()) || c.gp(0)
}
