package x86

import (
	"encoding/binary"
	"unsafe"

	"goemu/tcg"
)

// Digest is a digest of all registers that Inspect shows, with rare of the other model-specific registers too: equal states have equal digests, different ones
// very likely not. It is for comparing engines, millions of times a second.
func (c *CPU) Digest(rare bool) uint64 {
	c.takeGS()
	c.syncX87()
	e := c.env
	// Four chains keep the host's multiplier busy.
	h0, h1, h2, h3 := digest(0, e.RIP), digest(0, uint64(c.Flags())), digest(0, uint64(c.state)|uint64(c.cpl)<<8), digest(0, e.CR2)
	for i := 0; i < len(e.GPR); i += 4 {
		h0, h1, h2, h3 = digest(h0, e.GPR[i]), digest(h1, e.GPR[i+1]), digest(h2, e.GPR[i+2]), digest(h3, e.GPR[i+3])
	}
	for i := range c.seg {
		s := &c.seg[i]
		h0, h1, h2 = digest(h0, s.Base), digest(h1, uint64(s.Selector)|uint64(s.Attr)<<32), digest(h2, uint64(s.Limit))
	}
	for _, s := range [...]*Segment{&c.ldtr, &c.tr} {
		h0, h1, h2 = digest(h0, s.Base), digest(h1, uint64(s.Selector)|uint64(s.Attr)<<32), digest(h2, uint64(s.Limit))
	}
	h3 = digest(digest(h3, c.gdtr.Base), c.idtr.Base)
	h3 = digest(h3, uint64(c.gdtr.Limit)|uint64(c.idtr.Limit)<<32)
	h0, h1, h2, h3 = digest(h0, c.pg.CR0), digest(h1, c.pg.CR3), digest(h2, c.pg.CR4), digest(h3, c.pg.EFER)
	h0, h1, h2 = digest(h0, uint64(c.bus.TPR())), digest(h1, c.xcr0), digest(h2, uint64(e.MXCSR)|uint64(c.pg.PKRU)<<32)
	for i := 0; i < len(c.dr); i += 2 {
		h0, h1 = digest(h0, c.dr[i]), digest(h1, c.dr[i+1])
	}
	h2, h3 = digest(h2, e.KernelGS), digest(h3, bitSet(c.shadow && c.shadowRIP == e.RIP, c.nmiMasked, c.smm.active, c.space.Mask>>20&1 != 0))
	m := &c.msr
	h0, h1, h2, h3 = digest(h0, m.star), digest(h1, m.lstar), digest(h2, m.cstar), digest(h3, m.sfmask)
	h0, h1, h2 = digest(h0, m.sysenterCS), digest(h1, m.sysenterESP), digest(h2, m.sysenterEIP)
	h3 = digest(h3, uint64(x87Word(e, fpCW))|uint64(x87Word(e, fpSW))<<16|uint64(x87Word(e, fpTW))<<32|uint64(uint16(e.X87Op))<<48)
	h0, h1 = digest(h0, e.X87IP), digest(h1, e.X87DP)
	for i := 0; i < 80; i += 16 { // ST0 to ST7
		p := e.X87[fpRegs+i:]
		h2, h3 = digest(h2, binary.LittleEndian.Uint64(p)), digest(h3, binary.LittleEndian.Uint64(p[8:]))
	}
	for i := 0; i < len(e.XMM); i += 2 {
		x, y := &e.XMM[i], &e.XMM[i+1]
		h0, h1, h2, h3 = digest(h0, x[0]), digest(h1, x[1]), digest(h2, y[0]), digest(h3, y[1])
	}
	// Where the upper parts are not in use they are 0; that they are does not tell that they are not 0. So zeros must not count.
	var upper uint64
	if e.YMMUsed != tcg.YMMZero {
		upper = sum(upper, unsafe.Slice(&e.YMMH[0][0], 2*len(e.YMMH)), 1)
	}
	if c.avx512.wide {
		upper = sum(upper, unsafe.Slice(&e.ZMMH[0][0], 4*len(e.ZMMH)), 101)
	}
	if c.valid.xcr0&compAVX512 != 0 {
		upper = sum(upper, unsafe.Slice(&c.avx512.high[0][0], 8*len(c.avx512.high)), 201)
		upper = sum(upper, c.avx512.k[:], 401)
	}
	if rare {
		upper = sum(upper, unsafe.Slice((*uint64)(unsafe.Pointer(m)), unsafe.Sizeof(*m)/8), 501)
	}
	return digest(digest(digest(h0, h1), digest(h2, h3)), upper)
}

// digest adds a word to a digest.
func digest(h, v uint64) uint64 {
	h = (h ^ v) * 0x9e37_79b9_7f4a_7c15
	return h ^ h>>29
}

// sum adds words to a sum in which each has its own factor, from a number on. Zeros add nothing.
func sum(h uint64, p []uint64, from uint64) uint64 {
	for i, v := range p {
		if v != 0 {
			v *= (from+uint64(i))*0x9e37_79b9_7f4a_7c15 | 1
			h += v ^ v>>31
		}
	}
	return h
}

func bitSet(list ...bool) (n uint64) {
	for i, b := range list {
		if b {
			n |= 1 << i
		}
	}
	return n
}
