package x86

import (
	"encoding/binary"

	"goemu/decoder"
	"goemu/tcg"
)

var stateOps = map[decoder.Op]handler{
	decoder.FXSAVE:   sysFXSAVE,
	decoder.FXRSTOR:  sysFXRSTOR,
	decoder.XSAVE:    sysXSAVE,
	decoder.XSAVEOPT: sysXSAVE,
	decoder.XSAVEC:   sysXSAVEC,
	decoder.XSAVES:   sysXSAVEC,
	decoder.XRSTOR:   sysXRSTOR,
	decoder.XRSTORS:  sysXRSTOR,
	decoder.LDMXCSR:  sysLDMXCSR,
	decoder.STMXCSR:  sysSTMXCSR,
	decoder.FLDCW:    sysFLDCW,
	decoder.FNSTCW:   sysFNSTCW,
	decoder.FNSTSW:   sysFNSTSW,
	decoder.FNINIT:   sysFNINIT,
	decoder.FNCLEX:   sysFNCLEX,
	decoder.FWAIT:    sysFWAIT,
	decoder.FNENI:    sysFNOP,
	decoder.FNDISI:   sysFNOP,
	decoder.FNSETPM:  sysFNOP,
	decoder.FLDENV:   sysFLDENV,
	decoder.FNSTENV:  sysFNSTENV,
	decoder.FNSAVE:   sysFNSAVE,
	decoder.FRSTOR:   sysFRSTOR,
}

// Offsets in Env.X87, the image that FNSAVE stores in 32-bit protected mode (SDM vol. 1 figure 8-9).
const (
	fpCW   = 0
	fpSW   = 4
	fpTW   = 8
	fpIP   = 12
	fpCS   = 16 // selector, then the opcode
	fpOp   = 18
	fpDP   = 20
	fpDS   = 24
	fpRegs = 28 // ST0..ST7, 10 bytes each

	fpEnvSize  = 28
	fpSaveSize = 108
)

func x87Word(e *tcg.Env, off int) uint16 { return binary.LittleEndian.Uint16(e.X87[off:]) }
func setX87Word(e *tcg.Env, off int, v uint16) {
	binary.LittleEndian.PutUint16(e.X87[off:], v)
	binary.LittleEndian.PutUint16(e.X87[off+2:], 0xffff)
}

// resetX87 is FNINIT, with registers cleared too.
func resetX87(e *tcg.Env) {
	e.X87 = [128]byte{}
	initX87Env(e)
}

func initX87Env(e *tcg.Env) {
	e.X87IP, e.X87DP, e.X87Op = 0, 0, 0
	p := &e.X87
	clear(p[:fpEnvSize])
	binary.LittleEndian.PutUint32(p[fpCW:], 0xffff_037f)
	binary.LittleEndian.PutUint32(p[fpSW:], 0xffff_0000)
	binary.LittleEndian.PutUint32(p[fpTW:], 0xffff_ffff)
	binary.LittleEndian.PutUint32(p[fpDS:], 0xffff_0000)
}

// syncX87 brings the x87 state into Env.X87.
func (c *CPU) syncX87() {
	if c.env.X87Live != 0 && c.opt.SyncX87 != nil {
		c.opt.SyncX87(c.env)
	}
	c.env.X87Live = 0
}

// fpu makes the #NM check and brings the state into Env.
func (c *CPU) fpu(wait bool) bool {
	if !c.CheckFPU(wait) {
		return false
	}
	c.syncX87()
	return true
}

// settleX87 recomputes the exception-summary and busy bits after the control or status word has been
// loaded (SDM vol. 1 8.1.3.3), and what the engine may run.
func (c *CPU) settleX87() bool {
	sw, cw := x87Word(c.env, fpSW), x87Word(c.env, fpCW)
	sw &^= 0x8080
	if sw&^cw&0x3f != 0 {
		sw |= 0x8080
	}
	setX87Word(c.env, fpSW, sw)
	c.updateFP()
	return true
}

// mmxReg reads an MMX register: the significand of the physical x87 register.
func (c *CPU) mmxReg(n uint8, p []byte) {
	top := x87Word(c.env, fpSW) >> 11 & 7
	copy(p, c.env.X87[fpRegs+10*int((uint16(n)-top)&7):][:8])
}

// enterMMX is what every MMX instruction does to the x87 state: TOP 0, all tags valid.
func (c *CPU) enterMMX() {
	c.rotateX87(0)
	setX87Word(c.env, fpTW, 0)
}

// sysFWAIT reports pending exceptions; it looks at TS only with MP.
func sysFWAIT(c *CPU, i *tcg.SysInst) bool {
	if c.pg.CR0&(cr0MP|cr0TS) == cr0MP|cr0TS {
		return c.raise(vecNM, 0)
	}
	return c.x87Error()
}

// sysFNOP is what is left of the 8087's and 80287's control instructions.
func sysFNOP(c *CPU, i *tcg.SysInst) bool { return c.CheckFPU(false) }

func sysFLDCW(c *CPU, i *tcg.SysInst) bool {
	if !c.CheckFPU(true) {
		return false
	}
	v, ok := c.read(i.Seg, c.ea(i), 2)
	if !ok {
		return false
	}
	c.syncX87()
	setX87Word(c.env, fpCW, uint16(v)&0x1f7f|0x40)
	return c.settleX87()
}

func sysFNSTCW(c *CPU, i *tcg.SysInst) bool {
	return c.fpu(false) && c.write(i.Seg, c.ea(i), 2, uint64(x87Word(c.env, fpCW)))
}

func sysFNSTSW(c *CPU, i *tcg.SysInst) bool {
	if !c.fpu(false) {
		return false
	}
	v := uint64(x87Word(c.env, fpSW))
	if hasMem(i, 0) {
		return c.write(i.Seg, c.ea(i), 2, v)
	}
	c.setReg(regAX, 2, v)
	return true
}

func sysFNINIT(c *CPU, i *tcg.SysInst) bool {
	if !c.fpu(false) {
		return false
	}
	// Registers are named from ST0 in the image: keep each physical register's contents.
	c.rotateX87(0)
	initX87Env(c.env)
	c.driveFERR(false)
	return c.settleX87()
}

// rotateX87 changes TOP in the image without moving physical registers.
func (c *CPU) rotateX87(newTop int) {
	sw := x87Word(c.env, fpSW)
	top := int(sw >> 11 & 7)
	var regs [80]byte
	for k := range 8 {
		copy(regs[10*k:10*k+10], c.env.X87[fpRegs+10*((k+newTop-top)&7):])
	}
	copy(c.env.X87[fpRegs:], regs[:])
	setX87Word(c.env, fpSW, sw&^0x3800|uint16(newTop)<<11)
}

func sysFNCLEX(c *CPU, i *tcg.SysInst) bool {
	if !c.fpu(false) {
		return false
	}
	setX87Word(c.env, fpSW, x87Word(c.env, fpSW)&0x7f00)
	c.driveFERR(false)
	return c.settleX87()
}

// envLayout packs the x87 environment as FNSTENV stores it (SDM vol. 1 figures 8-9 to 8-12). The selectors of the instruction and of the
// operand are 0, as CPUID.7:EBX[13] says, the pointers are offsets; the opcode is that of an unmasked exception (8.1.9).
func (c *CPU) envLayout(size int) []byte {
	e := &c.env.X87
	le := binary.LittleEndian
	ip, dp, op := uint32(c.env.X87IP), uint32(c.env.X87DP), uint16(c.env.X87Op)
	realMode := c.realSegs()
	if size == 2 {
		p := make([]byte, 14)
		le.PutUint16(p, x87Word(c.env, fpCW))
		le.PutUint16(p[2:], x87Word(c.env, fpSW))
		le.PutUint16(p[4:], x87Word(c.env, fpTW))
		le.PutUint16(p[6:], uint16(ip))
		le.PutUint16(p[10:], uint16(dp))
		if realMode {
			le.PutUint16(p[8:], uint16(ip>>16)<<12|op)
			le.PutUint16(p[12:], uint16(dp>>16)<<12)
		}
		return p
	}
	p := make([]byte, fpEnvSize)
	copy(p, e[:fpIP])
	le.PutUint32(p[fpIP:], ip)
	le.PutUint32(p[fpDP:], dp)
	for _, o := range [...]int{fpCW, fpSW, fpTW, fpDS} {
		le.PutUint16(p[o+2:], 0xffff)
	}
	if realMode {
		le.PutUint32(p[fpIP:], ip&0xffff|0xffff_0000)
		le.PutUint32(p[fpCS:], ip>>16<<12|uint32(op))
		le.PutUint32(p[fpDP:], dp&0xffff|0xffff_0000)
		le.PutUint32(p[fpDS:], dp>>16<<12)
	} else {
		le.PutUint16(p[fpOp:], op)
	}
	return p
}

// setEnv unpacks an environment. Tags of registers that are not empty are recomputed from their contents.
func (c *CPU) setEnv(p []byte, size int) {
	le := binary.LittleEndian
	w := func(k int) uint32 {
		if size == 2 {
			return uint32(le.Uint16(p[2*k:]))
		}
		return le.Uint32(p[4*k:])
	}
	c.rotateX87(int(w(1) >> 11 & 7))
	setX87Word(c.env, fpCW, uint16(w(0))&0x1f7f|0x40)
	setX87Word(c.env, fpSW, uint16(w(1)))
	setX87Word(c.env, fpTW, uint16(w(2)))
	ip, cs, dp, ds := w(3), w(4), w(5), w(6)
	op := cs >> 16
	if c.realSegs() {
		op = cs
		ip, dp = ip&0xffff|cs>>12<<16, dp&0xffff|ds>>12<<16
	}
	c.env.X87IP, c.env.X87DP, c.env.X87Op = uint64(ip), uint64(dp), op&0x7ff
}

func sysFNSTENV(c *CPU, i *tcg.SysInst) bool {
	if !c.fpu(false) || !c.writeBlock(i, c.envLayout(int(i.OpSize))) {
		return false
	}
	setX87Word(c.env, fpCW, x87Word(c.env, fpCW)|0x3f)
	return c.settleX87()
}

func sysFLDENV(c *CPU, i *tcg.SysInst) bool {
	var b [fpEnvSize]byte
	size := min(int(i.OpSize), 4)
	p := b[:7*size]
	if !c.fpu(true) || !c.readBlock(i, p) {
		return false
	}
	c.setEnv(p, size)
	return c.settleX87()
}

func sysFNSAVE(c *CPU, i *tcg.SysInst) bool {
	if !c.fpu(false) {
		return false
	}
	p := append(c.envLayout(int(i.OpSize)), c.env.X87[fpRegs:fpSaveSize]...)
	if !c.writeBlock(i, p) {
		return false
	}
	c.rotateX87(0)
	initX87Env(c.env)
	return c.settleX87()
}

func sysFRSTOR(c *CPU, i *tcg.SysInst) bool {
	var b [fpSaveSize]byte
	size := min(int(i.OpSize), 4)
	p := b[:7*size+80]
	if !c.fpu(true) || !c.readBlock(i, p) {
		return false
	}
	c.setEnv(p, size)
	copy(c.env.X87[fpRegs:], p[7*size:])
	return c.settleX87()
}

// sseControl makes the checks of LDMXCSR and STMXCSR, and of their VEX forms.
func (c *CPU) sseControl(i *tcg.SysInst) bool {
	if i.Prefix&decoder.PrefixVex != 0 {
		return c.CheckAVX()
	}
	if c.pg.CR0&cr0EM != 0 || c.pg.CR4&cr4OSFXSR == 0 {
		return c.ud()
	}
	if c.pg.CR0&cr0TS != 0 {
		return c.raise(vecNM, 0)
	}
	return true
}

func sysLDMXCSR(c *CPU, i *tcg.SysInst) bool {
	if !c.sseControl(i) {
		return false
	}
	v, ok := c.read(i.Seg, c.ea(i), 4)
	if !ok {
		return false
	}
	if uint32(v)&^mxcsrKnown != 0 {
		return c.gp(0)
	}
	c.env.MXCSR = uint32(v)
	c.updateFP()
	return true
}

func sysSTMXCSR(c *CPU, i *tcg.SysInst) bool {
	return c.sseControl(i) && c.write(i.Seg, c.ea(i), 4, uint64(c.env.MXCSR))
}
