package x86

import (
	"encoding/binary"

	"goemu/tcg"
)

// Layout of the FXSAVE area (SDM vol. 1 table 10-2).
const (
	fxCW    = 0
	fxSW    = 2
	fxTag   = 4
	fxOp    = 6
	fxIP    = 8
	fxDP    = 16
	fxMXCSR = 24
	fxMask  = 28
	fxRegs  = 32
	fxXMM   = 160
	fxSize  = 512
	fxUsed  = 416 // up to the end of XMM15; the rest is not written
)

// abridgeTags makes FXSAVE's tag byte: a bit for each register that is not empty.
func abridgeTags(tw uint16) uint8 {
	var b uint8
	for k := range 8 {
		if tw>>(2*k)&3 != 3 {
			b |= 1 << k
		}
	}
	return b
}

// fullTags makes the tag word from FXSAVE's byte and the registers' contents, in stack order.
func fullTags(b uint8, top int, regs []byte) uint16 {
	var tw uint16
	for k := range 8 {
		tag := uint16(3)
		if b>>k&1 != 0 {
			tag = tagOf(regs[10*((k-top)&7):])
		}
		tw |= tag << (2 * k)
	}
	return tw
}

// tagOf classifies an 80-bit number: 0 valid, 1 zero, 2 special.
func tagOf(p []byte) uint16 {
	sig, exp := binary.LittleEndian.Uint64(p), binary.LittleEndian.Uint16(p[8:])&0x7fff
	switch {
	case exp == 0 && sig == 0:
		return 1
	case exp == 0 || exp == 0x7fff || sig>>63 == 0:
		return 2
	}
	return 0
}

// storeX87 writes the x87 part of the area. wide: 64-bit instruction pointers. As on Intel's processors these are stored in any
// case; AMD's do so only when an unmasked exception is pending.
func (c *CPU) storeX87(p []byte, wide bool) {
	c.syncX87()
	e, le := &c.env.X87, binary.LittleEndian
	le.PutUint16(p[fxCW:], x87Word(c.env, fpCW))
	le.PutUint16(p[fxSW:], x87Word(c.env, fpSW))
	p[fxTag], p[fxTag+1] = abridgeTags(x87Word(c.env, fpTW)), 0
	le.PutUint16(p[fxOp:], uint16(c.env.X87Op))
	clear(p[fxIP:fxMXCSR])
	if wide {
		le.PutUint64(p[fxIP:], c.env.X87IP)
		le.PutUint64(p[fxDP:], c.env.X87DP)
	} else {
		le.PutUint32(p[fxIP:], uint32(c.env.X87IP))
		le.PutUint32(p[fxDP:], uint32(c.env.X87DP))
	}
	for k := range 8 {
		copy(p[fxRegs+16*k:][:10], e[fpRegs+10*k:])
		clear(p[fxRegs+16*k+10:][:6])
	}
}

func (c *CPU) loadX87(p []byte, wide bool) {
	c.syncX87()
	e, le := &c.env.X87, binary.LittleEndian
	sw := le.Uint16(p[fxSW:])
	setX87Word(c.env, fpCW, le.Uint16(p[fxCW:])&0x1f7f|0x40)
	setX87Word(c.env, fpSW, sw)
	if wide {
		c.env.X87IP, c.env.X87DP = le.Uint64(p[fxIP:]), le.Uint64(p[fxDP:])
	} else {
		c.env.X87IP, c.env.X87DP = uint64(le.Uint32(p[fxIP:])), uint64(le.Uint32(p[fxDP:]))
	}
	c.env.X87Op = uint32(le.Uint16(p[fxOp:])) & 0x7ff
	for k := range 8 {
		copy(e[fpRegs+10*k:][:10], p[fxRegs+16*k:])
	}
	setX87Word(c.env, fpTW, fullTags(p[fxTag], int(sw>>11&7), e[fpRegs:]))
	c.settleX87()
}

// xmmCount is how many XMM registers the current mode saves.
func (c *CPU) xmmCount() int {
	if c.long64 {
		return 16
	}
	return 8
}

func (c *CPU) storeXMM(p []byte) {
	for k := range c.xmmCount() {
		binary.LittleEndian.PutUint64(p[fxXMM+16*k:], c.env.XMM[k][0])
		binary.LittleEndian.PutUint64(p[fxXMM+16*k+8:], c.env.XMM[k][1])
	}
}

func (c *CPU) loadXMM(p []byte) {
	for k := range c.xmmCount() {
		c.env.XMM[k] = tcg.Vec128{binary.LittleEndian.Uint64(p[fxXMM+16*k:]), binary.LittleEndian.Uint64(p[fxXMM+16*k+8:])}
	}
}

func (c *CPU) storeMXCSR(p []byte) {
	binary.LittleEndian.PutUint32(p[fxMXCSR:], c.env.MXCSR)
	binary.LittleEndian.PutUint32(p[fxMask:], mxcsrKnown)
}

// area gives the linear address of the operand, aligned as it must be.
func (c *CPU) area(i *tcg.SysInst, size, align int, write bool) (uint64, bool) {
	a, ok := c.Linear(tcg.Seg(i.Seg), c.ea(i), size, write)
	if ok && a&uint64(align-1) != 0 {
		return 0, c.gp(0)
	}
	return a, ok
}

// fxAllowed makes the #NM check of FXSAVE and FXRSTOR.
func (c *CPU) fxAllowed() bool {
	return c.pg.CR0&(cr0EM|cr0TS) == 0 || c.raise(vecNM, 0)
}

func sysFXSAVE(c *CPU, i *tcg.SysInst) bool {
	if !c.fxAllowed() {
		return false
	}
	a, ok := c.area(i, fxSize, 16, true)
	if !ok {
		return false
	}
	// What is reserved, or belongs to registers that this mode lacks, stays as it is in memory.
	var p [fxSize]byte
	if !c.Probe(a, fxSize, c.index()) || !c.ReadBytes(a, p[:], c.index()) {
		return false
	}
	c.storeX87(p[:], i.OpSize == 8)
	c.storeMXCSR(p[:])
	if c.pg.CR4&cr4OSFXSR != 0 {
		c.storeXMM(p[:])
	}
	c.updateFP()
	return c.WriteBytes(a, p[:fxUsed], c.index())
}

func sysFXRSTOR(c *CPU, i *tcg.SysInst) bool {
	if !c.fxAllowed() {
		return false
	}
	a, ok := c.area(i, fxSize, 16, false)
	if !ok {
		return false
	}
	var p [fxSize]byte
	if !c.ReadBytes(a, p[:], c.index()) {
		return false
	}
	mxcsr := binary.LittleEndian.Uint32(p[fxMXCSR:])
	if mxcsr&^mxcsrKnown != 0 {
		return c.gp(0)
	}
	c.loadX87(p[:], i.OpSize == 8)
	if c.pg.CR4&cr4OSFXSR != 0 {
		c.env.MXCSR = mxcsr
		c.loadXMM(p[:])
	}
	c.updateFP()
	return true
}
