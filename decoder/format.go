package decoder

import (
	"strconv"
	"strings"
)

var (
	condNames = [16]string{"o", "no", "b", "ae", "e", "ne", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g"}
	segNames  = [8]string{"es", "cs", "ss", "ds", "fs", "gs", "?", "?"}
	reg8      = [20]string{"al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil", "r8b", "r9b", "r10b", "r11b", "r12b", "r13b", "r14b", "r15b", "ah", "ch", "dh", "bh"}
	reg16     = [8]string{"ax", "cx", "dx", "bx", "sp", "bp", "si", "di"}
	roundings = [6]string{"", "{rn-sae}", "{rd-sae}", "{ru-sae}", "{rz-sae}", "{sae}"}

	// bySize gives the mnemonics of one Op by operand size 1, 2, 4, 8.
	bySize = map[Op][4]string{
		CBW: {"", "cbw", "cwde", "cdqe"}, CWD: {"", "cwd", "cdq", "cqo"}, PUSHA: {"", "pusha", "pushad", ""}, POPA: {"", "popa", "popad", ""},
		PUSHF: {"", "pushf", "pushfd", "pushfq"}, POPF: {"", "popf", "popfd", "popfq"}, IRET: {"", "iret", "iretd", "iretq"},
		MOVS: {"movsb", "movsw", "movsd", "movsq"}, CMPS: {"cmpsb", "cmpsw", "cmpsd", "cmpsq"}, STOS: {"stosb", "stosw", "stosd", "stosq"},
		LODS: {"lodsb", "lodsw", "lodsd", "lodsq"}, SCAS: {"scasb", "scasw", "scasd", "scasq"}, INS: {"insb", "insw", "insd", ""}, OUTS: {"outsb", "outsw", "outsd", ""},
	}
	ptrNames = map[uint8]string{1: "byte", 2: "word", 4: "dword", 6: "fword", 8: "qword", 10: "tbyte", 16: "xmmword", 32: "ymmword", 64: "zmmword"}
)

// Format decodes code, which lies at rip, and gives it in Intel's syntax; "(bad)" if it is no instruction.
func Format(code []byte, mode Mode, rip uint64) string {
	var in Inst
	if Decode(code, mode, &in) != nil {
		return "(bad)"
	}
	return in.Text(rip)
}

// String gives the instruction in Intel's syntax, with branch targets relative to it as $+n.
func (i *Inst) String() string { return i.text(0, true) }

// Text gives the instruction in Intel's syntax as if it lay at rip.
func (i *Inst) Text(rip uint64) string { return i.text(rip, false) }

func (i *Inst) text(rip uint64, relative bool) string {
	if i.Op == Invalid {
		return "(bad)"
	}
	var b strings.Builder
	if i.Prefix&PrefixLock != 0 {
		b.WriteString("lock ")
	}
	switch i.Op {
	case MOVS, STOS, LODS, INS, OUTS:
		if i.Prefix&(PrefixRep|PrefixRepne) != 0 {
			b.WriteString("rep ")
		}
	case CMPS, SCAS:
		if i.Prefix&PrefixRep != 0 {
			b.WriteString("repe ")
		} else if i.Prefix&PrefixRepne != 0 {
			b.WriteString("repne ")
		}
	}
	b.WriteString(i.mnemonic())
	for k := range i.Args[:i.NArgs] {
		if k == 0 {
			b.WriteByte(' ')
		} else {
			b.WriteString(", ")
		}
		a := &i.Args[k]
		i.arg(&b, a, rip, relative)
		if k == 0 && i.Mask != 0 {
			b.WriteString("{k" + strconv.Itoa(int(i.Mask)) + "}")
			if i.Zero != 0 {
				b.WriteString("{z}")
			}
		}
		if last := k == int(i.NArgs)-1; i.RC != 0 && a.Kind != KImm && (last || i.Args[k+1].Kind == KImm) {
			b.WriteString(", " + roundings[i.RC])
		}
	}
	return b.String()
}

// mnemonic gives the name with condition and size.
func (i *Inst) mnemonic() string {
	switch i.Op {
	case JCC, SETCC, CMOVCC:
		return strings.ToLower(strings.TrimSuffix(i.Op.String(), "CC")) + condNames[i.Cond]
	case FCMOVCC:
		return [16]string{2: "fcmovb", 3: "fcmovnb", 4: "fcmove", 5: "fcmovne", 6: "fcmovbe", 7: "fcmovnbe", 10: "fcmovu", 11: "fcmovnu"}[i.Cond]
	case JCXZ:
		return [9]string{2: "jcxz", 4: "jecxz", 8: "jrcxz"}[i.AddrSize]
	}
	if names, ok := bySize[i.Op]; ok {
		switch i.OpSize {
		case 1:
			return names[0]
		case 2:
			return names[1]
		case 4:
			return names[2]
		}
		return names[3]
	}
	return strings.ToLower(i.Op.String())
}

// regName names general register n of size bytes.
func regName(n, size uint8) string {
	switch {
	case n == RIPReg && size == 4:
		return "eip"
	case n == RIPReg:
		return "rip"
	case size == 1:
		return reg8[n]
	case n < 8:
		return [9]string{2: "", 4: "e", 8: "r"}[size] + reg16[n]
	}
	return "r" + strconv.Itoa(int(n)) + [9]string{2: "w", 4: "d", 8: ""}[size]
}

func hexNum(v int64) string {
	if v < 0 {
		return "-0x" + strconv.FormatUint(uint64(-v), 16)
	}
	return "0x" + strconv.FormatInt(v, 16)
}

func (i *Inst) arg(b *strings.Builder, a *Arg, rip uint64, relative bool) {
	n := strconv.Itoa(int(a.Reg))
	switch a.Kind {
	case KReg:
		b.WriteString(regName(a.Reg, a.Size))
	case KMem:
		i.mem(b, a)
	case KImm:
		b.WriteString(hexNum(i.Imm))
	case KImm2:
		b.WriteString(hexNum(int64(i.Imm2)))
	case KRel:
		at := int64(i.Len) + i.Imm
		if relative {
			if at >= 0 {
				b.WriteString("$+" + hexNum(at))
			} else {
				b.WriteString("$" + hexNum(at))
			}
			return
		}
		target := rip + uint64(at)
		switch i.OpSize {
		case 2:
			target &= 0xFFFF
		case 4:
			target &= 0xFFFF_FFFF
		}
		b.WriteString("0x" + strconv.FormatUint(target, 16))
	case KFar:
		b.WriteString(hexNum(int64(i.Imm2)) + ":" + hexNum(i.Imm))
	case KMoffs:
		b.WriteString(ptrNames[a.Size] + " ptr " + segNames[i.Seg] + ":[0x" + strconv.FormatUint(uint64(i.Disp), 16) + "]")
	case KSeg:
		b.WriteString(segNames[a.Reg&7])
	case KCR:
		b.WriteString("cr" + n)
	case KDR:
		b.WriteString("dr" + n)
	case KST:
		b.WriteString("st(" + n + ")")
	case KMMX:
		b.WriteString("mm" + n)
	case KXMM:
		b.WriteString("xmm" + n)
	case KYMM:
		b.WriteString("ymm" + n)
	case KZMM:
		b.WriteString("zmm" + n)
	case KMask:
		b.WriteString("k" + n)
	case KBnd:
		b.WriteString("bnd" + n)
	}
}

// mem writes a memory operand.
func (i *Inst) mem(b *strings.Builder, a *Arg) {
	if p, ok := ptrNames[a.Size]; ok {
		b.WriteString(p + " ptr ")
	}
	if i.Prefix&PrefixSeg != 0 && (i.Mode != Mode64 || i.Seg >= SegFS) || i.Base == NoReg && i.Index == NoReg && i.Mode != Mode64 {
		b.WriteString(segNames[i.Seg] + ":")
	}
	b.WriteByte('[')
	sep := ""
	if i.Base != NoReg {
		b.WriteString(regName(i.Base, i.AddrSize))
		sep = "+"
	}
	if i.Index != NoReg {
		b.WriteString(sep)
		sep = "+"
		if i.VSIB != KNone {
			b.WriteString([...]string{KXMM: "xmm", KYMM: "ymm", KZMM: "zmm"}[i.VSIB] + strconv.Itoa(int(i.Index)))
		} else {
			b.WriteString(regName(i.Index, i.AddrSize))
		}
		if i.AddrSize != 2 {
			b.WriteString("*" + strconv.Itoa(int(i.Scale)))
		}
	}
	switch {
	case sep == "":
		mask := uint64(1)<<(8*i.AddrSize&63) - 1
		if i.AddrSize == 8 {
			mask = ^uint64(0)
		}
		b.WriteString("0x" + strconv.FormatUint(uint64(i.Disp)&mask, 16))
	case i.Disp > 0:
		b.WriteString("+" + hexNum(i.Disp))
	case i.Disp < 0:
		b.WriteString(hexNum(i.Disp))
	}
	b.WriteByte(']')
	if i.Bcast != 0 {
		// As many elements as the operand has without broadcast.
		all := uint8(16) << i.VecLen
		for _, o := range forms[i.Row].args {
			if o.cl == clW {
				all = sizes[o.sz][i.VecLen]
			}
		}
		b.WriteString("{1to" + strconv.Itoa(int(all/a.Size)) + "}")
	}
}
