package x87

import "goemu/tcg/softfloat"

// transcendental runs F2XM1 FYL2X FPTAN FPATAN FYL2XP1 FSINCOS FSIN FCOS. Results are correctly rounded;
// processors differ from that, and from each other, in the last place.
func (m *Image) transcendental(modrm uint8, a softfloat.Num, c softfloat.Ctl) {
	switch modrm {
	case 0xf0:
		r, fl := softfloat.Exp2M1(a, c)
		m.result(0, r, fl)
	case 0xf1:
		r, fl := softfloat.YLog2X(a, m.num(1), c)
		m.popIf(m.result(1, r, fl))
	case 0xf3:
		r, fl := softfloat.Atan2(m.num(1), a, c)
		m.popIf(m.result(1, r, fl))
	case 0xf9:
		r, fl := softfloat.YLog2XP1(a, m.num(1), c)
		m.popIf(m.result(1, r, fl))
	default:
		m.trig(modrm, a, c)
	}
}

// trig runs FPTAN, FSINCOS, FSIN and FCOS. Operands of 2^63 and more set C2 and stay.
func (m *Image) trig(modrm uint8, a softfloat.Num, c softfloat.Ctl) {
	pushes := modrm == 0xf2 || modrm == 0xfb
	m.setC2(0)
	if pushes && !m.empty(7) {
		if m.result(0, softfloat.DefaultNaN, overflow) {
			m.pushMore(softfloat.DefaultNaN)
		}
		return
	}
	if a.Class == softfloat.Finite && a.Exp >= 63 {
		m.record(0)
		m.setC2(swC2)
		return
	}
	var first, second softfloat.F80
	var fl softfloat.Flags
	switch modrm {
	case 0xf2:
		first, fl = softfloat.Tan(a, c)
		second = softfloat.Constant(0, c)
		if a.Class >= softfloat.Inf {
			second = first
		}
	case 0xfb:
		var f softfloat.Flags
		first, fl = softfloat.Sin(a, c)
		second, f = softfloat.Cos(a, c)
		fl |= f
	case 0xfe:
		first, fl = softfloat.Sin(a, c)
	default:
		first, fl = softfloat.Cos(a, c)
	}
	if m.result(0, first, fl) && pushes {
		m.pushMore(second)
	}
}

func (m *Image) setC2(v uint16) { m.put16(offSW, m.sw()&^swC2|v) }
