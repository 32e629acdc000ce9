package x86

import (
	"encoding/binary"

	"goemu/decoder"
	"goemu/tcg"
)

// avxOps are the AVX instructions that access memory by a mask, and those that change what may run natively.
var avxOps = map[decoder.Op]handler{
	decoder.VMASKMOVPS:  sysVMASKMOV,
	decoder.VMASKMOVPD:  sysVMASKMOV,
	decoder.VPMASKMOVD:  sysVMASKMOV,
	decoder.VPMASKMOVQ:  sysVMASKMOV,
	decoder.VMASKMOVDQU: sysMASKMOV,
	decoder.VGATHERDPS:  sysVGATHER,
	decoder.VGATHERDPD:  sysVGATHER,
	decoder.VGATHERQPS:  sysVGATHER,
	decoder.VGATHERQPD:  sysVGATHER,
	decoder.VPGATHERDD:  sysVGATHER,
	decoder.VPGATHERDQ:  sysVGATHER,
	decoder.VPGATHERQD:  sysVGATHER,
	decoder.VPGATHERQQ:  sysVGATHER,
	decoder.VLDMXCSR:    sysLDMXCSR,
	decoder.VSTMXCSR:    sysSTMXCSR,
	decoder.VZEROALL:    sysVZERO,
	decoder.VZEROUPPER:  sysVZERO,
}

// ymmBytes is a YMM register as bytes.
type ymmBytes [32]byte

func (c *CPU) ymm(n uint8) (b ymmBytes) {
	for k := range 2 {
		binary.LittleEndian.PutUint64(b[8*k:], c.env.XMM[n][k])
		binary.LittleEndian.PutUint64(b[16+8*k:], c.env.YMMH[n][k])
	}
	return b
}

func (c *CPU) setYMM(n uint8, b *ymmBytes) {
	for k := range 2 {
		c.env.XMM[n][k] = binary.LittleEndian.Uint64(b[8*k:])
		c.env.YMMH[n][k] = binary.LittleEndian.Uint64(b[16+8*k:])
	}
	c.env.ZMMH[n] = [4]uint64{}
	if c.env.YMMH[n] != (tcg.Vec128{}) {
		c.env.YMMUsed = tcg.YMMInUse
	}
}

// element reads or writes n bytes at p.
func element(p []byte, n int) uint64 {
	if n == 4 {
		return uint64(binary.LittleEndian.Uint32(p))
	}
	return binary.LittleEndian.Uint64(p)
}

func putElement(p []byte, n int, v uint64) {
	if n == 4 {
		binary.LittleEndian.PutUint32(p, uint32(v))
	} else {
		binary.LittleEndian.PutUint64(p, v)
	}
}

// sysVMASKMOV is VMASKMOVPS, VMASKMOVPD, VPMASKMOVD and VPMASKMOVQ. Elements whose top bit in the mask is clear are neither accessed
// nor checked; loads set them to 0. There is no #AC (SDM vol. 2).
func sysVMASKMOV(c *CPU, i *tcg.SysInst) bool {
	if !c.CheckAVX() {
		return false
	}
	size := 4
	if i.Op == decoder.VMASKMOVPD || i.Op == decoder.VPMASKMOVQ {
		size = 8
	}
	width, off, mask := 16<<i.VecLen, c.ea(i), c.ymm(i.Args[1].Reg)
	if hasMem(i, 0) {
		return c.maskedStore(i, off, width, size, &mask)
	}
	var v ymmBytes
	for k := 0; k < width; k += size {
		if mask[k+size-1]&0x80 == 0 {
			continue
		}
		x, ok := c.readElement(i, off+uint64(k), size)
		if !ok {
			return false
		}
		putElement(v[k:], size, x)
	}
	c.setYMM(i.Args[0].Reg, &v)
	return true
}

func (c *CPU) readElement(i *tcg.SysInst, off uint64, size int) (uint64, bool) {
	a, ok := c.Linear(tcg.Seg(i.Seg), c.truncAddr(i, off), size, false)
	if !ok {
		return 0, false
	}
	return c.ReadMem(a, size, c.index())
}

// maskedStore stores nothing unless all selected elements can be stored.
func (c *CPU) maskedStore(i *tcg.SysInst, off uint64, width, size int, mask *ymmBytes) bool {
	v := c.ymm(i.Args[2].Reg)
	for pass := range 2 {
		for k := 0; k < width; k += size {
			if mask[k+size-1]&0x80 == 0 {
				continue
			}
			a, ok := c.Linear(tcg.Seg(i.Seg), c.truncAddr(i, off+uint64(k)), size, true)
			if !ok {
				return false
			}
			if pass == 0 && !c.Probe(a, size, c.index()) || pass == 1 && !c.WriteMem(a, size, element(v[k:], size), c.index()) {
				return false
			}
		}
	}
	return true
}

// gatherSizes gives the sizes of an index and of an element of a gather.
func gatherSizes(op decoder.Op) (index, elem int) {
	switch op {
	case decoder.VGATHERDPS, decoder.VPGATHERDD:
		return 4, 4
	case decoder.VGATHERDPD, decoder.VPGATHERDQ:
		return 4, 8
	case decoder.VGATHERQPS, decoder.VPGATHERQD:
		return 8, 4
	}
	return 8, 8
}

// sysVGATHER loads the elements whose top bit in the mask is set, from the lowest one on, and clears their masks. A fault leaves what has been
// done, so that the instruction goes on from there when it is run again. There is no #AC (SDM vol. 2, VPGATHERDD). That the three
// registers are different is the decoder's check.
func sysVGATHER(c *CPU, i *tcg.SysInst) bool {
	dst, mask := i.Args[0].Reg, i.Args[2].Reg
	if !c.CheckAVX() {
		return false
	}
	indexSize, size := gatherSizes(i.Op)
	n := 16 << i.VecLen / max(indexSize, size)
	v, m, x := c.ymm(dst), c.ymm(mask), c.ymm(i.Index)
	base := uint64(i.Disp)
	if i.Base != decoder.NoReg {
		base += c.env.GPR[i.Base]
	}
	for k := range n {
		e := v[k*size:]
		if m[k*size+size-1]&0x80 != 0 {
			at := element(x[k*indexSize:], indexSize)
			if indexSize == 4 {
				at = uint64(int64(int32(at)))
			}
			r, ok := c.readElement(i, base+at*uint64(i.Scale), size)
			if !ok {
				c.setYMM(dst, &v)
				c.setYMM(mask, &m)
				return false
			}
			putElement(e, size, r)
		}
		putElement(m[k*size:], size, 0)
	}
	clear(v[n*size:])
	clear(m[:])
	c.setYMM(dst, &v)
	c.setYMM(mask, &m)
	return true
}

// sysVZERO is VZEROALL and VZEROUPPER outside 64-bit code, where there are eight registers, and where registers are longer than YMM.
func sysVZERO(c *CPU, i *tcg.SysInst) bool {
	if !c.CheckAVX() {
		return false
	}
	clear(c.env.YMMH[:c.xmmCount()])
	clear(c.env.ZMMH[:c.xmmCount()])
	if i.Op == decoder.VZEROALL {
		clear(c.env.XMM[:c.xmmCount()])
	}
	c.settleYMM()
	c.settleZMM()
	return true
}
