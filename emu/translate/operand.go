package translate

import (
	"math/bits"

	"goemu/decoder"
	"goemu/tcg"
)

// Guest registers by name.
var (
	rax = tcg.Reg(0)
	rcx = tcg.Reg(1)
	rdx = tcg.Reg(2)
	rbx = tcg.Reg(3)
	rsp = tcg.Reg(4)
	rsi = tcg.Reg(6)
	rdi = tcg.Reg(7)
	rbp = tcg.Reg(5)
)

// width is the Width of an operand of n bytes.
func width(n uint8) tcg.Width { return tcg.Width(bits.TrailingZeros8(n)) }

func (t *Translator) code64() bool { return t.mode&tcg.ModeCode == tcg.ModeCode64 }

// stackW is the width of the stack pointer.
func (t *Translator) stackW() tcg.Width {
	switch {
	case t.code64():
		return tcg.W64
	case t.mode&tcg.ModeStack32 != 0:
		return tcg.W32
	default:
		return tcg.W16
	}
}

// seg is the segment that an access must name: none where it is known to be flat. In
// 64-bit code only FS and GS have a base. CS is always named in other modes, as it cannot be written.
func (t *Translator) seg(s uint8) tcg.Seg {
	switch {
	case s == decoder.SegFS || s == decoder.SegGS:
		return tcg.Seg(s)
	case t.code64(), t.mode&tcg.ModeFlat != 0 && s != decoder.SegCS:
		return tcg.SegNone
	default:
		return tcg.Seg(s)
	}
}

// mem is the memory operand of i. RIP-relative ones become constants, or in a block that floats relative to its page.
func (t *Translator) mem(i *decoder.Inst) tcg.Mem {
	m := tcg.Mem{Disp: i.Disp, Seg: t.seg(i.Seg), AddrW: width(i.AddrSize)}
	switch i.Base {
	case decoder.NoReg:
	case decoder.RIPReg:
		m.Disp += int64(t.next)
		m.Rel = t.key.Float
		if m.AddrW == tcg.W32 && !m.Rel {
			m.Disp = int64(uint32(m.Disp))
		}
	default:
		m.Base = tcg.Reg(int(i.Base))
	}
	if i.Index != decoder.NoReg {
		m.Index = tcg.Reg(int(i.Index))
		m.Scale = uint8(bits.TrailingZeros8(i.Scale))
	}
	return m
}

// moffs is the absolute operand of MOV A0..A3.
func (t *Translator) moffs(i *decoder.Inst) tcg.Mem {
	return tcg.Mem{Disp: i.Disp, Seg: t.seg(i.Seg), AddrW: width(i.AddrSize)}
}

// stack is the memory operand at disp from the stack pointer.
func (t *Translator) stack(disp int64) tcg.Mem {
	return tcg.Mem{Base: rsp, Disp: disp, Seg: t.seg(decoder.SegSS), AddrW: t.stackW()}
}

func isMem(a decoder.Arg) bool { return a.Kind == decoder.KMem || a.Kind == decoder.KMoffs }

// reg is the Ref of a general register operand.
func reg(a decoder.Arg) tcg.Ref {
	if a.Size == 1 && a.Reg >= 16 {
		return tcg.High(int(a.Reg - 16))
	}
	return tcg.Reg(int(a.Reg))
}

// value is the Ref of a register or immediate operand.
func (t *Translator) value(i *decoder.Inst, a decoder.Arg) tcg.Ref {
	switch a.Kind {
	case decoder.KImm:
		return t.b.Imm(i.Imm)
	case decoder.KImm2:
		return t.b.Imm(int64(i.Imm2))
	default:
		return reg(a)
	}
}

// load is value, with a memory operand loaded first. An immediate
// must be asked for after it.
func (t *Translator) load(i *decoder.Inst, a decoder.Arg) tcg.Ref {
	if !isMem(a) {
		return t.value(i, a)
	}
	x := t.b.Temp()
	t.b.Ld(width(a.Size), x, t.mem(i))
	return x
}

func lock(i *decoder.Inst) bool { return i.Prefix&decoder.PrefixLock != 0 }

// lockable tells whether i may have a LOCK prefix: one of these, with memory as its destination (SDM vol. 2, LOCK).
func lockable(i *decoder.Inst) bool {
	switch i.Op {
	case decoder.XCHG:
		return isMem(i.Args[0]) || isMem(i.Args[1])
	case decoder.ADD, decoder.ADC, decoder.AND, decoder.BTC, decoder.BTR, decoder.BTS, decoder.CMPXCHG, decoder.CMPXCHG8B,
		decoder.CMPXCHG16B, decoder.DEC, decoder.INC, decoder.NEG, decoder.NOT, decoder.OR, decoder.SBB, decoder.SUB,
		decoder.XADD, decoder.XOR:
		return isMem(i.Args[0])
	}
	return false
}
