package x86

import (
	"goemu/decoder"
	"goemu/tcg"
)

// opmaskForm is an instruction on opmask registers: what it computes, of how many bits.
type opmaskForm struct {
	bits uint
	f    func(a, b uint64, bits, imm uint) uint64 // a and b are the sources, b the last one; nil: KORTEST and KTEST
	test bool                                     // KTEST
}

// opmaskForms are the instructions on opmask registers (SDM vol. 2A).
var opmaskForms = map[decoder.Op]opmaskForm{}

func init() {
	width := [4]uint{8, 16, 32, 64}
	for _, g := range []struct {
		ops [4]decoder.Op
		f   func(a, b uint64, bits, imm uint) uint64
	}{
		{[4]decoder.Op{decoder.KANDB, decoder.KANDW, decoder.KANDD, decoder.KANDQ}, func(a, b uint64, _, _ uint) uint64 { return a & b }},
		{[4]decoder.Op{decoder.KANDNB, decoder.KANDNW, decoder.KANDND, decoder.KANDNQ}, func(a, b uint64, _, _ uint) uint64 { return ^a & b }},
		{[4]decoder.Op{decoder.KORB, decoder.KORW, decoder.KORD, decoder.KORQ}, func(a, b uint64, _, _ uint) uint64 { return a | b }},
		{[4]decoder.Op{decoder.KXORB, decoder.KXORW, decoder.KXORD, decoder.KXORQ}, func(a, b uint64, _, _ uint) uint64 { return a ^ b }},
		{[4]decoder.Op{decoder.KXNORB, decoder.KXNORW, decoder.KXNORD, decoder.KXNORQ}, func(a, b uint64, _, _ uint) uint64 { return ^(a ^ b) }},
		{[4]decoder.Op{decoder.KADDB, decoder.KADDW, decoder.KADDD, decoder.KADDQ}, func(a, b uint64, _, _ uint) uint64 { return a + b }},
		{[4]decoder.Op{decoder.KNOTB, decoder.KNOTW, decoder.KNOTD, decoder.KNOTQ}, func(_, b uint64, _, _ uint) uint64 { return ^b }},
		{[4]decoder.Op{decoder.KMOVB, decoder.KMOVW, decoder.KMOVD, decoder.KMOVQ}, func(_, b uint64, _, _ uint) uint64 { return b }},
		{[4]decoder.Op{decoder.KSHIFTLB, decoder.KSHIFTLW, decoder.KSHIFTLD, decoder.KSHIFTLQ}, func(_, b uint64, _, imm uint) uint64 { return b << imm }},
		{[4]decoder.Op{decoder.KSHIFTRB, decoder.KSHIFTRW, decoder.KSHIFTRD, decoder.KSHIFTRQ}, func(_, b uint64, _, imm uint) uint64 { return b >> imm }},
		{[4]decoder.Op{0, decoder.KUNPCKBW, decoder.KUNPCKWD, decoder.KUNPCKDQ}, func(a, b uint64, bits, _ uint) uint64 { return a<<(bits/2) | b&(1<<(bits/2)-1) }},
	} {
		for k, op := range g.ops {
			if op != 0 {
				opmaskForms[op] = opmaskForm{bits: width[k], f: g.f}
			}
		}
	}
	for k, op := range [4]decoder.Op{decoder.KORTESTB, decoder.KORTESTW, decoder.KORTESTD, decoder.KORTESTQ} {
		opmaskForms[op] = opmaskForm{bits: width[k]}
	}
	for k, op := range [4]decoder.Op{decoder.KTESTB, decoder.KTESTW, decoder.KTESTD, decoder.KTESTQ} {
		opmaskForms[op] = opmaskForm{bits: width[k], test: true}
	}
	for op := range opmaskForms {
		handlers[op] = sysOpmask
	}
}

// sysOpmask is an instruction on opmask registers.
func sysOpmask(c *CPU, i *tcg.SysInst) bool {
	if !c.checkEVEX() {
		return false
	}
	f := opmaskForms[i.Op]
	limit := ^uint64(0) >> (64 - f.bits)
	n := int(i.NArgs)
	if i.Args[n-1].Kind == decoder.KImm {
		n--
	}
	var a, b uint64
	if n > 2 || f.f == nil {
		a = c.avx512.k[i.Args[n-2].Reg] & limit
	}
	switch s := i.Args[n-1]; s.Kind {
	case decoder.KMask:
		b = c.avx512.k[s.Reg]
	case decoder.KReg:
		b = c.env.GPR[s.Reg]
	case decoder.KMem:
		var ok bool
		if b, ok = c.read(i.Seg, c.ea(i), int(f.bits/8)); !ok {
			return false
		}
	}
	b &= limit
	if f.f == nil {
		c.opmaskTest(a, b, limit, f.test)
		return true
	}
	v := f.f(a, b, f.bits, uint(uint8(i.Imm))) & limit
	switch d := i.Args[0]; d.Kind {
	case decoder.KMask:
		c.avx512.k[d.Reg] = v
	case decoder.KReg:
		c.setReg(d.Reg, 8, v)
	case decoder.KMem:
		return c.write(i.Seg, c.ea(i), int(f.bits/8), v)
	}
	return true
}

// opmaskTest sets ZF and CF, and clears the other arithmetic flags.
func (c *CPU) opmaskTest(a, b, limit uint64, test bool) {
	zero, carry := a|b == 0, a|b == limit
	if test {
		zero, carry = a&b == 0, ^a&b == 0
	}
	var f uint32
	if zero {
		f |= flagZF
	}
	if carry {
		f |= flagCF
	}
	c.setCC(f)
}
