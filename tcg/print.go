package tcg

import (
	"fmt"
	"strconv"
	"strings"
)

// The text form has one op a line. Widths follow the name (add.32; two for an
// extension: zext.64.8), destination first. After the operands:
//
//	!ZC?SO   SetF; letters after ! are FOut, after ? FObs (before optimisation there are none)
//	lock, end, align, rd, wr, bN (operand of N bytes), #N (imm8 of a Vec op)
//
// Memory operands are written seg:[base + index*scale + disp]@addrwidth; no
// segment means flat, no @ means 64-bit addresses. A guest instruction begins with
//
//	--- 0xffffffff81000000 +3

var regNames = [16]string{"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
	"r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"}

var highNames = [4]string{"ah", "ch", "dh", "bh"}

var condNames = [16]string{"o", "no", "b", "ae", "e", "ne", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g"}

var segNames = [7]string{"es", "cs", "ss", "ds", "fs", "gs", ""}

const flagLetters = "CPAZSO"

// String gives the name of an operand: a register, AH..BH, tN, imm or -.
func (r Ref) String() string {
	switch {
	case r == None:
		return "-"
	case r.IsReg():
		return regNames[r.Index()]
	case r.IsHigh():
		return highNames[r.Index()]
	case r == RefImm:
		return "imm"
	case r.IsTemp():
		return "t" + strconv.Itoa(r.Index())
	}
	return "ref" + strconv.Itoa(int(r))
}

// String gives the condition's name as in Jcc, in lower case.
func (c Cond) String() string { return condNames[c&15] }

// String gives the letters of the set's members, highest EFLAGS bit first.
func (f Flags) String() string {
	var b []byte
	for i := len(flagLetters) - 1; i >= 0; i-- {
		if f>>i&1 != 0 {
			b = append(b, flagLetters[i])
		}
	}
	return string(b)
}

// String gives the width in bits.
func (w Width) String() string { return strconv.Itoa(w.Bits()) }

// String is the op's line in the text form.
func (o *Op) String() string {
	var p printer
	p.op(o)
	return p.String()
}

// String is the block in the text form.
func (b *Block) String() string {
	var p printer
	fmt.Fprintf(&p, "block %#x cs=%#x phys=%#x mode=%#x", b.Key.RIP, b.Key.CSBase, b.Key.Phys, uint16(b.Key.Mode))
	if b.Key.Float {
		p.WriteString(" float=1")
	}
	if b.Key.Top != 0 {
		fmt.Fprintf(&p, " top=%#x", b.Key.Top)
	}
	if b.KillsFlags {
		p.WriteString(" killsflags")
	}
	p.WriteByte('\n')
	for i := range b.Ops {
		if b.Ops[i].Code != Insn {
			p.WriteByte('\t')
		}
		p.op(&b.Ops[i])
		p.WriteByte('\n')
	}
	return p.String()
}

type printer struct {
	strings.Builder
	n int // operands so far
}

// operand begins the next operand.
func (p *printer) operand(s string) {
	if p.n++; p.n == 1 {
		p.WriteByte(' ')
	} else {
		p.WriteString(", ")
	}
	p.WriteString(s)
}

func hex(v int64) string {
	if v < 0 {
		return "-0x" + strconv.FormatUint(-uint64(v), 16)
	}
	return "0x" + strconv.FormatInt(v, 16)
}

func (p *printer) value(r Ref, imm int64) {
	if r == RefImm {
		p.operand(hex(imm))
	} else {
		p.operand(r.String())
	}
}

// relName stands for Env.Page in an address (Op.Rel).
const relName = "page"

func (p *printer) mem(o *Op) {
	s := ""
	if o.Seg < SegNone {
		s = segNames[o.Seg] + ":"
	}
	s += "["
	sep := ""
	if o.Rel {
		s += relName
		sep = " + "
	}
	if o.A != None {
		s += o.A.String()
		sep = " + "
	}
	if o.B != None {
		s += sep + o.B.String() + "*" + strconv.Itoa(1<<o.Scale)
		sep = " + "
	}
	switch {
	case sep == "":
		s += hex(o.Disp)
	case o.Disp < 0:
		s += " - " + hex(o.Disp)[1:]
	case o.Disp > 0:
		s += sep + hex(o.Disp)
	}
	s += "]"
	if o.AddrW != W64 {
		s += "@" + o.AddrW.String()
	}
	p.operand(s)
}

func (p *printer) op(o *Op) {
	p.n = 0
	if o.Code >= NumOpcodes {
		fmt.Fprintf(p, "op%d", o.Code)
		return
	}
	info := &infos[o.Code]
	p.WriteString(info.name)
	switch o.Code {
	case Insn:
		fmt.Fprintf(p, " %#x +%d", uint64(o.Imm), o.Disp)
		return
	case Vec:
		p.vec(o)
	case Fpu:
		fmt.Fprintf(p, ".%02x.%02x", o.Enc.Opcode, uint8(o.Imm))
		if o.HasMem() {
			p.mem(o)
		}
	case Sys:
		p.operand(strconv.FormatInt(o.Imm, 10))
	case PutF:
		p.operand(o.FMask.String())
		p.value(o.A, o.Imm)
	default:
		p.common(o, info)
	}
	p.tail(o)
}

func (p *printer) common(o *Op, info *opInfo) {
	if o.Code == Rmw {
		p.WriteString("." + o.Sub.String())
	}
	if info.shape&hasCond != 0 {
		p.WriteString("." + o.Cond.String())
	}
	if o.W != W64 {
		p.WriteString("." + o.W.String())
	}
	if info.shape&hasSrcW != 0 {
		if o.W == W64 {
			p.WriteString(".64")
		}
		p.WriteString("." + o.SrcW.String())
	}
	if info.shape&hasDst != 0 {
		p.operand(o.Dst.String())
	}
	if info.shape&hasMem != 0 {
		p.mem(o)
	} else {
		if info.shape&hasA != 0 {
			p.value(o.A, o.Imm)
		}
		if info.shape&hasB != 0 {
			p.value(o.B, o.Imm)
		}
	}
	if info.shape&hasC != 0 || info.shape&optC != 0 && o.C != None {
		p.value(o.C, o.Imm)
	}
	if info.shape&optDst != 0 && o.Dst != None {
		p.WriteString(" -> " + o.Dst.String())
	}
	if info.shape&hasTarget != 0 {
		p.operand(fmt.Sprintf("%#x", uint64(o.Imm)))
		switch o.Code {
		case Jcc, Jz, Jnz:
			p.operand(fmt.Sprintf("%#x", uint64(o.Disp)))
		}
	}
}

var vexNames = [4]string{Vex128: ".v128", Vex256: ".v256"}

// vec prints vec.pp.map.opcode[.w][.v128|.v256] reg, [vvvv,] rm.
func (p *printer) vec(o *Op) {
	fmt.Fprintf(p, ".%02x.%d.%02x", o.Enc.PP, o.Enc.Map, o.Enc.Opcode)
	if o.Enc.RexW {
		p.WriteString(".w")
	}
	if o.Enc.Vex != VexNone {
		p.WriteString(vexNames[o.Enc.Vex&3])
	}
	type arg struct {
		k VKind
		n uint8
	}
	args := []arg{{o.KReg, o.VReg}, {o.KSrc, o.VSrc}, {o.KRM, o.VRM}}
	if o.KSrc == VNone {
		args = []arg{args[0], args[2]}
	}
	for _, v := range args {
		switch v.k {
		case VXMM:
			p.operand("xmm" + strconv.Itoa(int(v.n)))
		case VMMX:
			p.operand("mm" + strconv.Itoa(int(v.n)))
		case VGPR:
			p.operand(regNames[v.n&15])
		case VImpl:
			p.operand("/" + strconv.Itoa(int(v.n)))
		case VMem:
			p.mem(o)
		default:
			p.operand("-")
		}
	}
	if o.HasImm {
		fmt.Fprintf(p, " #%#x", uint8(o.Imm))
	}
}

func (p *printer) tail(o *Op) {
	if o.MemBytes != 0 {
		fmt.Fprintf(p, " b%d", o.MemBytes)
	}
	for _, w := range [...]struct {
		on   bool
		word string
	}{{o.MemRd, " rd"}, {o.MemWr, " wr"}, {o.Align, " align"}, {o.Lock, " lock"}, {o.End, " end"}} {
		if w.on {
			p.WriteString(w.word)
		}
	}
	switch o.Link {
	case LinkCall:
		fmt.Fprintf(p, " call %#x", uint64(o.Disp))
	case LinkRet:
		fmt.Fprintf(p, " ret %#x", uint64(o.Disp))
	}
	if o.SetF {
		p.WriteString(" !" + o.FOut.String())
		if o.FObs != 0 {
			p.WriteString("?" + o.FObs.String())
		}
	}
}
