package x86

import (
	"goemu/emu/cpumodel"
	"goemu/tcg"
)

// CPUID gives the four result registers.
func (c *CPU) CPUID(leaf, sub uint32) (a, b, cx, d uint32) {
	s := cpumodel.State{
		APICID:       uint32(c.opt.APICID),
		Processors:   c.opt.Cores * c.opt.Threads,
		Threads:      c.opt.Threads,
		TSCFrequency: c.opt.TSCFrequency,
		NoAPIC:       c.bus.APICBase()&(1<<11) == 0,
		OSXSAVE:      c.pg.CR4&cr4OSXSAVE != 0,
		OSPKE:        c.pg.CR4&cr4PKE != 0,
		Code64:       c.long64,
		XCR0:         c.xcr0,
	}
	return c.model.CPUID(leaf, sub, &s)
}

func sysCPUID(c *CPU, i *tcg.SysInst) bool {
	g := &c.env.GPR
	a, b, cx, d := c.CPUID(uint32(g[regAX]), uint32(g[regCX]))
	g[regAX], g[regBX], g[regCX], g[regDX] = uint64(a), uint64(b), uint64(cx), uint64(d)
	return true
}
