package x86

import (
	"encoding/binary"
	"math/bits"
	"strings"

	"goemu/decoder"
	"goemu/emu/cpumodel"
	"goemu/tcg"
	"goemu/tcg/simd"
)

// AVX-512: every EVEX instruction is run as a whole here, on both engines. What it computes is in simd; operands, masks and
// faults are here (SDM vol. 1 chapter 15, vol. 2A 2.7).

// avx512State is what Env does not have of AVX-512's registers.
type avx512State struct {
	high [16]simd.Z // ZMM16 to ZMM31
	k    [8]uint64
	wide bool // some of Env.ZMMH is not 0
}

// lengthFixed tells for each row of the decoder's table whether AVX512VL does not matter: scalars and what has 128 bits only.
var lengthFixed = func() []bool {
	rows := decoder.Rows()
	fixed := make([]bool, len(rows))
	for i := range rows {
		fixed[i] = strings.HasPrefix(rows[i].Enc, "EVEX.LIG.") || strings.HasPrefix(rows[i].Enc, "EVEX.128.")
	}
	return fixed
}()

// checkEVEX makes the checks before an instruction that uses AVX-512's state.
func (c *CPU) checkEVEX() bool {
	const need = compSSE | compAVX | compAVX512
	switch {
	case c.pg.CR4&cr4OSXSAVE == 0, c.xcr0&need != need:
		return c.ud()
	case c.pg.CR0&cr0TS != 0:
		return c.raise(vecNM, 0)
	}
	return true
}

// zmm reads n bytes of a vector register.
func (c *CPU) zmm(r uint8, n int) (z simd.Z) {
	if r >= 16 {
		z = c.avx512.high[r-16]
	} else {
		e := c.env
		copy(z[:2], e.XMM[r][:])
		copy(z[2:4], e.YMMH[r][:])
		copy(z[4:], e.ZMMH[r][:])
	}
	clear(z[max(n, 16)/8:])
	return z
}

func (c *CPU) setZMM(r uint8, z *simd.Z) {
	if r >= 16 {
		c.avx512.high[r-16] = *z
		return
	}
	e := c.env
	copy(e.XMM[r][:], z[:2])
	copy(e.YMMH[r][:], z[2:4])
	copy(e.ZMMH[r][:], z[4:])
	if e.YMMH[r] != (tcg.Vec128{}) {
		e.YMMUsed = tcg.YMMInUse
	}
	if e.ZMMH[r] != [4]uint64{} {
		c.useZMM(true)
	}
}

// useZMM says whether any of Env.ZMMH is not 0.
func (c *CPU) useZMM(on bool) {
	if c.avx512.wide != on {
		c.avx512.wide = on
		c.updateMode()
	}
}

// settleZMM finds out.
func (c *CPU) settleZMM() { c.useZMM(c.env.ZMMH != [16][4]uint64{}) }

// evexHandler gives the handler of an instruction with an EVEX prefix; nil: there is none.
func evexHandler(op decoder.Op) handler {
	if _, ok := simd.EvexShape(&decoder.Inst{Op: op}); ok {
		return sysEVEX
	}
	if _, ok := gathers[op]; ok {
		return sysEVEX
	}
	return nil
}

// RunsEVEX tells whether an instruction with an EVEX prefix is implemented.
func RunsEVEX(op decoder.Op) bool { return evexHandler(op) != nil }

// sysEVEX runs an instruction with an EVEX prefix.
func sysEVEX(c *CPU, i *tcg.SysInst) bool {
	if i.VecLen < 2 && !lengthFixed[i.Row] && !c.model.Has(cpumodel.AVX512VL) {
		return c.ud()
	}
	if !c.checkEVEX() {
		return false
	}
	if s, ok := gathers[i.Op]; ok {
		if hasMem(i, 0) {
			return c.scatter(i, s)
		}
		return c.gather(i, s)
	}
	shape, _ := simd.EvexShape(&i.Inst)
	x := simd.Evex{Inst: &i.Inst, MXCSR: c.env.MXCSR, Mask: ^uint64(0)}
	if i.Mask != 0 {
		x.Mask = c.avx512.k[i.Mask]
	}
	if !c.evexOperands(i, &x, &shape) {
		return false
	}
	unmasked := x.Run()
	c.env.MXCSR = x.MXCSR
	if unmasked != 0 {
		return c.Raise(tcg.VectorXM)
	}
	return c.evexResult(i, &x, &shape)
}

// evexOperands reads what the instruction reads.
func (c *CPU) evexOperands(i *tcg.SysInst, x *simd.Evex, s *simd.Shape) bool {
	wide := 16 << i.VecLen
	n := int(i.NArgs)
	if n > 0 && i.Args[n-1].Kind == decoder.KImm {
		n--
	}
	if a := i.Args[0]; isVector(a) {
		x.Dst = c.zmm(a.Reg, wide)
		if n == 2 && comparesScalars(i.Op) { // nothing is written: the first operand is a source
			x.A = x.Dst
		}
	}
	if n > 2 {
		x.A = c.zmm(i.Args[1].Reg, wide)
	}
	switch b := i.Args[n-1]; {
	case n < 2:
	case isVector(b):
		x.B = c.zmm(b.Reg, wide)
	case b.Kind == decoder.KMask:
		x.B[0] = c.avx512.k[b.Reg] & sizeMask(int(b.Size))
	case b.Kind == decoder.KReg:
		x.B[0] = c.env.GPR[b.Reg] & sizeMask(int(b.Size))
	case b.Kind == decoder.KMem:
		return c.evexRead(i, x, s, int(b.Size))
	}
	return true
}

func isVector(a decoder.Arg) bool {
	return a.Kind == decoder.KXMM || a.Kind == decoder.KYMM || a.Kind == decoder.KZMM
}

func comparesScalars(op decoder.Op) bool {
	switch op {
	case decoder.VCOMISS, decoder.VCOMISD, decoder.VUCOMISS, decoder.VUCOMISD:
		return true
	}
	return false
}

// evexElements is the number of elements that the mask has bits for.
func evexElements(i *tcg.SysInst, s *simd.Shape) int {
	if s.Scalar {
		return 1
	}
	n := 16 << i.VecLen / max(s.Elem, s.Source)
	if d := i.Args[0]; isVector(d) || d.Kind == decoder.KMem { // parts that are extracted
		n = min(n, max(int(d.Size)/s.Elem, 1))
	}
	return n
}

// evexRead reads the memory operand of size bytes. Elements that the mask leaves out are not accessed, where each element has its own.
func (c *CPU) evexRead(i *tcg.SysInst, x *simd.Evex, s *simd.Shape, size int) bool {
	off := c.ea(i)
	n := evexElements(i, s)
	chosen := x.Mask & (^uint64(0) >> (64 - n))
	switch {
	case i.Bcast != 0:
		if s.PerElem && chosen == 0 {
			return true
		}
		size = 4
		if i.Rex&decoder.RexW != 0 {
			size = 8
		}
		v, ok := c.readElement(i, off, size)
		for k := range 64 / size {
			x.B.Put(k, size, v)
		}
		return ok
	case s.Packed:
		n = bits.OnesCount64(chosen)
		return c.evexReadElements(i, &x.B, off, s.Elem, n, ^uint64(0))
	case s.Aligned && !c.evexAligned(i, off, size, false):
		return false
	case i.Mask != 0 && s.PerElem:
		return c.evexReadElements(i, &x.B, off, s.Source, n, x.Mask)
	case size <= 8:
		v, ok := c.read(i.Seg, off, size)
		x.B[0] = v
		return ok
	}
	a, ok := c.Linear(tcg.Seg(i.Seg), off, size, false)
	if !ok {
		return false
	}
	var p [64]byte
	if !c.ReadBytes(a, p[:size], c.index()) {
		return false
	}
	for k := range size / 8 {
		x.B[k] = binary.LittleEndian.Uint64(p[8*k:])
	}
	return true
}

// evexReadElements reads those of n elements that mask has.
func (c *CPU) evexReadElements(i *tcg.SysInst, z *simd.Z, off uint64, size, n int, mask uint64) bool {
	for k := range n {
		if mask>>k&1 == 0 {
			continue
		}
		v, ok := c.readElement(i, off+uint64(k*size), size)
		if !ok {
			return false
		}
		z.Put(k, size, v)
	}
	return true
}

// evexAligned raises #GP unless the operand is aligned to its size, whatever the mask says.
func (c *CPU) evexAligned(i *tcg.SysInst, off uint64, size int, write bool) bool {
	a, ok := c.Linear(tcg.Seg(i.Seg), off, size, write)
	if ok && a&uint64(size-1) != 0 {
		return c.gp(0)
	}
	return ok
}

// evexResult writes what the instruction writes.
func (c *CPU) evexResult(i *tcg.SysInst, x *simd.Evex, s *simd.Shape) bool {
	switch a := i.Args[0]; {
	case comparesScalars(i.Op):
		c.setCC(uint32(x.Out))
	case a.Kind == decoder.KMask:
		c.avx512.k[a.Reg] = x.Out & (^uint64(0) >> (64 - evexElements(i, s)))
	case a.Kind == decoder.KReg:
		c.setReg(a.Reg, max(int(a.Size), 4), x.Out)
	case a.Kind == decoder.KMem:
		return c.evexWrite(i, x, s)
	default:
		c.setZMM(a.Reg, c.evexMerge(i, x, s))
	}
	return true
}

// evexMerge applies the mask to the result.
func (c *CPU) evexMerge(i *tcg.SysInst, x *simd.Evex, s *simd.Shape) *simd.Z {
	if i.Mask == 0 || compresses(i.Op) {
		return &x.R
	}
	old := &x.Dst
	if s.Blend {
		old = &x.A
	}
	for k := range evexElements(i, s) {
		if x.Mask>>k&1 != 0 {
			continue
		}
		v := uint64(0)
		if i.Zero == 0 {
			v = old.At(k, s.Elem)
		}
		x.R.Put(k, s.Elem, v)
	}
	return &x.R
}

func compresses(op decoder.Op) bool {
	switch op {
	case decoder.VCOMPRESSPS, decoder.VCOMPRESSPD, decoder.VPCOMPRESSB, decoder.VPCOMPRESSW, decoder.VPCOMPRESSD, decoder.VPCOMPRESSQ:
		return true
	}
	return false
}

// evexWrite stores the selected elements; none unless all can be.
func (c *CPU) evexWrite(i *tcg.SysInst, x *simd.Evex, s *simd.Shape) bool {
	off, size := c.ea(i), int(i.Args[0].Size)
	if s.Aligned && !c.evexAligned(i, off, size, true) {
		return false
	}
	if i.Mask == 0 && !s.Packed {
		if size <= 8 {
			return c.write(i.Seg, off, size, x.R[0])
		}
		var p [64]byte
		for k := range size / 8 {
			binary.LittleEndian.PutUint64(p[8*k:], x.R[k])
		}
		a, ok := c.Linear(tcg.Seg(i.Seg), off, size, true)
		return ok && c.WriteBytes(a, p[:size], c.index())
	}
	n, mask := evexElements(i, s), x.Mask
	if s.Packed {
		n, mask = bits.OnesCount64(mask&(^uint64(0)>>(64-n))), ^uint64(0)
	}
	for pass := range 2 {
		for k := range n {
			if mask>>k&1 != 0 && !c.writeElement(i, off+uint64(k*s.Elem), s.Elem, x.R.At(k, s.Elem), pass == 0) {
				return false
			}
		}
	}
	return true
}

// writeElement writes an element, or looks whether it could.
func (c *CPU) writeElement(i *tcg.SysInst, off uint64, size int, v uint64, probe bool) bool {
	a, ok := c.Linear(tcg.Seg(i.Seg), c.truncAddr(i, off), size, true)
	switch {
	case !ok:
		return false
	case probe:
		return c.Probe(a, size, c.index())
	}
	return c.WriteMem(a, size, v, c.index())
}

// gathers gives the sizes of an index and of an element.
var gathers = map[decoder.Op]struct{ index, elem int }{
	decoder.VPGATHERDD: {4, 4}, decoder.VPGATHERDQ: {4, 8}, decoder.VPGATHERQD: {8, 4}, decoder.VPGATHERQQ: {8, 8},
	decoder.VGATHERDPS: {4, 4}, decoder.VGATHERDPD: {4, 8}, decoder.VGATHERQPS: {8, 4}, decoder.VGATHERQPD: {8, 8},
	decoder.VPSCATTERDD: {4, 4}, decoder.VPSCATTERDQ: {4, 8}, decoder.VPSCATTERQD: {8, 4}, decoder.VPSCATTERQQ: {8, 8},
	decoder.VSCATTERDPS: {4, 4}, decoder.VSCATTERDPD: {4, 8}, decoder.VSCATTERQPS: {8, 4}, decoder.VSCATTERQPD: {8, 8},
}

// indexed gives the offset of element k of a gather or scatter.
func (c *CPU) indexed(i *tcg.SysInst, index *simd.Z, size, k int) uint64 {
	at := index.At(k, size)
	if size == 4 {
		at = uint64(int64(int32(at)))
	}
	base := uint64(i.Disp)
	if i.Base != decoder.NoReg {
		base += c.env.GPR[i.Base]
	}
	return base + at*uint64(i.Scale)
}

// gather loads the selected elements from the lowest one on and clears their bits in the mask. A fault leaves what has been done, so
// that the instruction goes on from there when it is run again.
func (c *CPU) gather(i *tcg.SysInst, s struct{ index, elem int }) bool {
	dst := i.Args[0].Reg
	if dst == i.Index {
		return c.ud()
	}
	n := 16 << i.VecLen / max(s.index, s.elem)
	z, index, k := c.zmm(dst, n*s.elem), c.zmm(i.Index, 64), &c.avx512.k[i.Mask]
	if n*s.elem < 16 {
		z[1] = 0
	}
	for e := range n {
		if *k>>e&1 == 0 {
			continue
		}
		v, ok := c.readElement(i, c.indexed(i, &index, s.index, e), s.elem)
		if !ok {
			c.setZMM(dst, &z)
			return false
		}
		z.Put(e, s.elem, v)
		*k &^= 1 << e
	}
	*k = 0
	c.setZMM(dst, &z)
	return true
}

// scatter stores them.
func (c *CPU) scatter(i *tcg.SysInst, s struct{ index, elem int }) bool {
	n := 16 << i.VecLen / max(s.index, s.elem)
	z, index, k := c.zmm(i.Args[1].Reg, 64), c.zmm(i.Index, 64), &c.avx512.k[i.Mask]
	for e := range n {
		if *k>>e&1 == 0 {
			continue
		}
		if !c.writeElement(i, c.indexed(i, &index, s.index, e), s.elem, z.At(e, s.elem), false) {
			return false
		}
		*k &^= 1 << e
	}
	*k = 0
	return true
}
