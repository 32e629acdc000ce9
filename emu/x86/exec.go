package x86

import (
	"goemu/decoder"
	"goemu/emu/cpumodel"
	"goemu/tcg"
)

// handler runs one instruction. c.next is the RIP after it, which jumps change.
// On false a fault, or nothing but a reason to stop, has been recorded and the instruction has not been done.
type handler func(*CPU, *tcg.SysInst) bool

// handlers is indexed by decoder.Op; nil: not implemented.
var handlers [1 << 11]handler

func init() {
	for _, t := range []map[decoder.Op]handler{
		stringOps, ioOps, stackOps, farOps, segmentOps, systemOps, controlOps, flagOps, bcdOps, dataOps, stateOps,
		randomOps, fsgsOps, monitorOps, avxOps,
	} {
		for op, h := range t {
			handlers[op] = h
		}
	}
}

// Implemented reports whether Sys executes op.
func Implemented(op decoder.Op) bool { return int(op) < len(handlers) && handlers[op] != nil }

// maxInsnLen is the longest instruction, in bytes; a longer one is #GP(0) (SDM vol. 2A 2.3.11). The translator gives such a one the
// length after this.
const maxInsnLen = 15

// Sys runs one whole instruction: see tcg.Machine.
func (c *CPU) Sys(i *tcg.SysInst) bool {
	if i.Len > maxInsnLen {
		return c.gp(0)
	}
	h := handlers[i.Op]
	if i.Prefix&decoder.PrefixEvex != 0 {
		h = nil
		if c.model.Has(cpumodel.AVX512F) {
			h = evexHandler(i.Op)
		}
	}
	if h == nil {
		c.Unimplemented[i.Op]++
		if c.opt.OnUnimplemented != nil {
			c.opt.OnUnimplemented(i)
		}
		return c.ud()
	}
	c.noStep = false
	c.takeGS()
	c.next = c.advance(i.RIP, int(i.Len))
	mode := c.mode
	if !h(c, i) {
		return false
	}
	c.env.RIP = c.next
	if c.env.EFlags&(flagVIF|flagVIP) == flagVIF|flagVIP {
		c.pendingVirtual()
	}
	if c.debug.hits != 0 {
		c.AfterStep(mode)
	}
	return !c.pend.set
}

// advance adds to an instruction pointer. Outside 64-bit code it wraps at 4 GiB only: what runs beyond 64 KiB runs into the limit of CS.
func (c *CPU) advance(rip uint64, n int) uint64 {
	rip += uint64(n)
	if c.mode&tcg.ModeCode == tcg.ModeCode64 {
		return rip
	}
	return rip & 0xffff_ffff
}

// sizeMask is the mask of an operand of n bytes.
func sizeMask(n int) uint64 {
	if n >= 8 {
		return ^uint64(0)
	}
	return 1<<(8*n) - 1
}

// truncAddr truncates an offset to the instruction's address size.
func (c *CPU) truncAddr(i *tcg.SysInst, off uint64) uint64 { return off & sizeMask(int(i.AddrSize)) }

// ea computes the effective address of the memory operand, without the segment's base.
func (c *CPU) ea(i *tcg.SysInst) uint64 {
	a := uint64(i.Disp)
	switch i.Base {
	case decoder.NoReg:
	case decoder.RIPReg:
		a += i.RIP + uint64(i.Len)
	default:
		a += c.env.GPR[i.Base]
	}
	if i.Index != decoder.NoReg {
		a += c.env.GPR[i.Index] * uint64(i.Scale)
	}
	return c.truncAddr(i, a)
}

// read and write access an explicit data operand through a segment.
func (c *CPU) read(seg uint8, off uint64, size int) (uint64, bool) {
	a, ok := c.Linear(tcg.Seg(seg), off, size, false)
	if !ok || !c.aligned(a, size) {
		return 0, false
	}
	return c.ReadMem(a, size, c.index())
}

func (c *CPU) write(seg uint8, off uint64, size int, v uint64) bool {
	a, ok := c.Linear(tcg.Seg(seg), off, size, true)
	if !ok || !c.aligned(a, size) {
		return false
	}
	return c.WriteMem(a, size, v, c.index())
}

// aligned makes the #AC check.
func (c *CPU) aligned(a uint64, size int) bool {
	if c.mode&tcg.ModeAlign != 0 && a&uint64(size-1) != 0 {
		return c.raise(vecAC, 0)
	}
	return true
}

// readBlock and writeBlock access the instruction's memory operand as bytes.
func (c *CPU) readBlock(i *tcg.SysInst, p []byte) bool {
	a, ok := c.Linear(tcg.Seg(i.Seg), c.ea(i), len(p), false)
	return ok && c.ReadBytes(a, p, c.index())
}

func (c *CPU) writeBlock(i *tcg.SysInst, p []byte) bool {
	a, ok := c.Linear(tcg.Seg(i.Seg), c.ea(i), len(p), true)
	return ok && c.WriteBytes(a, p, c.index())
}

// reg reads general register n (16..19: AH CH DH BH) as size bytes.
func (c *CPU) reg(n uint8, size int) uint64 {
	if n >= 16 {
		return c.env.GPR[n-16] >> 8 & 0xff
	}
	return c.env.GPR[n] & sizeMask(size)
}

// setReg writes a general register as an instruction of that operand size does.
func (c *CPU) setReg(n uint8, size int, v uint64) {
	g := &c.env.GPR
	switch {
	case n >= 16:
		g[n-16] = g[n-16]&^0xff00 | v&0xff<<8
	case size == 1:
		g[n] = g[n]&^0xff | v&0xff
	case size == 2:
		g[n] = g[n]&^0xffff | v&0xffff
	case size == 4:
		g[n] = v & 0xffff_ffff
	default:
		g[n] = v
	}
}

// argSize is the size of operand k, or the operand size where the decoder gives none.
func argSize(i *tcg.SysInst, k int) int {
	if n := int(i.Args[k].Size); n != 0 {
		return n
	}
	return int(i.OpSize)
}

// arg reads operand k.
func (c *CPU) arg(i *tcg.SysInst, k int) (uint64, bool) {
	a := &i.Args[k]
	switch a.Kind {
	case decoder.KReg:
		return c.reg(a.Reg, argSize(i, k)), true
	case decoder.KImm:
		return uint64(i.Imm), true
	case decoder.KImm2:
		return uint64(i.Imm2), true
	case decoder.KSeg:
		return uint64(c.seg[a.Reg].Selector), true
	case decoder.KMem:
		return c.read(i.Seg, c.ea(i), argSize(i, k))
	case decoder.KMoffs:
		return c.read(i.Seg, c.truncAddr(i, uint64(i.Disp)), argSize(i, k))
	}
	return 0, c.ud()
}

// setArg writes operand k.
func (c *CPU) setArg(i *tcg.SysInst, k int, v uint64) bool {
	a := &i.Args[k]
	switch a.Kind {
	case decoder.KReg:
		c.setReg(a.Reg, argSize(i, k), v)
		return true
	case decoder.KMem:
		return c.write(i.Seg, c.ea(i), argSize(i, k), v)
	case decoder.KMoffs:
		return c.write(i.Seg, c.truncAddr(i, uint64(i.Disp)), argSize(i, k), v)
	}
	return c.ud()
}

// hasMem tells whether operand k is in memory.
func hasMem(i *tcg.SysInst, k int) bool { return i.Args[k].Kind == decoder.KMem }

// privileged makes the CPL 0 check.
func (c *CPU) privileged() bool { return c.cpl == 0 || c.gp(0) }

// sysUD is an instruction that is undefined here.
func sysUD(c *CPU, i *tcg.SysInst) bool { return c.ud() }
