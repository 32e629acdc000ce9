//go:build linux && amd64

package amd64

import "goemu/tcg"

// encOpc gives the host opcode of the same instruction.
func encOpc(e tcg.Enc) opc {
	o := opc(e.Opcode) | opc(e.Map)<<8
	switch e.PP {
	case 0x66:
		o |= pre66
	case 0xf3:
		o |= preF3
	case 0xf2:
		o |= preF2
	}
	if e.RexW {
		o |= rexW
	}
	return o
}

// vec does an MMX, SSE or AVX instruction by the same instruction of the host.
func (c *compiler) vec() {
	o := c.op
	e := o.Enc
	if e.Vex != tcg.VexNone {
		// In real and virtual-8086 mode there is no VEX.
		m := c.b.Key.Mode
		h := vexFormOf(o)
		if h == nil || m.CodeBits() != 64 && m&(tcg.ModeProt|tcg.ModeVM86) != tcg.ModeProt {
			c.bailOp()
			return
		}
		c.vexVec(h)
		return
	}
	known, implicit := hostVec(e)
	if !known {
		c.bailOp()
		return
	}
	c.vecGPRs(implicit)
	mmx := o.KReg == tcg.VMMX || o.KRM == tcg.VMMX || e.Map == 1 && e.Opcode == 0x77
	xmm := o.KReg == tcg.VXMM || o.KRM == tcg.VXMM || usesMXCSR(e)
	if o.KRM == tcg.VMem || mmx && !c.x87 || xmm && !c.sse {
		c.clobber()
	}
	c.unitLive(xmm, mmx)
	op := encOpc(e)
	if e.PP == 0xf2 && e.Map == 2 { // CRC32
		switch {
		case e.Opcode == 0xf0:
			op |= byteRM
		case o.W == tcg.W16:
			op |= pre66
		}
	}
	c.vecOperands(vecCode{op: op}, implicit)
}

// vecGPRs prepares for the general registers that the current op may write.
func (c *compiler) vecGPRs(implicit implicitUse) {
	o := c.op
	if implicit != implNone {
		c.freeRDX()
		c.willWrite(tcg.Reg(1))
	}
	if o.KReg == tcg.VGPR {
		c.willWrite(tcg.Reg(int(o.VReg)))
	}
	if o.KRM == tcg.VGPR {
		c.willWrite(tcg.Reg(int(o.VRM)))
	}
}

// vecCode is the host instruction of a Vec op, without its operands but for VEX.vvvv.
type vecCode struct {
	op  opc
	vex bool
	v   reg
}

// vecOperands writes the instruction h with the operands of the current op.
func (c *compiler) vecOperands(h vecCode, implicit implicitUse) {
	o := c.op
	e := o.Enc
	isMem := o.KRM == tcg.VMem
	var m mem
	if isMem {
		m = c.access(int(o.MemBytes), o.MemWr)
	}
	rg, storeReg := c.vecReg(o.KReg, o.VReg, rax)
	if isMem && (rg == rax && o.KReg == tcg.VGPR || implicit == implLengths) {
		m = c.fold(m)
	}
	if storeReg {
		c.rm(opMovLoad|rexW, rg, gprMem(int(o.VReg)))
	}
	if implicit == implLengths {
		c.movRR(tcg.W64, rax, pin[0])
		c.movRR(tcg.W64, rdx, pin[2])
	}
	if isMem {
		if h.vex {
			c.vexM(h.op, rg, h.v, m)
		} else {
			c.rm(h.op, rg, m)
		}
		c.vecImm()
	} else {
		rm, storeRM := c.vecReg(o.KRM, o.VRM, rcx)
		if storeRM {
			c.rm(opMovLoad|rexW, rm, gprMem(int(o.VRM)))
		}
		switch {
		case o.KRM == tcg.VNone:
			c.head(h.op, 0, false) // EMMS
		case h.vex:
			c.vex(h.op, rg, h.v, rm)
		default:
			c.rr(h.op, rg, rm)
		}
		c.vecImm()
		if storeRM && gprStore(e) {
			c.rm(opMovStore|rexW, rm, gprMem(int(o.VRM)))
		}
	}
	if storeReg {
		c.rm(opMovStore|rexW, rg, gprMem(int(o.VReg)))
	}
	if implicit != implNone && e.Opcode&1 != 0 { // PCMPESTRI, PCMPISTRI
		c.movRR(tcg.W64, pin[1], rcx)
	}
	c.flagsOut(recipe{})
}

func (c *compiler) vecImm() {
	if c.op.HasImm {
		c.byte(byte(c.op.Imm))
	}
}

// bailOp leaves the current op to the interpreter altogether.
func (c *compiler) bailOp() {
	c.jumpBail()
	c.fl = flagState{mem: true}
}

// vecReg gives the host register for a register operand; homeless tells that it stands in for a guest
// register that lives in Env.GPR.
func (c *compiler) vecReg(k tcg.VKind, n uint8, scratch reg) (r reg, homeless bool) {
	switch k {
	case tcg.VGPR:
		if h := pin[n&15]; h != noReg {
			return h, false
		}
		return scratch, true
	case tcg.VMMX:
		return reg(n & 7), false
	}
	return reg(n), false
}

// unitLive makes sure that the SSE or x87 registers hold the guest's. The flags have been saved where it takes a test.
func (c *compiler) unitLive(sse, x87 bool) {
	if sse && !c.sse {
		c.aluMI(0, aluCmp, tcg.W8, env(offSSELive), 0)
		from := c.jcc(tcg.CondE)
		c.addCold(stub{kind: coldSSE, from: from, back: c.n, site: c.siteIndex()})
		c.sse = true
	}
	if x87 && !c.x87 {
		c.aluMI(0, aluCmp, tcg.W8, env(offX87Live), 0)
		from := c.jcc(tcg.CondE)
		c.addCold(stub{kind: coldX87, from: from, back: c.n, site: c.siteIndex()})
		c.x87 = true
	}
}

// Memory forms of x87 instructions that are not run on the host: they would load an unmasked exception or store the
// host's instruction pointer.
var fpuBail = map[[2]byte]bool{
	{0xd9, 4}: true, // FLDENV
	{0xd9, 6}: true, // FNSTENV
	{0xdd, 4}: true, // FRSTOR
	{0xdd, 6}: true, // FNSAVE
}

// fpuInexact are the transcendental instructions, by the low four bits of D9 F0 to D9 FF: the host's results differ from the interpreter's in the last place
// (SDM vol. 1 8.3.10), which matters where engines are compared, with Options.Quota. F2XM1, FYL2X, FPTAN, FPATAN; FYL2XP1, FSINCOS; FSIN, FCOS.
const fpuInexact = 1<<0 | 1<<1 | 1<<2 | 1<<3 | 1<<9 | 1<<11 | 1<<14 | 1<<15

// fpu does an x87 instruction by the same instruction of the host.
func (c *compiler) fpu() {
	o := c.op
	code, modrm := o.Enc.Opcode, byte(o.Imm)
	inexact := code == 0xd9 && modrm >= 0xf0 && fpuInexact>>(modrm&15)&1 != 0 && c.e.opts.Quota
	if code < 0xd8 || code > 0xdf || modrm < 0xc0 && fpuBail[[2]byte{code, modrm >> 3 & 7}] || inexact {
		c.bailOp()
		return
	}
	if modrm >= 0xc0 {
		stsw := code == 0xdf && modrm == 0xe0 // FNSTSW AX
		if stsw {
			c.willWrite(tcg.Reg(0))
		}
		if !c.x87 {
			c.clobber()
			c.unitLive(false, true)
		}
		reads, _ := flagEffect(o)
		c.needHost(reads)
		c.byte(code)
		c.byte(modrm)
		if stsw {
			c.movRR(tcg.W16, pin[0], rax)
		}
		if code == 0xdb && modrm == 0xe3 { // FNINIT
			for _, off := range [3]int{offX87IP, offX87DP, offX87Op} {
				c.rm(sized(opMovImm, tcg.W64), 0, env(off))
				c.imm32(0)
			}
		}
		c.fpuPointers()
		c.flagsOut(recipe{})
		return
	}
	c.clobber()
	c.unitLive(false, true)
	m := c.access(int(o.MemBytes), o.MemWr)
	if code == 0xd9 && modrm>>3&7 == 5 { // FLDCW: only if it masks all exceptions
		m = c.fold(m)
		c.zextM(tcg.W8, rax, m)
		c.aluRI(aluAnd, tcg.W32, rax, 0x3f)
		c.aluRI(aluCmp, tcg.W32, rax, 0x3f)
		c.bailIf(tcg.CondNE)
	}
	c.rm(opc(code), reg(modrm>>3&7), m)
	c.fpuPointers()
}

// fpuPointers stores what the guest sees as the x87 instruction and data pointers, after the host's instruction. They must be right
// wherever the block can be left, and so are not stored before another register form. The flags are left alone.
func (c *compiler) fpuPointers() {
	o := c.op
	if o.FpuControl() {
		return
	}
	if o.HasMem() {
		c.leaTo(rax, c.eaMem(rax), o.AddrW)
		if o.AddrW == tcg.W16 {
			c.zext(tcg.W16, rax, rax)
		}
		c.rm(opMovStore|rexW, rax, env(offX87DP))
	}
	for i := c.i + 1; i < len(c.b.Ops); i++ {
		switch next := &c.b.Ops[i]; {
		case next.Code == tcg.Insn || next.Code == tcg.Nop:
			continue
		case next.Code == tcg.Fpu && !next.HasMem() && !next.FpuControl():
			return
		}
		break
	}
	if v := int64(c.rip); v == int64(int32(v)) && !c.b.Key.Float {
		c.rm(sized(opMovImm, tcg.W64), 0, env(offX87IP))
		c.imm32(int32(v))
	} else {
		c.loadRIP(rcx, c.rip)
		c.rm(opMovStore|rexW, rcx, env(offX87IP))
	}
}
