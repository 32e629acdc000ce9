package decoder

import "encoding/binary"

// The fast path decodes what nearly all code is made of: at most one legacy prefix and a REX prefix,
// default address size, and no operand that has rules of its own. Its tables come from the same forms that the
// general path uses: a leaf is a finished Inst but for what single bytes of the instruction say. It is copied, and
// registers, address and immediate are filled in without branches on their kinds. What is branched on are bytes
// of the code, which are known early, not what was looked up by them: a wrong guess costs as much as all the rest.

// fastLen is how many bytes the fast path wants to have; it loads words behind the
// instruction, but uses 15 bytes at most.
const fastLen = 24

// leaf is what an instruction is, but for registers, address and immediate, once its opcode, its row, its operand size
// and whether ModRM names a register are known.
type leaf struct {
	inst     Inst
	immMask  int64    // 0: no immediate; its width if it is unsigned; else -1
	keep     uint16   // bits that stay in Inst.Prefix
	reject   uint16   // prefix bits that only the general path decodes
	immLen   uint8    // in bytes
	immShift uint8    // 64 - its bits
	regs     [4]uint8 // where the registers of Args are in a word of regs: a shift; Decode uses two
	disp8n   uint8    // EVEX: factor of an 8-bit displacement
	_        [13]byte // 96 is cheaper to multiply by
}

// always is a prefix bit that is never in Inst.Prefix, so that a leaf can reject every instruction.
const always = 1 << 15

// withRexB is the same for those that reject REX.B.
const withRexB = 1 << 14

// entry is an opcode with prefix and REX.W. Its leaf is leaves[first + class&mask], where class is
// ModRM.reg<<1 | (ModRM.mod == 3). Where that is not enough, mask is 0, leaves[first] rejects everything, and
// leaves[first + fullClasses[ModRM]] is the leaf.
type entry struct {
	first  uint16
	mask   uint8
	modrm  uint8 // 0xff: a ModRM byte follows; else 0
	length uint8 // of opcode, ModRM and immediate, in bytes; if full, of opcode and ModRM
	full   bool
}

// address is what a ModRM byte says about the memory operand.
type address struct {
	Memory
	size      uint8 // of SIB and displacement, in bytes
	dispAt    uint8 // of the displacement, counted from after ModRM
	dispShift uint8 // 64 - the bits of the displacement
	dispMask  int8  // -1 with displacement, else 0
	sib       bool
}

// fastTable is the fast path's tables for a mode.
type fastTable struct {
	mode      Mode
	addrSize  uint8
	rexHigh   uint // high half of a REX prefix; 0xff where there is none
	legacy    [256]legacyPrefix
	addresses [2 << 8]address      // by REX.B, ModRM
	entries   [numFast << 11]entry // by map, opcode, prefix, REX.W
}

// numFast is how many opcode maps the fast path knows.
const numFast = 4

// legacyPrefix is what a prefix byte does.
type legacyPrefix struct {
	kind uint8 // legacyNone and so on
	col  uint8 // prefix column of cells
	seg  uint8 // or NoReg
	bits uint16
}

const (
	legacyNone = iota
	legacyYes
	legacySlow
	legacyVEX
)

var (
	fastTables [3]fastTable
	leaves     [1 << 14]leaf
)

// classes is the class of a ModRM byte, fullClasses that of those that count as a whole.
var classes, fullClasses = func() (t, full [256]uint8) {
	for m := range 256 {
		t[m], full[m] = uint8(m>>2&14), uint8(1+m>>3&7)
		if m >= 0xC0 {
			t[m] |= 1
			full[m] = uint8(fullReg + m - 0xC0)
		}
	}
	return t, full
}()

// Classes of fullClasses: 0 is none, then come the groups of memory operands and the bytes from C0.
const (
	fullReg = 1 + 8
	numFull = fullReg + 64
)

// Shifts of what is in a word of regs. The low bits of an opcode without ModRM are as ModRM.rm.
const (
	regRM  = 8 * iota // ModRM.rm with REX.B
	regReg            // ModRM.reg with REX.R
	regRM8            // the same as byte registers
	regReg8
	regRM3 // without REX
	regReg3
	regNone
)

// regs is the registers that a ModRM byte names, in a byte each. The
// first table is without REX, where byte registers 4 to 7 are AH, CH, DH and BH; the others are by REX.RB.
var regs = func() (t [8 << 8]uint64) {
	for i := range 5 << 8 {
		rm3, reg3 := uint64(i&7), uint64(i>>3&7)
		rm, reg, rm8, reg8 := rm3, reg3, rm3+rm3>>2*12, reg3+reg3>>2*12
		if rex := uint64(i >> 8); rex != 0 {
			rm |= (rex - 1) & 1 << 3
			reg |= (rex - 1) >> 1 << 3
			rm8, reg8 = rm, reg
		}
		t[i] = rm<<regRM | reg<<regReg | rm8<<regRM8 | reg8<<regReg8 | rm3<<regRM3 | reg3<<regReg3
	}
	return t
}()

// rexRegs is the table of regs for a REX prefix.
var rexRegs = [16]uint16{1 << 8, 2 << 8, 1 << 8, 2 << 8, 3 << 8, 4 << 8, 3 << 8, 4 << 8, 1 << 8, 2 << 8, 1 << 8, 2 << 8, 3 << 8, 4 << 8, 3 << 8, 4 << 8}

// sibs is what a SIB byte says with REX.XB, where a base is encoded.
var sibs = func() (t [4 << 8]Memory) {
	for i := range t {
		m := Memory{Seg: SegDS, Base: uint8(i&7 | i>>8&1<<3), Index: uint8(i>>3&7 | i>>9<<3), Scale: 1 << (i >> 6 & 3)}
		if m.Base == 4 || m.Base == 5 {
			m.Seg = SegSS
		}
		if m.Index == 4 {
			m.Index = NoReg
		}
		t[i] = m
	}
	return t
}()

// Decode decodes the instruction at the start of code, as in a code segment of default size mode, into out.
// The result depends on 15 bytes at most; with 24 or more it comes faster. Decode allocates nothing. On errors out.Op is
// Invalid, and on ErrUndefined out.Len counts the bytes that were looked at; the rest of out means nothing then.
func Decode(code []byte, mode Mode, out *Inst) error {
	if len(code) < fastLen || mode > Mode64 {
		return decode(code, mode, out)
	}
	p := (*[fastLen]byte)(code)
	t := &fastTables[mode]
	w := binary.LittleEndian.Uint64(p[:8])
	bits, at, pos := uint16(always), uint(0), uint(0)
	if l := &t.legacy[byte(w)]; l.kind != legacyNone {
		switch l.kind {
		case legacyVEX:
			return decodeVEX(p, t, out)
		case legacySlow:
			return decode(p[:], t.mode, out)
		}
		bits, at = l.bits, uint(l.col)<<1
		w = binary.LittleEndian.Uint64(p[1:9])
		pos = 1
	}
	rex, rb := uint(0), uint(0)
	if b := uint(byte(w)); b>>4 == t.rexHigh {
		rex = b & 15
		rb = uint(rexRegs[rex])
		bits |= PrefixRex | uint16(rex&1)*withRexB
		at |= rex >> 3
		w >>= 8
		pos++
	}
	if byte(w) == 0x0F {
		w >>= 8
		pos++
		at |= 1 << 11
		if b := byte(w); b|2 == 0x3A {
			w >>= 8
			pos++
			at += uint(b-0x36) << 10 & (3 << 11)
		}
	}
	e := &t.entries[(at|uint(byte(w))<<3)&(numFast<<11-1)]
	m := byte(w >> 8)
	end := pos + uint(e.length)
	l := &leaves[(uint(e.first)+uint(classes[m]&e.mask))&(1<<14-1)]
	if bits&l.reject != 0 {
		if e.full {
			l = &leaves[(uint(e.first)+uint(fullClasses[m]))&(1<<14-1)]
			end += uint(l.immLen)
		}
		if bits&l.reject != 0 {
			return decode(p[:], t.mode, out)
		}
	}

	*out = l.inst
	out.ModRM = m & e.modrm
	out.Mode, out.AddrSize = t.mode, t.addrSize
	out.Rex = uint8(rex)
	out.Prefix = bits & l.keep
	r := regs[(rb+uint(byte(w>>(e.modrm&8))))&(8<<8-1)]
	out.Args[0].Reg = l.inst.Args[0].Reg + uint8(r>>(l.regs[0]&63))
	out.Args[1].Reg = l.inst.Args[1].Reg + uint8(r>>(l.regs[1]&63))
	if m < 0xC0 && e.modrm != 0 {
		end += t.memory(p, w, rex, pos, out)
	}
	if bits&PrefixSeg != 0 {
		if seg := t.legacy[p[0]].seg; seg != NoReg {
			out.Seg = seg
		}
	}
	out.Len = uint8(end)
	at = end - uint(l.immLen)
	d := int64(binary.LittleEndian.Uint64(p[at&15 : at&15+8]))
	out.Imm = d<<(l.immShift&63)>>(l.immShift&63)&l.immMask | l.inst.Imm
	return nil
}

// memory decodes the memory operand of a ModRM byte after the opcode in w, and gives the size of SIB and displacement. The opcode is p[pos].
func (t *fastTable) memory(p *[fastLen]byte, w uint64, rex, pos uint, out *Inst) uint {
	a := &t.addresses[rex&1<<8+uint(byte(w>>8))]
	size, at, shift, mask := uint(a.size), pos+uint(a.dispAt), a.dispShift, int64(a.dispMask)
	if !a.sib {
		out.Memory = a.Memory
	} else {
		sib := byte(w >> 16)
		out.Memory = sibs[rex&3<<8+uint(sib)]
		if sib&7 == 5 && byte(w>>8) < 0x40 {
			out.Base, out.Seg = NoReg, SegDS
			shift, mask = 32, -1
			size += 4
		}
	}
	d := int64(binary.LittleEndian.Uint64(p[at&15 : at&15+8]))
	out.Disp = d << (shift & 63) >> (shift & 63) & mask
	return size
}
