package simd

import (
	"goemu/tcg"
	"goemu/tcg/softfloat"
)

// rowsVEX is what exists with a VEX prefix only, or means something else with it.
var rowsVEX = []row{
	{pp: 0x00, mp: 1, opcode: 0x77, form: fRun, name: "VZEROUPPER, VZEROALL", run: vzero},
	{pp: 0x66, mp: 2, opcode: 0x0c, w: w0, form: fInt, name: "VPERMILPS", v: vpermilps},
	{pp: 0x66, mp: 2, opcode: 0x0d, w: w0, form: fInt, name: "VPERMILPD", v: vpermilpd},
	{pp: 0x66, mp: 2, opcode: 0x0e, w: w0, form: fRun, name: "VTESTPS", run: vtestps},
	{pp: 0x66, mp: 2, opcode: 0x0f, w: w0, form: fRun, name: "VTESTPD", run: vtestpd},
	{pp: 0x66, mp: 2, opcode: 0x13, w: w0, form: fRun, name: "VCVTPH2PS", run: vcvtph2ps},
	{pp: 0x66, mp: 2, opcode: 0x16, w: w0, form: fRun, name: "VPERMPS", run: vpermd},
	{pp: 0x66, mp: 2, opcode: 0x18, w: w0, form: fRun, name: "VBROADCASTSS", run: broadcastD},
	{pp: 0x66, mp: 2, opcode: 0x19, w: w0, form: fRun, name: "VBROADCASTSD", run: broadcastQ},
	{pp: 0x66, mp: 2, opcode: 0x1a, w: w0, form: fRun, name: "VBROADCASTF128", run: broadcast128},
	{pp: 0x66, mp: 2, opcode: 0x36, w: w0, form: fRun, name: "VPERMD", run: vpermd},
	{pp: 0x66, mp: 2, opcode: 0x45, w: w0, form: fInt, name: "VPSRLVD", q: vpsrlvd},
	{pp: 0x66, mp: 2, opcode: 0x45, w: w1, form: fInt, name: "VPSRLVQ", q: psrlq},
	{pp: 0x66, mp: 2, opcode: 0x46, w: w0, form: fInt, name: "VPSRAVD", q: vpsravd},
	{pp: 0x66, mp: 2, opcode: 0x47, w: w0, form: fInt, name: "VPSLLVD", q: vpsllvd},
	{pp: 0x66, mp: 2, opcode: 0x47, w: w1, form: fInt, name: "VPSLLVQ", q: psllq},
	{pp: 0x66, mp: 2, opcode: 0x58, w: w0, form: fRun, name: "VPBROADCASTD", run: broadcastD},
	{pp: 0x66, mp: 2, opcode: 0x59, w: w0, form: fRun, name: "VPBROADCASTQ", run: broadcastQ},
	{pp: 0x66, mp: 2, opcode: 0x5a, w: w0, form: fRun, name: "VBROADCASTI128", run: broadcast128},
	{pp: 0x66, mp: 2, opcode: 0x78, w: w0, form: fRun, name: "VPBROADCASTB", run: broadcastB},
	{pp: 0x66, mp: 2, opcode: 0x79, w: w0, form: fRun, name: "VPBROADCASTW", run: broadcastW},
	{pp: 0x66, mp: 3, opcode: 0x00, w: w1, form: fRun, name: "VPERMQ", run: vpermq},
	{pp: 0x66, mp: 3, opcode: 0x01, w: w1, form: fRun, name: "VPERMPD", run: vpermq},
	{pp: 0x66, mp: 3, opcode: 0x02, w: w0, form: fInt, up: 4, name: "VPBLENDD", v: blendpsX},
	{pp: 0x66, mp: 3, opcode: 0x04, w: w0, form: fInt, name: "VPERMILPS", v: pshufdX},
	{pp: 0x66, mp: 3, opcode: 0x05, w: w0, form: fInt, up: 2, name: "VPERMILPD", v: vpermilpdImm},
	{pp: 0x66, mp: 3, opcode: 0x06, w: w0, form: fRun, name: "VPERM2F128", run: vperm2x128},
	{pp: 0x66, mp: 3, opcode: 0x18, w: w0, form: fRun, name: "VINSERTF128", run: vinsert128},
	{pp: 0x66, mp: 3, opcode: 0x19, w: w0, form: fRun, name: "VEXTRACTF128", run: vextract128},
	{pp: 0x66, mp: 3, opcode: 0x1d, w: w0, form: fRun, name: "VCVTPS2PH", run: vcvtps2ph},
	{pp: 0x66, mp: 3, opcode: 0x38, w: w0, form: fRun, name: "VINSERTI128", run: vinsert128},
	{pp: 0x66, mp: 3, opcode: 0x39, w: w0, form: fRun, name: "VEXTRACTI128", run: vextract128},
	{pp: 0x66, mp: 3, opcode: 0x46, w: w0, form: fRun, name: "VPERM2I128", run: vperm2x128},
	{pp: 0x66, mp: 3, opcode: 0x4a, w: w0, form: fBlend, name: "VBLENDVPS", q: signsD},
	{pp: 0x66, mp: 3, opcode: 0x4b, w: w0, form: fBlend, name: "VBLENDVPD", q: signsQ},
	{pp: 0x66, mp: 3, opcode: 0x4c, w: w0, form: fBlend, name: "VPBLENDVB", q: signsB},
}

// rowsFMA is the FMA instructions: the high digit of the opcode is the order of the operands, the low one the operation, and
// VEX.W chooses double precision (SDM vol. 2D table A-4).
var rowsFMA = func() (t []row) {
	orders := []struct {
		digits string
		opcode uint8
	}{{"132", 0x90}, {"213", 0xa0}, {"231", 0xb0}}
	kinds := []struct {
		name   string
		opcode uint8
		scalar bool
	}{
		{"VFMADDSUB", 6, false}, {"VFMSUBADD", 7, false}, {"VFMADD", 8, false}, {"VFMADD", 9, true}, {"VFMSUB", 0xa, false},
		{"VFMSUB", 0xb, true}, {"VFNMADD", 0xc, false}, {"VFNMADD", 0xd, true}, {"VFNMSUB", 0xe, false}, {"VFNMSUB", 0xf, true},
	}
	for _, o := range orders {
		for _, k := range kinds {
			r := row{pp: 0x66, mp: 2, opcode: o.opcode | k.opcode, w: w0, form: fRun, name: k.name + o.digits + "PS", run: fmaPS}
			d := r
			d.w, d.name, d.run = w1, k.name+o.digits+"PD", fmaPD
			if k.scalar {
				r.name, r.run = k.name+o.digits+"SS", fmaSS
				d.name, d.run = k.name+o.digits+"SD", fmaSD
			}
			t = append(t, r, d)
		}
	}
	return t
}()

// fmaOrder gives the factors and the addend of an FMA instruction by the order in its name: the digits number the operands.
func fmaOrder(env *tcg.Env, op *tcg.Op, mem *[32]byte) (x, y, z ymm) {
	o1, o2, o3 := getY(env, op.VReg), srcY(env, op), rmY(env, op, mem)
	switch op.Enc.Opcode >> 4 {
	case 0x9:
		return o1, o3, o2
	case 0xa:
		return o2, o1, o3
	}
	return o2, o3, o1
}

// fmaSigns tells for the even and the odd elements whether the product and the addend change their signs.
func fmaSigns(opcode uint8) (even, odd softfloat.FMASigns) {
	switch opcode & 15 {
	case 6:
		return softfloat.NegAddend, 0
	case 7:
		return 0, softfloat.NegAddend
	case 8, 9:
		return 0, 0
	case 0xa, 0xb:
		return softfloat.NegAddend, softfloat.NegAddend
	case 0xc, 0xd:
		return softfloat.NegProduct, softfloat.NegProduct
	}
	return softfloat.NegProduct | softfloat.NegAddend, softfloat.NegProduct | softfloat.NegAddend
}

func fmaPS(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	c := softfloat.FromMXCSR(env.MXCSR)
	x, y, z := fmaOrder(env, op, mem)
	even, odd := fmaSigns(op.Enc.Opcode)
	var all softfloat.Flags
	for k := range lanes(op) {
		var r vec
		for i := range uint(4) {
			s := even
			if i&1 != 0 {
				s = odd
			}
			v, fl := softfloat.FMA32(dwordAt(x[k], i), dwordAt(y[k], i), dwordAt(z[k], i), s, c)
			r = setLane(r, 32*i, 32, uint64(v))
			all |= fl
		}
		x[k] = r
	}
	return finish(env, op, x, all)
}

func fmaPD(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	c := softfloat.FromMXCSR(env.MXCSR)
	x, y, z := fmaOrder(env, op, mem)
	even, odd := fmaSigns(op.Enc.Opcode)
	var all softfloat.Flags
	for k := range lanes(op) {
		v0, f0 := softfloat.FMA64(x[k].lo, y[k].lo, z[k].lo, even, c)
		v1, f1 := softfloat.FMA64(x[k].hi, y[k].hi, z[k].hi, odd, c)
		x[k] = vec{v0, v1}
		all |= f0 | f1
	}
	return finish(env, op, x, all)
}

// fmaSS and fmaSD keep the rest of the destination, their first operand.
func fmaSS(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	x, y, z := fmaOrder(env, op, mem)
	s, _ := fmaSigns(op.Enc.Opcode)
	v, fl := softfloat.FMA32(uint32(x[0].lo), uint32(y[0].lo), uint32(z[0].lo), s, softfloat.FromMXCSR(env.MXCSR))
	if u := raise(env, fl); u != 0 {
		return u
	}
	setX(env, op, op.VReg, setLane(getX(env, op.VReg), 0, 32, uint64(v)))
	return 0
}

func fmaSD(env *tcg.Env, op *tcg.Op, mem *[32]byte) uint32 {
	x, y, z := fmaOrder(env, op, mem)
	s, _ := fmaSigns(op.Enc.Opcode)
	v, fl := softfloat.FMA64(x[0].lo, y[0].lo, z[0].lo, s, softfloat.FromMXCSR(env.MXCSR))
	if u := raise(env, fl); u != 0 {
		return u
	}
	setX(env, op, op.VReg, vec{v, getX(env, op.VReg).hi})
	return 0
}
