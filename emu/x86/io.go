package x86

import (
	"goemu/decoder"
	"goemu/tcg"
)

var ioOps = map[decoder.Op]handler{
	decoder.IN:  sysIN,
	decoder.OUT: sysOUT,
}

// portAllowed checks IOPL and the I/O permission bitmap (SDM vol. 1 19.5).
func (c *CPU) portAllowed(port uint16, size int) bool {
	if !c.protected() || !c.vm86() && c.cpl <= c.iopl() {
		return true
	}
	if c.tr.null() || c.tr.Attr&8 == 0 || c.tr.Limit < tss32Limit {
		return c.gp(0)
	}
	base, ok := c.readSys(c.wrap(c.tr.Base+tss32IOMap), 2)
	if !ok {
		return false
	}
	off := base + uint64(port/8)
	if off+1 > uint64(c.tr.Limit) {
		return c.gp(0)
	}
	bits, ok := c.readSys(c.wrap(c.tr.Base+off), 2)
	if !ok {
		return false
	}
	if bits>>(port&7)&(1<<size-1) != 0 {
		return c.gp(0)
	}
	return true
}

// portOf is the port operand: DX or an immediate byte.
func (c *CPU) portOf(i *tcg.SysInst, k int) uint16 {
	if i.Args[k].Kind == decoder.KImm {
		return uint16(uint8(i.Imm))
	}
	return uint16(c.env.GPR[regDX])
}

// ioSize is the size of IN and OUT: byte forms have even opcodes; there is no 64-bit I/O.
func ioSize(i *tcg.SysInst) int {
	if i.Opcode&1 == 0 {
		return 1
	}
	return min(int(i.OpSize), 4)
}

func sysIN(c *CPU, i *tcg.SysInst) bool {
	n, port := ioSize(i), c.portOf(i, 1)
	if !c.portAllowed(port, n) {
		return false
	}
	c.watchPort(port, n, false)
	c.setReg(regAX, n, uint64(c.bus.In(port, n))&sizeMask(n))
	return true
}

func sysOUT(c *CPU, i *tcg.SysInst) bool {
	n, port := ioSize(i), c.portOf(i, 0)
	if !c.portAllowed(port, n) {
		return false
	}
	c.watchPort(port, n, true)
	c.bus.Out(port, n, uint32(c.env.GPR[regAX]&sizeMask(n)))
	return true
}

// sysINS checks that the destination can be written before it reads the port, whose value would be lost.
func sysINS(c *CPU, i *tcg.SysInst) bool {
	o, port, ok := c.portString(i)
	if !ok {
		return false
	}
	for slow := 0; o.count > 0; slow = (slow + 1) % slowBatch {
		if slow == 0 && !o.more() {
			return true
		}
		a, ok := c.Linear(tcg.SegES, c.env.GPR[regDI]&o.mask, o.size, true)
		if !ok || !c.aligned(a, o.size) || !c.Probe(a, o.size, o.idx) {
			return false
		}
		c.watchPort(port, o.size, false)
		if !c.WriteMem(a, o.size, uint64(c.bus.In(port, o.size))&sizeMask(o.size), o.idx) {
			return false
		}
		o.took(1, regDI)
	}
	return true
}

func sysOUTS(c *CPU, i *tcg.SysInst) bool {
	o, port, ok := c.portString(i)
	if !ok {
		return false
	}
	for slow := 0; o.count > 0; slow = (slow + 1) % slowBatch {
		if slow == 0 && !o.more() {
			return true
		}
		v, ok := o.readElem(regSI, o.src)
		if !ok {
			return false
		}
		c.watchPort(port, o.size, true)
		c.bus.Out(port, o.size, uint32(v))
		o.took(1, regSI)
	}
	return true
}

// portString begins INS and OUTS; false: the program may not use the port.
func (c *CPU) portString(i *tcg.SysInst) (o strOp, port uint16, ok bool) {
	o, port = c.newString(i), uint16(c.env.GPR[regDX])
	o.setSize(min(o.size, 4))
	return o, port, c.portAllowed(port, o.size)
}

// setSize changes the element size.
func (o *strOp) setSize(n int) {
	o.size, o.step = n, uint64(n)
	if o.down {
		o.step = -o.step
	}
}
