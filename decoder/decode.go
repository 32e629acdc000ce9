package decoder

import (
	"encoding/binary"
	"errors"
)

// Errors of Decode.
var (
	// ErrTruncated: code ends inside the instruction. Give more bytes (15 are always enough).
	ErrTruncated = errors.New("decoder: instruction truncated")
	// ErrTooLong: the instruction is longer than 15 bytes, which is #GP(0).
	ErrTooLong = errors.New("decoder: instruction longer than 15 bytes")
	// ErrUndefined: no such instruction, which is #UD.
	ErrUndefined = errors.New("decoder: undefined instruction")
)

// MaxLen is the length of the longest instruction in bytes (SDM vol. 2A 2.3.11).
const MaxLen = 15

// Classes of prefix bytes.
const (
	pfNone = iota
	pfSeg  // pfSeg+n: segment n
	_
	_
	_
	_
	_
	pfOpSize
	pfAddrSize
	pfLock
	pfRepne
	pfRep
	pfRex    // 64-bit mode
	pfEscape // 0F
	pfVex    // C4, C5, 62: perhaps VEX or EVEX
)

var prefixClass = func() (t [256]uint8) {
	t[0x26], t[0x2E], t[0x36], t[0x3E], t[0x64], t[0x65] = pfSeg+SegES, pfSeg+SegCS, pfSeg+SegSS, pfSeg+SegDS, pfSeg+SegFS, pfSeg+SegGS
	t[0x66], t[0x67], t[0xF0], t[0xF2], t[0xF3] = pfOpSize, pfAddrSize, pfLock, pfRepne, pfRep
	for i := 0x40; i < 0x50; i++ {
		t[i] = pfRex
	}
	t[0x0F], t[0xC4], t[0xC5], t[0x62] = pfEscape, pfVex, pfVex, pfVex
	return t
}()

// Rows of opSizes.
const (
	osNormal = iota
	osD64
	osF64
	osNative
	osNoW
	osByte
	numOpSizes
)

// opSizes gives the log2 of the operand size by rule, mode, REX.W (+2) and 66 (+1).
var opSizes = [numOpSizes][3][4]uint8{
	osNormal: {{1, 2, 1, 2}, {2, 1, 2, 1}, {2, 1, 3, 3}},
	osD64:    {{1, 2, 1, 2}, {2, 1, 2, 1}, {3, 1, 3, 3}},
	osF64:    {{1, 2, 1, 2}, {2, 1, 2, 1}, {3, 3, 3, 3}},
	osNative: {{2, 2, 2, 2}, {2, 2, 2, 2}, {3, 3, 3, 3}},
	osNoW:    {{1, 2, 1, 2}, {2, 1, 2, 1}, {2, 1, 2, 2}},
	osByte:   {},
}

// state is what Decode knows beside the Inst.
type state struct {
	code  []byte
	pos   int
	key   uint32
	pp    uint8 // column of cells
	data  bool  // 66 seen
	rexW  uint8
	regHi uint8 // bits to add to ModRM.reg, and to ModRM.rm as base, index, register
	baseB uint8
	idxX  uint8
	rmHi  uint8 // vector registers in ModRM.rm
	vvvv  uint8
	vex   bool
	evex  bool
	dispN uint8 // size of the displacement
	isReg bool
	short bool // code ended
}

// fail is the error of an instruction whose bytes ran out.
func (s *state) fail(out *Inst) error {
	out.Op = Invalid
	if len(s.code) >= MaxLen {
		return ErrTooLong
	}
	return ErrTruncated
}

// undefined makes out an undefined instruction.
func (s *state) undefined(out *Inst) error {
	out.Op = Invalid
	out.Len = uint8(s.pos)
	return ErrUndefined
}

// decode is Decode for every instruction.
func decode(code []byte, mode Mode, out *Inst) error {
	if len(code) > MaxLen {
		code = code[:MaxLen]
	}
	*out = Inst{} // much faster than a literal with values
	out.Mode, out.Memory = mode, noMemory
	// pos and key stay in registers; s has them for the methods.
	s := state{code: code}
	pos, key := 0, uint32(0)
	if mode == Mode64 {
		key = key64
	}
	var b, seg, rex, rep uint8
	seg = NoReg
	addr := false
	space := 0
prefixes:
	for {
		if pos >= len(code) {
			return s.fail(out)
		}
		b = code[pos]
		pos++
		c := prefixClass[b]
		if c == pfNone {
			break
		}
		switch c {
		case pfSeg + SegES, pfSeg + SegCS, pfSeg + SegSS, pfSeg + SegDS:
			// Ignored in 64-bit mode, where they do not cancel FS and GS either.
			out.Prefix |= PrefixSeg
			if mode != Mode64 {
				seg = c - pfSeg
			}
		case pfSeg + SegFS, pfSeg + SegGS:
			out.Prefix |= PrefixSeg
			seg = c - pfSeg
		case pfOpSize:
			s.data = true
		case pfAddrSize:
			addr = true
		case pfLock:
			out.Prefix |= PrefixLock
		case pfRepne, pfRep:
			rep = b
		case pfRex:
			if mode != Mode64 {
				break prefixes
			}
			rex = b
			continue
		case pfEscape:
			if pos >= len(code) {
				return s.fail(out)
			}
			space = 1
			b = code[pos]
			pos++
			if b == 0x38 || b == 0x3A {
				space = 2 + int(b>>1&1)
				if pos >= len(code) {
					return s.fail(out)
				}
				b = code[pos]
				pos++
			}
			break prefixes
		case pfVex:
			if mode != Mode64 {
				// LES, LDS and BOUND unless their ModRM byte would name a register.
				if pos >= len(code) {
					return s.fail(out)
				}
				if code[pos] < 0xC0 {
					break prefixes
				}
			}
			if s.data || rep != 0 || rex != 0 || out.Prefix&PrefixLock != 0 {
				s.pos = pos
				return s.undefined(out)
			}
			s.vex = true
			break prefixes
		}
		rex = 0 // REX counts only directly before the opcode
	}

	// Address size.
	switch {
	case mode == Mode64:
		out.AddrSize = 8
		if addr {
			out.AddrSize = 4
		}
	case addr == (mode == Mode32):
		out.AddrSize = 2
	default:
		out.AddrSize = 4
	}
	if addr {
		out.Prefix |= PrefixAddrSize
	}

	if s.vex {
		var ok bool
		s.pos, s.key = pos, key
		b, space, ok = s.vexPrefix(b, mode, out)
		pos, key = s.pos, s.key
		if s.short {
			return s.fail(out)
		}
		if !ok {
			s.pos = pos
			return s.undefined(out)
		}
	} else {
		if rex != 0 {
			out.Prefix |= PrefixRex
			out.Rex = rex & 15
			s.regHi = rex << 1 & 8
			s.idxX = rex << 2 & 8
			s.baseB = rex << 3 & 8
			s.rmHi = s.baseB
			s.rexW = rex >> 2 & 2
			key |= uint32(rex>>3&1)*keyW | uint32(rex&1)*keyRexB
		}
		switch {
		case rep == 0xF3:
			s.pp = ppF3
		case rep == 0xF2:
			s.pp = ppF2
		case s.data:
			s.pp = pp66
		}
		out.Map = uint8(space)
	}
	out.Opcode = b
	if seg != NoReg {
		out.Seg = seg
	}

	// Find the row.
	c := &cells[(space<<8|int(b))<<2|int(s.pp)]
	if c.kind&cellModRM != 0 {
		if pos >= len(code) {
			return s.fail(out)
		}
		m := code[pos]
		pos++
		if c.kind&cellNoMod != 0 {
			s.isReg = true
			key |= keyIsReg | 0xC0
		} else if m >= 0xC0 {
			s.isReg = true
			key |= keyIsReg
		}
		key |= uint32(m)
		out.ModRM = m
		out.HasModRM = true
		if s.evex && s.isReg && out.Bcast != 0 {
			key = key&^keyL | 2<<keyLShift | keyLNot128 // L'L is the rounding mode
		}
		if c.kind&cellGrouped != 0 {
			g := m >> 3 & 7
			if s.isReg {
				g |= 8
			}
			c = &groups[c.first+uint16(g)]
		}
	}
	var f *form
	for _, i := range order[c.first : c.first+uint16(c.n)] {
		if t := &forms[i]; (key^t.match)&t.mask == 0 {
			f = t
			break
		}
	}
	if f == nil {
		s.pos = pos
		return s.undefined(out)
	}
	out.Op = f.op
	out.Row = f.row
	out.StackOp = f.attr&Stk != 0
	out.PP = f.pp

	// Operand size; prefixes that are no part of the opcode.
	k := s.rexW
	if s.data && f.pp != 0x66 {
		out.Prefix |= PrefixOpSize
		k |= 1
	}
	osz := opSizes[f.osize][mode][k]
	out.OpSize = 1 << osz
	if rep != 0 && rep != f.pp {
		if rep == 0xF3 {
			out.Prefix |= PrefixRep
		} else {
			out.Prefix |= PrefixRepne
		}
	}
	if f.cc != ccNone {
		out.Cond = b & 15
		if f.cc == ccFCMOV {
			out.Cond = [4]uint8{2, 4, 6, 10}[out.ModRM>>3&3] | b&1
		}
	}
	s.pos = pos
	if out.HasModRM && !s.isReg {
		if !s.memory(out, f, seg) {
			return s.fail(out)
		}
	}
	bad := false
	if s.vex && !s.checkVEX(out, f) {
		bad = true
	}
	s.operands(out, f, osz, &bad)
	if s.short {
		return s.fail(out)
	}
	out.Len = uint8(s.pos)
	if out.Prefix&PrefixLock != 0 && (f.attr&Lock == 0 || s.isReg) || bad {
		return s.undefined(out)
	}
	return nil
}

// vexPrefix reads the rest of a VEX or EVEX prefix (SDM vol. 2A 2.3.5, 2.7.1) that begins with b, and the opcode.
func (s *state) vexPrefix(b byte, mode Mode, out *Inst) (opcode byte, space int, ok bool) {
	n := 3 // bytes after b, with the opcode
	switch b {
	case 0xC5:
		n = 2
	case 0x62:
		n = 4
	}
	if s.pos+n > len(s.code) {
		s.short = true
		return 0, 0, false
	}
	p := s.code[s.pos : s.pos+n]
	s.pos += n
	var p0, p1 byte
	if b == 0xC5 {
		p0, p1 = p[0]&0x80|0x61, p[0]&0x7F // X and B are 1, the map is 0F, W is 0
	} else {
		p0, p1 = p[0], p[1]
	}
	out.Rex = rexBits(p0, p1)
	s.pp = [4]uint8{ppNone, pp66, ppF3, ppF2}[p1&3]
	s.vvvv = ^p1 >> 3 & 15
	space = int(p0 & 0x1F)
	l := p1 >> 2 & 1
	if b == 0x62 {
		out.Prefix |= PrefixEvex
		s.evex = true
		if p0&8 != 0 || p1&4 == 0 {
			return 0, 0, false
		}
		space = int(p0 & 7)
		p2 := p[2]
		out.Zero, out.Bcast, out.Mask = p2>>7, p2>>4&1, p2&7
		l = p2 >> 5 & 3
		s.vvvv |= ^p2 << 1 & 0x10
		s.regHi = ^p0 & 0x10
		if l == 3 && out.Bcast == 0 {
			return 0, 0, false
		}
	} else {
		out.Prefix |= PrefixVex
	}
	if space < 1 || space > 3 {
		return 0, 0, false
	}
	if mode == Mode64 {
		s.regHi |= out.Rex << 1 & 8
		s.idxX = out.Rex << 2 & 8
		s.baseB = out.Rex << 3 & 8
		s.rmHi = s.baseB
		if s.evex {
			s.rmHi |= s.idxX << 1
		}
		s.rexW = p1 >> 6 & 2
	} else {
		s.regHi = 0
		if s.vvvv&0x10 != 0 {
			return 0, 0, false // V' exists in 64-bit mode only
		}
	}
	s.key |= uint32(p1>>7)*keyW | uint32(l)<<keyLShift
	if l != 0 {
		s.key |= keyLNot128
	}
	out.VecLen = l
	out.Map = uint8(space)
	if s.evex {
		space += spaceEVEX
	} else {
		space += spaceVEX
	}
	return p[n-1], space, true
}

// checkVEX applies the rules of VEX and EVEX fields that do not depend on a
// single operand, and brings vvvv and L'L into their final form.
func (s *state) checkVEX(out *Inst, f *form) bool {
	if !f.vvvv {
		unused := s.vvvv
		if f.vsib {
			unused &= 15 // V' belongs to the index
		}
		if unused != 0 {
			return false
		}
	}
	if !s.evex {
		if out.Mode != Mode64 {
			s.vvvv &= 7
		}
		out.Vvvv = s.vvvv
		return true
	}
	if out.Mode != Mode64 {
		s.vvvv &= 0x17
	}
	out.Vvvv = s.vvvv
	if out.Bcast != 0 {
		switch {
		case !s.isReg:
			if f.bcast == 0 || out.VecLen == 3 {
				return false
			}
		case f.deco&decoER != 0:
			out.RC = 1 + out.VecLen
			out.VecLen = 2
		case f.deco&decoSAE != 0:
			out.RC = 5
			out.VecLen = 2
		default:
			return false
		}
	}
	switch {
	case out.Mask != 0 && f.deco&decoK == 0, out.Mask == 0 && f.deco&decoKReq != 0:
		return false
	case out.Zero != 0 && (f.deco&decoZ == 0 || out.Mask == 0):
		return false
	case out.Zero != 0 && !s.isReg && (f.args[0].cl == clW || f.args[0].cl == clM):
		return false
	}
	return true
}

// rexBits makes REX bits from the inverted R, X, B of a VEX prefix and its W.
func rexBits(p0, p1 byte) uint8 {
	return ^p0>>7*RexR | ^p0>>6&1*RexX | ^p0>>5&1*RexB | p1>>7*RexW
}

// u16, u32 and u64 take bytes from code; they give 0 and set short at its end.
func (s *state) u8() uint8 {
	if s.pos >= len(s.code) {
		s.short = true
		return 0
	}
	v := s.code[s.pos]
	s.pos++
	return v
}

func (s *state) u16() uint16 {
	if s.pos+2 > len(s.code) {
		s.short = true
		return 0
	}
	v := binary.LittleEndian.Uint16(s.code[s.pos:])
	s.pos += 2
	return v
}

func (s *state) u32() uint32 {
	if s.pos+4 > len(s.code) {
		s.short = true
		return 0
	}
	v := binary.LittleEndian.Uint32(s.code[s.pos:])
	s.pos += 4
	return v
}

func (s *state) u64() uint64 {
	if s.pos+8 > len(s.code) {
		s.short = true
		return 0
	}
	v := binary.LittleEndian.Uint64(s.code[s.pos:])
	s.pos += 8
	return v
}

// word reads a number of 1, 2, 4 or 8 bytes, sign-extended.
func (s *state) word(size uint8) int64 {
	switch size {
	case 1:
		return int64(int8(s.u8()))
	case 2:
		return int64(int16(s.u16()))
	case 4:
		return int64(int32(s.u32()))
	}
	return int64(s.u64())
}
