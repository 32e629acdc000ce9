package x86

import (
	"goemu/mmu"
	"goemu/tcg"
)

// stack is a stack that is being pushed to or popped from; SP is
// committed when everything has succeeded.
type stack struct {
	c     *CPU
	seg   Segment
	sp    uint64
	mask  uint64
	idx   int
	long  bool   // 64-bit mode: no segment
	code  uint32 // error code of #SS
	check bool   // segment rights are checked (not in real mode)
}

// curStack is the current stack, accessed with the rights of privilege level cpl.
func (c *CPU) curStack(cpl int) stack {
	s := stack{c: c, seg: c.seg[segSS], sp: c.env.GPR[regSP], idx: c.indexFor(cpl), long: c.long64, check: !c.realSegs()}
	s.setMask()
	return s
}

func (s *stack) setMask() {
	switch {
	case s.long:
		s.mask = ^uint64(0)
	case s.seg.Attr&AttrDB != 0:
		s.mask = 0xffff_ffff
	default:
		s.mask = 0xffff
	}
}

func (s *stack) linear(off uint64, size int, write bool) (uint64, bool) {
	if s.long {
		if !s.c.canonical(off) || !s.c.canonical(off+uint64(size)-1) {
			return 0, s.c.raise(vecSS, s.code)
		}
		return off, true
	}
	if !s.seg.contains(off, size) || s.check && (s.seg.null() || write && !s.seg.writable() || !s.seg.readable()) {
		return 0, s.c.raise(vecSS, s.code)
	}
	return (s.seg.Base + off) & 0xffff_ffff, true
}

// aligned makes the #AC check, which level 3 alone makes.
func (s *stack) aligned(a uint64, size int) bool {
	return s.idx != mmu.IndexUser || s.c.aligned(a, size)
}

func (s *stack) push(v uint64, size int) bool {
	sp := (s.sp - uint64(size)) & s.mask
	a, ok := s.linear(sp, size, true)
	if !ok || !s.aligned(a, size) || !s.c.WriteMem(a, size, v, s.idx) {
		return false
	}
	s.sp = s.sp&^s.mask | sp
	return true
}

func (s *stack) pop(size int) (uint64, bool) {
	sp := s.sp & s.mask
	a, ok := s.linear(sp, size, false)
	if !ok || !s.aligned(a, size) {
		return 0, false
	}
	v, ok := s.c.ReadMem(a, size, s.idx)
	s.sp = s.sp&^s.mask | (sp+uint64(size))&s.mask
	return v, ok
}

// skip moves the stack pointer by n bytes upwards.
func (s *stack) skip(n uint64) { s.sp = s.sp&^s.mask | (s.sp+n)&s.mask }

// enter transfers control to the handler of an event. On failure nothing has
// changed but stack memory, and the second exception is recorded.
func (c *CPU) enter(ev *event) bool {
	var ok bool
	switch {
	case !c.protected():
		ok = c.enterReal(ev)
	case c.longMode():
		ok = c.enterLong(ev)
	default:
		ok = c.enterProtected(ev)
	}
	if ok {
		c.noStep = true
		if ev.vector == vecDB && ev.kind != evSoft {
			c.dr[7] &^= dr7GD
		}
	}
	return ok
}

// enterReal goes through the interrupt vector table (SDM vol. 3B 20.1.4).
func (c *CPU) enterReal(ev *event) bool {
	off := uint64(ev.vector) * 4
	if off+3 > uint64(c.idtr.Limit) {
		return c.gp(0)
	}
	v, ok := c.readSys((c.idtr.Base+off)&0xffff_ffff, 4)
	if !ok {
		return false
	}
	s := c.curStack(0)
	if !s.push(uint64(c.Flags()&0xffff), 2) || !s.push(uint64(c.seg[segCS].Selector), 2) || !s.push(ev.rip&0xffff, 2) {
		return false
	}
	c.env.GPR[regSP] = s.sp
	c.seg[segCS].Selector = uint16(v >> 16)
	c.seg[segCS].Base = v >> 16 << 4
	c.env.RIP = v & 0xffff
	c.env.EFlags &^= flagIF | flagTF | flagAC | flagRF
	c.update()
	return true
}

// savedFlags is EFLAGS as pushed: faults set RF, so that a breakpoint on the instruction does not strike twice.
func (c *CPU) savedFlags(ev *event) uint64 {
	f := c.Flags()
	if ev.kind == evFault {
		f |= flagRF
	}
	return uint64(f)
}

// gateFor reads and checks the gate of an event (SDM vol. 3A 6.12.1).
func (c *CPU) gateFor(ev *event) (g descriptor, ok bool) {
	size := uint32(8)
	if c.longMode() {
		size = 16
	}
	off := uint32(ev.vector) * size
	code := uint32(ev.vector)*8 | 2
	if off+size-1 > c.idtr.Limit {
		return g, c.gp(code)
	}
	addr := c.wrap(c.idtr.Base + uint64(off))
	v, ok := c.readSys(addr, 8)
	if !ok {
		return g, false
	}
	g = descriptor{lo: uint32(v), hi: uint32(v >> 32), addr: addr}
	valid := g.isSystem()
	switch g.typ() {
	case typeTaskGate, typeInt16, typeTrap16:
		valid = valid && size == 8
	case typeInt32, typeTrap32:
	default:
		valid = false
	}
	if !valid || ev.kind == evSoft && g.dpl() < c.cpl {
		return g, c.gp(code)
	}
	if !g.present() {
		return g, c.raise(vecNP, code)
	}
	if size == 16 {
		if v, ok = c.readSys(addr+8, 8); !ok {
			return g, false
		}
		g.upper = uint32(v)
	}
	return g, true
}

// handlerCode reads and checks the code segment that a gate names, and gives the handler's privilege level.
func (c *CPU) handlerCode(g *descriptor) (cs descriptor, cpl int, ok bool) {
	sel := g.gateSelector()
	if sel&^3 == 0 {
		return cs, 0, c.gp(0)
	}
	if cs, ok = c.readDescriptor(sel, vecGP); !ok {
		return cs, 0, false
	}
	code := uint32(sel &^ 3)
	if !cs.code() || cs.dpl() > c.cpl {
		return cs, 0, c.gp(code)
	}
	if c.longMode() && cs.attr()&(AttrL|AttrDB) != AttrL {
		return cs, 0, c.gp(code)
	}
	if !cs.present() {
		return cs, 0, c.raise(vecNP, code)
	}
	if cs.conforming() {
		return cs, c.cpl, true
	}
	return cs, cs.dpl(), true
}

// handlerFlags is what delivery does to EFLAGS.
func (c *CPU) handlerFlags(g *descriptor) {
	clr := uint32(flagTF | flagNT | flagRF | flagVM)
	if g.typ()&1 == 0 { // interrupt gate
		clr |= flagIF
	}
	c.env.EFlags &^= clr
}

// enterProtected goes through the IDT in protected and virtual-8086 mode (SDM vol. 3A 6.12).
func (c *CPU) enterProtected(ev *event) bool {
	vm := c.vm86()
	g, ok := c.gateFor(ev)
	if !ok {
		return false
	}
	withCode := hasCode(ev.vector) && (ev.kind == evFault || ev.kind == evTrap)
	if g.typ() == typeTaskGate {
		return c.enterTask(ev, &g, withCode)
	}
	cs, cpl, ok := c.handlerCode(&g)
	if !ok {
		return false
	}
	size := 4
	if g.typ()&8 == 0 {
		size = 2
	}
	s := c.curStack(cpl)
	flags := c.savedFlags(ev)
	switch {
	case vm && cpl != 0:
		return c.gp(uint32(cs.selector &^ 3))
	case cpl < c.cpl:
		if s, ok = c.innerStack(cpl); !ok {
			return false
		}
		if vm {
			for _, n := range [...]int{segGS, segFS, segDS, segES} {
				if !s.push(uint64(c.seg[n].Selector), size) {
					return false
				}
			}
		}
		if !s.push(uint64(c.seg[segSS].Selector), size) || !s.push(c.env.GPR[regSP], size) {
			return false
		}
	}
	if !s.push(flags, size) || !s.push(uint64(c.seg[segCS].Selector), size) || !s.push(ev.rip, size) {
		return false
	}
	if withCode && !s.push(uint64(ev.code), size) {
		return false
	}
	rip := g.gateOffset()
	inner := cpl < c.cpl
	if !c.checkTarget(&cs, rip) || !c.setCS(&cs, cpl) {
		return false
	}
	c.handlerFlags(&g)
	if inner {
		c.seg[segSS] = s.seg
		if vm {
			for _, n := range [...]int{segGS, segFS, segDS, segES} {
				c.seg[n] = Segment{}
			}
		}
	}
	c.env.GPR[regSP] = s.sp
	c.env.RIP = rip
	c.update()
	return true
}

// innerStack makes the stack of a more privileged level from the TSS.
func (c *CPU) innerStack(cpl int) (s stack, ok bool) {
	code := uint32(c.tr.Selector &^ 3)
	var sp, ss uint64
	base := c.tr.Base
	if c.tr.Attr&8 != 0 { // 32-bit TSS
		off := uint32(4 + 8*cpl)
		if off+5 > c.tr.Limit {
			return s, c.raise(vecTS, code)
		}
		if sp, ok = c.readSys(c.wrap(base+uint64(off)), 4); !ok {
			return s, false
		}
		ss, ok = c.readSys(c.wrap(base+uint64(off)+4), 2)
	} else {
		off := uint32(2 + 4*cpl)
		if off+3 > c.tr.Limit {
			return s, c.raise(vecTS, code)
		}
		if sp, ok = c.readSys(c.wrap(base+uint64(off)), 2); !ok {
			return s, false
		}
		ss, ok = c.readSys(c.wrap(base+uint64(off)+2), 2)
	}
	if !ok {
		return s, false
	}
	seg, ok := c.checkSS(uint16(ss), cpl, vecTS, false)
	if !ok {
		return s, false
	}
	s = stack{c: c, seg: seg, sp: sp, idx: c.indexFor(cpl), code: uint32(ss) &^ 3, check: true}
	s.setMask()
	return s, true
}

// tssPointer reads a 64-bit stack pointer from the long-mode TSS at offset off.
func (c *CPU) tssPointer(off uint32) (sp uint64, ok bool) {
	if off+7 > c.tr.Limit {
		return 0, c.raise(vecTS, uint32(c.tr.Selector&^3))
	}
	if sp, ok = c.readSys(c.tr.Base+uint64(off), 8); !ok {
		return 0, false
	}
	if !c.canonical(sp) {
		return 0, c.raise(vecSS, 0)
	}
	return sp, true
}

// longStack makes the stack of privilege level cpl (ist 0) or of an interrupt-stack-table entry.
func (c *CPU) longStack(cpl int, ist uint32) (s stack, ok bool) {
	off := uint32(4 + 8*cpl)
	if ist != 0 {
		off = 36 + 8*(ist-1)
	}
	sp, ok := c.tssPointer(off)
	return stack{c: c, seg: c.nullSS(uint16(cpl)), sp: sp, mask: ^uint64(0), idx: c.indexFor(cpl), long: true}, ok
}

// enterLong goes through the IDT in long mode (SDM vol. 3A 6.14).
func (c *CPU) enterLong(ev *event) bool {
	g, ok := c.gateFor(ev)
	if !ok {
		return false
	}
	cs, cpl, ok := c.handlerCode(&g)
	if !ok {
		return false
	}
	rip := g.gateOffset()
	if !c.canonical(rip) {
		return c.gp(0)
	}
	s := stack{c: c, seg: c.seg[segSS], sp: c.env.GPR[regSP], mask: ^uint64(0), idx: c.indexFor(cpl), long: true}
	if ist := g.gateIST(); ist != 0 || cpl < c.cpl {
		if s, ok = c.longStack(cpl, ist); !ok {
			return false
		}
		if cpl == c.cpl {
			s.seg = c.seg[segSS]
		}
	}
	sp := c.env.GPR[regSP]
	s.sp &^= 15
	if !s.push(uint64(c.seg[segSS].Selector), 8) || !s.push(sp, 8) || !s.push(c.savedFlags(ev), 8) ||
		!s.push(uint64(c.seg[segCS].Selector), 8) || !s.push(ev.rip, 8) {
		return false
	}
	if hasCode(ev.vector) && (ev.kind == evFault || ev.kind == evTrap) && !s.push(uint64(ev.code), 8) {
		return false
	}
	if !c.setCS(&cs, cpl) {
		return false
	}
	c.handlerFlags(&g)
	c.seg[segSS] = s.seg
	c.env.GPR[regSP] = s.sp
	c.env.RIP = rip
	c.update()
	return true
}

// gateIST is the interrupt-stack-table field of a 64-bit gate.
func (d *descriptor) gateIST() uint32 { return d.hi & 7 }

// softInterrupt runs INT n, INT3, INTO and INT1.
func (c *CPU) softInterrupt(vector int, kind eventKind) bool {
	ev := event{set: true, kind: kind, vector: vector, rip: c.next}
	c.record(&ev)
	if !c.enter(&ev) {
		if kind == evINT1 && class(c.pend.vector) == 1 {
			c.pend.code |= 1
		}
		return false
	}
	c.next = c.env.RIP
	return true
}

func sysINT(c *CPU, i *tcg.SysInst) bool {
	vector := int(uint8(i.Imm))
	if c.vm86() {
		if c.pg.CR4&cr4VME != 0 {
			if done, ok := c.redirectInterrupt(vector); done || !ok {
				return ok
			}
		}
		if c.iopl() < 3 {
			return c.gp(0)
		}
	}
	return c.softInterrupt(vector, evSoft)
}

func sysINT3(c *CPU, i *tcg.SysInst) bool { return c.softInterrupt(vecBP, evSoft) }
func sysINT1(c *CPU, i *tcg.SysInst) bool { return c.softInterrupt(vecDB, evINT1) }

func sysINTO(c *CPU, i *tcg.SysInst) bool {
	if c.long64 {
		return c.ud()
	}
	if c.Flags()&flagOF == 0 {
		return true
	}
	return c.softInterrupt(vecOF, evSoft)
}
