package x86

import (
	"encoding/binary"
	"hash/crc32"

	"goemu/decoder"
	"goemu/tcg"
)

var dataOps = map[decoder.Op]handler{
	decoder.BOUND:      sysBOUND,
	decoder.XLAT:       sysXLAT,
	decoder.CMPXCHG:    sysCMPXCHG,
	decoder.MASKMOVQ:   sysMASKMOV,
	decoder.MASKMOVDQU: sysMASKMOV,
	decoder.MOVBE:      sysMOVBE,
	decoder.CRC32:      sysCRC32,
	decoder.JCC:        sysJCC,
	decoder.JCXZ:       sysJCXZ,
	decoder.LOOP:       sysLOOP,
	decoder.LOOPE:      sysLOOP,
	decoder.LOOPNE:     sysLOOP,
}

func sysBOUND(c *CPU, i *tcg.SysInst) bool {
	if c.long64 || !hasMem(i, 1) {
		return c.ud()
	}
	n := int(i.OpSize)
	ea := c.ea(i)
	lo, ok := c.read(i.Seg, ea, n)
	if !ok {
		return false
	}
	hi, ok := c.read(i.Seg, c.truncAddr(i, ea+uint64(n)), n)
	if !ok {
		return false
	}
	sh := 64 - 8*n
	signed := func(v uint64) int64 { return int64(v<<sh) >> sh }
	v := signed(c.env.GPR[i.Args[0].Reg])
	if v < signed(lo) || v > signed(hi) {
		return c.raise(vecBR, 0)
	}
	return true
}

func sysXLAT(c *CPU, i *tcg.SysInst) bool {
	seg := uint8(segDS)
	if i.Prefix&decoder.PrefixSeg != 0 {
		seg = i.Seg
	}
	v, ok := c.read(seg, c.truncAddr(i, c.env.GPR[regBX]+uint64(c.al())), 1)
	if ok {
		c.setAL(uint8(v))
	}
	return ok
}

// sysCMPXCHG is CMPXCHG. The destination is always written, with its old value if it differs.
func sysCMPXCHG(c *CPU, i *tcg.SysInst) bool {
	n := argSize(i, 0)
	if hasMem(i, 0) {
		a, ok := c.Linear(tcg.Seg(i.Seg), c.ea(i), n, true)
		if !ok || !c.aligned(a, n) || !c.Probe(a, n, c.index()) {
			return false
		}
	}
	old, ok := c.arg(i, 0)
	if !ok {
		return false
	}
	acc := c.env.GPR[regAX] & sizeMask(n)
	v := old
	if acc == old {
		v = c.reg(i.Args[1].Reg, n)
	}
	if i.Args[0].Kind != decoder.KReg || acc == old {
		if !c.setArg(i, 0, v) {
			return false
		}
	}
	if acc != old {
		c.setReg(regAX, n, old)
	}
	c.setSubFlags(acc, old, n)
	return true
}

// sysMASKMOV stores the bytes of the first operand whose mask byte in the second
// has its top bit set, at DS:rDI. With an empty mask nothing is accessed.
func sysMASKMOV(c *CPU, i *tcg.SysInst) bool {
	mmx := i.Op == decoder.MASKMOVQ
	if i.Op == decoder.VMASKMOVDQU {
		if !c.CheckAVX() {
			return false
		}
	} else if !c.CheckSSE(mmx) {
		return false
	}
	var v, m [16]byte
	n := 16
	if mmx {
		n = 8
		c.syncX87()
		c.mmxReg(i.Args[0].Reg, v[:8])
		c.mmxReg(i.Args[1].Reg, m[:8])
	} else {
		for k := range 2 {
			binary.LittleEndian.PutUint64(v[8*k:], c.env.XMM[i.Args[0].Reg][k])
			binary.LittleEndian.PutUint64(m[8*k:], c.env.XMM[i.Args[1].Reg][k])
		}
	}
	seg := tcg.SegDS
	if i.Prefix&decoder.PrefixSeg != 0 {
		seg = tcg.Seg(i.Seg)
	}
	off := c.truncAddr(i, c.env.GPR[regDI])
	a, ok := c.Linear(seg, off, n, true)
	if !ok {
		return false
	}
	for pass := range 2 {
		for k := range n {
			if m[k]&0x80 == 0 {
				continue
			}
			p := c.wrap(a + uint64(k))
			if pass == 0 && !c.Probe(p, 1, c.index()) || pass == 1 && !c.WriteMem(p, 1, uint64(v[k]), c.index()) {
				return false
			}
		}
	}
	if mmx {
		c.enterMMX()
	}
	return true
}

func sysMOVBE(c *CPU, i *tcg.SysInst) bool {
	v, ok := c.arg(i, 1)
	if !ok {
		return false
	}
	n := int(i.OpSize)
	var r uint64
	for range n {
		r = r<<8 | v&0xff
		v >>= 8
	}
	return c.setArg(i, 0, r)
}

// castagnoli is the reflected polynomial 11EDC6F41H.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sysCRC32 goes on with a CRC32-C, without the inversions that most users of it add.
func sysCRC32(c *CPU, i *tcg.SysInst) bool {
	v, ok := c.arg(i, 1)
	if !ok {
		return false
	}
	crc := uint32(c.env.GPR[i.Args[0].Reg])
	for range argSize(i, 1) {
		crc = crc>>8 ^ castagnoli[uint8(crc)^uint8(v)]
		v >>= 8
	}
	c.env.GPR[i.Args[0].Reg] = uint64(crc)
	return true
}

// branch is the taken side of a near jump.
func (c *CPU) branch(i *tcg.SysInst) bool {
	t, ok := c.nearTarget(i)
	if !ok || !c.nearLimit(t) {
		return false
	}
	c.next = t
	return true
}

func sysJCC(c *CPU, i *tcg.SysInst) bool {
	return !tcg.Cond(i.Cond).Holds(c.env.CC) || c.branch(i)
}

func sysJCXZ(c *CPU, i *tcg.SysInst) bool {
	return c.truncAddr(i, c.env.GPR[regCX]) != 0 || c.branch(i)
}

func sysLOOP(c *CPU, i *tcg.SysInst) bool {
	n := c.truncAddr(i, c.env.GPR[regCX]-1)
	zf := c.Flags()&flagZF != 0
	if n != 0 && (i.Op == decoder.LOOP || zf == (i.Op == decoder.LOOPE)) && !c.branch(i) {
		return false
	}
	c.setReg(regCX, int(i.AddrSize), n)
	return true
}
