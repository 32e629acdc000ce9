package decoder

import "encoding/binary"

// The fast path decodes what most code is made of: maps 0 and 0F, at most one legacy prefix and a REX prefix,
// default address size, and no operand that has rules of its own. The tables below come from the same forms that the
// general path uses. Operands are filled without branches, as those on their kinds are mispredicted often; what
// decides the length of the instruction is branched on, so that the host need not wait for it before it begins the next.

// fastLen is how many bytes the fast path wants to have; it loads words behind the
// instruction, but uses 15 bytes at most.
const fastLen = 24

// leaf is what an instruction is, but for registers, address and immediate, once its row, its operand size
// and whether ModRM names a register are known.
type leaf struct {
	inst     Inst
	immMask  int64  // 0: no immediate; its width if it is unsigned; else -1
	keep     uint16 // bits that stay in Inst.Prefix
	reject   uint16 // prefix bits that only the general path decodes
	immLen   uint8
	immShift uint8
	cond     uint8 // mask of the condition in the opcode
	bytes    bool  // AH, CH, DH, BH are possible
	regs     [2]source
}

// source says where the register number of Args 0 and 1 is.
type source struct {
	shift uint8 // 8: ModRM.reg; 0: ModRM.rm, or the low bits of an opcode without ModRM
	mask  uint8 // 15 with REX, 7 without, 0: no register is encoded
}

// always is a prefix bit that is never in Inst.Prefix, so that a leaf can reject every instruction.
const always = 1 << 15

// withRexB is the same for those that reject REX.B.
const withRexB = 1 << 14

// entry is an opcode with prefix and REX.W: its leaf is leafOf[first + class&mask], where class is
// ModRM.reg<<1 | (ModRM.mod == 3).
type entry struct {
	first   uint16
	mask    uint8
	noModRM uint8 // 0xff: no ModRM byte; else 0
	immLen  uint8 // or immVaries
}

// immVaries is the immLen of an entry whose leaves have different ones.
const immVaries = 0xff

// address is what a ModRM byte says about the memory operand.
type address struct {
	dispMask         int64 // -1 with displacement
	base, index, seg uint8
	size             uint8 // of SIB and displacement, in bytes
	dispAt           uint8 // of the displacement, counted from after ModRM
	dispShift        uint8
	sib              bool
}

// fastTable is the fast path's tables for a mode.
type fastTable struct {
	rexHigh   uint8 // high half of a REX prefix; 0xff where there is none
	addrSize  uint8
	mode      Mode
	legacy    *[256]legacyPrefix
	entries   *[2 << 11]entry  // by map, opcode, prefix, REX.W
	addresses *[2 << 8]address // by REX.B, ModRM
}

// legacyPrefix is what a prefix byte does.
type legacyPrefix struct {
	kind uint8 // legacyNone, legacyYes, legacySlow
	col  uint8 // prefix column
	seg  uint8
	bits uint16
}

const (
	legacyNone = iota
	legacyYes
	legacySlow
)

var (
	fastTables [3]fastTable
	leaves     [1 << 12]leaf
	leafOf     [1 << 14]uint16
)

// classes is the class of an entry by ModRM, rexRegs the highest bits of ModRM.reg and ModRM.rm by REX.
var (
	classes = func() (t [256]uint8) {
		for m := range t {
			t[m] = uint8(m >> 2 & 14)
			if m >= 0xC0 {
				t[m] |= 1
			}
		}
		return t
	}()
	rexRegs = func() (t [16]uint16) {
		for rex := range t {
			t[rex] = uint16(rex)<<3&8 | uint16(rex)<<9&0x800
		}
		return t
	}()
)

// segments and indices are the default segment of a base register and the index register by SIB.index with REX.
var (
	segments = [16]uint8{SegDS, SegDS, SegDS, SegDS, SegSS, SegSS, SegDS, SegDS, SegDS, SegDS, SegDS, SegDS, SegDS, SegDS, SegDS, SegDS}
	indices  = [16]uint8{0, 1, 2, 3, NoReg, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
)

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
	pos := uint(1) // of the byte after the opcode
	bits, seg, at := uint16(always), uint8(NoReg), uint(0)
	if l := &t.legacy[byte(w)]; l.kind != legacyNone {
		if l.kind == legacySlow {
			return decode(code, mode, out)
		}
		bits, seg, at = l.bits, l.seg, uint(l.col)<<1
		w = binary.LittleEndian.Uint64(p[1:9])
		pos = 2
	}
	var rex uint8
	op := byte(w)
	if op>>4 == t.rexHigh {
		rex = op & 15
		bits |= PrefixRex | uint16(rex&1)*withRexB
		at |= uint(rex >> 3)
		w >>= 8
		pos++
		op = byte(w)
	}
	if op == 0x0F {
		w >>= 8
		op = byte(w)
		pos++
		at |= 1 << 11
	}
	e := &t.entries[(at|uint(op)<<3)&(1<<12-1)]
	m := byte(w>>8) | e.noModRM
	l := &leaves[leafOf[(e.first+uint16(classes[m]&e.mask))&(1<<14-1)]&(1<<12-1)]
	if bits&l.reject != 0 {
		return decode(code, mode, out)
	}

	*out = l.inst
	if e.noModRM == 0 {
		pos++
		out.ModRM = m
		if m < 0xC0 {
			a := &t.addresses[uint(rex&1)<<8|uint(m)]
			base, index, defSeg, shift, mask, at := a.base, a.index, a.seg, a.dispShift, a.dispMask, pos+uint(a.dispAt)
			pos += uint(a.size)
			if a.sib {
				sib := byte(w >> 16)
				base = sib & 7
				index = indices[sib>>3&7|rex<<2&8]
				out.Scale = 1 << (sib >> 6)
				if base == 5 && m < 0x40 {
					base, shift, mask = NoReg, 32, -1
					pos += 4
				} else {
					base |= rex << 3 & 8
					defSeg = segments[base&15]
				}
			}
			out.Base, out.Index, out.Seg = base, index, defSeg
			d := int64(binary.LittleEndian.Uint64(p[at&15 : at&15+8]))
			out.Disp = d << (shift & 63) >> (shift & 63) & mask
		}
	}
	immLen := e.immLen
	if immLen == immVaries {
		immLen = l.immLen
	}
	if immLen != 0 {
		d := int64(binary.LittleEndian.Uint64(p[pos&15 : pos&15+8]))
		out.Imm = d << (l.immShift & 63) >> (l.immShift & 63) & l.immMask
		pos += uint(immLen)
	}
	out.Len = uint8(pos)
	out.Mode, out.AddrSize = t.mode, t.addrSize
	out.Prefix = bits & l.keep
	out.Rex = rex
	out.Opcode = op
	out.Cond = op & l.cond
	if seg != NoReg {
		out.Seg = seg
	}

	// The registers: ModRM.rm or those of the opcode in the low byte, ModRM.reg in the high one.
	r := uint(byte(w >> (^e.noModRM & 8)))
	r = r&7 | r&0x38<<5 | uint(rexRegs[rex&15])
	out.Args[0].Reg = l.inst.Args[0].Reg | uint8(r>>(l.regs[0].shift&63))&l.regs[0].mask
	out.Args[1].Reg = l.inst.Args[1].Reg | uint8(r>>(l.regs[1].shift&63))&l.regs[1].mask
	if l.bytes && bits&PrefixRex == 0 {
		highByte(&out.Args[0], l.regs[0])
		highByte(&out.Args[1], l.regs[1])
	}
	return nil
}

// highByte makes AH, CH, DH, BH from 4..7 in a byte register.
func highByte(a *Arg, s source) {
	if s.mask == 15 && a.Kind == KReg && a.Size == 1 && a.Reg >= 4 {
		a.Reg += 12
	}
}
