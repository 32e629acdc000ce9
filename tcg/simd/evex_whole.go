package simd

import (
	"goemu/decoder"
	"goemu/tcg/softfloat"
)

// Instructions of AVX-512 that move elements, and those that look at the whole vector.

// permute is VPERMx: element i is that of the second source whose number is in the first, or in an immediate.
func permute(x *Evex) {
	if x.Inst.Map == 3 {
		permuteImm(x)
		return
	}
	es := int(x.row.es)
	for i := range x.n {
		x.R.Put(i, es, x.B.At(int(x.A.At(i, es))&(x.n-1), es))
	}
}

// permuteImm is VPERMQ and VPERMPD by an immediate, in each 256 bits.
func permuteImm(x *Evex) {
	for i := range x.n {
		x.R[i] = x.B[i&^3|int(x.imm>>(2*(i&3))&3)]
	}
}

// permute2 is VPERMI2x, where the destination has the numbers, and VPERMT2x, where it is the first table.
func permute2(x *Evex) {
	es := int(x.row.es)
	index, table := &x.Dst, &x.A
	if x.Inst.Opcode >= 0x7d {
		index, table = &x.A, &x.Dst
	}
	for i := range x.n {
		k := int(index.At(i, es)) & (2*x.n - 1)
		t := table
		if k >= x.n {
			t = &x.B
		}
		x.R.Put(i, es, t.At(k&(x.n-1), es))
	}
}

// shuffle128 is VSHUFF32X4 and its like: lanes of the first source below, of the second above.
func shuffle128(x *Evex) {
	lanes := x.wide() / 16
	bits := lanes / 2 // of the immediate for each lane
	for i := range lanes {
		from := &x.A
		if i >= lanes/2 {
			from = &x.B
		}
		x.R.setLane(i, from.lane(int(x.imm>>(bits*i))&(lanes-1)))
	}
}

// alignElements is VALIGND and VALIGNQ.
func alignElements(x *Evex) {
	es := int(x.row.es)
	for i := range x.n {
		k := i + int(x.imm)&(x.n-1)
		from := &x.B
		if k >= x.n {
			from = &x.A
		}
		x.R.Put(i, es, from.At(k&(x.n-1), es))
	}
}

// insert puts size bytes of the second source in the place of some of the first's.
func insert(size int) func(x *Evex) {
	return func(x *Evex) {
		x.R = x.A
		k := int(x.imm) & (x.wide()/size - 1) * size / 8
		copy(x.R[k:k+size/8], x.B[:size/8])
	}
}

// extract gives size bytes of the source.
func extract(size int) func(x *Evex) {
	return func(x *Evex) {
		k := int(x.imm) & (x.wide()/size - 1) * size / 8
		copy(x.R[:size/8], x.B[k:k+size/8])
	}
}

// broadcast repeats the first size bytes of the source.
func repeat(size int) func(x *Evex) {
	return func(x *Evex) {
		for i := range x.wide() / min(size, 8) {
			if size >= 8 {
				x.R[i] = x.B[i%(size/8)]
			} else {
				x.R.Put(i, size, x.B.At(0, size))
			}
		}
	}
}

// spreadMask is VPMOVM2x.
func spreadMask(x *Evex) {
	es := int(x.row.es)
	for i := range x.n {
		x.R.Put(i, es, -(x.B[0] >> i & 1))
	}
}

// collectMask is VPMOVx2M.
func collectMask(x *Evex) {
	es := int(x.row.es)
	for i := range x.n {
		x.Out |= x.B.At(i, es) >> (8*es - 1) << i
	}
}

// conflict tells for each element which ones before it are equal.
func conflict(x *Evex) {
	es := int(x.row.es)
	for i := range x.n {
		var v uint64
		for k := range i {
			if x.B.At(k, es) == x.B.At(i, es) {
				v |= 1 << k
			}
		}
		x.R.Put(i, es, v)
	}
}

// compress puts the selected elements side by side.
func compress(x *Evex) {
	es, k := int(x.row.es), 0
	x.R = x.Dst
	if x.Inst.Zero != 0 {
		x.R = Z{}
	}
	for i := range x.n {
		if x.selected(i) {
			x.R.Put(k, es, x.B.At(i, es))
			k++
		}
	}
}

// expand is the reverse.
func expand(x *Evex) {
	es, k := int(x.row.es), 0
	for i := range x.n {
		if x.selected(i) {
			x.R.Put(i, es, x.B.At(k, es))
			k++
		}
	}
}

// multishift takes each byte from the quadword, from the bit that the first source's byte names.
func multishift(x *Evex) {
	for i := range x.wide() / 8 {
		for k := range 8 {
			n := x.A[i] >> (8 * k) & 63
			x.R.Put(8*i+k, 1, x.B[i]>>n|x.B[i]<<(64-n))
		}
	}
}

// shuffleBits is VPSHUFBITQMB: bits of the first source's quadwords, to a mask.
func shuffleBits(x *Evex) {
	for i := range x.wide() / 8 {
		for k := range 8 {
			if n := 8*i + k; x.selected(n) {
				x.Out |= x.A[i] >> (x.B[i] >> (8 * k) & 63) & 1 << n
			}
		}
	}
}

// dbpsadbw sums absolute differences of four bytes each: of the first source's, and of the second's dwords that the immediate chooses.
func dbpsadbw(x *Evex) {
	for i := range x.wide() / 16 {
		a, b := x.A.lane(i), pshufdX(vec{}, x.B.lane(i), x.imm)
		for w := range uint(8) {
			at, bt := w&4*2+w&2*2, w&4*2+w&3
			sum := 0
			for k := range uint(4) {
				d := int(byteAt(a, at+k)) - int(byteAt(b, bt+k))
				sum += max(d, -d)
			}
			x.R.Put(8*i+int(w), 2, uint64(sum))
		}
	}
}

// shiftBytes is VPSLLDQ and VPSRLDQ.
func shiftBytes(x *Evex) {
	for i := range x.wide() / 16 {
		if x.Inst.Op == decoder.VPSLLDQ {
			x.R.setLane(i, pslldq(x.B.lane(i), uint64(x.imm)))
		} else {
			x.R.setLane(i, psrldq(x.B.lane(i), uint64(x.imm)))
		}
	}
}

// Moves of parts of an XMM register.

// moveLow is VMOVD, VMOVQ and stores of VMOVLPS.
func moveLow(x *Evex) {
	x.Out = x.B.At(0, int(x.row.es))
	x.R = Z{x.Out}
}

// lowHalf is VMOVLPS, highHalf VMOVHPS and VMOVLHPS; with two operands they store.
func lowHalf(x *Evex) { x.R = Z{x.B[0], x.A[1]} }

func highHalf(x *Evex) {
	if x.Inst.NArgs == 2 {
		x.R = Z{x.B[1]}
		return
	}
	x.R = Z{x.A[0], x.B[0]}
}

// highToLow is VMOVHLPS.
func highToLow(x *Evex) { x.R = Z{x.B[1], x.A[1]} }

func insertPS(x *Evex) { x.R.setLane(0, insertpsX(x.A.lane(0), x.insertSource(), x.imm)) }

// pickElement is VPEXTRx and VEXTRACTPS.
func pickElement(x *Evex) {
	es := int(x.row.es)
	x.Out = x.B.At(int(x.imm)&(16/es-1), es)
	x.R[0] = x.Out
}

// placeElement is VPINSRx.
func placeElement(x *Evex) {
	es := int(x.row.es)
	x.R = Z{x.A[0], x.A[1]}
	x.R.Put(int(x.imm)&(16/es-1), es, x.B[0])
}

// insertSource is the second source of VINSERTPS: of memory there is the lowest dword only, wherever the immediate points.
func (x *Evex) insertSource() vec {
	if x.Inst.ModRM >= 0xc0 {
		return x.B.lane(0)
	}
	return pack4(uint32(x.B[0]), uint32(x.B[0]), uint32(x.B[0]), uint32(x.B[0]))
}

// Scalar conversions to and from general registers.

// toGeneral is VCVTSS2SI and its like, of a float of size from.
func toGeneral(from int, unsigned, truncate bool) func(x *Evex) {
	return func(x *Evex) {
		to := int(x.Inst.Args[0].Size)
		x.Out, x.Flags = toInteger(from, to, unsigned, truncate)(x.B.At(0, from), x.ctl)
		if to == 4 {
			x.Out = uint64(uint32(x.Out))
		}
	}
}

// fromGeneral is VCVTSI2SS and its like.
func fromGeneral(to int, unsigned bool) func(x *Evex) {
	return func(x *Evex) {
		x.R = Z{x.A[0], x.A[1]}
		from := int(x.Inst.Args[2].Size)
		n := softfloat.FromInt(sx(x.B.At(0, from), from))
		if unsigned {
			n = softfloat.FromUint(x.B.At(0, from))
		}
		pack := toFloat32
		if to == 8 {
			pack = toFloat64
		}
		v, fl := pack(n, x.ctl)
		x.Flags = fl
		x.R.Put(0, to, v)
	}
}

// compareScalar is VCOMISS and its like: ZF, PF and CF as Out, in the places that EFLAGS has them.
func compareScalar(size int, signal bool) func(x *Evex) {
	return func(x *Evex) {
		a, b := softfloat.Unpack64(x.A[0], x.ctl), softfloat.Unpack64(x.B[0], x.ctl)
		if size == 4 {
			a, b = softfloat.Unpack32(uint32(x.A[0]), x.ctl), softfloat.Unpack32(uint32(x.B[0]), x.ctl)
		}
		var rel softfloat.Relation
		rel, x.Flags = softfloat.Compare(a, b, signal)
		switch rel {
		case softfloat.Less:
			x.Out = 1 << 0
		case softfloat.Equal:
			x.Out = 1 << 6
		case softfloat.Greater:
		default:
			x.Out = 1<<0 | 1<<2 | 1<<6
		}
	}
}

// moveScalar is VMOVSS and VMOVSD: with a memory operand the rest of the register is cleared.
func moveScalar(x *Evex) {
	if x.Inst.NArgs == 2 {
		x.R = Z{}
	}
	x.R.Put(0, int(x.row.es), x.B[0])
}
