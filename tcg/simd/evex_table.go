package simd

import (
	d "goemu/decoder"
	"goemu/tcg/softfloat"
)

// evexRows is indexed by the operation.
var evexRows [d.NumOps]evexRow

func set(r evexRow, ops ...d.Op) {
	for _, op := range ops {
		evexRows[op] = r
	}
}

type (
	intFn  = func(a, b uint64, imm uint8) uint64
	ternFn = func(d, a, b uint64, imm uint8) uint64
	cmpFn  = func(a, b uint64, imm uint8) bool
)

func init() {
	evexMoves()
	evexInts()
	evexFloats()
	evexConversions()
	evexPermutes()
}

func ints(es uint8, f intFn, ops ...d.Op) {
	set(evexRow{form: efInt, free: true, es: es, i: f}, ops...)
}
func terns(es uint8, f ternFn, ops ...d.Op) {
	set(evexRow{form: efTern, free: true, es: es, t: f}, ops...)
}
func cmps(es uint8, f cmpFn, ops ...d.Op) {
	set(evexRow{form: efCmp, free: true, es: es, p: f}, ops...)
}

// lanesOf are computed as with VEX, elements apart (free) or not.
func lanesOf(es uint8, free bool, ops ...d.Op) { set(evexRow{form: efVEX, free: free, es: es}, ops...) }
func wholes(es uint8, f func(*Evex), ops ...d.Op) {
	set(evexRow{form: efWhole, es: es, w: f}, ops...)
}

func evexMoves() {
	ints(4, second, d.VMOVUPS, d.VMOVAPS, d.VMOVDQA32, d.VMOVDQU32, d.VMOVNTPS, d.VMOVNTDQ, d.VMOVNTDQA)
	ints(8, second, d.VMOVUPD, d.VMOVAPD, d.VMOVDQA64, d.VMOVDQU64, d.VMOVNTPD)
	ints(1, second, d.VMOVDQU8, d.VPBLENDMB)
	ints(2, second, d.VMOVDQU16, d.VPBLENDMW)
	ints(4, second, d.VPBLENDMD, d.VBLENDMPS)
	ints(8, second, d.VPBLENDMQ, d.VBLENDMPD)
	set(evexRow{form: efWhole, scalar: true, free: true, es: 4, w: moveScalar}, d.VMOVSS)
	set(evexRow{form: efWhole, scalar: true, free: true, es: 8, w: moveScalar}, d.VMOVSD)
	wholes(8, lowHalf, d.VMOVLPS, d.VMOVLPD)
	wholes(8, highHalf, d.VMOVHPS, d.VMOVHPD, d.VMOVLHPS)
	wholes(8, highToLow, d.VMOVHLPS)
	wholes(4, moveLow, d.VMOVD)
	wholes(8, moveLow, d.VMOVQ)
	wholes(1, pickElement, d.VPEXTRB)
	wholes(2, pickElement, d.VPEXTRW)
	wholes(4, pickElement, d.VPEXTRD, d.VEXTRACTPS)
	wholes(8, pickElement, d.VPEXTRQ)
	wholes(1, placeElement, d.VPINSRB)
	wholes(2, placeElement, d.VPINSRW)
	wholes(4, placeElement, d.VPINSRD)
	wholes(8, placeElement, d.VPINSRQ)
	wholes(4, insertPS, d.VINSERTPS)
}

func evexInts() {
	lanesOf(4, true, d.VANDPS, d.VANDNPS, d.VORPS, d.VXORPS, d.VPANDD, d.VPANDND, d.VPORD, d.VPXORD,
		d.VPADDD, d.VPSUBD, d.VPMINSD, d.VPMINUD, d.VPMAXSD, d.VPMAXUD, d.VPMULLD, d.VPABSD, d.VPSRLVD, d.VPSRAVD, d.VPSLLVD)
	lanesOf(8, true, d.VANDPD, d.VANDNPD, d.VORPD, d.VXORPD, d.VPANDQ, d.VPANDNQ, d.VPORQ, d.VPXORQ,
		d.VPADDQ, d.VPSUBQ, d.VPMULUDQ, d.VPMULDQ, d.VPSRLVQ, d.VPSLLVQ)
	lanesOf(1, true, d.VPADDB, d.VPADDSB, d.VPADDUSB, d.VPSUBB, d.VPSUBSB, d.VPSUBUSB, d.VPMINSB, d.VPMINUB, d.VPMAXSB, d.VPMAXUB,
		d.VPAVGB, d.VPABSB, d.VGF2P8MULB)
	lanesOf(2, true, d.VPADDW, d.VPADDSW, d.VPADDUSW, d.VPSUBW, d.VPSUBSW, d.VPSUBUSW, d.VPMINSW, d.VPMINUW, d.VPMAXSW, d.VPMAXUW,
		d.VPAVGW, d.VPABSW, d.VPMULLW, d.VPMULHW, d.VPMULHUW, d.VPMULHRSW)
	lanesOf(4, false, d.VUNPCKLPS, d.VUNPCKHPS, d.VPUNPCKLDQ, d.VPUNPCKHDQ, d.VSHUFPS, d.VPSHUFD, d.VPERMILPS, d.VMOVSLDUP, d.VMOVSHDUP, d.VPMADDWD)
	lanesOf(8, false, d.VUNPCKLPD, d.VUNPCKHPD, d.VPUNPCKLQDQ, d.VPUNPCKHQDQ, d.VSHUFPD, d.VPERMILPD, d.VMOVDDUP, d.VPSADBW)
	lanesOf(1, false, d.VPUNPCKLBW, d.VPUNPCKHBW, d.VPACKSSWB, d.VPACKUSWB, d.VPSHUFB, d.VPALIGNR, d.VGF2P8AFFINEQB, d.VGF2P8AFFINEINVQB,
		d.VAESENC, d.VAESENCLAST, d.VAESDEC, d.VAESDECLAST, d.VPCLMULQDQ)
	lanesOf(2, false, d.VPUNPCKLWD, d.VPUNPCKHWD, d.VPACKSSDW, d.VPACKUSDW, d.VPSHUFHW, d.VPSHUFLW, d.VPMADDUBSW)

	// Shifts: by the second source's low quadword, or by the immediate.
	for _, s := range []struct {
		ops [3]d.Op
		f   func(size int, a, n uint64) uint64
	}{
		{[3]d.Op{d.VPSRLW, d.VPSRLD, d.VPSRLQ}, shiftRight}, {[3]d.Op{d.VPSRAW, d.VPSRAD, d.VPSRAQ}, shiftSigned}, {[3]d.Op{d.VPSLLW, d.VPSLLD, d.VPSLLQ}, shiftLeft},
	} {
		for k, op := range s.ops {
			es := 2 << k
			set(evexRow{form: efWhole, free: true, es: uint8(es), w: func(x *Evex) {
				a, n := &x.A, x.B[0]
				if x.Inst.Opcode < 0x80 {
					a, n = &x.B, uint64(x.imm)
				}
				for i := range x.n {
					x.R.Put(i, es, s.f(es, a.At(i, es), n))
				}
			}}, op)
		}
	}
	wholes(1, shiftBytes, d.VPSLLDQ, d.VPSRLDQ)
	ints(2, by(2, shiftRight), d.VPSRLVW)
	ints(2, by(2, shiftSigned), d.VPSRAVW)
	ints(8, by(8, shiftSigned), d.VPSRAVQ)
	ints(2, by(2, shiftLeft), d.VPSLLVW)
	ints(4, by(4, rotate), d.VPROLVD)
	ints(8, by(8, rotate), d.VPROLVQ)
	ints(4, by(4, rotateRight), d.VPRORVD)
	ints(8, by(8, rotateRight), d.VPRORVQ)
	ints(4, byImm(4, rotate), d.VPROLD)
	ints(8, byImm(8, rotate), d.VPROLQ)
	ints(4, byImm(4, rotateRight), d.VPRORD)
	ints(8, byImm(8, rotateRight), d.VPRORQ)
	for _, f := range []struct {
		size                       int
		left, right, leftV, rightV d.Op
	}{
		{2, d.VPSHLDW, d.VPSHRDW, d.VPSHLDVW, d.VPSHRDVW}, {4, d.VPSHLDD, d.VPSHRDD, d.VPSHLDVD, d.VPSHRDVD}, {8, d.VPSHLDQ, d.VPSHRDQ, d.VPSHLDVQ, d.VPSHRDVQ},
	} {
		es := uint8(f.size)
		ints(es, func(a, b uint64, imm uint8) uint64 { return funnelLeft(f.size, a, b, uint64(imm)) }, f.left)
		ints(es, func(a, b uint64, imm uint8) uint64 { return funnelRight(f.size, a, b, uint64(imm)) }, f.right)
		terns(es, func(d, a, b uint64, _ uint8) uint64 { return funnelLeft(f.size, d, a, b) }, f.leftV)
		terns(es, func(d, a, b uint64, _ uint8) uint64 { return funnelRight(f.size, d, a, b) }, f.rightV)
	}

	ints(4, lzcnt(4), d.VPLZCNTD)
	ints(8, lzcnt(8), d.VPLZCNTQ)
	ints(1, popcnt, d.VPOPCNTB)
	ints(2, popcnt, d.VPOPCNTW)
	ints(4, popcnt, d.VPOPCNTD)
	ints(8, popcnt, d.VPOPCNTQ)
	ints(8, absQ, d.VPABSQ)
	ints(8, minSQ, d.VPMINSQ)
	ints(8, maxSQ, d.VPMAXSQ)
	ints(8, minUQ, d.VPMINUQ)
	ints(8, maxUQ, d.VPMAXUQ)
	ints(8, mulLQ, d.VPMULLQ)
	terns(4, ternlog, d.VPTERNLOGD)
	terns(8, ternlog, d.VPTERNLOGQ)
	terns(4, dot(1, false), d.VPDPBUSD)
	terns(4, dot(1, true), d.VPDPBUSDS)
	terns(4, dot(2, false), d.VPDPWSSD)
	terns(4, dot(2, true), d.VPDPWSSDS)
	terns(8, madd52lo, d.VPMADD52LUQ)
	terns(8, madd52hi, d.VPMADD52HUQ)

	for k, ops := range [...][5]d.Op{
		{d.VPCMPEQB, d.VPCMPGTB, d.VPCMPB, d.VPCMPUB, d.VPTESTMB}, {d.VPCMPEQW, d.VPCMPGTW, d.VPCMPW, d.VPCMPUW, d.VPTESTMW},
		{d.VPCMPEQD, d.VPCMPGTD, d.VPCMPD, d.VPCMPUD, d.VPTESTMD}, {d.VPCMPEQQ, d.VPCMPGTQ, d.VPCMPQ, d.VPCMPUQ, d.VPTESTMQ},
	} {
		size := 1 << k
		for i, f := range [...]cmpFn{equal, greater(size), compareS(size), compareU, testBits} {
			cmps(uint8(size), f, ops[i])
		}
	}
	cmps(1, testNoBits, d.VPTESTNMB)
	cmps(2, testNoBits, d.VPTESTNMW)
	cmps(4, testNoBits, d.VPTESTNMD)
	cmps(8, testNoBits, d.VPTESTNMQ)
}

type (
	f32Fn = func(a, b uint32, imm uint8, c ctl) (uint32, flags)
	f64Fn = func(a, b uint64, imm uint8, c ctl) (uint64, flags)
)

// pairF sets the packed and scalar instructions of an operation, in single and double precision.
func pairF(f f32Fn, g f64Fn, ps, pd, ss, sd d.Op) {
	set(evexRow{form: efF32, free: true, es: 4, f32: f}, ps)
	set(evexRow{form: efF64, free: true, es: 8, f64: g}, pd)
	set(evexRow{form: efF32, free: true, scalar: true, es: 4, f32: f}, ss)
	set(evexRow{form: efF64, free: true, scalar: true, es: 8, f64: g}, sd)
}

// plainF drops the immediate.
func plainF(f func(a, b uint32, c ctl) (uint32, flags), g func(a, b uint64, c ctl) (uint64, flags)) (f32Fn, f64Fn) {
	return func(a, b uint32, _ uint8, c ctl) (uint32, flags) { return f(a, b, c) },
		func(a, b uint64, _ uint8, c ctl) (uint64, flags) { return g(a, b, c) }
}

func evexFloats() {
	arithmetic := func(f func(a, b uint32, c ctl) (uint32, flags), g func(a, b uint64, c ctl) (uint64, flags), ps, pd, ss, sd d.Op) {
		x, y := plainF(f, g)
		pairF(x, y, ps, pd, ss, sd)
	}
	arithmetic(softfloat.Add32, softfloat.Add64, d.VADDPS, d.VADDPD, d.VADDSS, d.VADDSD)
	arithmetic(softfloat.Sub32, softfloat.Sub64, d.VSUBPS, d.VSUBPD, d.VSUBSS, d.VSUBSD)
	arithmetic(softfloat.Mul32, softfloat.Mul64, d.VMULPS, d.VMULPD, d.VMULSS, d.VMULSD)
	arithmetic(softfloat.Div32, softfloat.Div64, d.VDIVPS, d.VDIVPD, d.VDIVSS, d.VDIVSD)
	arithmetic(softfloat.Min32, softfloat.Min64, d.VMINPS, d.VMINPD, d.VMINSS, d.VMINSD)
	arithmetic(softfloat.Max32, softfloat.Max64, d.VMAXPS, d.VMAXPD, d.VMAXSS, d.VMAXSD)
	arithmetic(sqrt32, sqrt64, d.VSQRTPS, d.VSQRTPD, d.VSQRTSS, d.VSQRTSD)
	pairF(getexp32, getexp64, d.VGETEXPPS, d.VGETEXPPD, d.VGETEXPSS, d.VGETEXPSD)
	pairF(getmant32, getmant64, d.VGETMANTPS, d.VGETMANTPD, d.VGETMANTSS, d.VGETMANTSD)
	pairF(rndscale32, rndscale64, d.VRNDSCALEPS, d.VRNDSCALEPD, d.VRNDSCALESS, d.VRNDSCALESD)
	pairF(reduce32, reduce64, d.VREDUCEPS, d.VREDUCEPD, d.VREDUCESS, d.VREDUCESD)
	pairF(range32, range64, d.VRANGEPS, d.VRANGEPD, d.VRANGESS, d.VRANGESD)
	pairF(scalef32, scalef64, d.VSCALEFPS, d.VSCALEFPD, d.VSCALEFSS, d.VSCALEFSD)
	pairF(rcp14of32, rcp14of64, d.VRCP14PS, d.VRCP14PD, d.VRCP14SS, d.VRCP14SD)
	pairF(rsqrt14of32, rsqrt14of64, d.VRSQRT14PS, d.VRSQRT14PD, d.VRSQRT14SS, d.VRSQRT14SD)
	set(evexRow{form: efWhole, free: true, es: 4, w: fixupPS}, d.VFIXUPIMMPS)
	set(evexRow{form: efWhole, free: true, es: 8, w: fixupPD}, d.VFIXUPIMMPD)
	set(evexRow{form: efWhole, free: true, scalar: true, es: 4, w: fixupPS}, d.VFIXUPIMMSS)
	set(evexRow{form: efWhole, free: true, scalar: true, es: 8, w: fixupPD}, d.VFIXUPIMMSD)
	set(evexRow{form: efWhole, free: true, es: 4, w: fpclassOf(4)}, d.VFPCLASSPS)
	set(evexRow{form: efWhole, free: true, es: 8, w: fpclassOf(8)}, d.VFPCLASSPD)
	set(evexRow{form: efWhole, free: true, scalar: true, es: 4, w: fpclassOf(4)}, d.VFPCLASSSS)
	set(evexRow{form: efWhole, free: true, scalar: true, es: 8, w: fpclassOf(8)}, d.VFPCLASSSD)
	set(evexRow{form: efCmpFP, free: true, es: 4}, d.VCMPPS)
	set(evexRow{form: efCmpFP, free: true, es: 8}, d.VCMPPD)
	set(evexRow{form: efCmpFP, free: true, scalar: true, es: 4}, d.VCMPSS)
	set(evexRow{form: efCmpFP, free: true, scalar: true, es: 8}, d.VCMPSD)
	for _, ops := range [...][4]d.Op{
		{d.VFMADD132PS, d.VFMADD132PD, d.VFMADD132SS, d.VFMADD132SD}, {d.VFMADD213PS, d.VFMADD213PD, d.VFMADD213SS, d.VFMADD213SD},
		{d.VFMADD231PS, d.VFMADD231PD, d.VFMADD231SS, d.VFMADD231SD}, {d.VFMSUB132PS, d.VFMSUB132PD, d.VFMSUB132SS, d.VFMSUB132SD},
		{d.VFMSUB213PS, d.VFMSUB213PD, d.VFMSUB213SS, d.VFMSUB213SD}, {d.VFMSUB231PS, d.VFMSUB231PD, d.VFMSUB231SS, d.VFMSUB231SD},
		{d.VFNMADD132PS, d.VFNMADD132PD, d.VFNMADD132SS, d.VFNMADD132SD}, {d.VFNMADD213PS, d.VFNMADD213PD, d.VFNMADD213SS, d.VFNMADD213SD},
		{d.VFNMADD231PS, d.VFNMADD231PD, d.VFNMADD231SS, d.VFNMADD231SD}, {d.VFNMSUB132PS, d.VFNMSUB132PD, d.VFNMSUB132SS, d.VFNMSUB132SD},
		{d.VFNMSUB213PS, d.VFNMSUB213PD, d.VFNMSUB213SS, d.VFNMSUB213SD}, {d.VFNMSUB231PS, d.VFNMSUB231PD, d.VFNMSUB231SS, d.VFNMSUB231SD},
		{d.VFMADDSUB132PS, d.VFMADDSUB132PD}, {d.VFMADDSUB213PS, d.VFMADDSUB213PD}, {d.VFMADDSUB231PS, d.VFMADDSUB231PD},
		{d.VFMSUBADD132PS, d.VFMSUBADD132PD}, {d.VFMSUBADD213PS, d.VFMSUBADD213PD}, {d.VFMSUBADD231PS, d.VFMSUBADD231PD},
	} {
		for k, op := range ops {
			if op != 0 {
				set(evexRow{form: efFMA, free: true, scalar: k >= 2, es: 4 << (k & 1)}, op)
			}
		}
	}
	wholes(4, compareScalar(4, false), d.VUCOMISS)
	wholes(8, compareScalar(8, false), d.VUCOMISD)
	wholes(4, compareScalar(4, true), d.VCOMISS)
	wholes(8, compareScalar(8, true), d.VCOMISD)
}

// converts sets conversions of elements of se bytes to elements of es bytes.
func converts(se, es uint8, f func(b uint64, c ctl) (uint64, flags), ops ...d.Op) {
	set(evexRow{form: efConvert, free: true, es: es, se: se, c: f}, ops...)
}

func evexConversions() {
	converts(4, 8, widenF, d.VCVTPS2PD)
	converts(8, 4, narrowF, d.VCVTPD2PS)
	set(evexRow{form: efConvert, free: true, scalar: true, se: 4, es: 8, c: widenF}, d.VCVTSS2SD)
	set(evexRow{form: efConvert, free: true, scalar: true, se: 8, es: 4, c: narrowF}, d.VCVTSD2SS)
	converts(2, 4, widenHalf, d.VCVTPH2PS)
	set(evexRow{form: efWhole, free: true, es: 2, se: 4, w: narrowHalf}, d.VCVTPS2PH)
	converts(4, 4, fromSigned(4, toFloat32), d.VCVTDQ2PS)
	converts(4, 8, fromSigned(4, toFloat64), d.VCVTDQ2PD)
	converts(8, 4, fromSigned(8, toFloat32), d.VCVTQQ2PS)
	converts(8, 8, fromSigned(8, toFloat64), d.VCVTQQ2PD)
	converts(4, 4, fromUnsigned(toFloat32), d.VCVTUDQ2PS)
	converts(4, 8, fromUnsigned(toFloat64), d.VCVTUDQ2PD)
	converts(8, 4, fromUnsigned(toFloat32), d.VCVTUQQ2PS)
	converts(8, 8, fromUnsigned(toFloat64), d.VCVTUQQ2PD)
	for _, k := range [...]struct {
		from, to uint8
		unsigned bool
		ops      [2]d.Op // rounding, truncating
	}{
		{4, 4, false, [2]d.Op{d.VCVTPS2DQ, d.VCVTTPS2DQ}}, {8, 4, false, [2]d.Op{d.VCVTPD2DQ, d.VCVTTPD2DQ}},
		{4, 8, false, [2]d.Op{d.VCVTPS2QQ, d.VCVTTPS2QQ}}, {8, 8, false, [2]d.Op{d.VCVTPD2QQ, d.VCVTTPD2QQ}},
		{4, 4, true, [2]d.Op{d.VCVTPS2UDQ, d.VCVTTPS2UDQ}}, {8, 4, true, [2]d.Op{d.VCVTPD2UDQ, d.VCVTTPD2UDQ}},
		{4, 8, true, [2]d.Op{d.VCVTPS2UQQ, d.VCVTTPS2UQQ}}, {8, 8, true, [2]d.Op{d.VCVTPD2UQQ, d.VCVTTPD2UQQ}},
	} {
		for t, op := range k.ops {
			converts(k.from, k.to, toInteger(int(k.from), int(k.to), k.unsigned, t == 1), op)
		}
	}
	for _, k := range [...]struct {
		from     int
		unsigned bool
		ops      [3]d.Op // rounding, truncating, the reverse
	}{
		{4, false, [3]d.Op{d.VCVTSS2SI, d.VCVTTSS2SI, d.VCVTSI2SS}}, {8, false, [3]d.Op{d.VCVTSD2SI, d.VCVTTSD2SI, d.VCVTSI2SD}},
		{4, true, [3]d.Op{d.VCVTSS2USI, d.VCVTTSS2USI, d.VCVTUSI2SS}}, {8, true, [3]d.Op{d.VCVTSD2USI, d.VCVTTSD2USI, d.VCVTUSI2SD}},
	} {
		es := uint8(k.from)
		wholes(es, toGeneral(k.from, k.unsigned, false), k.ops[0])
		wholes(es, toGeneral(k.from, k.unsigned, true), k.ops[1])
		wholes(es, fromGeneral(k.from, k.unsigned), k.ops[2])
	}

	integers := func(se, es uint8, f intConvert, op d.Op) {
		converts(se, es, func(b uint64, _ ctl) (uint64, flags) { return f(b), 0 }, op)
	}
	for _, k := range [...]struct {
		from, to     uint8
		sign, zero   d.Op
		cut, ss, uns d.Op
	}{
		{1, 2, d.VPMOVSXBW, d.VPMOVZXBW, d.VPMOVWB, d.VPMOVSWB, d.VPMOVUSWB}, {1, 4, d.VPMOVSXBD, d.VPMOVZXBD, d.VPMOVDB, d.VPMOVSDB, d.VPMOVUSDB},
		{1, 8, d.VPMOVSXBQ, d.VPMOVZXBQ, d.VPMOVQB, d.VPMOVSQB, d.VPMOVUSQB}, {2, 4, d.VPMOVSXWD, d.VPMOVZXWD, d.VPMOVDW, d.VPMOVSDW, d.VPMOVUSDW},
		{2, 8, d.VPMOVSXWQ, d.VPMOVZXWQ, d.VPMOVQW, d.VPMOVSQW, d.VPMOVUSQW}, {4, 8, d.VPMOVSXDQ, d.VPMOVZXDQ, d.VPMOVQD, d.VPMOVSQD, d.VPMOVUSQD},
	} {
		integers(k.from, k.to, signed(int(k.from)), k.sign)
		integers(k.from, k.to, plain, k.zero)
		integers(k.to, k.from, plain, k.cut)
		integers(k.to, k.from, saturateS(int(k.to), int(k.from)), k.ss)
		integers(k.to, k.from, saturateU(int(k.from)), k.uns)
	}
}

func evexPermutes() {
	wholes(1, permute, d.VPERMB)
	wholes(2, permute, d.VPERMW)
	wholes(4, permute, d.VPERMD, d.VPERMPS)
	wholes(8, permute, d.VPERMQ, d.VPERMPD)
	wholes(1, permute2, d.VPERMI2B, d.VPERMT2B)
	wholes(2, permute2, d.VPERMI2W, d.VPERMT2W)
	wholes(4, permute2, d.VPERMI2D, d.VPERMT2D, d.VPERMI2PS, d.VPERMT2PS)
	wholes(8, permute2, d.VPERMI2Q, d.VPERMT2Q, d.VPERMI2PD, d.VPERMT2PD)
	wholes(4, shuffle128, d.VSHUFF32X4, d.VSHUFI32X4)
	wholes(8, shuffle128, d.VSHUFF64X2, d.VSHUFI64X2)
	wholes(4, alignElements, d.VALIGND)
	wholes(8, alignElements, d.VALIGNQ)
	wholes(4, insert(16), d.VINSERTF32X4, d.VINSERTI32X4)
	wholes(8, insert(16), d.VINSERTF64X2, d.VINSERTI64X2)
	wholes(4, insert(32), d.VINSERTF32X8, d.VINSERTI32X8)
	wholes(8, insert(32), d.VINSERTF64X4, d.VINSERTI64X4)
	wholes(4, extract(16), d.VEXTRACTF32X4, d.VEXTRACTI32X4)
	wholes(8, extract(16), d.VEXTRACTF64X2, d.VEXTRACTI64X2)
	wholes(4, extract(32), d.VEXTRACTF32X8, d.VEXTRACTI32X8)
	wholes(8, extract(32), d.VEXTRACTF64X4, d.VEXTRACTI64X4)
	wholes(1, repeat(1), d.VPBROADCASTB)
	wholes(2, repeat(2), d.VPBROADCASTW)
	wholes(4, repeat(4), d.VPBROADCASTD, d.VBROADCASTSS, d.VPBROADCASTMW2D)
	wholes(8, repeat(8), d.VPBROADCASTQ, d.VBROADCASTSD, d.VPBROADCASTMB2Q)
	wholes(4, repeat(8), d.VBROADCASTF32X2, d.VBROADCASTI32X2)
	wholes(4, repeat(16), d.VBROADCASTF32X4, d.VBROADCASTI32X4)
	wholes(8, repeat(16), d.VBROADCASTF64X2, d.VBROADCASTI64X2)
	wholes(4, repeat(32), d.VBROADCASTF32X8, d.VBROADCASTI32X8)
	wholes(8, repeat(32), d.VBROADCASTF64X4, d.VBROADCASTI64X4)
	for k, ops := range [...][2]d.Op{{d.VPMOVM2B, d.VPMOVB2M}, {d.VPMOVM2W, d.VPMOVW2M}, {d.VPMOVM2D, d.VPMOVD2M}, {d.VPMOVM2Q, d.VPMOVQ2M}} {
		wholes(1<<k, spreadMask, ops[0])
		wholes(1<<k, collectMask, ops[1])
	}
	wholes(4, conflict, d.VPCONFLICTD)
	wholes(8, conflict, d.VPCONFLICTQ)
	wholes(1, compress, d.VPCOMPRESSB)
	wholes(2, compress, d.VPCOMPRESSW)
	wholes(4, compress, d.VPCOMPRESSD, d.VCOMPRESSPS)
	wholes(8, compress, d.VPCOMPRESSQ, d.VCOMPRESSPD)
	wholes(1, expand, d.VPEXPANDB)
	wholes(2, expand, d.VPEXPANDW)
	wholes(4, expand, d.VPEXPANDD, d.VEXPANDPS)
	wholes(8, expand, d.VPEXPANDQ, d.VEXPANDPD)
	wholes(1, multishift, d.VPMULTISHIFTQB)
	wholes(1, shuffleBits, d.VPSHUFBITQMB)
	wholes(2, dbpsadbw, d.VDBPSADBW)
}
