package x86

import (
	"goemu/decoder"
	"goemu/tcg"
)

var bcdOps = map[decoder.Op]handler{
	decoder.DAA:  legacyOnly(sysDAA),
	decoder.DAS:  legacyOnly(sysDAS),
	decoder.AAA:  legacyOnly(sysAAA),
	decoder.AAS:  legacyOnly(sysAAS),
	decoder.AAM:  legacyOnly(sysAAM),
	decoder.AAD:  legacyOnly(sysAAD),
	decoder.SALC: legacyOnly(sysSALC),
}

// legacyOnly makes #UD of an instruction in 64-bit mode.
func legacyOnly(h handler) handler {
	return func(c *CPU, i *tcg.SysInst) bool {
		if c.long64 {
			return c.ud()
		}
		return h(c, i)
	}
}

func (c *CPU) al() uint8     { return uint8(c.env.GPR[regAX]) }
func (c *CPU) setAL(v uint8) { c.setReg(regAX, 1, uint64(v)) }
func (c *CPU) ah() uint8     { return uint8(c.env.GPR[regAX] >> 8) }
func (c *CPU) setAH(v uint8) { c.setReg(16, 1, uint64(v)) }

// decimal is DAA and DAS (SDM vol. 2A). OF is undefined: as on processors it tells of signed overflow.
func (c *CPU) decimal(sign uint8) bool {
	f, al := c.Flags(), c.al()
	old := al
	var out uint32
	if al&15 > 9 || f&flagAF != 0 {
		al += 6 * sign
		out |= flagAF
		if f&flagCF != 0 || sign == 1 && old > 0xf9 || sign != 1 && old < 6 {
			out |= flagCF
		}
	}
	if old > 0x99 || f&flagCF != 0 {
		al += 0x60 * sign
		out |= flagCF
	} else if sign == 1 {
		out &^= flagCF
	}
	if changed := old ^ al; sign == 1 && changed&al&0x80 != 0 || sign != 1 && changed&old&0x80 != 0 {
		out |= flagOF
	}
	c.setAL(al)
	c.setCC(out | resultFlags(uint64(al), 1))
	return true
}

func sysDAA(c *CPU, i *tcg.SysInst) bool { return c.decimal(1) }
func sysDAS(c *CPU, i *tcg.SysInst) bool { return c.decimal(0xff) }

// ascii is AAA and AAS. SF, ZF, PF and OF are undefined: as on processors of AMD they are those of adding or subtracting 106H, or 0, before the
// upper half of AL is cleared.
func (c *CPU) ascii(sign int) bool {
	var out uint32
	old := uint16(c.env.GPR[regAX])
	sum := old
	if old&15 > 9 || c.Flags()&flagAF != 0 {
		sum += uint16(0x106 * sign)
		out = flagAF | flagCF
	}
	if changed := old ^ sum; sign == 1 && changed&sum&0x8000 != 0 || sign != 1 && changed&old&0x8000 != 0 {
		out |= flagOF
	}
	c.setReg(regAX, 2, uint64(sum&0xff0f))
	c.setCC(out | resultFlags(uint64(sum), 2))
	return true
}

func sysAAA(c *CPU, i *tcg.SysInst) bool { return c.ascii(1) }
func sysAAS(c *CPU, i *tcg.SysInst) bool { return c.ascii(-1) }

func sysAAM(c *CPU, i *tcg.SysInst) bool {
	base := uint8(i.Imm)
	if base == 0 {
		return c.raise(vecDE, 0)
	}
	al := c.al()
	c.setAH(al / base)
	c.setAL(al % base)
	c.setCC(resultFlags(uint64(al%base), 1))
	return true
}

// sysAAD sets OF, AF and CF, which are undefined, as its addition does on processors.
func sysAAD(c *CPU, i *tcg.SysInst) bool {
	x, y := c.al(), c.ah()*uint8(i.Imm)
	sum := x + y
	var out uint32
	if sum < x {
		out |= flagCF
	}
	if (x^y^sum)&0x10 != 0 {
		out |= flagAF
	}
	if (x^sum)&(y^sum)&0x80 != 0 {
		out |= flagOF
	}
	c.setReg(regAX, 2, uint64(sum))
	c.setCC(out | resultFlags(uint64(sum), 1))
	return true
}

func sysSALC(c *CPU, i *tcg.SysInst) bool {
	v := uint8(0)
	if c.Flags()&flagCF != 0 {
		v = 0xff
	}
	c.setAL(v)
	return true
}
