package simd

import (
	"goemu/decoder"
	"goemu/tcg"
	"goemu/tcg/softfloat"
)

// Z is a vector register or memory operand of up to 512 bits, the lowest quadword first.
type Z [8]uint64

// At gives element i of size bytes.
func (z *Z) At(i, size int) uint64 {
	bit := i * size * 8
	return z[bit>>6&7] >> (bit & 63) & (^uint64(0) >> (64 - 8*size))
}

// Put sets element i of size bytes.
func (z *Z) Put(i, size int, v uint64) {
	bit := i * size * 8
	m := ^uint64(0) >> (64 - 8*size) << (bit & 63)
	z[bit>>6&7] = z[bit>>6&7]&^m | v<<(bit&63)&m
}

func (z *Z) lane(i int) vec       { return vec{z[2*i], z[2*i+1]} }
func (z *Z) setLane(i int, v vec) { z[2*i], z[2*i+1] = v.lo, v.hi }

// Evex is an EVEX-encoded instruction of AVX-512 with the operands it has read, and what Run makes of them. Masks are applied to
// nothing but floating-point exceptions: the caller merges.
type Evex struct {
	Inst  *decoder.Inst
	Dst   Z      // the destination as it was
	A, B  Z      // the sources: VEX.vvvv; ModRM.rm, a general register or an opmask
	Mask  uint64 // elements that count
	MXCSR uint32

	R     Z      // result, of whole elements up to the vector length
	Out   uint64 // opmask, general register or EFLAGS that it gives instead
	Flags softfloat.Flags

	row *evexRow
	n   int // elements of the result
	imm uint8
	ctl softfloat.Ctl
}

// evexForm is how an EVEX instruction is computed, from one source element to one of the result unless it says otherwise.
type evexForm uint8

const (
	efNone    evexForm = iota
	efInt              // i
	efTern             // t: the destination is a source too
	efVEX              // as the VEX form of the encoding does each lane of 128 bits
	efShift            // as the VEX form: all elements by the low quadword of the second source
	efCmp              // p, to a mask
	efF32              // f32
	efF64              // f64
	efFMA              // as the opcode says
	efCmpFP            // VCMPPS and its like, to a mask
	efConvert          // c
	efWhole            // w
)

// evexRow is an instruction.
type evexRow struct {
	form   evexForm
	scalar bool  // element 0 alone; the others of the lane are the first source's, or as they were
	free   bool  // elements that the mask leaves out do not access memory: each has its own source element
	es     uint8 // bytes of an element of the result, to which masks apply
	se     uint8 // bytes of a source element; 0: es
	i      func(a, b uint64, imm uint8) uint64
	t      func(d, a, b uint64, imm uint8) uint64
	p      func(a, b uint64, imm uint8) bool
	f32    func(a, b uint32, imm uint8, c softfloat.Ctl) (uint32, softfloat.Flags)
	f64    func(a, b uint64, imm uint8, c softfloat.Ctl) (uint64, softfloat.Flags)
	c      func(b uint64, c softfloat.Ctl) (uint64, softfloat.Flags)
	w      func(x *Evex)
}

// Shape is what operands an instruction has, as far as the decoder's table does not say it.
type Shape struct {
	Elem    int  // bytes of an element of the result, which a bit of the mask stands for
	Source  int  // bytes of the element of the memory operand that belongs to it
	Scalar  bool // one element
	PerElem bool // memory is accessed element by element, and not at all where the mask is clear
	Packed  bool // VCOMPRESS, VEXPAND: memory has the selected elements side by side
	Blend   bool // elements that the mask leaves out are the first source's
	Aligned bool // memory must be aligned to the vector length
}

// EvexShape gives the shape of an EVEX instruction that Run knows.
func EvexShape(i *decoder.Inst) (s Shape, ok bool) {
	r := &evexRows[i.Op]
	if r.form == efNone {
		return s, false
	}
	s = Shape{Elem: int(r.es), Source: int(r.se), Scalar: r.scalar, PerElem: r.free}
	if s.Source == 0 {
		s.Source = s.Elem
	}
	switch i.Op {
	case decoder.VPSRLW, decoder.VPSRLD, decoder.VPSRLQ, decoder.VPSRAW, decoder.VPSRAD, decoder.VPSRAQ, decoder.VPSLLW, decoder.VPSLLD, decoder.VPSLLQ:
		s.PerElem = i.Opcode < 0x80 // not if memory has the count
	case decoder.VMOVAPS, decoder.VMOVAPD, decoder.VMOVDQA32, decoder.VMOVDQA64,
		decoder.VMOVNTPS, decoder.VMOVNTPD, decoder.VMOVNTDQ, decoder.VMOVNTDQA:
		s.Aligned = true
	case decoder.VPBLENDMB, decoder.VPBLENDMW, decoder.VPBLENDMD, decoder.VPBLENDMQ, decoder.VBLENDMPS, decoder.VBLENDMPD:
		s.Blend = true
	case decoder.VEXPANDPS, decoder.VEXPANDPD, decoder.VPEXPANDB, decoder.VPEXPANDW, decoder.VPEXPANDD, decoder.VPEXPANDQ,
		decoder.VCOMPRESSPS, decoder.VCOMPRESSPD, decoder.VPCOMPRESSB, decoder.VPCOMPRESSW, decoder.VPCOMPRESSD, decoder.VPCOMPRESSQ:
		s.Packed = true
	}
	return s, true
}

// wide is the vector length in bytes.
func (x *Evex) wide() int { return 16 << x.Inst.VecLen }

// selected tells whether element i counts.
func (x *Evex) selected(i int) bool { return x.Mask>>i&1 != 0 }

// Roundings of EVEX.RC, as Ctl has them.
var evexRounding = [...]softfloat.Ctl{1: softfloat.Nearest, 2: softfloat.Down, 3: softfloat.Up, 4: softfloat.Truncate}

// Run computes the instruction. It returns the MXCSR exception bits that are unmasked; then nothing is to be written but the sticky
// flags, which MXCSR has.
func (x *Evex) Run() (unmasked uint32) {
	x.row = &evexRows[x.Inst.Op]
	x.imm = uint8(x.Inst.Imm)
	x.ctl = softfloat.FromMXCSR(x.MXCSR)
	if rc := x.Inst.RC; rc != 0 { // rounding in the instruction or not, exceptions are suppressed
		x.ctl |= softfloat.Masks
		if rc < 5 {
			x.ctl = x.ctl&^softfloat.RC | evexRounding[rc]
		}
	}
	x.n = x.wide() / max(int(x.row.es), int(x.row.se), 1)
	if x.row.scalar {
		x.n = 1
		x.R.setLane(0, x.A.lane(0))
		if x.row.form == efFMA {
			x.R.setLane(0, x.Dst.lane(0))
		}
	}
	x.compute()
	if x.Flags == 0 || x.Inst.RC != 0 {
		return 0
	}
	env := tcg.Env{}
	env.MXCSR = x.MXCSR
	unmasked = raise(&env, x.Flags)
	x.MXCSR = env.MXCSR
	return unmasked
}

func (x *Evex) compute() {
	r, es := x.row, int(x.row.es)
	switch r.form {
	case efInt:
		for i := range x.n {
			x.R.Put(i, es, r.i(x.A.At(i, es), x.B.At(i, es), x.imm))
		}
	case efTern:
		for i := range x.n {
			x.R.Put(i, es, r.t(x.Dst.At(i, es), x.A.At(i, es), x.B.At(i, es), x.imm))
		}
	case efVEX:
		v := x.vexRow()
		for i := range x.wide() / 16 {
			x.R.setLane(i, v.lane(x.A.lane(i), x.B.lane(i), x.imm>>(v.up*uint8(i))))
		}
	case efCmp:
		for i := range x.n {
			if x.selected(i) && r.p(x.A.At(i, es), x.B.At(i, es), x.imm) {
				x.Out |= 1 << i
			}
		}
	case efF32, efF64, efFMA, efCmpFP, efConvert:
		for i := range x.n {
			if x.selected(i) {
				x.float(i)
			}
		}
	case efWhole:
		r.w(x)
	}
}

// vexRow is the row of the same encoding with a VEX prefix. VPERMILPD has W in EVEX encoding alone.
func (x *Evex) vexRow() *row {
	i := x.Inst
	w := i.Rex&decoder.RexW != 0 && i.Op != decoder.VPERMILPD
	return find(tcg.Enc{PP: i.PP, Map: i.Map, Opcode: i.Opcode, Vex: tcg.Vex256, RexW: w})
}

// float computes floating-point element i.
func (x *Evex) float(i int) {
	r, es := x.row, int(x.row.es)
	a, b := x.A.At(i, es), x.B.At(i, es)
	var fl softfloat.Flags
	switch r.form {
	case efF32:
		var v uint32
		v, fl = r.f32(uint32(a), uint32(b), x.imm, x.ctl)
		x.R.Put(i, es, uint64(v))
	case efF64:
		a, fl = r.f64(a, b, x.imm, x.ctl)
		x.R.Put(i, es, a)
	case efConvert:
		se := max(int(r.se), 1)
		if r.se == 0 {
			se = es
		}
		a, fl = r.c(x.B.At(i, se), x.ctl)
		x.R.Put(i, es, a)
	case efFMA:
		fl = x.fma(i)
	case efCmpFP:
		if es == 4 {
			var v uint32
			v, fl = cmp32(uint32(a), uint32(b), x.imm&31, x.ctl)
			a = uint64(v)
		} else {
			a, fl = cmp64(a, b, x.imm&31, x.ctl)
		}
		x.Out |= a & 1 << i
	}
	x.Flags |= fl
}

// fma computes element i of an FMA instruction.
func (x *Evex) fma(i int) softfloat.Flags {
	es := int(x.row.es)
	o1, o2, o3 := x.Dst.At(i, es), x.A.At(i, es), x.B.At(i, es)
	f, g, h := o2, o3, o1
	switch x.Inst.Opcode >> 4 {
	case 0x9:
		f, g, h = o1, o3, o2
	case 0xa:
		f, g, h = o2, o1, o3
	}
	s, odd := fmaSigns(x.Inst.Opcode)
	if i&1 != 0 {
		s = odd
	}
	if es == 4 {
		v, fl := softfloat.FMA32(uint32(f), uint32(g), uint32(h), s, x.ctl)
		x.R.Put(i, es, uint64(v))
		return fl
	}
	v, fl := softfloat.FMA64(f, g, h, s, x.ctl)
	x.R.Put(i, es, v)
	return fl
}
