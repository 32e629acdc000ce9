package decoder

import (
	"strconv"
	"strings"
	"testing"

	"golang.org/x/arch/x86/x86asm"
)

// TestX86asm compares length, mnemonic and operands with golang.org/x/arch in all modes.
func TestX86asm(t *testing.T) {
	r := newRand(t)
	seen := map[string]bool{}
	compared := 0
	for range 300000 {
		mode := Mode(r.IntN(3))
		code := randomCode(r, mode)
		if r.IntN(4) == 0 {
			code = randomEVEX(r, mode)
		}
		var in Inst
		err := Decode(code, mode, &in)
		x, xerr := x86asm.Decode(code, 16<<mode)
		if xerr != nil || err != nil {
			// What only one of them knows is for TestHost to judge; x86asm lacks many and takes undefined ones.
			continue
		}
		if x86asmDiffers(&in, &x) {
			continue
		}
		compared++
		var ours, theirs string
		switch {
		case int(in.Len) != x.Len:
			ours = "length"
		default:
			ours, theirs = operandsText(&in), x86asmText(&in, &x)
		}
		if ours == theirs || seen[in.Op.String()] {
			continue
		}
		seen[in.Op.String()] = true
		t.Errorf("% x in %d-bit mode:\n  ours   %d %s\n  x86asm %d %s", code, 16<<mode, in.Len, ours, x.Len, theirs)
	}
	t.Logf("%d instructions compared", compared)
}

// operandsText gives mnemonic and operands for the comparison.
func operandsText(in *Inst) string {
	var b strings.Builder
	b.WriteString(in.mnemonic())
	for i := range in.Args[:in.NArgs] {
		b.WriteByte(' ')
		switch a := &in.Args[i]; a.Kind {
		case KMem:
			c := *in
			c.Prefix &^= PrefixSeg
			c.Bcast = 0
			c.mem(&b, &Arg{Kind: KMem})
		case KImm:
			v := in.Imm
			b.WriteString(hexNum(v))
		case KRel:
			b.WriteString(hexNum(in.Imm))
		case KMoffs:
			b.WriteString("[0x" + strconv.FormatUint(uint64(in.Disp), 16) + "]")
		case KFar:
			b.WriteString(hexNum(int64(in.Imm2)) + " " + hexNum(in.Imm))
		default:
			in.arg(&b, a, 0, true)
		}
	}
	return b.String()
}

// x86asmText gives the same of an x86asm.Inst.
func x86asmText(in *Inst, x *x86asm.Inst) string {
	var b strings.Builder
	name := strings.ToLower(x.Op.String())
	if n, ok := x86asmNames[name]; ok {
		name = n
	}
	b.WriteString(name)
	for k, a := range x.Args {
		if a == nil {
			break
		}
		if r, ok := a.(x86asm.Reg); ok && k == 1 && in.Mask != 0 && r == x86asm.K0+x86asm.Reg(in.Mask) {
			continue // the mask
		}
		b.WriteByte(' ')
		switch a := a.(type) {
		case x86asm.Reg:
			b.WriteString(x86asmReg(a))
		case x86asm.Mem:
			if k := min(len(in.Args)-1, k); in.Args[k].Kind == KMoffs {
				b.WriteString("[0x" + strconv.FormatUint(uint64(a.Disp), 16) + "]")
				continue
			}
			c := Inst{Mode: in.Mode, AddrSize: in.AddrSize, Memory: Memory{Seg: in.Seg, Base: NoReg, Index: NoReg, Scale: a.Scale, VSIB: in.VSIB}, Disp: sameDisp(in, a.Disp)}
			if a.Base != 0 {
				c.Base = x86asmNumber(a.Base)
			}
			if a.Index != 0 {
				c.Index = x86asmNumber(a.Index)
			}
			if c.Index == NoReg || c.Scale == 0 {
				c.Scale = 1
			}
			c.mem(&b, &Arg{Kind: KMem})
		case x86asm.Imm:
			b.WriteString(hexNum(int64(a)))
		case x86asm.Rel:
			b.WriteString(hexNum(int64(a)))
		}
	}
	return b.String()
}

// sameDisp sign-extends a displacement that x86asm leaves unsigned.
func sameDisp(in *Inst, d int64) int64 {
	if in.AddrSize == 2 {
		return int64(int16(d))
	}
	return int64(int32(d))
}

// x86asmNumber gives the number of an address register.
func x86asmNumber(r x86asm.Reg) uint8 {
	switch {
	case r >= x86asm.RAX && r <= x86asm.R15:
		return uint8(r - x86asm.RAX)
	case r >= x86asm.EAX && r <= x86asm.R15L:
		return uint8(r - x86asm.EAX)
	case r >= x86asm.AX && r <= x86asm.R15W:
		return uint8(r - x86asm.AX)
	case r >= x86asm.X0 && r <= x86asm.X31:
		return uint8(r - x86asm.X0)
	case r >= x86asm.Y0 && r <= x86asm.Y31:
		return uint8(r - x86asm.Y0)
	case r >= x86asm.Z0 && r <= x86asm.Z31:
		return uint8(r - x86asm.Z0)
	case r >= x86asm.IP && r <= x86asm.RIP:
		return RIPReg
	}
	return NoReg
}

// x86asmReg gives our name of a register.
func x86asmReg(r x86asm.Reg) string {
	var b strings.Builder
	a := Arg{}
	switch {
	case r >= x86asm.AL && r <= x86asm.BL:
		a = Arg{KReg, uint8(r - x86asm.AL), 1}
	case r >= x86asm.AH && r <= x86asm.BH:
		a = Arg{KReg, uint8(r-x86asm.AH) + 16, 1}
	case r >= x86asm.SPB && r <= x86asm.R15B:
		a = Arg{KReg, uint8(r-x86asm.SPB) + 4, 1}
	case r >= x86asm.AX && r <= x86asm.R15W:
		a = Arg{KReg, uint8(r - x86asm.AX), 2}
	case r >= x86asm.EAX && r <= x86asm.R15L:
		a = Arg{KReg, uint8(r - x86asm.EAX), 4}
	case r >= x86asm.RAX && r <= x86asm.R15:
		a = Arg{KReg, uint8(r - x86asm.RAX), 8}
	case r >= x86asm.F0 && r <= x86asm.F7:
		a = Arg{KST, uint8(r - x86asm.F0), 0}
	case r >= x86asm.M0 && r <= x86asm.M7:
		a = Arg{KMMX, uint8(r - x86asm.M0), 0}
	case r >= x86asm.X0 && r <= x86asm.X31:
		a = Arg{KXMM, uint8(r - x86asm.X0), 0}
	case r >= x86asm.Y0 && r <= x86asm.Y31:
		a = Arg{KYMM, uint8(r - x86asm.Y0), 0}
	case r >= x86asm.Z0 && r <= x86asm.Z31:
		a = Arg{KZMM, uint8(r - x86asm.Z0), 0}
	case r >= x86asm.K0 && r <= x86asm.K7:
		a = Arg{KMask, uint8(r - x86asm.K0), 0}
	default:
		return strings.ToLower(r.String())
	}
	(&Inst{}).arg(&b, &a, 0, true)
	return b.String()
}

// x86asmNames translates x86asm's mnemonics that are not ours.
var x86asmNames = map[string]string{
	"vpextrw_c5": "vpextrw",
	"lcall":      "callf", "ljmp": "jmpf", "lret": "retf", "int": "int", "icebp": "int1", "movsd_xmm": "movsd", "cmpsd_xmm": "cmpsd", "xlatb": "xlat",
	"ud2a": "ud2", "xsave64": "xsave", "xsaves64": "xsaves", "xsavec64": "xsavec", "xsaveopt64": "xsaveopt", "xrstor64": "xrstor", "xrstors64": "xrstors",
	"fxsave64": "fxsave", "vpcmpestrm64": "vpcmpestrm", "vpcmpestri64": "vpcmpestri", "vpcmpistri64": "vpcmpistri", "vpcmpistrm64": "vpcmpistrm", "pcmpistri64": "pcmpistri", "pcmpestrm64": "pcmpestrm", "pcmpestri64": "pcmpestri", "fxrstor64": "fxrstor", "movntsd_xmm": "movntsd", "prefetchwt1": "prefetch", "sysretq": "sysret", "sysretd": "sysret", "sysexit64": "sysexit",
}

// x86asmDiffers lists known differences: x86asm's mistakes, and notations that mean the same.
func x86asmDiffers(in *Inst, x *x86asm.Inst) bool {
	switch {
	case x.Op == 0:
		return true // takes the first prefix of what it does not know for an instruction
	case in.Prefix&(PrefixVex|PrefixEvex) != 0 && in.Mode != Mode64:
		return true // uses the extension bits of registers outside 64-bit mode
	case in.Prefix&PrefixEvex != 0 && (in.Base == RIPReg || in.Bcast != 0 || in.VSIB != KNone):
		return true // no RIP, own notation of rounding
	case in.Prefix&PrefixVex != 0 && in.Base == RIPReg:
		return true
	case in.Mode == Mode64 && in.Prefix&PrefixOpSize != 0 && (in.Op == CALL || in.Op == JMP || in.Op == JCC || in.Op == RET):
		return true // obeys 66 at near branches, as AMD does
	}
	switch in.Op {
	case MOVS, STOS, LODS, SCAS, CMPS, INS, OUTS, XLAT, MONITOR, MWAIT:
		return true // implicit operands shown
	case INT1, INT3:
		return true // INT 3
	case LAR, LSL, SLDT, STR, SMSW, LLDT, LTR, VERR, VERW, LMSW:
		return true // size of the register
	case MOV:
		// Takes MOV CR, DR for a memory form if mod is not 3; other size of MOV Sreg's source.
		return in.Map == 1 && in.Opcode&^3 == 0x20 || in.Args[0].Kind == KSeg
	case XCHG:
		return in.Opcode == 0x90 // F3 41 90
	case VZEROALL, VZEROUPPER:
		return true // reads a ModRM byte
	case WBNOINVD, CLFLUSHOPT, CLWB, VMPTRLD, VMPTRST, VMCLEAR, VMXON, RDPID, RDRAND, RDSEED:
		return true // knows the older instruction of the same opcode only
	case MOVSXD:
		return in.OpSize == 2 // 16-bit source
	case VCVTDQ2PD, VCVTUDQ2PD, VCVTPS2PD, VCVTPH2PS, VCVTPS2PH, VCVTPD2UDQ, VCVTTPD2UDQ, VCVTPD2DQ, VCVTTPD2DQ, VCVTPD2PS, VCVTQQ2PS, VCVTUQQ2PS, VCVTPS2QQ, VCVTTPS2QQ, VCVTPS2UQQ, VCVTTPS2UQQ:
		return true // wrong register kind of the half-length operand
	case FCOM, FCOMP, FUCOM, FUCOMP, FXCH, FADD, FADDP, FSUB, FSUBR, FMUL, FDIV, FDIVR, FCOMI, FUCOMI, FCOMIP, FUCOMIP, FFREEP:
		return x.Len == int(in.Len) && in.ModRM >= 0xC0 // aliases; ST left out
	}
	return false
}
