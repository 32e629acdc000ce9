//go:build linux && amd64

package amd64

import "goemu/tcg"

// vexHead writes the VEX prefix and the opcode of an instruction whose mandatory prefix, map, W and length are in o. rex has the R, X
// and B bits as a REX prefix has them; v is the register in VEX.vvvv, 0 if there is none.
func (a *asm) vexHead(o opc, rex byte, v reg) {
	last := byte(^v&15) << 3
	switch {
	case o&pre66 != 0:
		last |= 1
	case o&preF3 != 0:
		last |= 2
	case o&preF2 != 0:
		last |= 3
	}
	if o&vexL != 0 {
		last |= 4
	}
	if m := byte(o >> 8 & 3); m == 1 && rex&3 == 0 && o&rexW == 0 {
		a.byte(0xc5)
		a.byte(^rex<<5&0x80 | last)
	} else {
		a.byte(0xc4)
		a.byte(^rex<<5&0xe0 | m)
		if o&rexW != 0 {
			last |= 0x80
		}
		a.byte(last)
	}
	a.byte(byte(o))
}

// vex writes a VEX instruction with registers only.
func (a *asm) vex(o opc, r, v, rm reg) {
	a.vexHead(o, byte(r>>3&1)<<2|byte(rm>>3&1), v)
	a.byte(0xc0 | byte(r&7)<<3 | byte(rm&7))
}

// vexM writes a VEX instruction with a memory operand.
func (a *asm) vexM(o opc, r, v reg, m mem) {
	a.vexHead(o, rexBits(r, m), v)
	a.modrm(byte(r&7), m)
}

// VEX instructions that the engine itself uses.
const (
	opVzero       = map0F | 0x77                  // VZEROUPPER; with vexL VZEROALL
	opVinsertf128 = map0F3A | pre66 | vexL | 0x18 // ymm, ymm, xmm/m128, imm8
)

// vexVec does a VEX-encoded instruction by the same instruction of the host, whose row is h.
func (c *compiler) vexVec(h *vexForm) {
	o := c.op
	e := o.Enc
	if e.Map == 1 && e.Opcode == 0x77 {
		if c.b.Key.Mode.CodeBits() != 64 { // there it is for eight registers only
			c.bailOp()
			return
		}
		c.vexZero()
		return
	}
	c.vecGPRs(h.impl)
	isMem := o.KRM == tcg.VMem
	if isMem || !c.avx {
		c.clobber()
	}
	c.avxLive()
	op := encOpc(e) &^ rexW
	if e.RexW && h.w != wIgnored && (h.w != wGPR || c.b.Key.Mode.CodeBits() == 64) {
		op |= rexW
	}
	if e.Vex == tcg.Vex256 && !h.scalar {
		op |= vexL
		c.ymmInUse()
	}
	v := reg(0)
	if o.KSrc == tcg.VXMM {
		v = reg(o.VSrc & 15)
	}
	c.vecOperands(vecCode{op: op, vex: true, v: v}, h.impl)
}

// ymmInUse notes that the upper half of a register may now be other than 0.
func (c *compiler) ymmInUse() {
	if !c.ymm {
		c.setYMM(tcg.YMMInUse)
		c.ymm = true
	}
}

// setYMM sets Env.YMMUsed and leaves the flags alone.
func (c *compiler) setYMM(state byte) {
	c.rm(0xc6, 0, env(offYMMUsed))
	c.byte(state)
}

// vexZero does VZEROUPPER and VZEROALL.
func (c *compiler) vexZero() {
	if !c.avx {
		c.clobber()
	}
	c.avxLive()
	op := opVzero
	if c.op.Enc.Vex == tcg.Vex256 {
		op |= vexL
	}
	c.vexHead(op, 0, 0)
	c.setYMM(tcg.YMMZeroed)
	c.ymm = false
}

// avxLive makes sure that the host's YMM registers hold the guest's. The flags have been saved where it takes a test.
func (c *compiler) avxLive() {
	if c.avx {
		return
	}
	c.aluMI(0, aluCmp, tcg.W8, env(offAVXLive), 0)
	from := c.jcc(tcg.CondE)
	c.addCold(stub{kind: coldAVX, from: from, back: c.n, site: c.siteIndex()})
	c.sse, c.avx = true, true
}

// loadRegs writes the code that loads XMM0-15 and MXCSR.
func (a *asm) loadRegs() {
	for i := range 16 {
		a.rm(map0F|0x28, reg(i), env(offXMM+16*i)) // MOVAPS
	}
	a.rm(map0F|0xae, 2, env(offMXCSR)) // LDMXCSR
	a.rm(0xc6, 0, env(offSSELive))
	a.byte(1)
}

// loadUppers writes the code that loads the upper halves of YMM0-15, if any is not 0.
func (a *asm) loadUppers() {
	a.vexHead(opVzero, 0, 0) // Go may have left anything there
	a.aluMI(0, aluCmp, tcg.W8, env(offYMMUsed), tcg.YMMZero)
	none := a.jcc(tcg.CondE)
	for i := range 16 {
		a.vexM(opVinsertf128, reg(i), reg(i), env(offYMMH+16*i))
		a.byte(1)
	}
	a.patch(none, a.n)
	a.rm(0xc6, 0, env(offAVXLive))
	a.byte(1)
}
