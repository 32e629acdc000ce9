package x86

import (
	"encoding/binary"
	"fmt"

	"goemu/emu/cpumodel"
	"goemu/emu/inspect"
	"goemu/mmu"
	"goemu/tcg"
)

// What debuggers see of a CPU between two instructions, and change.

// inspected is a segment as package inspect has it.
func inspected(s Segment) inspect.Segment {
	return inspect.Segment{Selector: s.Selector, Base: s.Base, Limit: s.Limit, Attr: s.Attr}
}

// Inspect reads all registers.
func (c *CPU) Inspect(r *inspect.Registers) {
	c.takeGS()
	c.syncX87()
	e := c.env
	*r = inspect.Registers{
		CPU: int(c.opt.APICID), State: inspect.CPUState(c.state),
		GPR: e.GPR, RIP: e.RIP, RFLAGS: uint64(c.Flags()),
		LDTR: inspected(c.ldtr), TR: inspected(c.tr),
		GDTR: inspect.TableRegister(c.gdtr), IDTR: inspect.TableRegister(c.idtr),
		CR0: c.pg.CR0, CR2: e.CR2, CR3: c.pg.CR3, CR4: c.pg.CR4, CR8: uint64(c.bus.TPR()),
		XCR0: c.xcr0, EFER: c.pg.EFER, DR: c.dr,
		MXCSR: e.MXCSR, PKRU: c.pg.PKRU, K: c.avx512.k,
		KernelGSBase: e.KernelGS, STAR: c.msr.star, LSTAR: c.msr.lstar, CSTAR: c.msr.cstar, SFMASK: c.msr.sfmask,
		SysenterCS: c.msr.sysenterCS, SysenterESP: c.msr.sysenterESP, SysenterEIP: c.msr.sysenterEIP,
		CPL: c.cpl, Inhibit: c.shadow && c.shadowRIP == e.RIP, NMIMasked: c.nmiMasked, SMM: c.smm.active,
		A20: c.space.Mask>>20&1 != 0,
	}
	for i, s := range c.seg {
		r.Seg[i] = inspected(s)
	}
	x := &r.X87
	x.FCW, x.FSW, x.FTW = x87Word(e, fpCW), x87Word(e, fpSW), x87Word(e, fpTW)
	x.FOP, x.FIP, x.FDP = uint16(e.X87Op), e.X87IP, e.X87DP
	for i := range x.ST {
		p := e.X87[fpRegs+10*i:]
		x.ST[i] = inspect.Float80{Significand: binary.LittleEndian.Uint64(p), Exponent: binary.LittleEndian.Uint16(p[8:])}
	}
	for i := range r.Vec {
		r.Vec[i] = c.zmm(uint8(i), 64)
	}
	switch {
	case c.model.Has(cpumodel.AVX512F):
		r.Vectors, r.VectorBytes = 32, 64
	case c.model.Has(cpumodel.AVX):
		r.Vectors, r.VectorBytes = 16, 32
	case c.model.Has(cpumodel.SSE):
		r.Vectors, r.VectorBytes = 16, 16
	}
}

// SetRegisters changes the registers to r, but for what no instruction loads: the state, SMM and A20. A selector that is new while the hidden part is as it was
// loads the hidden part too, as gdb's users expect: from the descriptor table, without its rights. The error names the first register whose value no instruction
// could load; nothing is changed then.
func (c *CPU) SetRegisters(r *inspect.Registers) error {
	var old inspect.Registers
	c.Inspect(&old)
	pg := c.pg
	if err := c.checkControl(r, &old, &pg); err != nil {
		return err
	}
	if err := c.checkValues(r); err != nil {
		return err
	}
	seg, cpl, err := c.newSegments(r, &old)
	if err != nil {
		return err
	}
	c.pg = pg
	c.seg, c.cpl = seg, cpl
	c.ldtr, c.tr = given(r.LDTR), given(r.TR)
	c.gdtr, c.idtr = Table(r.GDTR), Table(r.IDTR)
	c.xcr0 = r.XCR0
	c.dr = r.DR
	c.dr[6], c.dr[7] = r.DR[6]&0xe00f|dr6Fixed, r.DR[7]&0xffff2fff|dr7Fixed
	m := &c.msr
	m.star, m.lstar, m.cstar, m.sfmask = r.STAR, r.LSTAR, r.CSTAR, r.SFMASK
	m.sysenterCS, m.sysenterESP, m.sysenterEIP = r.SysenterCS, r.SysenterESP, r.SysenterEIP
	e := c.env
	e.GPR, e.RIP, e.CR2, e.KernelGS, e.MXCSR = r.GPR, r.RIP, r.CR2, r.KernelGSBase, r.MXCSR
	c.bus.SetTPR(uint8(r.CR8))
	c.setVectors(r)
	c.SetFlags(uint32(r.RFLAGS))
	c.update()
	c.setX87(&r.X87)
	c.setDebug()
	c.FlushTLB(true)
	return nil
}

func given(s inspect.Segment) Segment {
	return Segment{Selector: s.Selector, Base: s.Base, Limit: s.Limit, Attr: s.Attr}
}

func bad(name string, v uint64, why string) error { return fmt.Errorf("%s=%#x: %s", name, v, why) }

// checkControl checks what decides on the mode, and puts it into pg.
func (c *CPU) checkControl(r, old *inspect.Registers, pg *mmu.Paging) error {
	long := r.EFER&eferLMA != 0
	switch {
	case r.CR0&^c.valid.cr0&^cr0ET != 0:
		return bad("CR0", r.CR0, "reserved bits are set")
	case r.CR0&cr0PG != 0 && r.CR0&cr0PE == 0:
		return bad("CR0", r.CR0, "PG needs PE")
	case r.CR0&cr0NW != 0 && r.CR0&cr0CD == 0:
		return bad("CR0", r.CR0, "NW needs CD")
	case r.CR4&^c.valid.cr4 != 0:
		return bad("CR4", r.CR4, "bits are set that the CPU model lacks")
	case r.EFER&^c.valid.efer != 0:
		return bad("EFER", r.EFER, "bits are set that the CPU model lacks")
	case long != (r.EFER&eferLME != 0 && r.CR0&cr0PG != 0):
		return bad("EFER", r.EFER, "LMA is not LME with CR0.PG")
	case long && r.CR4&cr4PAE == 0:
		return bad("CR4", r.CR4, "long mode needs PAE")
	case r.CR4&cr4PCIDE != 0 && !long:
		return bad("CR4", r.CR4, "PCIDE needs long mode")
	case long && r.CR3>>pg.PhysBits != 0:
		return bad("CR3", r.CR3, fmt.Sprintf("the CPU has %d address bits", pg.PhysBits))
	case !long && (r.CR3>>32 != 0 || r.CR2>>32 != 0):
		return bad("CR3", r.CR3, "more than 32 bits outside long mode")
	case long && r.RFLAGS&flagVM != 0:
		return bad("RFLAGS", r.RFLAGS, "VM in long mode")
	case r.RFLAGS>>32 != 0:
		return bad("RFLAGS", r.RFLAGS, "more than 32 bits")
	case r.XCR0&compX87 == 0 || r.XCR0&^(c.valid.xcr0|compX87) != 0 || r.XCR0&(compSSE|compAVX) == compAVX ||
		r.XCR0&compAVX512 != 0 && r.XCR0&(compAVX|compAVX512) != compAVX|compAVX512:
		return bad("XCR0", r.XCR0, "components are missing, or the CPU model lacks them")
	case r.CR8 > 15:
		return bad("CR8", r.CR8, "from 0 to 15")
	}
	pg.CR0, pg.CR3, pg.CR4, pg.EFER, pg.PKRU = r.CR0|old.CR0&cr0ET, r.CR3, r.CR4, r.EFER, r.PKRU
	if r.CR0&cr0PG != 0 && r.CR4&cr4PAE != 0 && !long && (r.CR0 != old.CR0 || r.CR3 != old.CR3 || r.CR4 != old.CR4) {
		e, ok := pg.LoadPDPTE(c.space, r.CR3)
		if !ok {
			return bad("CR3", r.CR3, "a page-directory-pointer-table entry has reserved bits set")
		}
		pg.PDPTE = e
	}
	return nil
}

// checkValues checks what else not every value is allowed in.
func (c *CPU) checkValues(r *inspect.Registers) error {
	addresses := []struct {
		name string
		v    uint64
	}{
		{"GDTR", r.GDTR.Base}, {"IDTR", r.IDTR.Base}, {"LDTR.base", r.LDTR.Base}, {"TR.base", r.TR.Base}, {"FS.base", r.Seg[segFS].Base}, {"GS.base", r.Seg[segGS].Base},
		{"KERNEL_GS_BASE", r.KernelGSBase}, {"LSTAR", r.LSTAR}, {"CSTAR", r.CSTAR}, {"SYSENTER_ESP", r.SysenterESP}, {"SYSENTER_EIP", r.SysenterEIP},
	}
	for _, a := range addresses {
		if !c.canonicalBase(a.v) {
			return bad(a.name, a.v, "not canonical")
		}
	}
	if r.MXCSR&^mxcsrKnown != 0 {
		return bad("MXCSR", uint64(r.MXCSR), "reserved bits are set")
	}
	for _, n := range [...]int{6, 7} {
		if r.DR[n]>>32 != 0 {
			return bad(fmt.Sprintf("DR%d", n), r.DR[n], "more than 32 bits")
		}
	}
	switch {
	case r.CodeBits() != 64:
		if r.RIP>>32 != 0 {
			return bad("RIP", r.RIP, "more than 32 bits outside 64-bit mode")
		}
	case r.CR4&cr4LA57 != 0:
		if uint64(int64(r.RIP)<<signShift57>>signShift57) != r.RIP {
			return bad("RIP", r.RIP, "not canonical")
		}
	case uint64(int64(r.RIP)<<signShift48>>signShift48) != r.RIP:
		return bad("RIP", r.RIP, "not canonical")
	}
	return nil
}

// newSegments gives the segment registers and the privilege level.
func (c *CPU) newSegments(r, old *inspect.Registers) (seg [6]Segment, cpl int, err error) {
	cpl = r.CPL
	for i := range seg {
		s, was := r.Seg[i], old.Seg[i]
		if s.Selector != was.Selector {
			if sel := s.Selector; s == (inspect.Segment{Selector: sel, Base: was.Base, Limit: was.Limit, Attr: was.Attr}) {
				if s, err = c.lookUp(i, sel, r); err != nil {
					return seg, 0, err
				}
				if i == segCS && r.CPL == old.CPL && r.CR0&cr0PE != 0 {
					cpl = int(sel & 3)
				}
			}
		}
		if r.EFER&eferLMA == 0 && s.Base>>32 != 0 {
			return seg, 0, bad(inspect.SegmentNames[i]+".base", s.Base, "more than 32 bits outside long mode")
		}
		if s.Attr&^attrMask != 0 {
			return seg, 0, bad(inspect.SegmentNames[i]+".attr", uint64(s.Attr), "no such bits")
		}
		seg[i] = given(s)
	}
	switch {
	case r.CR0&cr0PE == 0:
		cpl = 0
	case r.RFLAGS&flagVM != 0:
		cpl = 3
	case cpl < 0 || cpl > 3:
		return seg, 0, bad("CPL", uint64(cpl), "from 0 to 3")
	}
	return seg, cpl, nil
}

// lookUp gives what loading a selector would put in segment register n, were it allowed.
func (c *CPU) lookUp(n int, sel uint16, r *inspect.Registers) (inspect.Segment, error) {
	name := inspect.SegmentNames[n]
	if r.CR0&cr0PE == 0 || r.RFLAGS&flagVM != 0 {
		s := r.Seg[n]
		s.Base = uint64(sel) << 4
		return s, nil
	}
	if sel&^3 == 0 {
		if n == segCS {
			return inspect.Segment{}, bad(name, uint64(sel), "the null selector")
		}
		return inspect.Segment{Selector: sel}, nil
	}
	table, limit := r.GDTR.Base, r.GDTR.Limit
	if sel&4 != 0 {
		table, limit = r.LDTR.Base, r.LDTR.Limit
	}
	var p [8]byte
	if uint32(sel|7) > limit || !c.PeekBytes(table+uint64(sel&^7), p[:]) {
		return inspect.Segment{}, bad(name, uint64(sel), "beyond the descriptor table")
	}
	d := descriptor{lo: binary.LittleEndian.Uint32(p[:]), hi: binary.LittleEndian.Uint32(p[4:]), selector: sel}
	if !d.present() || d.isSystem() || n == segCS && !d.code() {
		return inspect.Segment{}, bad(name, uint64(sel), "its descriptor cannot be loaded there")
	}
	return inspected(d.segment()), nil
}

// Locate is the physical address of a linear one, mapped or not to memory; ok is false if the page tables do not map it.
func (c *CPU) Locate(linear uint64) (phys uint64, ok bool) {
	if c.longMode() && !c.canonical(linear) {
		return 0, false
	}
	t, ok := c.pg.Probe(c.space, c.wrap(linear))
	return t.Phys & c.space.Mask, ok
}

// PeekBytes is Peek for several bytes.
func (c *CPU) PeekBytes(linear uint64, p []byte) bool {
	for i := range p {
		b, ok := c.Peek(c.wrap(linear + uint64(i)))
		if !ok {
			return false
		}
		p[i] = b
	}
	return true
}

func (c *CPU) setVectors(r *inspect.Registers) {
	e := c.env
	e.YMMUsed = tcg.YMMZero
	for i := range r.Vec {
		z := r.Vec[i]
		if i < 16 {
			e.XMM[i], e.YMMH[i], e.ZMMH[i] = tcg.Vec128{z[0], z[1]}, tcg.Vec128{z[2], z[3]}, [4]uint64(z[4:])
			if e.YMMH[i] != (tcg.Vec128{}) {
				e.YMMUsed = tcg.YMMInUse
			}
			continue
		}
		c.avx512.high[i-16] = z
	}
	c.avx512.k = r.K
	c.settleZMM()
}

// setX87 sets the x87 state, and what follows from it and MXCSR.
func (c *CPU) setX87(x *inspect.X87) {
	e := c.env
	setX87Word(e, fpCW, x.FCW&0x1f7f|0x40)
	setX87Word(e, fpSW, x.FSW)
	setX87Word(e, fpTW, x.FTW)
	e.X87Op, e.X87IP, e.X87DP = uint32(x.FOP&0x7ff), x.FIP, x.FDP
	for i := range x.ST {
		p := e.X87[fpRegs+10*i:]
		binary.LittleEndian.PutUint64(p, x.ST[i].Significand)
		binary.LittleEndian.PutUint16(p[8:], x.ST[i].Exponent)
	}
	c.settleX87()
}

// Trace is how the page tables translate a linear address.
func (c *CPU) Trace(linear uint64) inspect.Walk {
	w := inspect.Walk{Linear: linear, CR3: c.pg.CR3}
	if !c.canonical(linear) && c.longMode() {
		w.End = inspect.WalkNotCanonical
		return w
	}
	linear = c.wrap(linear)
	t := c.pg.Trace(c.space, linear)
	w.Format = t.Format
	for _, s := range t.Steps {
		w.Steps = append(w.Steps, inspect.WalkStep{Level: s.Level, Name: s.Name, Index: s.Index, Phys: s.Phys, Entry: s.Entry, Size: s.Size, InCPU: s.InCPU})
	}
	switch {
	case t.Format == "":
		w.End = inspect.WalkOff
	case t.Reserved:
		w.End = inspect.WalkReserved
		return w
	case !t.Mapped:
		w.End = inspect.WalkNotPresent
		return w
	default:
		w.Steps[len(w.Steps)-1].Leaf = true
	}
	w.Phys, w.Page = t.Phys&c.space.Mask, 1<<t.Shift
	w.Writable, w.User, w.NX, w.Global, w.Key = t.Writable, t.User, t.NX, t.Global, int(t.Key)
	return w
}
