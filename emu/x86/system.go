package x86

import (
	"goemu/decoder"
	"goemu/tcg"
)

var farOps = map[decoder.Op]handler{
	decoder.CALLF:    sysCALLF,
	decoder.JMPF:     sysJMPF,
	decoder.RETF:     sysRETF,
	decoder.IRET:     sysIRET,
	decoder.INT:      sysINT,
	decoder.INT3:     sysINT3,
	decoder.INT1:     sysINT1,
	decoder.INTO:     sysINTO,
	decoder.SYSCALL:  sysSYSCALL,
	decoder.SYSRET:   sysSYSRET,
	decoder.SYSENTER: sysSYSENTER,
	decoder.SYSEXIT:  sysSYSEXIT,
	decoder.UD0:      sysUD,
	decoder.UD1:      sysUD,
	decoder.UD2:      sysUD,
	decoder.Invalid:  sysUD,
}

var systemOps = map[decoder.Op]handler{
	decoder.HLT:      sysHLT,
	decoder.CPUID:    sysCPUID,
	decoder.RDTSC:    sysRDTSC,
	decoder.RDTSCP:   sysRDTSCP,
	decoder.RDPMC:    sysRDPMC,
	decoder.RDMSR:    sysRDMSR,
	decoder.WRMSR:    sysWRMSR,
	decoder.SWAPGS:   sysSWAPGS,
	decoder.INVD:     sysCacheControl,
	decoder.WBINVD:   sysCacheControl,
	decoder.WBNOINVD: sysCacheControl,
	decoder.PAUSE:    sysPAUSE,
	decoder.XGETBV:   sysXGETBV,
	decoder.XSETBV:   sysXSETBV,
	decoder.RSM:      sysRSM,
	decoder.VMCALL:   sysUD,
	decoder.VMMCALL:  sysUD,
}

func sysHLT(c *CPU, i *tcg.SysInst) bool {
	if !c.privileged() {
		return false
	}
	c.state = Halted
	c.requestExit()
	return true
}

// sysCacheControl is INVD and WBINVD: there is no cache to write back.
func sysCacheControl(c *CPU, i *tcg.SysInst) bool { return c.privileged() }

// sysPAUSE is a hint that the program waits for another processor.
func sysPAUSE(c *CPU, i *tcg.SysInst) bool {
	if c.opt.OnPause != nil {
		c.opt.OnPause()
	}
	return true
}

// TSCOffset is the time-stamp counter less Bus.TSC.
func (c *CPU) TSCOffset() uint64 { return c.msr.tscOffset }

// setTSCOffset moves the time-stamp counter, and with it the deadline of the local APIC's timer.
func (c *CPU) setTSCOffset(v uint64) {
	c.msr.tscOffset = v
	if c.apic != nil {
		c.apic.TSCMoved()
	}
}

// adjustTSC is the guest's change of the counter by n.
func (c *CPU) adjustTSC(n uint64) {
	if n == 0 {
		return
	}
	c.msr.tscAdjust += n
	c.setTSCOffset(c.msr.tscOffset + n)
}

func (c *CPU) tsc() uint64 { return c.bus.TSC() + c.msr.tscOffset }

// tscAllowed checks CR4.TSD.
func (c *CPU) tscAllowed() bool {
	return c.pg.CR4&cr4TSD == 0 || c.cpl == 0 || c.gp(0)
}

// setEDXEAX writes a 64-bit value to EDX:EAX.
func (c *CPU) setEDXEAX(v uint64) {
	c.env.GPR[regAX], c.env.GPR[regDX] = v&0xffff_ffff, v>>32
}

func (c *CPU) edxeax() uint64 {
	return c.env.GPR[regDX]<<32 | c.env.GPR[regAX]&0xffff_ffff
}

func sysRDTSC(c *CPU, i *tcg.SysInst) bool {
	if !c.tscAllowed() {
		return false
	}
	c.setEDXEAX(c.tsc())
	return true
}

func sysRDTSCP(c *CPU, i *tcg.SysInst) bool {
	if !c.tscAllowed() {
		return false
	}
	c.setEDXEAX(c.tsc())
	c.env.GPR[regCX] = c.msr.tscAux & 0xffff_ffff
	return true
}

// sysRDPMC: no counters exist, so that any index is out of range.
func sysRDPMC(c *CPU, i *tcg.SysInst) bool { return c.gp(0) }

func sysSWAPGS(c *CPU, i *tcg.SysInst) bool {
	if !c.long64 {
		return c.ud()
	}
	if !c.privileged() {
		return false
	}
	s := &c.seg[segGS]
	s.Base, c.env.KernelGS = c.env.KernelGS, s.Base
	c.env.SegBase[segGS] = s.Base
	return true
}

var flagOps = map[decoder.Op]handler{
	decoder.CLI:  sysCLI,
	decoder.STI:  sysSTI,
	decoder.CLAC: sysCLAC,
	decoder.STAC: sysSTAC,
	decoder.CLD:  func(c *CPU, i *tcg.SysInst) bool { c.env.EFlags &^= flagDF; return true },
	decoder.STD:  func(c *CPU, i *tcg.SysInst) bool { c.env.EFlags |= flagDF; return true },
	decoder.CLC:  func(c *CPU, i *tcg.SysInst) bool { c.setCC(c.Flags() &^ flagCF); return true },
	decoder.STC:  func(c *CPU, i *tcg.SysInst) bool { c.setCC(c.Flags() | flagCF); return true },
	decoder.CMC:  func(c *CPU, i *tcg.SysInst) bool { c.setCC(c.Flags() ^ flagCF); return true },
	decoder.LAHF: sysLAHF,
	decoder.SAHF: sysSAHF,
}

func sysCLAC(c *CPU, i *tcg.SysInst) bool {
	if c.cpl != 0 {
		return c.ud()
	}
	c.env.EFlags &^= flagAC
	c.updateMode()
	return true
}

func sysSTAC(c *CPU, i *tcg.SysInst) bool {
	if c.cpl != 0 {
		return c.ud()
	}
	c.env.EFlags |= flagAC
	c.updateMode()
	return true
}

func sysLAHF(c *CPU, i *tcg.SysInst) bool {
	c.setReg(16, 1, uint64(c.Flags()&0xd5|flagFixed))
	return true
}

func sysSAHF(c *CPU, i *tcg.SysInst) bool {
	c.setCC(c.Flags()&flagOF | uint32(c.reg(16, 1))&0xd5)
	return true
}
