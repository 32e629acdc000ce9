package decoder

import (
	"encoding/binary"
	"strings"
	"sync"
)

// VEX and EVEX instructions of 64-bit mode have leaves too: one by form, vector length, W and ModRM.mod == 3. The form is
// looked up as on the general path. Few guests have such instructions, so these leaves are made when the first one is met.

// Shifts of the registers that a VEX or EVEX instruction names, for leaf.regs.
const (
	vexRM   = 8 * iota // ModRM.rm with B
	vexReg             // ModRM.reg with R and R'
	vexVRM             // ModRM.rm with B and X
	vexVvvv            // vvvv with V'
	vexIs4             // imm8[7:4]
	vexRM3             // ModRM.rm alone
)

// What a leaf of these can reject.
const (
	vexWithVvvv  = 1 << iota // vvvv is not 1111
	vexWithVvvv8             // the register in vvvv is 8 or more
	vexWithReg8              // the one in ModRM.reg is
	vexWithReg16             // it is 16 or more
	vexWithMask
	vexNoMask
	vexWithZero
)

// vexVvvvBits and vexRegBits are these by vvvv, and by R and R'.
var (
	vexVvvvBits = func() (t [32]uint16) {
		for v := 1; v < len(t); v++ {
			t[v] = vexWithVvvv
			if v >= 8 {
				t[v] |= vexWithVvvv8
			}
		}
		return t
	}()
	vexRegBits = [4]uint16{0, vexWithReg8, vexWithReg8 | vexWithReg16, vexWithReg8 | vexWithReg16}
)

// vexVariants is how many leaves a form can have.
const vexVariants = 3 << 2

var vex struct {
	once   sync.Once
	leaves []leaf
	leafOf []uint16 // by form and variant; leaves[0] rejects everything
}

// decodeVEX is Decode for what begins with a VEX or EVEX prefix in 64-bit mode.
func decodeVEX(p *[fastLen]byte, t *fastTable, out *Inst) error {
	vex.once.Do(buildVEX)
	w := binary.LittleEndian.Uint64(p[1:9])
	p0, p1, p2 := byte(w), byte(w>>8), byte(0)
	space, maps, pos := uint(spaceVEX), byte(0x1F), uint(3)
	switch p[0] {
	case 0xC5:
		p0, p1 = p0&0x80|0x61, p0&0x7F // X and B are 1, the map is 0F, W is 0
		w >>= 8
		pos = 2
	case 0xC4:
		w >>= 16
	default:
		p2 = byte(w >> 16)
		if p0&8 != 0 || p1&4 == 0 || p2&0x10 != 0 || p2&0x60 == 0x60 || p2&0x87 == 0x80 {
			return decode(p[:], t.mode, out) // broadcast, rounding, undefined
		}
		w >>= 24
		space, maps, pos = spaceEVEX, 7, 4
	}
	if p0&maps < 1 || p0&maps > 3 {
		return decode(p[:], t.mode, out)
	}
	space += uint(p0 & maps)
	rex, op, m := uint(rexBits(p0, p1)), byte(w), byte(w>>8)
	reg, rm, vvvv, length := rex<<1&8, rex<<3&8, uint(^p1>>3&15), uint(p1>>2&1)
	vrm := rm
	reject := uint16(0)
	if maps == 7 {
		reg |= uint(^p0 & 0x10)
		vrm |= rex << 3 & 0x10
		vvvv |= uint(^p2 << 1 & 0x10)
		length = uint(p2 >> 5 & 3)
		reject = vexNoMask
		if p2&7 != 0 {
			reject = vexWithMask | uint16(p2>>7)*vexWithZero
		}
	}

	// The form and its leaf.
	c := &cells[(space<<8|uint(op))<<2|uint(p1&3)]
	key := key64 | uint32(p1>>7)*keyW | uint32(length)<<keyLShift
	if length != 0 {
		key |= keyLNot128
	}
	variant := uint(p1>>7)<<1 | length<<2
	isMem := false
	if c.kind&cellModRM != 0 {
		key |= uint32(m)
		g := uint16(m >> 3 & 7)
		if isMem = m < 0xC0; !isMem {
			key |= keyIsReg
			variant |= 1
			g |= 8
		}
		if c.kind&cellGrouped != 0 {
			c = &groups[c.first+g]
		}
	} else {
		m = 0
		pos--
	}
	n := uint16(0)
	for _, i := range order[c.first : c.first+uint16(c.n)] {
		if f := &forms[i]; (key^f.match)&f.mask == 0 {
			n = vex.leafOf[uint(i)*vexVariants+variant]
			break
		}
	}
	l := &vex.leaves[n]
	reject |= vexVvvvBits[vvvv&31] | vexRegBits[reg>>3&3]
	if (reject|always)&l.reject != 0 {
		return decode(p[:], t.mode, out)
	}

	*out = l.inst
	out.Mode, out.AddrSize = t.mode, t.addrSize
	out.Rex, out.Opcode, out.ModRM = uint8(rex), op, m
	out.Vvvv, out.Mask, out.Zero = uint8(vvvv), p2&7, p2>>7
	end := pos + 2
	if isMem {
		end += t.memory(p, w, rex, pos, out)
		if m>>6 == 1 {
			out.Disp *= int64(l.disp8n)
		}
	}
	imm := p[end&15]
	r := uint64(uint(m&7)|rm)<<vexRM | uint64(uint(m>>3&7)|reg)<<vexReg | uint64(uint(m&7)|vrm)<<vexVRM |
		uint64(vvvv)<<vexVvvv | uint64(imm>>4)<<vexIs4 | uint64(m&7)<<vexRM3
	out.Args[0].Reg = l.inst.Args[0].Reg + uint8(r>>(l.regs[0]&63))
	out.Args[1].Reg = l.inst.Args[1].Reg + uint8(r>>(l.regs[1]&63))
	out.Args[2].Reg = l.inst.Args[2].Reg + uint8(r>>(l.regs[2]&63))
	out.Args[3].Reg = l.inst.Args[3].Reg + uint8(r>>(l.regs[3]&63))
	out.Imm = int64(imm) & l.immMask
	out.Len = uint8(end + uint(l.immLen))
	return nil
}

// buildVEX makes vex.
func buildVEX() {
	vex.leaves = []leaf{{reject: always}}
	vex.leafOf = make([]uint16, len(forms)*vexVariants)
	operands := map[string]*form{}
	for i := range forms {
		evex := strings.HasPrefix(rows[i].Enc, "EVEX.")
		if !evex && !strings.HasPrefix(rows[i].Enc, "VEX.") {
			continue
		}
		f := &forms[i]
		_, where, _ := parseRow(&rows[i], operands)
		for v := range uint32(vexVariants) {
			isReg, w, length := v&1 != 0, v>>1&1, v>>2
			key := key64 | v&1*keyIsReg | w*keyW | length<<keyLShift
			if length != 0 {
				key |= keyLNot128
			}
			if (key^f.match)&f.mask&^uint32(keyModRM) != 0 || length == 2 && !evex {
				continue
			}
			l := makeVEXLeaf(f, &where, uint8(length), uint8(w), isReg)
			if l.reject&always != 0 {
				continue
			}
			vex.leafOf[i*vexVariants+int(v)] = uint16(len(vex.leaves))
			vex.leaves = append(vex.leaves, l)
		}
	}
}

// makeVEXLeaf makes the leaf of a form; it rejects everything if the form has operands that decodeVEX does not know.
func makeVEXLeaf(f *form, where *place, length, w uint8, isReg bool) leaf {
	evex := where.space > spaceEVEX
	l := leaf{disp8n: 1, regs: [4]uint8{regNone, regNone, regNone, regNone}}
	if !f.vvvv {
		l.reject |= vexWithVvvv
	}
	if evex {
		if f.deco&decoK == 0 {
			l.reject |= vexWithMask
		}
		if f.deco&decoKReq != 0 {
			l.reject |= vexNoMask
		}
		if f.deco&decoZ == 0 || !isReg && (f.args[0].cl == clW || f.args[0].cl == clM) {
			l.reject |= vexWithZero
		}
	}
	osz := opSizes[f.osize][Mode64][w<<1]
	for i := range f.args[:f.nargs] {
		o, from := &f.args[i], uint8(regNone)
		switch o.cl {
		case clE:
			from = vexRM
		case clW:
			from = vexVRM
		case clKE:
			from = vexRM3
		case clG:
			from = vexReg
			l.reject |= vexWithReg16
		case clV:
			from = vexReg
		case clKG:
			from = vexReg
			l.reject |= vexWithReg8
		case clB, clH:
			from = vexVvvv
		case clKH:
			from = vexVvvv
			l.reject |= vexWithVvvv8
		case clL:
			from = vexIs4
			l.immLen++
		case clI:
			l.immLen += size(o.sz, osz, 0)
			l.immMask = 0xff
		case clM:
		default:
			l.reject |= always
		}
		if from == vexReg || from == vexVvvv || from == vexIs4 || isReg {
			l.regs[i] = from
		}
	}
	if f.vsib || l.immLen > 1 {
		l.reject |= always
	}
	if l.reject&always != 0 {
		return l
	}
	// The general path fills the operands, from a ModRM byte, prefixes and immediates that are 0.
	var zero [MaxLen]byte
	s, bad := state{code: zero[:], isReg: isReg, vex: true, evex: evex}, false
	l.inst = Inst{Op: f.op, Row: f.row, StackOp: f.attr&Stk != 0, PP: f.pp, OpSize: 1 << osz, VecLen: length, Memory: noMemory}
	l.inst.HasModRM = where.modrm
	l.inst.Map, l.inst.Prefix = uint8(where.space-spaceVEX), PrefixVex
	if evex {
		l.inst.Map, l.inst.Prefix = uint8(where.space-spaceEVEX), PrefixEvex
	}
	s.operands(&l.inst, f, osz, &bad)
	for _, a := range l.inst.Args {
		switch {
		case a.Kind == KReg && a.Size == 1:
			l.reject = always
		case a.Kind == KMem && evex:
			l.disp8n = a.Size
		}
	}
	if f.disp8n != 0 && evex {
		l.disp8n = f.disp8n
	}
	return l
}
